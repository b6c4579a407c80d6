"""Tests of buildbot.events.turns."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.events.turns import Turns


class TurnsTests(unittest.SynchronousTestCase):
    """Work waits for its turn."""

    def setUp(self) -> None:
        self.turns = Turns(2)
        self.ends: dict[str, Deferred[None]] = {}
        self.done: list[str] = []

    def begin(self, name: str) -> Deferred[None]:
        """Begin a work that ends when its Deferred fires."""

        async def work() -> None:
            async with self.turns:
                self.ends[name] = Deferred()
                await self.ends[name]
                self.done.append(name)

        return ensureDeferred(work())

    def test_most(self) -> None:
        """At most two go on at a time, in the order of their arrival."""
        for name in "abc":
            self.begin(name)
        self.assertEqual((list(self.ends), self.turns.waiting), (["a", "b"], 1))
        self.ends["b"].callback(None)
        self.assertEqual((list(self.ends), self.turns.waiting), (["a", "b", "c"], 0))
        self.assertFalse(self.turns.isFree)
        self.ends["a"].callback(None)
        self.ends["c"].callback(None)
        self.assertTrue(self.turns.isFree)

    def test_failure(self) -> None:
        """Work that fails gives its turn to the next."""
        first, _, _ = (self.begin(name) for name in "abc")
        self.ends["a"].errback(ValueError("no"))
        self.failureResultOf(first, ValueError)
        self.assertIn("c", self.ends)

    def test_cancelled(self) -> None:
        """Work that is cancelled leaves the queue, or gives its turn to the next."""
        works = [self.begin(name) for name in "abcd"]
        works[2].cancel()
        self.failureResultOf(works[2], CancelledError)
        works[0].cancel()
        self.failureResultOf(works[0], CancelledError)
        self.assertEqual(list(self.ends), ["a", "b", "d"])

    def test_thousands(self) -> None:
        """Thousands in the queue get their turns, although the work of each ends at once."""
        turns, done = Turns(), []

        async def quick(number: int) -> None:
            async with turns:
                done.append(number)

        self.successResultOf(turns.acquire())
        works = [ensureDeferred(quick(number)) for number in range(5000)]
        turns.release()
        self.assertEqual((done, turns.isFree), (list(range(5000)), True))
        self.assertTrue(all(each.called for each in works))
