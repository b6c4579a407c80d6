# -*- test-case-name: tests.unit.daemon.test_clock -*-
"""A lower limit of the current time, from a wall clock that may be wrong.

Deleting old builds is final, so a single wrong reading of the clock must not make them old.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The most that the believed time may run faster than real time, to catch up with the wall clock.
FASTEST = 10.0


@dataclass(frozen=True)
class WallTime:
    """A believed time: never ahead of the wall clock, and at most FASTEST times as fast as real time.

    A wall clock that is a year ahead for one hour advances the believed time by ten hours at most. After a
    month without a reading, the believed time catches up in about three days.

    @ivar when: the believed time, in seconds since the epoch.
    @ivar at: the time of the last reading, in seconds of the monotonic clock.
    """

    when: float
    at: float

    def look(self, wall: float, steady: float) -> WallTime:
        """The believed time after a reading of the wall clock and the monotonic clock."""
        passed = max(0.0, steady - self.at)
        return WallTime(min(wall, self.when + FASTEST * passed), steady)
