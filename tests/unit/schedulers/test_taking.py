"""F16: changes with which a scheduler crashes the master at each start."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial import unittest

from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.scheduler import BaseScheduler
from buildbot.schedulers.taking import MOST_STARTS, Taking
from tests.schedulers import SchedulerCase


class Killed(BaseException):
    """The process ends here; nothing catches it."""


class Deadly(BaseScheduler):
    """A user's scheduler that crashes the master on some changes."""

    def __init__(self, deadly: str) -> None:
        BaseScheduler.__init__(self, "deadly")
        self.deadly = deadly
        self.taken: list[Any] = []

    def addChange(self, change: Any) -> None:
        if change.comments == self.deadly:
            raise Killed
        self.taken.append(change.number)
        self.submit(BuildSet(["full"], SourceStamp(changes=[change]), "each"))


class TakingTests(unittest.TestCase):
    """The rule."""

    def test_counts(self) -> None:
        """F16: each start counts for the changes that it has started to take, until they are taken."""
        taking = Taking(None, [4, 5, 6])
        self.assertFalse(taking.isSuspicious)
        taking.begin([4, 5, 6])
        self.assertEqual(taking.toRecord(), {"4": 1, "5": 1, "6": 1})
        again = Taking(taking.toRecord(), [4, 5, 6])
        self.assertTrue(again.isSuspicious)
        for number in (4, 5):
            again.begin([number])
            self.assertEqual((again.toRecord() or {})[str(number)], 2)
            again.taken(number)
        again.taken(6)
        self.assertIsNone(again.toRecord())

    def test_others(self) -> None:
        """F16: counts of other changes, and invalid ones, are dropped."""
        taking = Taking({"1": 2, "x": 3, "7": "y", "8": 1}, [7, 8, 9])
        self.assertEqual(taking.toRecord(), {"8": 1})
        record: Any
        for record in ([], 5, "x", {"3": 9}):
            self.assertFalse(Taking(record, [1]).isSuspicious)

    def test_hopeless(self) -> None:
        """F16: a change is skipped after three starts."""
        record: Any = None
        for number in range(MOST_STARTS):
            taking = Taking(record, [1])
            self.assertFalse(taking.isToSkip(1), number)
            taking.begin([1])
            record = taking.toRecord()
        self.assertTrue(Taking(record, [1]).isToSkip(1))


class StartTests(SchedulerCase):
    """Starts of a master with such a scheduler."""

    def begin(self) -> tuple[Deadly, bool]:
        """Start the master; return the scheduler, and True if the master survived."""
        self.kill()
        self.start()
        scheduler = Deadly("deadly")
        starting: Any = scheduler.setServiceParent(self.master)
        isAlive = starting.called and not isinstance(getattr(starting, "result", None), BaseException)
        ended: list[Any] = []
        starting.addErrback(ended.append)
        return scheduler, isAlive and not self.flushKilled()

    def flushKilled(self) -> int:
        return len(self.flushLoggedErrors(Killed))

    def test_leftOut(self) -> None:
        """F16: a change that crashes three starts is skipped; all others are taken once."""
        self.use(Deadly("none yet"))
        self.kill()
        for comments in ("a", "b", "deadly", "c"):
            self.commit(comments=comments, tells=False)
        for number in range(MOST_STARTS):
            scheduler, isAlive = self.begin()
            self.assertFalse(isAlive, number)
        with capturedLogs() as events:
            scheduler, isAlive = self.begin()
        self.assertTrue(isAlive)
        said = [formatEvent(each) or "" for each in events]
        self.assertIn(
            "scheduler deadly skips change 3: the master was killed or crashed in each of 3 starts while"
            " it took that change",
            said,
        )
        self.assertEqual([numbers for (numbers,) in self.built()], [1, 2, 4])
        self.assertIsNone(self.successResultOf(self.store.getState("taking/deadly")))
        scheduler, isAlive = self.begin()
        self.assertEqual((isAlive, scheduler.taken), (True, []))

    def test_usual(self) -> None:
        """F16: a start that survives costs two writes, for any number of changes."""
        self.use(Deadly("none"))
        self.kill()
        for _ in range(50):
            self.commit(tells=False)
        self.patch(Deadly, "submit", lambda self, bs: None)
        before = self.store.writes
        scheduler, isAlive = self.begin()
        self.assertEqual((isAlive, len(scheduler.taken), self.store.writes - before), (True, 50, 2))
