"""After any sequence of files, the master runs like one freshly started on the last valid file.

Each sequence has five reconfigs, of which some fail. C{BUILDBOT_TEST_SEQUENCES} sets the number of sequences.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from twisted.application.service import IService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.trial import unittest

from buildbot.config.kept import plugins
from buildbot.daemon import lock
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.results import SUCCESS
from tests.examples import examples
from tests.schedulers import ended
from tests.stories.world import Reactor, World

MANY = examples(8)
HEAD = """
from buildbot.changes.pb import PBChangeSource
from buildbot.locks import MasterLock, SlaveLock
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import AnyBranchScheduler, Dependent, Nightly, Periodic, Scheduler, Triggerable
from buildbot.schedulers.timed import NightlyTriggerable
from buildbot.steps.shell import ShellCommand
from tests.stories.plugins import *
c = BuildmasterConfig = {}
def factory(*locks):
    f = BuildFactory()
    f.addStep(ShellCommand, command=['make'], locks=list(locks))
    return f
"""
BUILDERS = ("full", "quick", "docs")
#: Seconds in which every waiting change is built, and every Periodic builds at least once.
LONG = 130


class Sockets(Reactor):
    """A reactor with some taken ports."""

    def __init__(self) -> None:
        super().__init__()
        self.listening: set[int] = set()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        if port in self.listening or port == self.taken:
            raise CannotListenError(interface, port, OSError(98, "Address already in use"))
        listening: Any = super().listenTCP(port, factory, backlog, interface)
        self.listening.add(port)
        listening.stopListening = lambda: self.listening.discard(port)
        return listening


@dataclass(frozen=True)
class Plan:
    """A master.cfg.

    @ivar wrong: the line that makes it fail, or C{"port"} for a port that is taken.
    """

    lines: tuple[str, ...]
    wrong: str = ""
    port: int = 0

    def text(self) -> str:
        """The text of the file."""
        return HEAD + "\n".join(self.lines)


#: The kinds of failing reconfigs.
WRONG = (
    "this is no Python",
    "c['status'].append(Broken())",
    "c['schedulers'].append(Dependent('lost', None, ['full']))",
    "port",
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Files with a few bots, builders, schedulers of all kinds, sources, status targets, ports, locks."""

    def one(*values: Any) -> Any:
        return draw(st.sampled_from(values))

    bots = one(("b1",), ("b1", "b2"), ("b2", "b1"), ("b2",))
    entries = [(bot, one("pw", "other"), {"properties": {"os": one("linux", "bsd")}}) for bot in bots]
    names = one(BUILDERS, BUILDERS[:2], BUILDERS[:1])
    ports = one([7001], [7002], [7001, 7002])
    lines = [
        f"c['bots'] = {entries!r}",
        f"c['slavePortnum'] = {[f'tcp:{port}' for port in ports]!r}",
        f"L = MasterLock('l', maxCount={one(1, 2)})",
        f"S = SlaveLock('s', maxCount=1, maxCountForSlave={{'b1': {one(1, 3)}}})",
        "c['builders'] = []",
        *(
            f"c['builders'].append({{'name': {name!r}, 'slavenames': {list(bots)!r}, 'builddir': {name!r},"
            f" 'factory': factory({one('', 'S', 'L')}), 'locks': [{one('', 'L', 'S')}]}})"
            for name in names
        ),
        f"q = Scheduler('q', None, {one(None, 3, 60)}, [{one(*names)!r}])",
        f"b = AnyBranchScheduler('b', [{one('None', repr('release'))}], {one(3, 60)}, [{one(*names)!r}])",
        f"p = {one('Periodic', 'Stubborn')}('p', [{one(*names)!r}], {one(50, 100)})",
        f"n = Nightly('n', [{one(*names)!r}], hour={one(3, 4)})",
        f"x = Foreign('x', {one(*names)!r})",
        f"t = {one('Triggerable', 'NightlyTriggerable')}('t', [{one(*names)!r}])",
        f"d = Dependent('d', {one('q', 'b', 'x', 'p', 't')}, [{one(*names)!r}])",
        f"e = Dependent('e', {one('d', 'q')}, [{one(*names)!r}])",
        f"used = {one('[q, b, p, n, t, x, d, e]', '[e, d, x, q, t, b, p]', '[q, b, x, p]', '[]', '[n]')}",
        "c['schedulers'] = [each for each in used if getattr(each, 'upstream', each) in used]",
        f"source = {one('PBChangeSource', 'StubbornSource')}(passwd={one('old', 'new')!r}"
        f"{one('', ', port=7003', ', port=7001', ', port=7002')})",
        "second = PBChangeSource(user='other', passwd='x')",
        f"c['sources'] = {one('[source]', '[source, second]', '[second]', '[]')}",
        f"c['status'] = {one('[]', '[Watcher(1, q), Quick(), Quick()]', '[Quick(), Watcher(1, x)]')}",
        "c['status'] = [w for w in c['status'] if not isinstance(w, Watcher) or w.watched['first'][0] in"
        " c['schedulers']]",
        f"c['debugPassword'] = {one(None, 'd1', 'd2')!r}",
    ]
    wrong = one("", "", "", "", *WRONG)
    return Plan((*lines, wrong) if wrong not in ("", "port") else tuple(lines), wrong, one(*ports))


@dataclass
class Counted:
    """Numbers of cases tried."""

    sequences: int = 0
    applied: int = 0
    refused: int = 0


counted = Counted()


class Story(World):
    """One master."""

    reactor: Sockets

    def begin(self, text: str) -> bool:
        """Start the master on a file; return True if that worked."""
        self.setUp()
        self.known: list[Any] = []
        self.builders: dict[int, list[str]] = {}
        self.reactor = Sockets()
        self.reactor.advance(1000)
        self.write(text)
        before = signal.getsignal(signal.SIGHUP)
        starting = self.start()
        self.master.botmaster.now = self.reactor.seconds
        done: list[Any] = []
        starting.addCallbacks(lambda lines: done.append(True), lambda why: done.append(False))
        self.reactor.advance(0)
        if done != [True]:  # it is never stopped
            signal.signal(signal.SIGHUP, before)
            lock.release(self.basedir)
        return done == [True]

    def apply(self, plan: Plan) -> dict[str, Any]:
        """Write the file of a plan, and reconfigure the master."""
        self.write(plan.text())
        if plan.wrong == "port" and plan.port not in self.reactor.listening:
            self.reactor.taken = plan.port
        outcome: dict[str, Any] = self.successResultOf(self.master.reconfigurer.request())
        self.reactor.taken = None
        self.reactor.advance(0)
        return outcome

    def shape(self) -> dict[str, Any]:
        """All running objects, as plain values."""
        master, engine = self.master, self.master.botmaster
        named = [*master.config.schedulers, *master.config.sources, *master.config.status]
        children = [each for each in (*master, *master.change_svc) if each is not master.change_svc]
        accounts = master.dispatcher
        return {
            "running": sorted(_titled(each) for each in children),
            "named but not running": [
                _titled(each)
                for each in named
                if IService.providedBy(each) and not any(each is child for child in children)
            ],
            "running but not named": [
                _titled(each)
                for each in children
                if each is not master.applier.debug and not any(each is other for other in named)
            ],
            "upstream not running": [
                each.name
                for each in children
                if hasattr(each, "upstream") and not any(each.upstream is other for other in children)
            ],
            "told of builds": sorted(_titled(each) for each in engine.events.listeners),
            "told, but not running": [
                _titled(each)
                for each in engine.events.listeners
                if not any(each is child for child in children)
            ],
            "followers": sorted(
                (each.name, sorted(_titled(watcher.__self__) for watcher in _watchers(each)))
                for each in children
                if _watchers(each) is not None
            ),
            "accounts": sorted(
                (
                    name,
                    accounts._passwords.get(name),
                    name == "debug" or any(owner is child for child in children),
                )
                for name, owner in accounts.names.items()
            ),
            "ports": (
                sorted(self.reactor.listening),
                sorted(master.applier.ports),
                sorted(master.config.ports),
            ),
            "debug": (master.config.debugPassword, master.applier.debug is not None),
            "slaves": [
                (name, engine.config.slaves[name], bot.availability.maxBuilds)
                for name, bot in engine.slaves.items()
            ],
            "builders": [(name, builder.setup.builddir) for name, builder in sorted(engine.builders.items())],
            "builders in force": [
                name
                for name, builder in engine.builders.items()
                if builder.setup != engine.config.builders[name]
            ],
            "locks": sorted(_lockSight(key, real) for key, real in engine.locks.table.items()),
            "leaving": len(engine.leaving),
        }

    def timers(self) -> Counter[str]:
        """The pending timers, except those for storing state soon."""
        titles = [_callTitle(call) for call in self.reactor.getDelayedCalls() if call.active()]
        return Counter(title for title in titles if "SavedState._save" not in title)

    def behaviour(self) -> tuple[Counter[Any], set[Any]]:
        """The builds for a change to each branch; for timed schedulers, only whether there are builds."""
        first = self.catchUp(13)
        for branch in (None, "release"):
            change = Change("ann", ["a.c"], "why", branch=branch, when=self.reactor.seconds())
            self.successResultOf(ensureDeferred(self.master.addChange(change)))
        self.catchUp(5)
        made = [(record.scheduler, *self.builders[record.id]) for record in self.sets()[first:]]
        clocked = {"p", "n"} | {name for name in ("d", "e") if self.followsTheClock(name)}
        return Counter(each for each in made if each[0] not in clocked), {e for e in made if e[0] in clocked}

    def catchUp(self, step: int) -> int:
        """Let time pass, with all builds successful, so that a restored scheduler catches up.

        @return: the number of sets so far.
        """
        for _ in range(LONG // step):
            self.reactor.advance(step)
            while len(self.builders) < len(self.sets()):
                self.complete(len(self.builders) + 1)
        return len(self.sets())

    def followsTheClock(self, name: str) -> bool:
        """True if it follows a timed scheduler."""
        used: Sequence[Any] = self.master.config.schedulers
        schedulers = {each.name: each for each in used}
        while name in schedulers and hasattr(schedulers[name], "upstream"):
            name = schedulers[name].upstream.name
        return name in ("p", "n")

    def sets(self) -> list[Any]:
        """All submitted sets."""
        known = self.known
        while (record := self.successResultOf(self.store.getBuildset(len(known) + 1))) is not None:
            known.append(record)
        return known

    def complete(self, number: int) -> None:
        """Let the builds of a set succeed."""
        engine = self.master.botmaster
        self.builders[number] = []
        for request in self.successResultOf(self.store.pendingRequests()):
            if request.buildset == number:
                self.builders[number].append(request.builder)
                record = BuildRecord(request.builder, None, "b1", (request.id,), self.reactor.seconds())
                build = self.successResultOf(self.store.startBuild(record))
                over = self.successResultOf(self.store.finishBuild(ended(build, SUCCESS)))
                engine.engine.buildsetsComplete(over)
                builder = engine.builders[request.builder]
                builder.pending = [each for each in builder.pending if each.id != request.id]
        self.reactor.advance(0)

    def end(self) -> None:
        """Stop the master; check that only plug-ins that never stop are left."""
        stubborn = any(type(each).__name__.startswith("Stubborn") for each in plugins(self.master.config))
        stopping: Deferred[Any] = ensureDeferred(self.master.stopService())
        for _ in range(40):
            self.reactor.advance(1)
        self.successResultOf(stopping)
        left = [_callTitle(call) for call in self.reactor.getDelayedCalls()]
        left += [*map(str, self.reactor.listening), *self.master.dispatcher.names]
        assert stubborn or not left, left
        lock.release(self.basedir)


def _watchers(plugin: Any) -> Any:
    return getattr(plugin, "watchers", getattr(plugin, "_watchers", None))


def _titled(plugin: Any) -> str:
    values = {name: getattr(plugin, name, None) for name in getattr(plugin, "compare_attrs", ())}
    plain = {name: getattr(value, "name", value) for name, value in values.items()}
    return f"{type(plugin).__name__} {plain} running={bool(plugin.running)}"


def _lockSight(key: Any, real: Any) -> Any:
    lockid = getattr(real, "lockid", None)
    return key, real.maxCount if lockid is None else lockid.countFor("b1")


def _callTitle(due: Any) -> str:
    call = due.func
    owner = getattr(call, "__self__", None)
    call = getattr(owner, "_call", call)  # an Alarm
    owner = getattr(call, "__self__", None)
    name = getattr(call, "__qualname__", type(call).__name__)
    return f"{type(owner).__name__} {getattr(owner, 'name', '')} {name}"


class SequenceTests(unittest.SynchronousTestCase):
    """Five files, one after another."""

    def test_asFreshlyStarted(self) -> None:
        """F1: after any reconfigs, also failed ones, the master is like one started on the last valid
        file.
        """
        options = settings(
            max_examples=MANY,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        try:
            options(given(st.lists(plans(), min_size=6, max_size=6))(self.play))()
        except BaseException as failure:
            print("\n".join(getattr(failure, "__notes__", ())))  # the files, which trial would not show
            raise
        self.assertGreaterEqual(counted.sequences, MANY // 2)
        self.assertGreater(counted.refused, 0)
        print(f"{counted.sequences} sequences, {counted.applied} applied, {counted.refused} refused", end=" ")

    def play(self, sequence: list[Plan]) -> None:
        """Run one sequence."""
        try:
            self.startAndReconfigure(sequence)
        finally:
            self.flushLoggedErrors(OSError)  # those of plug-ins that never stop

    def startAndReconfigure(self, sequence: list[Plan]) -> None:
        """One start and five reconfigs."""
        first, *others = sequence
        good = Plan(first.lines if not first.wrong or first.wrong == "port" else first.lines[:-1])
        story = Story("setUp")
        if not story.begin(good.text()):
            return  # the master cannot start on this file
        counted.sequences += 1
        for plan in [good, *others]:
            note(f"--- {plan.wrong}\n" + "\n".join(plan.lines))
            outcome = story.apply(plan)
            if outcome["applied"]:
                good = plan
                counted.applied += 1
            else:
                counted.refused += 1
                self.assertNotIn("internal error", "".join(outcome["errors"]))
                self.assertNotIn("NoneType", "".join(outcome["errors"]))
                if not plan.wrong:
                    self.assertFalse(Story("setUp").begin(plan.text()), outcome["errors"])
            fresh = Story("setUp")
            self.assertTrue(fresh.begin(good.text()), "a master cannot be started on what another one runs")
            self.assertEqual(story.shape(), fresh.shape())
            self.assertEqual(story.behaviour(), fresh.behaviour())
            self.assertEqual(story.timers(), fresh.timers())
            fresh.end()
        story.end()
