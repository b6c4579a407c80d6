"""Status targets, schedulers, sources and locks like those for 0.7.5, in a whole master."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import ensureDeferred
from zope.interface.verify import verifyObject

from buildbot import interfaces
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.base import BuildRequest
from buildbot.process.buildset import BuildSet
from buildbot.process.buildstep import LogLineObserver
from buildbot.status.base import StatusReceiver
from buildbot.steps.trialoutput import TestResult
from tests.stories.test_plugins import PluginCase

PLUGINS = """
from twisted.application import service
from twisted.internet import defer, task
from buildbot import interfaces, util, buildset
from buildbot.changes import base as changes_base, changes
from buildbot.locks import MasterLock, SlaveLock
from buildbot.process import factory
from buildbot.process.base import BuildRequest
from buildbot.process.buildstep import LogLineObserver
from buildbot.scheduler import Scheduler, Periodic, BaseUpstreamScheduler, AnyBranchScheduler
from buildbot.sourcestamp import SourceStamp
from buildbot.status import base, builder
from buildbot.status.builder import SUCCESS, WARNINGS, FAILURE, Results
from buildbot.steps.shell import ShellCommand, Compile
from zope.interface import implementer

s = factory.s

class Mailer(base.StatusReceiverMultiService):
    "Writes a letter about each build whose result is another than before."
    compare_attrs = ["to", "categories"]
    def __init__(self, to, categories=None):
        base.StatusReceiverMultiService.__init__(self)
        self.to = to
        self.categories = categories
        self.watched = []
        self.letters = []
    def setServiceParent(self, parent):
        base.StatusReceiverMultiService.setServiceParent(self, parent)
        self.setup()
    def setup(self):
        self.status = self.parent.getStatus()
        self.status.subscribe(self)
    def disownServiceParent(self):
        self.status.unsubscribe(self)
        for w in self.watched:
            w.unsubscribe(self)
        return base.StatusReceiverMultiService.disownServiceParent(self)
    def builderAdded(self, name, builder):
        if self.categories is not None and builder.category not in self.categories:
            return None
        self.watched.append(builder)
        return self
    def builderRemoved(self, name):
        pass
    def builderChangedState(self, name, state):
        pass
    def buildStarted(self, name, build):
        pass
    def buildFinished(self, name, build, results):
        prev = build.getPreviousBuild()
        if prev and prev.getResults() == results:
            return
        return self.buildMessage(name, build, results)
    def buildMessage(self, name, build, results):
        text = "The Buildbot has finished a build of %s on %s.\\n" % (name, self.status.getProjectName())
        text += "Buildslave for this Build: %s\\n" % build.getSlavename()
        text += "Build Reason: %s\\n" % build.getReason()
        ss = build.getSourceStamp()
        source = ""
        if ss.branch:
            source += "[branch %s] " % ss.branch
        if ss.revision:
            source += ss.revision
        else:
            source += "HEAD"
        if ss.patch is not None:
            source += " (plus patch)"
        text += "Build Source Stamp: %s\\n" % source
        text += "Blamelist: " + ",".join(build.getResponsibleUsers()) + "\\n"
        t = build.getText()
        if t:
            t = ": " + " ".join(t)
        text += "BUILD %s%s\\n" % (Results[results], t)
        for log in build.getLogs():
            if log.getStep().getName() == "compile" and log.hasContents():
                text += log.getText()
        (start, end) = build.getTimes()
        assert end >= start and build.getETA() is None
        assert build.getBuilder().getName() == name
        self.letters.append(text)

class Watcher(base.StatusReceiver):
    "Follows the lines of one step."
    def __init__(self):
        self.lines = []
        self.finished = []
    def builderAdded(self, name, builder):
        return self
    def buildStarted(self, name, build):
        return (self, 5)
    def buildETAUpdate(self, build, ETA):
        pass
    def stepStarted(self, build, step):
        if step.getName() == "compile":
            return self
    def logStarted(self, build, step, log):
        if log.getName() == "stdio":
            return self
    def logChunk(self, build, step, log, channel, text):
        if channel == interfaces.LOG_CHANNEL_STDOUT:
            self.lines += text.split("\\n")
    def logFinished(self, build, step, log):
        self.finished.append(log.getName())
    def stepFinished(self, build, step, results):
        (code, words) = results
        self.finished.append((step.getName(), code))

class Quiet(Scheduler):
    "Builds only what has a ticket."
    def addChange(self, change):
        if change.comments.find("#") == -1:
            return
        Scheduler.addChange(self, change)

class Night(BaseUpstreamScheduler):
    "Of no kind that we have: builds what it is told."
    compare_attrs = ('name', 'builders')
    def __init__(self, name, builders):
        BaseUpstreamScheduler.__init__(self, name)
        self.builders = builders
        self.seen = []
    def listBuilderNames(self):
        return self.builders
    def getPendingBuildTimes(self):
        return []
    def addChange(self, change):
        self.seen.append(change.number)
        bs = buildset.BuildSet(self.builders, SourceStamp(changes=[change]), "night of %s" % change.who)
        self.submit(bs)
    def buildSetFinished(self, bss):
        self.outcome = bss.getResults(), bss.getReason(), bss.getBuilderNames()
        BaseUpstreamScheduler.buildSetFinished(self, bss)

class Poller(changes_base.ChangeSource):
    "Finds a change every minute."
    compare_attrs = ["where"]
    parent = None
    loop = None
    def __init__(self, where):
        self.where = where
        self.count = 0
    def startService(self):
        self.loop = task.LoopingCall(self.poll)
        self.loop.clock = self.parent.parent._reactor
        changes_base.ChangeSource.startService(self)
        self.loop.start(60, now=False)
    def stopService(self):
        self.loop.stop()
        return changes_base.ChangeSource.stopService(self)
    def describe(self):
        return "Polls " + self.where
    def poll(self):
        self.count += 1
        c = changes.Change(who="ann <ann@example.org>", files=["a.c"], comments="fix #%d" % self.count,
                           revision=str(self.count), branch=None)
        self.parent.addChange(c)

db = MasterLock("db")
cpu = SlaveLock("cpu", maxCount=1)

f = factory.BuildFactory([s(Compile, command=["make"], locks=[cpu.__class__("cpu", 1)])])

c = BuildmasterConfig = {}
c['bots'] = [("bot1", "sekrit"), ("bot2", "sekrit")]
c['sources'] = [Poller("somewhere")]
c['builders'] = [
    {'name': "full", 'slavenames': ["bot1", "bot2"], 'builddir': "full", 'factory': f, 'category': "main",
     'locks': [db]},
    {'name': "night", 'slavenames': ["bot1", "bot2"], 'builddir': "night", 'factory': f, 'locks': [db]},
]
c['schedulers'] = [Quiet("quiet", None, 30, ["full"]), Night("night", ["night"])]
c['status'] = [Mailer("ann", categories=["main"])]
c['slavePortnum'] = 9989
c['projectName'] = "Old"
"""


class StatusCase(PluginCase):
    """A master with all of these plug-ins."""

    config = PLUGINS

    def mailer(self) -> Any:
        """The running status target."""
        (mailer,) = [child for child in self.master if hasattr(child, "letters")]
        return mailer

    def scheduler(self, name: str) -> Any:
        """The running scheduler of this name."""
        (found,) = [each for each in self.master.allSchedulers() if each.name == name]
        return found


class StatusTests(StatusCase):
    """Status targets, and the control of builds."""

    def test_mailer(self) -> None:
        """A status target reads everything of a finished build, and compares it with the one before."""
        rc = [1, 1, 0]
        self.connect("0.7.12", onCommand=lambda command: command.end(rc.pop(0), stdout=b"x.c:1: caf\xe9\n"))
        for _ in range(3):
            self.submit("full", files=("a.c",))
            self.wait(1)
        failed, passed = self.mailer().letters
        self.assertIn("full on Old.\nBuildslave for this Build: bot1\nBuild Reason: by hand\n", failed)
        self.assertIn("Blamelist: ann\nBUILD failure: failed compile\nx.c:1: caf\ufffd\n", failed)
        self.assertIn("BUILD success: build successful", passed)

    def test_reconfig(self) -> None:
        """A status target that a reconfig removes gets no more calls."""
        self.green()
        mailer = self.mailer()
        self.edit("""c['status'] = [Mailer("ann", categories=["main"])]""", "c['status'] = []")
        self.reconfig()
        self.submit("full")
        self.wait(1)
        self.assertEqual(mailer.letters, [])
        self.assertEqual([child for child in self.master if hasattr(child, "letters")], [])

    def test_watcher(self) -> None:
        """A receiver follows the log of a step, by its return value at each stage."""
        namespace: dict[str, Any] = {}
        exec(self.config, namespace)
        watcher = namespace["Watcher"]()
        status = self.master.getStatus()
        status.subscribe(watcher)
        slave = self.connect("0.7.12")
        self.submit("full")
        slave.commands[0].update(stdout=b"one\ngr\xc3")
        slave.commands[0].end(0, stdout=b"\xb6\n")
        self.settle()
        self.wait(1)
        self.assertEqual("|".join(watcher.lines), "one|gr|ö|")
        self.assertEqual(watcher.finished, ["stdio", ("compile", SUCCESS)])
        self.assertEqual(status.getBuilderNames(["main"]), ["full"])
        self.assertEqual([each.getName() for each in status.getSchedulers()], ["quiet", "night"])

    def test_control(self) -> None:
        """The owner of the control requests builds, is notified of them, and stops them."""
        control = interfaces.IControl(self.master)
        full = control.getBuilder("full")
        self.assertRaises(KeyError, control.getBuilder, "nope")
        request = BuildRequest("wished", SourceStamp(branch="b"), "full")
        self.assertRaises(interfaces.NoSlaveError, full.requestBuildSoon, request)
        controls: list[Any] = []
        request.subscribe(controls.append)
        over = request.waitUntilFinished()
        full.requestBuild(request)
        self.settle()
        waiting: Sequence[Any] = full.getPendingBuilds()
        self.assertEqual([each.reason for each in waiting], ["wished"])
        slave = self.connect("0.7.12")
        slave.onInterrupt = lambda command: command.end(-1)
        (build,) = controls
        self.assertEqual((full.getBuild(0), full.getPendingBuilds()), (build, []))
        build.stopBuild("enough")
        self.settle()
        status = self.successResultOf(over)
        self.assertIs(build.getStatus(), status)
        self.assertEqual(status.getResults(), FAILURE)
        again: Any = full.resubmitBuild(status)
        self.settle()
        self.assertEqual(self.successResultOf(again).reason, "<rebuild, no reason given>")
        slave.commands[-1].end(0)
        self.settle()
        alive = full.ping()
        self.settle()
        self.assertTrue(self.successResultOf(alive))

    def test_sets(self) -> None:
        """A submitter of a build set can wait for its success, or for its end."""
        slave = self.connect("0.7.12")
        buildset = BuildSet(["full", "night"], SourceStamp(), "both", bsid="mine")
        known, over = buildset.waitUntilSuccess(), buildset.waitUntilFinished()
        submitted: Any = interfaces.IControl(self.master).submitBuildSet(buildset)
        self.successResultOf(ensureDeferred(submitted))
        self.settle()
        (status,) = self.master.getStatus().getBuildSets()
        self.assertIs(status, buildset.status)
        self.assertEqual((status.getID(), status.getBuilderNames()), ("mine", ["full", "night"]))
        slave.commands[0].end(1)
        self.settle()
        self.assertEqual(self.successResultOf(known).getResults(), FAILURE)
        self.assertNoResult(over)
        self.wait(1)
        slave.commands[1].end(0)
        self.settle()
        self.assertEqual(self.successResultOf(over).getResults(), FAILURE)
        self.assertEqual(self.master.getStatus().getBuildSets(), [])


class ChangeTests(StatusCase):
    """Sources of changes, schedulers and locks."""

    def test_sourceToBuild(self) -> None:
        """A user's source sends a change, users' schedulers build it, and a lock orders the builds."""
        slave = self.connect("0.7.12")
        other = self.connect("0.7.12", name="bot2")
        self.wait(62)
        self.assertEqual(self.scheduler("night").seen, [1])
        (running,) = [*slave.commands, *other.commands]
        (build,) = self.master.getStatus().getBuilder("night").getCurrentBuilds()
        self.assertEqual(build.getReason(), "night of ann <ann@example.org>")
        self.assertEqual(build.getResponsibleUsers(), ["ann <ann@example.org>"])
        self.wait(29)
        self.assertEqual(len(slave.commands) + len(other.commands), 1)
        waiting = self.master.getStatus().getBuilder("full").getCurrentBuilds()
        self.assertEqual([each.getCurrentStep() for each in waiting], [None])
        running.end(0)
        self.settle()
        self.wait(1)
        self.assertEqual(len(slave.commands) + len(other.commands), 2)
        self.assertEqual(
            self.scheduler("night").outcome, (SUCCESS, "night of ann <ann@example.org>", ["night"])
        )
        for command in [*slave.commands, *other.commands]:
            if command is not running:
                command.end(0)
        self.settle()
        self.assertEqual(waiting[0].getResults(), SUCCESS)


class ActingTests(StatusCase):
    """Plug-ins that act on events."""

    def test_receiverActs(self) -> None:
        """A receiver may stop a build, request another, and unsubscribe during a call."""
        control = interfaces.IControl(self.master)
        status = self.master.getStatus()
        finished: list[Any] = []

        class Acting(StatusReceiver):
            def builderAdded(self, builderName: str, builder: Any) -> Any:
                return self if builderName == "full" else None

            def buildStarted(self, builderName: str, build: Any) -> Any:
                return self

            def stepStarted(self, build: Any, step: Any) -> Any:
                if not finished:
                    running = control.getBuilder("full").getBuild(build.getNumber())
                    assert running is not None
                    running.stopBuild("not this one")
                return self

            def logStarted(self, build: Any, step: Any, log: Any) -> Any:
                return self

            def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
                log.unsubscribe(self)

            def buildFinished(self, builderName: str, build: Any, results: int) -> None:
                finished.append((build.getNumber(), results, build.getText()))
                if len(finished) == 1:
                    control.getBuilder("full").resubmitBuild(build, "once more")
                else:
                    status.unsubscribe(self)

        status.subscribe(Acting())
        slave = self.connect("0.7.12")
        slave.onInterrupt = lambda command: command.end(-1)
        slave.onCommand = lambda command: command.end(0, stdout=b"x") if finished else None
        self.submit("full")
        self.wait(2)
        self.assertEqual(
            finished,
            [
                (0, FAILURE, ["interrupted", "not this one"]),
                (1, SUCCESS, ["build", "successful"]),
            ],
        )
        self.submit("full")
        self.wait(2)
        self.assertEqual(len(finished), 2)


class PromiseTests(StatusCase):
    """Objects provide the interfaces of 0.7.5."""

    def test_providers(self) -> None:
        """Every object that a plug-in meets in a build provides its whole interface."""
        slave = self.connect("0.7.12")
        buildset = self.submit("full", files=("a.c",))
        builder = self.master.botmaster.builders["full"]
        (build,) = builder.building
        status = build.build_status
        (step,) = status.getSteps()
        (log,) = step.getLogs()
        (request,) = buildset.requests
        (source,) = [child for child in self.master.change_svc if hasattr(child, "poll")]
        for interface, provider in (
            (interfaces.IStatus, self.master.getStatus()),
            (interfaces.IBuilderStatus, status.getBuilder()),
            (interfaces.IBuildStatus, status),
            (interfaces.IStatusEvent, status),
            (interfaces.IBuildStepStatus, step),
            (interfaces.IStatusEvent, step),
            (interfaces.IStatusLog, log),
            (interfaces.ILogFile, log),
            (interfaces.ISlaveStatus, self.master.getStatus().getSlave("bot1")),
            (interfaces.IBuildSetStatus, buildset.status),
            (interfaces.IBuildRequestStatus, request.status),
            (interfaces.IBuildRequestControl, request),
            (interfaces.IBuildControl, build),
            (interfaces.IBuilderControl, interfaces.IBuilderControl(builder)),
            (interfaces.IControl, interfaces.IControl(self.master)),
            (interfaces.ISourceStamp, build.source),
            (interfaces.IStatusEvent, build.source.changes[0]),
            (interfaces.IStatusReceiver, self.mailer()),
            (interfaces.IScheduler, self.scheduler("quiet")),
            (interfaces.ISchedulerStatus, self.scheduler("night")),
            (interfaces.IUpstreamScheduler, self.scheduler("quiet")),
            (interfaces.IChangeSource, source),
            (interfaces.ILogObserver, LogLineObserver()),
            (interfaces.ITestResult, TestResult(("a",), SUCCESS, ["passed"], {})),
        ):
            self.assertTrue(interface.providedBy(provider), (interface, provider))
            verifyObject(interface, provider)
        slave.commands[0].end(0)
        self.settle()
