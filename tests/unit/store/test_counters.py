"""The counters of a store."""

from __future__ import annotations

import sqlite3

from twisted.trial import unittest

from buildbot.store.counters import Counters


class CountersTests(unittest.SynchronousTestCase):
    """See L{Counters}."""

    def setUp(self) -> None:
        """Make a database with one counter."""
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        self.connection.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        self.connection.execute("INSERT INTO counters VALUES ('change', 7)")
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.statements.append)
        self.counters = Counters()

    def next(self, name: str, first: int = 0) -> int:
        """The next number."""
        return self.counters.next(self.connection, name, first)

    def rows(self) -> dict[str, int]:
        """The counters in the database."""
        return dict(self.connection.execute("SELECT name, value FROM counters"))

    def test_next(self) -> None:
        """Numbers go on from those in the database; a new counter begins with the first number."""
        self.assertEqual([self.next("change"), self.next("change")], [7, 8])
        self.assertEqual([self.next("build full", 3), self.next("build full", 3)], [3, 4])
        self.assertEqual(self.next("change", first=20), 20)
        self.assertEqual(self.rows(), {"change": 7})
        self.counters.write(self.connection)
        self.assertEqual(self.rows(), {"change": 21, "build full": 5})

    def test_once(self) -> None:
        """A transaction reads a counter once and writes it once; a later one does not read it."""
        for _ in range(3):
            self.next("change")
        self.counters.write(self.connection)
        self.assertEqual(len(self.statements), 2, self.statements)
        self.next("change")
        self.assertEqual(len(self.statements), 2, self.statements)
        self.counters.write(self.connection)
        self.counters.write(self.connection)
        self.assertEqual(len(self.statements), 3, self.statements)
        self.assertEqual(self.rows(), {"change": 11})

    def test_peek(self) -> None:
        """A number that was only looked at is given again."""
        self.assertEqual(self.counters.peek(self.connection, "change", 0), 7)
        self.assertEqual(self.counters.peek(self.connection, "change", 9), 9)
        self.counters.write(self.connection)
        self.assertEqual(self.next("change"), 7)
        self.assertEqual(self.rows(), {"change": 7})

    def test_forget(self) -> None:
        """After a rollback, the numbers of the transaction are given again."""
        self.next("change")
        self.next("build full")
        self.counters.forget()
        self.assertEqual([self.next("change"), self.next("build full")], [7, 0])
        self.counters.forget()
        self.counters.write(self.connection)
        self.assertEqual(self.rows(), {"change": 7})
