# -*- test-case-name: tests.daemons.test_postgres_reading -*-
"""Read the store of a running master in PostgreSQL from another process. Nothing is locked or written.

All functions block and run in one thread.
"""

from __future__ import annotations

import psycopg

from buildbot.store.interface import StoreFailed
from buildbot.store.pgsession import PostgresSession
from buildbot.store.readonly import mustBeOfThisRelease
from buildbot.store.seams import Connection


class PostgresReader(PostgresSession):
    """I am a L{Driver<buildbot.store.seams.Driver>} that only reads. Each transaction shows one moment.

    A transaction fails with L{StoreFailed} if no master has used the store yet, or another release has.
    """

    _settings = {
        **PostgresSession._settings,
        "default_transaction_read_only": "on",
        "default_transaction_isolation": "repeatable read",
    }

    def _check(self, connection: Connection) -> None:
        (there,) = connection.execute("SELECT to_regclass('store') IS NOT NULL").fetchone()
        found = connection.execute("SELECT version FROM store").fetchone() if there else None
        if found is None:
            raise StoreFailed(f"{self._where}: no master has used this store yet")
        mustBeOfThisRelease(found[0], self._where)

    def isOutage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)

    def isDamage(self, error: Exception, /) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return getattr(error, "sqlstate", None) in ("XX001", "XX002")
