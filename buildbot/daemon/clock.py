# -*- test-case-name: tests.unit.daemon.test_clock -*-
"""How long something takes, on a clock that nobody sets.

The clock on the wall is put right, by an hour or by a year, and back again. So it only tells what is shown
to people, and when a nightly build is due; whatever lasts is counted here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime


def makeMonotonic(
    reactor: Any, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
) -> None:
    """Have a reactor's timers take as long as they say, whatever the clock on the wall shows meanwhile.

    Twisted counts by that one. From now on C{reactor.seconds} begins at what the wall clock shows, so that
    calls which wait already stay right, and goes on at a steady pace. A second time changes nothing.
    """
    if getattr(reactor.seconds, "isSteady", False):
        return
    base = wall() - steady()

    def seconds() -> float:
        """Seconds, by a clock that nobody sets; they begin as those since the epoch."""
        return base + steady()

    seconds.isSteady = True  # type: ignore[attr-defined]
    reactor.seconds = seconds


class Stopwatch:
    """I tell the time within one build, in seconds since the epoch: as its clock does, I only go forward."""

    def __init__(self, started: float, clock: IReactorTime) -> None:
        """@param started: what the time is now, in seconds since the epoch.
        @param clock: has C{seconds()}, which nobody sets.
        """
        self._clock = clock
        self._base = started - clock.seconds()

    def __call__(self) -> float:
        """The time."""
        return self._base + self._clock.seconds()
