# -*- test-case-name: tests.test_broker -*-
"""
All connections of the slave ports: how many may greet us, how long, and what is worth a line.

One connection is in L{buildbot.wire.broker}; which address failed how often is
counted by L{buildbot.wire.door}.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.spread import pb

from buildbot.wire.broker import SlavePortBroker
from buildbot.wire.dialect import text
from buildbot.wire.door import Doorkeeper, LogLimiter

log = Logger()

#: Seconds a connection may take from the first byte to an honest login.
LOGIN_TIME = 30.0
#: Connections that may be on their way to a login: from everywhere, from one address.
GREETING = 4096
GREETING_PER_ADDRESS = 2048


class SlavePortFactory(protocol.ServerFactory):
    """I make the brokers of all slave ports, and keep the limits that they share."""

    noisy = False
    unsafeTracebacks = False

    def __init__(
        self,
        rootFor: Callable[[SlavePortBroker], pb.Referenceable],
        clock: IReactorTime,
        greeting: int = GREETING,
    ) -> None:
        """
        @param rootFor: makes the object that a fresh connection may log in to.
        @param greeting: how many connections may be on their way to a login; fewer
            than the process may have open, or strangers could lock everybody out.
        """
        self.clock = clock
        self._mostGreeting = min(greeting, GREETING)
        self.open: set[SlavePortBroker] = set()
        self._rootFor = rootFor
        self._door = Doorkeeper()
        self._lines = LogLimiter()
        self._greeting: OrderedDict[SlavePortBroker, float] = OrderedDict()
        self._greetingFrom: dict[str, OrderedDict[SlavePortBroker, None]] = {}
        self._sweep: Any = None

    def buildProtocol(self, address: IAddress | None) -> protocol.Protocol | None:
        """A connection came in; None closes it at once."""
        host = getattr(address, "host", None) or "local"
        if not self._door.admit(host, self.clock.seconds()):
            self.sayOnce(("paced", host), "{host} failed too often: its connections are paced", host=host)
            return None
        broker = SlavePortBroker(self, address)
        broker.setNameForLocal("root", self._rootFor(broker))
        return broker

    def clientConnectionMade(self, broker: pb.Broker) -> None:
        """PB's hook; nothing to do."""

    def stopAll(self) -> None:
        """Cut every connection."""
        for broker in list(self.open):
            broker.abort()

    # connections on their way to a login

    def greeted(self, broker: SlavePortBroker) -> None:
        """A connection begins its greeting: it has LOGIN_TIME; the oldest makes room if they are too many."""
        self.open.add(broker)
        self._greeting[broker] = self.clock.seconds()
        near = self._greetingFrom.setdefault(broker.host, OrderedDict())
        near[broker] = None
        if len(near) > min(GREETING_PER_ADDRESS, self._mostGreeting):
            next(iter(near)).abort()
        elif len(self._greeting) > self._mostGreeting:
            next(iter(self._greeting)).abort()
        if self._sweep is None:
            self._sweep = self.clock.callLater(LOGIN_TIME, self._closeLate)

    def forget(self, broker: SlavePortBroker) -> None:
        """A connection has logged in or is gone: its greeting is over."""
        if broker.closed:
            self.open.discard(broker)
        if self._greeting.pop(broker, None) is not None:
            near = self._greetingFrom[broker.host]
            del near[broker]
            if not near:
                del self._greetingFrom[broker.host]
            if not self._greeting and self._sweep is not None:
                self._sweep.cancel()
                self._sweep = None

    def _closeLate(self) -> None:
        self._sweep = None
        now = self.clock.seconds()
        late = []
        for broker, since in self._greeting.items():
            if now - since < LOGIN_TIME:
                break
            late.append(broker)
        for broker in late:
            self.violated(broker, f"no login within {LOGIN_TIME:g} s")
            broker.abort()
        if self._greeting:
            oldest = next(iter(self._greeting.values()))
            self._sweep = self.clock.callLater(max(0.0, oldest + LOGIN_TIME - now), self._closeLate)

    # what is worth a line

    def failed(self, broker: SlavePortBroker) -> None:
        """A login over this connection failed: its address is remembered."""
        self._door.failed(broker.host, self.clock.seconds())

    def violated(self, broker: SlavePortBroker, reason: str) -> None:
        """This peer broke a rule and is being cut (A7, A8)."""
        if not broker.welcome:
            self.failed(broker)
        who = broker.who if broker.welcome else broker.host
        broker.whyCut = reason = text(reason, 200)
        self.sayOnce(("violated", who), "hung up on {who}: {reason}", who=broker.who, reason=reason)

    def complained(self, broker: SlavePortBroker, reason: str) -> None:
        """This peer asked for something that cannot be; the connection stays."""
        who = broker.who if broker.welcome else broker.host
        reason = text(reason, 200)
        self.sayOnce(("complained", who), "{who} was told {reason}", who=broker.who, reason=reason)

    def sayOnce(self, key: object, format: str, **fields: object) -> None:
        """Log a line unless one with this key was logged within the last minute."""
        left = self._lines.allow(key, self.clock.seconds())
        if left is not None:
            more = f" ({left} more like this)" if left else ""
            log.info(format + "{more}", more=more, **fields)
