# -*- test-case-name: tests.unit.logs.test_reading -*-
"""Short pauses of a thread that computes for long, so that the reactor gets its turns.

A thread that reads a file again and again gives up Python's lock often, but so briefly that the thread of the
reactor does not wake in time. A pause lets it in.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: The seconds of work between two pauses, and those of a pause.
WORK, NAP = 0.002, 0.0001


class Naps:
    """I am the pauses of one thread."""

    def __init__(
        self, now: Callable[[], float] = time.perf_counter, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._next = now() + WORK

    def mayNap(self) -> None:
        """Pause, if enough work was done. Call me after each small part of the work."""
        if self._now() >= self._next:
            self._sleep(NAP)
            self._next = self._now() + WORK
