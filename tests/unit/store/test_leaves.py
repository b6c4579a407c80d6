"""Rows read from the leaf pages of a file that has lost its inner pages."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.store.leaves import PAGE, rowsOnLeaves
from tests.examples import examples
from tests.unit.store.test_flips import COUNT, FlipsCase

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.binary(max_size=30),
)


class LeavesTests(unittest.SynchronousTestCase):
    """Reading the leaf pages that SQLite writes."""

    def image(self, rows: Sequence[tuple[object, ...]]) -> bytes:
        """A file with these rows in one table."""
        path = os.path.join(self.mktemp())
        with closing(sqlite3.connect(path)) as file:
            file.execute("CREATE TABLE t (a, b, c)")
            file.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
            file.commit()
        return Path(path).read_bytes()

    @settings(max_examples=examples(30), deadline=None)
    @given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=30))
    def test_anyValues(self, rows: list[tuple[object, ...]]) -> None:
        """H9: any rows on the leaf pages of a table are read unchanged."""
        found = sorted(rowsOnLeaves(self.image(rows)))
        self.assertEqual([(number, tuple(values)) for number, values in found], list(enumerate(rows, 1)))

    def test_long(self) -> None:
        """H9: rows that continue on overflow pages are read to their end."""
        rows = [("x" * size, size, None) for size in (0, 489, 4000, 4050, 4060, 4061, 4062, 9000, 200000)]
        found = sorted(rowsOnLeaves(self.image(rows)))
        self.assertEqual([tuple(values) for _, values in found], rows)

    def test_nonsense(self) -> None:
        """H9: reading any pages ends."""
        chance = random.Random(3)
        image = bytearray(self.image([("x" * size, size, None) for size in range(0, 20000, 500)]))
        for _ in range(50):
            for _ in range(20):
                image[chance.randrange(len(image))] = chance.randrange(256)
            list(rowsOnLeaves(bytes(image)))
        for page in range(20):
            list(rowsOnLeaves(b"\x0d" + chance.randbytes(PAGE * page)))


class TreesTests(FlipsCase):
    """A store that has lost inner pages."""

    def test_rootLost(self) -> None:
        """H9: a table whose first page is overwritten loses nothing: all its rows are on other pages."""
        with closing(sqlite3.connect(self.file)) as file:
            roots = dict(
                file.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'").fetchall()
            )
        for table in ("builds", "changes", "buildsets"):
            start = (roots[table] - 1) * PAGE
            self.assertEqual(self.text[start], 5, f"{table} has one page only")
            text = self.text[:start] + b"\xa5" * PAGE + self.text[start + PAGE :]
            self.assertEqual(self.lost(self.after(text)), [0] * 5, table)

    def test_prunedStays(self) -> None:
        """H9: pruned records do not come back."""
        self.get(self.store.open())
        self.get(self.store.prune(3))
        kept = len(self.contents(self.store)[3])
        self.assertLess(kept, COUNT)
        self.get(self.store.close())
        text = Path(self.file).read_bytes()
        with closing(sqlite3.connect(self.file)) as file:
            (root,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'changes'").fetchone()
        start = (root - 1) * PAGE
        found = self.after(text[:start] + b"\xa5" * PAGE + text[start + PAGE :])
        self.assertEqual(len(found[3]), kept)
