"""Long work of a step in time slices."""

from __future__ import annotations

from collections.abc import Generator

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.process.slices import atOnce, inSlices
from buildbot.wire.budget import SLICE


class SlicesTests(unittest.SynchronousTestCase):
    """H3: work that takes long."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.done = 0

    def work(self, parts: int, fails: bool = False) -> Generator[None, None, str]:
        """Work of which each part takes a second."""
        for _ in range(parts):
            self.clock.rightNow += 1
            self.done += 1
            yield
        if fails:
            raise ZeroDivisionError("work")
        return "done"

    def test_short(self) -> None:
        """H3: short work is done at once."""
        self.successResultOf(inSlices(iter(range(100)), self.clock))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_long(self) -> None:
        """H3: long work leaves time for others, and is completed."""
        doing = inSlices(self.work(10), self.clock)
        before = []
        while not doing.called:
            before.append(self.done)
            self.clock.advance(SLICE)
        self.successResultOf(doing)
        self.assertEqual((before, self.done), ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10))

    def test_fails(self) -> None:
        """H3: work that raises in any slice, or is cancelled, fails its Deferred."""
        self.failureResultOf(inSlices(self.work(0, True), self.clock), ZeroDivisionError)
        late = inSlices(self.work(5, True), self.clock)
        unwanted = inSlices(self.work(5), self.clock, lambda: 1 / 0)
        self.assertNoResult(unwanted)
        self.clock.pump([SLICE] * 9)
        self.failureResultOf(late, ZeroDivisionError)
        self.failureResultOf(unwanted, ZeroDivisionError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_atOnce(self) -> None:
        """Short work can be done synchronously."""
        self.assertEqual((atOnce(self.work(3)), self.done), ("done", 3))
