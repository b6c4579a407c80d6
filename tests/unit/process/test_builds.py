"""Builds on fake slaves: started, run, stopped, lost, and ended exactly once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import capturedLogs, formatEvent

from buildbot.config.compare import ComparableMixin
from buildbot.config.model import BuilderConfig, MasterConfig, SlaveConfig
from buildbot.model.change import Change
from buildbot.model.records import INTERRUPTED, TAKEN_OVER, BuildRecord, BuildsetRecord
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.attempt import FRESH
from buildbot.process.base import LOST_TIME, STOP_TIME, Build
from buildbot.process.builder import RETRIES
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.buildset import BuildSet
from buildbot.process.buildstep import BuildStep
from buildbot.process.locks import MasterLock
from buildbot.process.locktable import LockError
from buildbot.status.report import reportBuild
from buildbot.steps.shell import SetProperty, ShellCommand, WithProperties
from buildbot.store.interface import StoreConflict, StoreFailed
from tests.fakes import DROP, HANG, KINDS, FakeCommand, FakeSlave, Trouble
from tests.slaveport import SlavePortCase


def shell(*commands: str, **kw: Any) -> BuildFactory:
    """A factory of shell commands."""
    factory = BuildFactory()
    for command in commands:
        factory.addStep(ShellCommand, command=[command], haltOnFailure=True, **kw)
    return factory


class BuildCase(SlavePortCase):
    """A master with builders, slaves that build, and a memory store."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("true"))

    def configure(self, factory: Any, slaves: str = "bot1", builders: str = "full", **options: Any) -> None:
        """Reconfigure: all builders have this factory and these slaves."""
        self.use(
            MasterConfig(
                slaves={name: SlaveConfig(name, "sekrit", **options) for name in slaves.split()},
                builders={
                    name: BuilderConfig(name, tuple(slaves.split()), name, factory)
                    for name in builders.split()
                },
            )
        )

    def green(self, *args: Any, **kw: Any) -> FakeSlave:
        """Connect a slave on which every command succeeds."""
        return self.connect(*args, onCommand=lambda command: command.end(0), **kw)

    def force(self, *builders: str, **kw: Any) -> BuildSet:
        """Force builds."""
        buildset = BuildSet(builders or ("full",), SourceStamp(**kw), "because")
        self.successResultOf(ensureDeferred(self.botmaster.submitBuildSet(buildset)))
        self.settle()
        return buildset

    def builds(self, builder: str = "full") -> list[Any]:
        """The builds in the store, the oldest first."""
        found: list[Any] = self.successResultOf(self.botmaster.store.getBuilds(builder, 100))
        return found[::-1]

    def waiting(self) -> list[Any]:
        found: list[Any] = self.successResultOf(self.botmaster.store.pendingRequests())
        return found

    def command(self, slave: FakeSlave) -> FakeCommand:
        self.settle()
        return slave.commands[-1]

    def tearDown(self) -> None:
        for builder in list(self.botmaster.builders.values()):
            builder.cancelAll()
        super().tearDown()


class RunTests(BuildCase):
    """Builds that succeed or fail normally."""

    def test_green(self) -> None:
        """A forced build runs its steps on the slave, in order, and is stored."""
        self.configure(shell("./configure", "make"))
        slave = self.green()
        buildset = self.force()
        (build,) = self.builds()
        self.assertEqual((build.results, build.text), (SUCCESS, ("build", "successful")))
        sent = [command.args[b"command"] for command in slave.commands]
        self.assertEqual(sent, [[b"./configure"], [b"make"]])
        self.assertEqual([step.results for step in build.steps], [SUCCESS, SUCCESS])
        self.assertTrue(buildset.isFinished() and buildset.isSuccessful())
        self.assertEqual(self.waiting(), [])

    def test_everyGeneration(self) -> None:
        """Slaves of every generation build; each gets the words of its generation."""
        for kind in KINDS:
            if not KINDS[kind].command:
                continue
            slave = self.green(kind)
            self.force()
            self.assertEqual(self.builds()[-1].results, SUCCESS)
            self.assertIn(slave.text("command"), slave.commands[-1].args)
            self.assertEqual(slave.complaints, [])
            slave.broker.transport.abortConnection()
            self.settle()

    def test_failure(self) -> None:
        """A failing step with haltOnFailure ends the build."""
        self.configure(shell("one", "two"))
        slave = self.connect()
        slave.onCommand = lambda command: command.end(1, stdout="no")
        self.force()
        (build,) = self.builds()
        self.assertEqual((build.results, len(build.steps), len(slave.commands)), (FAILURE, 1, 1))

    def test_logsAreBytes(self) -> None:
        """G5: the log has exactly the bytes from the slave, by channel."""
        slave = self.connect()
        slave.onCommand = lambda command: command.end(
            0, header="running\n", stdout=b"\xff\x00caf\xe9", stderr=b"\xf0\x9f", log=(b"x", b"y")
        )
        self.force()
        (log,) = self.builds()[0].steps[0].logs
        chunks = list(self.botmaster.resources.logs.reader(log.filename).chunks())
        said = [(2, b"running\n"), (0, b"\xff\x00caf\xe9"), (1, b"\xf0\x9f")]
        self.assertEqual(chunks, [*said, (2, b"exit code 0\n")])

    def test_waitsForASlave(self) -> None:
        """B8: a request waits for its slave, with the reason, and starts when the slave connects."""
        self.force()
        self.assertEqual(len(self.waiting()), 1)
        self.assertIn("bot1", self.botmaster.builders["full"].whyWaiting())
        self.green()
        self.assertEqual(self.builds()[0].results, SUCCESS)

    def test_merged(self) -> None:
        """Requests for the same source share a build; others have their own."""
        self.force()
        self.force()
        self.force(revision="7")
        self.green()
        self.assertEqual([len(build.requests) for build in self.builds()], [2, 1])

    def test_twoSlaves(self) -> None:
        """Two slaves of a builder build at the same time."""
        self.configure(shell("true"), "bot1 bot2")
        one, two = self.connect(), self.connect(name="bot2")
        self.force(revision="1")
        self.force(revision="2")
        self.assertEqual((len(one.commands), len(two.commands)), (1, 1))

    def test_properties(self) -> None:
        """A step can read the properties of the build and of the bot."""
        self.configure(shell("true"), properties={"os": "solaris"})
        self.green()
        self.force(branch="b1", revision="7")
        properties = self.builds()[0].properties
        self.assertEqual(
            {name: properties[name] for name in ("os", "branch", "revision", "slavename", "buildername")},
            {"os": "solaris", "branch": "b1", "revision": "7", "slavename": "bot1", "buildername": "full"},
        )

    def test_source(self) -> None:
        """F2: a build of changes has their revision, branch, repository and project."""
        self.green()
        place: dict[str, Any] = {"branch": "release", "repository": "git://h/x"}
        place.update(project="x", codebase="c")
        changes = [Change("me", [], "", revision=f"r{n}", **place).numbered(n) for n in (1, 2)]
        self.force(changes=changes)
        (build,) = self.builds()
        wanted = {**place, "revision": "r2"}
        self.assertEqual({name: build.properties[name] for name in wanted}, wanted)
        said = reportBuild(build.toRecord())
        self.assertEqual({name: said[name] for name in wanted}, wanted)
        self.assertEqual(said["changes"], [1, 2])

    def test_mergedSources(self) -> None:
        """F2: a build for several requests has the revision with all their changes."""
        for number in (1, 2, 3):
            self.force(changes=[Change("me", [], "", revision=f"r{number}").numbered(number)])
        self.green()
        (build,) = self.builds()
        self.assertEqual(build.properties["revision"], "r3")
        self.assertEqual(reportBuild(build.toRecord())["revision"], "r3")

    def test_gotRevision(self) -> None:
        """F2: a build of the latest revision has the revision that a step found."""
        factory = BuildFactory()
        factory.addStep(SetProperty, property="got_revision", command=["git", "rev-parse", "HEAD"])
        self.configure(factory)
        self.connect(onCommand=lambda command: command.end(0, stdout="1a2b3c\n"))
        self.force()
        said = reportBuild(self.builds()[0].toRecord())
        self.assertEqual((said["revision"], said["gotRevision"]), (None, "1a2b3c"))

    def test_noSuchProperty(self) -> None:
        """A step that uses a missing property reports it in one line of its log."""
        factory = BuildFactory()
        factory.addStep(ShellCommand, command=["echo", WithProperties("%(flavour)s")])
        self.configure(factory)
        self.connect()
        self.force()
        (build,) = self.builds()
        self.assertEqual(build.results, EXCEPTION)
        (log,) = build.steps[0].logs
        text = b"".join(data for _, data in self.botmaster.resources.logs.reader(log.filename).chunks())
        self.assertEqual(text, b"there is no property 'flavour'\n")

    def test_newStyleStep(self) -> None:
        """A step may be a coroutine."""
        factory = BuildFactory()
        factory.addStep(Coroutine)
        self.configure(factory)
        self.connect()
        self.force()
        self.assertEqual(self.builds()[0].results, SUCCESS)
        self.assertEqual(self.builds()[0].properties["seen"], "full")

    def test_maxBuilds(self) -> None:
        """B9: a bot never runs more builds than its max_builds, for all builders together."""
        self.configure(shell("true"), builders="a b c", max_builds=2)
        slave = self.connect()
        self.force("a", "b", "c")
        self.assertEqual(len(slave.commands), 2)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(len(slave.commands), 3)

    def test_locks(self) -> None:
        """B6: with a master lock one build runs at a time; the next starts when the lock is free."""
        lock = MasterLock("database")
        self.configure(shell("true", locks=[lock]), builders="a b")
        slave = self.connect()
        self.force("a", "b")
        self.assertEqual(len(slave.commands), 1)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(len(slave.commands), 2)
        slave.commands[1].end(0)
        self.settle()
        self.assertEqual(self.botmaster.getLockByID(lock).owners(), ())

    def test_exclusive(self) -> None:
        """With exclusive access, builds run one at a time, though the lock has three places."""
        lock = MasterLock("database", 3)
        self.configure(shell("true", locks=[lock.access("exclusive")]), builders="a b")
        slave = self.connect()
        self.force("a", "b")
        self.assertEqual(len(slave.commands), 1)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(len(slave.commands), 2)
        self.configure(shell("true", locks=[lock]), builders="a b")  # the running one stays alone
        self.force("a")
        self.assertEqual(len(slave.commands), 2)
        slave.commands[1].end(0)
        self.settle()
        self.assertEqual(len(slave.commands), 3)
        self.force("b")
        self.assertEqual(len(slave.commands), 4)

    def test_exclusiveWithin(self) -> None:
        """A step that wants all places, one of which its build holds, ends the build with the reason."""
        lock = MasterLock("database", 3)
        self.configure(shell("true", locks=[lock.access("exclusive")]), locks=[lock])
        self.connect()
        self.force()
        self.assertEqual(len(self.flushLoggedErrors(LockError)), 1)
        [build] = self.builds()
        self.assertEqual(build.results, EXCEPTION)
        self.assertIn("give the build exclusive access, too", " ".join(build.text))
        self.assertEqual(self.botmaster.getLockByID(lock).owners(), ())

    def test_updatesAfterTheEnd(self) -> None:
        """B4: updates after the end of a command are dropped without an error."""
        slave = self.green()
        self.force()
        slave.commands[0].update(stdout="late")
        slave.commands[0].complete()
        self.settle()
        self.assertEqual(slave.complaints, [])
        self.assertEqual(len(self.builds()), 1)


class Coroutine(BuildStep):
    """A step with an async start."""

    name = "coroutine"

    async def run(self) -> int:
        self.setProperty("seen", self.getProperty("buildername"))
        return SUCCESS


class Stubborn(BuildStep):
    """A step that never ends."""

    name = "stubborn"

    def start(self) -> None:
        pass


class Broken(BuildStep):
    """A step that raises."""

    name = "broken"

    def start(self) -> None:
        raise ZeroDivisionError("oops")


class EndTests(BuildCase):
    """Other ends: once, with the slave and the locks free, and the next build started."""

    def assertFree(self) -> None:
        """B7: check that the next waiting request is built."""
        self.assertEqual(self.botmaster.builders["full"].building, [])
        before = len(self.builds())
        self.configure(shell("true"))
        for slave in self.slaves:
            slave.trouble.pop("startCommand", None)
            slave.onCommand = lambda command: command.end(0)
        if not self.bot.slave:
            self.green()
        self.settle()
        self.force(revision=f"next-{before}")
        self.assertEqual(self.builds()[-1].results, SUCCESS)
        self.assertEqual(self.waiting(), [])
        self.assertEqual(self.bot.availability.buildsRunning, 0)

    def stop(self) -> None:
        self.botmaster.builders["full"].building[0].stopBuild("enough")
        self.settle()

    def test_stop(self) -> None:
        """B2: stopping a build interrupts its command and ends the build."""
        slave = self.connect()
        slave.onInterrupt = lambda command: command.end(-1)
        self.force()
        self.stop()
        (build,) = self.builds()
        self.assertEqual((build.results, build.text), (FAILURE, ("interrupted", "enough")))
        self.assertIsNotNone(slave.commands[0].interrupted)
        self.assertFalse(slave.pump.client.lost)
        self.assertFree()

    def test_stopMute(self) -> None:
        """B2: a slave that does not react to a stop is disconnected after 30 s, and the build ends."""
        slave = self.connect()
        self.force()
        for _ in range(6):
            self.stop()
        self.wait(STOP_TIME + 1)
        self.assertTrue(slave.pump.client.lost)
        self.assertEqual(self.builds()[0].results, FAILURE)
        self.assertFree()

    def test_stopStubborn(self) -> None:
        """B2: a step that never ends is left behind; its idle slave stays connected."""
        factory = BuildFactory()
        factory.addStep(Stubborn)
        self.configure(factory)
        slave = self.connect()
        self.force()
        self.stop()
        self.wait(STOP_TIME + LOST_TIME + 2)
        self.assertEqual(self.builds()[0].results, FAILURE)
        self.assertFalse(slave.pump.client.lost)
        self.assertFree()

    def test_note(self) -> None:
        """B8: a build that waits for a lock, or is being stopped, shows it."""
        self.configure(shell("true", locks=[MasterLock("database")]), builders="full other")
        self.connect()
        self.force("full")
        self.force("other")
        (building,), (waiting,) = (self.botmaster.builders[name].building for name in ("full", "other"))
        self.assertEqual(building.build_status.note, "")
        self.assertEqual(waiting.build_status.note, "waiting for lock database, held by full/0")
        self.stop()
        self.assertEqual(building.build_status.note, "stopping")
        self.wait(STOP_TIME + 1)
        self.green()

    def test_stopWhileWaitingForALock(self) -> None:
        """B6: a build that waits for a lock can be stopped, and the lock is not lost."""
        lock = MasterLock("database")
        self.configure(shell("true", locks=[lock]), builders="full other")
        slave = self.connect()
        self.force("other")
        self.force("full")
        self.stop()
        self.assertEqual(self.builds()[0].results, FAILURE)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(self.botmaster.getLockByID(lock).owners(), ())
        self.assertFree()

    def test_lost(self) -> None:
        """B1, B5: a build whose slave is lost ends, and its request is built again when the slave is back."""
        slave = self.connect()
        self.force()
        slave.broker.transport.abortConnection()
        self.settle()
        self.assertEqual(self.builds()[0].text, ("slave", "lost"))
        self.assertEqual([request.attempts for request in self.waiting()], [1])
        self.green()
        self.assertEqual(self.builds()[-1].results, SUCCESS)
        self.assertFree()

    def test_lostAgainAndAgain(self) -> None:
        """B5: after two more losses the request ends with an exception."""
        for _ in range(RETRIES + 1):
            slave = self.connect(trouble={"startCommand": DROP})
            if not self.builds():
                self.force()
            slave.broker.transport.abortConnection()
            self.settle()
        self.wait(LOST_TIME + 1)
        self.assertEqual(len(self.builds()), RETRIES + 1)
        self.assertEqual(self.builds()[-1].results, EXCEPTION)
        self.assertEqual(self.waiting(), [])
        self.assertFree()

    def test_dead(self) -> None:
        """L1: a build on a slave that is cut off silently ends within the time of a probe."""
        slave = self.connect()
        self.force()
        slave.pump.blackhole = True
        self.wait(152)
        self.assertEqual(self.builds()[0].text, ("slave", "lost"))
        slave.pump.blackhole = False
        self.assertFree()

    def test_muteBeforeABuild(self) -> None:
        """L4: a slave that does not answer before a build is disconnected after 20 s; no build started."""
        slave = self.connect()
        self.wait(100)
        slave.pump.blackhole = True
        self.force()
        self.wait(21)
        self.assertEqual((self.builds(), len(self.waiting())), ([], 1))
        self.assertEqual(self.bot.state.value, "absent")
        slave.pump.blackhole = False
        self.assertFree()

    def test_startCommandFails(self) -> None:
        """An error in the answer to startCommand fails the step, with the reason in its log."""
        self.connect(trouble={"startCommand": Trouble("no such command")})
        self.force()
        (build,) = self.builds()
        self.assertEqual(build.results, EXCEPTION)
        self.assertFree()

    def test_startCommandHangs(self) -> None:
        """If a slave never answers startCommand, the step fails after a minute."""
        self.connect(trouble={"startCommand": HANG})
        self.force()
        self.wait(61)
        self.assertEqual(self.builds()[0].results, EXCEPTION)
        self.assertFree()

    def test_completeWithoutRC(self) -> None:
        """A command without an exit status fails."""
        slave = self.connect()
        slave.onCommand = lambda command: command.complete()
        self.force()
        self.assertEqual(self.builds()[0].results, FAILURE)
        self.assertFree()

    def test_completeWithFailure(self) -> None:
        """A command that raised on the slave makes its step an exception; the log has the error."""
        for kind in ("0.7.12", "w4.3"):
            slave = self.connect(kind)
            slave.onCommand = lambda command: command.complete(Trouble("spawn failed"))
            self.force(revision=kind)
            build = self.builds()[-1]
            self.assertEqual(build.results, EXCEPTION)
            text = self.botmaster.resources.logs.reader(build.steps[0].logs[0].filename).text()
            self.assertIn("spawn failed", text)
            slave.broker.transport.abortConnection()
            self.settle()

    def test_completeTwice(self) -> None:
        """B3: a repeated completion ends a build only once."""
        slave = self.connect()

        def twice(command: FakeCommand) -> None:
            command.end(0)
            command.complete()

        slave.onCommand = twice
        self.force()
        self.assertEqual(len(self.builds()), 1)
        self.assertFree()

    def test_brokenStep(self) -> None:
        """An exception in a step is logged in the step, and ends the build."""
        factory = BuildFactory()
        factory.addStep(Broken)
        self.configure(factory)
        self.connect()
        self.force()
        (build,) = self.builds()
        self.assertEqual(build.results, EXCEPTION)
        self.assertIn("oops", self.botmaster.resources.logs.reader(build.steps[0].logs[0].filename).text())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertFree()

    def test_diskFull(self) -> None:
        """P4: no build starts while it cannot be stored; the slave stays, and builds start again when it
        can.
        """
        slave = self.green()
        store: Any = self.botmaster.store
        original, store.startBuild = store.startBuild, lambda build: failing()
        self.force()
        self.assertEqual((slave.commands, len(self.waiting())), ([], 1))
        self.assertIn("disk is full", self.botmaster.builders["full"].whyWaiting())
        store.startBuild = original
        self.wait(11)
        self.assertEqual(self.builds()[0].results, SUCCESS)
        self.assertFalse(slave.pump.client.lost)

    def held(self, method: str) -> Callable[[], None]:
        """Delay one method of the store; call the result to continue it."""
        store: Any = self.botmaster.store
        gate: Deferred[None] = Deferred()
        original = getattr(store, method)

        def slow(*args: Any) -> Any:
            setattr(store, method, original)
            return gate.addCallback(lambda ignored: original(*args))

        setattr(store, method, slow)
        return lambda: (gate.callback(None), self.settle())[1]  # type: ignore[func-returns-value]

    def test_lostWhileItBegins(self) -> None:
        """B5: if the slave is lost while its build is being stored, the request is built later."""
        slave = self.connect()
        goOn = self.held("startBuild")
        self.force()
        slave.pump.client.abortConnection()
        self.settle()
        goOn()
        self.assertEqual([build.results for build in self.builds()], [RETRY])
        self.green()
        self.assertEqual([build.results for build in self.builds()], [RETRY, SUCCESS])

    def test_stoppedWhileItBegins(self) -> None:
        """P1: if the master is stopped while a build is being stored, the request stays in the queue."""
        self.connect()
        goOn = self.held("startBuild")
        self.force()
        stopped = self.botmaster.stopService()
        self.settle()
        goOn()
        self.successResultOf(stopped)
        self.assertEqual([build.results for build in self.builds()], [RETRY])
        self.assertEqual(len(self.waiting()), 1)

    def test_stopIsNoLoss(self) -> None:
        """B5: stopping the master during a build does not count as a loss of the slave."""
        self.connect()
        (request,) = self.force().requests
        stopped = self.botmaster.stopService()
        self.settle()
        self.successResultOf(stopped)
        self.assertEqual((request.attempts, [each.attempts for each in self.waiting()]), (0, [0]))

    def test_unkeepable(self) -> None:
        """A build with values that cannot be stored ends with an exception, and so does its request."""
        slave = self.connect()
        buildset = self.force()
        (build,) = self.botmaster.builders["full"].building
        build.build_status.reason = object()  # type: ignore[assignment]
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual([each.results for each in self.builds()], [EXCEPTION])
        self.assertEqual((buildset.getResults(), self.waiting()), (EXCEPTION, []))
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_pruneOnAFullDisk(self) -> None:
        """P4: a disk that is full only during the removal of old builds stops builds only for a moment."""
        self.green()
        store: Any = self.botmaster.store
        original, store.prune = store.prune, lambda keep, age, changes: failing()
        self.successResultOf(ensureDeferred(self.botmaster.retention.prune()))
        store.prune = original
        self.force()
        self.assertEqual(self.builds(), [])
        self.wait(11)
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])

    def test_troubledBuilderRemoved(self) -> None:
        """P4: removing the builder that found the disk full does not block the others."""
        self.configure(shell("true"), builders="full other")
        self.green()
        store: Any = self.botmaster.store
        original, store.startBuild = store.startBuild, lambda build: failing()
        self.force("other")
        self.force("full")
        store.startBuild = original
        self.configure(shell("true"), builders="full")
        self.settle()
        self.wait(11)
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])

    def test_botBackAgain(self) -> None:
        """B1: if a bot is removed, added again, and reboots during its last build, that build ends."""
        self.configure(shell("true"), "bot1 bot2")
        slave = self.connect()
        self.force()
        self.patch(self.botmaster, "apply", partial(self.botmaster.apply, drain=True))
        self.configure(shell("true"), "bot2")
        self.configure(shell("true"), "bot1 bot2")
        slave.pump.blackhole = True
        self.green()
        self.wait(LOST_TIME + 1)
        self.assertEqual([build.results for build in self.builds()], [RETRY, SUCCESS])

    def test_pausedWhileAsked(self) -> None:
        """O7: no build starts on a slave that is paused while it is probed."""
        slave = self.green()
        self.wait(FRESH + 1)
        slave.pump.blackhole = True
        buildset = self.force()
        self.assertEqual(self.botmaster.builders["full"].pending, buildset.requests)
        self.successResultOf(ensureDeferred(self.botmaster.pauses.pause("bot1", "me", "")))
        slave.pump.blackhole = False
        self.settle()
        self.assertEqual((self.builds(), len(self.waiting())), ([], 1))

    def test_cancelledWhileAsked(self) -> None:
        """A request can be cancelled while its slave is probed."""
        slave = self.green()
        self.wait(FRESH + 1)
        slave.pump.blackhole = True
        (request,) = self.force().requests
        self.assertTrue(self.botmaster.builders["full"].cancelBuildRequest(request))
        slave.pump.blackhole = False
        self.settle()
        self.assertEqual((self.builds(), self.waiting(), self.bot.availability.buildsRunning), ([], [], 0))

    def test_otherBuilderThen(self) -> None:
        """B7: if the request is cancelled while its slave is probed, another builder's build starts there."""
        self.configure(shell("true"), builders="a b", max_builds=1)
        slave = self.green()
        self.wait(FRESH + 1)
        slave.pump.blackhole = True
        (request,) = self.force("a").requests
        self.force("b")
        self.botmaster.builders["a"].cancelBuildRequest(request)
        slave.pump.blackhole = False
        self.settle()
        self.assertEqual([build.results for build in self.builds("b")], [SUCCESS])

    def test_drainedWhileAsked(self) -> None:
        """O7: a slave that is drained while it is probed is disconnected."""
        slave = self.green()
        self.wait(FRESH + 1)
        slave.pump.blackhole = True
        self.force()
        self.successResultOf(ensureDeferred(self.botmaster.pauses.pause("bot1", "me", "", "draining")))
        slave.pump.blackhole = False
        self.settle()
        self.wait(1)
        self.assertTrue(slave.pump.client.lost)
        self.assertEqual(len(self.waiting()), 1)

    def test_unkeepableBeginning(self) -> None:
        """A build that cannot start, for values of its own class, does not block others."""

        class Own(Build):
            def __init__(self, requests: Any) -> None:
                Build.__init__(self, requests)
                self.reason = b"trunk"  # type: ignore[assignment]

        factory = shell("true")
        factory.buildClass = Own
        self.configure(factory)
        self.green()
        buildset = self.force()
        self.assertEqual([build.results for build in self.builds()], [EXCEPTION])
        self.assertEqual((buildset.getResults(), self.waiting()), (EXCEPTION, []))
        self.flushLoggedErrors(TypeError)
        self.assertFree()

    def test_unkeepableLoss(self) -> None:
        """A lost build with values that cannot be stored ends its request."""
        slave = self.connect()
        buildset = self.force()
        (build,) = self.botmaster.builders["full"].building
        build.build_status.reason = object()  # type: ignore[assignment]
        slave.pump.client.abortConnection()
        self.settle()
        self.wait(LOST_TIME + 1)
        self.assertEqual((buildset.getResults(), self.waiting()), (EXCEPTION, []))
        self.assertEqual(self.botmaster.builders["full"].pending, [])
        self.flushLoggedErrors(TypeError)

    def test_removedBuilderWithALock(self) -> None:
        """R13: all builds of a removed builder are stopped, also those that wait for a lock."""
        names = "bot1 bot2 bot3"
        self.configure(shell("true", locks=[MasterLock("db")]), names)
        for name in names.split():
            self.connect(name=name)
        for revision in names.split():
            self.force(revision=revision)
        self.configure(shell("true"), names, "other")
        self.wait(STOP_TIME + LOST_TIME + 2)
        self.assertEqual([build.results for build in self.builds()], [FAILURE] * 3)

    def test_stoppedAfterTheLoss(self) -> None:
        """A build that is stopped just after its slave was lost is not built again."""
        factory = BuildFactory()
        factory.addStep(Stubborn)
        self.configure(factory)
        slave = self.connect()
        self.force()
        slave.pump.client.abortConnection()
        self.settle()
        self.stop()
        self.wait(STOP_TIME + LOST_TIME + 2)
        self.assertEqual([build.results for build in self.builds()], [FAILURE])
        self.assertEqual(self.waiting(), [])

    def test_lastTryAlone(self) -> None:
        """B5: a request on its last attempt is not merged with a new one."""
        for _ in range(RETRIES):
            slave = self.connect()
            if not self.builds():
                old = self.force(branch="b")
            slave.pump.client.abortConnection()
            self.settle()
        new = self.force(branch="b")
        slave = self.connect()
        slave.pump.client.abortConnection()
        self.settle()
        self.assertEqual((old.getResults(), new.getResults()), (EXCEPTION, None))
        self.green()
        self.assertEqual(new.getResults(), SUCCESS)

    def test_moreBuildsAllowed(self) -> None:
        """B7: if a reconfig raises max_builds of a bot, more builds start at once."""
        self.configure(shell("true"), builders="a b", max_builds=1)
        slave = self.connect()
        self.force("a", "b")
        self.assertEqual(len(slave.commands), 1)
        self.configure(shell("true"), builders="a b", max_builds=2)
        self.settle()
        self.assertEqual(len(slave.commands), 2)

    def test_morePlaces(self) -> None:
        """B7: if a reconfig raises the count of a lock, waiting builds start; if it lowers it, no new ones
        do.
        """

        def use(count: int) -> None:
            self.configure(shell("true", "true", locks=[MasterLock("db", count)]), builders="a b c")
            self.settle()

        use(1)
        slave = self.connect()
        self.force("a", "b", "c")
        self.assertEqual(len(slave.commands), 1)
        use(3)
        self.assertEqual(len(slave.commands), 3)
        use(1)
        for command in list(slave.commands):
            command.end(0)
        self.settle()
        self.assertEqual(len(slave.commands), 4)

    def test_waitersLeave(self) -> None:
        """Who waits for a build set can stop waiting, even while the others are told its end."""
        buildset = self.force()
        waiters = [buildset.waitUntilFinished() for _ in range(4)]
        waiters[0].cancel()
        waiters[1].addCallback(lambda status: waiters[2].cancel())
        self.assertTrue(self.botmaster.builders["full"].cancelBuildRequest(buildset.requests[0]))
        self.settle()
        for gone in (waiters[0], waiters[2]):
            self.failureResultOf(gone, CancelledError)
        self.assertIs(self.successResultOf(waiters[3]), buildset.status)

    def test_cancelledOnAFullDisk(self) -> None:
        """P4: a request that is cancelled while the disk is full stays cancelled, and this is stored
        later.
        """
        store: Any = self.botmaster.store
        buildset = self.force()
        over = buildset.waitUntilFinished()
        original, store.cancelRequests = store.cancelRequests, lambda ids, when: failing()
        self.assertTrue(self.botmaster.builders["full"].cancelBuildRequest(buildset.requests[0]))
        self.assertEqual((len(self.waiting()), self.botmaster.builders["full"].pending), (1, []))
        self.assertNoResult(over)
        store.cancelRequests = original
        self.wait(11)
        self.assertEqual(self.waiting(), [])
        self.assertIs(self.successResultOf(over), buildset.status)

    def test_factoryFails(self) -> None:
        """A factory that raises ends its build with the reason, and affects nothing else."""

        class Factory(BuildFactory):
            def newBuild(self, requests: Any) -> Any:
                raise RuntimeError("no steps today")

        self.configure(Factory())
        self.connect()
        self.force()
        (build,) = self.builds()
        self.assertEqual((build.results, build.text[-1]), (EXCEPTION, "no steps today"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)
        self.assertFree()

    def test_ownFactory(self) -> None:
        """A factory that is none of ours makes builds in the way of 0.7.6."""

        class Factory(ComparableMixin):
            compare_attrs: Any = ()
            steps = ()

            def newBuild(self, requests: Any) -> Any:
                build = Build(requests)
                build.setStepFactories([ShellCommand(command="true").getStepFactory()])
                return build

        self.configure(Factory())
        self.green()
        self.force()
        (build,) = self.builds()
        self.assertEqual((build.results, [each.name for each in build.steps]), (SUCCESS, ["shell"]))

    def test_buildFails(self) -> None:
        """A build of a user's class that raises, at its start or its end, ends once."""
        for method in ("setLocks", "startBuild", "setupBuild", "buildFinished"):

            def fail(self: Any, *args: Any, **kwargs: Any) -> None:
                raise RuntimeError("own")

            factory = shell("true")
            factory.buildClass = type("Own", (Build,), {method: fail})
            self.configure(factory)
            self.green()
            self.force()
            wanted = SUCCESS if method == "buildFinished" else EXCEPTION
            self.assertEqual(self.builds()[-1].results, wanted, method)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1, method)
            self.assertFree()

    def test_observerFails(self) -> None:
        """An observer of a request that raises does not affect the build."""
        buildset = self.force()
        buildset.requests[0].subscribe(lambda build: 1 / 0)
        self.green()
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_changeOfNobody(self) -> None:
        """A change without an author is built."""
        changes = [Change(who, ["a"], "") for who in ("ann", None)]  # type: ignore[arg-type]
        self.green()
        self.force(changes=changes)
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])

    def test_removedWhileSubmitted(self) -> None:
        """R13: a request for a builder that is being removed is cancelled, and the sender is told."""
        self.configure(shell("true"), builders="full other")
        store: Any = self.botmaster.store
        original = store.addBuildset
        gate: Deferred[None] = Deferred()

        def slow(*args: Any) -> Any:
            return gate.addCallback(lambda ignored: original(*args))

        store.addBuildset = slow
        buildset = BuildSet(["full"], SourceStamp(), "because")
        submitted = ensureDeferred(self.botmaster.submitBuildSet(buildset))
        self.configure(shell("true"), builders="other")
        gate.callback(None)
        self.successResultOf(submitted)
        self.settle()
        self.assertEqual(self.waiting(), [])
        self.assertTrue(buildset.isFinished())

    def test_killedInAStep(self) -> None:
        """P1: after a kill, the log of the step that was running can be found."""
        self.connect()
        self.force()
        self.wait(2)
        (build,) = self.successResultOf(self.botmaster.store.interrupted(5000.0))
        self.assertEqual(
            [(step.name, [log.name for log in step.logs]) for step in build.steps], [("shell", ["stdio"])]
        )
        self.botmaster.builders["full"].building[0].stopBuild("the test is over")
        self.wait(STOP_TIME + LOST_TIME + 2)
        self.assertEqual(len(self.flushLoggedErrors(StoreConflict)), 1)

    def test_removedBuilder(self) -> None:
        """R13: the waiting requests of a removed builder are cancelled, its builds are stopped."""
        self.configure(shell("true"), builders="full other")
        slave = self.connect()
        self.force("full")
        self.force("full", revision="2")
        self.configure(shell("true"), builders="other")
        self.settle()
        self.wait(2)
        self.assertEqual(self.builds()[0].results, FAILURE)
        self.assertEqual(self.waiting(), [])
        self.assertFalse(slave.pump.client.lost)
        self.assertEqual(self.bot.availability.buildsRunning, 0)

    def test_removedBot(self) -> None:
        """A removed bot's build is lost, and built on another slave."""
        self.configure(shell("true"), "bot1 bot2")
        self.connect()
        self.force()
        other = self.green(name="bot2")
        self.configure(shell("true"), "bot2")
        self.settle()
        self.assertEqual(self.builds()[-1].slave, "bot2")
        self.assertEqual(self.builds()[-1].results, SUCCESS)
        self.assertEqual(len(other.commands), 1)


class ResumeTests(BuildCase):
    """P3: a start restores everything of the last process that can be read."""

    def restart(self) -> list[str]:
        """Restart the master; return its log lines."""
        with capturedLogs() as events:
            self.successResultOf(ensureDeferred(self.botmaster.openStore()))
            self.configure(shell("true"), "bot1 bot2", "full quick")
            self.successResultOf(ensureDeferred(self.botmaster.resume()))
        return [formatEvent(each) or "" for each in events]

    def stop(self) -> None:
        """Stop the master; its waiting requests stay in the store."""
        for builder in self.botmaster.builders.values():
            builder.cancelAll()
        self.successResultOf(ensureDeferred(self.botmaster.closeStore()))

    def remember(self, key: str, value: Any) -> None:
        self.successResultOf(self.botmaster.store.setState(key, value))

    def ask(self, **change: Any) -> int:
        """Store a request for a build of a change; return its number."""
        asked = BuildsetRecord(0, "because", {"changes": [change]}, self.clock.seconds(), {})
        adding = self.botmaster.store.addBuildset(asked, ["full"])
        _, (request,) = self.successResultOf(adding)
        number: int = request.id
        return number

    def test_interrupted(self) -> None:
        """P1: a build that ran is closed. It says if another master has taken over."""
        store = self.botmaster.store
        for number, (hasTakenOver, text) in enumerate(((False, INTERRUPTED), (True, TAKEN_OVER))):
            self.successResultOf(store.startBuild(BuildRecord("full", None, "bot1", (), 1.0)))
            self.successResultOf(store.close())
            self.successResultOf(ensureDeferred(self.botmaster.openStore(hasTakenOver)))
            closed = self.successResultOf(store.getBuild("full", number))
            assert closed is not None
            self.assertEqual(closed.text, (text,))

    def test_request(self) -> None:
        """F16: an invalid request is cancelled, and the log names it; all others wait."""
        good = self.ask(who="ann", files=["a.c"], comments="")
        bad = self.ask(who="ann", fides=["a.c"], comments="")
        said = self.restart()
        self.assertEqual([each.id for each in self.botmaster.builders["full"].pending], [good])
        self.assertEqual([each.id for each in self.waiting()], [good])
        self.assertEqual([each for each in said if "skipped" in each], [said[0]])
        self.assertIn(f"request {bad} cannot be read, and is skipped", said[0])
        self.stop()

    def test_pause(self) -> None:
        """An invalid pause is ignored, and the log names the slave; all others count."""
        pause = {"slave": "bot1", "who": "ann", "when": 5.0, "why": "hot"}
        self.remember("pause/bot1", pause)
        self.remember("pause/bot2", {"vho": "ann", **{key: pause[key] for key in ("slave", "when", "why")}})
        said = self.restart()
        self.assertEqual(list(self.botmaster.pauses.records), ["bot1"])
        self.assertIn("pause 'bot2' cannot be read, and is skipped", said[0])
        kept = self.successResultOf(self.botmaster.store.getState("unreadable/pause/bot2"))
        self.assertEqual(kept["vho"], "ann")
        self.stop()
        self.successResultOf(self.botmaster.store.open())
        self.assertEqual([each for each in self.restart() if "skipped" in each], [])  # it is logged once
        self.stop()

    def test_expectationsOfOneThatComesBack(self) -> None:
        """F1: a builder that is removed and added again keeps its expected durations, as after a restart."""
        self.botmaster.builders["full"].expectations = {"shell": 7.0}
        self.configure(shell("true"), builders="quick")
        self.configure(shell("true"), builders="quick full")
        self.assertEqual(self.botmaster.builders["full"].expectations, {"shell": 7.0})

    def test_expectations(self) -> None:
        """Invalid expected durations are dropped and learnt again."""
        for damaged in ({"compile": "5"}, ["compile"], 7, {"compile": None}):
            self.successResultOf(self.botmaster.store.open())
            self.remember("expectations/full", {"compile": 5.0})
            self.remember("expectations/quick", damaged)
            said = self.restart()
            self.assertEqual(self.botmaster.builders["full"].expectations, {"compile": 5.0})
            self.assertEqual(self.botmaster.builders["quick"].expectations, {})
            self.assertIn("expectations 'quick' cannot be read, and is skipped", said[0])
            self.stop()


class PauseTests(BuildCase):
    """Paused slaves."""

    def test_countsInLog(self) -> None:
        """Numbers in log lines have the right form: "1 builder", "1 request", "2 builders"."""
        self.configure(shell("true"), "bot1 bot2", "full quick")
        self.force()
        with capturedLogs() as events:
            self.configure(shell("true"), "bot1 bot2", "quick")
            self.connect()
        said = [formatEvent(event) or "" for event in events]
        self.assertIn("builder full was removed: cancelled 1 request that waited for it", said)
        (line,) = [each for each in said if each.startswith("slave bot1 attached from")]
        self.assertTrue(line.endswith(", 1 builder"), line)

    def test_drainedAndAway(self) -> None:
        """F14: a request that waits for a drained slave shows it, even if the slave is disconnected."""
        self.successResultOf(ensureDeferred(self.botmaster.pauses.pause("bot1", "ann", "disk", "draining")))
        self.force()
        why = self.botmaster.builders["full"].whyWaiting()
        self.assertTrue(why.endswith(", and paused (draining, by ann: disk)"), why)
        self.successResultOf(ensureDeferred(self.botmaster.pauses.unpause("bot1")))
        self.assertNotIn("paused", self.botmaster.builders["full"].whyWaiting())

    def test_pause(self) -> None:
        """O7: a paused slave gets no builds, across reconnects and reconfigs, until it is unpaused."""
        self.successResultOf(ensureDeferred(self.botmaster.pauses.pause("bot1", "ann", "disk")))
        self.green()
        self.force()
        self.assertEqual(self.builds(), [])
        self.assertIn("by ann: disk", self.botmaster.builders["full"].whyWaiting())
        self.slaves[-1].broker.transport.abortConnection()
        self.settle()
        self.green()
        self.configure(shell("other"))
        self.settle()
        self.assertEqual(self.builds(), [])
        self.assertTrue(self.successResultOf(ensureDeferred(self.botmaster.pauses.unpause("bot1"))))
        self.settle()
        self.assertEqual(self.builds()[0].results, SUCCESS)

    def test_drain(self) -> None:
        """A draining slave finishes its build and is then disconnected; no new build starts."""
        slave = self.connect()
        self.force()
        self.successResultOf(ensureDeferred(self.botmaster.pauses.pause("bot1", "ann", "reboot", "draining")))
        self.force(revision="2")
        self.assertFalse(slave.pump.client.lost)
        slave.commands[0].end(0)
        self.settle()
        self.assertTrue(slave.pump.client.lost)
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])


def failing() -> Deferred[Any]:
    """Raise the error of a full disk."""
    answer: Deferred[Any] = Deferred()
    answer.errback(StoreFailed("database or disk is full"))
    return answer
