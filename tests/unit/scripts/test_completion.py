"""The commands C{completion} and C{help}, and what is made of the table of commands."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.scripts.buildoptions import ForceBuildOptions, LogOptions
from buildbot.scripts.commands import COMMANDS, Options
from buildbot.scripts.completion import SCRIPTS, scriptFor, synopsisOf, valued
from buildbot.scripts.described import Option, optionsOf
from buildbot.scripts.helpoptions import SHELLS, HelpOptions
from tests.commandline import command


class DescribedTests(unittest.SynchronousTestCase):
    """L{optionsOf}."""

    def test_options(self) -> None:
        """Each option has its letter, the kind of its value, and its help."""
        found = {each.long: each for each in optionsOf(ForceBuildOptions)}
        self.assertEqual(
            found["--property"],
            Option("--property", "-p", "NAME=VALUE", "A property of the build, NAME=VALUE. May be repeated."),
        )
        self.assertEqual((found["--json"].short, found["--json"].value), ("-j", ""))
        self.assertEqual((found["--token"].short, found["--token"].value), ("", "FILE"))
        self.assertEqual([each.long for each in optionsOf(ForceBuildOptions)][-2:], ["--help", "--version"])

    def test_every(self) -> None:
        """Every option of every command is described."""
        for each in COMMANDS.values():
            for option in optionsOf(each.options):
                self.assertTrue(option.help, (each.name, option))


class CompletionTests(unittest.SynchronousTestCase):
    """C{completion}."""

    def test_every(self) -> None:
        """The script of each shell has all commands and their options, and no open place."""
        self.assertEqual(tuple(SCRIPTS), SHELLS)
        for shell in SHELLS:
            script = command("completion", shell)
            self.assertEqual((script.status, script.err), (0, ""))
            self.assertEqual(script.out, scriptFor(shell))
            self.assertNotRegex(script.out, "@[A-Z]+@")
            for name in COMMANDS:
                self.assertIn(name, script.out)
            self.assertIn("--list-parameters", script.out)

    def test_words(self) -> None:
        """The arguments of a command are those of its synopsis."""
        self.assertEqual(synopsisOf(LogOptions), "DIR BUILDER/BUILD[/STEP[/LOG]]")
        self.assertIn("|force|", synopsisOf(HelpOptions))
        self.assertIn("-b=TEXT --branch=TEXT", valued(optionsOf(ForceBuildOptions)))

    def test_wrong(self) -> None:
        """Another shell is refused, and the nearest is suggested."""
        self.assertIn("no completion for zhs; did you mean zsh?", command("completion", "zhs").err)
        self.assertIn("give a shell: bash, zsh, fish", command("completion").err)
        self.assertEqual(command("completion").status, 2)


class HelpTests(unittest.SynchronousTestCase):
    """C{help}."""

    def test_command(self) -> None:
        """It prints the same as --help, for every command."""
        for name in COMMANDS:
            self.assertEqual(command("help", name), command(name, "--help"), name)

    def test_all(self) -> None:
        """Without a command it prints the list of all."""
        self.assertEqual(command("help").out.strip(), str(Options()).strip())
        self.assertEqual(command("help").out.strip(), command("--help").out.strip())

    def test_unknown(self) -> None:
        """For an unknown command the nearest is suggested; status 2."""
        said = command("help", "dran")
        self.assertTrue(said.err.startswith("buildbot: there is no command dran; did you mean drain?\n"))
        self.assertEqual((said.status, said.out), (2, ""))
        self.assertIn("give one COMMAND", command("help", "a", "b").err)
