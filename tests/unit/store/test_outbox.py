"""Work that is retried until the store works."""

from __future__ import annotations

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from twisted.trial import unittest

from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import RETRY_AFTER, NotYet, Outbox, untilKept


class OutboxCase(unittest.SynchronousTestCase):
    """A store that accepts, refuses or delays work."""

    atOnce: int | None = None

    def setUp(self) -> None:
        self.clock = Clock()
        self.kept: list[str] = []
        self.tried: list[str] = []
        self.said: list[str] = []
        self.refusal: Exception | None = None
        self.slow: list[tuple[str, Deferred[str]]] | None = None
        self.outbox: Outbox[str, str] = Outbox(
            self.clock,
            self.keep,
            self.atOnce,
            lambda why: self.said.append(why.reason),
            lambda: self.said.append("works"),
        )

    def keep(self, work: str) -> Deferred[str]:
        self.tried.append(work)
        if work == "bad":
            return fail(ValueError(work))
        if self.slow is not None:
            self.slow.append((work, Deferred()))
            return self.slow[-1][1]
        if self.refusal is not None:
            return fail(self.refusal)
        self.kept.append(work)
        return succeed(work)

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OutboxTests(OutboxCase):
    """See L{Outbox}."""

    def test_atOnce(self) -> None:
        """While the store works, everything is sent at once."""
        self.slow = []
        first, second = self.outbox.add("a"), self.outbox.add("b")
        self.assertEqual((self.tried, len(self.outbox), self.outbox.waiting), (["a", "b"], 2, 0))
        for work, done in self.slow:
            done.callback(work)
        self.assertEqual([self.successResultOf(first), self.successResultOf(second)], ["a", "b"])

    def test_waits(self) -> None:
        """While the store fails, only the oldest work is retried; the rest follows in order."""
        self.refusal = StoreFailed("full")
        for work in "abc":
            self.outbox.add(work)
        self.clock.pump([RETRY_AFTER] * 2)
        self.assertEqual((self.tried, self.outbox.waiting), (["a"] * 3, 3))
        self.refusal = None
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.kept, ["a", "b", "c"])
        self.assertEqual(self.said, ["full", "full", "full", "works"])

    def test_order(self) -> None:
        """Work that failed while other work was being sent keeps its place."""
        self.slow = []
        for work in "ab":
            self.outbox.add(work)
        for _, done in reversed(self.slow):
            done.errback(StoreFailed("full"))
        self.slow = None
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.kept, ["a", "b"])

    def test_final(self) -> None:
        """Any other error concerns one piece of work only."""
        bad, good = self.outbox.add("bad"), self.outbox.add("good")
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.successResultOf(good), "good")

    def test_many(self) -> None:
        """Thousands of waiting pieces are sent without deep recursion."""
        self.refusal = StoreFailed("full")
        for number in range(3000):
            self.outbox.add(str(number))
        self.refusal = None
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(len(self.kept), 3000)

    def test_refused(self) -> None:
        """Refused work fails in a later turn, and is counted."""
        refused = self.outbox.refuse(StoreFailed("no room"))
        self.assertNoResult(refused)
        self.clock.advance(0)
        self.assertEqual(self.outbox.refused, 1)

    def test_finish(self) -> None:
        """At the end all waiting work is tried once more, and later work once; its caller is told (P2)."""
        self.refusal = StoreFailed("full")
        for work in "ab":
            self.outbox.add(work)
        self.successResultOf(self.outbox.finish())
        late = self.outbox.add("c")
        told: list[object] = []
        late.addErrback(lambda why: told.append(why.type))
        self.clock.advance(0)
        self.assertEqual(told, [StoreFailed])
        self.assertEqual((self.tried, self.outbox.refused, len(self.outbox)), (["a", "a", "b", "c"], 3, 0))
        self.refusal = None
        self.outbox.reopen()
        self.assertEqual(self.successResultOf(self.outbox.add("d")), "d")

    def test_stop(self) -> None:
        """After a stop, the Deferreds of unfinished work never fire."""
        self.slow = []
        waits = self.outbox.add("a")
        self.outbox.stop()
        self.slow[0][1].errback(StoreFailed("late"))
        self.assertNoResult(waits)
        self.assertEqual((self.said, len(self.outbox)), ([], 0))


class SerialTests(OutboxCase):
    """The same, for one piece of work at a time."""

    atOnce = 1

    def test_oneByOne(self) -> None:
        """The next piece is sent when the one before is done."""
        self.slow = []
        for work in "ab":
            self.outbox.add(work)
        self.assertEqual(self.tried, ["a"])
        self.slow[0][1].callback("a")
        self.assertEqual(self.tried, ["a", "b"])
        self.slow[1][1].callback("b")

    def test_notYet(self) -> None:
        """Work may set its own delay for the retry; later work waits behind it."""
        self.refusal = NotYet(1.0)
        self.outbox.add("a")
        self.refusal = None
        self.outbox.add("b")
        self.assertEqual(self.tried, ["a"])
        self.clock.advance(1)
        self.assertEqual((self.kept, self.said), (["a", "b"], ["works"]))

    def test_during(self) -> None:
        """Work added while the result of other work is delivered goes to the end."""
        self.slow = []
        self.outbox.add("a").addCallback(lambda answer: self.outbox.add("c"))
        self.outbox.add("b")
        self.slow[0][1].callback("a")
        self.assertEqual(self.tried, ["a", "b"])
        self.slow[1][1].callback("b")
        self.assertEqual(self.tried, ["a", "b", "c"])
        self.slow[2][1].callback("c")


class UntilKeptTests(OutboxCase):
    """See L{untilKept}."""

    def repeat(self, isOver: bool = False) -> Deferred[str | None]:
        return ensureDeferred(
            untilKept(
                lambda: self.keep("a"),
                lambda seconds: deferLater(self.clock, seconds),
                lambda why: self.said.append(why.reason),
                lambda: isOver,
            )
        )

    def test_again(self) -> None:
        """A write is repeated until the store accepts it."""
        self.refusal = StoreFailed("full")
        writing = self.repeat()
        self.clock.advance(RETRY_AFTER)
        self.refusal = None
        self.assertNoResult(writing)
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.successResultOf(writing), "a")
        self.assertEqual(self.said, ["full", "full"])

    def test_over(self) -> None:
        """It is not repeated when its owner does not wait any more."""
        self.refusal = StoreFailed("full")
        self.assertIsNone(self.successResultOf(self.repeat(isOver=True)))
