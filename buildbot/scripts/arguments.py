# -*- test-case-name: tests.unit.scripts.test_options -*-
"""Common parts of all commands' options: parsing, help and types of values.

The only access to the file system is a check of the current directory.
"""

from __future__ import annotations

import getopt
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import twisted
from twisted.python import usage

from buildbot import version
from buildbot.daemon.directory import TAC
from buildbot.scripts.colours import WHEN
from buildbot.text.plural import counted
from buildbot.text.similar import closest

#: The most digits of a whole number. Some JSON readers change longer ones.
_DIGITS = 15
#: Twisted's prefix to the reason why a value is refused.
_TWISTED_SAYS = "Parameter type enforcement failed: "
#: The least and the greatest width of the help.
_WIDTHS = (40, 110)


def seconds(option: str) -> Callable[[str], float]:
    """Make a parser for a time limit in seconds. It raises ValueError for other values."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < 1e9:
            raise ValueError(f"{option} must be a number of seconds greater than 0, not {text!r}")
        return value

    return read


def count(option: str) -> Callable[[str], int]:
    """Make a parser for an integer >= 0. It raises ValueError for other values."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{option} must be a whole number, not {text!r}")
        if len(text) > _DIGITS:
            raise ValueError(f"{option} must be a whole number of at most {_DIGITS} digits")
        return int(text)

    return read


def nearest(word: str, names: Iterable[str], before: str = "") -> str:
    """A "did you mean" question for an unknown word; "" if no name is similar."""
    found = closest(word, names)
    return f"; did you mean {before}{found}?" if found else ""


def _isMissing(path: str) -> bool:
    """True if the file does not exist. False if it exists, or if this user may not look."""
    try:
        os.lstat(path)
    except OSError as why:
        return isinstance(why, FileNotFoundError)
    return False


def helpWidth() -> int:
    """The width of the help in columns."""
    least, most = _WIDTHS
    return max(least, min(shutil.get_terminal_size().columns, most))


def _misread(why: getopt.GetoptError, names: Sequence[str]) -> str:
    """The message for an invalid option."""
    option = f"{'--' if len(why.opt) > 1 else '-'}{why.opt}"
    bare = [name.rstrip("=") for name in names]
    if "requires argument" in why.msg:
        return f"option {option} needs a value"
    if "must not have an argument" in why.msg:
        return f"option {option} takes no value"
    if "not a unique prefix" in why.msg:
        options = " or ".join(f"--{name}" for name in bare if name.startswith(why.opt))
        return f"option {option} could be {options}"
    return f"there is no option {option}{nearest(why.opt, bare, '--')}"


def _when(text: str) -> str:
    """Check a value of --color. Raises ValueError for another one."""
    if text not in WHEN:
        raise ValueError(f"--color must be auto, always or never, not {text!r}{nearest(text, WHEN)}")
    return text


#: The option of every command, and of C{buildbot} itself.
COLOR: list[Any] = ["color", None, None, "Print colours: auto (on a terminal), always or never.", _when]


class CommandOptions(usage.Options):
    """The base class of all commands' options: options may follow arguments, C{-h}, C{--version}."""

    optParameters: list[list[Any]] = [COLOR]
    synopsis = "[options]"
    opt_h = usage.Options.opt_help

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse, with the options moved before the arguments, as Twisted requires. Raises UsageError."""
        words = list(options or ())
        if words[-2:-1] != ["--_shell-completion"]:
            try:
                given, arguments = getopt.gnu_getopt(words, self.shortOpt, self.longOpt)
            except getopt.error as why:
                raise usage.UsageError(_misread(why, self.longOpt)) from None
            words = [word for name, value in given for word in self._respelled(name, value)]
            words += ["--", *arguments]
        try:
            super().parseOptions(words)
        except usage.UsageError as why:
            raise usage.UsageError(str(why).removeprefix(_TWISTED_SAYS)) from None

    def _respelled(self, name: str, value: str) -> list[str]:
        if name.startswith("--"):
            return [f"{name}={value}" if f"{name[2:]}=" in self.longOpt else name]
        return [name, value] if f"{name[1:]}:" in self.shortOpt else [name]

    def getSynopsis(self) -> str:
        """The first line of the help."""
        verb = f" {self.parent.subCommand}" if self.parent is not None else ""
        return f"Usage: buildbot{verb} {self.synopsis}"

    def getUsage(self, width: int | None = None) -> str:
        """The rest of the help, as wide as the terminal."""
        return super().getUsage(width or helpWidth())

    def opt_version(self) -> None:
        """Show the versions and exit."""
        sayVersion()


def sayVersion() -> None:
    """Print the versions, and end the process."""
    print(f"Buildbot version: {version}\nTwisted version: {twisted.__version__}")
    raise SystemExit(0)


class MakerBase(CommandOptions):
    """The base class of commands about one directory: DIR, by default the current directory."""

    synopsis = "[options] [DIR]"
    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Print errors only."],
    ]

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [DIR]."""
        if len(args) > 1:
            raise usage.UsageError(f"only one directory can be given, not {len(args)}: {' '.join(args)}")
        self["basedir"] = args[0] if args else self.here()

    def _dirAnd(self, what: str, args: Sequence[str]) -> None:
        """Parse [DIR [NAME]].

        @raise usage.UsageError: a lone argument is probably the name, with DIR omitted.
        """
        if len(args) > 2:
            raise usage.UsageError(f"give DIR and one {what.upper()}, not {' '.join(args)}")
        self._notAloneInDir(what, args)
        MakerBase.parseArgs(self, *args[:1])
        self[what] = args[1] if args[1:] else None

    def _dirAndMust(self, what: str, name: str, args: Sequence[str]) -> str:
        """Parse DIR NAME, and return the name; both are required.

        @param what: the kind of named thing, in lower case.
        @param name: the placeholder in the synopsis.
        @raise usage.UsageError: an argument is missing, or there are too many.
        """
        self._notAloneInDir(what, args)
        if len(args) != 2:
            raise usage.UsageError(f"give DIR and {name}, not {counted(len(args), 'argument')}")
        self["basedir"] = args[0]
        return args[1]

    def _notAloneInDir(self, what: str, args: Sequence[str]) -> None:
        """Raise UsageError if a lone argument is probably the name, with DIR omitted inside DIR."""
        if len(args) == 1 and os.path.exists(TAC) and args[0] and _isMissing(args[0]):
            (name,) = args
            raise usage.UsageError(
                f"there is no directory {name}; if {name} is a {what} of the current one, give: . {name}"
            )

    def here(self) -> str:
        """The default directory."""
        if not os.path.exists(TAC):
            raise usage.UsageError(f"no directory given, and there is no {TAC} in the current one")
        return "."

    def postOptions(self) -> None:
        """Make the directory absolute."""
        if not self["basedir"]:
            raise usage.UsageError("the name of the directory is empty")
        self["basedir"] = os.path.abspath(self["basedir"])


class RemoteBase(MakerBase):
    """The base class of commands that also work from another machine."""

    optParameters: list[list[Any]] = [
        ["url", None, None, "Ask the master whose web pages are at this address; DIR is left out."],
        ["token", None, None, "With --url: the file with the token of a script. Default: BUILDBOT_TOKEN."],
    ]

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [DIR], or nothing with --url."""
        if self["url"] is not None and args:
            raise usage.UsageError(f"--url stands for DIR: leave out {' '.join(args)}")
        super().parseArgs(*self._placed(args))

    def _placed(self, args: Sequence[str]) -> tuple[str, ...]:
        """The arguments, with a DIR where --url stands for it."""
        return (".", *args) if self["url"] is not None else tuple(args)

    def _number(self, what: str, text: str) -> int:
        """The number of a thing, which may be written as #7. Raises UsageError."""
        try:
            return count(f"the number of a {what}")(text.removeprefix("#"))
        except ValueError as why:
            raise usage.UsageError(str(why)) from None

    def postOptions(self) -> None:
        """Refuse --token alone."""
        super().postOptions()
        if self["token"] is not None and self["url"] is None:
            raise usage.UsageError("--token belongs to --url")
