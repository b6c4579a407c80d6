# -*- test-case-name: tests.daemons.test_postgrescommands -*-
"""A store in PostgreSQL, used without its master; see L{buildbot.store.direct}. All functions block.

No tables are made, and no lock is taken: a master may use the store meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from buildbot.store.interface import StoreFailed
from buildbot.store.pgdriver import DEFAULTS, HOLDER, LOCK, PgConnection, isCut
from buildbot.store.seams import Connection

#: A table that only a store has, and those whose names say that a database belongs to something else. The
#: table of the masters is made before a store.
_MINE = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'store'"
_OTHERS = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'store_masters'"
    " ORDER BY tablename"
)
_MAY = (
    "SELECT current_schema(), current_user, current_setting('server_encoding'),"
    " has_schema_privilege(current_schema(), 'CREATE')"
)


class OpenedServer:
    """I am one open store; see L{Opened<buildbot.store.direct.Opened>}."""

    def __init__(self, shown: str, conninfo: str, toWrite: bool, patience: float) -> None:
        """Connect. Raises L{StoreFailed}.

        @param shown: the address for people.
        """
        self._shown = shown
        self._verb = "use the store" if toWrite else "read"
        options: dict[str, Any] = {
            **DEFAULTS,
            "connect_timeout": str(max(2, round(patience))),
            "application_name": "buildbot command",
        }
        with self._translated():
            self._session: psycopg.Connection[Any] = psycopg.connect(
                **{**options, **conninfo_to_dict(conninfo)},
                autocommit=True,
                cursor_factory=psycopg.RawCursor,
            )

    @property
    def version(self) -> int:
        """See L{Opened<buildbot.store.direct.Opened>}."""
        with self._translated():
            if self._session.execute(_MINE).fetchone() is not None:
                found = self._session.execute("SELECT version FROM store").fetchone()
                return -1 if found is None else int(found[0])
            return -1 if self.tables() else 0

    def tables(self) -> list[str]:
        """The names of all tables, whoever made them."""
        with self._translated():
            return [name for (name,) in self._session.execute(_OTHERS)]

    def lock(self) -> None:
        """Take the lock that a master holds; it ends with the connection. Raises L{StoreFailed}."""
        with self._translated():
            (row,) = self._session.execute(f"SELECT pg_try_advisory_lock({LOCK})".encode()).fetchall()
            holders = self._session.execute(HOLDER).fetchall() if not row[0] else []
        if not row[0]:
            who, place, _ = holders[0] if holders else ("somebody", "somewhere", "")
            raise StoreFailed(
                f"another master, or another command, uses {self._shown} ({who}, from {place}):"
                " stop it first, or give the command where it runs"
            )

    def refusal(self) -> str:
        """Why no store can be made here, although there is none; else ""."""
        others = self.tables()
        if others:
            some = ", ".join(others[:3]) + (" …" if len(others) > 3 else "")
            return f"has tables of another program ({some}): give the master a database or schema of its own"
        with self._translated():
            ((schema, user, encoding, may),) = self._session.execute(_MAY).fetchall()
        if schema is None:
            return "has no schema that its search_path names: make one with CREATE SCHEMA"
        if encoding != "UTF8":
            return f"has the encoding {encoding}: make the database with ENCODING 'UTF8'"
        if not may:
            return (
                f"lets {user} make no tables in its schema {schema}: make {user} the owner of the"
                f" database, or GRANT CREATE ON SCHEMA {schema} TO {user}"
            )
        return ""

    @contextmanager
    def transaction(self, isWriting: bool) -> Iterator[Connection]:
        """See L{Opened<buildbot.store.direct.Opened>}."""
        with self._translated():
            self._session.execute("BEGIN" if isWriting else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield PgConnection(self._session)
                self._commit(isWriting)
            except BaseException:
                with suppress(psycopg.Error):
                    self._session.execute("ROLLBACK")
                raise

    def _commit(self, isWriting: bool) -> None:
        """Commit. Raises L{StoreFailed} if no answer comes: nobody asks for the outcome later."""
        try:
            self._session.execute("COMMIT")
        except psycopg.Error as why:
            if isWriting and isCut(self._session, why):
                raise StoreFailed(
                    f"{self._shown} did not answer ({inOneLine(why)}), so it is not known whether this was"
                    " kept: look, or give the command again"
                ) from None
            raise

    def close(self) -> None:
        """See L{Opened<buildbot.store.direct.Opened>}."""
        with suppress(psycopg.Error):
            self._session.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as why:
            raise StoreFailed(f"cannot {self._verb} {self._shown}: {inOneLine(why)}") from None


def inOneLine(why: psycopg.Error) -> str:
    """What a server or libpq says, without the hints for programmers."""
    lines = [line.strip() for line in str(why).splitlines()]
    said = [line for line in lines if line and not line.startswith(("LINE ", "^", "Is the server running"))]
    return "; ".join(said[:4]) or type(why).__name__
