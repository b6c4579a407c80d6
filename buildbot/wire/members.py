# -*- test-case-name: tests.unit.wire.test_members -*-
"""The connections that have logged in: how many an account has, how long they rest, what they leave
unfinished.

What the limits are is in L{buildbot.wire.accounts}. What is said over a slave's connection, and whether the
slave lives, is looked after elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm
from buildbot.text.plural import counted
from buildbot.wire.accounts import RESTING, UNFINISHED, overdue
from buildbot.wire.broker import SlavePortBroker

#: Seconds between two looks at those that may be idle.
EVERY = 10.0


class Members:
    """I hold the connections that have logged in, by the name of their account."""

    def __init__(self, clock: IReactorTime, cut: Callable[[SlavePortBroker, str], object]) -> None:
        """@param cut: ends a connection, for a reason."""
        self._clock = clock
        self._cut = cut
        # tuples, since nearly all of them have one member: a slave's connection
        self._named: dict[str, tuple[SlavePortBroker, ...]] = {}
        self._unfinished: dict[SlavePortBroker, int] = {}
        self._bytes = 0
        self._clients: set[SlavePortBroker] = set()
        self._alarm = Alarm(self._look)

    def __len__(self) -> int:
        """How many there are."""
        return sum(map(len, self._named.values()))

    def enter(self, broker: SlavePortBroker) -> None:
        """One has logged in; if its account has too many now, another makes room."""
        same = self._named[broker.name] = (*self._named.get(broker.name, ()), broker)
        if broker.account.idle is not None:
            self._clients.add(broker)
            if not self._alarm.isSet:
                self._alarm.set(self._clock, EVERY)
        if len(same) > broker.account.connections:
            self._thin(broker.name)

    def leave(self, broker: SlavePortBroker) -> None:
        """It is gone."""
        others = tuple(each for each in self._named.pop(broker.name, ()) if each is not broker)
        if others:
            self._named[broker.name] = others
        self.unfinished(broker, 0)
        self._clients.discard(broker)
        if not self._clients:
            self._alarm.stop()

    def unfinished(self, broker: SlavePortBroker, size: int) -> None:
        """So many bytes of a message have come that has not come to its end."""
        self._bytes += size - self._unfinished.pop(broker, 0)
        if not size:
            return
        self._unfinished[broker] = size
        while self._bytes > UNFINISHED:
            largest = max(self._unfinished, key=self._unfinished.__getitem__)
            self._cut(largest, f"all unfinished messages together have more than {UNFINISHED} bytes")
            self.unfinished(largest, 0)

    def _thin(self, name: str) -> None:
        """Cut as many as an account has too many: those that wait for their end, then those that rest."""
        same = self._named[name]
        account = same[0].account
        now = self._clock.seconds()
        held = [broker for broker in same if broker.isHeld]
        resting = [b for b in same if account.idle is not None and not b.serving and b.silent(now) > RESTING]
        for victim in [*dict.fromkeys([*held, *resting])][: len(same) - account.connections]:
            self._makeRoom(victim, account.connections)
        same = self._named.get(name, ())
        if len(same) > account.most:
            # a slave's first connection is the one that works; a client's last one may be the honest one
            self._makeRoom(same[-1] if account.idle is None else same[0], account.most)

    def _makeRoom(self, broker: SlavePortBroker, most: int) -> None:
        self._cut(broker, f"its account may have {counted(most, 'connection')}")

    def _look(self) -> None:
        """The timer: which clients have been silent for too long?"""
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
