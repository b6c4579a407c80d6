# -*- test-case-name: tests.unit.wire.test_broker -*-
"""One connection on the slave port: Twisted's PB, spoken by our codec, with limits before and after login.

L{buildbot.wire.flow} has its bytes, and L{buildbot.wire.callee} serves its messages. L{buildbot.wire.login}
has the login, L{buildbot.wire.peers} the calls to a slave, and L{buildbot.wire.slaveport} the limits of all
connections together.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import SecurityOptions

from buildbot.wire.accounts import SLAVE, Account
from buildbot.wire.callee import LAST_ANSWER_TIME
from buildbot.wire.encoding import encode, encodeCall, serialize
from buildbot.wire.failure import handshakeFailed, isOfOpenSSL
from buildbot.wire.flow import Flow, Sender
from buildbot.wire.jelly import unserialize
from buildbot.wire.ratelimit import source

#: The weight of a TLS connection before login; a plain one weighs 1.
TLS_WEIGHT = 4

#: Basic values only: peers may make nothing else here, whatever other code allows globally.
SECURITY = SecurityOptions()
SECURITY.allowBasicTypes()


class _Retired(pb.Referenceable):
    """I replace an object that the peer still references and the master does not need any more."""

    def remoteMessageReceived(self, broker: pb.Broker, message: str, args: object, kw: object) -> int:
        """Answer any call with 0 and do nothing."""
        return 0


class PortPolicy(Protocol):
    """The part of the port that a connection uses: the L{SlavePortFactory} of C{wire.slaveport}."""

    @property
    def clock(self) -> IReactorTime:
        """The source of time for all connections."""

    @property
    def sender(self) -> Sender:
        """Lets all connections send."""

    def greeted(self, broker: SlavePortBroker) -> None:
        """A connection was made; its login begins."""

    def admitted(self, broker: SlavePortBroker) -> None:
        """A connection has logged in."""

    def forget(self, broker: SlavePortBroker) -> None:
        """A connection has ended."""

    def unfinished(self, broker: SlavePortBroker, size: int) -> None:
        """A connection holds C{size} bytes of an unfinished message."""

    def failed(self, broker: SlavePortBroker, name: str | None = None) -> float:
        """A connection failed to log in.

        @param name: the account that it tried; None if there is no such account.
        @return: the seconds to hold the connection before the peer gets the error.
        """

    def violated(self, broker: SlavePortBroker, reason: str) -> float:
        """A peer broke a rule. Returns the seconds to hold it before the connection is closed."""

    def complained(self, broker: SlavePortBroker, reason: str) -> None:
        """Log that a call of a peer was refused. The connection stays."""

    def sayOnce(
        self, kind: str, subject: str, format: str, known: bool = False, origin: str = "", **fields: object
    ) -> None:
        """Log a line, unless one of this kind about this subject was logged within the last minute."""


class SlavePortBroker(pb.Broker):
    """I am the master's end of one connection on the slave port.

    @ivar flow: its bytes, once it is connected.
    @ivar host: the peer's host; C{address} adds the port.
    @ivar source: the name under which the host is counted: see L{buildbot.wire.ratelimit.source}.
    @ivar name: its login name, once it has proved that; empty before.
    @ivar whyCut: the rule that the peer broke, if it is cut for one.
    @ivar account: the limits of its account, once it has logged in.
    @ivar weight: how many plain connections take as much memory before the login.
    """

    factory: PortPolicy  # type: ignore[assignment]  # Twisted declares it as None
    flow: Flow
    transport: Any  # of TCP, TLS or a UNIX socket
    waitingForAnswers: Any
    #: The codec's functions are the methods that Twisted's objects call.
    serialize = serialize
    unserialize = unserialize
    isClient = False
    security = SECURITY
    disconnected = 0
    currentRequestID = 0
    currentLocalID = 0
    currentDialect: Any = None
    outgoingSymbols: Any = {}
    outgoingSymbolCount = 0
    listStack: Any = ()
    failures: Any = ()
    connects: Any = ()
    pageProducers: Any = ()
    remotelyCachedObjects: Any = {}
    remotelyCachedLUIDs: Any = {}
    locallyCachedObjects: Any = {}
    serializingPerspective = None
    unserializingPerspective = None
    name = ""
    whyCut = ""
    account: Account = SLAVE
    weight = 1
    welcome = False
    closed = False
    _hanging = False

    def __init__(self, factory: PortPolicy, address: IAddress | None) -> None:
        # Twisted's own __init__ makes a vocabulary, seven containers that are never filled here, and so many
        # attributes that each connection gets a dictionary of 1.5 KiB.  The rest are class attributes above.
        self.factory = factory
        self.localObjects = {}
        self.luids = {}
        self.waitingForAnswers = {}
        self.disconnects = []
        self._localCleanup = {}
        host = self.host = sys.intern(str(getattr(address, "host", None) or "local"))
        self.source = source(host) if ":" in host else host
        port = getattr(address, "port", None)
        self.address = self.host if port is None else f"{self.host}:{port}"
        # Python needs no dictionary (0.8 KiB) for an object whose attributes, up to 30, are all set here. So
        # these are the ones that every slave's connection sets in its life.
        self.transport = None
        self.connected = 0
        self.currentLocalID = self.currentRequestID = 0
        self.name = ""
        self.welcome = False

    @property
    def who(self) -> str:
        """The name of the peer for the log."""
        return f"{self.name} ({self.address})" if self.name else self.address

    # the connection

    def connectionMade(self) -> None:
        """The peer connected: offer the dialects and start the login timeout."""
        if isinstance(self.transport, ProtocolWrapper):
            self.weight = TLS_WEIGHT
        self.factory.greeted(self)
        flow = self.flow = Flow(self, self.transport, self.factory.clock, self.factory.sender)
        self.dataReceived = flow.dataReceived  # type: ignore[method-assign]
        self.transport.registerProducer(flow, True)
        flow.write(_DIALECTS)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """The connection ended: fail the pending calls, then notify the watchers."""
        if not self.closed and not self.welcome and isOfOpenSSL(reason.value):
            self.factory.violated(self, handshakeFailed(reason.value))
        self.closed = True
        self.factory.forget(self)
        self.dataReceived = _ignore  # type: ignore[method-assign]
        self.flow.end()
        pb.Broker.connectionLost(self, reason)

    def abort(self) -> None:
        """Close the connection now and drop unsent data. Safe to call at any time, also twice."""
        if not self.closed:
            self.closed = True
            self.flow.abandon()
            self.factory.forget(self)
            self.transport.abortConnection()

    def hangUpAfter(self, seconds: float) -> None:
        """Stop to read from the peer and close the connection after C{seconds}."""
        if not self.closed and not self._hanging:
            self._hanging = True
            self.flow.stop()
            self.transport.pauseProducing()
            self.factory.clock.callLater(seconds, self.abort)

    def breakOff(self, reason: str) -> None:
        """The peer broke a rule: log it and disconnect, after the delay of the rate limit."""
        if self.closed or self._hanging:
            return
        hold = self.factory.violated(self, reason)
        if hold:
            self.hangUpAfter(hold)
        else:
            self.abort()

    def disconnectAfterAnswer(self, reason: str) -> None:
        """The peer broke a rule, and its answer says so: log it, and disconnect after LAST_ANSWER_TIME."""
        self.factory.violated(self, reason)
        self.hangUpAfter(LAST_ANSWER_TIME)

    def cut(self, reason: str) -> None:
        """The peer broke a rule: log it, and disconnect at once."""
        self.factory.violated(self, reason)
        self.abort()

    def complain(self, reason: str) -> None:
        """Log that a call of the peer was refused. The connection stays."""
        self.factory.complained(self, reason)

    def unfinished(self, size: int) -> None:
        """The flow holds C{size} bytes of an unfinished message."""
        self.factory.unfinished(self, size)

    @property
    def serving(self) -> int:
        """The number of calls of the peer that are not answered yet."""
        return self.flow.messages.serving

    @property
    def isHeld(self) -> bool:
        """True if the connection only waits to be closed."""
        return self._hanging

    def silent(self, now: float) -> float:
        """The seconds since the last bytes from the peer or the last answer to it."""
        return now - max(self.flow.lastHeard, self.flow.messages.lastServed)

    def admitPeer(self, name: str, account: Account = SLAVE) -> None:
        """The peer proved to be C{name}: the limits of its account apply from here on."""
        self.welcome = True
        self.name = name
        if account is not SLAVE:
            self.account = account
        self.flow.decoder.limits = account.message
        self.factory.admitted(self)
        setTcpKeepAlive = getattr(self.transport, "setTcpKeepAlive", None)
        if setTcpKeepAlive is not None:
            setTcpKeepAlive(True)

    def closeRoot(self) -> None:
        """The login has ended: another call of the root object breaks a rule."""
        self.localObjects.pop(b"root", None)

    def retire(self, callee: pb.Referenceable) -> None:
        """Free an object that the peer references. Later calls of the peer are answered with 0.

        Otherwise, a peer that never releases references would fill the master's memory.
        """
        number = self.luids and self.luids.pop(callee.processUniqueID(), None)
        if number:  # else the peer never got the object, or has disconnected
            retired = self.localObjects[number].object = _Retired()
            self.luids[retired.processUniqueID()] = number

    # writing

    def sendEncoded(self, obj: object) -> None:
        """Send one expression."""
        self.flow.write(encode(obj))

    def _sendMessage(
        self,
        prefix: bytes,
        perspective: object,
        objectID: int | bytes,
        message: bytes,
        args: tuple[object, ...],
        kw: dict[str, object],
    ) -> Deferred[Any] | None:
        """Call a method of the peer. C{callRemote} of a reference calls this.

        @return: a Deferred of the answer, or None with C{pbanswer=False}.
        @raise pb.DeadReferenceError: the connection is gone.
        @raise BananaError: an argument is too large for PB; nothing was sent.
        """
        if self.closed or self.disconnected:
            raise pb.DeadReferenceError("Calling Stale Broker")
        wanted = 1 if kw.pop("pbanswer", True) else 0
        self.currentRequestID = requestID = self.currentRequestID + 1
        data = encodeCall(prefix + b"message", requestID, objectID, message, wanted, args, kw, self)
        answer: Deferred[Any] | None = None
        if wanted:
            answer = self.waitingForAnswers[requestID] = Deferred()
        self.flow.write(data)
        return answer


_DIALECTS = encode(pb.Broker.knownDialects, vocabulary=False)


def _ignore(data: bytes) -> None:
    """Bytes that come after the end of the connection are ignored."""
