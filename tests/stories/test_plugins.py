"""Plug-ins like those for 0.7.5, in a whole master."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.changes.changes import Change
from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from tests.fakes import FakeSlave
from tests.stories.world import World

BUILDS = """
from buildbot.process.base import Build
from buildbot.process.factory import BuildFactory, s
from buildbot.process.buildstep import BuildStep
from buildbot.steps.shell import ShellCommand
from buildbot.steps.dummy import Dummy
from buildbot.status.builder import SUCCESS, SKIPPED

class Choosy(Build):
    "A build that decides for itself what is to be done."

    def setupBuild(self, expectations):
        files = self.allFiles()
        if [] == files:
            self.setSteps(self.stepFactories[:1])
        if "doc.txt" in files:
            self.stepFactories.append((ShellCommand, {'command': "make docs", 'name': "docs"}))
        Build.setupBuild(self, expectations)
        self.setProperty("master", self.builder.botmaster.parent.projectName)

    def blamelist(self):
        return Build.blamelist(self) + ["boss@example.org"]

    def buildFinished(self, text, color, results):
        assert self.build_status.getColor() is None, "it still runs"
        self.setProperty("told", "%s %s %d" % (text[0], color, results))
        Build.buildFinished(self, text + ["at last"], color, results)

    def isDocs(self):
        return [c for c in self.allChanges() + [] if "doc.txt" in c.files] != []

class Docs(ShellCommand):
    name = "which"
    def start(self):
        if not self.build.isDocs():
            self.setCommand(["echo", "no docs"])
        ShellCommand.start(self)

class Factory(BuildFactory):
    buildClass = Choosy
    def newBuild(self, request):
        b = BuildFactory.newBuild(self, request)
        b.setSteps(self.steps + [(Docs, {'command': ["echo", "docs"]})])
        return b

class Bare:
    "A factory that is none of ours."
    steps = []
    def newBuild(self, requests):
        b = Build(requests)
        b.setSteps([(ShellCommand, {'command': "make", 'haltOnFailure': 1}), s(ShellCommand, command="more")])
        return b

c = BuildmasterConfig = {}
c['bots'] = [("bot1", "sekrit"), ("bot2", "sekrit")]
c['sources'] = []
c['builders'] = [
    {'name': "full", 'slavename': "bot1", 'builddir': "fulldir", 'category': "main",
     'factory': Factory([s(ShellCommand, command="make")])},
    {'name': "bare", 'slavenames': ["bot1", "bot2"], 'builddir': "bare", 'factory': Bare()},
]
c['schedulers'] = []
c['slavePortnum'] = 9989
c['projectName'] = "Old"
"""


class PluginCase(World):
    """A master with its own configuration, and slaves that obey the test."""

    config = BUILDS

    def setUp(self) -> None:
        super().setUp()
        self.write(self.config)
        self.successResultOf(self.start())
        self.master.botmaster.now = self.reactor.seconds

    def green(self, name: str = "bot1") -> FakeSlave:
        """Connect a slave on which every command succeeds."""
        return self.connect("0.7.12", name=name, onCommand=lambda command: command.end(0))

    def submit(self, *builders: str, files: tuple[str, ...] = ()) -> BuildSet:
        """Request builds of a change to some files."""
        changes = [Change("ann", list(files), "words")] if files else None
        buildset = BuildSet(list(builders), SourceStamp(changes=changes), "by hand")
        self.successResultOf(ensureDeferred(self.master.submitBuildSet(buildset)))
        self.settle()
        return buildset

    def said(self, slave: FakeSlave) -> list[Any]:
        """The commands that a slave received."""
        commands = [command.args[b"command"] for command in slave.commands]
        slave.commands.clear()
        return commands


class BuildTests(PluginCase):
    """Users' builds and factories."""

    def test_ownBuild(self) -> None:
        """Row 1: a build of a user's class chooses its steps, as (class, arguments) pairs."""
        slave = self.green()
        self.submit("full")
        self.assertEqual(self.said(slave), [b"make"])
        buildset = self.submit("full", files=("a.c",))
        self.assertEqual(self.said(slave), [b"make", [b"echo", b"no docs"]])
        self.submit("full", files=("doc.txt",))
        self.assertEqual(self.said(slave), [b"make", [b"echo", b"docs"], b"make docs"])
        (build,) = buildset.status.getBuildRequests()[0].getBuilds()
        self.assertEqual(build.getResults(), SUCCESS)
        self.assertEqual(build.getResponsibleUsers(), ["ann", "boss@example.org"])
        self.assertEqual(build.getProperty("master"), "Old")
        self.assertEqual(build.getProperty("told"), "build green 0")
        self.assertEqual((build.getText(), build.getColor()), (["build", "successful", "at last"], "green"))

    def test_foreignFactory(self) -> None:
        """Row 1: a factory without our base classes makes builds."""
        slave = self.green()
        self.submit("bare")
        self.assertEqual(self.said(slave), [b"make", b"more"])

    def test_master(self) -> None:
        """Rows 2 and 22: a builder gives access to all its objects by the names of 0.7.5."""
        self.green("bot2")
        botmaster = self.master.botmaster
        self.assertIs(botmaster.parent, self.master)
        self.assertEqual(botmaster.builderNames, ["full", "bare"])
        bare = botmaster.builders["bare"]
        self.assertIs(bare.botmaster, botmaster)
        self.assertEqual((bare.slavenames, bare.builddir, bare.locks), (["bot1", "bot2"], "bare", []))
        self.assertEqual([slave.slave.slavename for slave in bare.slaves], ["bot2"])
        self.assertEqual(type(bare.buildFactory).__name__, "Bare")
        self.submit("full")
        (request,) = botmaster.builders["full"].buildable
        self.assertEqual(request.reason, "by hand")
        self.assertEqual((self.master.slavePortnum, self.master.statusTargets), ("tcp:9989", []))
