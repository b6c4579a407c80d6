"""The command C{buildbot}: how it takes its arguments, and how it ends."""

from __future__ import annotations

import os
import sys

import twisted
from twisted.trial import unittest

from buildbot import version
from buildbot.scripts import commands, output, runner
from tests.commandline import command, spoken


class RunnerTests(unittest.TestCase):
    """Its exit status is honest, and its errors are on standard error."""

    def test_version(self) -> None:
        """It says its own version and that of Twisted, before and after a command."""
        for arguments in (["--version"], ["start", "--version"]):
            said = command(*arguments)
            self.assertEqual(said.status, 0)
            self.assertEqual(
                said.out, f"Buildbot version: {version}\nTwisted version: {twisted.__version__}\n"
            )

    def test_help(self) -> None:
        """Help is no error, and names all commands and options."""
        said = command("--help")
        self.assertEqual((said.status, said.err), (0, ""))
        for name, *_ in commands.Options.subCommands:
            self.assertIn(f"    {name} ", said.out)
        said = command("create-slave", "-h")
        self.assertEqual(said.status, 0)
        self.assertIn("Usage: buildbot create-slave [options] DIR HOST:PORT NAME PASSWORD", said.out)

    def test_usage(self) -> None:
        """What is not understood is told on standard error, where it stays in view."""
        for arguments, reason, usage, more in (
            ([], "no command given", "[options] COMMAND [options of the command]", ""),
            (
                ["dance"],
                "there is no command dance",
                "[options] COMMAND [options of the command]",
                "",
            ),
            (["start", "--fast", "x"], "there is no option --fast", "start [options] [DIR]", "start "),
            (
                ["create-slave", "x"],
                "give DIR HOST:PORT NAME PASSWORD, not 1 argument",
                "create-slave [options] DIR HOST:PORT NAME PASSWORD",
                "create-slave ",
            ),
        ):
            said = command(*arguments)
            self.assertEqual((said.status, said.out), (2, ""))
            self.assertEqual(
                said.err,
                f"buildbot: {reason}\nUsage: buildbot {usage}\nSee `buildbot {more}--help`.\n",
            )

    def test_failure(self) -> None:
        """What a command cannot do is a line on standard error, and status 1."""
        said = command("start", "/no/such/directory", "--quiet")
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(
            said.err,
            "there is no directory /no/such/directory: "
            "`buildbot create-master /no/such/directory` makes a master there\n",
        )

    def test_longArgument(self) -> None:
        """F12: an argument of a hundred thousand characters does not fill the screen when it is wrong."""
        for arguments in (["status"], ["checkconfig"], ["start"], ["stopbuild", ".", "full", "9"], []):
            said = command(*arguments, "x" * 100_000)
            self.assertNotEqual(said.status, 0)
            self.assertIn("xxx…", said.err)
            self.assertLess(len(said.err), 2000, arguments)

    def test_systemError(self) -> None:
        """What the system refuses is a line, too; a traceback is for those who ask."""
        parent = os.path.abspath(self.mktemp())
        with open(parent, "w"):
            pass
        said = command("create-master", os.path.join(parent, "m"))
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertRegex(said.err, rf"^buildbot: {parent}/m: Not a directory\n$")
        said = command("--verbose", "create-master", os.path.join(parent, "m"))
        self.assertIn("Traceback", said.err)

    def test_interrupted(self) -> None:
        """Ctrl-C ends it without a traceback."""

        def interrupt(*arguments: object) -> int:
            raise KeyboardInterrupt

        self.patch(runner, "_do", interrupt)
        said = command("status", "d")
        self.assertEqual((said.status, said.err), (130, "interrupted\n"))

    def test_functionsOf075(self) -> None:
        """What 0.7.5 offered to programs is there, and takes a plain dict."""
        here = os.path.abspath(self.mktemp())
        self.assertEqual(runner.createMaster({"basedir": here, "quiet": True}), 0)
        self.assertEqual(runner.stop({"basedir": here, "quiet": True}), 0)
        self.assertTrue(os.path.exists(os.path.join(here, "buildbot.tac")))


class WordsTests(unittest.TestCase):
    """How a command speaks."""

    def test_command(self) -> None:
        """A command line that is suggested can be typed as it stands, and as the user typed the last one."""
        self.assertEqual(output.command("start", "/a b"), "buildbot start '/a b'")
        for program, typed in (
            ("venv/bin/buildbot", "venv/bin/buildbot"),
            ("/x y/buildbot", "'/x y/buildbot'"),
            ("/lib/buildbot/__main__.py", f"{os.path.basename(sys.executable)} -m buildbot"),
            ("/bin/trial", "buildbot"),
        ):
            self.patch(sys, "argv", [program])
            self.assertEqual(output.command("stop", "d"), f"{typed} stop d")

    def test_plain(self) -> None:
        """Nothing that is printed can move the cursor."""

        def speak() -> None:
            output.say({}, "a\x1b[2J")
            output.complain("b\x07")

        said = spoken(speak)
        self.assertEqual((said.out, said.err), ("a\\x1b[2J\n", "b\\x07\n"))

    def test_quiet(self) -> None:
        """What is no error can be left unsaid."""
        self.assertEqual(spoken(lambda: output.say({"quiet": 1}, "fine")).out, "")
