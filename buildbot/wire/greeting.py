# -*- test-case-name: tests.unit.wire.test_broker -*-
"""Connections before login: their deadline, and the choice of one to close when there are too many.

A new connection is always accepted. Failed connections are closed first, then those that have waited
longest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm
from buildbot.wire.broker import SlavePortBroker

#: The most seconds from the first byte to a successful login, including the TLS handshake.
LOGIN_TIME = 30.0
#: Connections older than these seconds may be closed when file descriptors are scarce.
GRACE = 2.0


class Greeters:
    """I hold the connections that have not logged in yet, the oldest first.

    @ivar most: the limit of their total weight.
    """

    def __init__(self, clock: IReactorTime, most: int, late: Callable[[SlavePortBroker], object]) -> None:
        """@param late: called with each connection that did not log in within LOGIN_TIME."""
        self.most = most
        self._clock = clock
        self._late = late
        self._waiting: OrderedDict[SlavePortBroker, float] = OrderedDict()
        self._held: OrderedDict[SlavePortBroker, None] = OrderedDict()
        self._near: dict[str, OrderedDict[SlavePortBroker, None]] = {}
        self._weight = 0
        self._sweep = Alarm(self._closeLate)

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._waiting)

    def enter(self, broker: SlavePortBroker) -> None:
        """Add a connection; close others if there are too many now."""
        self._waiting[broker] = self._clock.seconds()
        self._near.setdefault(broker.source, OrderedDict())[broker] = None
        self._weight += broker.weight
        while self._weight > self.most and len(self._waiting) > 1:
            self._choose(broker).abort()
        if not self._sweep.isSet:
            self._sweep.set(self._clock, LOGIN_TIME)

    def hold(self, broker: SlavePortBroker) -> None:
        """Mark a connection as failed: it only waits to be closed, and is closed first."""
        if broker in self._waiting:
            self._held[broker] = None

    def leave(self, broker: SlavePortBroker) -> None:
        """Remove a connection: it has logged in or has ended."""
        if self._waiting.pop(broker, None) is None:
            return
        self._held.pop(broker, None)
        self._weight -= broker.weight
        key = broker.source
        near = self._near[key]
        del near[broker]
        if not near:
            del self._near[key]
        if not self._waiting:
            self._sweep.stop()

    def makeRoom(self) -> bool:
        """Close a failed or slow connection, for its file descriptor. Returns True if there was one."""
        victim = next(iter(self._held), None) or next(iter(self._waiting), None)
        if victim is None:
            return False
        if victim not in self._held and self._clock.seconds() - self._waiting[victim] < GRACE:
            return False
        victim.abort()
        return True

    def _choose(self, newcomer: SlavePortBroker) -> SlavePortBroker:
        """Choose one to close: a failed one, else the oldest of an address with too many, else the oldest."""
        if self._held:
            return next(iter(self._held))
        near = self._near[newcomer.source]
        if len(near) > 1 and len(near) * len(self._near) > len(self._waiting):
            return next(iter(near))
        return next(iter(self._waiting))

    def _closeLate(self) -> None:
        now = self._clock.seconds()
        late = []
        for broker, since in self._waiting.items():
            if now - since < LOGIN_TIME:
                break
            late.append(broker)
        for broker in late:
            self._late(broker)
        if self._waiting:
            oldest = next(iter(self._waiting.values()))
            self._sweep.set(self._clock, oldest + LOGIN_TIME - now)
