"""The lines around hits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.logs.context import Around, Line
from buildbot.logs.matching import Hit
from tests.examples import examples

LINES = [b"%d\n" % number for number in range(1, 41)]


def told(count: int, hits: set[int], cuts: set[int], last: bytes = b"") -> list[Line]:
    """The lines around hits, of data that is cut after some lines."""
    around = Around(count)
    found: list[Line] = []
    begin = 0
    for end in [*sorted(cuts), len(LINES)]:
        data = b"".join(LINES[begin:end]) + (last if end == len(LINES) else b"")
        chosen = [Hit(line, str(line), 0) for line in sorted(hits) if begin < line <= end]
        found += around.feed(data, begin + 1, chosen)
        begin = end
    return found


class AroundTests(unittest.SynchronousTestCase):
    """L{Around}."""

    def test_none(self) -> None:
        """Without context only the hits are told."""
        self.assertEqual(told(0, {3, 7}, {4}), [Line(3, "3", 0), Line(7, "7", 0)])

    def test_some(self) -> None:
        """Lines before and after come once, also where two hits share them."""
        self.assertEqual(
            told(1, {3, 5}, set()),
            [Line(2, "2", None), Line(3, "3", 0), Line(4, "4", None), Line(5, "5", 0), Line(6, "6", None)],
        )

    def test_edges(self) -> None:
        """The first and the last line have fewer lines around; the last may be incomplete."""
        numbers = [each.number for each in told(2, {1, 40}, set(), b"rest")]
        self.assertEqual(numbers, [1, 2, 3, 38, 39, 40, 41])

    def test_long(self) -> None:
        """Of a long line beside a hit, only the beginning is told."""
        around = Around(1)
        found = around.feed(b"x" * 5000 + b"\nhit\n", 1, [Hit(2, "hit", 0)])
        self.assertEqual([len(each.text) for each in found], [400, 3])
        self.assertEqual(Around(1).feed(b"\xff\nhit\n", 1, [Hit(2, "hit", 0)])[0].text, "\ufffd")

    @settings(max_examples=examples(200), deadline=None)
    @given(
        st.integers(1, 6),
        st.sets(st.integers(1, 40), max_size=8),
        st.sets(st.integers(1, 39), max_size=12),
    )
    def test_pieces(self, count: int, hits: set[int], cuts: set[int]) -> None:
        """The pieces of the data make no difference; exactly the lines near hits are told, in order."""
        near = [line for line in range(1, 41) if any(abs(line - hit) <= count for hit in hits)]
        found = told(count, hits, cuts)
        self.assertEqual([each.number for each in found], near)
        self.assertEqual([each.text for each in found], list(map(str, near)))
        self.assertEqual({each.number for each in found if each.at is not None}, hits)
