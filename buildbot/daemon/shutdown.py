# -*- test-case-name: tests.unit.daemon.test_shutdown -*-
"""Shutdown on a signal: clean within nine seconds, forced after that.

The services define the clean end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol

from twisted.logger import Logger

#: The most seconds for a clean end: one less than the ten seconds that users are promised.
DEADLINE = 9.0


class _Startable(Protocol):
    def start(self) -> None: ...


class Stopper:
    """I handle SIGTERM and SIGINT. The first signal starts a clean end; a second ends the process at once.

    My deadline runs in a thread, because a blocked reactor may be the reason why services do not stop.
    """

    log = Logger()

    def __init__(
        self,
        cleanUp: Callable[[], None],
        leave: Callable[[int], object] = os._exit,
        timer: Callable[[float, Callable[[], None]], _Startable] | None = None,
    ) -> None:
        """@param cleanUp: removes the files that belong to the running process.
        @param leave: ends the process with an exit status.
        @param timer: called with seconds and a function. Returns an object whose C{start} starts the timer.
        """
        self._cleanUp = cleanUp
        self._leave = leave
        self._timer = timer or _daemonTimer
        self._signals = 0
        self.begun = False  # True after the end has begun
        self.stop: Callable[[], None] | None = None  # starts a clean end; None if there is nothing to stop
        self.waitingFor: Callable[[], Sequence[str]] = lambda: ()

    def install(self) -> None:
        """Install the signal handlers; call it again if other code has replaced them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.signalled)

    def signalled(self, number: int, frame: FrameType | None = None) -> None:
        """Handle SIGTERM or SIGINT."""
        name = signal.Signals(number).name
        self._signals += 1
        if self.stop is None or self._signals > 1:
            self._end(f"{name}: ending at once", 1)
        else:
            self.log.info("{name}: stopping", name=name)
            self.begin()
            self.stop()

    def begin(self) -> None:
        """Start the deadline: the process is ending, by a signal or otherwise."""
        if not self.begun:
            self.begun = True
            self._timer(DEADLINE, self._overdue).start()

    def _overdue(self) -> None:
        names = ", ".join(self.waitingFor()) or "the process itself"
        self._end(f"not stopped within {DEADLINE:g} s: ending without waiting for {names}{_busyAt()}", 1)

    def _end(self, why: str, status: int) -> None:
        try:
            self.log.error("{why}", why=why)
            self._cleanUp()
        finally:
            self._leave(status)


def _daemonTimer(seconds: float, function: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    return timer


def _busyAt() -> str:
    """The present line of the main thread, to append to a message; empty if the reactor waits for events."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    if frame is None or frame.f_code.co_name in ("doPoll", "doSelect", "doKEvent", "doIteration"):
        return ""
    return f" (busy in {frame.f_code.co_filename}:{frame.f_lineno}, {frame.f_code.co_name})"
