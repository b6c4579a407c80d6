"""A PostgreSQL server in memory, and the part of psycopg that speaks to it: for tests of the drivers.

It knows the statements of L{buildbot.store.pgdriver} by their words; others have no rows. A test says what
goes wrong: see L{FakeServer}.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

from buildbot.store.schema import CURRENT


class Error(Exception):
    """See psycopg."""

    sqlstate: str | None = None


class OperationalError(Error):
    """See psycopg."""


class InterfaceError(Error):
    """See psycopg."""


class RawCursor:
    """See psycopg."""


def failure(words: str, sqlstate: str | None = None) -> Error:
    """An error of a statement."""
    error = Error(words) if sqlstate else OperationalError(words)
    error.sqlstate = sqlstate
    return error


class FakeServer:
    """I am the server, with the tables C{store} and C{commits} of one store.

    @ivar up: why no connection is made; "" if one is.
    @ivar before: called with each statement; may raise what the statement fails with.
    @ivar after: the same, after it was done.
    @ivar opened: the epoch of the store.
    @ivar commits: (epoch, n) -> kept.
    @ivar isTaken: True if somebody else holds the lock; C{holder}: who.
    @ivar settings: those that a master asks for.
    @ivar tables: the names of the tables; C{version}: that of the store.
    """

    def __init__(self) -> None:
        self.up = ""
        self.before: Callable[[str], object] = lambda statement: None
        self.after: Callable[[str], object] = lambda statement: None
        self.opened = 0
        self.commits: dict[tuple[int, int], bool] = {}
        self.isTaken = False
        self.holder: tuple[str, str, str] | None = ("buildbot other:1", "::1", "today")
        self.settings = ["on", "on", "on", ""]
        self.standbys = 0
        self.tables = ["builds", "commits", "store"]
        self.version = CURRENT.version
        self.release, self.encoding = 150004, "UTF8"
        self.schema: str | None = "public"
        self.said: list[str] = []
        self.sessions: list[FakeSession] = []

    def connect(self, **options: Any) -> FakeSession:
        """See psycopg."""
        if self.up:
            raise OperationalError(self.up)
        session = FakeSession(self, options)
        self.sessions.append(session)
        return session

    def answer(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        found = re.search(r"INSERT INTO commits VALUES \((\d+), (\d+), true\)", statement)
        if found:
            self.commits[int(found[1]), int(found[2])] = True
        elif "ON CONFLICT (epoch, n)" in statement:
            n, epoch = values
            return [(self.commits.setdefault((epoch, n), False),)] if epoch == self.opened else []
        elif "FROM commits WHERE epoch = " in statement and statement.startswith("SELECT COUNT"):
            epoch, n = map(int, re.findall(r"= (\d+)", statement))
            return [(int((epoch, n) in self.commits),)]
        elif statement == "SELECT opened FROM store":
            return [(self.opened,)]
        elif "RETURNING opened" in statement:
            self.opened += 1
            return [(self.opened,)]
        return self._about(statement)

    def _about(self, statement: str) -> list[tuple[Any, ...]]:
        rows: dict[str, list[tuple[Any, ...]]] = {
            "server_version_num": [(self.release, self.encoding)],
            "pg_try_advisory_lock": [(not self.isTaken,)],
            "pg_stat_activity": [self.holder] if self.holder else [],
            "SELECT COUNT(*) FROM old_": [(0,)],
            "SELECT current_schema(), current_user": [(self.schema, "ci", self.encoding, True)],
            "SELECT current_schema()": [(self.schema,)],
            "tablename = 'store'": [(1,)] if "store" in self.tables else [],
            "SELECT tablename": [(each,) for each in self.tables],
            "SELECT version FROM store": [(self.version,)],
            "pg_stat_replication": [(self.standbys,)],
            "current_setting('fsync')": [tuple(self.settings)],
            "to_regclass": [("store" in self.tables,)],
        }
        return next((found for words, found in rows.items() if words in statement), [])


class FakeSession:
    """I am a connection, with a real socket in place of libpq's."""

    def __init__(self, server: FakeServer, options: dict[str, Any]) -> None:
        self._server = server
        self.options = options
        self.closed = False
        self.ours, self.theirs = socket.socketpair()
        self.info = type("Info", (), {"dbname": "ci", "host": "db", "port": 5432, "server_version": 150004})

    def execute(self, statement: bytes | str, values: Any = None, prepare: bool | None = None) -> FakeCursor:
        """Send one statement."""
        words = statement.decode() if isinstance(statement, bytes) else statement
        if self.closed:
            raise OperationalError("the connection is closed")
        self._server.said.append(words)
        self._server.before(words)
        rows = self._server.answer(words, values or ())
        self._server.after(words)
        return FakeCursor(rows)

    def cursor(self) -> FakeSession:
        """A cursor: it does what I do."""
        return self

    def executemany(self, statement: bytes, values: Sequence[Sequence[Any]]) -> None:
        """Send one statement several times."""
        for each in values:
            self.execute(statement, each)

    def fileno(self) -> int:
        """The descriptor."""
        return self.ours.fileno()

    def close(self) -> None:
        """End the session."""
        self.closed = True
        self.ours.close()
        self.theirs.close()


class FakeCursor:
    """I have the rows of one statement."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.rowcount = len(rows)

    def __iter__(self) -> Any:
        return iter(self._rows)

    def fetchone(self) -> Any:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[Any]:
        """All rows."""
        return self._rows
