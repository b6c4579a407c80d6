# -*- test-case-name: tests.integration.test_postgres_reading -*-
"""Read the store of a running master in PostgreSQL from another process. Nothing is locked or written.

All functions block and run in one thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from buildbot.store.interface import StoreFailed
from buildbot.store.pgdriver import PAUSES, PgConnection, firstLine, optionsOf
from buildbot.store.readonly import mustBeOfThisRelease
from buildbot.store.seams import Connection

#: What the server is told. The answer of a statement takes a while at most.
_SESSION = """
SELECT set_config(wanted.name, wanted.value, false) FROM (VALUES ('client_encoding', 'UTF8'),
    ('default_transaction_read_only', 'on'), ('idle_in_transaction_session_timeout', '20s'),
    ('default_transaction_isolation', 'repeatable read')) AS wanted (name, value)
"""


class PostgresReader:
    """I am a L{Driver<buildbot.store.seams.Driver>} that only reads. I connect when I am first used."""

    def __init__(self, conninfo: str) -> None:
        """@raise StoreFailed: the address of the database is not valid."""
        self._options, self._where = optionsOf(conninfo)
        self._session: psycopg.Connection[Any] | None = None
        self._trouble = ""
        self._pause, self._notBefore = 0.0, 0.0

    @contextmanager
    def transaction(self, isWriting: bool, /) -> Iterator[Connection]:
        """A context with a connection that shows one moment of the store.

        @raise StoreFailed: the database does not answer, no master has used it yet, or another release has.
        """
        session = self._begun()
        try:
            connection = PgConnection(session)
            self._check(connection)
            yield connection
            session.execute("COMMIT", prepare=False)
        except BaseException as error:
            with suppress(psycopg.Error):
                session.execute("ROLLBACK", prepare=False)
            if isinstance(error, Exception) and self.isOutage(error):
                self.close()
                raise StoreFailed(f"{self._where}: {firstLine(error)}") from error
            raise

    def _check(self, connection: Connection) -> None:
        (there,) = connection.execute("SELECT to_regclass('store') IS NOT NULL").fetchone()
        found = connection.execute("SELECT version FROM store").fetchone() if there else None
        if found is None:
            raise StoreFailed(f"{self._where}: no master has used this store yet")
        mustBeOfThisRelease(found[0], self._where)

    def _begun(self) -> psycopg.Connection[Any]:
        """A session in a new transaction; made anew if it has ended since its last use."""
        if self._session is not None:
            try:
                self._session.execute("BEGIN", prepare=False)
                return self._session
            except psycopg.Error:
                self.close()
        if time.monotonic() < self._notBefore:
            raise StoreFailed(self._trouble)
        try:
            session: psycopg.Connection[Any] = psycopg.connect(
                **self._options, autocommit=True, cursor_factory=psycopg.RawCursor
            )
            self._session = session
            session.execute(_SESSION)
            session.execute("BEGIN", prepare=False)
        except psycopg.Error as error:
            self.close()
            shortest, longest = PAUSES
            self._pause = min(longest, max(shortest, self._pause * 2))
            self._notBefore = time.monotonic() + self._pause
            self._trouble = f"{self._where}: {firstLine(error)}"
            raise StoreFailed(self._trouble) from error
        self._pause = 0.0
        return session

    def settle(self) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}: nothing is written, so this is never asked."""
        return False

    def loss(self) -> str:
        """See L{Driver<buildbot.store.seams.Driver>}: there is nothing to lose."""
        return ""

    def close(self) -> None:
        """Close the connection. Never raises."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(psycopg.Error):
                session.close()

    def isOutage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)

    def isDamage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return getattr(error, "sqlstate", None) in ("XX001", "XX002")
