"""The incomplete build sets of a store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from twisted.trial import unittest

from buildbot.model.records import BuildsetRecord
from buildbot.store import opensets
from buildbot.store.opensets import OpenSets


class OpenSetsTests(unittest.SynchronousTestCase):
    """See L{OpenSets}. The set 1 has the requests 11 and 12, the set 2 has 21 and 22."""

    def setUp(self) -> None:
        """Make a database with two sets."""
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        execute = self.connection.execute
        execute(
            "CREATE TABLE requests (id INTEGER PRIMARY KEY, buildset INTEGER, state TEXT, results INTEGER)"
        )
        execute("INSERT INTO requests (id, buildset, state) VALUES (11, 1, 'pending'), (12, 1, 'pending')")
        execute("INSERT INTO requests (id, buildset, state) VALUES (21, 2, 'pending'), (22, 2, 'pending')")
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.statements.append)
        self.sets = OpenSets(lambda ids: {id: buildset(id) for id in ids if id != 3})

    def done(self, ids: Sequence[int], results: int) -> dict[int, int | None]:
        """End requests, also in the database. Returns the results of the sets that this completes."""
        for id in ids:
            self.connection.execute(
                "UPDATE requests SET state = 'done', results = ? WHERE id = ?", (results, id)
            )
        self.statements.clear()
        complete = self.sets.done(self.connection, ids, results)
        return {id: each.results for id, each in complete.items()}

    def test_known(self) -> None:
        """The end of a set that was added reads nothing. Its result is the worst of all."""
        self.sets.add(buildset(1), [11, 12])
        self.assertEqual(self.done([11], 2), {})
        self.assertEqual(self.done([12], 0), {1: 2})
        self.assertEqual(self.statements, [])

    def test_unknown(self) -> None:
        """A set of an earlier process, or from before a rollback, is read."""
        self.sets.add(buildset(1), [11, 12])
        self.assertEqual(self.done([11], 2), {})
        self.sets.forget()
        self.assertEqual(self.done([12, 22], 0), {1: 2})
        self.assertEqual(len(self.statements), 2, self.statements)
        self.assertEqual(self.done([21], 1), {2: 1})
        self.assertEqual(self.statements, [])

    def test_many(self) -> None:
        """The end of very many requests of an earlier process costs few statements, not some for each."""
        rows = [(number, number) for number in range(100, 1300)]
        self.connection.executemany("INSERT INTO requests VALUES (?, ?, 'pending', NULL)", rows)
        ended = self.done([number for number, _ in rows], 0)
        self.assertEqual(ended, {number: 0 for number, _ in rows})
        self.assertEqual(len(self.statements), 6)

    def test_several(self) -> None:
        """Requests of several sets may end at once. The sets come in the order of their numbers."""
        self.sets.add(buildset(2), [21, 22])
        complete = self.done([21, 11, 22, 12], 6)
        self.assertEqual(list(complete.items()), [(1, 6), (2, 6)])

    def test_most(self) -> None:
        """Only the latest sets are in memory. The others still end."""
        self.patch(opensets, "MOST_SETS", 1)
        self.sets.add(buildset(1), [11, 12])
        self.sets.add(buildset(2), [21, 22])
        self.assertEqual(self.done([21, 11, 22, 12], 0), {1: 0, 2: 0})

    def test_unreadable(self) -> None:
        """A set whose record cannot be read is complete too."""
        self.connection.execute("INSERT INTO requests (id, buildset, state) VALUES (31, 3, 'pending')")
        self.assertEqual(self.done([31], 0), {3: 0})


def buildset(id: int) -> BuildsetRecord:
    """A set of this number."""
    return BuildsetRecord(id, "because", {}, 1.0, {})
