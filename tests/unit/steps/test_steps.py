"""Steps that run a command, or only wait."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS, WARNINGS
from buildbot.process.properties import Property
from buildbot.steps import counting, dummy, maxq, shell
from buildbot.steps.python import BuildEPYDoc
from buildbot.steps.shell import Compile, ShellCommand, WithProperties
from buildbot.wire.budget import weigh
from tests.stepping import StepCase


class ArgumentTests(unittest.TestCase):
    """The arguments of steps."""

    def test_arguments(self) -> None:
        """A command has a directory, texts for the display, and arguments for the slave."""
        step = ShellCommand("sub", "testing", ["test"], ["make", "test"], env={"A": "b"}, timeout=None)
        self.assertEqual((step.description, step.descriptionDone), (["testing"], ["test"]))
        self.assertEqual(step.command, ["make", "test"])
        told = {
            "workdir": "sub",
            "env": {"A": "b"},
            "want_stdout": True,
            "want_stderr": True,
            "timeout": None,
            "logEnviron": False,
        }
        self.assertEqual(step.remote_kwargs, told)

    def test_ready(self) -> None:
        """The ready-made commands need no arguments, and accept others."""
        for steptype, name in (
            (shell.Configure, "configure"),
            (shell.Compile, "compile"),
            (shell.Test, "test"),
            (shell.TreeSize, "treesize"),
        ):
            step = steptype()
            self.assertEqual(step.name, name)
            self.assertTrue(step.command)
            self.assertTrue(step.flunkOnFailure)
            self.assertEqual(steptype(command="other", haltOnFailure=False).command, "other")

    def test_unknown(self) -> None:
        """An unknown keyword is refused by its name."""
        with self.assertRaises(TypeError) as caught:
            shell.Compile(comand="make")
        self.assertEqual(str(caught.exception), "Compile takes no argument comand; did you mean 'command'?")

    def test_passedOn(self) -> None:
        """A constructor of a site may pass on what only it knows, as in 0.7: that is ignored."""

        class Own(Compile):
            def __init__(self, target: str = "all", **kwargs: Any) -> None:
                kwargs["target"] = target
                self.condition = kwargs.get("condition")
                Compile.__init__(self, **kwargs)

        steptype, arguments = Own(target="x", condition=1, timeout=5).getStepFactory()
        step: Any = steptype(**arguments)
        self.assertEqual((step.condition, step.remote_kwargs["timeout"]), (1, 5))
        self.assertNotIn("condition", step.remote_kwargs)

    def test_withProperties(self) -> None:
        """A command may contain properties; equal ones compare equal."""
        one, other = (WithProperties("v%s", "revision") for _ in range(2))
        self.assertEqual((one, ShellCommand(command=["x", one])), (other, ShellCommand(command=["x", other])))
        self.assertNotEqual(one, WithProperties("v%s", "branch"))
        self.assertEqual(repr(one), "WithProperties('v%s', 'revision')")

    def test_describe(self) -> None:
        """A step without a description shows the first words of its command, without hidden ones."""
        for command, words in (
            ("make", ["'make'"]),
            ("make all", ["'make", "all'"]),
            (["make", "-k", "all"], ["'make", "-k", "...'"]),
            (["login", ("obfuscated", "sekrit", "xxx")], ["'login", "xxx'"]),
            ("", ["???"]),
        ):
            self.assertEqual(ShellCommand(command=command).describe(), words)
        step = ShellCommand(command="make", description="making", descriptionDone=["made"])
        self.assertEqual((step.describe(), step.describe(True)), (["making"], ["made"]))


class MaxQTests(StepCase):
    """Tests that are played back to a web site with MaxQ."""

    def test_results(self) -> None:
        """Each failed test is counted, even if MaxQ itself succeeds."""
        for rc, output, result, text in (
            (0, b"all is well\n", SUCCESS, ["maxq", "tests"]),
            (0, b"a\nTEST FAILURE: one\nTEST FAILURE: two\n", FAILURE, ["2", "maxq", "failures"]),
            (1, b"", FAILURE, ["maxq", "failed"]),
        ):
            running = self.begin(maxq.MaxQ("tests"))
            self.assertEqual(running.command.args["command"], ["run_maxq.py", "tests"])
            running.command.end(rc, stdout=output)
            self.assertEqual((running.result, running.step.getText()), (result, text))

    def test_noDirectory(self) -> None:
        """The directory of the tests is required."""
        self.assertRaises(TypeError, maxq.MaxQ)


class ShellTests(StepCase):
    """Commands on a slave."""

    def test_sent(self) -> None:
        """S3: the slave gets the arguments of 0.7.5, and is told not to log its environment."""
        command = self.begin(ShellCommand(command=["make", "all"])).command
        told: dict[str, Any] = {
            "command": ["make", "all"],
            "workdir": "build",
            "env": None,
            "want_stdout": True,
            "want_stderr": True,
            "logfiles": {},
            "timeout": 1200,
            "logEnviron": False,
        }
        self.assertEqual((command.name, command.args), ("shell", told))

    def test_options(self) -> None:
        """Options of later slaves are sent if they are set; usePTY only as a boolean."""
        options: dict[str, Any] = {"maxTime": 9, "usePTY": False, "initial_stdin": b"y", "logEnviron": True}
        more: dict[str, Any] = {"interruptSignal": "INT", "sigtermTime": 5}
        sent = self.begin(ShellCommand(command="x", **options, **more)).command.args
        self.assertEqual({name: sent[name] for name in (*options, *more)}, {**options, **more})
        for unset in (None, "slave-config"):
            self.assertNotIn("usePTY", self.begin(ShellCommand(command="x", usePTY=unset)).command.args)

    def test_properties(self) -> None:
        """Properties are filled in everywhere; the step's own arguments stay unchanged."""
        on = WithProperties("on-%(branch)s")
        step = ShellCommand(command=["build", on], workdir=on, env={"ON": on}, logfiles={"log": on})
        sent = self.begin(step).command.args
        found = [sent["command"], sent["workdir"], sent["env"], sent["logfiles"]]
        self.assertEqual(found, [["build", "on-trunk"], "on-trunk", {"ON": "on-trunk"}, {"log": "on-trunk"}])
        self.assertIs(step.remote_kwargs["workdir"], on)

    def test_results(self) -> None:
        """Exit status 0 is success; any other, or none, is failure."""
        for rc, result, text in ((0, SUCCESS, ["made"]), (2, FAILURE, ["made", "failed"])):
            running = self.begin(ShellCommand(command="make", descriptionDone="made"))
            running.command.end(rc)
            self.assertEqual((running.result, running.step.getText()), (result, text))
        running = self.begin(ShellCommand(command="make"))
        running.command.complete()
        self.assertEqual(running.result, FAILURE)

    def test_logs(self) -> None:
        """The output and each watched file have separate logs."""
        running = self.begin(ShellCommand(command="x", logfiles={"test.log": "_temp/test.log"}))
        running.command.end(stdout=b"out", log=(b"test.log", b"watched"))
        self.assertEqual(running.logs(), ["stdio", "test.log"])
        self.assertEqual((running.log("stdio"), running.log("test.log")), ("outexit code 0\n", "watched"))

    def test_exitCode(self) -> None:
        """The end of a command is in its log, with its output."""
        running = self.begin(ShellCommand(command="x"))
        running.command.end(3, stdout=b"oh\n")
        self.assertEqual(running.log("stdio"), "oh\nexit code 3\n")

    def test_logsOfOldSlaves(self) -> None:
        """A slave too old to watch files runs the command; the log names the missing files."""
        running = self.begin(ShellCommand(command="x", logfiles={"t": "t.log"}), commands={"shell": "2.0"})
        self.assertEqual((running.command.args["logfiles"], running.logs()), ({}, ["stdio"]))
        self.assertEqual(running.log("stdio"), "slave bot1 is too old to watch log files; missing: t\n")

    def test_follow(self) -> None:
        """Only slaves that can wait for a new file are asked to."""
        where = {"filename": "t.log", "follow": True}
        for version, told in (("2.8", "t.log"), ("2.9", where), ("2.16", where)):
            running = self.begin(
                ShellCommand(command="x", logfiles={"t": where}), commands={"shell": version}
            )
            self.assertEqual(running.command.args["logfiles"], {"t": told})

    def test_hidden(self) -> None:
        """S3: a hidden argument is sent as hidden, or as plain text to slaves that cannot hide it."""
        hidden = ("obfuscated", "sekrit", "xxx")
        for version, told in (("2.16", hidden), ("3.3", hidden), ("2.9", "sekrit")):
            running = self.begin(ShellCommand(command=["p4", hidden]), commands={"shell": version})
            self.assertEqual(running.command.args["command"], ["p4", told])
            self.assertNotIn("sekrit", " ".join(running.step.getText()))

    def test_inheritedEnvironment(self) -> None:
        """Environment variables set by an earlier step are used, in this build only."""
        step = ShellCommand(command="x", env={"A": "1"})
        running = self.prepare(step)
        running.build.slaveEnvironment = {"B": "2"}
        self.assertEqual(running.begin().command.args["env"], {"A": "1", "B": "2"})
        self.assertEqual(self.begin(step).command.args["env"], {"A": "1"})

    def test_stopped(self) -> None:
        """A stopped command is interrupted, and ends the step when the slave has stopped."""
        running = self.begin(ShellCommand(command="x"))
        running.build.stopBuild("enough")
        self.assertEqual((running.command.interrupted, running.result), ("enough", None))
        running.command.end(-1)
        self.assertEqual((running.result, running.build.results), (FAILURE, FAILURE))

    def test_lost(self) -> None:
        """B1: a lost slave ends the step at once, and the build is tried again."""
        running = self.begin(ShellCommand(command="x"))
        running.build.lostRemote()
        self.assertIsNotNone(running.result)
        self.assertIn("lost", running.step.getText())
        self.assertEqual(running.build.results, RETRY)

    def test_nothingToRun(self) -> None:
        """A step without a command ends with an exception."""
        running = self.begin(ShellCommand())
        self.assertEqual((running.result, running.sent), (EXCEPTION, []))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_subclass(self) -> None:
        """A step like in 0.7.5 can override all hooks."""

        class Mine(ShellCommand):
            command = ["mine"]
            descriptionDone = "mine"

            def start(self) -> Any:
                self.setCommand([*self.command, self.getProperty("slavename")])
                ShellCommand.start(self)

            def setupEnvironment(self, cmd: Any) -> None:
                cmd.args["env"] = {"MINE": "1"}

            def commandComplete(self, cmd: Any) -> None:
                self.words = cmd.logs["stdio"].getText().split()

            def createSummary(self, log: Any) -> None:
                self.addCompleteLog("summary", ",".join(self.words))

            def evaluateCommand(self, cmd: Any) -> int:
                return WARNINGS if len(self.words) > 1 else SUCCESS

            def getText(self, cmd: Any, results: int) -> list[str]:
                return [*self.describe(True), str(len(self.words))]

        running = self.begin(Mine())
        self.assertEqual(running.command.args["command"], ["mine", "bot1"])
        self.assertEqual(running.command.args["env"], {"MINE": "1"})
        running.command.end(3, stdout="a b")
        self.assertEqual((running.result, running.step.getText()), (WARNINGS, ["mine", "2"]))
        self.assertEqual(running.log("summary"), "a,b")

    def test_workdir(self) -> None:
        """A step may read its directory at its start, whether it was set or not."""

        class Asking(ShellCommand):
            def start(self) -> Any:
                self.setCommand(["cd", self.workdir])
                return ShellCommand.start(self)

        for step, workdir in ((Asking(command="x"), "build"), (Asking(command="x", workdir="src"), "src")):
            args = self.begin(step).command.args
            self.assertEqual((args["command"], args["workdir"]), (["cd", workdir], workdir))

    def test_commandOfTheCommand(self) -> None:
        """A step like in 0.7.5 may change the command until it starts."""

        class Nice(ShellCommand):
            def startCommand(self, cmd: Any, errorMessages: Any = ()) -> None:
                cmd.command = ["nice", *cmd.command]
                ShellCommand.startCommand(self, cmd, errorMessages)

        self.assertEqual(self.begin(Nice(command=["make"])).command.args["command"], ["nice", "make"])


class ReadyTests(StepCase):
    """Steps that read the output of their command."""

    def test_treeSize(self) -> None:
        """The size of the tree is shown and set as a property; if it cannot be read, the step warns."""
        running = self.begin(shell.TreeSize())
        self.assertEqual(running.command.args["command"], ["du", "-s", "-k", "."])
        running.command.end(stdout=b"1234\t.\n")
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["treesize", "1234 kb"]))
        self.assertEqual(running.build.getProperty("tree-size-KiB"), 1234)
        for rc, output, result in ((0, b"lots\n", WARNINGS), (1, b"12\t.\n", FAILURE)):
            running = self.begin(shell.TreeSize())
            running.command.end(rc, stdout=output)
            self.assertEqual(running.result, result)

    def test_setProperty(self) -> None:
        """A property is set to a command's standard output, without standard error."""
        for strip, value in ((True, "caf\u00e9"), (False, "caf\u00e9 \n")):
            running = self.begin(shell.SetProperty(property="where", command="pwd", strip=strip))
            running.command.end(stderr=b"hm\n", stdout="caf\u00e9 \n".encode())
            self.assertEqual(running.build.getProperty("where"), value)
            self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["property 'where' set"]))

    def test_extract(self) -> None:
        """A function finds the properties in both outputs, also if the command fails."""
        for rc, result in ((0, SUCCESS), (3, FAILURE)):
            step = shell.SetPropertyFromCommand(
                command="x", extract_fn=lambda rc, out, err: {"rc": rc, "out": out, "err": err}
            )
            running = self.begin(step)
            running.command.end(rc, stderr=b"hm\n", stdout=b"a\n")
            self.assertEqual(running.result, result)
            found = [running.build.getProperty(name) for name in ("rc", "out", "err")]
            self.assertEqual(found, [rc, "a\n", "hm\n"])
        self.assertRaises(TypeError, shell.SetProperty, command="x")
        self.assertRaises(TypeError, shell.SetProperty, command="x", property="p", extract_fn=dict)

    def test_extractFails(self) -> None:
        """A function that fails, or that returns no dictionary, is an exception of the step."""
        extract: Any
        for extract in (lambda *args: 1 / 0, lambda *args: None):
            running = self.begin(shell.SetPropertyFromCommand(command="x", extract_fn=extract))
            running.command.end()
            self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError, TypeError)), 2)

    def test_setPropertyTooLong(self) -> None:
        """H3: output that is too long for a property fails the step with the reason, and sets none."""
        for size, result in ((shell.LONGEST_PROPERTY, SUCCESS), (shell.LONGEST_PROPERTY + 1, FAILURE)):
            running = self.begin(shell.SetProperty(property="where", command="pwd"))
            running.command.end(stdout=b"x" * size)
            self.assertEqual(
                (running.result, running.build.properties.hasProperty("where")), (result, not result)
            )
        self.assertEqual(
            running.log("property"), "the command wrote more than 65536 bytes: property 'where' is not set\n"
        )

    def test_sizeThatIsNone(self) -> None:
        """H3: a number of thousands of digits is not a tree size, and no exception."""
        running = self.begin(shell.TreeSize())
        running.command.end(stdout=b"9" * 10_000 + b"\t.\n")
        self.assertEqual(running.result, WARNINGS)

    def summedUp(self, stop: bool) -> int | None:
        """Run a step that summarizes a long log; the build may be stopped meanwhile."""
        running = self.begin(BuildEPYDoc())
        ticks = iter(range(100_000))
        seconds = running.clock.seconds
        running.command.update(stdout=b"fine\n" * 1000)
        self.patch(running.clock, "seconds", lambda: seconds() + next(ticks) / 10_000)
        running.command.end(0)
        self.assertIsNone(running.result)
        if stop:
            running.build.stopBuild("enough")
        running.clock.pump([0.02] * 100)
        return running.result

    def test_longSummary(self) -> None:
        """H3: a long log is summarized in time slices; a build that is stopped meanwhile ends at once."""
        self.assertEqual([self.summedUp(stop) for stop in (False, True)], [SUCCESS, EXCEPTION])

    def test_setPropertyFailed(self) -> None:
        """A command that fails sets no property."""
        running = self.begin(shell.SetProperty(property="where", command="pwd"))
        running.command.end(1, stdout=b"/\n")
        self.assertEqual(running.result, FAILURE)
        self.assertRaises(KeyError, running.build.getProperty, "where")

    def test_warnings(self) -> None:
        """Compiler warnings are counted, listed and summed up, for any split of the output."""
        running = self.begin(shell.Compile())
        running.build.setProperty("warnings-count", 2)
        running.command.update(stdout=b"a.c:1: warn", stderr=b"b.c:2: warning: odd\n")
        running.command.end(stdout=b"ing: old\nwarnings are fine\n")
        self.assertEqual((running.result, running.step.getText()), (WARNINGS, ["compile", "warnings"]))
        self.assertEqual(running.log("warnings"), "b.c:2: warning: odd\na.c:1: warning: old\n")
        self.assertEqual(running.build.getProperty("warnings-count"), 4)

    def test_noWarnings(self) -> None:
        """A compiler without warnings succeeds; one that fails is a failure, with or without warnings."""
        for rc, output, result in ((0, b"fine\n", SUCCESS), (1, b"x: warning: y\n", FAILURE)):
            running = self.begin(shell.Compile())
            running.command.end(rc, stdout=output)
            self.assertEqual(running.result, result)

    def test_noPattern(self) -> None:
        """A compiler of a class without a pattern counts no warnings."""

        class Quiet(shell.Compile):
            warningPattern = None

        running = self.begin(Quiet())
        running.command.end(stdout=b"x: warning: y\n")
        self.assertEqual(running.result, SUCCESS)
        self.assertEqual([log.getName() for log in running.step.getLogs()], ["stdio"])

    def test_ownPattern(self) -> None:
        """R12: the pattern of a warning can be set; an invalid pattern is refused in the configuration."""
        running = self.begin(shell.Test(warningPattern="^W:"))
        running.command.end(stdout=b"W: one\nwarning: no\n")
        self.assertEqual(running.log("warnings"), "W: one\n")
        self.assertRaises(TypeError, shell.Compile, warningPattern="(")

    def test_floodOfWarnings(self) -> None:
        """G3: very many warnings are all counted, and kept up to a limit."""
        self.patch(counting, "WARNINGS_LIMIT", 2 * weigh("x: warning: y"))
        running = self.begin(shell.Compile())
        running.command.end(stdout=b"x: warning: y\n" * 1000)
        self.assertEqual(running.log("warnings"), "x: warning: y\n" * 2 + "[998 more]\n")
        self.assertEqual(running.build.getProperty("warnings-count"), 1000)

    def test_ownSummary(self) -> None:
        """A compile step of 0.7.5 with its own summary keeps that, and gets no second one."""

        class Mine(shell.Compile):
            def createSummary(self, log: Any) -> None:
                self.addCompleteLog("warnings", "mine")

        running = self.begin(Mine())
        running.command.end(stdout=b"x: warning: y\n")
        self.assertEqual((running.result, running.logs()), (SUCCESS, ["stdio", "warnings"]))


class DummyTests(StepCase):
    """Steps that wait."""

    def test_arguments(self) -> None:
        """They have a time, or a Deferred to wait for."""
        for steptype in (dummy.Dummy, dummy.FailingDummy, dummy.RemoteDummy):
            self.assertEqual([steptype().timeout, steptype(timeout=1).timeout], [5, 1])
        self.assertEqual(dummy.Wait(handle="h").handle, "h")
        self.assertRaises(TypeError, dummy.Dummy, tiemout=1)

    def test_time(self) -> None:
        """They end after their time, with success or failure."""
        for steptype, result in ((dummy.Dummy, SUCCESS), (dummy.FailingDummy, FAILURE)):
            running = self.begin(steptype(timeout=3))
            running.clock.advance(2)
            self.assertIsNone(running.result)
            running.clock.advance(1)
            self.assertEqual(running.result, result)
            self.assertEqual(running.clock.getDelayedCalls(), [])

    def test_stopped(self) -> None:
        """They can be stopped, and leave no timer."""
        running = self.begin(dummy.Dummy(timeout=3))
        running.build.stopBuild("enough")
        self.assertEqual((running.result, running.step.getText()), (FAILURE, ["delay", "interrupted"]))
        self.assertEqual(running.clock.getDelayedCalls(), [])

    def test_remote(self) -> None:
        """They can wait on the slave too, if it is one of 0.7."""
        running = self.begin(dummy.RemoteDummy(timeout=2))
        self.assertEqual((running.command.name, running.command.args), ("dummy", {"timeout": 2}))
        running.command.end(stdout=b"data")
        self.assertEqual(running.result, SUCCESS)
        running = self.begin(dummy.Wait(handle="h"))
        told = {"handle": ("h", running.build.reason)}
        self.assertEqual((running.command.name, running.command.args), ("dummy.wait", told))
        for step in (dummy.RemoteDummy(), dummy.Wait(handle="h")):
            running = self.begin(step, commands={"shell": "3.3"})
            self.assertEqual((running.result, running.sent), (EXCEPTION, []))
            self.flushLoggedErrors()

    def test_remoteLost(self) -> None:
        """B1: a lost slave ends them."""
        running = self.begin(dummy.RemoteDummy())
        running.build.lostRemote(Failure(ConnectionLost()))
        self.assertIsNotNone(running.result)


class NestedCommandTests(StepCase):
    """Commands with lists in them."""

    def test_flattened(self) -> None:
        """0.8: the words of a list in a command take its place, also those of a property."""
        running = self.begin(ShellCommand(command=["x", ["-a", ["b"]], ("c",), ("obfuscated", "pw", "XX")]))
        self.assertEqual(running.command.args["command"], ["x", "-a", "b", "c", ("obfuscated", "pw", "XX")])
        self.assertEqual(running.step.getText(), ["'x", "-a", "...'"])

        class Flags(ShellCommand):
            def start(self) -> Any:
                self.setProperty("flags", ["-O2", "-g"])
                return ShellCommand.start(self)

        running = self.begin(Flags(command=["cc", Property("flags"), "a.c"]))
        self.assertEqual(running.command.args["command"], ["cc", "-O2", "-g", "a.c"])
