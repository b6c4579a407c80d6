# -*- test-case-name: tests.unit.scripts.test_runner,tests.unit.scripts.test_waiting -*-
"""Common parts of the commands: messages, errors and requests to the master."""

from __future__ import annotations

import json
import os
import pwd
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

from buildbot.control import client
from buildbot.daemon import directory, lock, otherdaemon
from buildbot.daemon.commandline import command as command  # which all commands have from here
from buildbot.daemon.oserrors import inWords
from buildbot.scripts.progress import Progress, aside
from buildbot.text.colour import Painted
from buildbot.text.printable import plain

#: The options of a command, as the functions of 0.7.5 take them.
Config = Mapping[str, object]
_Value = TypeVar("_Value")

#: The most seconds to wait for a master that should answer at once.
PATIENCE = 10.0
#: The seconds before the first message about a wait, and between later ones.
_MOMENT = 1.9
_AGAIN = 10.0
#: The seconds between two drawings of the line on a terminal.
_REDRAW = 0.5
#: The environment variable that may hold a token.
TOKEN = "BUILDBOT_TOKEN"
#: The most characters of the file of a token.
LONGEST_TOKEN = 1000
#: Commands that change nothing: for these it does not matter if a silent master carries them out later.
_QUESTIONS = (
    *("status", "builds", "build", "request", "parameters", "audit", "tokens"),
    *("changes", "change", "slave", "schedulers", "disk"),
)


class CommandFailed(Exception):
    """The command failed, with an exit status other than 0; C{lines} give the reason and the remedy."""

    def __init__(self, *lines: str, status: int = 1) -> None:
        Exception.__init__(self, *lines)
        self.lines: Sequence[str] = lines
        self.status = status

    def __str__(self) -> str:
        return "\n".join(self.lines)


class Away(CommandFailed):
    """No master answers, perhaps only for a moment: it may be restarting."""


class NoMaster(Away):
    """No master answers in the directory."""


def say(config: Config, *lines: str) -> None:
    """Print lines for the user, unless C{--quiet} was given."""
    if not config.get("quiet"):
        with aside():
            for line in lines:
                print(line if isinstance(line, Painted) else plain(line), flush=True)


def complain(*lines: str) -> None:
    """Print lines on standard error, also with C{--quiet}. Ignores failures to print."""
    with suppress(OSError, ValueError), aside():
        for line in lines:
            print(plain(line), file=sys.stderr, flush=True)


@contextmanager
def waiting(config: Config, what: str | Callable[[float], str]) -> Iterator[None]:
    """A context that tells the user about a long wait, after a moment and then at intervals.

    A terminal has one line for that, which is drawn again and again, and erased in the end.

    @param what: words to follow "waiting for"; or a function that returns a whole line, called in a thread
        with the seconds that have passed.
    """
    over = threading.Event()
    line = Progress(config, moment=0.0)

    def tell() -> None:
        begun, pause = time.monotonic(), _MOMENT
        while not over.wait(pause):
            passed = time.monotonic() - begun
            words = what(passed) if callable(what) else f"waiting for {what} ({passed:.0f} s) …"
            if line.isOn:
                pause = _REDRAW
                line.show(words, unless=over.is_set)
            else:
                pause = _AGAIN
                complain(words)

    if config.get("quiet"):
        yield
        return
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        line.clear()


def sayJSON(config: Config, said: object) -> bool:
    """Print an answer as JSON if C{--json} was given. Returns True if it was."""
    if config.get("json"):
        print(json.dumps(said, indent=2))
    return bool(config.get("json"))


def loginName() -> str:
    """The name of the account that runs the command, independent of the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def setting(config: Config, name: str, kind: type[_Value], default: _Value) -> _Value:
    """The value of an option; the default if it is missing (as from callers of 0.7.5) or of another type."""
    value = config.get(name)
    return value if isinstance(value, kind) else default


def basedir(config: Config) -> str:
    """The directory of the command, as an absolute path."""
    return os.path.abspath(setting(config, "basedir", str, "."))


def usable(config: Config, toWrite: bool = True) -> str:
    """The real path of the command's directory. Raises L{CommandFailed} if it is not usable.

    @param toWrite: whether the command writes to the directory.
    """
    try:
        return directory.enter(basedir(config), toWrite)
    except directory.Unusable as why:
        raise CommandFailed(str(why)) from None


def refuseStranger(here: str) -> None:
    """Raise L{CommandFailed} if another program runs a daemon in a directory whose lock was free just now."""
    other = otherdaemon.daemonIn(here)
    if other is None or lock.holder(here) is not None:
        return
    # A process of ours removes its pid file before it releases the lock: look again.
    if otherdaemon.daemonIn(here) == other:
        raise CommandFailed(otherdaemon.words(other, here))


def askMaster(
    config: Config,
    verb: str,
    params: Mapping[str, object],
    patience: float | None = PATIENCE,
    whatFor: str | Callable[[float], str] = "the master to answer",
) -> object:
    """Send a command to the control socket of the directory's master, and return the answer.

    @param patience: the most seconds to wait; None: no limit.
    @param whatFor: the message about a long wait; see L{waiting}.
    @raise NoMaster: there is no master.
    @raise CommandFailed: it does not answer, or it refuses the command.
    """
    url = setting(config, "url", str, "")
    here = url or usable(config, toWrite=False)
    try:
        with waiting(config, whatFor):
            if url:
                from buildbot.control import remote  # it is slow to import, and seldom needed

                return remote.request(url, tokenOf(config), verb, params, patience)
            return client.request(here, verb, params, patience)
    except client.NotRunning:
        raise NoMaster(_silent(here)) from None
    except client.Unreachable as why:
        raise Away(str(why)) from None
    except client.HungUp as why:  # it may have carried out an action
        raise (Away if verb in _QUESTIONS else CommandFailed)(str(why)) from None
    except client.NoAnswer as why:
        maybe = "" if verb in _QUESTIONS else "; it may still carry out the command"
        raise CommandFailed(f"{why}{maybe}") from None
    except client.ControlError as why:
        raise refused(f"{why}{'' if url else _otherRelease(str(why), here)}") from None


def refused(why: str) -> CommandFailed:
    """The error for a refusal by a master. One that waits has lost its place, perhaps, since it was asked."""
    return (Away if why.startswith(client.STANDS_BY) else CommandFailed)(*why.split("\n"))


def tokenOf(config: Config) -> str:
    """The token in the file of --token, or in the environment; empty without both."""
    path = config.get("token")
    if path is None:
        return os.environ.get(TOKEN, "").strip()
    try:
        with open(str(path), encoding="ascii") as file:
            found = file.read(LONGEST_TOKEN).strip()
    except (OSError, ValueError) as why:
        said = inWords(why) if isinstance(why, OSError) else "it is no text in ASCII"
        raise CommandFailed(f"cannot read the token in {path}: {said}") from None
    if not found or not found.isprintable():
        raise CommandFailed(f"there is no token in {path}: it must have the token alone")
    return found


def _otherRelease(refusal: str, here: str) -> str:
    """The remedy for a refusal by a master that was started before this program was installed."""
    if not (refusal.startswith("this master knows no command") or ": unknown parameter " in refusal):
        return ""
    return f"; the master still runs an older release: `{command('restart', here)}` starts the installed one"


def _silent(here: str) -> str:
    """The message for a directory without an answering master."""
    kind = directory.kindOf(directory.readTac(here))
    found = lock.holder(here)
    if kind is directory.Kind.SLAVE:
        return f"{here} is a buildslave's directory: ask its master"
    if found is None:
        refuseStranger(here)
        with suppress(directory.Unusable):
            if directory.storeAddress(directory.readTac(here)):
                from buildbot.scripts.elsewhere import (
                    activeElsewhere,  # it is slow to import, and seldom needed
                )

                return activeElsewhere(here)
        return f"no {kind.value} is running in {here}: `{command('start', here)}` starts it"
    return f"the {kind.value} in {here} ({found}) does not answer yet: it is starting or stopping"
