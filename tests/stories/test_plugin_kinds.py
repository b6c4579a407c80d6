"""The arguments and attributes of 0.7.5's plug-ins, as observed with 0.7.12."""

from __future__ import annotations

from typing import Any

from buildbot.changes.changes import Change
from buildbot.config import check
from buildbot.config.messages import Report
from buildbot.config.uncalled import UNCALLED
from buildbot.model.results import FAILURE
from buildbot.process.base import Build
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.buildstep import BuildStep
from buildbot.scheduler import AnyBranchScheduler, Nightly, Scheduler
from buildbot.status.base import StatusReceiverMultiService
from buildbot.status.mail import MailNotifier
from tests.stories.test_plugins import PluginCase

KINDS = """
from buildbot.process.base import Build
from buildbot.process.factory import BuildFactory, s
from buildbot.scheduler import AnyBranchScheduler
from buildbot.steps.shell import ShellCommand
from buildbot.steps.transfer import FileDownload

class Labels(Build):
    "Writes on each step, while it sets itself up, what it is part of."
    def setupBuild(self, expectations):
        Build.setupBuild(self, expectations)
        for step in self.steps:
            step.step_status.setText2([step.name, "of", self.source.branch or "main"])
        self.steps.reverse()
        self.steps[0].name = "first"

class Factory(BuildFactory):
    buildClass = Labels

class Warned(ShellCommand):
    "Says something before the output."
    def startCommand(self, cmd, errorMessages=[]):
        ShellCommand.startCommand(self, cmd, errorMessages + ["mind the gap\\n"])

class Any(AnyBranchScheduler):
    "Names the branch in the reason."
    def submitBuildSet(self, bs):
        bs.reason = "branch %s" % bs.source.branch
        return AnyBranchScheduler.submitBuildSet(self, bs)

c = BuildmasterConfig = {}
c['bots'] = [("bot1", "sekrit")]
c['sources'] = []
c['builders'] = [
    {'name': "full", 'slavename': "bot1", 'builddir': "fulldir", 'category': "main",
     'factory': Factory([s(ShellCommand, command="make", name="a"), s(Warned, command="more", name="b")])},
    {'name': "down", 'slavename': "bot1", 'builddir': "down",
     'factory': BuildFactory([s(FileDownload, mastersrc="master.cfg", slavedest="x/g.txt")])},
]
c['schedulers'] = [Any("any", ["br"], 1, ["full"])]
c['slavePortnum'] = 9989
"""


class KindTests(PluginCase):
    """Arguments and attributes have the types and values of 0.7.12."""

    config = KINDS

    def test_stepStatus(self) -> None:
        """The steps made by Build.setupBuild have their status at once, in any order."""
        slave = self.connect("0.7.12")
        buildset = self.submit("full")
        (build,) = buildset.status.getBuildRequests()[0].getBuilds()
        self.assertEqual([step.getName() for step in build.getSteps()], ["first", "a"])
        self.assertEqual(build.getSteps()[1].getText2(), ["a", "of", "main"])
        self.assertEqual(slave.commands[0].args[b"command"], b"more")

    def test_errorMessages(self) -> None:
        """A step that overrides startCommand gets a list of messages, to which it can add."""
        slave = self.connect("0.7.12")
        buildset = self.submit("full")
        (build,) = buildset.status.getBuildRequests()[0].getBuilds()
        slave.commands[0].end(0)
        self.settle()
        (log,) = build.getSteps()[0].getLogs()
        self.assertIn("mind the gap\n", log.getTextWithHeaders())

    def test_lengths(self) -> None:
        """The length of a growing log is a number; texts and colours can be read."""
        slave = self.connect("0.7.12")
        buildset = self.submit("full")
        (build,) = buildset.status.getBuildRequests()[0].getBuilds()
        (log,) = build.getSteps()[0].getLogs()
        before = log.length
        slave.commands[0].update(stdout=b"12345\n")
        self.settle()
        self.assertEqual((log.length - before, build.color), (6, None))
        slave.commands[0].end(1)
        self.settle()
        slave.commands[1].end(0)
        self.settle()
        self.assertEqual((build.getResults(), build.color), (FAILURE, "red"))
        self.assertEqual((type(build.text), build.text), (list, build.getText()))
        self.assertEqual(build.getSteps()[0].text2.copy(), ["first"])

    def test_builderStatus(self) -> None:
        """The status of a builder has its directory, its state and its slaves as attributes."""
        status = self.master.getStatus().getBuilder("full")
        self.assertEqual(status.basedir, f"{self.basedir}/fulldir")
        self.assertEqual((status.currentBigState, status.slavenames), ("offline", ["bot1"]))
        self.connect("0.7.12")
        self.assertEqual(status.currentBigState, "idle")
        self.submit("full")
        self.assertEqual((status.currentBigState, status.category), ("building", "main"))

    def test_download(self) -> None:
        """A download shows its words one by one, like an upload."""
        self.connect("0.7.12")
        buildset = self.submit("down")
        (build,) = buildset.status.getBuildRequests()[0].getBuilds()
        self.assertEqual(build.getSteps()[0].getText(), ["downloading", "to", "g.txt"])

    def test_anyBranch(self) -> None:
        """A scheduler of all branches passes each set to its own submitBuildSet."""
        slave = self.connect("0.7.12")
        self.master.addChange(Change("eve", ["q"], "words", branch="br"))
        self.wait(3)
        self.assertEqual(len(slave.commands), 1)
        (build,) = self.master.getStatus().getBuilder("full").getCurrentBuilds()
        self.assertEqual(build.getReason(), "branch br")


class Overriding(Build):
    """A build that chooses the next step, like in 0.7.5."""

    def getNextStep(self) -> None:
        """Never called."""

    def acquireLocks(self, res: Any = None) -> Any:
        """Called as before."""
        return super().acquireLocks(res)


class Guarded(BuildStep):
    """A step like in later releases."""

    def startStep(self, remote: Any) -> None:
        """Never called."""


class Late(Nightly):
    """0.7.5's Nightly calls this for the next time."""

    def addTime(self, timetuple: Any, secs: int) -> None:
        """Never called."""


class Handing(Scheduler):
    """0.8 submits each set by this."""

    def submitBuildSet(self, bs: Any) -> None:
        """Never called."""


class Hearing(Scheduler):
    """0.8 tells a scheduler each change by this."""

    def gotChange(self, change: Any, important: bool) -> None:
        """Never called."""


class Looking(MailNotifier):
    """0.8 looks up the addresses by this."""

    def useLookup(self, build: Any) -> Any:
        """Never called."""


class AnyHanding(AnyBranchScheduler):
    """A scheduler that overrides a method that 0.7.5 calls for each set."""

    def submitBuildSet(self, bs: Any) -> None:
        """Override the method of 0.7.5; it does nothing."""


class Alarm(StatusReceiverMultiService):
    """A receiver that waits for an event that 0.7.5 does not report."""

    def slaveDisconnected(self, name: str) -> None:
        """Called."""


class UncalledTests(PluginCase):
    """Loading the configuration warns of methods that are overridden in vain."""

    def warnings(self) -> list[str]:
        """The warnings of a configuration with all of these plug-ins."""
        factory = BuildFactory()
        factory.buildClass = Overriding
        factory.addStep(Guarded)
        factory.addStep(Guarded)
        builder = {"name": "full", "slavename": "b1", "builddir": "full", "factory": factory}
        raw = {
            "bots": [("b1", "pw")],
            "slavePortnum": 9989,
            "builders": [builder],
            "schedulers": [
                Late("late", ["full"]),
                Handing("handing", None, 1, ["full"]),
                AnyHanding("any", None, 1, ["full"]),
                Hearing("hearing", None, 1, ["full"]),
            ],
            "status": [Alarm(), Looking("me@example.org")],
        }
        return [each.message for each in check.warnings(raw, Report("master.cfg", lambda *where: None))]

    def test_overridden(self) -> None:
        """Each class is named once, with its methods; called methods and equal ones are not."""
        said = [each.partition(", which this release never uses")[0] for each in self.warnings()]
        wanted = [
            *("Overriding defines getNextStep", "Guarded defines startStep"),
            *("Late defines addTime", "Handing defines submitBuildSet"),
            *("Hearing defines gotChange", "Looking defines useLookup"),
        ]
        self.assertEqual(said, [f"class {each}" for each in wanted])

    def test_true(self) -> None:
        """The classes in the table exist, and do not define the methods listed as never called."""
        for title, names in UNCALLED.items():
            module, _, name = title.rpartition(".")
            cls = getattr(__import__(module, fromlist=[name]), name)
            self.assertEqual(f"{cls.__module__}.{cls.__qualname__}", title)
            for each in names:
                if each not in ("acquireLocks", "releaseLocks", "end"):  # these are called by subclasses
                    self.assertFalse(hasattr(cls, each), f"{title}.{each}")
