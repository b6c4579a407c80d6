"""A database of several masters in one process: SQLite with the functions of PostgreSQL that they use."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from buildbot.store.seams import Connection, Cursor, Value


class Postgresque:
    """I am one database with one session for each L{connect}. I have no row locks: nobody works in between.

    @ivar started: the start of the database; another value looks like a restart of it.
    @ivar ended: the names of the sessions that were ended by force.
    @ivar trouble: raised by each transaction, if set.
    """

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.started = "monday"
        self.ended: list[str] = []
        self.names: dict[int, str] = {}
        self.trouble: Exception | None = None
        self._sessions = 0
        self._session = 0
        self.database.execute("CREATE TABLE pg_stat_activity (pid INTEGER, application_name TEXT)")
        make = self.database.create_function
        make("pg_backend_pid", 0, lambda: self._session)
        make("pg_postmaster_start_time", 0, lambda: self.started)
        make("set_config", 3, self._name)
        make("pg_advisory_xact_lock", 1, lambda number: None)
        make("pg_terminate_backend", 1, self._terminate)

    def _name(self, setting: str, value: str, isLocal: int) -> str:
        self.names[self._session] = value
        return value

    def _terminate(self, session: int) -> int:
        self.ended.append(self.names[session])
        return 1

    def hang(self, name: str) -> None:
        """A session of this name stays in its transaction."""
        self._sessions += 1
        self.names[self._sessions] = name
        self.database.execute("INSERT INTO pg_stat_activity VALUES (?, ?)", (self._sessions, name))

    def connect(self) -> Session:
        """Open a session."""
        self._sessions += 1
        return Session(self, self._sessions)

    @contextmanager
    def transaction(self, session: int) -> Iterator[Connection]:
        """One transaction of a session."""
        if self.trouble is not None:
            raise self.trouble
        self._session = session
        self.database.execute("BEGIN")
        try:
            yield cast(Connection, _Translated(self.database))
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")


class _Translated:
    """A connection that leaves out the locks of rows."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """See L{Connection}."""
        for lock in (" FOR UPDATE", " FOR KEY SHARE"):
            statement = statement.replace(lock, "")
        return self._database.execute(statement, values)

    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Cursor:
        """See L{Connection}."""
        return self._database.executemany(statement, values)


class Session:
    """I am a L{Driver<buildbot.store.seams.Driver>}."""

    def __init__(self, database: Postgresque, number: int) -> None:
        self._database = database
        self._number = number
        self.isClosed = False

    @contextmanager
    def transaction(self, isWriting: bool, /) -> Iterator[Connection]:
        """See L{Driver}."""
        with self._database.transaction(self._number) as connection:
            yield connection

    def loss(self) -> str:
        """See L{Driver}."""
        return ""

    def close(self) -> None:
        """See L{Driver}."""
        self.isClosed = True

    def isOutage(self, error: Exception, /) -> bool:
        """See L{Driver}."""
        return False

    def isDamage(self, error: Exception, /) -> bool:
        """See L{Driver}."""
        return False
