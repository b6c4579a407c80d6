# -*- test-case-name: tests.unit.wire.test_broker -*-
"""The factory of all slave ports: it makes the connections, applies their common limits and logs their
failures.

L{buildbot.wire.broker} has one connection. L{buildbot.wire.greeting} has the connections before login,
L{buildbot.wire.members} those after it. L{buildbot.wire.ratelimit} has the delays of failed connections.
"""

from __future__ import annotations

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
from buildbot.wire.flow import Sender
from buildbot.wire.greeting import LOGIN_TIME, Greeters
from buildbot.wire.loglimits import EVERY, LogLimiter
from buildbot.wire.members import Members
from buildbot.wire.ratelimit import ConnectionLimiter

log = Logger()

#: The most weight of connections before their login: a plain one weighs 1, one over TLS weighs TLS_WEIGHT.
GREETING = 8_192


class SlavePortFactory(protocol.ServerFactory):
    """I make the brokers of all slave ports, and apply their common limits.

    @ivar open: all connections.
    @ivar sender: lets them send.
    @ivar files: the file descriptors reserved for other purposes.
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
        """@param rootFor: makes the root object of a new connection, which takes the login.
        @param greeting: the most connections before login. Half of the files that this process may open is a
            further limit.
        @param files: the reserve of file descriptors; by default that of this process.
        """
        self.clock = clock
        self.sender = Sender(clock)
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
        """Make the protocol of a new connection.

        Never returns None: a port with TLS would then leave the connection open.
        """
        room = self.files.room()
        if room is Room.NONE or (room is Room.SCARCE and not self._greeters.makeRoom()):
            self.files.turnAway()
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
        return SlavePortBroker(self, address)

    def clientConnectionMade(self, broker: pb.Broker) -> None:
        """Do nothing. PB calls me."""

    def stopAll(self) -> None:
        """Close every connection."""
        for broker in list(self.open):
            broker.abort()
        self._summary.stop()
        self.sender.stop()

    # connections before and after login

    @property
    def greeting(self) -> int:
        """The number of connections before login."""
        return len(self._greeters)

    @property
    def members(self) -> int:
        """The number of connections after login."""
        return len(self._members)

    def greeted(self, broker: SlavePortBroker) -> None:
        """Add a new connection. It must log in within LOGIN_TIME. If there are too many, I close another."""
        broker.setNameForLocal("root", self._rootFor(broker))
        self.open.add(broker)
        self._greeters.enter(broker)

    def admitted(self, broker: SlavePortBroker) -> None:
        """Apply the limits of its account to a connection that has logged in."""
        self._greeters.leave(broker)
        self._members.enter(broker)

    def forget(self, broker: SlavePortBroker) -> None:
        """Remove a connection that has ended."""
        self.open.discard(broker)
        if broker.welcome:
            self._members.leave(broker)
        else:
            self._greeters.leave(broker)

    def unfinished(self, broker: SlavePortBroker, size: int) -> None:
        """Record that a connection holds C{size} bytes of an unfinished message."""
        if broker.welcome and not broker.closed:
            self._members.unfinished(broker, size)

    def _tooLate(self, broker: SlavePortBroker) -> None:
        self.violated(broker, f"no login within {LOGIN_TIME:g} s")
        broker.abort()

    def _cut(self, broker: SlavePortBroker, reason: str) -> None:
        self.violated(broker, reason)
        broker.abort()

    # failures

    def failed(self, broker: SlavePortBroker, name: str | None = None) -> float:
        """Count a failed login.

        @param name: the account that was tried; None if there is no such account.
        @return: seconds to hold the connection before the peer gets the error or is disconnected.
        """
        self._greeters.hold(broker)
        cause = f"from {broker.source}" if name is None else f"as {name}"
        return self._door.failed(cause, self.clock.seconds())

    def violated(self, broker: SlavePortBroker, reason: str) -> float:
        """Log that a peer broke a rule (A7, A8). The caller disconnects it.

        @return: seconds to hold the connection before that; 0 after login.
        """
        hold = 0.0 if broker.welcome else self.failed(broker)
        who = broker.name if broker.welcome else broker.source
        broker.whyCut = reason = text(reason, 200)
        line = "hung up on {who}: {reason}"
        self.sayOnce("violated", who, line, known=broker.welcome, who=broker.who, reason=reason)
        return hold

    def complained(self, broker: SlavePortBroker, reason: str) -> None:
        """Log that a peer's call was refused. The connection stays."""
        who = broker.name if broker.welcome else broker.source
        reason = text(reason, 200)
        line = "refused a call of {who}: {reason}"
        self.sayOnce("complained", who, line, known=broker.welcome, who=broker.who, reason=reason)

    # log lines

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
        """Log one line for each kind of omitted lines of the last minute."""
        for kind, lines, subjects in self._lines.summary():
            format, word = _SUMMED[kind]
            log.info(f"in the last minute, {format}", lines=counted(lines, f"more {word}"), subjects=subjects)


#: Kind of lines -> the format of the summary, and the noun for one line.
_SUMMED = {
    "violated": ("hung up on {lines}; peers: {subjects}", "connection"),
    "complained": ("refused {lines}; peers: {subjects}", "call"),
    "refused": ("refused {lines}; names: {subjects}", "login"),
    "files": ("turned away {lines}", "connection"),
}


class TurnedAway(protocol.Protocol):
    """I close a connection at once: there was no free file descriptor for it. A slave tries again."""

    def connectionMade(self) -> None:
        """Close the connection."""
        transport: Any = self.transport
        transport.abortConnection()
