# -*- test-case-name: tests.unit.scripts.test_options -*-
"""The options of the commands about builds and slaves.

Each command has a module of its own.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Sequence

from twisted.python import usage

from buildbot.scripts.arguments import CommandOptions, RemoteBase, count, seconds
from buildbot.scripts.moments import pointIn

#: The flag of the commands that start a build.
WAIT = ["wait", "w", "Wait for the build and show its steps; the exit status is that of its result."]


class BuildsOptions(RemoteBase):
    """The options of C{builds}."""

    synopsis = "[options] [DIR [BUILDER]]"
    optFlags = [
        ["failed", "f", "Only builds that have failed or are broken."],
        ["json", "j", "Print the builds as JSON."],
    ]
    optParameters = [
        ["count", "c", 20, "How many finished builds to show, at most 1000.", count("--count")],
        ["slave", "", None, "Only builds on this slave."],
        ["branch", "b", None, "Only builds of this branch; '' is the main line."],
        ["revision", "r", None, "Only builds of this revision, or the beginning of its hash."],
        ["since", "s", None, "Only builds that began since: 2h, 3d, 2026-11-30.", pointIn("--since")],
        ["until", "u", None, "Only builds that began before this time.", pointIn("--until")],
    ]
    longdesc = (
        "Shows the running, waiting and finished builds of the master in DIR, for all builders or for one. "
        "Finished builds are sorted by start, the latest first. With a condition, waiting requests are left "
        "out."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [DIR [BUILDER]]."""
        self._dirAnd("builder", self._placed(args))


class LogOptions(RemoteBase):
    """The options of C{log}."""

    synopsis = "[options] DIR BUILDER/BUILD[/STEP[/LOG]]"
    optFlags = [
        ["follow", "f", "Print until the log, or the build without STEP, is finished; wait for the step."],
        ["headers", "", "Also print the headers: command, directory, environment, exit status."],
        ["json", "j", "Print one line of JSON for each piece: its channel and its text."],
    ]
    longdesc = (
        "Prints the log of a step: unchanged, or as safe text on a terminal. BUILD is the number of "
        "the build. Without LOG, prints the first log of the step. Without STEP, lists the steps and logs "
        "of the build."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR PATH."""
        self["path"] = self._dirAndMust("build", "BUILDER/BUILD/STEP", self._placed(args))


class AboutBuilderOptions(RemoteBase):
    """The base class of commands about one builder."""

    synopsis = "[options] DIR BUILDER"
    optFlags = [["json", "j", "Print the outcome as JSON."]]

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR BUILDER."""
        self["builder"] = self._dirAndMust("builder", "BUILDER", self._placed(args))

    def _parseNumbered(self, what: str, args: Sequence[str]) -> None:
        """Parse DIR BUILDER [NUMBER]. C{what}: the placeholder of the number."""
        names = 2 if self["url"] is None else 1
        AboutBuilderOptions.parseArgs(self, *args[:names])
        if len(args) > names + 1:
            raise usage.UsageError(f"give DIR, BUILDER and one {what}, not {' '.join(args)}")
        try:
            self["number"] = count(what)(args[names]) if args[names:] else None
        except ValueError as why:
            raise usage.UsageError(str(why)) from None


class ForceOptions(usage.Options):
    """Options of 0.7.5 for forced builds, for plug-ins such as chat bots.

    The command C{force} uses L{ForceBuildOptions} instead.
    """

    optParameters = [
        ["builder", None, None, "The builder that is to build."],
        ["branch", None, None, "The branch to build; without it the main line."],
        ["revision", None, None, "The revision to build; without it the latest."],
        ["reason", None, None, "Why, in your words."],
    ]

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [BUILDER] [REASON...]."""
        words = list(args)
        for name, many in (("builder", False), ("reason", True)):
            if not words:
                break
            if self[name] is not None:
                raise usage.UsageError(f"{name} is given twice: {self[name]!r} and {' '.join(words)!r}")
            self[name] = " ".join(words) if many else words.pop(0)


class ForceBuildOptions(AboutBuilderOptions):
    """The options of C{force}."""

    optParameters = [
        ["branch", "b", None, "The branch to build. Default: the main line."],
        ["revision", "r", None, "The revision to build. Default: the latest."],
        ["reason", "m", None, "The reason; it is shown with the build."],
        ["scheduler", "s", None, "The ForceScheduler that makes the build."],
    ]
    optFlags = [
        ["list-parameters", "l", "Start nothing: show the parameters of the builder's schedulers."],
        WAIT,
    ]
    longdesc = (
        "Starts a build now, or as soon as a slave is free for it. With --scheduler, a ForceScheduler of the "
        "configuration checks the values, and makes properties of them."
    )

    def __init__(self) -> None:
        """Start with no properties."""
        super().__init__()
        self["properties"] = {}
        self["params"] = {}

    def opt_property(self, text: str) -> None:
        """A property of the build, NAME=VALUE. May be repeated."""
        name, value = _pair("--property", text)
        self["properties"][name] = value

    opt_p = opt_property

    def opt_param(self, text: str) -> None:
        """A parameter of the scheduler, NAME=VALUE. May be repeated."""
        name, value = _pair("--param", text)
        self["params"].setdefault(name, []).append(value)

    opt_P = opt_param

    def postOptions(self) -> None:
        """Check that parameters have their scheduler."""
        super().postOptions()
        if self["params"] and self["scheduler"] is None:
            raise usage.UsageError("--param belongs to a scheduler: give --scheduler too")
        if self["wait"] and self["list-parameters"]:
            raise usage.UsageError("--list-parameters starts no build: leave out --wait")


def _pair(option: str, text: str) -> tuple[str, str]:
    """The two parts of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise usage.UsageError(f"{option} must be NAME=VALUE, not {text!r}")
    return name, value


class StopBuildOptions(AboutBuilderOptions):
    """The options of C{stopbuild}."""

    synopsis = "[options] DIR BUILDER [BUILD]"
    optFlags = [["pending", "", "Also cancel the requests that wait for the builder."]]
    optParameters = [["reason", "m", None, "The reason; it is shown with the build."]]
    longdesc = (
        "Stops a running build of BUILDER: the one with the number BUILD, or the only one that runs. "
        "BUILDER/BUILD, as printed by `builds`, is accepted too."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR BUILDER [BUILD]."""
        self._parseNumbered("BUILD", args)


class RebuildOptions(AboutBuilderOptions):
    """The options of C{rebuild}."""

    synopsis = "[options] DIR BUILDER BUILD"
    optFlags = [
        ["as-requested", "", "Build the source as it was requested, perhaps a later revision."],
        WAIT,
    ]
    optParameters = [["reason", "m", None, "The reason; it is shown with the build."]]
    longdesc = "Builds the same revision as the finished build BUILD again, with its properties."

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR BUILDER BUILD."""
        self._parseNumbered("BUILD", args)
        if self["number"] is None:
            raise usage.UsageError("give the number of the BUILD, too")


class CancelOptions(AboutBuilderOptions):
    """The options of C{cancel}."""

    synopsis = "[options] DIR BUILDER [REQUEST], or DIR REQUEST"
    longdesc = "Cancels the request REQUEST, which waits for BUILDER; without a number, all that wait for it."

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR BUILDER [REQUEST]. A number as BUILDER may be that of a request."""
        self._parseNumbered("REQUEST", args)


class AboutSlaveOptions(RemoteBase):
    """The base class of commands about one slave."""

    synopsis = "[options] DIR SLAVE"
    optFlags = [["json", "j", "Print the outcome as JSON."]]

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR SLAVE."""
        self["slave"] = self._dirAndMust("slave", "SLAVE", self._placed(args))


class DisconnectOptions(AboutSlaveOptions):
    """The options of C{disconnect}."""

    longdesc = "Disconnects a slave. It may reconnect; to prevent that, remove it from c['bots']."


class PauseOptions(AboutSlaveOptions):
    """The options of C{pause}."""

    optParameters = [["reason", "m", None, "The reason; `buildbot status` shows it."]]
    longdesc = (
        "Starts no further builds on the slave until `buildbot unpause`, also after a restart. Builds that "
        "run there go on."
    )


class DrainOptions(PauseOptions):
    """The options of C{drain}."""

    optFlags = [["wait", "w", "Wait until no build runs on the slave."]]
    longdesc = (
        "Starts no further builds on the slave until `buildbot unpause`, also after a restart, and "
        "disconnects it once the builds that run there are finished."
    )


class UnpauseOptions(AboutSlaveOptions):
    """The options of C{unpause}."""

    longdesc = "Lets the slave build again, and starts builds that wait for it."


def _moment(text: str) -> float:
    """A time in seconds since the epoch. Raises ValueError for other values."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e11:
        raise ValueError(f"--when must be a number of seconds since 1970, not {text!r}")
    return value


#: A text that is more probably the address of a master than the comments of a change.
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
#: The options of C{sendchange} with texts about the change.
_PLACES = ("repository", "project", "codebase")
_DESCRIBED = ("username", "branch", "revision", "comments", "category", "revlink", *_PLACES)


class SendChangeOptions(CommandOptions):
    """The options of C{sendchange}."""

    synopsis = "[options] FILE..."
    optFlags = [
        ["help", "h", "Display this help and exit."],
        ["quiet", "q", "Print errors only."],
        ["json", "j", "With --changes: print a line of JSON for each change."],
    ]
    optParameters = [
        ["master", "", None, "The address of the master, HOST:PORT."],
        ["url", None, None, "Send to the master whose web pages are at this address, in place of --master."],
        ["token", None, None, "With --url: the file with the token of a script. Default: BUILDBOT_TOKEN."],
        ["auth", "a", None, "USER:PASSWORD of the PBChangeSource. --auth-file hides it better."],
        ["auth-file", "", None, "A file that holds USER:PASSWORD; - for standard input."],
        ["username", "u", None, "Who committed the change."],
        ["who", "W", None, "The same, under its name in 0.8."],
        ["branch", "b", None, "The branch. Default: the main line."],
        ["revision", "r", None, "The revision, as text."],
        ["revision_number", "n", None, "The revision, as a number.", count("--revision_number")],
        ["revision_file", "", None, "A file that holds the revision."],
        ["comments", "m", None, "What the author wrote about the change."],
        ["logfile", "F", None, "A file that holds the comments; - for standard input."],
        ["category", "c", None, "A word that schedulers can select changes by."],
        ["repository", "R", None, "The repository of the source, such as a URL."],
        ["project", "P", None, "The project that the source is a part of."],
        ["codebase", "", None, "A name for the repository and its copies."],
        ["revlink", "l", None, "The address of a page about the revision."],
        [
            "when",
            "w",
            None,
            "When it was committed, in seconds since 1970. Default: now.",
            _moment,
        ],
        ["vc", "s", None, "The kind of the repository. It has no effect; hooks of 0.8 give it."],
        ["encoding", "e", "utf8", "The encoding of the other options and of the files' names."],
        [
            "changes",
            "",
            None,
            "Send all changes of a file with one JSON object per line; - for standard input.",
        ],
        ["timeout", "t", 60.0, "The time limit for sending, in seconds.", seconds("--timeout")],
    ]
    longdesc = (
        "Tells a master about a change of these files. Returns with status 0 once the master has the "
        "change on disk. With --changes, several changes are sent one after the other. With --master, the "
        "master needs a PBChangeSource in c['sources']. With --url, the token needs the action "
        "sendChange."
    )

    def __init__(self) -> None:
        super().__init__()
        self["properties"] = {}

    def opt_property(self, text: str) -> None:
        """A property of the change, NAME:VALUE. May be repeated."""
        name, colon, value = text.partition(":")
        if not (name and colon):
            raise usage.UsageError("--property must be NAME:VALUE")
        self["properties"][name] = value

    opt_p = opt_property

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: FILE..."""
        self["files"] = args

    def postOptions(self) -> None:
        """Check the options as far as possible without a master."""
        if self["who"] is not None and self["username"] is not None:
            raise usage.UsageError("--who and --username are alternatives: give only one of them")
        if self["who"] is not None:
            self["username"] = self["who"]
        self._checkEncoding()
        self._checkPlace()
        if self["changes"] is not None:
            self._checkChanges()
        elif self["username"] is None:
            raise usage.UsageError(
                "--username is needed"
                if self["url"] is not None
                else "--master=HOST:PORT and --username are needed"
            )
        for one, other in (("auth", "auth-file"), ("comments", "logfile")):
            if self[one] is not None and self[other] is not None:
                raise usage.UsageError(f"--{one} and --{other} are alternatives: give only one of them")
        if sum(self[f"revision{kind}"] is not None for kind in ("", "_number", "_file")) > 1:
            raise usage.UsageError("--revision, --revision_number, --revision_file: give only one of them")
        read = [name for name in ("auth-file", "logfile", "changes") if self[name] == "-"]
        if len(read) > 1:
            raise usage.UsageError(f"standard input cannot hold both --{read[0]} and --{read[1]}")

    def _checkEncoding(self) -> None:
        """Decode the options that describe the change. Raises UsageError if --encoding cannot do that."""
        encoding = self["encoding"]
        try:
            if codecs.lookup(encoding) == codecs.lookup(sys.getfilesystemencoding()):
                return  # Python has decoded them so
            for name in _DESCRIBED:
                if self[name] is not None:
                    self[name] = os.fsencode(self[name]).decode(encoding)
            self["files"] = tuple(os.fsencode(each).decode(encoding) for each in self["files"])
            self["properties"] = {
                os.fsencode(name).decode(encoding): os.fsencode(value).decode(encoding)
                for name, value in self["properties"].items()
            }
        except LookupError:
            raise usage.UsageError(f"--encoding: Python knows no encoding {encoding!r}") from None
        except UnicodeError:
            raise usage.UsageError(f"an option or the name of a file is not in {encoding}") from None

    def _checkPlace(self) -> None:
        """Check the options that name the master. Raises UsageError unless one is named, with its login."""
        if self["url"] is None:
            if self["master"] is None:
                needed = "is needed" if self["changes"] is not None else "and --username are needed"
                told = f"--master=HOST:PORT {needed}, or --url in place of --master"
                if _ADDRESS.fullmatch(self["comments"] or ""):  # in 0.8, this was the short form of --master
                    told += f"; -m is --comments, and -c is --category: give --master={self['comments']}"
                raise usage.UsageError(told)
            if self["token"] is not None:
                raise usage.UsageError("--token belongs to --url")
            return
        for name in ("master", "auth", "auth-file"):
            if self[name] is not None:
                raise usage.UsageError(f"--{name} is for a PBChangeSource: leave it out with --url")

    def _checkChanges(self) -> None:
        """Check the options for --changes. Raises UsageError for options about a single change."""
        revisions = ("revision", "revision_number", "revision_file")
        about = (*_DESCRIBED, "logfile", "when", *revisions[1:])
        twice = [f"--{name}" for name in about if self[name] is not None]
        twice += ["--property"] * bool(self["properties"])
        if twice or self["files"]:
            extra = ", ".join([*twice, *self["files"][:3]])
            raise usage.UsageError(f"the file of --changes describes the changes: leave out {extra}")
