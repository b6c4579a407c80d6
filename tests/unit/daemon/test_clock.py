"""Durations do not depend on the system clock."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.base import ReactorBase
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.daemon.clock import makeMonotonic
from buildbot.logs.live import LogDirectory
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.walltime import FASTEST, WallTime
from buildbot.process.retention import BELIEVED
from buildbot.scheduler import Nightly, Periodic, Scheduler
from buildbot.schedulers.timed import LOOK_EVERY
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.build import BuildStatus
from buildbot.store.memory import MemoryStore
from tests.examples import examples
from tests.schedulers import DAY, HOUR, MINUTE, START, SchedulerCase
from tests.stores import SqliteCase, StoreCase


class Timers(ReactorBase):
    """A reactor of Twisted that has only timers."""

    def installWaker(self) -> None:
        """Do nothing: there are no threads."""

    def removeReader(self, reader: Any) -> None:
        """Do nothing: there are no readers."""


class MonotonicTests(unittest.SynchronousTestCase):
    """The reactor's own timers."""

    def setUp(self) -> None:
        self.wall, self.steady = 1_000_000.0, 50.0
        self.reactor = Timers()
        self.called: list[str] = []

    def make(self) -> None:
        makeMonotonic(self.reactor, lambda: self.wall, lambda: self.steady)

    def passes(self, seconds: float, wall: float | None = None) -> None:
        self.steady += seconds
        self.wall += seconds if wall is None else wall
        self.reactor.runUntilCurrent()

    def test_putBack(self) -> None:
        """F4: if the system clock is put back by an hour, a timer of five seconds takes five seconds."""
        self.make()
        self.reactor.callLater(5, self.called.append, "x")
        self.passes(4.9, wall=-HOUR)
        self.assertEqual(self.called, [])
        self.assertAlmostEqual(self.reactor.timeout(), 0.1)
        self.passes(0.2)
        self.assertEqual(self.called, ["x"])

    def test_putForward(self) -> None:
        """F4: if the system clock is put forward by 400 days, no timer fires early."""
        self.make()
        self.reactor.callLater(5, self.called.append, "x")
        self.passes(1, wall=400 * DAY)
        self.assertEqual(self.called, [])

    def test_twice(self) -> None:
        """A second call changes nothing, even if the system clock was corrected between the two."""
        self.make()
        self.wall -= HOUR
        self.make()
        self.assertEqual(self.reactor.seconds(), 1_000_000.0)

    def test_begunBefore(self) -> None:
        """A timer set before makeMonotonic fires at its time."""
        self.reactor.seconds = lambda: self.wall
        self.reactor.callLater(5, self.called.append, "x")
        self.make()
        self.passes(4)
        self.assertEqual(self.called, [])
        self.passes(2)
        self.assertEqual(self.called, ["x"])

    def test_build(self) -> None:
        """F4: within a build, time only goes forward, at its own pace, from the start."""
        clock = Clock()
        clock.advance(7)
        nobody: Any = None
        record = BuildRecord("full", 7, "bot1", (), 1000.0)
        status = BuildStatus(nobody, record, LogDirectory(self.mktemp(), clock))
        clock.advance(60)
        self.assertEqual(status.now(), 1060.0)


class BelievedTests(unittest.SynchronousTestCase):
    """The time that pruning uses."""

    def test_short(self) -> None:
        """F4: if the clock is 400 days ahead for an hour, nothing becomes older than ten hours."""
        begun = WallTime(START, 0.0).look(START + 400 * DAY, 3600.0)
        self.assertEqual(begun.when, START + FASTEST * HOUR)
        self.assertEqual(begun.look(START + 2 * HOUR, 7200.0).when, START + 2 * HOUR)

    def test_long(self) -> None:
        """After a machine was off for a year, the new time is accepted after a while."""
        at, now = 0.0, WallTime(START, 0.0)
        for _ in range(24 * 41):
            at += HOUR
            now = now.look(START + 365 * DAY + at, at)
        self.assertEqual(now.when, START + 365 * DAY + at)

    @given(st.lists(st.tuples(st.floats(0, DAY), st.floats(-500 * DAY, 500 * DAY)), max_size=20))
    @settings(max_examples=examples(50), deadline=None)
    def test_any(self, looks: list[tuple[float, float]]) -> None:
        """F4: this time is never later than the system time, nor than ten times the elapsed time."""
        now, at = WallTime(START, 0.0), 0.0
        for passed, ahead in looks:
            at += passed
            wall = START + at + ahead
            now = now.look(wall, at)
            self.assertLessEqual(now.when, wall)
            self.assertLessEqual(now.when, START + FASTEST * at + 1e-3)


class PruneCase(StoreCase):
    """Removal of old records, in each kind of store."""

    def begin(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.ahead = 0.0
        self.engine = BotMaster(self.clock)
        self.engine.store = self.store
        self.engine.now = lambda: self.clock.seconds() + self.ahead

    def prune(self) -> None:
        self.get(ensureDeferred(self.engine.retention.prune()))

    def builds(self, *times: float) -> None:
        """Add a build that ended then to each builder."""
        for when in times:
            _, (request,) = self.ask("full")
            self.finish(self.start(request, started=when - 1), finished=when)

    def left(self) -> list[int]:
        return sorted(build.number or 0 for build in self.get(self.store.getBuilds(count=100)))

    def check_jump(self) -> None:
        self.builds(START - DAY, START - HOUR, START - 60)
        self.prune()
        self.ahead = 400 * DAY
        self.clock.advance(HOUR)
        self.prune()
        self.ahead = 0.0
        self.clock.advance(HOUR)
        self.prune()
        self.assertEqual(self.left(), [0, 1, 2])

    def check_wrongAtBoot(self) -> None:
        self.builds(START - DAY, START - HOUR, START - 60)
        self.get(self.store.setState(BELIEVED, None))
        self.ahead = 400 * DAY
        self.prune()
        self.assertEqual(self.left(), [0, 1, 2])

    def check_recordedWrong(self) -> None:
        self.builds(START - 500 * DAY, START - DAY, 1000.0, START - 60)
        self.prune()
        self.assertEqual(self.left(), [1, 2, 3])

    def check_oldWhen(self) -> None:
        for when in (1.0, 2.0, 3.0):
            self.get(self.store.addChange(Change("w", ["a"], "", when=when), START))
        self.prune()
        changes = self.get(self.store.getChanges())
        self.assertEqual([(each.when, each.came) for each in changes], [(each, START) for each in (3, 2, 1)])


class MemoryPruneTests(PruneCase):
    """The memory store."""

    def setUp(self) -> None:
        super().setUp()
        self.store = MemoryStore()
        self.store.open()
        self.begin()

    def test_jump(self) -> None:
        """F4: a clock that is 400 days ahead for an hour causes no loss of history."""
        self.check_jump()

    def test_wrongAtBoot(self) -> None:
        """F4: nor does a clock that is ahead when the master starts."""
        self.check_wrongAtBoot()

    def test_recordedWrong(self) -> None:
        """F4: a build with a time of 1970 counts as no older than the builds before it."""
        self.check_recordedWrong()

    def test_oldWhen(self) -> None:
        """F4: the time in a client's change does not cause its removal."""
        self.check_oldWhen()


class SqlitePruneTests(PruneCase, SqliteCase):
    """The store on disk."""

    def setUp(self) -> None:
        super().setUp()
        self.opened(self.quick())
        self.begin()

    test_jump = MemoryPruneTests.test_jump
    test_wrongAtBoot = MemoryPruneTests.test_wrongAtBoot
    test_recordedWrong = MemoryPruneTests.test_recordedWrong
    test_oldWhen = MemoryPruneTests.test_oldWhen


class SchedulerTests(SchedulerCase):
    """Schedulers, while the system clock is put forward and back."""

    def setUp(self) -> None:
        super().setUp()
        self.ahead = 0.0
        self.follow()

    def follow(self) -> None:
        self.master.botmaster.now = lambda: self.clock.seconds() + self.ahead

    def again(self, *schedulers: Any) -> None:
        """Restart the master with these schedulers."""
        self.stop()
        self.start()
        self.follow()
        for each in schedulers:
            self.use(each)

    def test_treeStable(self) -> None:
        """F4: whatever the system clock does, a change is built when the tree was quiet for the timer."""
        for ahead in (-HOUR, HOUR, -400 * DAY, 400 * DAY, 0.0):
            self.start(scheduler := Scheduler("main", None, MINUTE, ["full"]))
            self.follow()
            before = len(self.sets())
            self.commit()
            self.clock.advance(30)
            self.ahead = ahead
            self.clock.advance(29)
            self.assertEqual(len(self.sets()), before)
            (due,) = scheduler.getPendingBuildTimes()
            self.assertAlmostEqual(due, self.clock.seconds() + ahead + 1, 2)
            self.clock.advance(2)
            self.assertEqual(len(self.sets()), before + 1)
            self.stop()

    def test_oldWhen(self) -> None:
        """F4: changes with old or future times that arrive together are one build."""
        self.use(Scheduler("main", None, MINUTE, ["full"]))
        for when in (-HOUR, 400 * DAY, -DAY, 0, -1e9):
            self.commit(when=self.clock.seconds() + when)
            self.clock.advance(50)
        self.clock.advance(11)
        self.assertEqual(self.built(), [[1, 2, 3, 4, 5]])

    def test_treeStableRestarted(self) -> None:
        """F4: after a restart with a wrong clock, a waiting change is delayed by the timer at the most."""
        for ahead in (-400 * DAY, -HOUR, HOUR):
            before = len(self.sets())
            self.use(Scheduler("main", None, MINUTE, ["full"]))
            self.commit()
            self.clock.advance(30)
            self.ahead = ahead
            self.again(Scheduler("main", None, MINUTE, ["full"]))
            self.clock.advance(MINUTE + 1)
            self.assertEqual(len(self.sets()), before + 1)
            self.ahead = 0.0
            self.again()

    def test_periodic(self) -> None:
        """F4: whatever the system clock does, a Periodic builds at its interval."""
        scheduler = self.use(Periodic("often", ["full"], HOUR))
        self.clock.advance(0)
        for number, ahead in enumerate((-400 * DAY, 0.0, 400 * DAY, -HOUR, HOUR), 1):
            self.ahead = ahead
            (due,) = scheduler.getPendingBuildTimes()
            self.assertAlmostEqual(due, self.clock.seconds() + ahead + HOUR, 2)
            self.clock.advance(HOUR - 1)
            self.assertEqual(len(self.sets()), number)
            self.clock.advance(1.01)
            self.assertEqual(len(self.sets()), number + 1)

    def test_periodicRestarted(self) -> None:
        """F4: after a restart with a clock that went back, a Periodic is delayed by its timer at the most."""
        self.use(Periodic("often", ["full"], HOUR))
        self.clock.advance(0)
        self.ahead = -400 * DAY
        self.again(Periodic("often", ["full"], HOUR))
        self.assertEqual(len(self.sets()), 1)
        self.clock.advance(HOUR + 1)
        self.assertEqual(len(self.sets()), 2)

    def test_nightlyOneLook(self) -> None:
        """F4: a clock that is wrong for some seconds starts no nightly build, and loses none."""
        self.use(Nightly("night", ["full"], minute=[0, 30]))
        for ahead in (400 * DAY, HOUR / 2, -HOUR, -400 * DAY):
            self.ahead = ahead
            self.clock.advance(3)
            self.ahead = 0.0
            self.clock.advance(3)
        self.assertEqual(self.sets(), [])
        for _ in range(60):
            self.clock.advance(MINUTE)
        self.assertEqual(len(self.sets()), 2)

    def test_nightlyPutForward(self) -> None:
        """F4: if the clock is put forward over a nightly time, the build starts within a minute."""
        scheduler = self.use(Nightly("night", ["full"], minute=0, hour=3))
        (due,) = scheduler.getPendingBuildTimes()
        self.ahead = due - self.clock.seconds() + 5 * MINUTE
        for _ in range(2):
            self.clock.advance(LOOK_EVERY)
        self.assertEqual(len(self.sets()), 1)
        self.assertGreater(scheduler.getPendingBuildTimes()[0], due + 20 * HOUR)

    def test_nightlyPutBack(self) -> None:
        """F4: if the clock is put back by an hour over a nightly time, that night is built once."""
        scheduler = self.use(Nightly("night", ["full"], minute=0, hour=3))
        (due,) = scheduler.getPendingBuildTimes()
        self.clock.advance(due - self.clock.seconds() + MINUTE)
        self.assertEqual(len(self.sets()), 1)
        self.ahead = -HOUR
        for _ in range(180):
            self.clock.advance(MINUTE)
        self.assertEqual(len(self.sets()), 1)
