# -*- test-case-name: tests.unit.gerrit.test_ssh -*-
"""Add reviews on a Gerrit server with the program ssh, which has a time limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime

from buildbot.config.arguments import Kind
from buildbot.config.kinds import isText, isWhole
from buildbot.gerrit.reviews import commandOf, versionOf
from buildbot.outgoing.target import NotNow, Refused, TargetDown
from buildbot.programs.running import ProgramFailed

#: Seconds for one run of ssh, and those after which the version of the server is asked again.
TIMEOUT = 60.0
VERSION_TIME = 600.0
#: The exit status of ssh for its own errors, and that of a program that is missing.
_SSH, _MISSING = 255, 127
#: Words of Gerrit that say that the same review may be added later.
_LATER = ("internal server error", "unavailable", "timeout", "lock failure")

#: Runs a program: (command, seconds) -> its output. Fails with L{ProgramFailed}.
Run = Callable[[Sequence[str], float], Deferred[bytes]]


def _isUser(value: object) -> bool:
    return isText(value) and re.fullmatch(r"[A-Za-z0-9_][^\s@]*", str(value)) is not None


USER = Kind("the name of an account, without blanks", _isUser, standIn="x")
PORT = Kind("a port from 1 to 65535", lambda value: isWhole(value) and 0 < value < 65536, standIn=29418)


@dataclass(frozen=True)
class Login:
    """I am an account on a Gerrit server.

    @ivar key: the file of a private key; None: ssh finds one.
    """

    server: str
    username: str
    port: int
    key: str | None = None

    @property
    def name(self) -> str:
        """The account for people."""
        return f"Gerrit reviews to {self.username}@{self.server}:{self.port}"

    def command(self, words: Sequence[str], *options: str) -> list[str]:
        """The command that runs some words on the server, with options for ssh. ssh asks no questions."""
        key = [] if self.key is None else [f"-i{self.key}"]
        return [
            "ssh",
            "-oBatchMode=yes",
            *options,
            *key,
            f"-p{self.port}",
            f"-l{self.username}",
            self.server,
            *words,
        ]


class GerritTarget:
    """I am the L{Target<buildbot.outgoing.target.Target>} for a Gerrit server.

    A message is a dict: C{project}, C{patchSet}, C{message}, C{labels} and C{notify}.
    """

    def __init__(self, login: Login, clock: IReactorTime, run: Run) -> None:
        self.login = login
        self._clock, self._run = clock, run
        self._version: tuple[int, int] | None = None
        self._asked: float | None = None  # when the version was asked

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        """See L{Target<buildbot.outgoing.target.Target>}."""
        return ensureDeferred(self._deliver(message))

    async def _deliver(self, message: Mapping[str, Any]) -> None:
        try:
            if self._asked is None or self._clock.seconds() - self._asked > VERSION_TIME:
                output = await self._run(self.login.command(["gerrit", "version"]), TIMEOUT)
                self._version, self._asked = versionOf(output), self._clock.seconds()
            await self._run(self.login.command(commandOf(message, self._version)), TIMEOUT)
        except ProgramFailed as why:
            raise outcomeOf(why) from None

    def rest(self) -> None:
        """See L{Target<buildbot.outgoing.target.Target>}. There is no open connection."""


def outcomeOf(why: ProgramFailed) -> Exception:
    """The meaning of a failed run for the sender."""
    said = str(why)
    if why.status == _SSH:
        return TargetDown(said, "let the user of the master log in with ssh once, without a question")
    if why.status == _MISSING:
        return TargetDown(said, "install ssh")
    if why.status is None:  # a limit or a signal ended it
        return TargetDown(said)
    return NotNow(said) if any(each in said.lower() for each in _LATER) else Refused(said)
