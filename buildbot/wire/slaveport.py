# -*- test-case-name: tests.unit.wire.test_broker -*-
"""The factory of all slave ports: it makes the connections, keeps their common limits, and logs their
failures.

One connection is in L{buildbot.wire.broker}. Connections before their login are in
L{buildbot.wire.greeting}, connections after it in L{buildbot.wire.members}. L{buildbot.wire.ratelimit}
says how long a failed connection is held.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.spread import pb

from buildbot.events.alarm import Alarm
from buildbot.files.reserve import FileReserve, Room
from buildbot.text.plural import counted
from buildbot.wire.broker import SlavePortBroker
from buildbot.wire.dialect import text
from buildbot.wire.greeting import LOGIN_TIME, Greeters
from buildbot.wire.loglimits import EVERY, LogLimiter
from buildbot.wire.members import Members
from buildbot.wire.ratelimit import ConnectionLimiter, source

log = Logger()

#: The most weight of connections before their login: a plain one weighs 1, one over TLS weighs TLS_WEIGHT.
GREETING = 8_192


class SlavePortFactory(protocol.ServerFactory):
    """I make the brokers of all slave ports, and keep the limits that they share.

    @ivar open: all connections.
    @ivar files: the files that no connection gets.
    """

    noisy = False
    unsafeTracebacks = False

    def __init__(
        self,
        rootFor: Callable[[SlavePortBroker], pb.Referenceable],
        clock: IReactorTime,
        greeting: int = GREETING,
        files: FileReserve | None = None,
    ) -> None:
        """@param rootFor: makes the object that a fresh connection may log in to.
        @param greeting: how many connections may be on their way to a login; never more than half of the
            files that this process may open.
        @param files: those of this process, if it is not said.
        """
        self.clock = clock
        self.files = files or FileReserve()
        self.open: set[SlavePortBroker] = set()
        self._rootFor = rootFor
        self._door = ConnectionLimiter()
        self._lines = LogLimiter()
        self._summary = Alarm(self._sumUp)
        limit = self.files.limit
        most = greeting if limit is None else min(greeting, limit // 2)
        self._greeters = Greeters(clock, most, self._tooLate)
        self._members = Members(clock, self._cut)

    def buildProtocol(self, address: IAddress | None) -> protocol.Protocol:
        """A connection came in.

        It always gets a protocol. A port with TLS would leave a connection without one open.
        """
        room = self.files.room()
        if room is Room.NONE or (room is Room.SCARCE and not self._greeters.makeRoom()):
            self.files.turnAway(time.time())
            self.sayOnce(
                "files",
                "",
                "connections are turned away: {kept} of the {limit} files that this process may open are "
                "kept for the administrator, and all others are in use; raise the limit (ulimit -n)",
                known=True,
                kept=self.files.reserved,
                limit=self.files.limit,
            )
            return TurnedAway()
        broker = SlavePortBroker(self, address)
        broker.setNameForLocal("root", self._rootFor(broker))
        return broker

    def clientConnectionMade(self, broker: pb.Broker) -> None:
        """PB's hook; nothing to do."""

    def stopAll(self) -> None:
        """Cut every connection."""
        for broker in list(self.open):
            broker.abort()
        self._summary.stop()

    # connections on their way to a login, and behind it

    @property
    def greeting(self) -> int:
        """How many connections have not logged in yet."""
        return len(self._greeters)

    @property
    def members(self) -> int:
        """How many connections have logged in."""
        return len(self._members)

    def greeted(self, broker: SlavePortBroker) -> None:
        """A connection begins its greeting. It has LOGIN_TIME; if there are too many, another one is cut."""
        self.open.add(broker)
        self._greeters.enter(broker)

    def admitted(self, broker: SlavePortBroker) -> None:
        """A connection has logged in. From now on the limits of its account apply."""
        self._greeters.leave(broker)
        self._members.enter(broker)

    def forget(self, broker: SlavePortBroker) -> None:
        """A connection is gone."""
        self.open.discard(broker)
        if broker.welcome:
            self._members.leave(broker)
        else:
            self._greeters.leave(broker)

    def unfinished(self, broker: SlavePortBroker, size: int) -> None:
        """So many bytes of an unfinished message have come over a connection."""
        if broker.welcome and not broker.closed:
            self._members.unfinished(broker, size)

    def _tooLate(self, broker: SlavePortBroker) -> None:
        self.violated(broker, f"no login within {LOGIN_TIME:g} s")
        broker.abort()

    def _cut(self, broker: SlavePortBroker, reason: str) -> None:
        self.violated(broker, reason)
        broker.abort()

    # what fails

    def failed(self, broker: SlavePortBroker, name: str | None = None) -> float:
        """A connection failed to log in.

        @param name: the account that it tried; None if there is no such account.
        @return: for how many seconds to hold the connection before the peer is told or hung up on.
        """
        self._greeters.hold(broker)
        cause = f"from {source(broker.host)}" if name is None else f"as {name}"
        return self._door.failed(cause, self.clock.seconds())

    def violated(self, broker: SlavePortBroker, reason: str) -> float:
        """This peer broke a rule, and is to be hung up on (A7, A8).

        @return: for how many seconds to hold it before that; 0 if it has logged in.
        """
        hold = 0.0 if broker.welcome else self.failed(broker)
        who = broker.name if broker.welcome else source(broker.host)
        broker.whyCut = reason = text(reason, 200)
        line = "hung up on {who}: {reason}"
        self.sayOnce("violated", who, line, known=broker.welcome, who=broker.who, reason=reason)
        return hold

    def complained(self, broker: SlavePortBroker, reason: str) -> None:
        """This peer made a call that was refused; the connection stays."""
        who = broker.name if broker.welcome else source(broker.host)
        reason = text(reason, 200)
        line = "refused a call of {who}: {reason}"
        self.sayOnce("complained", who, line, known=broker.welcome, who=broker.who, reason=reason)

    # what is worth a line

    def sayOnce(
        self, kind: str, subject: str, format: str, known: bool = False, origin: str = "", **fields: object
    ) -> None:
        """Log a line unless one of this kind about this subject was logged within the last minute.

        @param known, origin: see L{LogLimiter.allow}.
        """
        left = self._lines.allow(kind, subject, self.clock.seconds(), known, origin)
        if left is not None:
            more = f" ({left} more like this)" if left else ""
            log.info(format + more, **fields)
        elif not self._summary.isSet:
            self._summary.set(self.clock, EVERY)

    def _sumUp(self) -> None:
        """Log one line for each kind of trouble whose lines were left out within the last minute."""
        for kind, lines, subjects in self._lines.summary():
            format, word = _SUMMED[kind]
            log.info(f"in the last minute, {format}", lines=counted(lines, f"more {word}"), subjects=subjects)


#: Kind of lines -> the line that sums them up, and the word for one of them.
_SUMMED = {
    "violated": ("hung up on {lines}; peers: {subjects}", "connection"),
    "complained": ("refused {lines}; peers: {subjects}", "call"),
    "refused": ("refused {lines}; names: {subjects}", "login"),
    "files": ("turned away {lines}", "connection"),
}


class TurnedAway(protocol.Protocol):
    """I close a connection at once that found no room. A slave then tries again."""

    def connectionMade(self) -> None:
        """Close the connection."""
        transport: Any = self.transport
        transport.abortConnection()
