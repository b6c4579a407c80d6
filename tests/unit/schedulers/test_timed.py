"""Schedulers that build at certain times."""

from __future__ import annotations

import os
import time
from typing import Any

from buildbot.scheduler import Nightly, Periodic
from buildbot.store.outbox import RETRY_AFTER
from tests.schedulers import DAY, HOUR, MINUTE, START, SchedulerCase


class Failing(Periodic):
    """A scheduler that fails the first time."""

    tried = 0

    def doPeriodicBuild(self) -> None:
        self.tried += 1
        if self.tried == 1:
            raise RuntimeError("the first time")
        Periodic.doPeriodicBuild(self)


class FailingNight(Nightly):
    """A scheduler that fails twice to compute its next time."""

    asked = 0

    def calculateNextRunTimeFrom(self, now: float) -> float:
        self.asked += 1
        if self.asked in (2, 3):
            raise RuntimeError("what is the time?")
        return Nightly.calculateNextRunTimeFrom(self, now)


class TickingNight(Nightly):
    """A scheduler whose clock goes on between two looks at it, as a real one does."""

    ticks = 0

    def now(self) -> float:
        self.ticks += 1
        return Nightly.now(self) + self.ticks * 1e-6


class PeriodicTests(SchedulerCase):
    """Periodic builds."""

    def times(self) -> list[float]:
        return [record.submitted - START for record in self.sets()]

    def test_every(self) -> None:
        """It builds at once, and then every hour, the latest revision of its branch."""
        scheduler = self.use(Periodic("hourly", ["full"], HOUR, "stable"))
        self.clock.pump([MINUTE] * 130)
        self.assertEqual(self.times(), [0 + MINUTE, HOUR + MINUTE, 2 * HOUR + MINUTE])
        self.assertEqual(self.sets()[0].sourcestamp["branch"], "stable")
        self.assertEqual(scheduler.getPendingBuildTimes(), [START + 3 * HOUR + MINUTE])

    def test_reason(self) -> None:
        """0.7.5, row 15: the reason of a timed build has the kind and the name of its scheduler."""
        for name, kind in (("q", Periodic("q", ["full"], HOUR)), ("n", Nightly("n", ["full"]))):
            word = type(kind).__name__
            self.assertEqual(kind.reason, f"The {word} scheduler named '{name}' triggered this build")
        self.use(Periodic("q", ["full"], HOUR))
        self.clock.advance(0)
        self.assertEqual(self.sets()[0].reason, "The Periodic scheduler named 'q' triggered this build")

    def test_restart(self) -> None:
        """A restart does not change the times: the next build is an hour after the last."""
        self.use(Periodic("hourly", ["full"], HOUR))
        self.clock.advance(0)
        self.clock.advance(HOUR / 2)
        self.restart(Periodic("hourly", ["full"], HOUR))
        self.clock.pump([MINUTE] * 31)
        self.assertEqual(self.times(), [0, HOUR])

    def test_missed(self) -> None:
        """Builds missed while the master was down are made up for by one build."""
        self.use(Periodic("hourly", ["full"], HOUR))
        self.clock.advance(0)
        self.kill()
        self.clock.advance(10 * HOUR)
        self.start(Periodic("hourly", ["full"], HOUR))
        self.clock.pump([0, HOUR / 2])
        self.assertEqual(self.times(), [0, 10 * HOUR])

    def test_otherTime(self) -> None:
        """After a reconfig with another time, that counts from the last build."""
        old = self.use(Periodic("hourly", ["full"], HOUR))
        self.clock.advance(0)
        self.clock.advance(HOUR / 2)
        new = self.replace(old, Periodic("hourly", ["full"], 2 * HOUR))
        self.assertEqual(new.getPendingBuildTimes(), [START + 2 * HOUR])

    def test_clockPutBack(self) -> None:
        """A clock that was far ahead does not delay the next build."""
        self.use(Periodic("hourly", ["full"], HOUR))
        self.clock.advance(0)
        self.successResultOf(self.store.setState("scheduler/hourly", {"last": START + DAY}))
        self.restart(Periodic("hourly", ["full"], HOUR))
        self.clock.pump([MINUTE] * 60)
        self.assertEqual(self.times(), [0, HOUR])

    def test_clockPutRightMeanwhile(self) -> None:
        """If a clock that was ten years ahead is corrected while the master runs, no build is lost."""
        ahead = 10 * 365 * DAY
        self.master.botmaster.now = lambda: self.clock.seconds() + ahead
        self.use(Periodic("daily", ["full"], DAY))
        self.clock.advance(0)
        ahead = 0
        self.clock.pump([HOUR / 2] * 2 * 73)
        self.assertEqual(len(self.times()), 1 + 3)

    def test_smallStepBack(self) -> None:
        """A clock that is put back a little causes no extra build and no long delay."""
        ahead = 30.0
        self.master.botmaster.now = lambda: self.clock.seconds() + ahead
        self.use(Periodic("daily", ["full"], DAY))
        self.clock.advance(0)
        ahead = 0
        self.clock.pump([HOUR / 2] * 47)
        self.assertEqual(len(self.times()), 1)
        self.clock.pump([HOUR / 2, 30])
        self.assertEqual(len(self.times()), 2)

    def test_fails(self) -> None:
        """A subclass that fails loses that build, but no later one."""
        self.use(Failing("hourly", ["full"], HOUR))
        self.clock.pump([0, *[MINUTE] * 130])
        self.assertEqual(self.times(), [HOUR, 2 * HOUR])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_fullDisk(self) -> None:
        """P4: while the store fails, only one build set waits."""
        self.use(Periodic("hourly", ["full"], HOUR))
        self.clock.advance(0)
        self.store.full = True
        self.clock.pump([MINUTE] * 60 * 5)
        self.store.full = False
        self.clock.pump([RETRY_AFTER] * 2)
        self.assertEqual(len(self.times()), 2)


class NightlyTests(SchedulerCase):
    """Nightly builds, by the system clock."""

    def setUp(self) -> None:
        self.patch(os, "environ", {**os.environ, "TZ": "UTC"})
        os.environ["TZ"] = "UTC"
        super().setUp()
        self.addCleanup(time.tzset)
        time.tzset()
        self.day = START - START % DAY

    def times(self) -> list[float]:
        return [(record.submitted - self.day) / HOUR for record in self.sets()]

    def test_nightly(self) -> None:
        """It builds each night at three, and at no other time."""
        scheduler = self.use(Nightly("nightly", ["full"], hour=3))
        self.assertEqual(scheduler.getPendingBuildTimes(), [self.day + DAY + 3 * HOUR])
        self.clock.pump([MINUTE] * 60 * 50)
        self.assertEqual([int(each) for each in self.times()], [27, 51])

    def test_exactly(self) -> None:
        """The next time is a whole minute, however long it takes to tell it."""
        scheduler = self.use(TickingNight("nightly", ["full"], hour=3))
        self.assertEqual(scheduler.getPendingBuildTimes(), [self.day + DAY + 3 * HOUR])

    def test_missed(self) -> None:
        """Nights missed while the master was down are made up for by one build at the start."""
        self.use(Nightly("nightly", ["full"], hour=3))
        self.kill()
        self.clock.advance(3 * DAY)
        self.start(Nightly("nightly", ["full"], hour=3))
        self.clock.pump([0, 1])
        self.assertEqual(len(self.times()), 1)
        self.restart(Nightly("nightly", ["full"], hour=3))
        self.clock.pump([0, 1])
        self.assertEqual(len(self.times()), 1)

    def test_otherTime(self) -> None:
        """After a reconfig with another time that was earlier today, the next build is tomorrow."""
        old = self.use(Nightly("nightly", ["full"], hour=23))
        new = self.replace(old, Nightly("nightly", ["full"], hour=1))
        self.assertEqual(new.getPendingBuildTimes(), [self.day + DAY + HOUR])

    def test_missedAndOtherTime(self) -> None:
        """A missed build is made up for, also if the times have changed at the start."""
        self.use(Nightly("nightly", ["full"], hour=3))
        self.kill()
        self.clock.advance(DAY)
        self.start(Nightly("nightly", ["full"], hour=5))
        self.clock.pump([0, 1])
        self.assertEqual(len(self.times()), 1)

    def test_clockPutRight(self) -> None:
        """If the system clock is put forward, the build comes at its time by the new clock, nearly."""
        self.use(Nightly("nightly", ["full"], hour=3))
        offset = DAY
        self.master.botmaster.now = lambda: self.clock.seconds() + offset
        self.clock.pump([HOUR] * 2)
        self.assertEqual(len(self.sets()), 1)

    def farAhead(self) -> None:
        """A master starts, builds each night, and its clock is ten years ahead until this returns."""
        ahead = 10 * 365 * DAY
        self.master.botmaster.now = lambda: self.clock.seconds() + ahead
        self.use(Nightly("nightly", ["full"], hour=3))
        self.clock.advance(0)
        ahead = 0

    def test_wasFarAhead(self) -> None:
        """If a clock that was ten years ahead is corrected while the master runs, no night is lost."""
        self.farAhead()
        self.clock.pump([HOUR] * 24 * 3)
        self.assertEqual([int(each) for each in self.times()], [27, 51, 75])

    def test_wasFarAheadBeforeRestart(self) -> None:
        """The same, if it is corrected while the master is down."""
        self.farAhead()
        self.restart(Nightly("nightly", ["full"], hour=3))
        self.clock.pump([HOUR] * 24 * 3)
        self.assertEqual([int(each) for each in self.times()], [27, 51, 75])

    def test_putBackOverIt(self) -> None:
        """If the clock is put back by an hour over the time of a build, the night is built once."""
        ahead = 0.0
        self.master.botmaster.now = lambda: self.clock.seconds() + ahead
        self.use(Nightly("nightly", ["full"], hour=3))
        self.clock.advance(self.day + DAY + 3.1 * HOUR - START)
        self.assertEqual(len(self.sets()), 1)
        ahead = -HOUR
        self.restart(Nightly("nightly", ["full"], hour=3))
        self.master.botmaster.now = lambda: self.clock.seconds() + ahead
        self.clock.pump([HOUR / 2] * 40)
        self.assertEqual(len(self.sets()), 1)
        self.clock.pump([HOUR / 2] * 10)
        self.assertEqual(len(self.sets()), 2)

    def test_fails(self) -> None:
        """A subclass that fails to compute the next time is called again, and the night is built."""
        self.use(FailingNight("nightly", ["full"], hour=3))
        self.clock.pump([HOUR] * 24)
        self.assertEqual([int(each) for each in self.times()], [27])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_spelledOut(self) -> None:
        """Any iterable is a list of times: a range, a set, a generator."""
        made: Any
        for made in (range(0, 60, 30), {0, 30}, (0, 30), (each for each in (0, 30))):
            nightly = Nightly("nightly", ["full"], minute=made, hour=3)
            self.assertEqual(nightly, Nightly("nightly", ["full"], minute=[0, 30], hour=3))
            self.assertEqual(nightly.calculateNextRunTimeFrom(self.day + 3 * HOUR), self.day + 3.5 * HOUR)

    def test_wrongTimes(self) -> None:
        """A setting that is not a number, numbers or a text of cron is refused in the user's words."""
        wrong: Any
        for wrong in (3.0, None, True, "3h", [None], object):
            error = self.assertRaises(ValueError, Nightly, "nightly", ["full"], hour=wrong)
            self.assertRegex(
                str(error),
                r"hour must be a number from 0 to 23, a list of them, or '\*'(, not |: it holds None$)",
            )

    def test_oldMethods(self) -> None:
        """0.7.5's methods still work."""
        nightly = Nightly("nightly", ["full"], hour=[3, 4], minute=30)
        self.assertEqual(nightly.calculateNextRunTimeFrom(self.day), self.day + 3.5 * HOUR)
        self.assertTrue(nightly.isRunTime(time.gmtime(self.day + 4.5 * HOUR)))
        self.assertFalse(nightly.isRunTime(time.gmtime(self.day + 4 * HOUR)))
        self.use(nightly)
        self.assertEqual(nightly.getPendingBuildTimes(), [nightly.calculateNextRunTime()])
