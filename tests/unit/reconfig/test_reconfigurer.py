"""A changed master.cfg is put into force completely or not at all, one at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from twisted.application import service
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial import unittest

from buildbot.config.diff import ConfigChange
from buildbot.config.model import ConfigError, ConfigErrors, MasterConfig
from buildbot.reconfig.loading import Loading
from buildbot.reconfig.parent import PluginParent
from buildbot.reconfig.plugins import CHILD_TIME, Refused, exchange
from buildbot.reconfig.reconfigurer import ConfigFile, Reconfigurer
from tests.slaveport import config


@dataclass
class Report:
    """The result of loading in a child process."""

    ok: bool = True
    errors: tuple[ConfigError, ...] = ()
    warnings: tuple[ConfigError, ...] = ()
    output: str = ""


class FakeMaster:
    """A master that applies a configuration, or fails to, as the test says."""

    def __init__(self) -> None:
        self.config = MasterConfig()
        self.generation = 0
        self.prepareFails: Exception | None = None
        self.warningsFail: Exception | None = None
        self.preparing: Deferred[None] = succeed(None)
        self.abandoned = 0
        self.pending: list[str] = []

    async def prepare(self, config: MasterConfig, change: ConfigChange) -> Any:
        await self.preparing
        if self.prepareFails is not None:
            raise self.prepareFails

    async def abandon(self, prepared: Any) -> None:
        self.abandoned += 1

    def consequences(self, change: ConfigChange, drain: bool) -> list[str]:
        return []

    def warnings(self) -> list[str]:
        if self.warningsFail is not None:
            raise self.warningsFail
        return []

    def commit(self, config: MasterConfig, change: ConfigChange, prepared: Any, drain: bool) -> list[str]:
        self.config = config
        self.drained = drain
        self.generation += 1
        return self.pending


class ReconfigurerTests(unittest.SynchronousTestCase):
    """Requests, and their outcomes."""

    def setUp(self) -> None:
        self.master = FakeMaster()
        self.report = Report()
        self.file: MasterConfig | Exception = config()
        self.checks: list[Deferred[Report]] = []
        self.slow = False
        self.paths: list[tuple[str, str]] = []
        self.configFile = ConfigFile("/nowhere", "master.cfg")
        self.loading = Loading(self.check, self.load)
        self.reconfigurer = Reconfigurer(self.master, self.configFile, self.loading)

    def check(self, path: str, basedir: str, timeout: float) -> Deferred[Any]:
        self.timeout = timeout
        self.paths.append(("checked", path))
        if not self.slow:
            return succeed(self.report)
        self.checks.append(Deferred())
        return self.checks[-1]

    def load(self, path: str, basedir: str, timeout: float) -> Deferred[MasterConfig]:
        self.paths.append(("loaded", path))
        return fail(self.file) if isinstance(self.file, Exception) else succeed(self.file)

    def outcome(self, **kw: Any) -> dict[str, Any]:
        return self.successResultOf(self.reconfigurer.request(**kw))

    def test_applied(self) -> None:
        """A valid file is applied; the outcome has the changes and the slaves that are being updated."""
        self.master.pending = ["bot1"]
        outcome = self.outcome()
        self.assertEqual((outcome["applied"], outcome["generation"], outcome["errors"]), (True, 1, []))
        self.assertEqual(outcome["pending"], ["bot1"])
        self.assertTrue(any("bot1" in line for line in outcome["changes"]))
        self.assertEqual(self.master.config, config())

    def test_warningsInTheLog(self) -> None:
        """F14: after a SIGHUP, the log has the warnings of the reconfig."""
        self.patch(self.master, "consequences", lambda change, drain: ["port tcp 9989 is being closed"])
        with capturedLogs() as events:
            self.outcome(dryRun=True)
            self.assertEqual(events, [])
            self.outcome()
        self.assertIn("reconfig: port tcp 9989 is being closed", list(map(formatEvent, events)))

    def test_drain(self) -> None:
        """Removed slaves finish their builds first on demand, also among folded requests."""
        self.outcome()
        self.assertFalse(self.master.drained)
        self.outcome(drain=True)
        self.assertTrue(self.master.drained)
        self.slow = True
        for drain in (False, True, False):
            self.reconfigurer.request(drain=drain)
        self.checks.pop().callback(self.report)
        self.assertFalse(self.master.drained)
        self.checks.pop().callback(self.report)
        self.assertTrue(self.master.drained)

    def test_secondTime(self) -> None:
        """R5: the same file again changes nothing, and the outcome says so."""
        self.outcome()
        self.assertEqual(self.outcome()["changes"], [])

    def refused(self, reason: str) -> None:
        before = self.master.config
        outcome = self.outcome()
        self.assertEqual((outcome["applied"], outcome["generation"]), (False, 0))
        self.assertIn(reason, "\n".join(outcome["errors"]))
        self.assertIs(self.master.config, before)

    def test_brokenInTheChild(self) -> None:
        """R1: a file that fails in the child process is refused with all its errors."""
        self.report = Report(False, (ConfigError("no", "master.cfg", 3), ConfigError("never", None, None)))
        self.refused("master.cfg:3: no\nnever")

    def test_brokenTheSecondTime(self) -> None:
        """R1: a file that fails only in the master's own load is refused too."""
        self.file = ConfigErrors([ConfigError("only now", "master.cfg", 3)])
        self.refused("only now")

    def test_portInUse(self) -> None:
        """R1: a port that cannot be opened refuses the whole configuration."""
        self.master.prepareFails = Refused(["cannot listen on tcp:1: in use"])
        self.refused("cannot listen on tcp:1: in use")

    def test_pluginFails(self) -> None:
        """R1: a plug-in that does not start refuses the whole configuration."""
        self.master.prepareFails = Refused(["cannot start Waterfall: no"])
        self.refused("cannot start Waterfall: no")

    def test_ourOwnFault(self) -> None:
        """R1: an internal error is reported and logged, and leaves the old configuration in force."""
        self.master.prepareFails = ZeroDivisionError("oops")
        self.refused("internal error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_ourOwnFaultAfterwards(self) -> None:
        """R1: if something fails after the new configuration is in force, the outcome does not claim the old
        one.
        """
        self.master.warningsFail = ZeroDivisionError("oops")
        outcome = self.outcome()
        self.assertEqual((outcome["applied"], outcome["generation"]), (True, 1))
        self.assertIn("internal error", outcome["errors"][0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_dryRun(self) -> None:
        """A dry run reports the changes, and changes nothing."""
        outcome = self.outcome(dryRun=True)
        self.assertFalse(outcome["applied"])
        self.assertTrue(outcome["changes"])
        self.assertEqual(self.master.generation, 0)

    def test_output(self) -> None:
        """Output of master.cfg and its warnings are in the outcome."""
        self.report = Report(output="hello")
        self.file = replace(config(), warnings=(ConfigError("hm", "master.cfg", 1),))
        outcome = self.outcome()
        self.assertEqual((outcome["output"], outcome["warnings"]), ("hello", ["master.cfg:1: hm"]))

    def test_timeout(self) -> None:
        """The caller sets how long master.cfg may run."""
        self.outcome(timeout=7)
        self.assertEqual(self.timeout, 7)

    def test_folded(self) -> None:
        """R9: requests during a reconfig become one more, which reads the file after all of them."""
        self.slow = True
        first = self.reconfigurer.request()
        later = [self.reconfigurer.request() for _ in range(20)]
        self.assertEqual(len(self.checks), 1)
        self.checks[0].callback(self.report)
        self.assertEqual(self.successResultOf(first)["generation"], 1)
        self.file = config({"bot2": "sekrit"}, {})
        self.assertEqual(len(self.checks), 2)
        self.checks[1].callback(self.report)
        self.assertEqual([self.successResultOf(d)["generation"] for d in later], [2] * 20)
        self.assertIn("bot2", self.master.config.slaves)
        self.assertEqual(len(self.checks), 2)

    def test_pathChanges(self) -> None:
        """The file that was checked is loaded, even if the master's path changes meanwhile."""
        self.slow = True
        waiting = self.reconfigurer.request()
        self.configFile.name = "other.cfg"
        self.checks[0].callback(self.report)
        self.successResultOf(waiting)
        self.assertEqual(self.paths, [("checked", "/nowhere/master.cfg"), ("loaded", "/nowhere/master.cfg")])

    def test_otherPaths(self) -> None:
        """Requests for different files are not folded, and are served in order."""
        self.slow = True
        asked = ["a", "b", "b", "c", "b", None]
        waiting = [self.reconfigurer.request(path=path) for path in asked]
        for number in range(5):
            self.checks[number].callback(self.report)
        for each in waiting:
            self.assertTrue(self.successResultOf(each)["applied"])
        loaded = [path for what, path in self.paths if what == "loaded"]
        self.assertEqual(loaded, ["a", "b", "c", "b", "/nowhere/master.cfg"])
        self.assertEqual([path for what, path in self.paths if what == "checked"], loaded)

    def test_eachLearnsItsOwn(self) -> None:
        """R9: a failed reconfig does not affect the outcome of the next."""
        self.slow = True
        first, second = self.reconfigurer.request(), self.reconfigurer.request()
        self.checks[0].callback(Report(False, (ConfigError("no"),)))
        self.checks[1].callback(self.report)
        self.assertFalse(self.successResultOf(first)["applied"])
        self.assertTrue(self.successResultOf(second)["applied"])

    def test_dryRunIsNotFolded(self) -> None:
        """A waiting dry run and a waiting real one are not folded."""
        self.slow = True
        self.reconfigurer.request()
        dry, real = self.reconfigurer.request(dryRun=True), self.reconfigurer.request()
        for _ in range(3):
            self.checks.pop(0).callback(self.report)
        self.assertFalse(self.successResultOf(dry)["applied"])
        self.assertTrue(self.successResultOf(real)["applied"])

    def test_askerGone(self) -> None:
        """F12: a reconfig that no client waits for any more is given up, and the next one does not wait."""
        self.slow = True
        first = self.reconfigurer.request(who="ann")
        second = self.reconfigurer.request(who="bob")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual((len(self.checks), self.checks[0].called, self.master.generation), (2, True, 0))
        self.checks[1].callback(self.report)
        outcome = self.successResultOf(second)
        self.assertEqual((outcome["applied"], outcome["generation"]), (True, 1))
        self.assertEqual(
            outcome["notes"],
            ["an earlier reconfig of ann, which was interrupted, was given up, and changed nothing"],
        )
        self.slow = False
        self.assertEqual(self.outcome()["notes"], [])

    def test_oneOfTwoGone(self) -> None:
        """F12: a reconfig goes on as long as a client waits for it, or if SIGHUP asked for it."""
        self.slow = True
        self.reconfigurer.request()
        waiting, gone = self.reconfigurer.request(), self.reconfigurer.request()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.checks[0].callback(self.report)
        self.checks[1].callback(self.report)
        self.assertEqual(self.successResultOf(waiting)["notes"], [])

    def test_goneBeforeItBegan(self) -> None:
        """F12: a waiting reconfig is dropped if its client goes."""
        self.slow = True
        first, second = self.reconfigurer.request(), self.reconfigurer.request(dryRun=True)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.checks[0].callback(self.report)
        self.successResultOf(first)
        self.assertEqual(len(self.checks), 1)
        self.slow = False
        self.assertIn("given up before it began", self.outcome()["notes"][0])

    def test_goneTooLate(self) -> None:
        """F12: a reconfig that has started to change things is completed, and the next client is told."""
        self.master.preparing = Deferred()
        first = self.reconfigurer.request(who="ann")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.master.preparing.callback(None)
        self.assertEqual(self.master.generation, 1)
        self.assertEqual(
            self.outcome()["notes"],
            [
                "an earlier reconfig of ann, which was interrupted, took effect: "
                "generation 1 of the configuration is in force"
            ],
        )

    def test_progress(self) -> None:
        """F12: a waiting client can ask for the stage, the time and the clients of the running reconfig."""
        now = [100.0]
        reconfigurer = Reconfigurer(self.master, self.configFile, self.loading, lambda: now[0])
        self.assertEqual(reconfigurer.progress(), {"running": None, "waiting": 0})
        self.slow = True
        reconfigurer.request(who="ann")
        reconfigurer.request(who="bob")
        now[0] += 12
        self.assertEqual(
            reconfigurer.progress(),
            {
                "running": {"who": "ann", "seconds": 12, "stage": "master.cfg is running", "dryRun": False},
                "waiting": 1,
            },
        )

    def test_stopping(self) -> None:
        """A stopping master applies no further configuration, in any phase of the loading."""
        self.slow = True
        waiting = self.reconfigurer.request()
        self.reconfigurer.stop()
        self.assertIn("stopping", self.successResultOf(waiting)["errors"][0])
        self.assertTrue(self.checks[0].called, "the child is left running")
        self.assertIn("stopping", self.outcome()["errors"][0])

    def test_stoppingLate(self) -> None:
        """Changes that were prepared while the master stopped are undone."""
        self.master.preparing = Deferred()
        waiting = self.reconfigurer.request()
        self.reconfigurer.stop()
        self.master.preparing.callback(None)
        self.assertFalse(self.successResultOf(waiting)["applied"])
        self.assertEqual(self.master.abandoned, 1)


class Plugin(service.Service):
    """A plug-in that fails or waits, as the test says.

    @ivar starting: if set, a Deferred that the start waits for; C{stopping} is the same for the stop.
    """

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.starting: Deferred[None] | None = None
        self.stopping: Deferred[None] | None = None

    def setServiceParent(self, parent: Any) -> Deferred[None] | None:
        super().setServiceParent(parent)
        return self.starting

    def startService(self) -> None:
        if self.broken:
            raise OSError("no")
        super().startService()

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        return self.stopping


class Equal(Plugin):
    """All objects of this class are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    __hash__ = None  # type: ignore[assignment]


class ExchangeTests(unittest.SynchronousTestCase):
    """Plug-ins are exchanged, all or none."""

    def setUp(self) -> None:
        self.parent = PluginParent()
        self.parent.startService()
        self.old = Plugin()
        self.old.setServiceParent(self.parent)
        self.clock = Clock()

    def exchange(self, *new: Plugin) -> Deferred[None]:
        pairs = [(plugin, self.parent) for plugin in new]
        return Deferred.fromCoroutine(exchange([(self.old, self.parent)], pairs, self.clock))

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_exchanged(self) -> None:
        """The old ones are stopped, the new ones run."""
        new = Plugin()
        self.successResultOf(self.exchange(new))
        self.assertEqual((self.old.running, new.running), (0, 1))

    def test_oneFails(self) -> None:
        """R1: if a new plug-in does not start, the old ones run again and no new one does."""
        good, bad = Plugin(), Plugin(broken=True)
        self.failureResultOf(self.exchange(good, bad), Refused)
        self.assertEqual((self.old.running, good.running), (1, 0))
        self.assertEqual(list(self.parent), [self.old])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_neverStops(self) -> None:
        """R10: an old plug-in that never stops is left behind, with a line in the log."""
        self.old.stopping = Deferred()
        new = Plugin()
        done = self.exchange(new)
        self.clock.advance(CHILD_TIME - 1)
        self.assertNoResult(done)
        with capturedLogs() as events:
            self.clock.advance(1)
        self.successResultOf(done)
        self.assertEqual((list(self.parent), new.running), ([new], 1))
        self.assertEqual(
            [formatEvent(each) for each in events],
            ["Plugin did not stop within 30 seconds; going on without waiting for it"],
        )

    def test_stopsLate(self) -> None:
        """If a plug-in that was left behind fails later, that is logged."""
        self.old.stopping = Deferred()
        done = self.exchange()
        self.clock.advance(CHILD_TIME)
        self.successResultOf(done)
        self.old.stopping.errback(OSError("no"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_neverStarts(self) -> None:
        """R1, R10: a new plug-in that never starts is named and refused, and the old state is restored."""
        good, bad = Plugin(), Plugin()
        bad.starting = Deferred()
        done = self.exchange(good, bad)
        self.clock.advance(CHILD_TIME)
        refused = self.failureResultOf(done, Refused)
        self.assertEqual(refused.value.errors, ["cannot start Plugin: it did not start within 30 seconds"])
        self.assertEqual((list(self.parent), self.old.running), ([self.old], 1))
        self.assertTrue(bad.starting.called, "it was not told to give up")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_neverGivesUp(self) -> None:
        """R10: the same for one that does not stop either."""

        async def start() -> None:
            try:
                await Deferred()
            finally:
                await Deferred()

        bad = Plugin()
        bad.starting, bad.stopping = Deferred.fromCoroutine(start()), Deferred()
        done = self.exchange(bad)
        self.clock.advance(CHILD_TIME)
        self.assertNoResult(done)
        self.clock.advance(CHILD_TIME)
        self.failureResultOf(done, Refused)
        self.assertEqual((list(self.parent), self.old.running), ([self.old], 1))

    def test_failsToStop(self) -> None:
        """F1: an old plug-in that fails to stop is left behind, and the new ones run."""
        self.old.stopService = None  # type: ignore[method-assign,assignment]
        new = Plugin()
        self.successResultOf(self.exchange(new))
        self.assertEqual((list(self.parent), self.old.parent), ([new], None))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_notThereAnyMore(self) -> None:
        """F1: an old plug-in that is not running is not stopped."""
        self.old.disownServiceParent()
        new = Plugin()
        self.successResultOf(self.exchange(new))
        self.assertEqual(list(self.parent), [new])

    def test_equalOnes(self) -> None:
        """F1: of two equal plug-ins, the removed one stops, and the other one goes on."""
        twin = Equal()
        self.old.disownServiceParent()
        self.old = Equal()
        for each in (twin, self.old):
            each.setServiceParent(self.parent)
        self.successResultOf(self.exchange())
        (left,) = self.parent
        self.assertIs(left, twin)
        self.assertEqual((twin.running, self.old.running), (1, 0))

    def test_sameName(self) -> None:
        """F1: a plug-in with the name of another one is refused, and the other one can be stopped
        afterwards.
        """
        other, late = Plugin(), Plugin()
        other.setName("web")
        late.setName("web")
        other.setServiceParent(self.parent)
        self.failureResultOf(self.exchange(late), Refused)
        self.assertIs(self.parent.getServiceNamed("web"), other)
        other.disownServiceParent()
        self.assertEqual((list(self.parent), other.running), ([self.old], 0))
        self.flushLoggedErrors(RuntimeError)

    def test_notTakenBack(self) -> None:
        """R1: an old plug-in that does not restart does not block the others, and is logged."""
        other = Plugin()
        other.setServiceParent(self.parent)
        self.old.startService = None  # type: ignore[method-assign,assignment]
        pairs = [(self.old, self.parent), (other, self.parent)]
        new = [(Plugin(broken=True), self.parent)]
        refused = self.failureResultOf(Deferred.fromCoroutine(exchange(pairs, new, self.clock)), Refused)
        self.assertEqual((other.running, self.old.parent, list(self.parent)), (1, None, [other]))
        self.assertIn("Plugin was stopped and cannot be started again", refused.value.errors[1])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
