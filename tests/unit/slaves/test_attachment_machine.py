"""One slave port with a few names, and random events in any order.

Hypothesis makes up sequences of logins, answers, silence, lost connections, takeovers, time and
reconfigurations. The invariants are checked after each step.
"""

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
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.config.model import BuilderConfig, MasterConfig, SlaveConfig
from buildbot.slaves.arbitration import ARBITRATION_TIME, CONFLICT_HOLD
from buildbot.slaves.attachment import State
from buildbot.slaves.conflict import WINDOW
from buildbot.slaves.liveness import ATTACH_TIME
from buildbot.slaves.perspective import BotPerspective
from tests.examples import examples
from tests.fakes import DROP, HANG, FakeSlave, Trouble
from tests.loglisteners import LogListener
from tests.slaveport import SlavePortCase

NAMES = ("bot1", "bot2")
PASSWORDS = ("sekrit", "other")
BUILDERS = ("full", "quick")
CALLS = ("print", "getCommands", "getSlaveInfo", "getVersion", "setBuilderList", "setMaster")
#: The most seconds until a connection is attached or closed (A3).
DUE = ATTACH_TIME + ARBITRATION_TIME + CONFLICT_HOLD + 2

kinds = st.sampled_from(("0.5", "0.7.12", "w4.3"))
troubles = st.dictionaries(
    st.sampled_from(CALLS), st.sampled_from(("hang", "drop", "raise", "malformed", "later")), max_size=2
)


def candidate(bot: BotPerspective) -> Any:
    """The newcomer that waits for a verdict."""
    return None if bot.driver.arbiter is None else bot.driver.arbiter.candidate


@st.composite
def configs(draw: st.DrawFn) -> MasterConfig:
    """Configurations with some of the bots and builders, each with one of a few settings."""
    bots = draw(st.lists(st.sampled_from(NAMES), unique=True))
    builders = draw(st.lists(st.sampled_from(BUILDERS), unique=True)) if bots else []
    return MasterConfig(
        slaves={
            bot: SlaveConfig(bot, draw(st.sampled_from(PASSWORDS)), draw(st.sampled_from((20.0, 120.0))))
            for bot in bots
        },
        builders={
            name: BuilderConfig(
                name, tuple(draw(st.lists(st.sampled_from(bots), unique=True, min_size=1))), name, None
            )
            for name in builders
        },
    )


class Connection(FakeSlave):
    """A slave with a named behaviour. Its late answers come when the clock says so."""

    def __init__(self, kind: str, name: str, password: str, trouble: dict[str, str]) -> None:
        super().__init__(kind, name, password)
        self.owed: list[Deferred[None]] = []
        self.deadSince: float | None = None
        self.behave(trouble)

    def behave(self, trouble: dict[str, str]) -> None:
        """Change the behaviour for these calls."""
        self.trouble = {call: self._behaviour(call, how) for call, how in trouble.items()}

    def _behaviour(self, call: str, how: str) -> Any:
        if how == "later":
            return lambda *args: self._answerLater(call, args)
        return {"hang": HANG, "drop": DROP, "raise": Trouble("no"), "malformed": lambda *args: 7}[how]

    def _answerLater(self, call: str, args: tuple[Any, ...]) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        answer.addCallback(lambda _: getattr(self, f"answer_{call}")(*args))
        self.owed.append(answer)
        return answer


class Machine(RuleBasedStateMachine):
    """The master's slave port, and every connection so far."""

    def __init__(self) -> None:
        super().__init__()
        self.case = SlavePortCase("setUp")
        self.case.setUp()
        self.case.use(
            MasterConfig(
                slaves={name: SlaveConfig(name, "sekrit") for name in NAMES},
                builders={name: BuilderConfig(name, NAMES, name, None) for name in BUILDERS},
            )
        )
        self.everybody: list[Connection] = []
        #: Pending Deferreds, each with the time by which it must have fired.
        self.promises: list[tuple[Deferred[None], float]] = []
        self.wellSince: dict[Any, float] = {}
        self.bots: set[BotPerspective] = set(self.case.botmaster.slaves.values())
        self.errors: list[Any] = []
        self.ear = LogListener(self.observe)
        globalLogPublisher.addObserver(self.ear)

    def observe(self, event: Any) -> None:
        failure = event.get("log_failure")
        if failure is not None and (isinstance(failure, pb.CopiedFailure) or not failure.check(Trouble)):
            self.errors.append(failure)  # except errors raised on the slave's own side

    @property
    def now(self) -> float:
        return float(self.case.clock.seconds())

    def open(self) -> list[Connection]:
        return [slave for slave in self.everybody if not slave.pump.client.lost]

    def settle(self) -> None:
        self.case.slaves = [slave for slave in self.everybody if not slave.pump.server.lost]
        self.case.settle()

    # events of slaves

    @rule(
        kind=kinds,
        name=st.sampled_from(("bot1", "bot1", "bot2", "stranger")),
        right=st.sampled_from((True, True, True, False)),
        trouble=troubles,
        moves=st.sampled_from(("everything", "its own bytes", "nothing")),
    )
    def connect(self, kind: str, name: str, right: bool, trouble: dict[str, str], moves: str) -> None:
        config = self.case.botmaster.config.slaves.get(name)
        password = config.password if right and config else "wrong"
        slave = Connection(kind, name, password, trouble)
        slave.connect(self.case.factory, self.case.clock, 40000 + len(self.everybody))
        self.everybody.append(slave)
        if moves == "everything":
            self.settle()
        elif moves == "its own bytes":
            slave.pump.pump()

    @rule(name=st.sampled_from(NAMES), times=st.integers(2, 5))
    def fight(self, name: str, times: int) -> None:
        """Living slaves take a name from each other."""
        for _ in range(times):
            self.connect("0.7.12", name, True, {}, "everything")

    @rule(
        name=st.sampled_from(NAMES),
        call=st.sampled_from(("getCommands", "getSlaveInfo", "setBuilderList")),
        how=st.sampled_from(("hang", "later")),
    )
    def stuck(self, name: str, call: str, how: str) -> None:
        """A slave does not finish its attachment, or not soon."""
        self.connect("0.7.12", name, True, {call: how}, "everything")

    @precondition(lambda self: self.open())
    @rule(data=st.data(), trouble=troubles)
    def behave(self, data: st.DataObject, trouble: dict[str, str]) -> None:
        self._pick(data).behave(trouble)

    @precondition(lambda self: any(slave.owed for slave in self.everybody))
    @rule()
    def answerAll(self) -> None:
        for slave in self.everybody:
            while slave.owed:
                slave.owed.pop(0).callback(None)
        self.settle()

    @precondition(lambda self: self.open())
    @rule(
        data=st.data(),
        how=st.sampled_from(
            ("abort", "leave", "logout", "keepalive", "blackhole", "blackhole", "deaf", "pump")
        ),
    )
    def one(self, data: st.DataObject, how: str) -> None:
        """One slave does something, or its connection changes."""
        slave = self._pick(data)
        if how == "abort":
            slave.pump.client.abortConnection()
            slave.pump.pump()
        elif how == "leave":
            slave.pump.client.loseConnection()
        elif how == "logout":
            slave.perspective = None
        elif how == "blackhole":
            slave.pump.blackhole = not slave.pump.blackhole
            slave.deadSince = self.now if slave.pump.blackhole else None
        elif how == "deaf":
            slave.pump.client.reading = not slave.pump.client.reading
        elif how == "pump":
            slave.pump.pump()
        elif slave.perspective is not None:
            slave.perspective.callRemote("keepalive").addErrback(lambda why: None)

    def _pick(self, data: st.DataObject) -> Connection:
        return data.draw(st.sampled_from(self.open()))

    # events of the master and of time

    @rule()
    def settleAll(self) -> None:
        self.settle()

    @rule(seconds=st.sampled_from((1, 6, 15, 61)))
    def time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.case.clock.advance(1)
            self.settle()
            self.everybodyIsInOrder()
            self.theDeadAreNoticed()

    @rule()
    def quiet(self) -> None:
        """Nothing happens until every deadline has passed."""
        self.time(200)

    @rule(name=st.sampled_from(NAMES), what=st.sampled_from(("bot", "builders")))
    def removeAndAddAgain(self, name: str, what: str) -> None:
        """Two reconfigurations; the second one undoes the first."""
        before = self.case.botmaster.config
        slaves = {n: slave for n, slave in before.slaves.items() if what == "builders" or n != name}
        self.reconfig(MasterConfig(slaves=slaves))
        self.reconfig(before)

    @rule(new=configs())
    def reconfig(self, new: MasterConfig) -> None:
        self.case.use(new)
        self.bots.update(self.case.botmaster.slaves.values())

    @rule(name=st.sampled_from(NAMES))
    def disconnect(self, name: str) -> None:
        bot = self.case.botmaster.slaves.get(name)
        if bot is not None:
            self.promises.append((bot.disconnect(), self.now))

    @rule(name=st.sampled_from(NAMES))
    def tellAgain(self, name: str) -> None:
        bot = self.case.botmaster.slaves.get(name)
        if bot is not None:
            self.promises.append((bot.sendBuilderList(), self.now + ATTACH_TIME))

    # invariants

    @invariant()
    def nothingWasLogged(self) -> None:
        """Nothing that slaves do is logged as an internal error."""
        assert not self.errors, self.errors[0].getTraceback()

    @invariant()
    def connectedMeansAlive(self) -> None:
        """L7: a slave shown as connected has a live connection, which is the one served."""
        for bot in self.bots:
            if bot.slave_status.isConnected():
                assert bot.state in (State.READY, State.DISPLACING, State.CLOSING)
                assert bot.peer.broker in self.case.factory.open
            assert (bot.slave is not None) == bool(bot.slave_commands is not None)

    @invariant()
    def theDeadAreNoticed(self) -> None:
        """L1: a connection that is cut off silently is closed within 150 s."""
        for slave in self.everybody:
            if slave.deadSince is not None and not slave.pump.server.lost:
                assert self.now - slave.deadSince <= 150 + 2, slave.pump.server.protocol.who

    @invariant()
    def everyConnectionHasItsPlace(self) -> None:
        """A3, D5: a logged-in connection is served, waits for its turn, or is held for disconnection."""
        places = set()
        for bot in self.bots:
            for peer in (bot.driver.peer, bot.driver.attachment.waiting, candidate(bot)):
                if peer is not None:
                    places.add(peer.broker)
        for broker in self.case.factory.open:
            assert not broker.welcome or broker._hanging or broker in places, broker.who

    @invariant()
    def everybodyIsInOrder(self) -> None:
        """A3: a logged-in connection is soon attached to all its builders, or closed."""
        good = set()
        for bot in self.case.botmaster.slaves.values():
            wanted = [name for name, _ in self.case.botmaster.config.builderList(bot.slavename)]
            if bot.state is State.READY and not bot.isPending() and sorted(bot.builders) == sorted(wanted):
                good.add(bot.peer.broker)
        for broker in self.case.factory.open:
            if broker in good or broker not in self.wellSince:
                self.wellSince[broker] = self.now
            assert self.now - self.wellSince[broker] <= DUE, f"{broker.who} is neither attached nor closed"

    @invariant()
    def readyMeansAllItsBuilders(self) -> None:
        """R2: a slave without a pending builder list is attached to exactly the builders of the
        configuration.
        """
        for bot in self.case.botmaster.slaves.values():
            if bot.state is State.READY and not bot.isPending():
                wanted = self.case.botmaster.getBuildersForSlave(bot.slavename)
                assert set(bot.builders.values()) == set(wanted), bot

    @invariant()
    def buildersKnowWhoIsThere(self) -> None:
        """R2: builders and slaves agree about who is attached."""
        for name, builder in self.case.botmaster.builders.items():
            for slavename, there in builder.attachedSlaves.items():
                assert there.slave.slavename == slavename
                assert there.slave.builders.get(name) is builder
        for bot in self.bots:
            for builder in bot.builders.values():
                mine = builder.attachedSlaves.get(bot.slavename)
                assert mine is not None and (mine.slave is bot or bot.state is not State.READY)

    @invariant()
    def refusalsAreHangUps(self) -> None:
        """N0: no login is answered with an error; the connection ends instead."""
        for slave in self.everybody:
            assert slave.error is None or slave.error.check(pb.PBConnectionLost), slave.error
            assert slave.perspective is None or slave.password in PASSWORDS

    @invariant()
    def promisesAreKept(self) -> None:
        """L3: Deferreds for the end of a connection and for new builders fire."""
        self.promises = [(fires, due) for fires, due in self.promises if not fires.called]
        for _, due in self.promises:
            assert self.now <= due + 1

    def teardown(self) -> None:
        """When all connections are gone nothing is left, and every name is free for a healthy slave."""
        try:
            if not self.errors:
                self.theEnd()
        finally:
            globalLogPublisher.removeObserver(self.ear)

    def theEnd(self) -> None:
        for slave in self.everybody:
            slave.pump.blackhole = False
            slave.pump.client.abortConnection()
        self.settle()
        calls: list[Any] = list(self.case.clock.getDelayedCalls())
        timers = [call.func for call in calls if call.func.__module__.startswith("buildbot.slaves.")]
        assert not timers, timers
        for bot in self.bots:
            assert bot.state is State.ABSENT, bot
            assert not (bot.builders or candidate(bot) or bot.driver._logins or bot.driver._pending), vars(
                bot
            )
        assert all(not builder.attachedSlaves for builder in self.case.botmaster.builders.values())
        self.promisesAreKept()
        assert not self.promises
        self.time(int(WINDOW))
        assert self.case.clock.getDelayedCalls() == []
        assert not (self.case.factory.open or self.case.factory.greeting or self.case.factory.members)
        for name in self.case.botmaster.config.slaves:
            self.connect("0.7.12", name, True, {}, "everything")
            self.case.assertReady(name)
        self.nothingWasLogged()


class AnyHistoryTests(unittest.SynchronousTestCase):
    """Random sequences of events on one slave port."""

    def test_anyHistory(self) -> None:
        """A3, D1-D5, L3, L7, R2, R3: after any events, names are free, no connection leaks, no refusal is
        answered.
        """
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples(30),
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
        self.flushLoggedErrors(Trouble)  # the slave's own failures, of calls without an answer; see observe
