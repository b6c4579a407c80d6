"""Tests of buildbot.web.lastrows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.store.memorylists import MemoryLists
from buildbot.web.lastrows import advanced, merged, standingOf
from tests.unit.web.test_standing import history


class MergedTests(unittest.SynchronousTestCase):
    """The last builds of a builder are put together from kept and new rows."""

    def numbers(self, news: str, kept: str, count: int = 20, few: int = 3) -> list[int] | None:
        """The numbers of the merged rows. C{kept} is the history as it was, C{news} as it is."""
        found = merged(history(news)[:few], history(kept), count)
        return None if found is None else [row.number for row in found]

    def test_added(self) -> None:
        """New builds come before the kept ones, and the oldest of them are left out."""
        self.assertEqual(self.numbers("gggggr", "ggggg"), [5, 4, 3, 2, 1, 0])
        self.assertEqual(self.numbers("gggggr", "ggggg", 4), [5, 4, 3, 2])

    def test_gap(self) -> None:
        """Too many new builds: the others must be read, too."""
        self.assertIsNone(self.numbers("gggggggg", "gggg"))
        self.assertEqual(self.numbers("ggggggg", "gggg"), [6, 5, 4, 3, 2, 1, 0])
        self.assertIsNone(self.numbers("ggg", ""))
        self.assertIsNone(self.numbers("", "ggg"))

    def test_notYet(self) -> None:
        """A build can be in the store before it is in memory."""
        self.assertIsNone(self.numbers("ggg", "ggg-"))

    def test_ran(self) -> None:
        """An old build that was running may have ended since."""
        self.assertIsNone(self.numbers("grggg", "g-gg"))
        self.assertEqual(self.numbers("ggrgg", "gg-g"), [4, 3, 2, 1, 0])


class StandingTests(unittest.SynchronousTestCase):
    """How a builder stands is often clear from its last builds."""

    @given(st.text("grxws-", max_size=9), st.integers(0, 9))
    def test_asTheStore(self, letters: str, few: int) -> None:
        """A standing that is made of the last builds is the same as that of all builds."""
        rows = history(letters)
        known = standingOf(rows[:few], isAll=len(rows) <= few)
        if known is not None or len(rows) <= few:
            self.assertEqual(known, MemoryLists(lambda: rows, list).getStanding("full"))

    def test_green(self) -> None:
        """After a good build, older builds do not matter."""
        standing = standingOf(history("rrrrgrr"), isAll=False)
        assert standing is not None and standing.red is not None
        self.assertEqual(standing.red.number, 5)
        self.assertIsNone(standingOf(history("grr")[:2], isAll=False))


class AdvancedTests(unittest.SynchronousTestCase):
    """A known standing is carried on while the store cannot be read."""

    @given(st.text("grxws-", max_size=8), st.integers(0, 8))
    def test_random(self, text: str, count: int) -> None:
        """The standing after the first builds, and then the others, is that after all builds."""
        before = standingOf(history(text[:count]), isAll=True)
        assert before is not None
        self.assertEqual(advanced(before, history(text)), standingOf(history(text), isAll=True))
