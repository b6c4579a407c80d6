"""Steps like those for 0.7.5, in a whole master."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from tests.fakes import FakeSlave
from tests.stories.test_plugins import PluginCase

STEPS = """
from collections import OrderedDict, namedtuple
from twisted.internet import defer
from buildbot.process.base import Build
from buildbot.process.factory import BuildFactory, s
from buildbot.process.buildstep import BuildStep, LoggingBuildStep, LoggedRemoteCommand, LogObserver
from buildbot.process.buildstep import LogLineObserver, RemoteCommand, RemoteShellCommand
from buildbot.steps.shell import ShellCommand, WithProperties
from buildbot.steps.dummy import Wait
from buildbot.status.builder import SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, STDERR, STDOUT, HEADER

Handle = namedtuple("Handle", "name reason")

class Bytes(LogObserver):
    "Counts what comes, in the manner of a progress meter."
    lines = 0
    seen = ""
    errors = ""
    def outReceived(self, data):
        self.lines += data.count('\\n')
        self.seen += data
    def errReceived(self, data):
        self.errors += data.upper()

class Raw(LogObserver):
    "Takes the chunks themselves."
    def __init__(self):
        self.chunks = []
    def logChunk(self, build, step, log, channel, text):
        self.chunks.append((step.getName(), log.getName(), channel, text))

class Own(BuildStep):
    "Runs one command of the slave, without a shell."
    name = "own"
    haltOnFailure = True
    parms = BuildStep.parms + ['handle']
    handle = None
    def __init__(self, handle, **kwargs):
        BuildStep.__init__(self, **kwargs)
        self.handle = handle
        self.meter = Bytes()
        self.addLogObserver('stdio', self.meter)
    def start(self):
        self.step_status.setColor("yellow")
        self.step_status.setText(["waiting", "for"] + [self.handle])
        loog = self.addLog("stdio")
        args = {'handle': Handle(self.handle, self.build.reason), 'names': ("a", "b"),
                'more': OrderedDict(x=[("y",)])}
        self.cmd = LoggedRemoteCommand("dummy.wait", args)
        self.cmd.useLog(loog, True)
        d = self.runCommand(self.cmd)
        d.addCallback(self.done)
        d.addErrback(self.failed)
    def done(self, cmd):
        self.addURL("more", "http://example.org/" + self.getSlaveName())
        self.addHTMLLog("page", "<b>%d</b>" % self.meter.lines)
        self.addCompleteLog("summary", self.meter.seen)
        self.setProperty("lines", self.meter.lines)
        self.step_status.setText(["waited"])
        if cmd.rc == 0:
            self.finished(SUCCESS)
        else:
            self.finished((FAILURE, ["own", str(cmd.rc)]))

class Counting(ShellCommand):
    name = "count"
    flunkOnFailure = False
    warnOnFailure = True
    def __init__(self, pattern="warning:", **kwargs):
        ShellCommand.__init__(self, **kwargs)
        self.pattern = pattern
    def describe(self, done=False):
        if done:
            return ["counted"]
        return ["counting"]
    def createSummary(self, log):
        found = [l for l in log.readlines() if l.find(self.pattern) >= 0]
        self.headers = [text for (channel, text) in log.getChunks() if channel == HEADER]
        self.found = found
        if found:
            self.addCompleteLog("warnings", "".join(found))
    def evaluateCommand(self, cmd):
        if cmd.rc != 0:
            return FAILURE
        if self.found:
            return WARNINGS
        return SUCCESS
    def getText(self, cmd, results):
        return self.describe(True) + [str(len(self.found))]
    def getText2(self, cmd, results):
        return ["%d warnings" % len(self.found)]
    def getColor(self, cmd, results):
        return "blue"
    def maybeGetText2(self, cmd, results):
        return self.getText2(cmd, results)

class Hand(LoggedRemoteCommand):
    "Starts itself, and looks at what comes."
    def start(self):
        self.args['extra'] = "by hand"
        return self.remote.callRemote("startCommand", self, self.commandID, self.remote_command, self.args)
    def remoteUpdate(self, update):
        LoggedRemoteCommand.remoteUpdate(self, update)
        if "stdout" in update and update["stdout"].startswith("fatal"):
            self.fatal = True

class ByHand(LoggingBuildStep):
    name = "hand"
    flunkOnFailure = True
    def start(self):
        self.startCommand(Hand("svn", {'svnurl': "http://svn/caf\xe9"}))
    def commandComplete(self, cmd):
        self.setProperty("got_revision", cmd.updates["got_revision"][-1])
    def evaluateCommand(self, cmd):
        return getattr(cmd, "fatal", False) and FAILURE or SUCCESS

class Plain(ShellCommand):
    "Makes its command itself, of what it was given."
    name = "plain"
    def start(self):
        warnings = self.checkForOldSlaveAndLogfiles()
        kwargs = self.remote_kwargs
        kwargs['command'] = ["nice"] + self.command
        kwargs['logfiles'] = self.logfiles
        cmd = RemoteShellCommand(**kwargs)
        self.setupEnvironment(cmd)
        d = self.build.remote.callRemote("print", "hello")
        d.addCallback(lambda answer: self.setProperty("answer", answer))
        self.startCommand(cmd, warnings)

class Ports(ShellCommand):
    "Reads the files of the changes before the first step runs, as in 0.8."
    def setBuild(self, build):
        ShellCommand.setBuild(self, build)
        ports = [name.split("/")[1] for name in self.build.allFiles() if "/" in name]
        self.setProperty("ports", " ".join(sorted(ports)))

class Broken(BuildStep):
    name = "mine"
    def start(self):
        raise ValueError("oops")

class Asking(BuildStep):
    "Asks for all that a step may know."
    name = "asking"
    def start(self):
        try:
            self.build.getProperty("nope")
        except KeyError:
            pass
        else:
            raise AssertionError("nope")
        self.version = self.slaveVersion("shell", "0"), self.slaveVersionIsOlderThan("shell", "99")
        words = [self.getProperty("buildername"), str(self.build.getProperty("buildnumber"))]
        self.step_status.setText(words)
        self.addLogObserver("notes", Raw())
        notes = self.addLog("notes")
        notes.addStdout("out")
        notes.addStderr("err")
        notes.addHeader("head")
        notes.finish()
        from twisted.internet import reactor
        return SKIPPED

def steps(*all):
    f = BuildFactory()
    for each in all:
        f.addStep(each[0], **each[1])
    return f

c = BuildmasterConfig = {}
c['bots'] = [("bot1", "sekrit")]
c['sources'] = []
c['schedulers'] = []
c['builders'] = [
    {'name': name, 'slavename': "bot1", 'builddir': name, 'factory': factory} for (name, factory) in [
        ("own", steps((Own, {'handle': "h"}), (ShellCommand, {'command': "after"}))),
        ("count", steps((Counting, {'command': "make", 'pattern': "odd"}))),
        ("broken", steps((Broken, {}))),
        ("ports", steps((ShellCommand, {'command': WithProperties("echo %(ports)s")}),
                        (Ports, {'command': "x"}))),
        ("asking", steps((Asking, {}), (ShellCommand, {'command': "after"}))),
        ("hand", steps((ByHand, {}))),
        ("plain", steps((Plain, {'command': ["make"], 'env': {'LANG': "C"}}))),
        ("waits", steps((Wait, {'handle': "w"}))),
    ]
]
c['slavePortnum'] = 9989
"""


class StepTests(PluginCase):
    """Users' steps."""

    config = STEPS

    def quiet(self) -> FakeSlave:
        """Connect a slave of 0.7.5 whose commands the test controls."""
        commands = {name: b"2.2" for name in (b"shell", b"dummy", b"dummy.wait")}
        return self.connect("0.7.5", trouble={"getCommands": lambda: commands})

    def build(self, builder: str) -> Any:
        """Start a build; return its status."""
        buildset = self.submit(builder)
        (build,) = buildset.status.getBuildRequests()[0].getBuilds()
        return build

    def texts(self, step: Any) -> dict[str, str]:
        """The logs of a step, by name."""
        return {log.getName(): log.getText() for log in step.getLogs()}

    def test_remoteCommand(self) -> None:
        """Rows 4, 9, 13 and 17: a step runs a command of its own, with tuples, and observes the log."""
        slave = self.quiet()
        build = self.build("own")
        own, after = build.getSteps()
        self.assertEqual((own.getName(), own.getText()), ("own", ["waiting", "for", "h"]))
        self.assertEqual([own.getColor(), after.getColor(), build.getColor()], ["yellow", None, None])
        self.assertEqual((after.getTimes(), after.isFinished()), ((None, None), False))
        self.assertIs(build.getCurrentStep(), own)
        (command,) = slave.commands
        self.assertEqual(command.args[b"handle"], (b"h", b"by hand"))
        self.assertEqual(command.args[b"names"], (b"a", b"b"))
        self.assertEqual(command.args[b"more"], {b"x": [(b"y",)]})
        command.update(stdout=b"one\ngr\xc3")
        command.update(stdout=b"\xb6\n", stderr=b"oh")
        command.end(0)
        self.settle()
        self.assertEqual(own.getResults(), (SUCCESS, []))
        self.assertEqual(own.getURLs(), {"more": "http://example.org/bot1"})
        self.assertEqual((own.getColor(), after.getColor()), ("green", "yellow"))
        logs = self.texts(own)
        self.assertEqual((logs["page"], logs["summary"]), ("<b>2</b>", "one\ngrö\n"))
        self.assertEqual(build.getProperty("lines"), 2)
        self.assertRaises(KeyError, build.getProperty, "nope")
        self.assertIs(build.getCurrentStep(), after)
        slave.commands[-1].end(0)
        self.settle()
        self.assertEqual((build.getResults(), build.getText()), (SUCCESS, ["build", "successful"]))

    def test_setBuild(self) -> None:
        """A step that prepares itself when it gets its build sets a property for the steps before it, too."""
        slave = self.green()
        self.submit("ports", files=("lang/python", "www/nginx", "README"))
        self.assertEqual(self.said(slave), [b"echo nginx python", b"x"])

    def test_finishedPair(self) -> None:
        """Row 14: the text of a failed step is "failed" and the step's text; steps that did not start have
        none.
        """
        slave = self.quiet()
        build = self.build("own")
        slave.commands[0].end(3)
        self.settle()
        self.assertEqual((build.getResults(), build.getText()), (FAILURE, ["failed", "own", "3"]))
        _, after = build.getSteps()
        self.assertEqual((after.getTimes(), after.getResults()), ((None, None), (None, [])))

    def test_hooks(self) -> None:
        """The description, colour, summary and result of a shell command are those of the step and the
        build.
        """
        slave = self.quiet()
        build = self.build("count")
        (step,) = build.getSteps()
        self.assertEqual(step.getText(), ["counting"])
        slave.commands[0].end(0, stdout=b"fine\nodd \xff\nvery odd\n", header="run\n")
        self.settle()
        self.assertEqual((step.getText(), step.getColor()), (["counted", "2"], "blue"))
        self.assertEqual(step.getResults(), (WARNINGS, ["2 warnings"]))
        self.assertEqual(self.texts(step)["warnings"], "odd \ufffd\nvery odd\n")
        self.assertEqual(
            (build.getResults(), build.getText()), (SUCCESS, ["build", "successful", "2 warnings"])
        )

    def test_exception(self) -> None:
        """Row 14: an exception in a step makes its build an exception, with the step's name once."""
        self.quiet()
        build = self.build("broken")
        self.assertEqual((build.getResults(), build.getText()), (EXCEPTION, ["exception", "mine"]))
        (step,) = build.getSteps()
        self.assertEqual(step.getText(), ["mine", "exception"])
        self.assertIn("oops", self.texts(step)["err.text"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_asking(self) -> None:
        """A step can query its build and its slave; a skipped step does not end the build."""
        slave = self.quiet()
        build = self.build("asking")
        asking, after = build.getSteps()
        self.assertEqual((asking.getText(), asking.getResults()[0]), (["asking", "0"], 3))
        (notes,) = asking.getLogs()
        self.assertEqual(notes.getTextWithHeaders(), "outerrhead")
        self.assertIs(build.getCurrentStep(), after)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(build.getResults(), SUCCESS)

    def test_byHand(self) -> None:
        """Row 4: a command that starts itself treats the words and output of an old slave as text."""
        slave = self.quiet()
        build = self.build("hand")
        (command,) = slave.commands
        self.assertEqual(command.args, {b"svnurl": "http://svn/café".encode(), b"extra": b"by hand"})
        command.update(stdout=b"fatal: \xff\n", got_revision=b"17")
        command.end(0)
        self.settle()
        self.assertEqual((build.getResults(), build.getProperty("got_revision")), (FAILURE, "17"))
        (log,) = build.getLogs()
        self.assertEqual(next(log.getByteChunks([0])), (0, b"fatal: \xff\n"))

    def test_plain(self) -> None:
        """A shell command that overrides start() sends its arguments, in the directory of the build."""
        slave = self.quiet()
        for builder in slave.builders.values():
            self.patch(builder, "remote_print", lambda message: [b"heard", message])
        build = self.build("plain")
        (command,) = slave.commands
        self.assertEqual(build.getProperty("answer"), ["heard", "hello"])
        wanted = {b"command": [b"nice", b"make"], b"workdir": b"build", b"env": {b"LANG": b"C"}}
        self.assertEqual({key: command.args[key] for key in wanted}, wanted)
        command.end(0)
        self.settle()

    def test_wait(self) -> None:
        """Row 13: the step Wait of 0.7.5 sends its handle as the tuple that the slave expects."""
        slave = self.quiet()
        build = self.build("waits")
        self.assertEqual(slave.commands[0].args[b"handle"], (b"w", b"by hand"))
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(build.getResults(), SUCCESS)
