# -*- test-case-name: tests.unit.web.test_looking -*-
"""Know whether people look at the pages. While nobody does, the master makes no indexes of growing logs."""

from __future__ import annotations

from collections.abc import Callable

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers

#: This many seconds after the last request of a page or a log, nobody looks any more.
LONGEST = 1800.0


class Looking:
    """I add myself to a set while people look at the pages."""

    def __init__(
        self, clock: Timers, lookers: set[object], left: Callable[[], object] = lambda: None
    ) -> None:
        """@param left: called when nobody looks any more."""
        self._clock = clock
        self._lookers = lookers
        self._left = left
        self._alarm = Alarm(self._over)

    def seen(self) -> None:
        """Somebody looks now."""
        self._lookers.add(self)
        self._alarm.set(self._clock, LONGEST)

    def _over(self) -> None:
        self.stop()
        self._left()

    def stop(self) -> None:
        """Nobody looks any more, because the web server stops."""
        self._lookers.discard(self)
        self._alarm.stop()
