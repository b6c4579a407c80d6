"""The history of another master is written into a store."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.store.direct import hasStore
from buildbot.store.files import FILE
from buildbot.store.imported import ImportedStore, Present
from buildbot.store.interface import StoreFailed
from buildbot.store.peek import peekBuild


def _build(number: int, reason: str = "") -> BuildRecord:
    return BuildRecord("full", number, "bot", (), 5.0, 6.0, 0, reason=reason)


class ImportedTests(SynchronousTestCase):
    """One store."""

    def setUp(self) -> None:
        self.here = self.mktemp()
        os.mkdir(self.here)

    def opened(self) -> ImportedStore:
        store = ImportedStore(self.here)
        self.addCleanup(store.close)
        return store

    def counter(self, store: ImportedStore, name: str) -> int:
        (row,) = store._ask("SELECT value FROM counters WHERE name = ?", name)
        return int(row[0])

    def test_add(self) -> None:
        """What was added is there, and is never replaced; numbers only grow."""
        store = self.opened()
        change = Change("ann", ["a"], "c", when=5.0).numbered(8)
        store.add([_build(3, "first")], [change], {"full": 7})
        store.add([_build(3, "second"), _build(4)], [change], {"full": 2})
        self.assertEqual((store.starts("full"), store.starts("x")), ({3: 5.0, 4: 5.0}, {}))
        self.assertEqual(store.changeTimes(), {8: 5.0})
        self.assertEqual((self.counter(store, "build full"), self.counter(store, "change")), (7, 9))
        build = peekBuild(self.here, "full", 3)
        assert build is not None
        self.assertEqual(build.reason, "first")

    def test_present(self) -> None:
        """A store that is not there has nothing, and is not made; a damaged one is an error."""
        present = Present.of(self.here)
        self.assertEqual((present.starts("full"), present.changeTimes()), ({}, {}))
        self.assertEqual(os.listdir(self.here), [])
        with open(os.path.join(self.here, FILE), "wb") as stream:
            stream.write(b"no database" * 500)
        damaged = Present.of(self.here)
        self.addCleanup(damaged.close)
        self.assertRaises(StoreFailed, damaged.starts, "full")

    def test_unborn(self) -> None:
        """A kill in the first start of a store leaves no tables: it has nothing, and can be used."""
        path = os.path.join(self.here, FILE)
        for statement in ("", "PRAGMA journal_mode = WAL"):
            with closing(sqlite3.connect(path)) as cut:
                cut.execute(statement)
            present = Present.of(self.here)
            self.assertEqual((present.builders(), present.lastSet(), present.hasOwnSets()), ([], 0, False))
            self.assertFalse(hasStore(self.here))
        store = self.opened()
        store.add([_build(0)], [], {})
        self.assertEqual(Present.of(self.here).builders(), ["full"])
        self.assertTrue(hasStore(self.here))
