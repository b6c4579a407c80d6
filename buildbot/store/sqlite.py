# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""The usual store of a master: one SQLite file in its directory, and one thread that uses it.

This module joins the parts: the file (C{database}), the thread (C{threaded}, C{worker}) and the SQL (C{sql}).
"""

from __future__ import annotations

import os
import sqlite3

from buildbot.store.database import Connect, Database, isOutage
from buildbot.store.files import FILE as FILE
from buildbot.store.readonly import readingFile
from buildbot.store.schema import CURRENT, Schema
from buildbot.store.threaded import PACE as PACE
from buildbot.store.threaded import ReadingStore, ThreadedStore
from buildbot.store.worker import Reactor


class SqliteStore(ThreadedStore):
    """I am an L{IStore<buildbot.store.interface.IStore>} in C{basedir}.

    @param connect: opens the file.
    @param pace: see L{ThreadedStore}.
    """

    def __init__(
        self,
        basedir: str,
        reactor: Reactor,
        connect: Connect = sqlite3.connect,
        pace: float = PACE,
        schema: Schema = CURRENT,
    ) -> None:
        path = os.path.join(basedir, FILE)
        super().__init__(reactor, lambda: Database(path, connect, schema), isOutage, pace)
        self._reading = lambda: readingFile(basedir, reactor)

    def forReading(self) -> ReadingStore:
        """See L{ThreadedStore}."""
        return self._reading()
