# -*- test-case-name: tests.unit.scripts.test_options tests.unit.scripts.test_runner -*-
"""The commands of C{buildbot}, one row each.

To add a command, write a class of its options (in C{options}, or in C{buildoptions} if it is about builds), a
function that takes them and returns the exit status (in a module of this package), and its row here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from twisted.python import usage

from buildbot.scripts import (
    backupoptions,
    buildoptions,
    grepoptions,
    helpoptions,
    hookoptions,
    importoptions,
    lookoptions,
    options,
    statuslogoptions,
    tryoptions,
)
from buildbot.scripts.arguments import COLOR, helpWidth, nearest, sayVersion


@dataclass(frozen=True)
class Command:
    """I am one command.

    @ivar name: the word on the command line.
    @ivar function: the function, as C{MODULE.FUNCTION} of this package. It is called with the parsed options
        and returns the exit status.
    @ivar options: the class that parses the rest of the command line.
    @ivar help: one line for C{buildbot --help}.
    """

    name: str
    function: str
    options: type[usage.Options]
    help: str

    def load(self) -> Callable[..., int]:
        """Import and return the function. Importing it only now keeps other commands fast."""
        module, name = self.function.split(".")
        function: Callable[..., int] = getattr(import_module(f"buildbot.scripts.{module}"), name)
        return function


#: All commands, by name.
COMMANDS = {
    command.name: command
    for command in (
        Command(
            "create-master", "create.createMaster", options.MasterOptions, "Make the directory of a master."
        ),
        Command("create-slave", "create.createSlave", options.SlaveOptions, "Make the directory of a slave."),
        Command("start", "startup.start", options.StartOptions, "Start a master or a slave."),
        Command("stop", "stop.stop", options.StopOptions, "Stop a master or a slave."),
        Command(
            "restart", "stop.restart", options.RestartOptions, "Stop a master or a slave, and start it again."
        ),
        Command(
            "handover",
            "handover.handOver",
            options.HandOverOptions,
            "Let another master that waits take over.",
        ),
        Command(
            "reconfig",
            "reconfig.reconfig",
            options.ReconfigOptions,
            "Make a master read its configuration file again.",
        ),
        Command("sighup", "reconfig.reconfig", options.ReconfigOptions, "The same as reconfig."),
        Command(
            "checkconfig",
            "checkconfig.checkconfig",
            options.CheckConfigOptions,
            "Check a configuration file.",
        ),
        Command("status", "status.status", options.StatusOptions, "Show a master and its slaves."),
        Command("disconnect", "disconnect.disconnect", buildoptions.DisconnectOptions, "Disconnect a slave."),
        Command("pause", "pause.pause", buildoptions.PauseOptions, "Start no further builds on a slave."),
        Command(
            "drain",
            "pause.drain",
            buildoptions.DrainOptions,
            "Pause a slave, and disconnect it once it is idle.",
        ),
        Command("unpause", "pause.unpause", buildoptions.UnpauseOptions, "Let a paused slave build again."),
        Command(
            "builds",
            "builds.builds",
            buildoptions.BuildsOptions,
            "Show running, waiting and finished builds.",
        ),
        Command(
            "changes",
            "changes.changes",
            lookoptions.ChangesOptions,
            "Show the changes that have come.",
        ),
        Command("show", "show.show", lookoptions.ShowOptions, "Show one build with its steps and changes."),
        Command("change", "changes.change", lookoptions.ChangeOptions, "Show one change and its builds."),
        Command("grep", "grep.grep", grepoptions.GrepOptions, "Search the logs of builds for a pattern."),
        Command("slave", "slave.slave", lookoptions.SlaveOptions, "Show one slave and its builds."),
        Command(
            "schedulers",
            "schedulers.schedulers",
            lookoptions.SchedulersOptions,
            "Show what builds next, and what each scheduler waits for.",
        ),
        Command("disk", "disk.disk", lookoptions.DiskOptions, "Show what takes room, and what will go."),
        Command("log", "remotelog.log", buildoptions.LogOptions, "Print the log of a step."),
        Command("force", "force.force", buildoptions.ForceBuildOptions, "Start a build."),
        Command("rebuild", "force.rebuild", buildoptions.RebuildOptions, "Build a finished build again."),
        Command("cancel", "force.cancel", buildoptions.CancelOptions, "Cancel waiting requests."),
        Command("stopbuild", "force.stopbuild", buildoptions.StopBuildOptions, "Stop a running build."),
        Command(
            "sendchange",
            "sendchange.sendchange",
            buildoptions.SendChangeOptions,
            "Tell a master that files have changed.",
        ),
        Command(
            "try", "trycommand.doTry", tryoptions.TryOptions, "Have a patch built before it is committed."
        ),
        Command(
            "tryserver",
            "tryserver.tryserver",
            tryoptions.TryServerOptions,
            "Put a patch into the jobdir of a master on this host.",
        ),
        Command(
            "statuslog",
            "statuslog.statuslog",
            statuslogoptions.StatusLogOptions,
            "Print what happens on a master that has a PBListener.",
        ),
        Command(
            "git-hook", "hook.gitHook", hookoptions.GitHookOptions, "Make git send its commits to a master."
        ),
        Command(
            "svn-hook",
            "hook.svnHook",
            hookoptions.SvnHookOptions,
            "Make Subversion send its commits to a master.",
        ),
        Command(
            "hg-hook",
            "hook.hgHook",
            hookoptions.HgHookOptions,
            "Make Mercurial send its commits to a master.",
        ),
        Command("account", "account.account", options.AccountOptions, "Make accounts for the web pages."),
        Command("token", "token.token", options.TokenOptions, "Make tokens for scripts that use the web."),
        Command("audit", "audit.audit", options.AuditOptions, "Show who has done what on a master."),
        Command(
            "backup",
            "backup.backup",
            backupoptions.BackupOptions,
            "Copy the directory of a master, which may run.",
        ),
        Command(
            "restore",
            "backup.restore",
            backupoptions.RestoreOptions,
            "Make the directory of a master from a backup.",
        ),
        Command(
            "move-store",
            "move.moveStore",
            options.MoveOptions,
            "Move the store of a stopped master to PostgreSQL, or back to its file.",
        ),
        Command(
            "upgrade-master",
            "upgrade.upgradeMaster",
            backupoptions.UpgradeOptions,
            "Upgrade the store of a stopped master to this release.",
        ),
        Command(
            "import",
            "importing.importMaster",
            importoptions.ImportOptions,
            "Add the history of a master of 0.7 or 0.8 to a stopped master.",
        ),
        Command("help", "helping.help", helpoptions.HelpOptions, "Describe a command, or list all."),
        Command(
            "completion",
            "completion.completion",
            helpoptions.CompletionOptions,
            "Print a script that makes a shell complete words.",
        ),
        Command(
            "demo",
            "demo.demo",
            options.DemoOptions,
            "Make and start a master with a slave, and show a build.",
        ),
    )
}


_NOT_HERE = "it is not in this release"
#: Commands of other releases, and what to do instead.
_OTHERS = {
    "cleanupdb": "a running master deletes old builds and their logs by itself",
    "create-worker": "`buildbot create-slave` makes the directory of one",
    "debugclient": _NOT_HERE,
    "statusgui": _NOT_HERE,
}


class Options(usage.Options):
    """The options of C{buildbot} itself, and its subcommands."""

    synopsis = "Usage: buildbot [options] COMMAND [options of the command]"
    longdesc = "For one command, see `buildbot COMMAND --help`. For a first look, try `buildbot demo`."
    optFlags = [["verbose", "v", "Show a traceback with each error."]]
    optParameters = [COLOR]
    subCommands: ClassVar[list[list[Any]]] = [
        [command.name, None, command.options, command.help] for command in COMMANDS.values()
    ]

    opt_h = usage.Options.opt_help

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Parse. Raises UsageError, with the nearest known name for an unknown one."""
        try:
            super().parseOptions(options)
        except usage.UsageError as why:
            raise usage.UsageError(self._known(str(why))) from None

    def _known(self, why: str) -> str:
        unknown = why.removeprefix("Unknown command: ")
        if unknown != why:
            return self.unknown(unknown)
        option = re.fullmatch(r"option (-\S*) not recognized", why)
        if option is None:
            return why
        said = nearest(option[1], [f"--{name.rstrip('=')}" for name in self.longOpt])
        return f"there is no option {option[1]}{said}"

    def unknown(self, name: str) -> str:
        """The message for an unknown command: what to do instead, or the nearest known one."""
        if name in _OTHERS:
            return f"there is no command {name}: {_OTHERS[name]}"
        return f"there is no command {name}{nearest(name, COMMANDS)}"

    def getUsage(self, width: int | None = None) -> str:
        """The help without its first line, as wide as the terminal."""
        return super().getUsage(width or helpWidth())

    def opt_version(self) -> None:
        """Show the versions and exit."""
        sayVersion()

    def postOptions(self) -> None:
        """Raise UsageError if no command was given."""
        if self.subCommand is None:
            raise usage.UsageError("no command given")
