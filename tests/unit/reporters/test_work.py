"""The work of a reporter, piece by piece."""

from __future__ import annotations

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.reporters.work import PATIENCE, Work


class WorkTests(unittest.TestCase):
    """Work is done in order, and a stop waits for it."""

    def setUp(self) -> None:
        self.work, self.clock, self.said = Work("cannot be told"), Clock(), list[str]()
        self.first: Deferred[None] = Deferred()
        self.work.do(self.saying("first", self.first))
        self.work.do(self.saying("second"))

    async def saying(self, word: str, after: Deferred[None] | None = None) -> None:
        """Say a word, perhaps after something else."""
        if after is not None:
            await after
        self.said.append(word)

    def test_order(self) -> None:
        """Later work waits for earlier work."""
        self.assertEqual(self.said, [])
        self.first.callback(None)
        self.assertEqual(self.said, ["first", "second"])

    def test_failure(self) -> None:
        """A piece that fails is logged, and the next one is done."""
        self.first.errback(ZeroDivisionError())
        self.assertEqual(self.said, ["second"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """A stop waits until all work is done."""
        done = ensureDeferred(self.work.isDone(self.clock))
        self.assertNoResult(done)
        self.first.callback(None)
        self.assertTrue(self.successResultOf(done))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stuck(self) -> None:
        """A stop does not wait for ever for work that hangs."""
        done = ensureDeferred(self.work.isDone(self.clock))
        self.clock.advance(PATIENCE)
        self.assertFalse(self.successResultOf(done))
