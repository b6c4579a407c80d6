# -*- test-case-name: tests.unit.logs.test_flushing -*-
"""One timer that has many logs written to their files. A timer for each log takes longer."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Added output is in the file within this many seconds.
DELAY = 0.2


class Flushed(Protocol):
    """The part of a log that a L{Flusher} uses."""

    def flushInTime(self) -> None:
        """Write all output that waits. To be written again later, the log adds itself again."""


class Flusher:
    """I flush each log that was added to me within L{DELAY} seconds, all of them in one turn of the reactor.

    Between two turns I hold the logs with output that waits, and no others.

    @ivar received: the bytes of output of all logs. The logs add to it.
    """

    received = 0

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._logs: dict[Flushed, None] = {}
        self._timer: IDelayedCall | None = None

    def add(self, log: Flushed) -> None:
        """Flush a log soon."""
        self._logs[log] = None
        if self._timer is None:
            self._timer = self._clock.callLater(DELAY, self._flush)

    def remove(self, log: Flushed) -> None:
        """Do not flush a log: it is complete. Logs that were not added are ignored."""
        self._logs.pop(log, None)
        if not self._logs and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._timer = None
        logs, self._logs = self._logs, {}
        for log in logs:
            log.flushInTime()
