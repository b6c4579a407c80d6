"""The statements of one transaction."""

from __future__ import annotations

import sqlite3

from twisted.trial import unittest

from buildbot.store.batch import MOST_ROWS, Batch, Unsure
from buildbot.store.database import isOutage

ADD = "INSERT INTO things (id, name) VALUES (?, ?)"
NAME = "UPDATE things SET name = ? WHERE id = ? AND name IS NOT NULL"


class BatchTests(unittest.SynchronousTestCase):
    """See L{Batch}."""

    def setUp(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        self.connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.statements.append)
        self.batch = Batch(self.connection, isPostponing=True, isOutage=isOutage)

    def rows(self) -> dict[int, str]:
        """What is in the table now."""
        return dict(self.connection.execute("SELECT id, name FROM things"))

    def add(self, *ids: int) -> None:
        """Postpone a row for each number."""
        for each in ids:
            self.assertTrue(self.batch.changeOne(ADD, (each, f"thing {each}")))

    def test_together(self) -> None:
        """Rows that are added to one table are written with few statements, and each row has its values."""
        count = 2 * MOST_ROWS + 5
        self.add(*range(count))
        self.assertEqual(self.statements, [])
        self.batch.flush()
        self.assertEqual(len(self.statements), 4)
        self.assertEqual(self.rows(), {each: f"thing {each}" for each in range(count)})

    def test_order(self) -> None:
        """Changes of one row happen in the order of the calls."""
        self.add(1, 2)
        for name, id in (("a", 1), ("b", 2), ("c", 1)):
            self.batch.changeOne(NAME, (name, id))
        self.batch.flush()
        self.assertEqual(self.rows(), {1: "c", 2: "b"})

    def test_reads(self) -> None:
        """A statement sees all that was changed before it."""
        self.add(1)
        self.assertEqual(self.batch.execute("SELECT COUNT(*) FROM things").fetchone(), (1,))
        self.add(2)
        self.batch.executemany("DELETE FROM things WHERE id = ?", [(2,)])
        self.batch.flush()
        self.assertEqual(self.rows(), {1: "thing 1"})

    def test_unsure(self) -> None:
        """If a row is not changed, or cannot be added, it is said that a piece of the work has failed."""
        self.add(1)
        self.batch.changeOne(NAME, ("no such thing", 7))
        self.assertRaises(Unsure, self.batch.flush)
        self.batch.flush()  # nothing is left
        self.add(3, 3)
        self.assertRaises(Unsure, self.batch.execute, "SELECT 1")
        self.batch.changeOne(NAME, (3, 1))
        for id in (1, 8):
            self.batch.changeOne(NAME, ("two things", id))
        self.assertRaises(Unsure, self.batch.flush)

    def test_diskFull(self) -> None:
        """An error of the disk is reported as it is."""
        self.connection.execute("PRAGMA query_only = 1")
        self.add(1)
        self.assertRaises(sqlite3.OperationalError, self.batch.flush)

    def test_atOnce(self) -> None:
        """Without postponing, the caller learns at once whether a row was changed."""
        batch = Batch(self.connection, isPostponing=False, isOutage=isOutage)
        self.assertTrue(batch.changeOne(ADD, (1, "one")))
        self.assertEqual([batch.changeOne(NAME, ("a", 1)), batch.changeOne(NAME, ("b", 2))], [True, False])
        self.assertRaises(sqlite3.IntegrityError, batch.changeOne, ADD, (1, "again"))
        self.assertEqual(self.rows(), {1: "a"})
