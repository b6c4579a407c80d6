"""After any sequence of start, stop, loss, end, time-out and reconfig, every build has ended once."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.config.model import BuilderConfig, MasterConfig, MergeRule, SlaveConfig
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.base import LOST_TIME, STOP_TIME
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.buildset import BuildSet
from buildbot.process.deadline import END_TIME, GRACE, START_TIME
from buildbot.process.locks import MasterLock
from buildbot.process.queue import nextBuild
from buildbot.process.remotecommand import ANSWER_TIME
from buildbot.steps.shell import ShellCommand
from buildbot.store.interface import StoreFailed
from tests.examples import examples
from tests.fakes import FakeSlave
from tests.schedulers import TestStore
from tests.slaveport import SlavePortCase

BOTS, BUILDERS = ("bot1", "bot2"), ("full", "quick")
LOCK = MasterLock("database")
#: The time limit in seconds of the step with the lock.
LONGEST = 50
#: The most seconds that it may hold the lock, whatever its slave does.
MOST_HELD = LONGEST + GRACE + START_TIME + ANSWER_TIME + END_TIME + LOST_TIME + 5
#: The number of events tried in all sequences of one run.
tried = {"steps": 0, "sequences": 0}


def factory() -> BuildFactory:
    """Two steps with time limits; the second one takes a lock that all builds share."""
    made = BuildFactory()
    made.addStep(ShellCommand, command=["one"], haltOnFailure=True, timeout=40)
    made.addStep(ShellCommand, command=["two"], locks=[LOCK], maxTime=LONGEST)
    return made


class Builds(RuleBasedStateMachine):
    """I apply random events to a master, in any order."""

    @initialize()
    def begin(self) -> None:
        self.case = SlavePortCase("setUp")
        self.case.setUp()
        self.disk = self.engine.store = TestStore()
        self.disk.open()
        self.slaves: dict[str, FakeSlave] = {}
        self.sets: list[BuildSet] = []
        self.held: list[tuple[Any, float]] = []  # the step that holds the lock, and since when
        self.ran: dict[Any, int] = {}  # slave -> number of its builds after the last event
        tried["sequences"] += 1
        self.configure(BOTS, BUILDERS, None)

    def configure(
        self, bots: tuple[str, ...], builders: tuple[str, ...], most: int | None, merges: bool = True
    ) -> None:
        self.case.use(
            MasterConfig(
                mergeRequests=MergeRule(merges),
                slaves={name: SlaveConfig(name, "sekrit", max_builds=most) for name in bots},
                builders={name: BuilderConfig(name, bots, name, factory()) for name in builders if bots},
            )
        )
        self.settle()

    def settle(self) -> None:
        tried["steps"] += 1
        self.case.settle()
        while not self.disk.lazy and self.disk.flush():
            self.case.settle()
        for name, slave in list(self.slaves.items()):
            if slave.pump.client.lost:
                del self.slaves[name]

    @property
    def engine(self) -> Any:
        return self.case.botmaster

    def running(self) -> list[Any]:
        return [command for slave in self.slaves.values() for command in slave.commands if command.reference]

    @rule(name=st.sampled_from(BOTS))
    def connect(self, name: str) -> None:
        if name not in self.slaves:
            self.slaves[name] = self.case.connect(name=name)
            self.settle()

    @rule(name=st.sampled_from(BUILDERS), revision=st.sampled_from(("1", "2")))
    def force(self, name: str, revision: str) -> None:
        if name in self.engine.builders:
            buildset = BuildSet([name], SourceStamp(revision=revision), "machine")
            submitting = ensureDeferred(self.engine.submitBuildSet(buildset))
            submitting.addCallbacks(
                lambda kept: self.sets.append(buildset), lambda why: why.trap(StoreFailed)
            )
            self.settle()

    @rule(how=st.sampled_from(("quick", "quick", "held", "full")))
    def store(self, how: str) -> None:
        """Set the store to answer at once, to wait, or to have a full disk."""
        self.disk.lazy, self.disk.full = how == "held", how == "full"
        self.settle()

    @rule(name=st.sampled_from(BUILDERS))
    def cancel(self, name: str) -> None:
        if name in self.engine.builders:
            for request in self.engine.builders[name].pending[:1]:
                self.engine.builders[name].cancelBuildRequest(request)
            self.settle()

    @precondition(lambda self: self.running())
    @rule(data=st.data(), how=st.sampled_from(("good", "bad", "twice", "mute", "failure", "output")))
    def command(self, data: Any, how: str) -> None:
        command = data.draw(st.sampled_from(self.running()))
        if how == "output":
            command.update(stdout="some")
        elif how == "mute":
            command.complete()
        elif how == "failure":
            command.complete(RuntimeError("spawn"))
        else:
            command.end(0 if how != "bad" else 1)
            if how == "twice":
                command.complete()
        self.settle()

    @rule()
    def onward(self) -> None:
        """End the last command of every slave with success."""
        for slave in self.slaves.values():
            for command in slave.commands[-1:]:
                command.end(0)
        self.settle()

    @rule(name=st.sampled_from(BUILDERS))
    def stop(self, name: str) -> None:
        for build in list(self.engine.builders[name].building) if name in self.engine.builders else ():
            build.stopBuild("machine")
        self.settle()

    @rule(name=st.sampled_from(BOTS))
    def drop(self, name: str) -> None:
        slave = self.slaves.pop(name, None)
        if slave is not None:
            slave.broker.transport.abortConnection()
            self.settle()

    @rule(name=st.sampled_from(BOTS))
    def blackhole(self, name: str) -> None:
        if name in self.slaves:
            self.slaves[name].pump.blackhole = True

    @rule(seconds=st.sampled_from((1, 6, 31, 61, 160, 400)))
    def wait(self, seconds: int) -> None:
        self.case.wait(seconds, 5)
        self.settle()

    @rule(
        bots=st.sampled_from((BOTS, BOTS[:1], ())),
        builders=st.sampled_from((BUILDERS, BUILDERS[:1], ())),
        most=st.sampled_from((None, 1)),
        merges=st.booleans(),
    )
    def reconfig(
        self, bots: tuple[str, ...], builders: tuple[str, ...], most: int | None, merges: bool
    ) -> None:
        self.configure(bots, builders, most, merges)

    @rule(name=st.sampled_from(BOTS), on=st.booleans())
    def pause(self, name: str, on: bool) -> None:
        if name in self.engine.slaves:
            doing = self.engine.pauses.pause(name, "me", "why") if on else self.engine.pauses.unpause(name)
            ensureDeferred(doing).addErrback(lambda why: why.trap(StoreFailed))
            self.settle()

    @invariant()
    def consistent(self) -> None:
        """Slots, locks and queues are consistent after every event."""
        if not hasattr(self, "case"):
            return
        builders = self.engine.builders.values()
        live = [build for builder in builders for build in builder.building]
        assert not any(build.finished for build in live)
        for slave in self.engine.slaves.values():
            limit, before = (
                slave.availability.maxBuilds,
                self.ran.get(slave, 0),
            )  # a lowered limit stops no running build
            assert limit is None or slave.availability.buildsRunning <= max(limit, before), "B9"
            self.ran[slave] = slave.availability.buildsRunning
        owners = self.engine.getLockByID(LOCK).owners()
        assert len(owners) <= 1, "B6"
        assert all(not owner.build.finished for owner in owners), "B6: a lock outlived its build"
        now = self.case.clock.seconds()
        self.held = [(each, since) for each, since in self.held if any(each is owner for owner in owners)]
        self.held += [(owner, now) for owner in owners if not self.held]
        for _, since in self.held:
            assert now - since < MOST_HELD, "H8: a slave that does not end its command keeps a lock"
        for builder in builders if not self.engine.engine.isHolding() else ():
            pending = [request for request in builder.pending if not request.isChosen]
            assert nextBuild(pending, builder.slaves) is None, "B7: it could begin"
        if not (self.disk.lazy or self.disk.full):
            self.account()

    def account(self) -> None:
        """P2: every request is either waiting, building or done."""
        store = self.case.successResultOf(self.engine.store.pendingRequests())
        waiting = {record.id for record in store}
        known = {request.id for builder in self.engine.builders.values() for request in builder.pending}
        building = {
            request.id
            for builder in self.engine.builders.values()
            for build in builder.building
            for request in build.requests
        }
        assert not known & building
        assert known <= waiting
        for buildset in self.sets:
            for request in buildset.requests:
                done = (request.startCount and request.isOver) or buildset.isFinished()
                places = (request.id in waiting) + (request.id in building) + bool(done)
                assert places <= 1, (request, places)

    def teardown(self) -> None:
        if not hasattr(self, "case"):
            return
        for slave in self.slaves.values():
            slave.pump.blackhole = False
        self.store("quick")
        self.configure((), (), None)
        for slave in self.case.slaves:
            slave.pump.blackhole = False
            slave.broker.transport.abortConnection()
        self.case.wait(STOP_TIME + LOST_TIME + 65, 5)
        assert self.engine.engine.keeping == 0, "a build never ended"
        assert all(buildset.isFinished() for buildset in self.sets), "a wish was forgotten"
        assert self.engine.getLockByID(LOCK).owners() == ()
        self.case.tearDown()


class MachineTests(unittest.SynchronousTestCase):
    """The machine, run for a while."""

    def test_machine(self) -> None:
        """B1-B3, B6, B7: after any events, every build, slot, lock and request is free or finished."""
        many = examples(60)
        run_state_machine_as_test(
            Builds,
            settings=settings(
                max_examples=many,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        self.assertGreaterEqual(tried["sequences"], min(many, 20) // 2)
        self.flushLoggedErrors()
        print(f"{tried['sequences']} sequences, {tried['steps']} events", end=" ")
