# -*- test-case-name: tests.unit.store.test_readonly -*-
"""Read the store of a running master from another process. Nothing is ever written.

SQLite lets a reader and the writer work at the same time: neither waits for the other.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from buildbot.store.database import BUSY, isDamage, isDiskFault, isOutage
from buildbot.store.files import FILE, mustBePlainStore, openToRead
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.schema import CURRENT
from buildbot.store.seams import Connection
from buildbot.store.threaded import ReadingStore
from buildbot.store.worker import Reactor


def readingFile(basedir: str, reactor: Reactor) -> ReadingStore:
    """The store of the master in a directory, which has it in a file there."""
    path = os.path.join(basedir, FILE)
    return ReadingStore(reactor, lambda: ReadFile(path), isOutage)


def mustBeOfThisRelease(version: int, where: str) -> None:
    """Raise L{StoreFailed} if another release has written a store: C{version} is that of its tables."""
    if version > CURRENT.version:
        raise SchemaTooNew(f"{where} was written by a later release: run that one here, too")
    if version < CURRENT.version:
        raise StoreFailed(f"{where} is of an earlier release: a start of the master upgrades it")


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
        mustBeOfThisRelease(version, self._path)

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
