# -*- test-case-name: tests.unit.wire.test_members -*-
"""The connections after login: how many each account has, idle ones, and their unfinished messages.

L{buildbot.wire.accounts} has the limits. This module does not serve messages, and does not check whether
slaves are alive.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm
from buildbot.text.plural import counted
from buildbot.wire.accounts import RESTING, UNFINISHED, overdue
from buildbot.wire.broker import SlavePortBroker

#: Seconds between two checks for idle clients.
EVERY = 10.0


class Members:
    """I hold the connections after login, by the name of their account."""

    def __init__(self, clock: IReactorTime, cut: Callable[[SlavePortBroker, str], object]) -> None:
        """@param cut: called with a connection and a reason, to close it."""
        self._clock = clock
        self._cut = cut
        # tuples, because nearly all have one member: the one connection of a slave
        self._named: dict[str, tuple[SlavePortBroker, ...]] = {}
        self._unfinished: dict[SlavePortBroker, int] = {}
        self._bytes = 0
        self._clients: set[SlavePortBroker] = set()
        self._alarm = Alarm(self._look)

    def __len__(self) -> int:
        """The number of connections."""
        return sum(map(len, self._named.values()))

    def enter(self, broker: SlavePortBroker) -> None:
        """Add a connection that has logged in. If its account now has too many, close some of them."""
        same = self._named[broker.name] = (*self._named.get(broker.name, ()), broker)
        if broker.account.idle is not None:
            self._clients.add(broker)
            if not self._alarm.isSet:
                self._alarm.set(self._clock, EVERY)
        if len(same) > broker.account.connections:
            self._thin(broker.name)

    def leave(self, broker: SlavePortBroker) -> None:
        """Remove a connection that has ended."""
        others = tuple(each for each in self._named.pop(broker.name, ()) if each is not broker)
        if others:
            self._named[broker.name] = others
        self.unfinished(broker, 0)
        self._clients.discard(broker)
        if not self._clients:
            self._alarm.stop()

    def unfinished(self, broker: SlavePortBroker, size: int) -> None:
        """Record that a connection holds C{size} bytes of an unfinished message.

        If all unfinished messages exceed their limit, disconnect the peers with the largest.
        """
        self._bytes += size - self._unfinished.pop(broker, 0)
        if not size:
            return
        self._unfinished[broker] = size
        while self._bytes > UNFINISHED:
            largest = max(self._unfinished, key=self._unfinished.__getitem__)
            self._cut(
                largest, f"all unfinished messages exceed {UNFINISHED} bytes together, and it has the largest"
            )
            self.unfinished(largest, 0)

    def _thin(self, name: str) -> None:
        """Close the excess connections of an account: first those that are held, then the idle ones."""
        same = self._named[name]
        account = same[0].account
        now = self._clock.seconds()
        held = [broker for broker in same if broker.isHeld]
        resting = [b for b in same if account.idle is not None and not b.serving and b.silent(now) > RESTING]
        for victim in [*dict.fromkeys([*held, *resting])][: len(same) - account.connections]:
            self._makeRoom(victim, account.connections)
        same = self._named.get(name, ())
        if len(same) > account.most:
            # A slave works over its first connection. A client's latest connection may be the genuine one.
            self._makeRoom(same[-1] if account.idle is None else same[0], account.most)

    def _makeRoom(self, broker: SlavePortBroker, most: int) -> None:
        self._cut(broker, f"its account has more than {counted(most, 'connection')}")

    def _look(self) -> None:
        """Close the clients that have been silent for too long. The timer calls me."""
        now = self._clock.seconds()
        for broker in list(self._clients):
            unfinished = self._unfinished.get(broker, 0)
            why = overdue(broker.account, broker.silent(now), unfinished, broker.serving)
            if why:
                self._cut(broker, why)
        for name in {broker.name for broker in self._clients}:
            if len(self._named[name]) > self._named[name][0].account.connections:
                self._thin(name)
        if self._clients and not self._alarm.isSet:
            self._alarm.set(self._clock, EVERY)
