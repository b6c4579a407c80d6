"""All rows of a store are copied into another, and compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.store.direct import OpenedFile, made, reading
from buildbot.store.imported import ImportedStore
from buildbot.store.interface import StoreFailed
from buildbot.store.marks import MOVING
from buildbot.store.moving import PAGE, Move, Tally, layouts
from buildbot.store.place import Place
from buildbot.store.seams import Connection


class Failing:
    """I am a store whose writes fail after some."""

    def __init__(self, store: OpenedFile, left: int) -> None:
        self._store, self._left = store, left

    @contextmanager
    def transaction(self, isWriting: bool) -> Iterator[Connection]:
        """The store's own, or a failure."""
        if isWriting:
            self._left -= 1
            if self._left < 0:
                raise StoreFailed("the connection is lost")
        with self._store.transaction(isWriting) as connection:
            yield connection

    def close(self) -> None:
        """Nothing to do."""


class MovingTests(unittest.SynchronousTestCase):
    """From a file to a file: both kinds of stores are used in the same way."""

    def setUp(self) -> None:
        self.source, self.target = (Place(os.path.realpath(self.mktemp())) for _ in range(2))
        for place in (self.source, self.target):
            os.mkdir(place.basedir)
            made(place).close()
        store = ImportedStore(self.source.basedir)
        builds = [BuildRecord("full", number, "bot", (), 5.0, 6.5, 0) for number in range(PAGE + 5)]
        builds += [
            BuildRecord(name, 0, "bot", (), 1e300, 2e300, 0, reason=name) for name in ("é", "\U0001f600", "Z")
        ]
        store.add(builds, [Change("ann", ["a"], "c", when=5.0).numbered(8)], {"full": 700})
        store.close()

    def opened(self, place: Place, toWrite: bool = True) -> OpenedFile:
        """The open store of a place."""
        store = OpenedFile(place.path, toWrite, 1.0)
        self.addCleanup(store.close)
        return store

    def move(self, target: Any = None) -> tuple[Tally, Move]:
        """Move, or fail."""
        new = self.opened(self.target)
        tally = Tally()
        move = Move(self.opened(self.source, False), target or new, self.source.shown, tally)
        move.begin(MOVING in new.tables())
        move.run()
        return tally, move

    def rows(self, place: Place) -> dict[str, list[Any]]:
        """All rows of all tables."""
        with self.opened(place, False).transaction(False) as connection:
            return {
                each.name: sorted(connection.execute(f"SELECT * FROM {each.name}"), key=repr)
                for each in layouts()
            }

    def change(self, place: Place, statement: str) -> None:
        """Change a store, like somebody else."""
        with self.opened(place).transaction(True) as connection:
            connection.execute(statement)

    def test_moved(self) -> None:
        """Every row of every table is there, is counted, and the next master can use the new store."""
        tally, move = self.move()
        self.assertEqual(self.rows(self.target), self.rows(self.source))
        count = sum(map(len, self.rows(self.source).values()))
        self.assertEqual((tally.total, tally.copied, tally.compared), (count, count, count))
        self.assertEqual((tally.counts["builds"], tally.counts["changes"]), (PAGE + 8, 1))
        self.assertFalse(move.isContinued)
        made(self.target).close()
        with reading(self.target.basedir) as connection:
            self.assertEqual(connection.execute("SELECT COUNT(*) FROM builds").fetchone(), (PAGE + 8,))
        self.assertNotIn(MOVING, self.opened(self.target).tables())

    def test_cut(self) -> None:
        """After a failure at any write, no master uses the half store, and the same move completes it."""
        for writes in range(12):
            failing = Failing(self.opened(self.target), writes)
            try:
                self.move(failing)
            except StoreFailed as why:
                self.assertEqual(why.reason, "the connection is lost")
            else:
                break
            if writes:
                refusal = self.assertRaises(StoreFailed, made, self.target).reason
                self.assertIn("`buildbot move-store` was ended before its time", refusal)
        self.assertGreater(writes, 3)
        self.assertEqual(self.rows(self.target), self.rows(self.source))
        _, move = self.move()
        self.assertTrue(move.isContinued)
        self.assertEqual(self.rows(self.target), self.rows(self.source))

    def test_usedMeanwhile(self) -> None:
        """If a master has used the old store since the failure, everything is copied anew."""
        self.assertRaises(StoreFailed, self.move, Failing(self.opened(self.target), 4))
        self.change(self.source, "DELETE FROM builds WHERE builder = 'full' AND number < 9")
        self.change(self.source, "UPDATE counters SET value = value + 1 WHERE name = 'change'")
        _, move = self.move()
        self.assertFalse(move.isContinued)
        self.assertEqual(self.rows(self.target), self.rows(self.source))

    def test_changedMeanwhile(self) -> None:
        """Rows of the half store that somebody has changed are found, and their table is copied anew."""
        self.assertRaises(StoreFailed, self.move, Failing(self.opened(self.target), 6))
        for statement in (
            "UPDATE builds SET record = '{}' WHERE number = 3",
            "DELETE FROM builds WHERE number = 3",
            "INSERT INTO state (name, value) VALUES ('zzz', '1')",
        ):
            self.change(self.target, statement)
            tally, move = self.move()
            self.assertTrue(move.isContinued)
            self.assertEqual(self.rows(self.target), self.rows(self.source))
            self.assertEqual(tally.copied, tally.total)
            self.change(self.target, f"UPDATE {MOVING} SET state = 'copying'")

    def test_taken(self) -> None:
        """A store with other data, or with a part of another one, is refused and stays as it is."""
        self.change(self.target, "INSERT INTO state (name, value) VALUES ('mine', '1')")
        before = self.rows(self.target)
        self.assertIn("it has a store already", self.assertRaises(StoreFailed, self.move).reason)
        self.assertEqual(self.rows(self.target), before)
        self.change(self.target, "DELETE FROM state")
        self.move()
        self.change(self.target, f"UPDATE {MOVING} SET source = '/other/state.sqlite'")
        words = "it has a part of another store, /other/state.sqlite"
        self.assertIn(words, self.assertRaises(StoreFailed, self.move).reason)

    def test_nul(self) -> None:
        """A NUL character, which PostgreSQL cannot have, is replaced; that is counted."""
        self.change(self.source, "UPDATE builds SET reason = 'a' || char(0) || 'b' WHERE number = 3")
        tally, _ = self.move()
        self.assertEqual(tally.mended, 1)
        with reading(self.source.basedir):
            pass
        made(self.target).close()
        with reading(self.target.basedir) as connection:
            found = connection.execute("SELECT reason FROM builds WHERE number = 3").fetchone()
        self.assertEqual(found, ("a\ufffdb",))

    def test_layouts(self) -> None:
        """Every table of a store has a key by which its rows are ordered."""
        found = {each.name: each.key for each in layouts()}
        self.assertEqual(found["builds"], ("builder", "number"))
        self.assertTrue(all(found.values()))
        self.assertIn("audit", found)
