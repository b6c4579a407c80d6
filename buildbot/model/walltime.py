# -*- test-case-name: tests.unit.daemon.test_clock -*-
"""How late it is at the least, from the looks at a clock that may be wrong.

What is deleted because it is old is gone, so one look at a clock is not enough to call it old.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How many times faster than the true time what is believed may go, to catch up with the clock on the wall.
FASTEST = 10.0


@dataclass(frozen=True)
class WallTime:
    """A time that never runs ahead of the wall clock, nor much faster than time does.

    A clock that is a year ahead for an hour makes nothing older than ten hours; one that is right is believed
    at once, but for the time in which nobody looked: a month of that is caught up with in three days.

    @ivar when: in seconds since the epoch.
    @ivar at: when that was believed, in seconds of a clock that nobody sets.
    """

    when: float
    at: float

    def look(self, wall: float, steady: float) -> WallTime:
        """What is believed when the wall clock shows this, and the other one that."""
        passed = max(0.0, steady - self.at)
        return WallTime(min(wall, self.when + FASTEST * passed), steady)
