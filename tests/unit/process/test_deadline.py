"""H8: the master's own time limits for commands of slaves."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.buildstep import BuildStep
from buildbot.process.deadline import (
    END_TIME,
    FILE_IDLE,
    GRACE,
    IDLE,
    MUTE_TIME,
    START_TIME,
    Deadlines,
    Limits,
    limitsOf,
)
from buildbot.process.locks import MasterLock
from buildbot.process.remotecommand import RemoteCommand
from buildbot.steps.shell import ShellCommand
from buildbot.steps.transfer import DirectoryUpload, FileDownload, FileUpload
from tests.fakes import HANG
from tests.unit.process.test_builds import BuildCase, shell


class LimitsTests(unittest.TestCase):
    """The time limits of commands."""

    def test_shell(self) -> None:
        """H8: a shell command's limits are its timeout and maxTime plus some seconds; without them there are
        none.
        """
        for args, limits in (
            ({"timeout": 1200}, Limits(1200 + GRACE, None)),
            ({"timeout": None}, Limits()),
            ({"timeout": 0, "maxTime": 0}, Limits()),
            ({"timeout": None, "maxTime": 60}, Limits(None, 60 + GRACE)),
            ({"timeout": 5, "maxTime": 9, "sigtermTime": 7}, Limits(12 + GRACE, 16 + GRACE)),
            ({"timeout": "many"}, Limits()),
            ({"timeout": 5, "maxTime": 9, "want_stdout": False}, Limits(None, 9 + GRACE)),
            ({"timeout": 5, "want_stderr": 0}, Limits()),
        ):
            self.assertEqual(limitsOf("shell", args), limits)

    def test_others(self) -> None:
        """H8: commands without a timeout have a limit for silence; compound ones have no total limit."""
        for name in ("uploadFile", "downloadFile", "mkdir", "stat"):
            self.assertEqual(limitsOf(name, {}), Limits(FILE_IDLE))
        for name in ("uploadDirectory", "rmdir", "own"):
            self.assertEqual(limitsOf(name, {}), Limits(IDLE))
        self.assertEqual(limitsOf("svn", {"timeout": 600, "maxTime": 900}), Limits(600 + IDLE))
        self.assertEqual(limitsOf("svn", {"timeout": None}), Limits())


class DeadlinesTests(unittest.TestCase):
    """One command, and one timer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.said: list[tuple[float, str]] = []
        self.watch = Deadlines(self.clock, lambda what: self.said.append((self.clock.seconds(), what)))

    def pass_(self, seconds: float, every: float = 1.0) -> None:
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(every)

    def test_start(self) -> None:
        """H8: if the slave does not answer startCommand, this is reported after a minute, and again after
        that.
        """
        self.pass_(START_TIME + END_TIME)
        self.assertEqual(
            self.said, [(at, "the slave did not confirm the command within 60 s") for at in (60.0, 90.0)]
        )
        self.watch.over()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silence(self) -> None:
        """H8: the limit for silence counts from the last update, the total limit from the start."""
        self.watch.started(Limits(10.0, 60.0))
        for _ in range(5):
            self.pass_(9)
            self.watch.heard()
        self.assertEqual(self.said, [])
        self.pass_(10)
        self.assertEqual(self.said, [(55.0, "the slave sent nothing about it for 10 s")])
        self.watch.heard()
        self.assertFalse(self.watch.isOverdue())
        self.pass_(5)
        self.assertTrue(self.watch.isOverdue())

    def test_noLimit(self) -> None:
        """H8: a command without limits has no timer after the first minute, but can be interrupted."""
        self.watch.started(Limits())
        self.pass_(START_TIME)
        self.assertEqual((self.said, self.clock.getDelayedCalls()), ([], []))
        self.watch.ending()
        self.pass_(END_TIME)
        self.assertEqual([what for _, what in self.said], ["the slave did not end it within 30 s"])

    def test_endingOnce(self) -> None:
        """H8: a repeated interrupt does not extend the limit."""
        self.watch.started(Limits(1000.0))
        for _ in range(5):
            self.watch.ending()
            self.pass_(10)
        self.assertEqual(self.said[0][0], END_TIME)

    def test_oneTimer(self) -> None:
        """H8: updates do not reset the timer."""
        self.watch.started(Limits(1200.0))
        timers = self.clock.getDelayedCalls()
        for _ in range(1000):
            self.watch.heard()
        self.assertEqual(self.clock.getDelayedCalls(), timers)
        self.assertEqual(len(timers), 1)


class SlaveTests(BuildCase):
    """Slaves that are alive but do not end their command."""

    def steps(self, **kw: Any) -> None:
        """Give the builder one step with these arguments."""
        self.configure(shell("true", **kw))

    def log(self) -> str:
        """The output of the first step of the first build."""
        (log, *_) = self.builds()[0].steps[0].logs
        text: str = self.botmaster.resources.logs.reader(log.filename).text()
        return text

    def test_endsWhenAsked(self) -> None:
        """H8: a command that exceeds its limit is interrupted; its step fails."""
        self.steps(timeout=None, maxTime=5)
        slave = self.connect()
        slave.onInterrupt = lambda command: command.end(-1)
        self.force()
        self.wait(4 + GRACE)
        self.assertIsNone(slave.commands[0].interrupted)
        self.wait(3)
        (build,) = self.builds()
        self.assertEqual((build.results, build.steps[0].results), (FAILURE, FAILURE))
        self.assertIn("the master stops this command: it has not ended within 25 s", self.log())
        self.assertFalse(slave.pump.client.lost)

    def test_neverEnds(self) -> None:
        """H8: if the slave ignores the interrupt, it is disconnected, and the build ends with an
        exception.
        """
        self.configure(shell("true", timeout=5), "bot1 bot2")
        slave = self.connect()
        self.force()
        self.wait(5 + GRACE + 1)
        self.assertFalse(slave.pump.client.lost)
        other = self.green(name="bot2")
        self.wait(END_TIME + 1)
        self.assertTrue(slave.pump.client.lost)
        (build,) = self.builds()
        self.assertEqual(build.results, EXCEPTION)
        self.assertEqual(build.text, ("the command 'shell' did not end within its time limit",))
        self.assertIn("the slave did not end it within 30 s", self.log())
        self.assertEqual((other.commands, self.waiting()), ([], []))
        self.force()
        self.assertEqual(self.builds()[1].results, SUCCESS)

    def test_elsewhere(self) -> None:
        """H8: a slave that hangs in a transfer, which has no limit of its own, counts as lost."""
        there = os.path.abspath(self.mktemp())
        factory = BuildFactory()
        factory.addStep(FileUpload, slavesrc="a", masterdest=there)
        self.configure(factory, "bot1 bot2")
        self.connect()
        self.force()
        self.wait(1)
        other = self.connect(name="bot2")
        self.wait(FILE_IDLE + END_TIME + 2)
        (build,) = self.builds()[:1]
        self.assertEqual((build.results, build.slave), (RETRY, "bot1"))
        self.assertEqual(build.text, ("slave", "lost", "(the command 'uploadFile' did not end)"))
        self.assertEqual(len(other.commands), 1)

    def uploading(self, made: Any = HANG) -> Any:
        """Start a slave that makes an archive of a directory and answers nothing meanwhile."""
        factory = BuildFactory()
        factory.addStep(DirectoryUpload, slavesrc="a", masterdest=os.path.abspath(self.mktemp()))
        self.configure(factory)
        slave = self.connect(trouble={"getCommands": lambda: {"uploadDirectory": "2.9"}})
        slave.trouble["startCommand"] = made
        self.force()
        slave.trouble["getCommands"] = HANG
        return slave

    def test_archive(self) -> None:
        """H8: a slave that makes a large archive, and answers nothing for minutes, stays connected."""
        slave = self.uploading()
        for _ in range(int(MUTE_TIME / 60) - 1):
            self.wait(60)
        self.assertFalse(slave.pump.client.lost)
        self.assertEqual(self.builds()[0].results, None)

    def test_archiveMade(self) -> None:
        """H8: when the archive is made the slave is probed again; if it falls silent then, it is lost."""
        made: Deferred[None] = Deferred()
        slave = self.uploading(made)
        self.wait(400)
        self.assertFalse(slave.pump.client.lost)
        made.callback(None)
        self.settle()
        for _ in range(20):
            self.wait(10)
        self.assertTrue(slave.pump.client.lost)

    def test_archiveAndOthers(self) -> None:
        """H8: a probe during the archive is answered when the archive is made."""
        made: Deferred[None] = Deferred()
        slave = self.uploading(made)
        pings: list[Deferred[None]] = []

        def ping() -> Deferred[None]:
            pings.append(Deferred())
            return pings[-1]

        slave.trouble["getCommands"] = ping
        (bot,) = self.botmaster.slaves.values()
        answers = bot.isAnswering(5.0)
        self.wait(300)
        self.assertNoResult(answers)
        made.callback(None)
        for each in pings:
            each.callback(None)
        self.settle()
        self.assertTrue(self.successResultOf(answers))
        self.assertFalse(slave.pump.client.lost)

    def test_archiveForEver(self) -> None:
        """H8: a slave that never finishes its archive is lost after twenty minutes."""
        slave = self.uploading()
        for _ in range(int(MUTE_TIME / 60) + 3):
            self.wait(60)
        self.assertTrue(slave.pump.client.lost)
        self.assertEqual(self.builds()[0].results, RETRY)

    def slowToStart(self, name: str) -> Any:
        """A slave that has not answered startCommand for half a minute."""

        class Slow(BuildStep):
            async def run(self) -> int:
                await self.runCommand(RemoteCommand(name, {"timeout": None}))
                return SUCCESS

        factory = BuildFactory()
        factory.addStep(Slow)
        self.configure(factory)
        slave = self.connect()
        slave.trouble["startCommand"] = HANG
        self.force()
        slave.trouble["getCommands"] = HANG
        self.wait(35)
        return slave

    def test_slowToDelete(self) -> None:
        """H8: an old slave on Windows that deletes a tree, and does not answer meanwhile, is not lost."""
        self.assertFalse(self.slowToStart("rmdir").pump.client.lost)

    def test_slowSource(self) -> None:
        """H8: nor is one that deletes its tree as a part of a checkout."""
        self.assertFalse(self.slowToStart("svn").pump.client.lost)

    def test_slowOther(self) -> None:
        """H8: a slave that is as slow with any other command is lost."""
        self.assertTrue(self.slowToStart("own").pump.client.lost)

    def test_sigterm(self) -> None:
        """H8: a slave whose command has a minute to end after SIGTERM is not disconnected before that."""
        self.steps(timeout=None, sigtermTime=60)
        slave = self.connect("0.8.14")
        self.force()
        (build,) = self.botmaster.builders["full"].building
        build.stopBuild("enough")
        self.wait(60 + END_TIME - 5)
        self.assertFalse(slave.pump.client.lost)
        self.wait(10)
        self.assertTrue(slave.pump.client.lost)

    def test_lock(self) -> None:
        """H8: the lock of such a slave's build is free again within a minute."""
        self.configure(shell("true", timeout=5, maxTime=5, locks=[MasterLock("db")]), "bot1 bot2")
        self.connect()
        self.force()
        self.green(name="bot2")
        waiting = self.force(revision="2")
        self.wait(59)
        self.assertEqual(waiting.getResults(), SUCCESS)

    def test_silentButAlive(self) -> None:
        """H8: a command without limits runs as long as its slave answers probes; a stop ends it."""
        self.steps(timeout=None)
        slave = self.connect()
        self.force()
        for _ in range(20):
            self.wait(600)
        self.assertFalse(slave.pump.client.lost)
        (build,) = self.botmaster.builders["full"].building
        build.stopBuild("enough")
        self.wait(END_TIME + 7)
        self.assertEqual(self.builds()[0].results, FAILURE)
        self.assertTrue(slave.pump.client.lost)

    def test_output(self) -> None:
        """H8: a command with continuous output is not silent."""
        self.steps(timeout=5)
        slave = self.connect()
        self.force()
        for _ in range(20):
            self.wait(20)
            slave.commands[0].update(stdout="still here\n")
            self.settle()
        self.assertIsNone(slave.commands[0].interrupted)
        slave.commands[0].end(0)
        self.settle()
        self.assertEqual(self.builds()[0].results, SUCCESS)

    def test_muchToSay(self) -> None:
        """H8: a slave with so much unsent data that its answers come late is not considered dead."""
        self.steps(timeout=None, maxTime=5)
        slave = self.connect(trouble={})
        slave.onInterrupt = lambda command: command.end(-1)
        self.force()
        slave.trouble["getCommands"] = HANG  # behind all the output
        for _ in range(5 + int(GRACE) + 2):
            slave.commands[0].update(stdout="more\n")
            self.wait(1)
        self.assertFalse(slave.pump.client.lost)
        self.assertEqual(self.builds()[0].results, FAILURE)

    def test_interruptedByAStep(self) -> None:
        """H8: a step that interrupts its command does not wait for ever for an unresponsive slave."""

        class Impatient(BuildStep):
            async def run(self) -> int:
                command = RemoteCommand("own", {"timeout": None})
                running = self.runCommand(command)
                command.interrupt("that is enough")
                await running
                return SUCCESS

        factory = BuildFactory()
        factory.addStep(Impatient)
        self.configure(factory)
        slave = self.connect()
        self.force()
        self.wait(END_TIME + 7)
        self.assertTrue(slave.pump.client.lost)
        self.assertEqual(self.builds()[0].results, RETRY)

    def test_upload(self) -> None:
        """H8: an upload without data for five minutes is interrupted; one with data is not."""
        factory = BuildFactory()
        factory.addStep(FileUpload, slavesrc="a", masterdest=os.path.abspath(self.mktemp()))
        self.configure(factory)
        slave = self.connect()
        self.force()
        writer = slave.commands[0].args[slave.text("writer")]
        for _ in range(10):
            self.wait(FILE_IDLE - 10)
            writer.callRemote("write", b"x")
            self.settle()
        self.assertIsNone(slave.commands[0].interrupted)
        self.wait(FILE_IDLE + 2)
        self.assertIsNotNone(slave.commands[0].interrupted)
        self.wait(END_TIME + 2)
        self.assertEqual(self.builds()[0].results, RETRY)

    def idling(self, step: Any, callee: str, *call: Any, **args: str) -> None:
        """Check that a slave with only such calls is interrupted and disconnected."""
        factory = BuildFactory()
        factory.addStep(step, **args)
        self.configure(factory)
        slave = self.connect()
        self.force()
        reference = slave.commands[0].args[slave.text(callee)]
        for _ in range(int(FILE_IDLE + END_TIME + 20) // 10):
            if not slave.pump.client.lost:
                reference.callRemote(*call).addErrback(lambda why: None)
            self.wait(10)
        self.assertTrue(slave.pump.client.lost)

    def test_emptyBlocks(self) -> None:
        """H8: empty blocks are not progress of an upload."""
        there = os.path.abspath(self.mktemp())
        self.idling(FileUpload, "writer", "write", b"", slavesrc="a", masterdest=there)

    def test_readAtTheEnd(self) -> None:
        """H8: reads at the end of a file are not progress of a download."""
        there = os.path.abspath(self.mktemp())
        with open(there, "wb") as stream:
            stream.write(b"x")
        self.idling(FileDownload, "reader", "read", 100, mastersrc=there, slavedest="b")

    def test_notMade(self) -> None:
        """H8: a slave that never answers startCommand ends the build, and no timer is left."""
        self.configure(shell("true"))
        self.connect(trouble={"startCommand": HANG})
        self.force()
        self.wait(START_TIME + 1)
        self.assertEqual(self.builds()[0].results, EXCEPTION)

    def test_masterSlept(self) -> None:
        """H8: data that arrived while the master was blocked is processed before time limits are checked."""
        self.steps(timeout=5)
        slave = self.connect()
        self.force()
        slave.commands[0].update(stdout="x")
        slave.commands[0].end(0)  # on the wire, not read yet
        self.clock.advance(5 + GRACE + 1)
        self.settle()
        self.assertIsNone(slave.commands[0].interrupted)
        self.assertEqual(self.builds()[0].results, SUCCESS)


class PluginTests(BuildCase):
    """Commands of plug-ins."""

    def test_heard(self) -> None:
        """H8: a plug-in whose slave calls the plug-in's own objects can report activity."""
        commands: list[RemoteCommand] = []

        class Own(BuildStep):
            async def run(self) -> int:
                commands.append(RemoteCommand("own", {}))
                await self.runCommand(commands[0])
                return SUCCESS

        factory = BuildFactory()
        factory.addStep(Own)
        factory.addStep(ShellCommand, command="true")
        self.configure(factory)
        slave = self.connect()
        self.force()
        for _ in range(5):
            self.wait(IDLE - 10)
            commands[0].heard()
        self.assertIsNone(slave.commands[0].interrupted)
        self.wait(IDLE + 1)
        self.assertIsNotNone(slave.commands[0].interrupted)
