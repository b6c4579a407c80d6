# -*- test-case-name: tests.daemons.test_postgres -*-
"""The store of a master in a PostgreSQL database, beside L{SqliteStore<buildbot.store.sqlite.SqliteStore>}.

The database is driven by psycopg, which is the extra "postgres" of this package. It is imported only when
such a store is opened. See L{buildbot.store.pgdriver} for the connection, and L{buildbot.store.pgtables} for
the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from buildbot.store.address import MISSING
from buildbot.store.interface import StoreFailed
from buildbot.store.schema import CURRENT, Schema
from buildbot.store.seams import Connection, Driver
from buildbot.store.threaded import PACE, ReadingStore, ThreadedStore
from buildbot.store.worker import Reactor

if TYPE_CHECKING:
    from buildbot.store.pgdriver import PostgresDriver
    from buildbot.store.pgreading import PostgresReader

#: Is run at the start of each group that writes, in the transaction of the group and in the store's thread.
Fence = Callable[[Connection], None]


class PostgresStore(ThreadedStore):
    """I am an L{IStore<buildbot.store.interface.IStore>} in a schema of a PostgreSQL database.

    The schema is the first one of the C{search_path}; my tables are made there. One schema belongs to one
    store, and one master at a time writes it:

      - Without a fence, my session holds a lock of the database. So C{open} fails with L{StoreFailed} while
        another master has the store open. If another one has opened it since, while I had no connection, then
        all calls fail with L{StoreFenced<buildbot.store.interface.StoreFenced>} for ever.
      - With a fence, the fence decides who may write; masters with fences share that lock, so that no command
        gets it. The fence is called when the store is opened, and at the start of each group that writes,
        within the transaction; what it reads and locks there holds until the commit. Any exception of it
        undoes the group and fails its calls; L{StoreFenced<buildbot.store.interface.StoreFenced>} says that
        this master must end.

    @param conninfo: a URL C{postgresql://...} or the words of libpq. A password that it does not have comes
        from the password file, the service file or the environment of libpq. C{target_session_attrs} is
        "read-write" unless given, so that several hosts can be named.
    @param fence: see above.
    @param pace: see L{ThreadedStore}.
    """

    def __init__(
        self,
        conninfo: str,
        reactor: Reactor,
        pace: float = PACE,
        schema: Schema = CURRENT,
        fence: Fence | None = None,
    ) -> None:
        self._driver: PostgresDriver | None = None
        self._conninfo, self._reactor = conninfo, reactor

        def open() -> Driver:
            try:
                from buildbot.store.pgdriver import PostgresDriver
            except ImportError as error:
                raise StoreFailed(MISSING.format(error=error)) from None
            self._driver = PostgresDriver(conninfo, schema, fence, self._hasLapsed)
            return self._driver

        super().__init__(reactor, open, self._isOutage, pace)

    def forReading(self) -> ReadingStore:
        """See L{ThreadedStore}. It takes no lock."""
        reader: list[PostgresReader] = []

        def open() -> Driver:
            try:
                from buildbot.store.pgreading import PostgresReader
            except ImportError as error:
                raise StoreFailed(MISSING.format(error=error)) from None
            reader[:] = [PostgresReader(self._conninfo)]
            return reader[0]

        return ReadingStore(self._reactor, open, lambda error: any(each.isOutage(error) for each in reader))

    def risks(self) -> tuple[str, ...]:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        return () if self._driver is None else self._driver.risks

    def server(self) -> str:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        return "" if self._driver is None else self._driver.server

    def cut(self) -> None:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        if self._driver is not None:
            self._driver.cut()

    def _hasLapsed(self, reason: str) -> None:
        """Is called in the store's thread."""
        self._reactor.callFromThread(lambda: self._lapsed(reason))

    def _isOutage(self, error: Exception) -> bool:
        return self._driver is not None and self._driver.isOutage(error)
