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

    def test_whole(self) -> None:
        """Work that cannot be stopped keeps its turn although nobody waits for it any more."""
        ends: list[Deferred[str]] = []

        def begin() -> Deferred[str]:
            ends.append(Deferred())
            return ends[-1]

        works = [ensureDeferred(self.turns.whole(begin)) for _ in range(4)]
        for each in (0, 1, 2):
            works[each].cancel()
            self.failureResultOf(works[each], CancelledError)
        self.assertEqual((len(ends), self.turns.waiting), (2, 1))
        ends[0].errback(ValueError("no"))
        self.assertEqual((len(ends), self.turns.waiting), (3, 0))
        ends[2].callback("done")
        self.assertEqual(self.successResultOf(works[3]), "done")
        ends[1].callback("late")
        self.assertTrue(self.turns.isFree)

    def test_cannotBegin(self) -> None:
        """Work that cannot even begin gives its turn to the next."""

        def begin() -> Deferred[str]:
            raise ValueError("no")

        self.failureResultOf(ensureDeferred(self.turns.whole(begin)), ValueError)
        self.assertTrue(self.turns.isFree)

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
