# -*- test-case-name: tests.unit.logs.test_reading -*-
"""Short pauses of a thread that computes for long, so that the reactor can work.

A thread that reads a file many times releases Python's lock often, but too briefly for the thread of the
reactor to wake up. A pause gives the reactor enough time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: The seconds of work between two pauses, and the seconds of a pause.
WORK, NAP = 0.002, 0.0001


class Naps:
    """I make the pauses of one thread."""

    def __init__(
        self, now: Callable[[], float] = time.perf_counter, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._next = now() + WORK

    def mayNap(self) -> None:
        """Pause if the last pause was long ago. Call me after each small part of the work."""
        if self._now() >= self._next:
            self._sleep(NAP)
            self._next = self._now() + WORK
