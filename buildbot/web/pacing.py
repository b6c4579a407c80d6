# -*- test-case-name: tests.unit.web.test_pacing -*-
"""After a page that took long to make, the reactor serves slaves and builds for as long as it took."""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers

#: A page that takes more seconds of CPU is costly.
COSTLY = 0.02
#: The most seconds between two costly pages: the CPU of a page that waited for the store is not exact.
LONGEST = 0.25


class Pacing:
    """I let the costly pages of a web server take at most half of the time."""

    def __init__(self, clock: Timers) -> None:
        self._clock = clock
        self._alarm = Alarm(self._goOn)
        self._waiting: deque[Deferred[None]] = deque()

    async def turn(self) -> None:
        """Wait if a costly page was made just now."""
        if self._alarm.isSet:
            mine: Deferred[None] = Deferred(self._waiting.remove)
            self._waiting.append(mine)
            await mine

    def made(self, seconds: float) -> None:
        """A page was made.

        @param seconds: the CPU that it took.
        """
        if seconds > COSTLY:
            self._alarm.set(self._clock, min(seconds, LONGEST))

    def stop(self) -> None:
        """Let nobody wait: the web server has stopped."""
        self._alarm.stop()
        self._goOn()

    def _goOn(self) -> None:
        while self._waiting and not self._alarm.isSet:
            self._waiting.popleft().callback(None)
