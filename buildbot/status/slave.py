# -*- test-case-name: tests.unit.status.test_slave -*-
"""The status of one slave: its connection, its own description and its events.

L{buildbot.slaves.perspective.BotPerspective} sets it; everybody else reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from zope.interface import implementer

from buildbot.interfaces import ISlaveStatus

#: The number of events kept for each slave (O9).
EVENTS = 20


@implementer(ISlaveStatus)
class SlaveStatus:
    """I am the status of the slave C{name}, whether it is connected or not.

    @ivar since: the time it connected or was lost, in seconds since the epoch; None if it was never seen.
    @ivar address: the address of its present or last connection, perhaps before the start of the master.
    @ivar generation: the kind of slave, in words; None before the slave has reported it.
    @ivar told: the time of the login at which it told its generation, version and info files, perhaps to an
        earlier process of the master.
    @ivar failing: builder name -> the reason why the builder is unusable on the connected slave.
    @ivar note: one line that explains a problem of the slave; empty if there is none.
    @ivar refusals: the number of refused logins under its name since the start of the master.
    @ivar refusedFrom, refusedAt: the address of the last refused login, and its time (seconds since the
        epoch).
    """

    refusals = 0
    refusedFrom: str | None = None
    refusedAt: float | None = None
    failing: Mapping[str, str] = MappingProxyType({})
    _mostEvents = EVENTS

    def __init__(self, name: str) -> None:
        self.name = name
        # The first login sets all of these. An attribute that is new then costs each slave a dictionary.
        self.admin: str | None = None
        self.host: str | None = None
        self.connected = False
        self.since: float | None = None
        self.address: str | None = None
        self.generation: str | None = None
        self.version: str | None = None
        self.told: float | None = None
        self.note = ""
        self._events: Sequence[tuple[float, str]] = ()
        self._kind: str | None = None
        self._inARow = 0
        self._isAlive: Callable[[], bool] | None = None

    def getName(self) -> str:
        """See L{ISlaveStatus}."""
        return self.name

    def getAdmin(self) -> str | None:
        """See L{ISlaveStatus}."""
        return self.admin

    def getHost(self) -> str | None:
        """See L{ISlaveStatus}."""
        return self.host

    def getVersion(self) -> str | None:
        """The release of the slave, as it has told it; None if it has not."""
        return self.version

    def isConnected(self) -> bool:
        """See L{ISlaveStatus}. True only while the connection is alive (L7)."""
        return self.connected and (self._isAlive is None or self._isAlive())

    def setAdmin(self, admin: str | None) -> None:
        """Set the slave's description of its administrator."""
        self.admin = admin

    def setHost(self, host: str | None) -> None:
        """Set the slave's description of its machine."""
        self.host = host

    def setConnected(self, isConnected: bool, isAlive: Callable[[], bool] | None = None) -> None:
        """Mark the slave as connected or lost.

        @param isAlive: returns True while the connection is alive; called by each L{isConnected}.
        """
        self.connected = isConnected
        self._isAlive = isAlive if isConnected else None

    def wasRefused(self, when: float, address: str, reason: str) -> None:
        """Count a refused login under its name, and add it to the events."""
        self.refusals += 1
        self.refusedFrom, self.refusedAt = address, when
        self.happened(when, f"login from {address} refused: {reason}", "refused")

    def happened(self, when: float, text: str, kind: str | None = None) -> None:
        """Add an event at C{when} (seconds since the epoch); C{text} is one line for people.

        @param kind: groups events that strangers can cause at any rate. Consecutive events of one kind are
            shown as the latest one with their number, so they cannot push out other events.
        """
        if kind is None or kind != self._kind:
            self._kind, self._inARow = kind, 1
            self._events = [*self._events[1 - self._mostEvents or len(self._events) :], (when, text)]
            return
        self._inARow += 1
        self._events = [*self._events[:-1], (when, f"{text} ({self._inARow} in a row)")]

    def keepEvents(self, most: int | None) -> None:
        """Keep this many events from now on; None: the usual number."""
        if self._mostEvents != (most or EVENTS):
            self._mostEvents = most or EVENTS
            self._events = self._events[-self._mostEvents :]

    def getEvents(self) -> list[tuple[float, str]]:
        """The last events as (when, text), oldest first."""
        return list(self._events)
