# -*- test-case-name: tests.unit.wire.test_ratelimit -*-
"""How long a connection that failed is held before it is closed, and what counts as one cause of failures.

Rules over counts and times; the sockets are in L{buildbot.wire.slaveport}. No newcomer is ever refused for
what others behind its address have done: only failures wait, and they wait behind those of the same cause.
"""

from __future__ import annotations

from collections import OrderedDict

#: Failures a second of one cause, and of all causes, that are told at once. Those beyond wait their turn.
PACE = 30.0
PACE_IN_ALL = 100.0
#: So many failures in a row need not wait.
BURST = 60
BURST_IN_ALL = 200
#: No failure waits longer than this many seconds.
LONGEST = 5.0
#: Causes that are remembered at the most; the oldest are forgotten first.
REMEMBERED = 10_000

_MAPPED = "::ffff:"


def source(host: str) -> str:
    """What counts as one address: an IPv4 host, or the /64 network of an IPv6 one."""
    if ":" not in host:
        return host
    if host.lower().startswith(_MAPPED) and "." in host:
        return host[len(_MAPPED) :]  # an IPv4 host that came to an IPv6 port
    head = host.split("%", 1)[0].split("::", 1)[0].split(":")
    return ":".join([*head, *["0"] * 4][:4]) + "::/64"


class Turns:
    """I limit a rate: each event gets a turn, some a second, and a burst of events gets its turns at once."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = float("-inf")

    def take(self, now: float, perSecond: float, burst: int) -> float:
        """Take the next turn.

        @return: how many seconds it is away; 0 for now.
        """
        begun = max(self._next, now - (burst - 1) / perSecond)
        self._next = begun + 1 / perSecond
        wait = max(0.0, round(begun - now, 3))
        if wait > LONGEST:
            self._next = now + LONGEST
        return min(wait, LONGEST)


class ConnectionLimiter:
    """I say how long a failed login or a broken greeting is held. Logins that succeed are never held."""

    def __init__(self) -> None:
        self._causes: OrderedDict[str, Turns] = OrderedDict()
        self._all = Turns()

    def __len__(self) -> int:
        """How many causes are remembered."""
        return len(self._causes)

    def failed(self, cause: str, now: float) -> float:
        """A connection failed.

        @param cause: who is to blame: an account that is guessed at, or an address.
        @return: for how many seconds to hold the connection before it is told or hung up on.
        """
        turns = self._causes.get(cause)
        if turns is None:
            turns = self._causes[cause] = Turns()
            if len(self._causes) > REMEMBERED:
                self._causes.popitem(last=False)
        self._causes.move_to_end(cause)
        return max(turns.take(now, PACE, BURST), self._all.take(now, PACE_IN_ALL, BURST_IN_ALL))
