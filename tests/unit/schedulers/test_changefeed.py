"""A scheduler gets each change once, in order."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.schedulers.changefeed import ChangeFeed
from buildbot.store.outbox import RETRY_AFTER
from tests.schedulers import SchedulerCase, TestStore, mainScheduler


class Follower:
    """A scheduler that records its calls."""

    name = "main"

    def __init__(self) -> None:
        self.taken: list[int | None] = []
        self.changes = self.failures = 0

    def addChange(self, change: Change) -> None:
        self.taken.append(change.number)

    def changed(self) -> None:
        self.changes += 1

    def storeFails(self, reason: object) -> None:
        self.failures += 1


class ChangeFeedTests(unittest.SynchronousTestCase):
    """See L{ChangeFeed}."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = TestStore()
        self.store.open()
        self.follower = Follower()
        self.feed = ChangeFeed(self.follower, self.store, self.clock)
        self.made = [
            self.successResultOf(self.store.addChange(Change("ann", ["a.c"], str(n)))) for n in range(3)
        ]

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_inOrder(self) -> None:
        """A change that is reported too early is read from the store together with those before it."""
        self.feed.changeAdded(self.made[2])
        self.feed.changeAdded(self.made[1])
        self.feed.changeAdded(self.made[0])
        self.assertEqual((self.follower.taken, self.feed.seen), ([1, 2, 3], 3))

    def test_full(self) -> None:
        """If the store cannot be read, the feed retries; no change is taken twice."""
        self.feed.changeAdded(self.made[0])
        self.store.full = True
        self.feed.changeAdded(self.made[2])
        self.clock.advance(RETRY_AFTER)
        self.store.full = False
        self.assertEqual((self.follower.taken, self.follower.failures), ([1], 2))
        self.clock.advance(RETRY_AFTER)
        self.assertEqual(self.follower.taken, [1, 2, 3])

    def test_stopped(self) -> None:
        """After a stop no change is taken, even if the store was being read."""
        self.store.lazy = True
        self.feed.changeAdded(self.made[2])
        self.feed.stop()
        self.store.flush()
        self.assertEqual(self.follower.taken, [])

    def test_stoppedWhileFull(self) -> None:
        """After a stop there is no retry."""
        self.store.full = True
        self.feed.changeAdded(self.made[2])
        self.feed.stop()


class DoorTests(SchedulerCase):
    """The master's call of a scheduler."""

    def test_plainAddChange(self) -> None:
        """The addChange of a running scheduler is that of its class, as 0.7.5's plug-ins expect."""
        scheduler = self.use(mainScheduler())
        self.assertNotIn("addChange", vars(scheduler))
        change = self.commit()
        scheduler.changeAdded(change)
        self.assertEqual(scheduler.waitingChanges(), 1)
