# -*- test-case-name: tests.unit.process.test_cleanstop,tests.stories.test_webadmin -*-
"""Stop a master cleanly: start no further builds, and stop after the running builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.events.alarm import Alarm
from buildbot.text.plural import counted

log = Logger()

#: Seconds between two checks whether builds still run.
LOOK = 0.5


class Busy(Protocol):
    """The part of the engine that a L{CleanStop} uses.

    @ivar keeping: the number of builds that run, or have ended but are not stored yet.
    @ivar closing: who wants the master to stop once no build runs; None: nobody.
    """

    keeping: int
    closing: str | None

    def maybeStartAllBuilds(self) -> None:
        """Start all builds that can start."""


class CleanStop:
    """I hold back new builds, and stop the master when nothing runs any more.

    @ivar since: when the clean stop was asked for, in seconds since the epoch.
    """

    def __init__(
        self, clock: IReactorTime, now: Callable[[], float], engine: Busy, stop: Callable[[], object]
    ) -> None:
        """@param stop: stops the process; called once."""
        self._clock = clock
        self._now = now
        self._engine = engine
        self._stop = stop
        self._alarm = Alarm(self._look)
        self._isOver = False  # the process stops now
        self.since = 0.0

    @property
    def isOn(self) -> bool:
        """True while the master waits for the end of the builds."""
        return self._engine.closing is not None

    def begin(self, who: str, looks: bool = True) -> bool:
        """Start no further builds, and stop after the running ones. False if this was asked before, or the
        master stops now.

        @param looks: False to leave the stop to the caller, who uses L{atOnce}.
        """
        if self.isOn or self._isOver:
            return False
        self._engine.closing, self.since = who, self._now()
        running = counted(self._engine.keeping, "running build")
        if looks:
            log.info(
                "the master stops after {running}, as {who} wants", running=running, who=who or "somebody"
            )
            self._alarm.set(self._clock, 0)
        return True

    def cancel(self) -> bool:
        """Go on as before, and start builds that wait. False if no clean stop was asked for, or the master
        stops now.
        """
        if not self.isOn or self._isOver:
            return False
        self._engine.closing = None
        self._alarm.stop()
        log.info("the master does not stop")
        self._engine.maybeStartAllBuilds()
        return True

    def atOnce(self, who: str) -> bool:
        """Stop now, also while builds run. False if the master stops now already."""
        if self._isOver:
            return False
        log.info("the master stops at once, as {who} wants", who=who or "somebody")
        self.end()
        self._stop()
        return True

    def end(self) -> None:
        """The master stops now: end the checks."""
        self._isOver = True
        self._alarm.stop()

    def _look(self) -> None:
        if self._engine.keeping:
            self._alarm.set(self._clock, LOOK)
        else:
            self._isOver = True
            self._stop()

    def toRecord(self) -> dict[str, object] | None:
        """The clean stop for reports: C{who} and C{when}; None if there is none."""
        return {"who": self._engine.closing, "when": self.since} if self.isOn else None
