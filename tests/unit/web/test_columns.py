"""Tests of buildbot.web.pages.columns."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.markup import escape
from buildbot.web.pages.columns import UNIT, Box, Newest, layout


def box(start: float, end: float, name: str = "x") -> Box:
    """A box with a name."""
    return Box(start, end, "BuildStep", escape(name))


def widths(columns: list[list[Box]], most: int) -> list[list[int]]:
    """The number of cells that cover each row, one for each column, from the rowspans."""
    rows = layout(columns, most)
    covered = [0] * len(rows)
    for number, row in enumerate(rows):
        for cell in row.cells:
            span = int(re.findall(r'rowspan="(\d+)"', cell)[0])
            for each in range(number, number + span):
                covered[each] += 1
    return [covered]


TIMES = st.tuples(st.integers(0, 50), st.integers(0, 10)).map(lambda pair: box(pair[0], pair[0] + pair[1]))


class ColumnsTests(unittest.SynchronousTestCase):
    """Boxes become a table."""

    def test_sideBySide(self) -> None:
        """Boxes of the same time stand side by side; the newest row is the first."""
        rows = layout([[box(10, 20, "a"), box(20, 30, "b")], [box(10, 30, "c")]], 100)
        self.assertEqual([row.time for row in rows], [20, 10])
        self.assertIn(">b<", rows[0].cells[0])
        self.assertIn('rowspan="2"', rows[0].cells[1])
        self.assertIn(">a<", rows[1].cells[0])

    def test_short(self) -> None:
        """A box of no duration has a row."""
        self.assertEqual(len(layout([[box(5, 5)]], 100)), 1)
        self.assertEqual(layout([[]], 100), [])

    def test_most(self) -> None:
        """Only the newest rows are shown; a box that began earlier is cut off."""
        rows = layout([[box(each, each + 1) for each in range(0, 100, 2)], [box(0, 100, "long")]], 10)
        self.assertEqual(len(rows), 10)
        self.assertIn("long", rows[0].cells[1])

    @given(st.lists(st.lists(TIMES, max_size=6), max_size=12), st.integers(1, 8))
    def test_newest(self, builds: list[list[Box]], most: int) -> None:
        """A build that ends below the last row changes nothing: the table is the same without it."""
        builds.sort(key=lambda boxes: max((each.ends for each in boxes), default=0), reverse=True)
        newest, shown = Newest(most), []
        for boxes in builds:
            if newest.isBelow(max((each.ends for each in boxes), default=0) / UNIT):
                break
            newest.add(boxes)
            shown.append(boxes)
        whole, part = ([[each for boxes in some for each in boxes]] for some in (builds, shown))
        self.assertEqual(layout(part, most), layout(whole, most))
        shown += [[]] * (len(builds) - len(shown))
        self.assertEqual(layout(shown, most), layout(builds, most))

    def test_isBelow(self) -> None:
        """Nothing is below the last row while there is room; with one second of doubt after that."""
        newest = Newest(1)
        self.assertFalse(newest.isBelow(0))
        newest.add([box(10, 20), box(30, 40), box(5, 7)])
        self.assertEqual([newest.isBelow(each) for each in (28.9, 29.1, 30, 50)], [True, False, False, False])

    def test_sameSecond(self) -> None:
        """Many boxes of one second are all shown, one above the other."""
        boxes = [box(5 + number / 50, 5 + number / 50 + 0.01, f"s{number}") for number in range(20)]
        boxes += [box(5.5, 5.5, f"t{number}") for number in range(5)]
        text = "".join(cell for row in layout([boxes], 100) for cell in row.cells)
        for each in (*(f">s{number}<" for number in range(20)), *(f">t{number}<" for number in range(5))):
            self.assertIn(each, text)

    @given(st.lists(st.lists(TIMES, max_size=8), min_size=1, max_size=5), st.integers(1, 40))
    def test_complete(self, columns: list[list[Box]], most: int) -> None:
        """Every row has exactly one cell for each column, whatever overlaps."""
        (covered,) = widths(columns, most)
        self.assertEqual(set(covered) - {len(columns)}, set())
