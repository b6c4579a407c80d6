"""Steps of a configuration."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from buildbot.model.properties import NoProperty, WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.process.base import LOST_TIME, STOP_TIME
from buildbot.process.buildstep import BuildStep, LoggingBuildStep, NoResults
from buildbot.process.deadline import END_TIME, SIGN_AFTER, START_TIME
from buildbot.process.locks import MasterLock
from buildbot.process.logobserver import LogObserver
from buildbot.process.remotecommand import KEPT_UPDATES, RemoteCommand, RemoteShellCommand
from buildbot.steps.shell import ShellCommand
from buildbot.steps.slave import MakeDirectory
from buildbot.steps.trialoutput import TestResult
from buildbot.store.requests import encode
from buildbot.wire.banana import LimitExceeded
from buildbot.wire.budget import BUILD_MEMORY, COMMAND_MEMORY, PIECE
from tests.fakes import HANG
from tests.stepping import Running, StepCase
from tests.unit.process.test_builds import BuildCase, shell


class Own(BuildStep):
    """A user's step, like those of 0.7.5."""

    name = "own"
    flunkOnFailure = True

    def __init__(self, build: Any, size: int, colour: str = "red", **kwargs: Any) -> None:
        BuildStep.__init__(self, build, **kwargs)
        self.size = size
        self.colour = colour


class BuildStepTests(unittest.TestCase):
    """A step keeps its arguments."""

    def test_defaults(self) -> None:
        """A step without arguments has the flags of its class."""
        step = Own(None, 1)
        self.assertEqual(
            (step.name, step.flunkOnFailure, step.haltOnFailure, step.locks), ("own", True, False, [])
        )

    def test_parameters(self) -> None:
        """Every step takes a name, locks and the flags for the effect of its failure."""
        given: dict[str, Any] = {"build": object(), "name": "own", "locks": [MasterLock("l")]}
        given |= {"progressMetrics": ("x",)} | dict.fromkeys(
            ("description", "descriptionDone", "descriptionSuffix"), "x"
        )
        given |= {"logMaxSize": 5, "logMaxTailSize": 6, "failurePatterns": ("x",)}
        for parm in BuildStep.parms:
            value = given.get(parm, True)
            self.assertEqual(getattr(BuildStep(**{parm: value}), parm), value)

    def test_unknown(self) -> None:
        """An unknown keyword is refused by its name."""
        with self.assertRaises(TypeError) as caught:
            Own(None, 1, haltOnFailrue=True, zeal=1)
        self.assertEqual(
            str(caught.exception),
            "Own takes no argument haltOnFailrue; did you mean 'haltOnFailure'?; Own takes no argument zeal",
        )

    def test_passedOn(self) -> None:
        """An argument of a class's own constructor that reaches the base class is told as such."""

        class Other(BuildStep):
            def __init__(self, size: int, **kwargs: Any) -> None:
                BuildStep.__init__(self, size=size, **kwargs)

        with self.assertRaises(TypeError) as caught:
            Other(1)
        self.assertEqual(
            str(caught.exception),
            "Other passes size on to its base class, which takes no such argument",
        )

    def test_equality(self) -> None:
        """Steps of one class with equal arguments are equal, however these were given."""
        self.assertEqual(Own(None, 1, "blue"), Own(build=object(), colour="blue", size=1))
        self.assertEqual(hash(Own(None, 1)), hash(Own(None, 1)))
        for other in (Own(None, 2), Own(None, 1, name="x"), BuildStep(), None):
            self.assertNotEqual(Own(None, 1), other)

    def test_stepFactory(self) -> None:
        """A step has the class and arguments for another one like it."""
        step = Own(None, 1, "blue", haltOnFailure=True)
        steptype, arguments = step.getStepFactory()
        self.assertEqual((steptype, arguments), (Own, {"size": 1, "colour": "blue", "haltOnFailure": True}))
        arguments["size"] = 7
        self.assertEqual(step.getStepFactory()[1]["size"], 1)

    def test_logfiles(self) -> None:
        """A step's log files are added to those of its class, which do not change."""

        class Trial(LoggingBuildStep):
            logfiles = {"test.log": "_trial_temp/test.log"}

        step = Trial(logfiles={"more": "more.log"}, progressMetrics=("lines",))
        self.assertEqual(step.logfiles, {"test.log": "_trial_temp/test.log", "more": "more.log"})
        self.assertEqual(
            (Trial.logfiles, step.progressMetrics), ({"test.log": "_trial_temp/test.log"}, ("lines",))
        )

    def test_repr(self) -> None:
        """The repr of a step has its name and not its arguments, which may contain a password (S2)."""
        self.assertEqual(repr(Own(None, 1, "secret")), "<Own 'own'>")


class Ending(BuildStep):
    """A step that ends at once with given results."""

    name = "ending"
    flunkOnFailure = True

    def __init__(self, ended: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ended = ended

    def start(self) -> None:
        self.finished(self.ended)


class WordsTests(StepCase):
    """Any values in the texts of steps can be stored."""

    def test_words(self) -> None:
        """Other values are converted to text: an old slave's bytes, a property that was not filled in."""

        class Saying(BuildStep):
            def start(self) -> None:
                said: list[Any] = [b"caf\xc3\xa9", b"\xff", WithProperties("%(branch)s"), 3, "x"]
                self.step_status.setText(said)
                self.step_status.setText2(said)
                self.addURL(b"docs", b"http://docs/")  # type: ignore[arg-type]
                self.setProperty("size", float("nan"))
                self.finished(SUCCESS)

        running = self.begin(Saying())
        shown = ["caf\xe9", "\ufffd", "WithProperties('%(branch)s')", "3", "x"]
        self.assertEqual((running.step.getText(), running.step.getText2()), (shown, shown))
        self.assertEqual(running.step.getURLs(), {"docs": "http://docs/"})
        encode(running.status.toRecord().toRecord())

    def test_much(self) -> None:
        """H3: the texts, links and test results of a step are limited."""

        class Saying(BuildStep):
            def start(self) -> None:
                self.step_status.setText(["x" * 100_000] * 10_000)
                for number in range(10_000):
                    self.addURL(f"link{number}", f"http://{number}/")
                    result = TestResult((str(number),), FAILURE, ["fail"], {"log": "x" * 10_000})
                    self.build.build_status.addTestResult(result)
                self.setProperty("much", "x" * 1_000_000)
                self.finished(SUCCESS)

        running = self.begin(Saying())
        self.assertEqual(running.result, SUCCESS)
        self.assertLess(len(encode(running.status.toRecord().toRecord())), 5_000_000)
        self.assertLess(len(running.step.getURLs()), 2000)
        self.assertIn(len(running.status.getTestResults()), range(500, 1000))
        self.assertEqual(running.build.getProperty("much"), "x" * 1_000_000)

    def test_description(self) -> None:
        """A description of another type does not prevent the build's record from being stored."""
        made: Any = [WithProperties("%(no such)s")]
        running = self.begin(ShellCommand(command="x", descriptionDone=made))
        running.command.end()
        self.assertEqual(running.step.getText(), ["WithProperties('%(no such)s')"])
        encode(running.status.toRecord().toRecord())

    def test_oneWord(self) -> None:
        """A step may use one text instead of a list of words."""

        class Short(ShellCommand):
            def describe(self, done: bool = False) -> Any:
                return "short"

            def getText2(self, cmd: Any, results: int) -> Any:
                return "oops"

        running = self.begin(Short(command="x"))
        self.assertEqual(running.step.getText(), ["short"])
        running.command.end(1)
        self.assertEqual((running.step.getText(), running.step.getText2()), (["short", "failed"], ["oops"]))
        running.step.setText("whole")
        self.assertEqual(running.step.getText(), ["whole"])

    def test_pair(self) -> None:
        """A step of 0.7.5 may end with its results and a list of texts."""
        running = self.begin(Ending((FAILURE, ["3", "tests"])))
        self.assertEqual((running.result, running.step.getText2()), (FAILURE, ["3", "tests"]))
        self.assertEqual((running.build.results, running.build.text), (FAILURE, ["failed", "3", "tests"]))
        self.assertEqual(self.begin(Ending((WARNINGS, "odd"))).step.getText2(), ["odd"])

    def test_noResults(self) -> None:
        """A step that ends with invalid results is an exception, and a log tells the reason."""
        for ended in (None, "success", -1, 7, 1.0, (FAILURE,), (FAILURE, "x", "y"), ("x", "y")):
            running = self.begin(Ending(ended))
            self.assertEqual((running.result, running.build.results), (EXCEPTION, EXCEPTION), ended)
            self.assertIn("is not a result of a step", running.log("err.text"))
            self.assertEqual(len(self.flushLoggedErrors(NoResults)), 1)


class ReadingTests(StepCase):
    """A step can read its logs in the ways of 0.7.5."""

    def reading(self, read: Any, **said: Any) -> Any:
        """Run a command with this output; return the result of C{read} of its log."""
        found: list[Any] = []

        class Reading(ShellCommand):
            def createSummary(self, log: Any) -> None:
                found.append(read(log))

        self.begin(Reading(command="x")).command.end(**said)
        return found[0]

    def test_readlines(self) -> None:
        """Only a newline ends a line; lines keep their ends."""
        said = "10%\r20%\rdone\r\na\x0cb\n\u2028c\x1cd\nrest"
        lines = self.reading(lambda log: list(log.readlines()), stdout=said, stderr=b"no\n")
        self.assertEqual(lines, ["10%\r20%\rdone\r\n", "a\x0cb\n", "\u2028c\x1cd\n", "rest"])

    def test_chunks(self) -> None:
        """The chunks of some channels of a log can be read, with or without the channel."""
        said: Any = {"header": b"run\n", "stdout": b"caf\xc3", "stderr": b"\xff", "log": (b"x", b"")}
        self.assertEqual(
            self.reading(lambda log: list(log.getChunks([1, 2])), **said),
            [(2, "run\n"), (1, "\ufffd"), (2, "exit code 0\n")],
        )
        self.assertEqual(
            self.reading(lambda log: list(log.getByteChunks([0, 1])), **said), [(0, b"caf\xc3"), (1, b"\xff")]
        )
        self.assertEqual(self.reading(lambda log: len(list(log.getByteChunks())), **said), 4)
        text = self.reading(lambda log: "".join(log.getChunks([0, 1], onlyText=True)), **said)
        self.assertEqual(text, "caf\ufffd\ufffd")
        self.assertEqual(
            self.reading(lambda log: "".join(log.getChunks([0], onlyText=True)), stdout=b"a"), "a"
        )


class UpdateTests(StepCase):
    """Updates from a slave while its command runs."""

    def parsing(self) -> Running:
        """A step whose command cannot parse the output."""

        class Parsing(RemoteShellCommand):
            def remoteUpdate(self, update: dict[str, Any]) -> None:
                if "stdout" in update:
                    raise ZeroDivisionError("parse")
                RemoteShellCommand.remoteUpdate(self, update)

        class Step(LoggingBuildStep):
            def start(self) -> None:
                self.startCommand(Parsing("build", ["x"]))

        return self.begin(Step())

    def test_unknownUpdates(self) -> None:
        """G2: of updates with unknown names, only the last one of each name is kept."""
        running = self.begin(ShellCommand(command="x"))
        for number in range(KEPT_UPDATES + 10):
            running.command.update(junk=number, **{f"junk{number}": number})
        running.command.end(0, junk="end")
        step: Any = running.build.steps[0]
        self.assertEqual(len(step.cmd.updates["junk"]), KEPT_UPDATES)
        self.assertEqual(step.cmd.updates["junk"][-2:], [KEPT_UPDATES + 9, "end"])
        self.assertEqual(len(step.cmd.updates), KEPT_UPDATES)
        self.assertEqual(running.result, SUCCESS)

    def test_newsTooLarge(self) -> None:
        """H3: a command whose slave sends too much besides its output is stopped, with the reason in the
        step.
        """
        running = self.begin(ShellCommand(command="x"))
        for number in range(COMMAND_MEMORY // 600_000 + 1):
            running.command.update(**{f"kind{number}": bytes(600_000)})
        self.assertIn("is more than 4096 KiB", running.command.interrupted or "")
        running.command.end(0)
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(
            running.log("err.text"), "the slave's data besides the output is more than 4096 KiB\n"
        )
        self.assertEqual(running.budget.spent, 0)
        self.assertEqual(len(running.retired), 1)

    def test_argumentTooLong(self) -> None:
        """H3: a command that a property makes too large for the wire fails with one line."""
        running = self.prepare(ShellCommand(command=WithProperties("%(branch)s")))
        running.fails = LimitExceeded("string", 655360)
        running.begin()
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(running.log("err.text"), "more than 655360 bytes in one string\n")

    def test_newsReplaced(self) -> None:
        """H3: of many updates of one kind the last one is kept, and only that is counted."""
        running = self.begin(ShellCommand(command="x"))
        for _ in range(20 * KEPT_UPDATES):
            running.command.update(stat=bytes(30_000))
        self.assertLess(running.budget.spent, COMMAND_MEMORY)
        running.command.end(0)
        self.assertEqual((running.result, running.budget.spent), (SUCCESS, 0))

    def test_buildsTogether(self) -> None:
        """H3: all commands of a build together cannot exceed the build's memory limit."""

        class Greedy(LoggingBuildStep):
            async def run(self) -> int:
                for _ in range(10):
                    await self.runCommand(RemoteShellCommand("build", ["x"]))
                return SUCCESS

        running = self.begin(Greedy())
        while running.result is None:
            running.command.end(0, much=bytes(3_000_000))
        self.assertEqual((running.result, len(running.sent)), (EXCEPTION, BUILD_MEMORY // 3_000_000 + 1))
        self.assertIn("one build keeps", running.log("err.text"))

    def handedOn(self, observer: LogObserver | None) -> list[int]:
        """The sizes of the pieces of long output, with an observer or without."""
        pieces: list[int] = []

        class Piecewise(RemoteShellCommand):
            takesText = False  # it only counts

            def addStdout(self, data: Any) -> None:
                pieces.append(len(data))
                RemoteShellCommand.addStdout(self, data)

        class Step(LoggingBuildStep):
            def start(self) -> None:
                if observer is not None:
                    self.addLogObserver("stdio", observer)
                self.startCommand(Piecewise("build", ["x"]))

        running = self.begin(Step())
        running.command.update(stdout=b"x" * 100_000)
        running.command.end(0)
        return pieces

    def test_longOutput(self) -> None:
        """H3: output for an observer of lines is passed on in pieces, other output as it comes."""
        self.assertEqual(self.handedOn(None), [100_000])
        pieces = self.handedOn(LogObserver())
        self.assertEqual((sum(pieces), max(pieces)), (100_000, PIECE))

    def test_updateRaises(self) -> None:
        """If a command cannot parse an update, it is stopped, and its step is an exception."""
        running = self.parsing()
        running.command.update(stdout=b"junk")
        self.assertIn("parse", running.command.interrupted or "")
        self.assertIsNone(running.result)
        running.command.end(0, stdout=b"more junk")
        self.assertEqual((running.result, running.build.results), (EXCEPTION, EXCEPTION))
        self.assertIn("parse", running.log("err.text"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(running.clock.getDelayedCalls(), [])

    def test_updateRaisesMute(self) -> None:
        """The master does not wait for a slave that does not stop such a command."""
        running = self.parsing()
        running.command.update(stdout=b"junk")
        running.clock.advance(END_TIME)
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        running.command.end(0)
        self.assertEqual(running.result, EXCEPTION)

    def test_updateRaisesLost(self) -> None:
        """If the slave is lost meanwhile, the build is tried again like any other."""
        running = self.parsing()
        running.command.update(stdout=b"junk")
        running.build.lostRemote()
        self.assertEqual(running.build.results, RETRY)
        self.assertEqual(running.clock.getDelayedCalls(), [])


class ListTests(StepCase):
    """Lists of Python 2 in the arguments of commands."""

    def test_sent(self) -> None:
        """What was a list in Python 2, such as the result of map, is sent to the slave as a list."""

        class Removing(BuildStep):
            def start(self) -> Any:
                args = {"dir": map("build/{}".format, "ab"), "files": {"c": 1}.keys()}
                return self.runCommand(RemoteCommand("rmdir", args)).addCallback(lambda cmd: SUCCESS)

        self.assertEqual(self.begin(Removing()).command.args, {"dir": ["build/a", "build/b"], "files": ["c"]})


class StartTests(StepCase):
    """Slaves that do not answer startCommand."""

    def late(self) -> Running:
        """A step that has waited for the answer until the limit; the slave is then probed."""
        running = self.prepare(ShellCommand(command="x"))
        running.made = Deferred()
        running.begin().clock.pump([SIGN_AFTER, START_TIME - SIGN_AFTER])
        self.assertEqual((running.result, running.build.results), (None, SUCCESS))
        assert running.answering is not None
        return running

    def test_alive(self) -> None:
        """If the slave is alive, its step is an exception, and the log tells why."""
        running = self.late()
        running.answering.callback(True)  # type: ignore[union-attr]
        self.assertEqual(running.result, EXCEPTION)
        self.assertIn("the slave did not confirm the command within 60 s", running.log("err.text"))

    def test_lost(self) -> None:
        """L1: if the slave is dead, it is lost, and its build is tried again."""
        running = self.late()
        running.build.lostRemote()
        running.answering.callback(False)  # type: ignore[union-attr]
        self.assertEqual(running.build.results, RETRY)

    def test_late(self) -> None:
        """An answer that comes during the probe counts."""
        running = self.late()
        running.made.callback(None)
        running.answering.callback(True)  # type: ignore[union-attr]
        self.assertIsNone(running.result)
        running.command.end()
        self.assertEqual(running.result, SUCCESS)


class SilentDeathTests(BuildCase):
    """L1: a slave is cut off silently."""

    def test_noticedSoon(self) -> None:
        """0.7.5, row 8: a slave that vanishes just after it sent data delays its build by 12 seconds."""
        self.configure(shell("one"), slaves="bot1 bot2")
        slave = self.connect()
        slave.pump.blackhole = True
        self.force()
        other = self.connect(name="bot2")
        self.wait(13)
        self.assertEqual([build.text for build in self.builds()][:1], [("slave", "lost")])
        self.assertEqual((len(slave.commands), len(other.commands)), (0, 1))
        other.commands[0].end(0)
        self.settle()

    def test_busySlave(self) -> None:
        """A slave whose answer waits behind its output is not considered dead."""
        slave = self.connect()
        self.force()
        (command,) = slave.commands
        slave.trouble["getCommands"] = HANG
        answers = self.bot.isAnswering(5.0)
        self.wait(2)
        command.update(stdout=b"much")
        self.wait(4)
        self.assertTrue(self.successResultOf(answers))
        silent = self.bot.isAnswering(5.0)
        self.wait(6)
        self.assertFalse(self.successResultOf(silent))

    def test_beforeACommand(self) -> None:
        """If a slave dies just before a command is sent, its build is tried again, for each command."""
        self.configure(shell("one", "two"))
        slave = self.connect()
        buildset = self.force()
        slave.commands[0].update(rc=0)
        slave.commands[0].complete()
        build = self.botmaster.builders["full"].building[0]
        for _ in range(50):
            if build.build_status.getSteps()[1].isRunning():
                break
            slave.pump.client.deliver()
            self.clock.advance(0)
        slave.pump.blackhole = True
        self.wait(90)
        self.assertEqual([build.text for build in self.builds()], [("slave", "lost")])
        self.assertEqual([request.attempts for request in self.waiting()], [1])
        self.assertFalse(buildset.isFinished())


class Several(BuildStep):
    """A step with an async start that runs several commands."""

    name = "several"

    async def run(self) -> int:
        for each in ("one", "two", "three"):
            await self.runCommand(RemoteShellCommand("build", [each]))
        return SUCCESS


class SeveralOld(BuildStep):
    """The same, like in 0.7.5."""

    name = "several"

    def start(self) -> None:
        running: Deferred[Any] = self.runCommand(RemoteShellCommand("build", ["one"]))
        running.addCallback(lambda cmd: self.runCommand(RemoteShellCommand("build", ["two"])))
        running.addCallback(lambda cmd: self.finished(SUCCESS)).addErrback(self.failed)


class LateLogTests(BuildCase):
    """Logs that are added late."""

    def test_afterFinished(self) -> None:
        """A step of 0.7.5 may add a log after its end, while its build goes on."""

        class Late(ShellCommand):
            def commandComplete(self, cmd: Any) -> None:
                self.finished(SUCCESS)
                self.addCompleteLog("summary", "all is well")
                self.addLog("open")

        factory = shell("true")
        factory.steps.insert(0, (Late, {"command": ["x"]}))
        self.configure(factory)
        self.green()
        self.force()
        step = self.builds()[0].steps[0]
        self.assertEqual([log.name for log in step.logs], ["stdio", "summary", "open"])
        self.assertTrue(all(log.length is not None for log in step.logs))


class LimitedLogTests(StepCase):
    """Logs with limits of their step."""

    def test_limits(self) -> None:
        """A step keeps as much of its logs as its arguments say, and others keep the usual amount."""
        for limits, isCut in (
            ({"logMaxSize": 1000, "logMaxTailSize": 0}, True),
            ({"logMaxSize": None}, False),
            ({}, False),
        ):
            running = self.begin(ShellCommand(command=["true"], **limits))
            log = running.build.steps[0].addLog("extra")
            log.addStdout(b"x" * 5000)
            log.finish()
            self.assertEqual("left out here" in log.getTextWithHeaders(), isCut)
            running.build.stopBuild("enough")


class StopTests(StepCase):
    """Stopped steps."""

    def test_nextCommand(self) -> None:
        """A stopped step starts no further command; its build ends when the slave has stopped."""
        for step in (Several(), SeveralOld()):
            running = self.begin(step)
            running.build.stopBuild("enough")
            running.command.end(-1)
            self.assertEqual((len(running.sent), running.build.text), (1, ["interrupted", "enough"]))
            self.assertEqual(running.build.results, FAILURE)
            self.assertEqual(running.step.getText(), [step.name, "interrupted"])
            self.assertNotIn("err.text", running.logs())

    def test_tryingForEver(self) -> None:
        """A stopped step that retries for ever is left behind and does not block others."""

        class Obstinate(BuildStep):
            async def run(self) -> int:
                while True:
                    try:
                        await self.runCommand(RemoteShellCommand("build", ["x"]))
                    except Exception:
                        continue

        running = self.begin(Obstinate())
        running.build.stopBuild("enough")
        running.command.end(-1)
        self.assertFalse(running.build.finished)
        running.clock.advance(STOP_TIME)
        self.assertEqual((running.build.finished, running.build.results), (True, FAILURE))

    def test_interrupt(self) -> None:
        """A step of 0.7.5 may extend interrupt()."""
        done: list[Any] = []

        class More(ShellCommand):
            def interrupt(self, reason: Any) -> Any:
                interrupted = ShellCommand.interrupt(self, reason)
                return interrupted.addCallback(lambda ignored: done.append(self.stopped))

        running = self.begin(More(command="x"))
        running.build.stopBuild("enough")
        self.assertEqual((done, running.command.interrupted), ([True], "enough"))
        self.assertIsInstance(BuildStep().interrupt("enough"), Deferred)

    def test_interruptLog(self) -> None:
        """The reason of an interrupted command is in a log, once."""
        running = self.begin(ShellCommand(command="x"))
        for reason in ("enough", "really"):
            running.build.stopBuild(reason)
        running.command.end(-1)
        self.assertEqual((running.logs(), running.log("interrupt")), (["stdio", "interrupt"], "enough"))

    def test_noInterruptLog(self) -> None:
        """A lost slave, or a stop after the command, is not logged as an interruption."""
        running = self.begin(ShellCommand(command="x"))
        running.build.lostRemote()
        self.assertEqual(running.logs(), ["stdio"])
        over: Any = self.begin(ShellCommand(command="x"))
        step = over.build.steps[0]
        over.command.end(0)
        step.interrupt("late")
        self.assertEqual(over.logs(), ["stdio"])

    def test_nextCommandLost(self) -> None:
        """A step whose slave is lost starts no further command, and its build is tried again."""
        running = self.begin(Several())
        running.build.lostRemote()
        self.assertEqual((len(running.sent), running.build.results), (1, RETRY))
        self.assertEqual(running.step.getText(), ["several", "slave", "lost"])

    def test_caught(self) -> None:
        """A step that catches the error of a stop gets it at each further command."""

        class Deaf(BuildStep):
            async def run(self) -> int:
                for each in range(5):
                    try:
                        await self.runCommand(RemoteShellCommand("build", [str(each)]))
                    except Exception:
                        pass
                return SUCCESS

        for stop in ("stopBuild", "lostRemote"):
            running = self.begin(Deaf())
            getattr(running.build, stop)()
            if stop == "stopBuild":
                running.command.end(-1)
            self.assertEqual((len(running.sent), running.result), (1, SUCCESS))
            self.assertNotEqual(running.build.results, SUCCESS)


class ObserverTests(StepCase):
    """A step's observers of its output."""

    def test_observerFails(self) -> None:
        """A step whose observer raises is an exception, even if its command succeeded."""

        class Blind(LogObserver):
            def outReceived(self, data: str) -> None:
                raise ZeroDivisionError("blind")

        class Watching(ShellCommand):
            def __init__(self, **kwargs: Any) -> None:
                ShellCommand.__init__(self, **kwargs)
                self.addLogObserver("stdio", Blind())

        running = self.begin(Watching(command="x"))
        running.command.end(0, stdout=b"some")
        self.assertEqual(running.result, EXCEPTION)
        self.assertIn("blind", running.log("err.text"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class CoroutineStartTests(StepCase):
    """Steps whose start() is a coroutine."""

    def test_start(self) -> None:
        """Such a step ends like any other: by finished(), by SKIPPED, or by an exception."""

        class Async(BuildStep):
            def __init__(self, what: str, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.what = what

            async def start(self) -> Any:
                await self.runCommand(RemoteShellCommand("build", ["x"]))
                if self.what == "raise":
                    raise ZeroDivisionError("oops")
                if self.what == "finish":
                    self.finished(WARNINGS)
                return SKIPPED if self.what == "skip" else None

        for what, results in (("finish", WARNINGS), ("skip", SKIPPED), ("raise", EXCEPTION)):
            running = self.begin(Async(what))
            self.assertIsNone(running.result)
            running.command.end(0)
            self.assertEqual(running.result, results, what)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StartInSteadTests(StepCase):
    """Subclasses of 0.8 that override start() of a step which has run() here."""

    def test_overridden(self) -> None:
        """The start() of the subclass has the say. It may call that of its base, which does the work."""

        class Choosy(MakeDirectory):
            isWanted = True

            def start(self) -> Any:
                if self.isWanted:
                    return MakeDirectory.start(self)
                self.step_status.setText(["not", "here"])
                self.finished(WARNINGS)
                return None

        class Picky(Choosy):
            isWanted = False

        running = self.begin(Choosy(dir="x"), commands={"mkdir": "2.16"})
        running.command.end(0)
        self.assertEqual((running.result, running.command.name), (SUCCESS, "mkdir"))
        running = self.begin(Picky(dir="x"), commands={"mkdir": "2.16"})
        self.assertEqual((running.result, running.step.getText()), (WARNINGS, ["not", "here"]))
        self.assertEqual(running.sent, [])

    def test_newer(self) -> None:
        """A subclass that overrides run() again has the say, too, whatever its bases have."""

        class Old(MakeDirectory):
            def start(self) -> Any:
                raise AssertionError("not called")

        class New(Old):
            async def run(self) -> int:
                return WARNINGS

        self.assertEqual(self.begin(New(dir="x"), commands={"mkdir": "2.16"}).result, WARNINGS)

    def test_fails(self) -> None:
        """An error of run() below start() makes the step an exception."""

        class Broken(BuildStep):
            async def run(self) -> int:
                raise ZeroDivisionError("oops")

        class Calling(Broken):
            def start(self) -> Any:
                return Broken.start(self)

        self.assertEqual(self.begin(Calling()).result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_neither(self) -> None:
        """A step with neither of the two is an exception that says so."""
        running = self.begin(BuildStep())
        self.assertIn("has neither start() nor run()", running.log("err.text"))
        self.assertEqual(len(self.flushLoggedErrors(NotImplementedError)), 1)


class AskingTests(StepCase):
    """What steps of 0.8 ask themselves and their build."""

    def test_log(self) -> None:
        """A step finds its own logs by their names; another name is a KeyError."""
        found: list[Any] = []

        class Judging(ShellCommand):
            def createSummary(self, log: Any) -> None:
                self.addCompleteLog("errors", "bad")

            def evaluateCommand(self, cmd: Any) -> int:
                found.extend([self.getLog("errors").getText(), self.buildslave.slavename])
                try:
                    self.getLog("more")
                except KeyError as why:
                    found.append(str(why))
                return FAILURE

        running = self.begin(Judging(command="x"))
        running.command.end(0)
        self.assertEqual(running.result, FAILURE)
        self.assertEqual(found, ["bad", "bot1", "'step shell has no log more'"])

    def test_setBuild(self) -> None:
        """A step without a command may set it when it gets its build, from the sources of the build."""

        class Pull(ShellCommand):
            def setBuild(self, build: Any) -> None:
                ShellCommand.setBuild(self, build)
                self.setCommand(["pull", *(each.branch for each in build.getAllSourceStamps())])

        self.assertIsNone(Pull().configurationTrouble())
        self.assertEqual(self.begin(Pull()).command.args["command"], ["pull", "trunk"])

    def test_sources(self) -> None:
        """A build has a list of sources, with one; it has none of another codebase."""
        build = self.begin(ShellCommand(command="x")).build
        self.assertEqual(build.getAllSourceStamps(), [build.source])
        self.assertEqual(build.sources, [build.source])
        self.assertIs(build.getSourceStamp(build.source.codebase), build.source)
        self.assertIs(build.getSourceStamp(), build.source)
        self.assertIsNone(build.getSourceStamp("other"))
        self.assertEqual(build.requests[0].sources, {"": build.source})

    def test_noProperty(self) -> None:
        """A property that is not set is None in a file of 0.7.6 and later, and an error in an older one.

        It is an error in a text of either.
        """
        for isLater in (False, True):
            running = self.begin(ShellCommand(command="x"))
            running.build.isLater = isLater
            for each in (running.build, running.build.steps[0]):
                if isLater:
                    self.assertIsNone(each.getProperty("no"))
                else:
                    self.assertRaises(KeyError, each.getProperty, "no")
                self.assertEqual(each.getProperty("no", 1), 1)
                self.assertFalse(each.getProperties().hasProperty("no"))
            self.assertRaises(NoProperty, running.build.render, WithProperties("%(no)s"))
            self.assertEqual(running.build.render(WithProperties("%(no:-x)s")), "x")
        status = running.build.build_status
        self.assertEqual((status.getProperty("no", 1), status.getProperty("slavename", 1)), (1, "bot1"))
        self.assertRaises(KeyError, status.getProperty, "no")

    def test_properties(self) -> None:
        """A build and its status know whether a property is set."""
        build = self.begin(ShellCommand(command="x")).build
        for each in (build, build.build_status):
            self.assertEqual((each.hasProperty("slavename"), each.hasProperty("no")), (True, False))


class LeftBehindTests(StepCase):
    """A step whose build has ended without it."""

    def test_lateLog(self) -> None:
        """Its later logs are dropped: no file stays open or on disk, and nothing fails."""

        class Never(BuildStep):
            def start(self) -> None:
                pass

        running = self.begin(Never())
        step: Any = running.build.steps[0]
        running.build.stopBuild("enough")
        running.clock.advance(STOP_TIME)
        running.clock.advance(LOST_TIME)
        self.assertEqual(running.build.results, FAILURE)
        loog = step.addLog("late")
        loog.addStdout(b"x")
        loog.finish()
        step.addCompleteLog("later", "x")
        self.assertEqual((loog.isFinished(), loog.length, loog.getText()), (True, 0, ""))
        self.assertEqual((loog.hasContents(), list(loog.getChunks()), running.logs()), (False, [], []))
        self.assertEqual([name for _, _, names in os.walk(self.basedir) for name in names], [])
        self.assertEqual(running.clock.getDelayedCalls(), [])


class HookTests(StepCase):
    """The hooks of 0.7.5 after a step's command."""

    def test_later(self) -> None:
        """Each hook may return a Deferred: the next hook waits, and so does the build."""
        waited: list[tuple[str, Deferred[Any]]] = []

        class Waiting(ShellCommand):
            flunkOnFailure = True

            def _later(self, name: str) -> Any:
                waited.append((name, Deferred()))
                return waited[-1][1]

            def commandComplete(self, cmd: Any) -> Any:
                return self._later("commandComplete")

            def createSummary(self, log: Any) -> Any:
                return self._later("createSummary")

            def evaluateCommand(self, cmd: Any) -> Any:
                return self._later("evaluateCommand")

            def getText(self, cmd: Any, results: int) -> Any:
                return self._later("getText")

            def getText2(self, cmd: Any, results: int) -> Any:
                return self._later("getText2")

        running = self.begin(Waiting(command="x"))
        running.command.end(0)
        results = {"evaluateCommand": FAILURE, "getText": ["well"], "getText2": ["worth", "it"]}
        for name in ("commandComplete", "createSummary", "evaluateCommand", "getText", "getText2"):
            self.assertIn(name, [each for each, _ in waited])
            self.assertIsNone(running.result)
            dict(waited)[name].callback(results.get(name))
        self.assertEqual((running.result, running.step.getText()), (FAILURE, ["well"]))
        self.assertEqual(running.build.text, ["failed", "worth", "it"])

    def test_coroutines(self) -> None:
        """Hooks may be coroutines."""

        class Today(ShellCommand):
            async def evaluateCommand(self, cmd: Any) -> int:  # type: ignore[override]
                return WARNINGS

        running = self.begin(Today(command="x"))
        running.command.end(0)
        self.assertEqual(running.result, WARNINGS)

    def test_fails(self) -> None:
        """A hook that fails later makes the step an exception."""
        failing: Deferred[Any] = Deferred()

        class Failing(ShellCommand):
            def commandComplete(self, cmd: Any) -> Any:
                return failing

        running = self.begin(Failing(command="x"))
        running.command.end(0)
        failing.errback(ZeroDivisionError("late"))
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
