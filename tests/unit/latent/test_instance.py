"""One instance: its times, its failures, and the two promises in any order of events."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.latent.effects import FIRST_WAIT, MARGIN
from buildbot.latent.instance import Instance
from buildbot.latent.record import STARTED, STARTING, STOPPING
from buildbot.latent.states import OVER, State
from tests.examples import examples
from tests.unit.latent.parts import FakeBot, FakeCloudSlave, FakeMaster, recordOf


class InstanceCase(unittest.SynchronousTestCase):
    """One instance with a fake slave."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.master = FakeMaster(self.clock)
        self.make()

    def make(self, **more: Any) -> None:
        """Make an instance with a slave."""
        self.slave = FakeCloudSlave(**{"build_wait_timeout": 60, "missing_timeout": 300, **more})
        self.instance = Instance("bot1", self.master)
        self.instance.wanted = self.slave
        self.bot = FakeBot()
        self.instance.perspective = self.bot

    def ready(self) -> None:
        """Start it, and let its slave attach."""
        self.instance.want("full", None)
        self.slave.started()
        self.instance.attached()
        self.clock.advance(0)

    @property
    def state(self) -> State:
        """Its state."""
        return self.instance.state


class StartTests(InstanceCase):
    """Starts that succeed, and starts that fail."""

    def test_lateNote(self) -> None:
        """Nothing is started if the store takes too long to keep the note: its times would be wrong."""
        self.master.holds = True
        self.instance.want("full", None)
        self.clock.advance(MARGIN + 1)
        self.master.holds = False
        self.master.write()
        self.assertIsNone(self.slave.starting)
        self.clock.advance(1)
        self.assertEqual((self.state, self.master.kept), (State.OFF, {}))

    def test_noteFirst(self) -> None:
        """The start runs only after the store has the note about it."""
        self.master.holds = True
        self.instance.want("full", None)
        self.assertIsNone(self.slave.starting)
        self.master.write()
        self.assertIsNotNone(self.slave.starting)
        record = recordOf(self.master)
        assert record is not None
        self.assertEqual((record.phase, record.given), (STARTING, None))
        self.slave.started("i-7")
        self.master.write()
        record = recordOf(self.master)
        assert record is not None
        self.assertEqual((record.phase, record.given), (STARTED, "i-7"))

    def test_twice(self) -> None:
        """A second build that needs the slave does not start it a second time."""
        self.instance.want("full", None)
        first = self.slave.starting
        self.instance.want("docs", None)
        self.assertIs(self.slave.starting, first)

    def test_offered(self) -> None:
        """The builders get the slave when it has started and attached, in either order."""
        self.ready()
        self.assertEqual((self.state, self.master.admitted), (State.READY, 1))
        self.make()
        self.instance.want("full", None)
        self.instance.attached()
        self.assertEqual((self.state, self.instance.isUsable), (State.EARLY, False))
        self.slave.started()
        self.clock.advance(0)
        self.assertEqual((self.state, self.master.admitted), (State.READY, 2))

    def test_fails(self) -> None:
        """A failed start may have left something: it is stopped, and tried again after a growing wait."""
        for wait in (15, 30, 60):
            self.instance.want("full", None)
            self.slave.started(fails="no room for s3cret")
            self.assertEqual(self.state, State.STOPPING)
            self.slave.stopped()
            self.assertEqual(self.state, State.RESTING)
            self.assertIn("(no room for ***)", self.instance.words())
            self.assertEqual(self.instance.toRecord()["nextTry"], self.clock.seconds() + wait)
            self.instance.want("full", None)
            self.assertIsNone(self.slave.starting)
            self.clock.advance(wait)
            self.assertEqual(self.state, State.OFF)
        # The builders are asked after each failure, for another slave, and after each wait.
        self.assertEqual((self.master.asked, self.master.kept), (6, {}))
        self.ready()
        self.instance.buildBegins()
        self.instance.buildEnded()
        self.assertEqual((self.instance.failures, self.instance.why), (0, ""))

    def test_falseResult(self) -> None:
        """As in 0.8, a start whose result is false has failed."""
        answers: list[Any] = [False, None, []]
        for answer in answers:
            self.make()
            self.instance.want("full", None)
            self.slave.started(answer)
            self.assertEqual(self.state, State.STOPPING, answer)

    def test_raises(self) -> None:
        """A start that raises has failed, also with an exception that would end a process."""

        def start(build: object) -> None:
            raise SystemExit("no key")

        self.patch(self.slave, "start_instance", start)
        self.instance.want("full", None)
        self.assertEqual((self.state, self.instance.why), (State.STOPPING, "no key"))

    def test_coroutine(self) -> None:
        """The methods may be coroutine functions."""

        async def start(build: object) -> str:
            return "i-9"

        self.patch(self.slave, "start_instance", start)
        self.instance.want("full", None)
        self.assertEqual((self.state, self.instance.toRecord()["id"]), (State.AWAITED, "i-9"))

    def test_late(self) -> None:
        """A slave that does not attach in time is stopped, and that counts as a failed start."""
        self.instance.want("full", None)
        self.clock.advance(50)
        self.slave.started()
        self.clock.advance(249)
        self.assertEqual(self.state, State.AWAITED)
        self.clock.advance(1)
        self.assertEqual((self.state, self.instance.failures), (State.STOPPING, 1))
        self.assertIn("did not attach in time", self.instance.why)

    def test_endless(self) -> None:
        """A start that does not end is cancelled, and stopped."""
        self.instance.want("full", None)
        self.clock.advance(60 + MARGIN)
        self.assertEqual((self.state, self.instance.why), (State.STOPPING, "the start takes too long"))

    def test_deaf(self) -> None:
        """A start that does not end when it is told to is left behind."""
        self.patch(self.slave, "abort_start", lambda started: None)
        self.instance.want("full", None)
        self.clock.advance(60 + MARGIN)
        self.assertEqual(self.state, State.ABORTING)
        self.clock.advance(MARGIN)
        self.assertEqual((self.state, self.slave.stops), (State.STOPPING, 1))

    def test_storeFails(self) -> None:
        """Nothing starts if the store cannot have the note."""
        self.master.holds = True
        self.instance.want("full", None)
        self.master.write(fails=True)
        self.assertIsNone(self.slave.starting)

    def test_nobodyAsked(self) -> None:
        """The slave may log in only while the master waits for it; the refusal has the reason."""
        self.assertIn("can be started", self.instance.refusal)
        self.instance.want("full", None)
        self.assertEqual(self.instance.refusal, "")
        self.slave.started()
        self.assertEqual(self.instance.refusal, "")
        self.instance.attached()
        self.assertIn("started", self.instance.refusal)


class StopTests(InstanceCase):
    """The end of an instance."""

    def test_idle(self) -> None:
        """It stops after build_wait_timeout without a build; a build begins the wait anew."""
        self.ready()
        self.clock.advance(59)
        self.instance.buildBegins()
        self.clock.advance(1000)
        self.instance.buildEnded()
        self.clock.advance(59)
        self.assertEqual(self.state, State.READY)
        self.clock.advance(1)
        self.assertEqual((self.state, self.bot.parted), (State.STOPPING, 1))
        self.slave.stopped()
        self.clock.advance(0)
        self.assertEqual((self.state, self.instance.words()), (State.OFF, "can be started"))

    def test_unused(self) -> None:
        """An instance that no build could use counts as a failure, so that it does not start for ever."""
        self.make(build_wait_timeout=0)
        self.ready()
        self.clock.advance(FIRST_WAIT)
        self.slave.stopped()
        self.assertEqual((self.state, self.instance.failures), (State.RESTING, 1))

    def test_once(self) -> None:
        """build_wait_timeout=0: it stops after its first build; those that run meanwhile may end."""
        self.make(build_wait_timeout=0)
        self.ready()
        self.instance.buildBegins()
        self.instance.buildBegins()
        self.instance.buildEnded()
        self.assertEqual((self.state, self.instance.isUsable), (State.LEAVING, False))
        self.instance.buildEnded()
        self.assertEqual(self.state, State.STOPPING)

    def test_never(self) -> None:
        """build_wait_timeout=-1: it never stops by itself."""
        self.make(build_wait_timeout=-1)
        self.ready()
        self.clock.advance(10**7)
        self.assertEqual(self.state, State.READY)

    def test_fails(self) -> None:
        """A failed stop is tried again after a growing wait, and shown as a trouble until it succeeds."""
        self.ready()
        self.instance.leave()
        for wait in (15, 30, 60):
            self.slave.stopped(fails="no answer")
            self.assertEqual(self.state, State.UNSTOPPED)
            assert self.master.symptom is not None
            self.assertIn("slave bot1 (i-1) could not be stopped", self.master.symptom.what)
            self.instance.want("full", None)
            self.clock.advance(wait - 1)
            self.assertEqual(self.state, State.UNSTOPPED)
            self.clock.advance(1)
        self.slave.stopped()
        self.assertEqual((self.master.symptom, self.master.kept), (None, {}))

    def test_forgetful(self) -> None:
        """A class that forgets its instance before a stop that fails has it again for the next attempt."""
        asked: list[object] = []

        def stop(fast: bool) -> None:
            asked.append(self.slave.token)
            self.slave.token = None
            if len(asked) == 1:
                raise OSError("no answer")

        self.patch(self.slave, "stop_instance", stop)
        self.ready()
        self.slave.token = "i-1"
        self.instance.leave()
        self.clock.advance(15)
        self.assertEqual(asked, ["i-1", "i-1"])

    def test_endless(self) -> None:
        """A stop that does not end has failed."""
        self.ready()
        self.instance.leave()
        self.clock.advance(60 + MARGIN)
        self.assertEqual(self.state, State.UNSTOPPED)

    def test_lost(self) -> None:
        """The instance of a lost slave is stopped; if no build has ended there, that counts as a failure."""
        self.ready()
        self.instance.buildBegins()
        self.instance.lost("the connection was lost")
        self.instance.buildEnded()
        self.assertEqual((self.state, self.instance.failures), (State.STOPPING, 1))
        self.make()
        self.ready()
        self.instance.buildBegins()
        self.instance.buildEnded()
        self.instance.lost("the connection was lost")
        self.assertEqual((self.state, self.instance.failures), (State.STOPPING, 0))


class ReconfigTests(InstanceCase):
    """A reconfig that changes the slave."""

    def test_changed(self) -> None:
        """The slave that has started it stops it, after its builds; then the changed one may start."""
        self.ready()
        self.instance.buildBegins()
        old, new = self.slave, FakeCloudSlave(running=self.slave.running)
        self.instance.configure(new)
        self.assertEqual(self.state, State.LEAVING)
        self.instance.buildEnded()
        self.assertEqual((old.stops, new.stops), (1, 0))
        old.stopped()
        self.clock.advance(0)
        self.instance.want("full", None)
        self.assertIsNotNone(new.starting)

    def test_removed(self) -> None:
        """A removed slave is stopped at once, or after its builds; and a start is ended."""
        for drain, state in ((False, State.STOPPING), (True, State.LEAVING)):
            self.make()
            self.ready()
            self.instance.buildBegins()
            self.instance.configure(None, drain)
            self.assertEqual(self.state, state)
        self.make()
        self.instance.want("full", None)
        self.instance.configure(None)
        self.assertEqual((self.state, self.instance.failures), (State.STOPPING, 0))

    def test_beforeStart(self) -> None:
        """A slave that is removed while its note is written never starts, and leaves no note."""
        self.master.holds = True
        self.instance.want("full", None)
        self.instance.configure(None)
        self.master.write()
        self.assertEqual((self.slave.starting, self.master.kept), (None, {}))

    def test_changedAfterFailure(self) -> None:
        """A changed slave is tried at once: the change may be the cure."""
        self.instance.want("full", None)
        self.slave.started(fails="wrong image")
        self.slave.stopped()
        self.assertEqual(self.state, State.RESTING)
        self.instance.configure(FakeCloudSlave())
        self.assertEqual((self.state, self.instance.failures), (State.OFF, 0))


class RestartTests(InstanceCase):
    """Another process after a stop or a kill of the master."""

    def again(self) -> None:
        """Kill the process, and start another one."""
        self.instance.silence()
        record = recordOf(self.master)
        running = self.slave.running
        self.make()
        self.slave.running = running
        self.instance = Instance("bot1", self.master, record)
        self.instance.slave = self.instance.wanted = self.slave
        self.instance.perspective = self.bot
        self.instance.resume()

    def test_started(self) -> None:
        """A complete instance may attach again, and builds go on there."""
        self.ready()
        self.again()
        self.assertEqual((self.state, self.instance.refusal), (State.AWAITED, ""))
        self.instance.attached()
        self.assertEqual((self.state, self.instance.toRecord()["id"]), (State.READY, "i-1"))
        self.clock.advance(60)
        self.assertEqual(self.state, State.STOPPING)

    def test_startedAndGone(self) -> None:
        """A complete instance that does not attach is stopped; its stop gets what the start returned."""
        self.ready()
        self.again()
        self.clock.advance(300)
        self.assertEqual((self.state, self.slave.instance_id), (State.STOPPING, "i-1"))

    def test_checked(self) -> None:
        """A slave that can tell that its instance has ended is not awaited."""
        self.ready()
        self.patch(FakeCloudSlave, "lives", False)
        self.again()
        self.assertEqual(self.state, State.STOPPING)

    def test_killedDuringStart(self) -> None:
        """After a kill during the start, the stop is repeated when the start has surely ended."""
        self.instance.want("full", None)
        self.again()
        self.assertEqual(self.state, State.STOPPING)
        self.slave.stopped()
        self.assertEqual((self.state, self.master.symptom), (State.UNSTOPPED, None))
        self.slave.create()
        self.clock.advance(60 + MARGIN)
        self.slave.stopped()
        self.assertEqual((self.slave.running, self.master.kept), ([], {}))

    def test_stoppedAfterKill(self) -> None:
        """After a kill during the start, a master that stops early leaves the last stop to the next one."""
        self.instance.want("full", None)
        self.again()
        self.master.isOver = True
        self.instance.masterStops()
        self.slave.stopped()
        self.successResultOf(self.instance.whenOver())
        self.master.isOver = False
        self.again()
        self.slave.stopped()
        self.slave.create()
        self.clock.advance(60 + MARGIN)
        self.slave.stopped()
        self.assertEqual((self.slave.running, self.master.kept), ([], {}))

    def test_changedAfterKill(self) -> None:
        """After a kill during the start, a reconfig before its end keeps the last stop for later."""
        self.instance.want("full", None)
        self.again()
        self.slave.stopped()
        self.instance.configure(None)
        self.slave.stopped()
        self.assertEqual(self.state, State.UNSTOPPED)
        self.slave.create()
        self.clock.advance(60 + MARGIN)
        self.slave.stopped()
        self.assertEqual((self.slave.running, self.master.kept), ([], {}))

    def test_stopping(self) -> None:
        """A stop that was not complete is repeated."""
        self.ready()
        self.instance.leave()
        record = recordOf(self.master)
        assert record is not None
        self.assertEqual(record.phase, STOPPING)
        self.again()
        self.assertEqual((self.state, self.slave.stops), (State.STOPPING, 1))

    def test_unknown(self) -> None:
        """An instance that nobody can stop stays a trouble, with its id."""
        self.ready()
        self.instance.leave()
        record = recordOf(self.master)
        self.instance = Instance("bot1", self.master, record)
        self.instance.resume()
        assert self.master.symptom is not None
        self.assertIn("(i-1)", self.master.symptom.what)

    def test_cleanStop(self) -> None:
        """With the master its instance stops, and the master waits for that."""
        self.ready()
        self.master.isOver = True
        self.instance.masterStops()
        over = self.instance.whenOver()
        self.assertNoResult(over)
        self.slave.stopped()
        self.assertIsNone(self.successResultOf(over))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_keptStop(self) -> None:
        """With stop_with_master=False it goes on, and its note stays."""
        self.make(stop_with_master=False)
        self.ready()
        self.master.isOver = True
        self.instance.masterStops()
        self.instance.lost("the master is stopping")
        self.successResultOf(self.instance.whenOver())
        record = recordOf(self.master)
        assert record is not None
        self.assertEqual((record.phase, self.slave.stops), (STARTED, 0))


class AnyOrder(RuleBasedStateMachine):
    """Any order of events, kills included."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clock.advance(1000)
        self.master = FakeMaster(self.clock)
        self.running: list[int] = []
        self.orphan: FakeCloudSlave | None = None
        self.orphanUntil = 0.0
        self.slaves = [self.slave()]
        self.use(Instance("bot1", self.master))

    def slave(self, wait: float = 60) -> FakeCloudSlave:
        return FakeCloudSlave(running=self.running, build_wait_timeout=wait, missing_timeout=200)

    def use(self, instance: Instance) -> None:
        self.instance = instance
        instance.wanted = self.slaves[-1]
        instance.perspective = FakeBot()

    @property
    def at(self) -> FakeCloudSlave | None:
        """The slave with a call in progress."""
        slave = self.instance.slave
        return slave if isinstance(slave, FakeCloudSlave) else None

    @rule()
    def want(self) -> None:
        self.instance.want("full", None)

    @rule(fails=st.booleans(), leaks=st.booleans())
    def startEnds(self, fails: bool, leaks: bool) -> None:
        if self.at is not None and self.at.starting is not None:
            self.at.started(fails="no room" if fails else "", leaks=leaks)

    @rule(fails=st.booleans())
    def stopEnds(self, fails: bool) -> None:
        if self.at is not None and self.at.stopping is not None:
            self.at.stopped("no answer" if fails else "")

    @rule()
    def attaches(self) -> None:
        if not self.instance.refusal and self.running:
            self.instance.attached()

    @rule()
    def isLost(self) -> None:
        self.instance.lost("a test")

    @rule()
    def builds(self) -> None:
        if self.instance.isUsable:
            self.instance.buildBegins()

    @precondition(lambda self: self.instance.builds)
    @rule()
    def buildEnds(self) -> None:
        self.instance.buildEnded()

    @rule(seconds=st.sampled_from((1, 10, 15, 60, 80, 300, 4000)))
    def time(self, seconds: float) -> None:
        # An orphan ends at the latest when its system says so.
        if self.orphan is not None and self.clock.seconds() + seconds >= self.orphanUntil:
            self.orphan = None
        self.clock.advance(seconds)

    @rule(holds=st.booleans())
    def store(self, holds: bool) -> None:
        self.master.holds = holds
        if not holds:
            self.master.write()

    @rule(remains=st.booleans(), drain=st.booleans(), wait=st.sampled_from((0, 60, -1)))
    def reconfig(self, remains: bool, drain: bool, wait: float) -> None:
        self.slaves.append(self.slave(wait))
        self.instance.configure(self.slaves[-1] if remains else None, drain)

    @rule(written=st.booleans())
    def kill(self, written: bool) -> None:
        """The master dies; the start command may go on until its system ends it."""
        if written:
            self.master.write()
        slave = self.at
        if slave is not None and slave.starting is not None and not slave.starting.called:
            self.orphan, self.orphanUntil = slave, self.clock.seconds() + slave.start_timeout
        self.instance.silence()
        self.restart()

    @rule()
    def cleanStop(self) -> None:
        self.master.isOver = True
        self.instance.masterStops()
        if self.at is not None and self.at.stopping is not None:
            self.at.stopped()
        self.instance.silence()
        self.master.write()
        self.master.isOver = False
        self.restart()

    def restart(self) -> None:
        for call in self.clock.getDelayedCalls():
            call.cancel()
        self.master._writes.clear()
        record = recordOf(self.master)
        self.slaves.append(self.slave())
        self.use(Instance("bot1", self.master, record))
        if record is not None:
            self.instance.slave = self.slaves[-1]
            self.instance.resume()

    @precondition(lambda self: self.orphan is not None)
    @rule()
    def orphanEnds(self) -> None:
        assert self.orphan is not None
        self.orphan.create()
        self.orphan = None

    @invariant()
    def neverTwo(self) -> None:
        assert len(self.running) <= 1, self.running

    @invariant()
    def noneForgotten(self) -> None:
        assert not self.running or recordOf(self.master) is not None
        if self.instance.state in OVER:
            assert not self.running

    def teardown(self) -> None:
        """In the end, when all works, everything stops."""
        self.orphan = None
        self.master.holds = False
        self.master.write()
        while self.instance.builds:
            self.instance.buildEnded()
        self.instance.configure(None)
        for _ in range(30):
            if self.at is not None and self.at.starting is not None:
                self.at.started()
            if self.at is not None and self.at.stopping is not None:
                self.at.stopped()
            self.clock.advance(4000)
        assert (self.instance.state, self.running, self.master.kept) == (State.OFF, [], {}), (
            self.instance.state
        )


class AnyOrderTests(unittest.SynchronousTestCase):
    """Never two instances of one slave, and none forgotten."""

    def test_anyOrder(self) -> None:
        """Whatever happens, at most one runs, the store knows it, and in the end nothing is left."""
        run_state_machine_as_test(
            AnyOrder,
            settings=settings(
                max_examples=examples(60),
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
