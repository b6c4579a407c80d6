# -*- test-case-name: tests.test_door -*-
"""
Who may knock how often, and how often that is worth a line in the log.

Rules over counts and times; the sockets are in L{buildbot.wire.broker}.  Only
failures count: any number of honest slaves behind one address passes, however
fast they come.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

#: Seconds over which failures are remembered.
WINDOW = 60.0
#: An address with more failures than this in WINDOW gets at most PACE connections a second.
FAILURES_PER_ADDRESS = 60
#: With more failures than this from everywhere, an address is judged by FAILURES_WHEN_BUSY.
FAILURES_IN_ALL = 600
FAILURES_WHEN_BUSY = 3
PACE = 20
#: The same while failures come from everywhere.
PACE_WHEN_BUSY = 2
#: Addresses and log keys remembered at the most; the oldest are forgotten first.
REMEMBERED = 10_000


def source(host: str) -> str:
    """What counts as one address: an IPv4 host, or the /64 network of an IPv6 one."""
    if ":" not in host or host.lower().startswith("::ffff:"):
        return host
    head = host.split("%", 1)[0].split("::", 1)[0].split(":")
    return ":".join([*head, *["0"] * 4][:4]) + "::/64"


class Recent:
    """How many things happened within WINDOW, roughly: counted in six slices of it."""

    __slots__ = ("_counts", "_slice")
    SLICES = 6

    def __init__(self) -> None:
        self._slice = 0
        self._counts = [0] * self.SLICES

    def _turn(self, now: float) -> None:
        current = int(now * self.SLICES / WINDOW)
        steps = current - self._slice
        if steps > 0:
            for step in range(1, min(steps, self.SLICES) + 1):
                self._counts[(self._slice + step) % self.SLICES] = 0
            self._slice = current

    def add(self, now: float) -> None:
        """One more, at C{now} seconds."""
        self._turn(now)
        self._counts[self._slice % self.SLICES] += 1

    def count(self, now: float) -> int:
        """How many there were in the last WINDOW seconds."""
        self._turn(now)
        return sum(self._counts)


@dataclass
class _Record:
    failures: Recent = field(default_factory=Recent)
    second: int = -1
    served: int = 0


class Doorkeeper:
    """I remember failed logins and broken greetings, and pace the addresses they came from."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._all = Recent()

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._records)

    def failed(self, host: str, now: float) -> None:
        """A connection from C{host} ended without an honest login."""
        key = source(host)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
            if len(self._records) > REMEMBERED:
                self._records.popitem(last=False)
        self._records.move_to_end(key)
        record.failures.add(now)
        self._all.add(now)

    def admit(self, host: str, now: float) -> bool:
        """Whether a new connection from C{host} is served now, or closed at once."""
        if not self._records:
            return True
        record = self._records.get(source(host))
        if record is None:
            return True
        busy = self._all.count(now) > FAILURES_IN_ALL
        if record.failures.count(now) <= (FAILURES_WHEN_BUSY if busy else FAILURES_PER_ADDRESS):
            return True
        second = int(now)
        if record.second != second:
            record.second, record.served = second, 0
        record.served += 1
        return record.served <= (PACE_WHEN_BUSY if busy else PACE)


class LogLimiter:
    """I say which repetitions of a fact are worth a line, and count the others."""

    def __init__(self, every: float = 60.0, inAll: int = 100) -> None:
        """
        @param every: seconds between two lines about the same key.
        @param inAll: lines about all keys together in that time.
        """
        self._every = every
        self._inAll = inAll
        self._keys: OrderedDict[object, list[float]] = OrderedDict()
        self._start = float("-inf")
        self._said = 0

    def allow(self, key: object, now: float) -> int | None:
        """
        May a line about C{key} be written now?

        @return: None if not; else how many lines about it were left out since
            the last one.
        """
        if now - self._start >= self._every:
            self._start, self._said = now, 0
        entry = self._keys.get(key)
        if entry is None:
            entry = self._keys[key] = [float("-inf"), 0]
            if len(self._keys) > REMEMBERED:
                self._keys.popitem(last=False)
        if now - entry[0] < self._every or self._said >= self._inAll:
            entry[1] += 1
            return None
        self._said += 1
        left = int(entry[1])
        entry[:] = [now, 0]
        return left
