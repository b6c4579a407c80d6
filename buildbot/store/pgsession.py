# -*- test-case-name: tests.daemons.test_postgres_reading,tests.integration.test_standby -*-
"""A connection to PostgreSQL beside that of the store, made again when it is lost.

All functions block and run in one thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import psycopg

from buildbot.store.interface import StoreFailed
from buildbot.store.pgdriver import PAUSES, PgConnection, firstLine, optionsOf
from buildbot.store.pgtables import mustFit
from buildbot.store.seams import Connection


class PostgresSession:
    """I am a L{Driver<buildbot.store.seams.Driver>} for short transactions. I connect when I am first used.

    If no answer comes to a COMMIT, the transaction fails like one that has changed nothing: whoever uses me
    must look.

    @ivar _settings: what the server is told.
    """

    _settings: ClassVar[Mapping[str, str]] = {
        "client_encoding": "UTF8",
        "idle_in_transaction_session_timeout": "20s",
        "default_transaction_isolation": "read committed",
    }

    def __init__(self, conninfo: str, **options: object) -> None:
        """@param options: more for libpq; they win over C{conninfo}.
        @raise StoreFailed: the address of the database is not valid.
        """
        self._options, self._where = optionsOf(conninfo)
        self._options.update(options)
        self._session: psycopg.Connection[Any] | None = None
        self._trouble = ""
        self._pause, self._notBefore = 0.0, 0.0

    @contextmanager
    def transaction(self, isWriting: bool, /) -> Iterator[Connection]:
        """See L{Driver<buildbot.store.seams.Driver>}.

        @raise StoreFailed: the database does not answer.
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
        """Raise an error if nothing can be done here."""

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
            for name, value in self._settings.items():
                session.execute("SELECT set_config($1, $2, false)", (name, value), prepare=False)
            mustFit(PgConnection(session), self._where)
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
        """See L{Driver<buildbot.store.seams.Driver>}: this is never asked."""
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
        return isinstance(error, psycopg.Error)

    def isDamage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return False
