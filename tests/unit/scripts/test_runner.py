"""The command C{buildbot}: its arguments and its exit status."""

from __future__ import annotations

import os
import sys

import twisted
from twisted.trial import unittest

from buildbot import version
from buildbot.scripts import commands, output, runner
from tests.commandline import command, spoken


class RunnerTests(unittest.TestCase):
    """The exit status is correct, and errors are on standard error."""

    def test_version(self) -> None:
        """It prints its own version and that of Twisted, before and after a command."""
        for arguments in (["--version"], ["start", "--version"]):
            said = command(*arguments)
            self.assertEqual(said.status, 0)
            self.assertEqual(
                said.out, f"Buildbot version: {version}\nTwisted version: {twisted.__version__}\n"
            )

    def test_help(self) -> None:
        """Help has status 0, and lists all commands and options."""
        said = command("--help")
        self.assertEqual((said.status, said.err), (0, ""))
        for name, *_ in commands.Options.subCommands:
            self.assertIn(f"    {name} ", said.out)
        said = command("create-slave", "-h")
        self.assertEqual(said.status, 0)
        self.assertIn("Usage: buildbot create-slave [options] DIR HOST:PORT NAME PASSWORD", said.out)

    def test_usage(self) -> None:
        """Wrong arguments are reported on standard error, after the usage."""
        for arguments, reason, usage, more in (
            ([], "no command given", "[options] COMMAND [options of the command]", ""),
            (
                ["waltz"],
                "there is no command waltz",
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
        """A failed command prints a line on standard error, with status 1."""
        said = command("start", "/no/such/directory", "--quiet")
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(
            said.err,
            "there is no directory /no/such/directory: "
            "`buildbot create-master /no/such/directory` makes a master there\n",
        )

    def test_directoryComesLast(self) -> None:
        """If the directory of a master is not the first argument, the error has the right order."""
        here = self.mktemp()
        os.mkdir(here)
        with open(os.path.join(here, "buildbot.tac"), "w"):
            pass
        said = command("grep", "word", here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(
            said.err,
            f"there is no directory word; the directory comes first: `buildbot grep {here} word`\n",
        )

    def test_longArgument(self) -> None:
        """F12: a wrong argument of a hundred thousand characters gives a short error."""
        for arguments in (["status"], ["checkconfig"], ["start"], ["stopbuild", ".", "full", "9"], []):
            said = command(*arguments, "x" * 100_000)
            self.assertNotEqual(said.status, 0)
            self.assertIn("xxx…", said.err)
            self.assertLess(len(said.err), 2000, arguments)

    def test_systemError(self) -> None:
        """An error of the operating system is one line; a traceback comes only on demand."""
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
        """0.7.5's functions for programs exist, and take a plain dict."""
        here = os.path.abspath(self.mktemp())
        self.assertEqual(runner.createMaster({"basedir": here, "quiet": True}), 0)
        self.assertEqual(runner.stop({"basedir": here, "quiet": True}), 0)
        self.assertTrue(os.path.exists(os.path.join(here, "buildbot.tac")))


class WordsTests(unittest.TestCase):
    """The output of commands."""

    def test_command(self) -> None:
        """A suggested command line can be typed as it is, with the program as the user typed it."""
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
        """No output can move the cursor."""

        def speak() -> None:
            output.say({}, "a\x1b[2J")
            output.complain("b\x07")

        said = spoken(speak)
        self.assertEqual((said.out, said.err), ("a\\x1b[2J\n", "b\\x07\n"))

    def test_quiet(self) -> None:
        """With --quiet only errors are printed."""
        self.assertEqual(spoken(lambda: output.say({"quiet": 1}, "fine")).out, "")
