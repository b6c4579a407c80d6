"""A master.cfg like those of 2006, after 2to3: it passes checkconfig, and builds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.changes.changes import Change
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from tests.stories.world import World

OLD = """
import os.path
from buildbot.process import factory, step
from buildbot.process.factory import s
from buildbot.process.buildstep import LogLineObserver
from buildbot.steps.shell import ShellCommand, WithProperties
from buildbot.scheduler import Scheduler, Dependent
from buildbot.status.builder import SUCCESS, WARNINGS, FAILURE
from buildbot.locks import MasterLock, SlaveLock

c = BuildmasterConfig = {}

c['bots'] = [("bot1", "sekrit"), ("bot2", "sekrit")]
c['sources'] = []

class PickyScheduler(Scheduler):
    compare_attrs = Scheduler.compare_attrs
    def addChange(self, change):
        if "ignore" in change.comments:
            return
        Scheduler.addChange(self, change)

def important(change):
    for name in change.files:
        if not name.endswith(".txt"):
            return True
    return False

main = PickyScheduler("main", None, 60, ["full"], fileIsImportant=important)
after = Dependent("package", main, ["package"])
c['schedulers'] = [main, after]

class Counter(LogLineObserver):
    lines = 0
    def outLineReceived(self, line):
        self.lines += 1
        self.step.setProgress("lines", self.lines)

class CountingCommand(ShellCommand):
    name = "counting"
    progressMetrics = ShellCommand.progressMetrics + ("lines",)

    def __init__(self, **kwargs):
        ShellCommand.__init__(self, **kwargs)
        self.counter = Counter()
        self.addLogObserver("stdio", self.counter)

    def createSummary(self, log):
        warnings = [line for line in log.getText().split("\\n") if "warning:" in line]
        self.warned = len(warnings)
        if warnings:
            self.addCompleteLog("warnings", "\\n".join(warnings))

    def evaluateCommand(self, cmd):
        if cmd.rc != 0:
            return FAILURE
        if self.warned:
            return WARNINGS
        return SUCCESS

    def getText(self, cmd, results):
        return ["counted", "%d" % self.counter.lines]

database = MasterLock("database")
cpu = SlaveLock("cpu", maxCount=2)

f1 = factory.BuildFactory([
    s(ShellCommand, command=["./configure", WithProperties("--prefix=%s", "slavename")], haltOnFailure=True),
    s(CountingCommand, command="make all", warnOnWarnings=True, locks=[cpu]),
])
f1.addStep(step.Compile, command=["make", "check"], workdir="build/sub", env={"LANG": "C"}, timeout=60)
f1.addStep(ShellCommand, name="publish", command=["true"], locks=[database])

c['builders'] = [
    {'name': "full", 'slavenames': ["bot1", "bot2"], 'builddir': "full", 'factory': f1, 'category': "main"},
    {'name': "package", 'slavename': "bot1", 'builddir': "package", 'factory': f1, 'locks': [database]},
]
c['slavePortnum'] = 9989
c['status'] = []
c['projectName'] = "Old"
c['projectURL'] = "http://old.example.org/"
c['buildbotURL'] = "http://buildbot.old.example.org/"
"""


class OldConfigTests(World):
    """Old configurations work."""

    def setUp(self) -> None:
        super().setUp()
        self.write(OLD)
        self.successResultOf(self.start())
        self.master.botmaster.now = self.reactor.seconds

    def finish(self, command: Any) -> None:
        loud = b"make all" == command.args[b"command"]
        command.end(0, stdout=b"one\ntwo\nx.c:3: warning: odd\n" if loud else b"")

    def builds(self, builder: str) -> list[Any]:
        found: list[Any] = self.successResultOf(self.store.getBuilds(builder))
        return found

    def test_builds(self) -> None:
        """Subclassed steps, properties, locks and old keywords work as they did."""
        slave = self.connect("0.7.12", onCommand=self.finish)
        buildset = BuildSet(["full"], SourceStamp(), "by hand")
        self.successResultOf(ensureDeferred(self.master.submitBuildSet(buildset)))
        self.settle()
        (build,) = self.builds("full")
        self.assertEqual(build.results, WARNINGS)
        self.assertEqual(slave.commands[0].args[b"command"], [b"./configure", b"--prefix=bot1"])
        self.assertEqual(build.steps[1].text, ("counted", "3"))
        self.assertEqual([log.name for log in build.steps[1].logs], ["stdio", "warnings"])
        self.assertEqual(slave.commands[2].args[b"workdir"], b"build/sub")

    def test_schedulers(self) -> None:
        """A change is built when the tree is stable, and then the package."""
        self.connect("0.7.12", onCommand=self.finish)
        for files, comments in ((["a.c"], "ignore this"), (["readme.txt"], "words"), (["b.c"], "code")):
            self.successResultOf(ensureDeferred(self.master.addChange(Change("ann", files, comments))))
        self.wait(59)
        self.assertEqual(self.builds("full"), [])
        self.wait(3)
        self.settle()
        (build,) = self.builds("full")
        self.assertEqual([change["comments"] for change in build.sourcestamp["changes"]], ["words", "code"])
        self.wait(1)
        self.assertEqual([b.results for b in self.builds("package")], [WARNINGS])

    def test_reconfig(self) -> None:
        """R5: the same file again changes nothing, with its subclasses and locks."""
        self.assertEqual(self.reconfig()["changes"], [])

    def test_failure(self) -> None:
        """A failing configure ends the build; the package is not built."""
        self.connect("0.7.12", onCommand=lambda command: command.end(1))
        buildset = BuildSet(["full"], SourceStamp(), "by hand", scheduler="main")
        self.successResultOf(ensureDeferred(self.master.submitBuildSet(buildset)))
        self.settle()
        self.wait(2)
        self.assertEqual([b.results for b in self.builds("full")], [FAILURE])
        self.assertEqual(self.builds("package"), [])
        self.assertNotEqual(FAILURE, SUCCESS)
