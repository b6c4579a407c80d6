"""Files and directories on the slave."""

from __future__ import annotations

import stat
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.trial import unittest

from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.steps.slave import (
    ANSWER_TIME,
    CopyDirectory,
    FileExists,
    MakeDirectory,
    RemoveDirectory,
    SetPropertiesFromEnv,
)
from tests.stepping import Running, StepCase

#: The commands of a slave of 0.8, and of one of 0.7.
NEW = {name: "2.16" for name in ("shell", "mkdir", "rmdir", "cpdir", "stat")}
OLD = {"shell": "2.6"}


def steps() -> list[tuple[BuildStep, str, dict[str, Any], list[str]]]:
    """Each step, its command with the arguments, and the program that does the same."""
    return [
        (RemoveDirectory(dir="a b"), "rmdir", {"dir": "a b"}, ["rm", "-rf", "--", "a b"]),
        (MakeDirectory(dir="a/b"), "mkdir", {"dir": "a/b"}, ["mkdir", "-p", "--", "a/b"]),
        (
            CopyDirectory(src="a", dest="b", maxTime=9),
            *("cpdir", {"fromdir": "a", "todir": "b", "timeout": 120, "maxTime": 9}),
            ["cp", "-R", "-P", "-p", "--", "a", "b"],
        ),
        (FileExists(file="a"), "stat", {"file": "a"}, ["test", "-f", "a"]),
    ]


class SlaveStepsTests(StepCase):
    """Each step runs one command of the slave."""

    def test_own(self) -> None:
        """A slave that has the command for it runs that command."""
        for step, name, args, _ in steps():
            running = self.begin(step, commands=NEW)
            self.assertEqual((running.command.name, running.command.args), (name, args))
            running.command.end()
            self.assertEqual(running.result, SUCCESS, name)

    def test_program(self) -> None:
        """A slave of 0.7 runs the usual program in the directory of the builder."""
        for step, _, _, program in steps():
            running = self.begin(step, commands=OLD)
            args = running.command.args
            self.assertEqual(
                (running.command.name, args["command"], args["workdir"]), ("shell", program, ".")
            )
            running.command.end()
            self.assertEqual(running.result, SUCCESS, program)

    def test_fails(self) -> None:
        """A command that fails is a failure, with its output in the log."""
        running = self.begin(RemoveDirectory(dir=WithProperties("%s", "branch")), commands=NEW)
        running.command.end(rc=13, header="no right\n")
        self.assertEqual((running.result, running.log("stdio")), (FAILURE, "no right\nexit code 13\n"))
        self.assertEqual(running.step.getText(), ["Deleting", "trunk", "failed"])

    def test_fileExists(self) -> None:
        """A directory is no file; the words say what was found."""
        for mode, results, words in (
            (stat.S_IFREG, SUCCESS, ["File found."]),
            (stat.S_IFDIR, FAILURE, ["Not a file."]),
        ):
            running = self.begin(FileExists(file="a"), commands=NEW)
            running.command.end(stat=(mode, *range(9)))
            self.assertEqual((running.result, running.step.getText()), (results, words))

    def test_arguments(self) -> None:
        """A step without its path is refused."""
        for kind in (RemoveDirectory, MakeDirectory, CopyDirectory, FileExists):
            self.assertRaises(TypeError, kind)


class EnvironmentTests(StepCase):
    """Variables of the slave become properties."""

    def begun(self, answer: Deferred[dict[str, str] | None], variables: Any, **kw: Any) -> Running:
        """A step that asks for variables, started; the slave's answer comes by C{answer}."""
        running = self.prepare(SetPropertiesFromEnv(variables, **kw), commands=OLD)
        running.environment = answer
        return running.begin()

    def test_told(self) -> None:
        """A slave that tells its environment is asked once; the log has the values."""
        answer: Deferred[dict[str, str] | None] = Deferred()
        running = self.begun(answer, ["HOME", "NO"], source="env")
        self.assertEqual((running.asked, running.step.getText()), (["HOME", "NO"], ["Setting", "properties"]))
        answer.callback({"HOME": "/home/b"})
        self.assertEqual((running.result, running.sent), (SUCCESS, []))
        properties = running.build.properties
        self.assertEqual((properties["HOME"], properties.getPropertySource("HOME")), ("/home/b", "env"))
        self.assertFalse(properties.hasProperty("NO"))
        self.assertEqual(running.log("properties"), "HOME = '/home/b'\nNO is not set\n")

    def test_oldSlave(self) -> None:
        """A slave of 0.7 prints each variable."""
        running = self.begun(succeed(None), ["HOME", "NO"])
        self.assertEqual(running.command.args["command"], ["printenv", "HOME"])
        running.command.end(stdout=b"/home/b\n")
        running.command.end(1)
        self.assertEqual((running.result, running.build.getProperty("HOME")), (SUCCESS, "/home/b"))
        self.assertEqual(running.log("properties"), "HOME = '/home/b'\nNO is not set\n")

    def test_noAnswer(self) -> None:
        """A slave that does not answer within a minute makes the step an exception."""
        running = self.begun(Deferred(), "HOME")
        running.clock.advance(ANSWER_TIME)
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(TimeoutError)), 1)

    def test_arguments(self) -> None:
        """Names that no variable has are refused."""
        self.assertRaises(TypeError, SetPropertiesFromEnv)
        for wrong in ([3], "A=B", [""], {"A": "B"}):
            self.assertRaises(TypeError, SetPropertiesFromEnv, variables=wrong)


class OddTests(unittest.TestCase):
    """Arguments that no slave could use."""

    def test_empty(self) -> None:
        """An empty path is refused: it would be the whole directory of the builder."""
        self.assertRaises(TypeError, RemoveDirectory, dir="")
