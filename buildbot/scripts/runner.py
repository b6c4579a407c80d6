# -*- test-case-name: tests.test_scripts_runner -*-
"""The command C{buildbot}: it reads its arguments and has one command done.

Each command is a module of this package, loaded only when it is wanted: starting and asking must not
cost the time that it takes to load a master.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from twisted.python import usage

from buildbot.scripts.arguments import MakerBase
from buildbot.scripts.buildoptions import (
    BuildsOptions,
    DisconnectOptions,
    ForceBuildOptions,
    ForceOptions,
    LogOptions,
    PauseOptions,
    SendChangeOptions,
    StopBuildOptions,
    UnpauseOptions,
)
from buildbot.scripts.options import (
    CheckConfigOptions,
    DemoOptions,
    MasterOptions,
    Options,
    ReconfigOptions,
    RestartOptions,
    SlaveOptions,
    StartOptions,
    StatusOptions,
    StopOptions,
)
from buildbot.scripts.words import CommandFailed, Config, command, complain

__all__ = [
    "BuildsOptions",
    "CheckConfigOptions",
    "DemoOptions",
    "DisconnectOptions",
    "ForceBuildOptions",
    "ForceOptions",
    "LogOptions",
    "MakerBase",
    "MasterOptions",
    "Options",
    "PauseOptions",
    "ReconfigOptions",
    "RestartOptions",
    "SendChangeOptions",
    "SlaveOptions",
    "StartOptions",
    "StatusOptions",
    "StopBuildOptions",
    "StopOptions",
    "UnpauseOptions",
    "createMaster",
    "createSlave",
    "main",
    "restart",
    "run",
    "sendchange",
    "stop",
]

#: Which function does each command: called with its options, it returns the exit status.
_DOERS = {
    "create-master": ("create", "createMaster"),
    "create-slave": ("create", "createSlave"),
    "start": ("startup", "start"),
    "stop": ("stop", "stop"),
    "restart": ("stop", "restart"),
    "reconfig": ("reconfig", "reconfig"),
    "sighup": ("reconfig", "reconfig"),
    "checkconfig": ("checkconfig", "checkconfig"),
    "status": ("status", "status"),
    "disconnect": ("disconnect", "disconnect"),
    "pause": ("pause", "pause"),
    "drain": ("pause", "drain"),
    "unpause": ("pause", "unpause"),
    "builds": ("builds", "builds"),
    "log": ("log", "log"),
    "force": ("force", "force"),
    "stopbuild": ("force", "stopbuild"),
    "sendchange": ("sendchange", "sendchange"),
    "demo": ("demo", "demo"),
}


def createMaster(config: Config) -> int:
    """See L{buildbot.scripts.create.createMaster}."""
    return _do("create-master", config)


def createSlave(config: Config) -> int:
    """See L{buildbot.scripts.create.createSlave}."""
    return _do("create-slave", config)


def stop(config: Config, signame: str = "TERM", wait: bool = True) -> int:
    """See L{buildbot.scripts.stop.stop}."""
    return _do("stop", config, signame, wait)


def restart(config: Config) -> int:
    """See L{buildbot.scripts.stop.restart}."""
    return _do("restart", config)


def sendchange(config: Config, runReactor: bool = False) -> object:
    """See L{buildbot.scripts.sendchange.sendchange}, and, without C{runReactor}, C{send} beside it."""
    module = import_module("buildbot.scripts.sendchange")
    return module.sendchange(config) if runReactor else module.send(config)


def _do(name: str, config: Config, *more: object) -> int:
    module, function = _DOERS[name]
    status: int = getattr(import_module(f"buildbot.scripts.{module}"), function)(config, *more)
    return status


def main(argv: Sequence[str]) -> int:
    """Do what the arguments say. Returns the exit status: 2 for arguments that are not understood."""
    options = Options()
    try:
        options.parseOptions(argv)
    except usage.UsageError as why:
        wrong: Any = getattr(options, "subOptions", options)
        verb = () if wrong is options else (str(options.subCommand),)
        complain(f"buildbot: {why}", wrong.getSynopsis(), f"`{command(*verb, '--help')}` says more.")
        return 2
    config = options.subOptions
    config["verbose"] = options["verbose"]
    try:
        return _do(str(options.subCommand), config)
    except CommandFailed as why:
        complain(*why.lines)
        return why.status
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is still in the buffer must not be complained of.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as why:
        complain(f"buildbot: {why}", *(traceback.format_exc().splitlines() if config["verbose"] else ()))
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return 130


def run() -> None:
    """The entry point of the command; ends the process."""
    # SIGTERM ends a command as Ctrl-C does: a start that nobody waits for any more is taken back.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _openStreams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))


def _openStreams() -> None:
    """Have an output that leads nowhere for each that the caller has closed.

    Nothing else shall get the number of one, and what is printed then.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))
