# -*- test-case-name: tests.stories.test_try -*-
"""Deliver a try job over ssh to C{buildbot tryserver}, which runs on the host of the master.

With C{--wait}, C{tryserver} stays, and prints a line of JSON for each event of the builds.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from buildbot.text.printable import plain

#: A line of output with more bytes is not an event.
_LONGEST_LINE = 1 << 20


class SSHFailed(Exception):
    """The job could not be delivered over ssh. The message is for the user."""


def sshCommand(host: str, user: str | None, program: str, jobdir: str, waits: bool) -> list[str]:
    """The command that runs C{buildbot tryserver} on the host of the master.

    @param program: the path of C{buildbot} there, as its shell reads it.
    @raise SSHFailed: the host or the directory is missing.
    """
    if not host or host.startswith("-"):
        raise SSHFailed("--connect=ssh needs --host: the host of the master")
    if not jobdir:
        raise SSHFailed("--connect=ssh needs --jobdir: the directory for jobs on the host of the master")
    login = ["-l", user] if user else []
    remote = [program, "tryserver", "--jobdir", shlex.quote(jobdir), *(["--wait"] if waits else [])]
    return ["ssh", *login, host, *remote]


class RemoteTryPP(ProcessProtocol):
    """I give a job to ssh, and read the events that come back.

    @ivar d: fires with (None, 0) when ssh has ended with success; fails with L{SSHFailed}.
    """

    def __init__(self, job: bytes, told: Callable[[Mapping[str, Any]], object] | None = None) -> None:
        """@param told: called with each event; without it, all output is printed."""
        self.job = job
        self.d: Deferred[tuple[None, int]] = Deferred()
        self._told = told
        self._rest = b""

    def start(self, reactor: Any, command: Sequence[str]) -> Deferred[tuple[None, int]]:
        """Run the command. It may ask for a password on the terminal. Returns C{d}."""
        argv = [os.fsencode(each) for each in command]
        try:
            reactor.spawnProcess(self, argv[0], argv, dict(os.environ))
        except OSError as error:
            self.d.errback(SSHFailed(f"cannot run {command[0]}: {error.strerror}"))
        return self.d

    def connectionMade(self) -> None:
        """Write the job."""
        assert self.transport is not None
        self.transport.write(self.job)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Pass on events, and print other output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > _LONGEST_LINE:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        event = _eventOf(line) if self._told is not None else None
        if event is not None and self._told is not None:
            self._told(event)
        else:
            print(plain(line.decode("utf-8", "surrogateescape")), flush=True)

    def errReceived(self, data: bytes) -> None:
        """Pass on the error output."""
        sys.stderr.write(plain(data.decode("utf-8", "surrogateescape")))
        sys.stderr.flush()

    def processEnded(self, reason: Failure) -> None:
        """Tell the end."""
        if self._rest:
            self._line(self._rest)
        signal, status = getattr(reason.value, "signal", None), getattr(reason.value, "exitCode", None)
        if signal is not None or status:
            how = f"signal {signal}" if signal is not None else f"status {status}"
            self.d.errback(SSHFailed(f"the remote `buildbot tryserver` ended with {how}"))
        else:
            self.d.callback((None, 0))


def _eventOf(line: bytes) -> Mapping[str, Any] | None:
    """The event in a line; None if it is other output."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
