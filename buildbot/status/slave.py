# -*- test-case-name: tests.unit.status.test_slave -*-
"""What is known of one slave: connected or not, what it says of itself, what happened to it.

It is told by L{buildbot.slaves.perspective.BotPerspective} and asked by everybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from zope.interface import implementer

from buildbot.interfaces import ISlaveStatus

#: Events that are kept of each slave (O9).
EVENTS = 20


@implementer(ISlaveStatus)
class SlaveStatus:
    """I am the status of the slave C{name}, whether it is connected or not.

    @ivar since: when it was connected or lost, in seconds since the epoch; None
        if it was never seen.
    @ivar address: where it calls, or last called, from.
    @ivar generation: what kind of slave it is, in words; None until it said so.
    @ivar failing: builder name -> why the slave cannot make it, while it is connected.
    @ivar note: one line that explains why it is not well; empty if it is.
    @ivar refusals: how often a login under its name was refused since the master was started.
    @ivar refusedFrom, refusedAt: where the last of them came from, and when, in seconds since the epoch.
    """

    admin: str | None = None
    host: str | None = None
    connected = False
    since: float | None = None
    address: str | None = None
    generation: str | None = None
    version: str | None = None
    note = ""
    refusals = 0
    refusedFrom: str | None = None
    refusedAt: float | None = None
    failing: Mapping[str, str] = MappingProxyType({})
    _events: Sequence[tuple[float, str]] = ()
    _kind: str | None = None
    _inARow = 0
    _isAlive: Callable[[], bool] | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def getName(self) -> str:
        """See L{ISlaveStatus}."""
        return self.name

    def getAdmin(self) -> str | None:
        """See L{ISlaveStatus}."""
        return self.admin

    def getHost(self) -> str | None:
        """See L{ISlaveStatus}."""
        return self.host

    def isConnected(self) -> bool:
        """See L{ISlaveStatus}: a live connection, never a memory of one (L7)."""
        return self.connected and (self._isAlive is None or self._isAlive())

    def setAdmin(self, admin: str | None) -> None:
        """The slave said who looks after it."""
        self.admin = admin

    def setHost(self, host: str | None) -> None:
        """The slave said which machine it is."""
        self.host = host

    def setConnected(self, isConnected: bool, isAlive: Callable[[], bool] | None = None) -> None:
        """It came or went.

        @param isAlive: asked each time whether the connection still lives.
        """
        self.connected = isConnected
        self._isAlive = isAlive if isConnected else None

    def wasRefused(self, when: float, address: str, reason: str) -> None:
        """Somebody tried to log in under its name, and was refused."""
        self.refusals += 1
        self.refusedFrom, self.refusedAt = address, when
        self.happened(when, f"login from {address} refused: {reason}", "refused")

    def happened(self, when: float, text: str, kind: str | None = None) -> None:
        """Remember an event, at C{when} (seconds since the epoch), in one line for people.

        @param kind: of an event that others can make happen as often as they like: a row
            of one kind is one event, the latest, with their number; so it cannot push
            out everything else.
        """
        if kind is None or kind != self._kind:
            self._kind, self._inARow = kind, 1
            self._events = [*self._events[1 - EVENTS :], (when, text)]
            return
        self._inARow += 1
        self._events = [*self._events[:-1], (when, f"{text} ({self._inARow} in a row)")]

    def getEvents(self) -> list[tuple[float, str]]:
        """The last events as (when, text), the oldest first."""
        return list(self._events)
