# -*- test-case-name: tests.unit.store.test_readonly -*-
"""Read the store of a running master from another process. Nothing is ever written.

SQLite lets a reader and the writer work at the same time: neither waits for the other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred, fail

from buildbot.store.database import BUSY, isDamage, isDiskFault, isOutage
from buildbot.store.files import FILE, mustBePlainStore, openToRead
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.requests import Store
from buildbot.store.schema import CURRENT
from buildbot.store.seams import Connection, Driver
from buildbot.store.sql import SqlCore
from buildbot.store.worker import Reactor, Work, Worker

_T = TypeVar("_T")


class ReadingStore(Store):
    """I am an L{IStore} over the store of another process. Calls that would write fail with StoreFailed.

    There need not be such a store when I am opened. Until a master has made it, all calls fail.
    """

    def __init__(
        self, reactor: Reactor, driver: Callable[[], Driver], isOutage: Callable[[Exception], bool]
    ) -> None:
        """@param driver: opens the database; called in the thread.
        @param isOutage: see L{Driver}.
        """
        core = _Fresh(isOutage)
        super().__init__(core)
        self._makeWorker = lambda: Worker(reactor, driver, core, 0.0)
        self._worker: Worker | None = None

    def open(self) -> Deferred[None]:
        """See L{IStore}."""
        if self._worker is not None:
            return fail(StoreFailed("the store is open already"))
        self._worker = self._makeWorker()
        return self._worker.start()

    def close(self) -> Deferred[None]:
        """See L{IStore}."""
        worker, self._worker = self._worker, None
        return fail(StoreFailed("the store is closed")) if worker is None else worker.stop()

    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        if self._worker is None:
            return fail(StoreFailed("the store is closed"))
        return self._worker.submit(Work(work, isWriting=False))

    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        return fail(StoreFailed("this process only reads the store: the master itself writes it"))


def readingFile(basedir: str, reactor: Reactor) -> ReadingStore:
    """The store of the master in a directory, which has it in a file there."""
    path = os.path.join(basedir, FILE)
    return ReadingStore(reactor, lambda: ReadFile(path), isOutage)


class _Fresh(SqlCore):
    """I keep no row from one transaction to the next: another process may have changed it."""

    def begin(self, connection: Connection, isPostponing: bool = True) -> None:
        """See L{SqlCore}."""
        self.undone()
        super().begin(connection, isPostponing)


class ReadFile:
    """I am a L{Driver<buildbot.store.seams.Driver>} that only reads one file. It may be replaced any time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: sqlite3.Connection | None = None
        self._inode = 0

    @contextmanager
    def transaction(self, isWriting: bool) -> Iterator[Connection]:
        """A context with a connection that shows one moment of the store.

        @raise StoreFailed: no master has run there, or another release has written the file.
        """
        try:
            connection = self._connected()
            connection.execute("BEGIN")
            try:
                self._check(connection)
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except FileNotFoundError:
            self.close()
            raise StoreFailed(f"no master has run in {os.path.dirname(self._path)} yet") from None
        except Exception as error:
            if isDiskFault(error):
                self.close()
                raise StoreFailed(f"cannot read {self._path}: {error}") from error
            raise

    def _connected(self) -> sqlite3.Connection:
        """The connection to the file that is there now: a restored backup is another file."""
        inode = os.stat(self._path).st_ino
        if self._open is None or inode != self._inode:
            self.close()
            mustBePlainStore(self._path)
            self._open = openToRead(self._path, BUSY)
            self._open.isolation_level = None
            # Invalid text in one value must not make other values unreadable.
            self._open.text_factory = partial(str, encoding="utf-8", errors="replace")
            self._inode = inode
        return self._open

    def _check(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > CURRENT.version:
            raise SchemaTooNew(f"{self._path} was written by a later release: run that one here, too")
        if version < CURRENT.version:
            raise StoreFailed(f"{self._path} is of an earlier release: a start of the master upgrades it")

    def settle(self) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}. Never needed: nothing is written."""
        return False

    def loss(self) -> str:
        """See L{Driver<buildbot.store.seams.Driver>}: there is nothing to lose."""
        return ""

    def close(self) -> None:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        connection, self._open = self._open, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def isOutage(self, error: Exception) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return isOutage(error)

    def isDamage(self, error: Exception) -> bool:
        """See L{Driver<buildbot.store.seams.Driver>}."""
        return isDamage(error)
