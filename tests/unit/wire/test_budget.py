"""Limits on the cost of peers: memory accounts, and work in slices."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial import unittest

from buildbot.wire.budget import Budget, BudgetExceeded, weigh, workFor


class BudgetTests(unittest.SynchronousTestCase):
    """Memory accounts."""

    def test_most(self) -> None:
        """H3: an account accepts data up to its limit, and refuses more with a reason."""
        budget = Budget("the news", 2048)
        budget.take(2048)
        refused = self.assertRaises(BudgetExceeded, budget.take, 1)
        self.assertEqual(str(refused), "the news is more than 2 KiB")
        budget.giveBack(1000)
        budget.take(1000)
        self.assertEqual(budget.spent, 2048)

    def test_together(self) -> None:
        """H3: commands of one slave that are each within their limit are refused when they exceed it
        together.
        """
        peer = Budget("the peer's", 100)
        first, second = Budget("a", 80, peer), Budget("b", 80, peer)
        first.take(80)
        self.assertRaises(BudgetExceeded, second.take, 21)
        self.assertEqual((second.spent, peer.spent), (0, 80))
        first.close()
        first.close()
        second.take(80)
        self.assertEqual((first.spent, peer.spent), (0, 80))


class WeighTests(unittest.SynchronousTestCase):
    """The memory of a value."""

    def test_contents(self) -> None:
        """H3: a value is weighed by its memory: many small parts weigh far more than on the wire."""
        self.assertGreater(weigh([[]] * 1000), 64_000)
        self.assertGreater(weigh({str(n): None for n in range(1000)}), 150_000)
        self.assertGreaterEqual(weigh((b"x" * 1000, {"k" * 1000})), 2000)
        self.assertGreaterEqual(weigh("\U0001f600" + "x" * 1000), 4000)
        self.assertLess(weigh(7), 100)


class WorkTests(unittest.SynchronousTestCase):
    """Work in time slices."""

    def test_slices(self) -> None:
        """H3: long work stops at the end of its time slice, and continues there in the next one."""
        time, done = 0.0, 0

        def work() -> Iterator[None]:
            nonlocal time, done
            for _ in range(10):
                time, done = time + 1, done + 1
                yield

        steps = work()
        self.assertFalse(workFor(4.0, steps, lambda: time))
        self.assertEqual(done, 4)
        self.assertTrue(workFor(40.0, steps, lambda: time))
        self.assertEqual(done, 10)
