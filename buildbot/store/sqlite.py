# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""The store of a master: one SQLite file in its directory, and one thread that uses it.

This module joins the parts: the file (C{database}), the thread (C{worker}) and the SQL (C{sql}).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from buildbot.store.database import Connect, Database, isOutage
from buildbot.store.files import FILE as FILE
from buildbot.store.interface import Commits, StoreFailed
from buildbot.store.requests import Store
from buildbot.store.schema import CURRENT, Schema
from buildbot.store.sql import SqlCore
from buildbot.store.worker import Reactor, Work, Worker

_T = TypeVar("_T")


#: The least seconds between two commits. Work that arrives during a slow commit is grouped anyway; this
#: limits the number of commits on a fast disk.
PACE = 0.002


class SqliteStore(Store):
    """I am an L{IStore} in C{basedir}.

    @param connect: opens the file.
    @param pace: the least seconds between two commits. A single call does not wait.
    """

    def __init__(
        self,
        basedir: str,
        reactor: Reactor,
        connect: Connect = sqlite3.connect,
        pace: float = PACE,
        schema: Schema = CURRENT,
    ) -> None:
        core = SqlCore(isOutage)
        super().__init__(core)
        path = os.path.join(basedir, FILE)
        self._makeWorker = lambda: Worker(
            reactor, lambda: Database(path, connect, schema), core, pace, self._told, self._isDamaged
        )
        self._worker: Worker | None = None

    def open(self) -> Deferred[None]:
        """See L{IStore}."""
        if self._worker is not None:
            return fail(StoreFailed("the store is open already"))
        self._worker = self._makeWorker()
        return self._worker.start().addErrback(self._notOpen)

    def close(self) -> Deferred[None]:
        """See L{IStore}."""
        worker, self._worker = self._worker, None
        if worker is None:
            return fail(StoreFailed("the store is closed"))
        return worker.stop()

    def loss(self) -> str:
        """See L{IStore}."""
        return "" if self._worker is None else self._worker.loss()

    def commits(self) -> Commits:
        """See L{IStore}."""
        return Commits() if self._worker is None else self._worker.commits

    def _told(self, trouble: str | None) -> None:
        if trouble is None:
            self._works()
        else:
            self._failed(trouble)

    def _isDamaged(self, reason: str) -> None:
        self._damaged(reason)

    def _notOpen(self, failure: Failure) -> Failure:
        self._worker = None
        return failure

    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        return self._submit(Work(work, isWriting=False))

    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        return self._submit(Work(work, key=key, isReplaceable=isReplaceable))

    def _submit(self, work: Work[_T]) -> Deferred[_T]:
        if self._worker is None:
            return fail(StoreFailed("the store is closed"))
        return self._worker.submit(work)
