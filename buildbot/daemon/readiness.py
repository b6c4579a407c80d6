# -*- test-case-name: tests.unit.daemon.test_readiness -*-
"""Report that a process is ready, or why its start failed: by a start-up pipe and sd_notify.

Each service decides when it is ready. L{buildbot.daemon.run} waits for all of them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence

from twisted.application.service import IService
from twisted.internet.defer import Deferred
from zope.interface import Interface

from buildbot.daemon.outcome import Outcome


class StartFailed(Exception):
    """The start of a service failed. C{lines} name the error and the remedy, for the user."""

    def __init__(self, lines: Sequence[str]) -> None:
        Exception.__init__(self, *lines)
        self.lines = list(lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class IPages(Interface):
    """A service with pages, which another process can serve."""

    def pagesOnly(home: str, port: str) -> IService:
        """A service for a process that only serves my pages. I myself am not started there.

        @param home: the directory of its own logs.
        @param port: the port of the pages; "": that of the configuration.
        """


class IStandby(Interface):
    """A service that can wait while another one of its kind is active, and take over."""

    def standBy() -> None:
        """Called before startService: wait while another one is active."""


class IEnds(Interface):
    """A service that may find that the process must end, after it was ready."""

    def whenOver() -> Deferred[list[str]]:
        """Called once, right before startService.

        @return: fires with the reason, as lines for the user; then the process stops, with a failure.
        """


class IReadiness(Interface):
    """A service that may become ready later than its startService returns."""

    def whenReady() -> Deferred[list[str]]:
        """Called once, right before startService.

        @return: fires with lines for the user ("slaves: tcp 9989", …) when the service works; fails with
            L{StartFailed} if it cannot work.
        """


class Reporter:
    """I report the outcome of the start to the parent process, once. I report all states to systemd."""

    def __init__(self, readyFd: int | None, environ: Mapping[str, str]) -> None:
        """@param readyFd: the writing end of the start-up pipe, which I close; None without one.
        @param environ: the environment, for NOTIFY_SOCKET.
        """
        self._readyFd = readyFd
        self._environ = environ
        self.told = False
        if readyFd is not None:
            # A child that kept the pipe open would keep the command line waiting.
            os.set_inheritable(readyFd, False)

    def ready(self, lines: Sequence[str]) -> None:
        """Report that all services are ready."""
        self._tell(Outcome(True, tuple(lines)))
        notify(f"READY=1\nSTATUS={_status(lines)}", self._environ)

    def failed(self, lines: Sequence[str]) -> None:
        """Report a failed start: the process will end. Only the first report counts."""
        if not self.told:
            self._tell(Outcome(False, tuple(lines)))
            notifyState(lines, self._environ)

    def stopping(self) -> None:
        """Report that the process stops."""
        notify("STOPPING=1", self._environ)

    def _tell(self, outcome: Outcome) -> None:
        self.told = True
        descriptor, self._readyFd = self._readyFd, None
        if descriptor is not None:
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(outcome.toBytes())
            except BrokenPipeError:
                pass  # the parent has ended


def watchdogInterval(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two C{WATCHDOG=1}: half of the limit that systemd sets; None without a limit."""
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", ""))
        mine = int(environ.get("WATCHDOG_PID", pid)) == pid
    except ValueError:
        return None
    return microseconds / 2_000_000 if mine and microseconds > 0 else None


def notify(state: str, environ: Mapping[str, str]) -> bool:
    """Send one datagram to the service manager, see sd_notify(3). Returns False if it could not be sent."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)
            sender.sendto(state.encode("utf-8", "replace"), address)
    except OSError:
        return False  # the master works without the manager
    return True


def notifyState(lines: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Replace what systemd shows as the state of the process. Returns False if it could not be sent."""
    return notify(f"STATUS={_status(lines)}", environ)


def _status(lines: Sequence[str]) -> str:
    """Join lines to one: sd_notify would read a second line as another variable."""
    return " ".join("; ".join(lines).split())
