# -*- test-case-name: tests.unit.wire.test_ratelimit -*-
"""Delay failed connections, by a rate limit for each cause.

These are rules over counts and times; L{buildbot.wire.slaveport} has the connections. No new connection is
refused for the failures of others at the same address: only failed connections wait, each behind the others
of its cause.
"""

from __future__ import annotations

from collections import OrderedDict

#: Failures per second without a delay, for one cause and for all causes.
PACE = 30.0
PACE_IN_ALL = 100.0
#: The number of failures in a row without a delay.
BURST = 60
BURST_IN_ALL = 200
#: The longest delay in seconds.
LONGEST = 5.0
#: The most remembered causes. The oldest are forgotten first.
REMEMBERED = 10_000

_MAPPED = "::ffff:"


def source(host: str) -> str:
    """The name under which an address is counted: an IPv4 host, or the /64 network of an IPv6 one."""
    if ":" not in host:
        return host
    if host.lower().startswith(_MAPPED) and "." in host:
        return host[len(_MAPPED) :]  # an IPv4 host on an IPv6 port
    head = host.split("%", 1)[0].split("::", 1)[0].split(":")
    return ":".join([*head, *["0"] * 4][:4]) + "::/64"


class Turns:
    """I limit a rate: so many events per second, after a burst without a delay."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = float("-inf")

    def take(self, now: float, perSecond: float, burst: int) -> float:
        """Add an event.

        @return: seconds until its turn; 0 for now.
        """
        begun = max(self._next, now - (burst - 1) / perSecond)
        self._next = begun + 1 / perSecond
        wait = max(0.0, round(begun - now, 3))
        if wait > LONGEST:
            self._next = now + LONGEST
        return min(wait, LONGEST)


class ConnectionLimiter:
    """I count failed logins and broken handshakes, and set their delays. Successful logins have none."""

    def __init__(self) -> None:
        self._causes: OrderedDict[str, Turns] = OrderedDict()
        self._all = Turns()

    def __len__(self) -> int:
        """The number of remembered causes."""
        return len(self._causes)

    def failed(self, cause: str, now: float) -> float:
        """Count a failed connection.

        @param cause: the account that is tried, or the address.
        @return: seconds to hold the connection before the peer gets the error or is disconnected.
        """
        turns = self._causes.get(cause)
        if turns is None:
            turns = self._causes[cause] = Turns()
            if len(self._causes) > REMEMBERED:
                self._causes.popitem(last=False)
        self._causes.move_to_end(cause)
        return max(turns.take(now, PACE, BURST), self._all.take(now, PACE_IN_ALL, BURST_IN_ALL))
