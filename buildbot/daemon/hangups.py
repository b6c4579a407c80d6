# -*- test-case-name: tests.unit.daemon.test_hangups,tests.stories.test_admin -*-
"""Handle SIGHUP, which asks a daemon to read its configuration again.

The service decides what it reads.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads

from buildbot.daemon.readiness import notify


class Hangups:
    """I catch SIGHUP between C{catch} and C{release}. Signals that come close together count as one."""

    def __init__(self, reactor: IReactorFromThreads, hungUp: Callable[[], object]) -> None:
        """@param hungUp: called in the reactor's thread; once for signals that come close together."""
        self._reactor = reactor
        self._hungUp = hungUp
        self._before: Any = None
        self._isDue = False

    def catch(self) -> None:
        """Start to catch the signal. Does nothing outside of the main thread."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGHUP, self._caught)

    def release(self) -> None:
        """Restore the signal's former handler."""
        if self._before is not None:
            signal.signal(signal.SIGHUP, self._before)
            self._before = None

    def _caught(self, number: int, frame: object) -> None:
        if not self._isDue:
            self._isDue = True
            self._reactor.callFromThread(self._tell)

    def _tell(self) -> None:
        self._isDue = False
        self._hungUp()


def reloadBegins(environ: Mapping[str, str]) -> None:
    """Tell systemd (C{Type=notify-reload}) that the configuration is being read again."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", environ)


def reloadEnds(environ: Mapping[str, str]) -> None:
    """Tell systemd that the reload is over."""
    notify("READY=1", environ)
