# -*- test-case-name: tests.unit.scripts.test_tryoptions -*-
"""The options of C{try} and C{tryserver}, and the file of options that C{try} reads.

The file is C{.buildbot/options}, in the current directory or one above it, else in the home directory. It is
Python, as in 0.7.5: its variables are the defaults of the options.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from twisted.python import usage

from buildbot.scripts.arguments import CommandOptions, count
from buildbot.text.similar import closest

#: The directory of the file of options, and its name in there.
_PLACE = (".buildbot", "options")
#: Variable of the file -> option. The second half has names of earlier releases; the first one found counts.
_DEFAULTS = (
    ("try_connect", "connect"),
    ("try_vc", "vc"),
    ("try_branch", "branch"),
    ("try_repository", "repository"),
    ("try_topdir", "topdir"),
    ("try_topfile", "topfile"),
    ("try_host", "host"),
    ("try_username", "username"),
    ("try_jobdir", "jobdir"),
    ("try_buildbotbin", "buildbotbin"),
    ("try_passwd", "passwd"),
    ("try_master", "master"),
    ("try_who", "who"),
    ("try_comment", "comment"),
    ("try_dir", "jobdir"),
    ("try_password", "passwd"),
    ("try_masterstatus", "master"),
    ("masterstatus", "master"),
)
_FLAGS = (("try_wait", "wait"), ("try_quiet", "quiet"))
#: Option of 0.7 -> its name since 0.8.
_RENAMED = {"tryhost": "host", "trydir": "jobdir", "try-topfile": "topfile", "try-topdir": "topdir"}


class OptionsFileError(usage.UsageError):
    """The file of options cannot be used. The message says which, and why."""


def loadOptionsFile(start: str | None = None, home: str | None = None) -> dict[str, Any]:
    """The variables of the file of options; {} if there is none.

    A directory C{.buildbot} of another user is skipped.

    @param start: the directory to search from; by default the current one.
    @param home: the home directory.
    @raise OptionsFileError: the file cannot be read, or it is not valid Python.
    """
    for path in _candidates(start or os.getcwd(), home or os.path.expanduser("~")):
        try:
            if os.stat(os.path.dirname(path)).st_uid != os.getuid():
                continue
            with open(path, encoding="utf-8") as stream:
                source = stream.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeError) as why:
            raise OptionsFileError(f"cannot read {path}: {why}") from None
        variables: dict[str, Any] = {}
        try:
            exec(compile(source, path, "exec"), variables)  # it is the user's own file
        except Exception as why:
            raise OptionsFileError(f"{path} is not valid: {type(why).__name__}: {why}") from None
        return {name: value for name, value in variables.items() if not name.startswith("__")}
    return {}


def _candidates(start: str, home: str) -> Iterator[str]:
    """The paths where the file of options may be, the first one first."""
    here = os.path.abspath(start)
    while True:
        yield os.path.join(here, *_PLACE)
        above = os.path.dirname(here)
        if above == here:
            break
        here = above
    yield os.path.join(home, *_PLACE)


def _properties(text: str, option: str) -> dict[str, str]:
    """The properties in NAME=VALUE,NAME=VALUE."""
    found = {}
    for each in text.split(",") if option == "properties" else [text]:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise usage.UsageError(f"--{option} must be NAME=VALUE, not {each!r}")
        found[name] = value
    return found


class TryOptions(CommandOptions):
    """The options of C{try}."""

    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["wait", "", "Wait for the builds, and show their progress. The exit status is theirs."],
        ["dryrun", "n", "Show the job, and do not send it."],
        ["get-builder-names", "", "List the builders that jobs may use, and do nothing else."],
        ["quiet", "q", "With --wait, print only the results."],
    ]
    optParameters = [
        ["connect", "c", None, "How to reach the master: pb or ssh."],
        ["master", "m", None, "With pb: the port of the Try_Userpass, HOST:PORT."],
        ["username", "u", None, "The user on the master: for pb, or for ssh."],
        ["passwd", "", None, "With pb: the password. The file of options hides it better."],
        ["host", "", None, "With ssh: the host of the master."],
        ["jobdir", "", None, "With ssh: the jobdir of the Try_Jobdir."],
        ["buildbotbin", "", None, "With ssh: the path of buildbot on that host."],
        ["vc", "", None, "The version control system: git, hg, svn, cvs, bzr, darcs, p4, mtn, tla, baz."],
        ["branch", "", None, "The branch, where it is not found by itself."],
        ["repository", "", None, "The repository of the source."],
        ["project", "", None, "The project of the source."],
        ["topdir", "", None, "The top of the working copy."],
        ["topfile", "", None, "A file at the top of the working copy, to find it."],
        ["diff", "", None, "A file with the patch, instead of the working copy; - for standard input."],
        ["patchlevel", "p", 0, "With --diff: the number for `patch -p`.", count("--patchlevel")],
        ["baserev", "", None, "With --diff: the revision that the patch is for. Default: the latest."],
        ["who", "w", None, "The author of the patch."],
        ["comment", "C", None, "What the patch is for; it is shown with the builds."],
        ["reason", "", None, "The same as --comment."],
        ["tryhost", "", None, "The name of --host in 0.7."],
        ["trydir", "", None, "The name of --jobdir in 0.7."],
        ["try-topfile", "", None, "The name of --topfile in 0.7."],
        ["try-topdir", "", None, "The name of --topdir in 0.7."],
    ]
    longdesc = (
        "Sends the changes of a working copy to a master, which builds them before they are committed. "
        "Defaults of the options are read from .buildbot/options: in this directory, one above, or at home."
    )

    def __init__(self) -> None:
        """Start with no builders and no properties."""
        super().__init__()
        self["builders"] = []
        self["properties"] = {}

    def opt_builder(self, option: str) -> None:
        """A builder that is to build the patch. May be repeated. Default: all of the scheduler."""
        self["builders"].append(option)

    opt_b = opt_builder

    def opt_properties(self, text: str) -> None:
        """Properties of the builds, NAME=VALUE,NAME=VALUE. May be repeated."""
        self["properties"].update(_properties(text, "properties"))

    def opt_property(self, text: str) -> None:
        """A property of the builds, NAME=VALUE. May be repeated."""
        self["properties"].update(_properties(text, "property"))

    def parseArgs(self, *args: str) -> None:
        """There are no arguments."""
        if args:
            raise usage.UsageError(f"there are no arguments, only options: what is {args[0]!r}?")

    def postOptions(self) -> None:
        """Fill in the defaults of the file of options, and check that the required ones are there."""
        self.complete(loadOptionsFile())

    def complete(self, said: Mapping[str, Any]) -> None:
        """Fill in defaults. Raises UsageError if an option is missing.

        @param said: the variables of the file of options.
        """
        for old, new in _RENAMED.items():
            if self[new] is None:
                self[new] = self[old]
        for name, option in _DEFAULTS:
            if self[option] is None and said.get(name) is not None:
                self[option] = said[name]
        for name, option in _FLAGS:
            if said.get(name):
                self[option] = 1
        if not self["builders"]:
            self["builders"] = list(said.get("try_builders") or ())
        if self["comment"] is None:
            self["comment"] = self["reason"]
        self._check(_misspelt(said))

    def _check(self, hint: str) -> None:
        if self["connect"] not in ("pb", "ssh"):
            raise usage.UsageError(f"say how to reach the master: --connect=pb or --connect=ssh{hint}")
        if self["dryrun"]:
            return
        needs = ("master", "username", "passwd") if self["connect"] == "pb" else ("host", "jobdir")
        missing = [f"--{name}" for name in needs if not self[name]]
        if missing:
            raise usage.UsageError(f"--connect={self['connect']} needs {', '.join(missing)}{hint}")


def _misspelt(said: Mapping[str, Any]) -> str:
    """A hint at the first variable of the file of options that is probably misspelt; "" if there is none."""
    known = [*(name for name, _ in (*_DEFAULTS, *_FLAGS)), "try_builders"]
    for name in said:
        meant = closest(name, known) if name not in known else None
        if meant:
            return f"; the file of options has {name}: did you mean {meant}?"
    return ""


class TryServerOptions(CommandOptions):
    """The options of C{tryserver}."""

    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Print errors only; --wait prints its lines all the same."],
        ["wait", "", "Wait for the builds, and print a line of JSON for each event."],
    ]
    optParameters = [["jobdir", "", None, "The jobdir of the Try_Jobdir."]]
    longdesc = (
        "Puts a job from standard input into the jobdir of a Try_Jobdir. `buildbot try --connect=ssh` runs "
        "this on the host of the master."
    )

    def parseArgs(self, *args: str) -> None:
        """There are no arguments."""
        if args:
            raise usage.UsageError(f"there are no arguments, only options: what is {args[0]!r}?")

    def postOptions(self) -> None:
        """Check that the directory is given."""
        if not self["jobdir"]:
            raise usage.UsageError("--jobdir is needed")
        self["jobdir"] = os.path.abspath(os.path.expanduser(self["jobdir"]))
