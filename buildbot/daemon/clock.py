# -*- test-case-name: tests.unit.daemon.test_clock -*-
"""Monotonic time for all durations and timers.

The system clock may be set forward or back at any time. It is used only for times that people see and for the
schedule of nightly builds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def makeMonotonic(
    reactor: Any, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
) -> None:
    """Make a reactor's timers independent of changes of the system clock.

    Twisted uses the system clock. From now on, C{reactor.seconds} starts at the system time, so that pending
    calls stay correct, and advances steadily. A second call changes nothing.
    """
    if getattr(reactor.seconds, "isSteady", False):
        return
    base = wall() - steady()

    def seconds() -> float:
        """Seconds of a monotonic clock, which started at the system time (seconds since the epoch)."""
        return base + steady()

    seconds.isSteady = True  # type: ignore[attr-defined]
    reactor.seconds = seconds
