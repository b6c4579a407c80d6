# -*- test-case-name: tests.unit.scripts.test_options -*-
"""The options and arguments of each command, under the names of 0.7.5.

Each command has a module of its own. L{buildbot.scripts.buildoptions} has the options of commands about
builds and slaves.
"""

from __future__ import annotations

import os

from twisted.python import usage

from buildbot.daemon.directory import CONFIG, TAC
from buildbot.scripts.arguments import MakerBase, RemoteBase, count, seconds
from buildbot.scripts.moments import pointIn
from buildbot.store.address import BadAddress, parse
from buildbot.text.plural import counted


def umask(text: str) -> int | None:
    """Parse a umask: the word None, or octal digits ("022"). Raises ValueError for others."""
    if text == "None":
        return None
    try:
        value = int(text.removeprefix("0o"), 8)
    except ValueError:
        value = -1
    if not 0 <= value <= 0o777:
        raise ValueError(f"--umask must be None or an octal number up to 777, not {text!r}")
    return value


def hostPort(text: str) -> tuple[str, int]:
    """Parse C{HOST:PORT}. Raises UsageError for other text."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit()):
        raise usage.UsageError(f"the master must be HOST:PORT, not {text!r}")
    if len(port) > 5 or not 0 < int(port) < 65536:
        raise usage.UsageError(f"the master must be HOST:PORT, and PORT from 1 to 65535, not {text!r}")
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host, int(port)


class _Address(usage.Options):
    """The base class for commands that take the address of a store and its password."""

    def mustBeAddress(self, what: str, address: str, needed: str) -> None:
        """Check C{what}, the address, and that a password has a database. Raises UsageError.

        @param needed: how the address of a database is given.
        """
        try:
            server = parse(address)
        except BadAddress as why:
            raise usage.UsageError(f"{what}: {why}") from None
        named = self["db-password-file"]
        if named and server is None:
            raise usage.UsageError(f"--db-password-file needs {needed}postgresql://…")
        if named and not os.path.exists(os.path.join(str(self["basedir"]), named)) and os.path.exists(named):
            self["db-password-file"] = os.path.abspath(named)


class CreateOptions(MakerBase):
    """The base class for C{create-master} and C{create-slave}."""

    optFlags = [
        ["force", "f", f"Replace {TAC} and the sample if they exist; no other file is ever replaced."],
        ["relocatable", "r", "No effect, accepted for old scripts: every directory can be moved."],
        ["no-logrotate", "n", "Never start a new twistd.log: another program rotates it."],
    ]
    optParameters = [
        ["log-size", "s", 10_000_000, "Start a new twistd.log at this size, in bytes.", count("--log-size")],
        ["log-count", "l", 10, "How many old log files to keep.", count("--log-count")],
    ]

    def here(self) -> str:
        """Raise UsageError: the directory has no default, so none is created by accident."""
        raise usage.UsageError("no directory given")


class MasterOptions(_Address, CreateOptions):
    """The options of C{create-master}."""

    synopsis = "[options] DIR"
    optParameters = [
        ["config", "c", CONFIG, "The name of the configuration file, relative to DIR."],
        ["db", None, None, "Keep changes, requests and builds in this PostgreSQL database: postgresql://…"],
        [
            "db-password-file",
            None,
            None,
            "The file with the password for it; it is looked for in DIR, then here.",
        ],
    ]
    longdesc = (
        "Makes DIR, the directory of a buildmaster, with a buildbot.tac that runs it, a master.cfg that "
        "works at once, and the sample that master.cfg was made from. Running it again is harmless."
    )

    def postOptions(self) -> None:
        """Check that an address is one, before anything is made."""
        super().postOptions()
        self.mustBeAddress("--db", self["db"] or "", "--db=")


class MoveOptions(_Address, MakerBase):
    """The options of C{move-store}."""

    synopsis = "[options] DIR TARGET"
    optParameters = [
        [
            "db-password-file",
            None,
            None,
            "The file with the password for the database TARGET; it is looked for in DIR, then here.",
        ],
    ]
    longdesc = (
        "Copies all changes, requests and builds of the stopped master in DIR to TARGET, compares them, and "
        "then changes buildbot.tac. TARGET is an empty PostgreSQL database, postgresql://USER@HOST/DATABASE, "
        "or the word sqlite for the file state.sqlite in DIR. The old store stays as it is. After an "
        "interruption, the same command continues."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR TARGET."""
        if len(args) != 2:
            raise usage.UsageError(f"give DIR TARGET, not {counted(len(args), 'argument')}")
        self["basedir"], self["target"] = args

    def postOptions(self) -> None:
        """Check that TARGET is an address, before anything is made."""
        super().postOptions()
        self["address"] = "" if self["target"] == "sqlite" else str(self["target"])
        self.mustBeAddress("TARGET", self["address"], "a TARGET ")


class SlaveOptions(CreateOptions):
    """The options of C{create-slave}."""

    synopsis = "[options] DIR HOST:PORT NAME PASSWORD"
    optParameters = [
        ["keepalive", "k", 600, "Probe the master after this many idle seconds; 0: never."],
        ["usepty", None, 1, "No effect, accepted for old scripts: each step has an option usePTY."],
        ["umask", None, "None", "The umask of builds, in octal; 022 lets everybody read their files."],
    ]
    longdesc = (
        "Makes DIR, the directory of a slave, with a buildbot.tac that runs buildbot-worker. HOST:PORT is "
        "where its master listens; NAME and PASSWORD are those in c['bots'] of master.cfg."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR HOST:PORT NAME PASSWORD."""
        if len(args) != 4:
            raise usage.UsageError(f"give DIR HOST:PORT NAME PASSWORD, not {counted(len(args), 'argument')}")
        self["basedir"], self["master"], self["name"], self["passwd"] = args

    def postOptions(self) -> None:
        """Check the values that 0.7.5 checked only when the slave ran."""
        super().postOptions()
        self["host"], self["port"] = hostPort(self["master"])
        if not self["name"]:
            raise usage.UsageError("NAME is empty: a slave needs a name")
        if str(self["usepty"]) not in ("0", "1"):
            raise usage.UsageError(f"--usepty must be 0 or 1, not {self['usepty']!r}")
        try:
            self["keepalive"] = count("--keepalive")(str(self["keepalive"]))
            self["umask"] = umask(str(self["umask"]))
        except ValueError as why:
            raise usage.UsageError(str(why)) from None


class StartOptions(MakerBase):
    """The options of C{start}."""

    optFlags = [
        ["nodaemon", "", "Run in the foreground, and log to standard output."],
        ["pages-only", "", "Serve only the pages of the master in DIR, in a process apart."],
        ["standby", "", "Wait while another master is active on the same store, and take over."],
    ]
    optParameters = [
        ["timeout", "t", 120.0, "How many seconds the start may take.", seconds("--timeout")],
        ["http-port", "", None, "With --pages-only: the port of the pages, in place of that in master.cfg."],
    ]
    longdesc = (
        "Starts the master or slave in DIR. Returns with status 0 once it is ready: a master "
        "listens for slaves by then, unless it waits as a standby. If it cannot start, says why, and "
        "leaves nothing running."
    )

    def postOptions(self) -> None:
        """Check that the flags fit together."""
        super().postOptions()
        if self["http-port"] is not None and not self["pages-only"]:
            raise usage.UsageError("--http-port belongs to --pages-only")
        if self["standby"] and self["pages-only"]:
            raise usage.UsageError("give --standby or --pages-only, not both")
        if self["http-port"] is not None:
            from buildbot.config.ports import BadPort, describe, inOneForm  # seldom needed

            try:
                inOneForm(describe(self["http-port"]))
            except BadPort as why:
                raise usage.UsageError(f"--http-port: {why}") from None


class StopOptions(RemoteBase):
    """The options of C{stop}."""

    optFlags = [
        ["kill", "k", "Kill the process if it has not stopped after --timeout."],
        ["clean", "c", "Let the running builds of the master end first, and start no others."],
        ["no-wait", "", "With --clean: do not wait for the end of the builds."],
        ["cancel", "", "Take back a stop with --clean."],
        ["pages-only", "", "Stop the process that only serves the pages of the master in DIR."],
    ]
    optParameters = [
        ["timeout", "t", 15.0, "How many seconds the process may take to stop.", seconds("--timeout")]
    ]
    longdesc = "Stops the master or slave in DIR. Returns with status 0 when none is running."

    def postOptions(self) -> None:
        """Check that the flags fit together."""
        super().postOptions()
        isAsked = self["clean"] or self["cancel"]
        if self["url"] is not None and not isAsked:
            raise usage.UsageError("--url needs --clean or --cancel")
        if self["clean"] and self["cancel"]:
            raise usage.UsageError("give --clean or --cancel, not both")
        if self["no-wait"] and not self["clean"]:
            raise usage.UsageError("--no-wait belongs to --clean")
        if isAsked and self["pages-only"]:
            raise usage.UsageError("--pages-only needs no --clean: such a process runs no builds")
        if isAsked and self["kill"]:
            raise usage.UsageError("--kill would not let the builds end: leave it out")


class HandOverOptions(MakerBase):
    """The options of C{handover}."""

    optFlags = [["now", "n", "Interrupt the running builds: the other master begins them anew."]]
    optParameters = [
        [
            "timeout",
            "t",
            None,
            "Interrupt the builds that still run after so many seconds.",
            seconds("--timeout"),
        ]
    ]
    longdesc = (
        "Lets the active master in DIR leave its place to one that waits for it (start --standby). It "
        "starts no builds, ends the running ones, and stops; slaves stay connected meanwhile. Refused "
        "while no other master waits. Returns with status 0 when the other one is active."
    )

    def postOptions(self) -> None:
        """Check that the flags fit together."""
        super().postOptions()
        if self["now"] and self["timeout"] is not None:
            raise usage.UsageError("give --now or --timeout, not both")


class RestartOptions(StartOptions):
    """The options of C{restart}."""

    optFlags = [
        ["kill", "k", "Kill the old process if it does not stop within 15 seconds."],
        ["clean", "c", "Let the running builds of the master end first, and start no others."],
    ]
    longdesc = (
        "Stops the master or slave in DIR if it is running, and starts it. If the configuration "
        "file of a running master has errors, shows them, and leaves the master running."
    )

    def postOptions(self) -> None:
        """Check that the flags fit together."""
        super().postOptions()
        if self["clean"] and self["pages-only"]:
            raise usage.UsageError("--pages-only needs no --clean: such a process runs no builds")
        if self["clean"] and self["kill"]:
            raise usage.UsageError("--kill would not let the builds end: leave it out")


class ReconfigOptions(RemoteBase):
    """The options of C{reconfig} and C{sighup}."""

    optFlags = [
        ["dry-run", "n", "Show what would change, and change nothing."],
        ["drain", "", "Let removed slaves finish their builds before they are disconnected."],
    ]
    optParameters = [
        ["timeout", "t", None, "How many seconds master.cfg may run. Default: 90.", seconds("--timeout")]
    ]
    longdesc = (
        "Makes the running master read its configuration file again, and shows what has changed. If the "
        "file has errors, shows them, changes nothing, and returns with status 1."
    )


class CheckConfigOptions(MakerBase):
    """The options of C{checkconfig}."""

    synopsis = "[options] [DIR|FILE]"
    optFlags = [
        ["migrate", "m", "Show the changes from Python 2 to Python 3 as a diff; do not run the file."],
        ["in-place", "i", "With --migrate: change the file, and keep the old one as FILE.python2."],
    ]
    optParameters = [["timeout", "t", 90.0, "How many seconds the file may run.", seconds("--timeout")]]
    longdesc = (
        "Checks a configuration file as the master would, and lists all its errors. With --migrate, converts "
        "a file of Python 2."
    )

    def postOptions(self) -> None:
        """Refuse --in-place alone."""
        super().postOptions()
        if self["in-place"] and not self["migrate"]:
            raise usage.UsageError("--in-place belongs to --migrate")

    def here(self) -> str:
        """The current directory, also if it is not a master's."""
        return "."


class StatusOptions(RemoteBase):
    """The options of C{status}."""

    synopsis = "[options] [DIR [SLAVE]]"
    optFlags = [["json", "j", "Print all that is known, as JSON."]]
    longdesc = "Shows the running master in DIR and its slaves, or one slave with its latest events."

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [DIR [SLAVE]]."""
        self._dirAnd("slave", self._placed(args))


class AccountOptions(MakerBase):
    """The options of C{account}."""

    synopsis = "[options] [DIR [NAME]]"
    optFlags = [
        ["password", "p", "Ask for a new password also if the account exists and roles are given."],
        ["no-roles", "", "Take all roles from the account."],
        ["remove", "", "Remove the account."],
        ["json", "j", "Print the accounts and their roles as JSON."],
    ]
    optParameters = [
        [
            "password-file",
            "",
            None,
            "Set the first line of this file as the new password; do not ask for one.",
        ]
    ]
    longdesc = (
        "Makes an account for the web pages of the master in DIR, or changes it. The password is asked for, "
        "or read from standard input. Without NAME, lists the accounts and their roles."
    )

    def __init__(self) -> None:
        """Start with no roles."""
        super().__init__()
        self["roles"] = []

    def opt_role(self, text: str) -> None:
        """A role of the account; it replaces the present ones. May be repeated."""
        self["roles"].append(text)

    opt_r = opt_role

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [DIR [NAME]]."""
        self._dirAnd("account", args)


class TokenOptions(MakerBase):
    """The options of C{token}."""

    synopsis = "[options] add|list|revoke DIR [NAME]"
    optFlags = [["json", "j", "Print the answer as JSON."]]
    optParameters = [
        ["days", "d", 90, "How many days the new token lasts; 0: it does not expire.", count("--days")],
        ["owner", "o", None, "The account on whose behalf the new token acts; it may do no more than that."],
    ]
    longdesc = (
        "Makes, lists or revokes tokens: scripts send one as `Authorization: Bearer TOKEN` to the web "
        "pages and the API of the master in DIR, which may run. The token itself is shown once."
    )

    def __init__(self) -> None:
        """Start with no actions and no builders."""
        super().__init__()
        self["actions"] = []
        self["builders"] = []

    def opt_action(self, text: str) -> None:
        """An action that the new token allows, such as view or forceBuild. May be repeated."""
        self["actions"].append(text)

    opt_a = opt_action

    def opt_builder(self, text: str) -> None:
        """A builder that the new token allows, or a name with * and ?. May be repeated. Default: all."""
        self["builders"].append(text)

    opt_b = opt_builder

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: add|list|revoke DIR [NAME]."""
        if not args or args[0] not in ("add", "list", "revoke"):
            raise usage.UsageError("give add, list or revoke first, then DIR")
        self["verb"], *rest = args
        if self["verb"] == "list":
            self["name"] = None
            super().parseArgs(*rest)
        else:
            self["name"] = self._dirAndMust("token", "NAME", rest)


class AuditOptions(RemoteBase):
    """The options of C{audit}."""

    optFlags = [["json", "j", "Print the actions as JSON."]]
    optParameters = [
        ["count", "c", 100, "How many actions to show, at most 10000.", count("--count")],
        ["who", "w", None, "Only actions of this user."],
        ["subject", "s", None, "Only actions on this, such as builder/NAME, slave/NAME or master."],
        ["since", "", None, "Only actions since: 2h, 3d, 2026-11-30.", pointIn("--since")],
    ]
    longdesc = (
        "Shows who has done what on the master in DIR: on web pages, through the API and with "
        "commands. The latest action is first."
    )


class DemoOptions(MakerBase):
    """The options of C{demo}."""

    longdesc = (
        "Makes a master and a slave in DIR (default: a new temporary directory), starts both, and shows a "
        "build. Prints each command that it uses. Master and slave keep running."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: [DIR]."""
        if args:
            super().parseArgs(*args)
        else:
            self["basedir"] = None

    def postOptions(self) -> None:
        """Make the directory absolute. Without one, the command makes a temporary directory."""
        if self["basedir"] is not None:
            super().postOptions()
