# -*- test-case-name: tests.unit.scripts.test_runner -*-
"""The entry point C{buildbot}: parse the arguments and run one command.

Each command is a module of this package, imported only when it is used. So commands start fast, without
the modules of the master.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from twisted.python import usage

from buildbot.daemon.directory import TAC
from buildbot.daemon.oserrors import inWords
from buildbot.scripts import colours, streams
from buildbot.scripts.arguments import MakerBase
from buildbot.scripts.buildoptions import ForceOptions, SendChangeOptions
from buildbot.scripts.commands import COMMANDS, Options
from buildbot.scripts.options import (
    MasterOptions,
    ReconfigOptions,
    RestartOptions,
    SlaveOptions,
    StartOptions,
    StopOptions,
)
from buildbot.scripts.output import CommandFailed, Config, command, complain
from buildbot.scripts.tryoptions import TryOptions, TryServerOptions
from buildbot.text.printable import plainLine

#: The names of 0.7.5, and the entry point.
__all__ = [
    "ForceOptions",
    "MakerBase",
    "MasterOptions",
    "Options",
    "ReconfigOptions",
    "RestartOptions",
    "SendChangeOptions",
    "SlaveOptions",
    "StartOptions",
    "StopOptions",
    "TryOptions",
    "TryServerOptions",
    "createMaster",
    "createSlave",
    "doTry",
    "doTryServer",
    "main",
    "restart",
    "run",
    "sendchange",
    "stop",
]

#: Longer arguments are shortened in messages. Paths are not longer.
_LONGEST_REPEATED = 1024


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


def doTry(config: Config) -> int:
    """See L{buildbot.scripts.trycommand.doTry}."""
    return _do("try", config)


def doTryServer(config: Config) -> int:
    """See L{buildbot.scripts.tryserver.tryserver}."""
    return _do("tryserver", config)


def _do(name: str, config: Config, *more: object) -> int:
    return COMMANDS[name].load()(config, *more)


def main(argv: Sequence[str]) -> int:
    """Parse the arguments and run the command. Returns the exit status: 2 for invalid arguments."""
    options = Options()
    try:
        return _runCommand(options, argv)
    except CommandFailed as why:
        complain(*_shortened(_swapped(options, argv) or why.lines, argv))
        return why.status
    except streams.CannotPrint as why:
        return _notPrinted(why)
    except BrokenPipeError:
        streams.giveUp()  # the reader of our output has closed the pipe
        return 1
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except OSError as why:
        complain(*_shortened([f"buildbot: {inWords(why)}"], argv), *_traceback(options))
        return 1
    except Exception as why:  # a bug of ours; a traceback does not help the user
        complain(plainLine(f"buildbot: internal error: {type(why).__name__}: {why}"), *_traceback(options))
        if not options["verbose"]:
            verb = str(getattr(options, "subCommand", "") or "COMMAND")
            complain(f"This is a bug in buildbot. `{command('--verbose', verb)} …` shows where it is.")
        return 1


def _runCommand(options: Options, argv: Sequence[str]) -> int:
    try:
        options.parseOptions(argv)
    except usage.UsageError as why:
        wrong: Any = getattr(options, "subOptions", options)
        verb = () if wrong is options else (str(options.subCommand),)
        complain(*_shortened([f"buildbot: {why}"], argv), wrong.getSynopsis())
        complain(f"See `{command(*verb, '--help')}`.")
        return 2
    config = options.subOptions
    config["verbose"] = options["verbose"]
    colours.choose(config.get("color") or options["color"] or colours.AUTO)
    return _do(str(options.subCommand), config)


def _swapped(options: Options, argv: Sequence[str]) -> list[str]:
    """A line for arguments in a wrong order: DIR is no directory, but a later argument is one of a master."""
    config: Any = getattr(options, "subOptions", None)
    here = None if config is None else config.get("basedir")
    if not isinstance(here, str) or os.path.lexists(here):
        return []
    first = ""
    with suppress(OSError):  # the current directory may be deleted
        for each in argv:
            if os.path.abspath(each) == os.path.abspath(here):
                first = each
            elif first and os.path.exists(os.path.join(each, TAC)):
                usual = command(str(options.subCommand), each, first)
                return [plainLine(f"there is no directory {first}; the directory comes first: `{usual}`")]
    return []


def _shortened(lines: Sequence[str], argv: Sequence[str]) -> list[str]:
    """Lines about arguments, in which very long arguments are shortened."""
    for argument in sorted(argv, key=len, reverse=True):
        if len(argument) <= _LONGEST_REPEATED:
            break
        lines = [line.replace(argument, f"{argument[:60]}…") for line in lines]
    return list(lines)


def _notPrinted(why: OSError) -> int:
    streams.giveUp()
    complain(f"buildbot: cannot write to standard output: {inWords(why)}")
    return 1


def _traceback(options: Options) -> list[str]:
    """The traceback as lines, with C{--verbose}; else empty."""
    return traceback.format_exc().splitlines() if options["verbose"] else []


def run() -> None:
    """The entry point of the command; ends the process."""
    status: object = 130
    try:
        # SIGTERM acts like Ctrl-C, so that an interrupted start is undone.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        streams.prepare()
        status = _finished(main(sys.argv[1:]))
    except SystemExit as end:  # after the help, or a version
        status = _finished(end.code)
    except KeyboardInterrupt:
        complain("interrupted")
        status = _finished(130)
    finally:
        # A signal during the interpreter's shutdown ends it, without a traceback.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
    sys.exit(status)  # type: ignore[arg-type]


def _finished(status: object) -> object:
    """Flush the output, and return the exit status."""
    try:
        streams.finish()
    except streams.CannotPrint as why:
        return _notPrinted(why)
    except BrokenPipeError:
        streams.giveUp()
        return status or 1
    return status
