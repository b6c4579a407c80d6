"""Status receivers: their calls, the order, and exceptions."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyClass, verifyObject

from buildbot.interfaces import IBuilderStatus, IStatus, IStatusReceiver
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.buildstep import BuildStep
from buildbot.status.base import StatusReceiver, StatusReceiverMultiService
from buildbot.status.builderstatus import RECENT, BuilderStatus
from buildbot.status.master import Status
from buildbot.steps.shell import ShellCommand
from tests.fakes import FakeSlave
from tests.unit.process.test_builds import BuildCase, shell


class Hearing(StatusReceiver):
    """I remember my calls, and subscribe to everything."""

    def __init__(self, deep: bool = True, interval: float | None = None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.deep = deep
        self.interval = interval

    def __getattribute__(self, name: str) -> Any:
        if name not in IStatusReceiver.names():
            return object.__getattribute__(self, name)

        def hear(*args: Any) -> Any:
            plain = (str, int, float, tuple)
            words = [each if isinstance(each, plain) else type(each).__name__ for each in args]
            self.told.append((name, *words))
            isDeep = self.deep and name in ("builderAdded", "buildStarted", "stepStarted", "logStarted")
            if isDeep and self.interval is not None and name in ("buildStarted", "stepStarted"):
                return self, self.interval
            return self if isDeep else None

        return hear

    def names(self) -> list[str]:
        """The names of the called methods."""
        return [name for name, *_ in self.told]


class ReceiverTests(BuildCase):
    """0.7.5: receivers subscribe to the status of the master, and are passed on to builders, builds and
    steps.
    """

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"))
        self.status = Status(self.botmaster, ".")

    def test_interfaces(self) -> None:
        """The status objects and receivers provide their interfaces."""
        verifyObject(IStatus, self.status)
        verifyObject(IBuilderStatus, self.status.getBuilder("full"))
        self.assertIsInstance(self.status.getBuilder("full"), BuilderStatus)
        self.assertRaises(KeyError, self.status.getBuilder, "nope")
        for kind in (StatusReceiver, StatusReceiverMultiService):
            verifyClass(IStatusReceiver, kind)

    def test_everything(self) -> None:
        """A receiver that subscribes to everything gets all calls, in the order of the events."""
        receiver = Hearing()
        self.status.subscribe(receiver)
        self.assertEqual(receiver.told, [])
        slave = self.connect()
        self.force()
        slave.commands[0].update(stdout=b"one\ngr\xc3")
        slave.commands[0].update(stdout=b"\xb6")
        slave.commands[0].end(0)
        self.settle()
        build, step, log = "BuildStatus", "BuildStepStatus", "LogFile"
        heard = [each for each in receiver.told if each[0] != "stepETAUpdate"]
        self.assertEqual(
            heard,
            [
                ("builderAdded", "full", "BuilderStatus"),
                ("builderChangedState", "full", "offline"),
                ("builderChangedState", "full", "idle"),
                ("buildsetSubmitted", "BuildSetStatus"),
                ("builderChangedState", "full", "building"),
                ("buildStarted", "full", build),
                ("stepStarted", build, step),
                ("logStarted", build, step, log),
                ("logChunk", build, step, log, 0, "one\ngr"),
                ("logChunk", build, step, log, 0, "ö"),
                ("logChunk", build, step, log, 2, "exit code 0\n"),
                ("logFinished", build, step, log),
                ("stepFinished", build, step, (SUCCESS, [])),
                ("buildFinished", "full", build, SUCCESS),
                ("builderChangedState", "full", "idle"),
            ],
        )

    def test_completeLogs(self) -> None:
        """The end of a log comes before the end of its step; HTML logs have no chunks."""

        class Own(BuildStep):
            def start(self) -> None:
                self.addCompleteLog("note", "text")
                self.addHTMLLog("page", "<b/>")
                self.finished(SUCCESS)

        factory = BuildFactory()
        factory.addStep(Own)
        self.configure(factory)
        receiver = Hearing()
        self.status.subscribe(receiver)
        self.green()
        self.force()
        self.wait(1)
        names = receiver.names()
        told = names[names.index("stepStarted") : names.index("stepFinished") + 1]
        counts = [told.count(each) for each in ("logStarted", "logChunk", "logFinished")]
        self.assertEqual((counts, names.count("logFinished")), ([2, 1, 2], 2))

    def test_shallow(self) -> None:
        """A receiver that returns None gets no events from inside."""
        receiver = Hearing(deep=False)
        self.status.subscribe(receiver)
        self.green()
        self.force()
        self.assertEqual(receiver.names(), ["builderAdded", "buildsetSubmitted"])

    def test_another(self) -> None:
        """A returned object gets the events from inside."""
        inner = Hearing()

        class Outer(StatusReceiver):
            def builderAdded(self, builderName: str, builder: Any) -> Any:
                return inner

        self.status.subscribe(Outer())
        self.green()
        self.force()
        self.assertEqual(inner.names()[0], "builderChangedState")
        self.assertIn("buildFinished", inner.names())
        self.assertNotIn("buildsetSubmitted", inner.names())

    def test_updates(self) -> None:
        """A receiver can ask for updates of the remaining time of a build and a step."""
        receiver = Hearing(interval=5)
        self.status.subscribe(receiver)
        slave = self.connect()
        self.force()
        self.wait(11)
        self.assertEqual(receiver.names().count("buildETAUpdate"), 3)
        self.assertEqual(receiver.names().count("stepETAUpdate"), 3)
        slave.commands[0].end(0)
        self.settle()
        self.wait(20)
        self.assertEqual(receiver.names().count("buildETAUpdate"), 3)

    def test_raises(self) -> None:
        """A receiver that raises is logged; the build, and the other receivers, go on."""

        class Broken:
            def builderAdded(self, name: str, builder: Any) -> Any:
                return self

            def buildStarted(self, name: str, build: Any) -> Any:
                raise ZeroDivisionError("broken")

        receiver = Hearing()
        self.status.subscribe(Broken())
        self.status.subscribe(receiver)
        self.green()
        self.force()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(receiver.names()[-2], "buildFinished")
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])

    def test_unsubscribe(self) -> None:
        """A receiver that has unsubscribed gets no more calls, not even for a running build."""
        receiver = Hearing()
        self.status.subscribe(receiver)
        slave = self.connect()
        self.force()
        before = list(receiver.told)
        self.status.unsubscribe(receiver)
        slave.commands[0].end(1, stdout=b"x")
        self.settle()
        self.wait(20)
        self.assertEqual(receiver.told, before)
        self.status.unsubscribe(receiver)

    def test_builders(self) -> None:
        """A receiver is notified of builders added and removed by a reconfig."""
        receiver = Hearing()
        self.status.subscribe(receiver)
        self.wait(1)
        receiver.told.clear()
        self.configure(shell("make"), builders="quick")
        self.wait(1)
        self.assertEqual(
            [each for each in receiver.told if each[0] != "builderChangedState"],
            [("builderRemoved", "full"), ("builderAdded", "quick", "BuilderStatus")],
        )

    def test_subscribedBetween(self) -> None:
        """A receiver that subscribes just when a builder was added is notified once."""
        self.status.subscribe(Hearing())
        self.configure(shell("make"), builders="full quick")
        receiver = Hearing()
        self.status.subscribe(receiver)
        self.wait(1)
        added = [name for method, name, *_ in receiver.told if method == "builderAdded"]
        self.assertEqual(added, ["full", "quick"])

    def test_silence(self) -> None:
        """Without subscribers, nothing is queued."""
        self.green()
        self.force()
        receiver = Hearing()
        self.status.subscribe(receiver)
        self.wait(1)
        self.assertEqual(receiver.names(), ["builderAdded", "builderChangedState"])


class BuilderStatusTests(BuildCase):
    """The status of a builder."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"), slaves="bot1 bot2")
        self.full = Status(self.botmaster, ".").getBuilder("full")

    def test_state(self) -> None:
        """It is offline, idle or building, and has its slaves, waiting requests and running builds."""
        self.assertEqual(self.full.getState(), ("offline", []))
        self.assertEqual([slave.getName() for slave in self.full.getSlaves()], ["bot1", "bot2"])
        buildset = self.force()
        self.assertEqual(self.full.getPendingBuilds(), buildset.status.getBuildRequests())
        slave = self.connect()
        (build,) = self.full.getCurrentBuilds()
        self.assertEqual(self.full.getState(), ("building", [build]))
        self.assertIs(build.getBuilder(), self.full)
        self.assertIs(self.full.getBuild(-1), build)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(self.full.getState(), ("idle", []))
        self.assertIs(self.full.getLastFinishedBuild(), build)
        self.assertIsNone(self.full.category)

    def test_previous(self) -> None:
        """A build can be compared with the one before; only the last few are in memory."""
        slave = self.connect()
        for rc in (1, 0, 0, 0, 0):
            self.force()
            slave.commands[-1].end(rc)
            self.settle()
            last = self.full.getLastFinishedBuild()
            assert last is not None
            if rc:
                first = last
            elif last.getNumber() == 1:
                self.assertIs(last.getPreviousBuild(), first)
        self.assertEqual(first.getResults(), FAILURE)
        self.assertEqual([bool(self.full.getBuild(each)) for each in range(5)], [False] * 2 + [True] * RECENT)
        self.assertIsNone(self.full.getBuild(9))
        self.assertIsNone(first.getPreviousBuild())


class Counting(ShellCommand):
    """A step with a metric, like in 0.7.5."""

    progressMetrics = (*ShellCommand.progressMetrics, "files", "never")


class ProgressTests(BuildCase):
    """The progress of a step."""

    def test_expectations(self) -> None:
        """0.7.5: a step's metrics are reported, with their usual values after a successful build."""
        factory = BuildFactory()
        factory.addStep(Counting, command="make")
        self.configure(factory)
        slave = self.connect()
        self.force()
        self.assertEqual(
            self.ended(slave, 10), [("output", 0, None), ("files", None, None), ("never", None, None)]
        )
        self.force()
        slave.commands[-1].update(stdout=b"12345")
        self.settle()
        end = len("exit code 0\n")
        usual = [("output", 5, 10 + end), ("files", None, 7), ("never", None, None)]
        self.assertEqual(self.ended(slave, 15), usual)
        self.force()
        self.assertEqual(self.ended(slave, 0, rc=1)[0], ("output", 0, 13 + end))
        self.force()
        self.assertEqual(self.ended(slave, 0)[0], ("output", 0, 13 + end))

    def ended(self, slave: FakeSlave, more: int, rc: int = 0) -> list[Any]:
        """The progress in the middle of a build, which ends with some more output."""
        (build,) = self.botmaster.builders["full"].building
        (running,) = build.build_status.getSteps()
        known: list[Any] = running.getExpectations()
        slave.commands[-1].update(stdout=b"x" * more)
        step = build.currentStep
        assert step is not None
        step.setProgress("files", 7)
        slave.commands[-1].end(rc)
        self.settle()
        return known
