# -*- test-case-name: tests.unit.irc.test_flood -*-
"""Send lines no faster than an IRC server allows. Servers disconnect those who send more."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers

#: So many lines go out at once; after them, one in so many seconds. RFC 1459 permits no more.
BURST, EVERY = 5, 2.0
#: The most waiting lines for one channel or person, and for all of them. For no more of them
#: it is counted how many lines are left out.
MOST_EACH, MOST = 20, 100


class Lines:
    """I am the queue of lines to one server. It is limited: a channel is told how many lines it misses."""

    def __init__(
        self, clock: Timers, write: Callable[[str], object], note: Callable[[str, int], str]
    ) -> None:
        """@param write: sends a line.
        @param note: makes the line that tells a channel or person how many lines were left out.
        """
        self._clock = clock
        self._write = write
        self._note = note
        self._queue: deque[tuple[str, str]] = deque()
        self._waiting: Counter[str] = Counter()
        self._leftOut: Counter[str] = Counter()
        self._busyUntil = 0.0
        self._alarm = Alarm(self._pump)

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, line: str, to: str = "") -> None:
        """Send a line in its turn, or leave it out if too many wait.

        @param to: the channel or person that reads it; "" for the server.
        """
        if (to and self._waiting[to] >= MOST_EACH) or len(self._queue) >= MOST:
            if to in self._leftOut or len(self._leftOut) < MOST:
                self._leftOut[to] += 1
            return
        self._queue.append((to, line))
        self._waiting[to] += 1
        self._pump()

    def urgent(self, line: str) -> None:
        """Send a line at once, such as the answer to a ping."""
        self._spend()
        self._write(line)

    def clear(self) -> None:
        """Forget all lines: the connection is gone."""
        self._alarm.stop()
        self._queue.clear()
        self._waiting.clear()
        self._leftOut.clear()

    def _spend(self) -> None:
        self._busyUntil = max(self._busyUntil, self._clock.seconds()) + EVERY

    def _pump(self) -> None:
        while self._queue:
            wait = self._busyUntil - self._clock.seconds() - (BURST - 1) * EVERY
            if wait > 0:
                self._alarm.set(self._clock, wait)
                return
            to, line = self._queue.popleft()
            self._waiting[to] -= 1
            self._spend()
            self._write(line)
            if not self._waiting[to]:
                del self._waiting[to]
                missed = self._leftOut.pop(to, 0)
                if missed and to:
                    self.add(self._note(to, missed), to)
