# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""What the stores have in common that keep their data in a database: one thread, which opens and uses it.

A subclass says how its database is opened. It knows no reactor and no transactions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from buildbot.store.interface import Commits, StoreFailed
from buildbot.store.requests import Store
from buildbot.store.seams import Connection, Driver
from buildbot.store.sql import SqlCore
from buildbot.store.worker import Reactor, Work, Worker

_T = TypeVar("_T")

#: The least seconds between two commits. Work that arrives during a slow commit is grouped anyway; this
#: limits the number of commits on a fast disk.
PACE = 0.002


class _OneThread(Store):
    """I have a thread, from C{open} to C{close}."""

    def __init__(self, core: SqlCore, makeWorker: Callable[[], Worker]) -> None:
        super().__init__(core)
        self._makeWorker = makeWorker
        self._worker: Worker | None = None

    def open(self) -> Deferred[None]:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        if self._worker is not None:
            return fail(StoreFailed("the store is open already"))
        self._worker = self._makeWorker()
        return self._worker.start().addErrback(self._notOpen)

    def close(self) -> Deferred[None]:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        worker, self._worker = self._worker, None
        if worker is None:
            return fail(StoreFailed("the store is closed"))
        return worker.stop()

    def _notOpen(self, failure: Failure) -> Failure:
        self._worker = None
        return failure

    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        return self._submit(Work(work, isWriting=False))

    def _submit(self, work: Work[_T]) -> Deferred[_T]:
        if self._worker is None:
            return fail(StoreFailed("the store is closed"))
        return self._worker.submit(work)


class ReadingStore(_OneThread):
    """I am an L{IStore<buildbot.store.interface.IStore>} over the store of another process.

    Calls that would write fail with StoreFailed. There need not be such a store when I am opened. Until a
    master has made it, all calls fail.
    """

    def __init__(
        self, reactor: Reactor, driver: Callable[[], Driver], isOutage: Callable[[Exception], bool]
    ) -> None:
        """@param driver: opens the database; called in the thread.
        @param isOutage: see L{Driver}.
        """
        core = _Fresh(isOutage)
        super().__init__(core, lambda: Worker(reactor, driver, core, 0.0))

    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        return fail(StoreFailed("this process only reads the store: the master itself writes it"))


class _Fresh(SqlCore):
    """I keep no row from one transaction to the next: another process may have changed it."""

    def begin(self, connection: Connection, isPostponing: bool = True) -> None:
        """See L{SqlCore}."""
        self.undone()
        super().begin(connection, isPostponing)


class ThreadedStore(_OneThread):
    """I am an L{IStore<buildbot.store.interface.IStore>} of this process alone.

    @param driver: opens the database; called in the thread.
    @param isOutage: see L{Driver}.
    @param pace: the least seconds between two commits. A single call does not wait.
    """

    def __init__(
        self,
        reactor: Reactor,
        driver: Callable[[], Driver],
        isOutage: Callable[[Exception], bool],
        pace: float,
    ) -> None:
        core = SqlCore(isOutage)
        super().__init__(core, lambda: Worker(reactor, driver, core, pace, self._told, self._isDamaged))

    @abstractmethod
    def forReading(self) -> ReadingStore:
        """The same store for another process, which only reads it while I may be open here or elsewhere."""

    def loss(self) -> str:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        return "" if self._worker is None else self._worker.loss()

    def commits(self) -> Commits:
        """See L{IStore<buildbot.store.interface.IStore>}."""
        return Commits() if self._worker is None else self._worker.commits

    def _told(self, trouble: str | None) -> None:
        if trouble is None:
            self._works()
        else:
            self._failed(trouble)

    def _isDamaged(self, reason: str) -> None:
        self._damaged(reason)

    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        return self._submit(Work(work, key=key, isReplaceable=isReplaceable))
