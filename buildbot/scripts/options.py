# -*- test-case-name: tests.test_scripts_options -*-
"""The words of the command line: each command's options and arguments, under the names of 0.7.5.

What the commands do is in a module for each. Those about builds are in L{buildbot.scripts.buildoptions}.
"""

from __future__ import annotations

from twisted.python import usage

from buildbot.daemon.place import CONFIG, TAC
from buildbot.scripts.arguments import MakerBase, count, sayVersion, seconds
from buildbot.scripts.buildoptions import (
    BuildsOptions,
    DisconnectOptions,
    ForceBuildOptions,
    LogOptions,
    PauseOptions,
    SendChangeOptions,
    StopBuildOptions,
    UnpauseOptions,
)


def umask(text: str) -> int | None:
    """The word None, or the bits that new files lack, in octal ("022"). Raises ValueError for others."""
    if text == "None":
        return None
    try:
        value = int(text.removeprefix("0o"), 8)
    except ValueError:
        value = -1
    if not 0 <= value <= 0o777:
        raise ValueError(f"{text!r} is neither None nor an octal number up to 777")
    return value


def hostPort(text: str) -> tuple[str, int]:
    """Where a master listens: C{HOST:PORT}. Raises UsageError for what is none."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise usage.UsageError(f"the master is wanted as HOST:PORT, not {text!r}")
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host, int(port)


class CreateOptions(MakerBase):
    """What C{create-master} and C{create-slave} have in common."""

    optFlags = [
        ["force", "f", f"Write {TAC} (and the sample) anew where they exist; nothing else is ever replaced."],
        ["relocatable", "r", "The directory may be moved later. (It always may; for old scripts.)"],
        ["no-logrotate", "n", "Never begin a new twistd.log: something else rotates it."],
    ]
    optParameters = [
        ["log-size", "s", 10_000_000, "Begin a new twistd.log at this size, in bytes.", count],
        ["log-count", "l", 10, "How many old ones to keep.", count],
    ]

    def here(self) -> str:
        """None is created by accident."""
        raise usage.UsageError("a directory is wanted")


class MasterOptions(CreateOptions):
    """C{create-master}."""

    synopsis = "[options] DIR"
    optParameters = [["config", "c", CONFIG, "The configuration file, seen from DIR."]]
    longdesc = (
        "Makes DIR, the home of a buildmaster, with a buildbot.tac that runs it, a master.cfg that "
        "builds something at once, and the sample that this was made from. Doing it again harms nothing."
    )


class SlaveOptions(CreateOptions):
    """C{create-slave}."""

    synopsis = "[options] DIR HOST:PORT NAME PASSWORD"
    optParameters = [
        ["keepalive", "k", 600, "Ask the master for a sign of life after so many idle seconds; 0: never."],
        ["usepty", None, 1, "0 or 1, for old scripts: today each step says for itself."],
        ["umask", None, "None", "Bits that new files of builds lack, in octal: 022 lets everybody read."],
    ]
    longdesc = (
        "Makes DIR, the home of a slave, with a buildbot.tac that runs buildbot-worker. HOST:PORT is "
        "where its master listens; NAME and PASSWORD are what master.cfg says in c['bots']."
    )

    def parseArgs(self, *args: str) -> None:
        """DIR HOST:PORT NAME PASSWORD"""
        if len(args) != 4:
            raise usage.UsageError(f"DIR HOST:PORT NAME PASSWORD are wanted, not {len(args)} words")
        self["basedir"], self["master"], self["name"], self["passwd"] = args

    def postOptions(self) -> None:
        """Check what 0.7.5 only found out when the slave ran."""
        super().postOptions()
        self["host"], self["port"] = hostPort(self["master"])
        if not self["name"]:
            raise usage.UsageError("a slave needs a name")
        if str(self["usepty"]) not in ("0", "1"):
            raise usage.UsageError(f"--usepty is 0 or 1, not {self['usepty']!r}")
        try:
            self["keepalive"] = count(str(self["keepalive"]))
            self["umask"] = umask(str(self["umask"]))
        except ValueError as why:
            raise usage.UsageError(str(why)) from None


class StartOptions(MakerBase):
    """C{start}."""

    optFlags = [["nodaemon", "", "Run in the foreground, and log to standard output."]]
    optParameters = [["timeout", "t", 120.0, "How many seconds the start may take.", seconds]]
    longdesc = (
        "Starts the buildmaster or buildslave of DIR. Ends with status 0 once it works: a master listens "
        "for slaves by then. If it does not come to that, says why, and leaves nothing running."
    )


class StopOptions(MakerBase):
    """C{stop}."""

    optFlags = [["kill", "k", "Kill the process if it has not stopped by then."]]
    optParameters = [["timeout", "t", 15.0, "How many seconds to wait for it.", seconds]]
    longdesc = "Stops the buildmaster or buildslave of DIR. Ends with status 0 when none is running."


class RestartOptions(StartOptions):
    """C{restart}."""

    optFlags = [["kill", "k", "Kill the old process if it does not stop."]]
    longdesc = (
        "Stops the buildmaster or buildslave of DIR if it is running, and starts it. A running master is "
        "left alone if its configuration file is not good."
    )


class ReconfigOptions(MakerBase):
    """C{reconfig}, C{sighup}."""

    optFlags = [
        ["dry-run", "n", "Say what would change, and change nothing."],
        ["drain", "", "Let slaves that are removed end what they build before they are disconnected."],
    ]
    optParameters = [["timeout", "t", None, "How many seconds master.cfg may run.", seconds]]
    longdesc = (
        "Lets the running master read its configuration file, and says what has changed. If anything is "
        "wrong with the file, says so, changes nothing, and ends with status 1."
    )


class CheckConfigOptions(MakerBase):
    """C{checkconfig}."""

    synopsis = "[options] [DIR|FILE]"
    optParameters = [["timeout", "t", 90.0, "How many seconds the file may run.", seconds]]
    longdesc = "Checks a configuration file as the master would, and lists all that is wrong with it."

    def here(self) -> str:
        """The current directory, whatever is in it."""
        return "."


class StatusOptions(MakerBase):
    """C{status}."""

    synopsis = "[options] [DIR [SLAVE]]"
    optFlags = [["json", "j", "Print all there is to know, as JSON."]]
    longdesc = "Says what the running master of DIR sees of its slaves, or the latest events of one of them."

    def parseArgs(self, *args: str) -> None:
        """[DIR [SLAVE]]"""
        self._dirAnd("slave", args)


class DemoOptions(MakerBase):
    """C{demo}."""

    longdesc = (
        "Makes a master and a slave in DIR (by default a new temporary directory), starts both, and "
        "shows them at work, saying each command that it uses. They go on running."
    )

    def parseArgs(self, *args: str) -> None:
        """[DIR]"""
        if args:
            super().parseArgs(*args)
        else:
            self["basedir"] = None

    def postOptions(self) -> None:
        """A directory that is not named is made later."""
        if self["basedir"] is not None:
            super().postOptions()


class Options(usage.Options):
    """The command C{buildbot}: which of its commands is meant."""

    synopsis = "Usage: buildbot [options] COMMAND [options of the command]"
    longdesc = "`buildbot COMMAND --help` says more. `buildbot demo` shows everything at once."
    optFlags = [["verbose", "v", "Show tracebacks."]]
    subCommands = [
        ["create-master", None, MasterOptions, "Make the directory of a buildmaster."],
        ["create-slave", None, SlaveOptions, "Make the directory of a buildslave."],
        ["start", None, StartOptions, "Start the buildmaster or buildslave of a directory."],
        ["stop", None, StopOptions, "Stop it."],
        ["restart", None, RestartOptions, "Stop it and start it."],
        ["reconfig", None, ReconfigOptions, "Let the master read its configuration file again."],
        ["sighup", None, ReconfigOptions, "The same as reconfig."],
        ["checkconfig", None, CheckConfigOptions, "Check a configuration file."],
        ["status", None, StatusOptions, "Say what the master sees of its slaves."],
        ["disconnect", None, DisconnectOptions, "Cut the connection of a slave."],
        ["pause", None, PauseOptions, "Let a slave begin no further builds."],
        ["drain", None, PauseOptions, "The same, and disconnect it when it is idle."],
        ["unpause", None, UnpauseOptions, "Let a slave build again."],
        ["builds", None, BuildsOptions, "Say what is built, what was, and what waits."],
        ["log", None, LogOptions, "Print the log of a step."],
        ["force", None, ForceBuildOptions, "Have something built."],
        ["stopbuild", None, StopBuildOptions, "Stop a build."],
        ["sendchange", None, SendChangeOptions, "Tell a master that files have changed."],
        ["demo", None, DemoOptions, "From nothing to a master with a slave, in one command."],
    ]

    opt_h = usage.Options.opt_help

    def opt_version(self) -> None:
        """Show the versions and exit."""
        sayVersion()

    def postOptions(self) -> None:
        """Insist on a command."""
        if self.subCommand is None:
            raise usage.UsageError("a command is wanted")
