# -*- test-case-name: tests.test_scripts_options -*-
"""What the options of all commands have in common: their manners, and the kinds of their values.

Nothing here touches the world, but to see whether the current directory is one of ours.
"""

from __future__ import annotations

import getopt
import os
from collections.abc import Sequence

import twisted
from twisted.python import usage

from buildbot import version
from buildbot.daemon.place import TAC


def seconds(text: str) -> float:
    """A time limit. Raises ValueError for what is none."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ValueError(f"{text!r} is not a number of seconds greater than 0")
    return value


def count(text: str) -> int:
    """A number that is not negative. Raises ValueError for what is none."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a number of 0 and more")
    return int(text)


class CommandOptions(usage.Options):
    """What all commands have in common: options may follow arguments, C{-h}, C{--version}."""

    synopsis = "[options]"
    opt_h = usage.Options.opt_help

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Put the options before the arguments, where Twisted wants them, and parse. Raises UsageError."""
        words = list(options or ())
        if words[-2:-1] != ["--_shell-completion"]:
            try:
                given, arguments = getopt.gnu_getopt(words, self.shortOpt, self.longOpt)
            except getopt.error as why:
                raise usage.UsageError(str(why)) from None
            words = [word for name, value in given for word in self._respelled(name, value)]
            words += ["--", *arguments]
        super().parseOptions(words)

    def _respelled(self, name: str, value: str) -> list[str]:
        if name.startswith("--"):
            return [f"{name}={value}" if f"{name[2:]}=" in self.longOpt else name]
        return [name, value] if f"{name[1:]}:" in self.shortOpt else [name]

    def getSynopsis(self) -> str:
        """The first line of the help."""
        verb = f" {self.parent.subCommand}" if self.parent is not None else ""
        return f"Usage: buildbot{verb} {self.synopsis}"

    def opt_version(self) -> None:
        """Show the versions and exit"""
        sayVersion()


def sayVersion() -> None:
    """Print which release this is, and end the process."""
    print(f"Buildbot version: {version}\nTwisted version: {twisted.__version__}")
    raise SystemExit(0)


class MakerBase(CommandOptions):
    """What the commands about one directory have in common: DIR, which may be left out inside of it."""

    synopsis = "[options] [DIR]"
    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Say nothing but errors."],
    ]

    def parseArgs(self, *args: str) -> None:
        """[DIR]"""
        if len(args) > 1:
            raise usage.UsageError(f"one directory is wanted, not {len(args)}: {' '.join(args)}")
        self["basedir"] = args[0] if args else self.here()

    def _dirAnd(self, what: str, args: Sequence[str]) -> None:
        """Take DIR, and the name of what is meant in it; DIR alone may stand, and nothing at all.

        @raise usage.UsageError: somebody inside of DIR seems to have left that out, and not the name.
        """
        if len(args) > 2:
            raise usage.UsageError(f"DIR and one {what.upper()} are wanted, not {' '.join(args)}")
        if len(args) == 1 and os.path.exists(TAC) and args[0] and not os.path.exists(args[0]):
            (name,) = args
            raise usage.UsageError(
                f"there is no directory {name}; for the {what} {name} of this one say: . {name}"
            )
        MakerBase.parseArgs(self, *args[:1])
        self[what] = args[1] if args[1:] else None

    def here(self) -> str:
        """The directory that is meant where none is named."""
        if not os.path.exists(TAC):
            raise usage.UsageError(f"a directory is wanted: there is no {TAC} in the current one")
        return "."

    def postOptions(self) -> None:
        """Make the directory absolute."""
        if not self["basedir"]:
            raise usage.UsageError("a directory is wanted, not an empty word")
        self["basedir"] = os.path.abspath(self["basedir"])
