# -*- test-case-name: tests.unit.scripts.test_runner,tests.unit.scripts.test_waiting -*-
"""Output of the commands: messages, errors and questions to the master."""

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
from buildbot.text.printable import plain

#: A command's options, and what a command adds to them: what a function of 0.7.5 takes.
Config = Mapping[str, object]
_Value = TypeVar("_Value")

#: The most seconds to wait for a master that should answer at once.
PATIENCE = 10.0
#: The seconds before the first message about a wait, and between later ones.
_MOMENT = 1.9
_AGAIN = 10.0
#: What changes nothing, so that nobody needs to know whether a silent master has heard it.
_QUESTIONS = ("status", "builds", "build")


class CommandFailed(Exception):
    """A command ends with an exit status other than 0; C{lines} say why, and what to do about it."""

    def __init__(self, *lines: str, status: int = 1) -> None:
        Exception.__init__(self, *lines)
        self.lines: Sequence[str] = lines
        self.status = status

    def __str__(self) -> str:
        return "\n".join(self.lines)


def say(config: Config, *lines: str) -> None:
    """Print lines for the user, unless C{--quiet} was given."""
    if not config.get("quiet"):
        for line in lines:
            print(plain(line), flush=True)


def complain(*lines: str) -> None:
    """Print lines on standard error, also with C{--quiet}. Ignores failures to print."""
    with suppress(OSError, ValueError):
        for line in lines:
            print(plain(line), file=sys.stderr, flush=True)


@contextmanager
def waiting(config: Config, what: str | Callable[[float], str]) -> Iterator[None]:
    """Tell the user what is waited for, if that takes longer than a moment, and again now and then.

    @param what: words that follow "waiting for"; or called, in a thread, with the seconds that have passed,
        for a whole line.
    """
    over = threading.Event()

    def tell() -> None:
        begun, pause = time.monotonic(), _MOMENT
        while not over.wait(pause):
            passed, pause = time.monotonic() - begun, _AGAIN
            complain(what(passed) if callable(what) else f"waiting for {what} ({passed:.0f} s) …")

    if config.get("quiet"):
        yield
        return
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()


def sayJSON(config: Config, said: object) -> bool:
    """Print an answer as JSON, if C{--json} was given; whether it was."""
    if config.get("json"):
        print(json.dumps(said, indent=2))
    return bool(config.get("json"))


def loginName() -> str:
    """Who runs the command: the name of the account, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def setting(config: Config, name: str, kind: type[_Value], default: _Value) -> _Value:
    """One option, if it was given and is of that type; a caller of 0.7.5's functions may leave it out."""
    value = config.get(name)
    return value if isinstance(value, kind) else default


def basedir(config: Config) -> str:
    """The directory that the command is about, as an absolute path."""
    return os.path.abspath(setting(config, "basedir", str, "."))


def usable(config: Config, toWrite: bool = True) -> str:
    """The real path of the directory that the command is about. Raises L{CommandFailed} if it is none.

    @param toWrite: whether something is to be written there.
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
    # One of ours that was about to go has taken its pid file away before it let go of the lock.
    if otherdaemon.daemonIn(here) == other:
        raise CommandFailed(otherdaemon.words(other, here))


def askMaster(
    config: Config,
    verb: str,
    params: Mapping[str, object],
    patience: float | None = PATIENCE,
    whatFor: str | Callable[[float], str] = "the master to answer",
) -> object:
    """What the master of the directory answers to a command of its control socket.

    @param patience: for how many seconds to wait; None: as long as it lives.
    @param whatFor: what to tell a user who has to wait: see L{waiting}.
    @raise CommandFailed: there is none, it does not answer, or it refuses.
    """
    here = usable(config, toWrite=False)
    try:
        with waiting(config, whatFor):
            return client.request(here, verb, params, patience)
    except client.NotRunning:
        raise CommandFailed(_silent(here)) from None
    except client.NoAnswer as why:
        maybe = "" if verb in _QUESTIONS else "; it may do it all the same, now or later"
        raise CommandFailed(f"{why}{maybe}") from None
    except client.ControlError as why:
        raise CommandFailed(str(why)) from None


def _silent(here: str) -> str:
    """The message about a master that does not answer."""
    kind = directory.kindOf(directory.readTac(here))
    found = lock.holder(here)
    if kind is directory.Kind.SLAVE:
        return f"{here} is a buildslave's directory: ask its master"
    if found is None:
        refuseStranger(here)
        return f"no {kind.value} is running in {here}: `{command('start', here)}` starts it"
    return f"the {kind.value} in {here} ({found}) does not answer yet: it is starting or stopping"
