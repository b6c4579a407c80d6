# -*- test-case-name: tests.unit.wire.test_broker -*-
"""One connection on the slave port: Twisted's PB, spoken by our codec, with limits before and after login.

L{buildbot.wire.slaveport} has the limits of all connections together, L{buildbot.wire.login} the login, and
L{buildbot.wire.peers} the calls to a slave.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Protocol

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod
from twisted.spread.jelly import InsecureJelly, SecurityOptions

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.wire.accounts import SLAVE, Account
from buildbot.wire.banana import BEFORE_LOGIN, BananaError, Decoder
from buildbot.wire.budget import PEER_MEMORY, SLICE, Budget, Slices, workFor
from buildbot.wire.callee import MalformedCall
from buildbot.wire.dialect import NotAWord
from buildbot.wire.encoding import encode, encodeAnswer, encodeCall, encodeError, serialize
from buildbot.wire.failure import handshakeFailed, isOfOpenSSL
from buildbot.wire.jelly import unjelly, unserialize

log = Logger()

#: The most messages from a peer before login; a valid login needs four.
MESSAGES_BEFORE_LOGIN = 8
#: The most unsent bytes for a peer that does not read.
UNREAD_BEFORE_LOGIN = 1 << 20
UNREAD_AFTER_LOGIN = 4 << 20
#: The most unserved bytes: a transport can deliver data while it is paused, such as TLS.
UNSERVED = 1 << 20
#: Seconds that a peer has to read the reason before it is disconnected.
TELLING = 1.0
#: The weight of a TLS connection before login; a plain one weighs 1.
TLS_WEIGHT = 4
#: Smaller unfinished messages are not counted.
_FEW = 16 * 1024

#: Basic values only: peers may make nothing else here, whatever other code allows globally.
SECURITY = SecurityOptions()
SECURITY.allowBasicTypes()


class Violation(Exception):
    """A peer broke a rule of the protocol. The message names the rule, for the master's log only."""


#: Error messages that are sent to the peer unchanged.
_TOLD = (pb.Error, NoSuchMethod, UnauthorizedLogin, NotAWord)
#: Errors that only an invalid call of the peer can cause.
_MALFORMED = (MalformedCall, NotAWord)


def _errorFor(error: BaseException) -> tuple[str, list[str], str]:
    """The type, its bases and the text of C{error} for the peer, without internal details (S4)."""
    kind = type(error)
    names = [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__ if base is not object]
    told = str(error)[:500] if isinstance(error, _TOLD) else "internal error: see the master's log"
    return names[0], names, told


class _Retired(pb.Referenceable):
    """I replace an object that the peer still references and the master does not need any more."""

    def remoteMessageReceived(self, broker: pb.Broker, message: str, args: Any, kw: Any) -> int:
        """Answer any call with 0 and do nothing."""
        return 0


class PortPolicy(Protocol):
    """The part of the port that a connection uses: the L{SlavePortFactory} of C{wire.slaveport}."""

    @property
    def clock(self) -> IReactorTime:
        """The source of time for all connections."""

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

    @ivar lastHeard: when the last bytes came in, in seconds of the clock: any
        inbound byte is a sign of life.
    @ivar host: the peer's host; C{address} adds the port.
    @ivar name: its login name, once it has proved that; empty before.
    @ivar whyCut: the rule that the peer broke, if it is cut for one.
    @ivar budget: pays for what is kept of what the peer says.
    @ivar account: the limits of its account, once it has logged in.
    @ivar serving: calls of the peer that are not answered yet.
    @ivar weight: how many plain connections take as much memory before the login.
    """

    factory: PortPolicy  # type: ignore[assignment]  # Twisted declares it as None
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
    lastHeard = 0.0
    lastServed = 0.0
    serving = 0
    weight = 1
    bytesIn = 0
    bytesOut = 0
    welcome = False
    closed = False
    _messages = 0
    _hanging = False
    _paused = False
    _work: Iterator[Any] | None = None  # the messages that are to be served
    _rest: Iterator[object] | None = None  # of one that takes long
    _waiting: bytearray | None = None
    _stuck = False
    _unread = 0
    _counted = False

    def __init__(self, factory: PortPolicy, address: IAddress | None) -> None:
        # Twisted's own __init__ makes a vocabulary, seven containers that are never filled here, and so many
        # attributes that each connection gets a dictionary of 1.5 KiB.  The rest are class attributes above.
        self.factory = factory
        self.localObjects = {}
        self.luids = {}
        self.waitingForAnswers = {}
        self.disconnects = []
        self._localCleanup = {}
        self.host = sys.intern(str(getattr(address, "host", None) or "local"))
        port = getattr(address, "port", None)
        self.address = self.host if port is None else f"{self.host}:{port}"
        self._decoder = Decoder(BEFORE_LOGIN)
        self.budget = Budget("the data kept for this peer", PEER_MEMORY)
        # Python needs no dictionary (0.8 KiB) for an object whose attributes, up to 30, are all set here. So
        # these are the ones that every slave's connection sets in its life.
        self.transport = None
        self.connected = 0
        self.currentDialect = None
        self.currentLocalID = self.currentRequestID = 0
        self.lastHeard = self.lastServed = 0.0
        self.bytesIn = self.bytesOut = self.serving = self._messages = 0
        self._work = self._rest = None
        self.name = ""
        self.welcome = False

    @property
    def who(self) -> str:
        """The name of the peer for the log."""
        return f"{self.name} ({self.address})" if self.name else self.address

    # the connection

    def connectionMade(self) -> None:
        """The peer connected: offer the dialects and start the login timeout."""
        self.lastHeard = self.factory.clock.seconds()
        if isinstance(self.transport, ProtocolWrapper):
            self.weight = TLS_WEIGHT
        self.transport.registerProducer(self, True)
        self.factory.greeted(self)
        self._send(encode(self.knownDialects, vocabulary=False))

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """The connection ended: fail the pending calls, then notify the watchers."""
        if not self.closed and not self.welcome and isOfOpenSSL(reason.value):
            self.factory.violated(self, handshakeFailed(reason.value))
        self.closed = True
        self.factory.forget(self)
        self._decoder.forget()
        self._work = self._rest = self._waiting = None
        pb.Broker.connectionLost(self, reason)

    def abort(self) -> None:
        """Close the connection now and drop unsent data. Safe to call at any time, also twice."""
        if not self.closed:
            self.closed = True
            self.factory.forget(self)
            self.transport.abortConnection()

    def hangUpAfter(self, seconds: float) -> None:
        """Stop to read from the peer and close the connection after C{seconds}."""
        if not self.closed and not self._hanging:
            self._hanging = True
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

    @property
    def isHeld(self) -> bool:
        """True if the connection only waits to be closed."""
        return self._hanging

    def silent(self, now: float) -> float:
        """The seconds since the last bytes from the peer or the last answer to it."""
        return now - max(self.lastHeard, self.lastServed)

    def admitPeer(self, name: str, account: Account = SLAVE) -> None:
        """The peer proved to be C{name}: the limits of its account apply from here on."""
        self.welcome = True
        self.name = name
        if account is not SLAVE:
            self.account = account
        self._decoder.limits = account.message
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

    # reading

    def dataReceived(self, data: bytes) -> None:
        """Receive bytes: decode and serve them, or disconnect."""
        if self.closed or self._hanging:
            return  # left over in the kernel's buffer after disconnection
        self.lastHeard = self.factory.clock.seconds()
        self.bytesIn += len(data)
        if self._work is not None or self._paused:
            self._keepWaiting(data)
            return
        if self.bytesIn == len(data) and data[:1] not in _GREETINGS:
            self.breakOff("it does not speak PB")
            return
        self._serveSlice(data)

    def _keepWaiting(self, data: bytes) -> None:
        """Queue bytes that arrive while reading is paused, within a limit."""
        if self._waiting is None:
            self._waiting = bytearray()
        self._waiting += data
        if len(self._waiting) > UNSERVED:
            self.breakOff(f"it sent more than {UNSERVED} bytes while reading was paused")

    def _serveSlice(self, data: bytes | None = None) -> None:
        """Serve messages for a time slice. If work is left, continue after the other connections.

        @param data: new bytes, if no earlier ones wait.
        """
        now = self.factory.clock.seconds
        started = now() if data is None else self.lastHeard
        end = SLICE + started
        try:
            if data is not None:
                self._work = iter(self._decoder.decode(data))
            self._serve(end, now)
        except (Violation, BananaError, InsecureJelly) as error:
            self.breakOff(str(error) or type(error).__name__)
        except PLUGIN_ERRORS:
            log.failure("internal error while serving {who}", who=self.who)
            self.abort()
        if self.closed or self._hanging:
            self._work = self._rest = self._waiting = None
            return
        self._countUnfinished()
        over = now()
        if over >= end:
            self._pause(min(over - started, 1.0))
        elif self._paused:
            self._paused = False
            self.transport.resumeProducing()

    def _serve(self, end: float, now: Callable[[], float]) -> None:
        """Serve messages until the time C{end}; serve a long one in parts."""
        while not self.closed and not self._hanging:
            if self._rest is not None:
                if not workFor(end, self._rest, now):
                    return
                self._rest = None
            elif self._work is not None:
                for expression in self._work:
                    self._rest = self.expressionReceived(expression)
                    if self._rest is not None or self.closed or self._hanging:
                        break
                    if now() >= end:
                        return
                else:
                    self._work = None
            elif self._waiting:
                data, self._waiting = bytes(self._waiting), None
                self._work = iter(self._decoder.decode(data))
            else:
                return

    def _countUnfinished(self) -> None:
        """Report the size of an unfinished message if it is large."""
        if self._decoder.isEmpty and not self._counted:
            return
        unfinished = 0 if self._work is not None else self._decoder.unfinished
        if unfinished > _FEW or self._counted:
            self._counted = unfinished > _FEW
            self.factory.unfinished(self, unfinished if self._counted else 0)

    def _pause(self, seconds: float) -> None:
        """Stop to read from this peer for C{seconds}, in favour of the other peers."""
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()
        self.factory.clock.callLater(seconds, self._serveSlice)

    def _cut(self, why: str) -> None:
        """The peer broke a rule: log it, and disconnect at once."""
        self.factory.violated(self, why)
        self.abort()

    def expressionReceived(self, expression: Any) -> Iterator[object] | None:
        """Serve one expression. Returns the rest of the work if it takes long."""
        if self.currentDialect is None:
            if expression != b"pb":
                raise Violation("it does not speak PB")
            self.currentDialect = b"pb"
            self._decoder.vocabulary = True
            self._send(_VERSION)
            return None
        if not self.welcome:
            self._messages += 1
            if self._messages > MESSAGES_BEFORE_LOGIN:
                raise Violation(f"more than {MESSAGES_BEFORE_LOGIN} messages before its login")
        if type(expression) is not list or not expression or type(expression[0]) is not bytes:
            raise Violation("an invalid message")
        served = _SERVED.get(expression[0])
        if served is None:
            raise Violation(f"a message of unknown kind {expression[0][:32]!r}")
        shapes, serve = served
        if tuple(map(type, expression)) not in shapes:
            raise Violation(f"a malformed {expression[0].decode()} message")
        return serve(self, *expression[1:])

    def _version(self, number: int) -> None:
        if number != self.version:
            raise Violation(f"PB version {number}; only {self.version} is known")

    def _didNotUnderstand(self, what: object) -> None:
        """The peer did not understand a message. Ignore that."""

    def _message(
        self, requestID: int, objectID: int | bytes, message: bytes, answerRequired: int, args: Any, kw: Any
    ) -> Iterator[object] | None:
        local = self.localObjects.get(objectID)
        try:
            if local is None:
                raise Violation(f"it called an object that it had no reference to: {objectID!r:.40}")
            name = message.decode("utf-8", "replace")
            result = local.object.remoteMessageReceived(self, name, args, kw)
        except (Violation, InsecureJelly):
            raise
        except PLUGIN_ERRORS as error:
            self._failed(error, requestID, answerRequired)
        else:
            if isinstance(result, Slices):
                return self._inSlices(result, requestID, answerRequired)
            if isinstance(result, Deferred):
                self.serving += 1
                if answerRequired:
                    result.addCallback(self._answerLater, requestID)
                result.addErrback(self._failedLater, requestID, answerRequired)
                result.addBoth(self._served)
            elif answerRequired:
                self._send(encodeAnswer(requestID, result))
        return None

    def _inSlices(self, slices: Slices, requestID: int, answerRequired: int) -> Iterator[object]:
        """Serve a call that takes long. The peer's next messages wait until it is done."""
        try:
            yield from slices.work
        except (Violation, InsecureJelly):
            raise
        except PLUGIN_ERRORS as error:
            self._failed(error, requestID, answerRequired)
        else:
            if answerRequired and not self.closed:
                self._send(encodeAnswer(requestID, slices.answer))

    def _answerLater(self, result: Any, requestID: int) -> None:
        if not self.closed:
            self._send(encodeAnswer(requestID, result))

    def _served(self, result: Any) -> Any:
        self.serving -= 1
        self.lastServed = self.factory.clock.seconds()
        return result

    def _failedLater(self, why: Failure, requestID: int, answerRequired: int) -> None:
        assert why.value is not None
        self._failed(why.value, requestID, answerRequired)

    def _failed(self, error: BaseException, requestID: int, answerRequired: int) -> None:
        """Report a failed call by the kind of its error, and answer the peer without details."""
        if isinstance(error, (Violation, InsecureJelly)):
            self.breakOff(str(error))
            return
        if isinstance(error, _MALFORMED):
            self._malformed(error, requestID, answerRequired)
            return
        if isinstance(error, (pb.Error, NoSuchMethod)):
            self.factory.complained(self, f"{type(error).__name__}: {error}")
        elif not isinstance(error, UnauthorizedLogin):  # the login code has logged this one
            log.failure("internal error in a call of {who}", Failure(error), who=self.who)
        if answerRequired:
            self._sendError(error, requestID)

    def _malformed(self, error: BaseException, requestID: int, answerRequired: int) -> None:
        """The peer made an invalid call: send it an error if it wants an answer, and disconnect."""
        reason = f"a malformed call: {error}"
        if self.welcome and answerRequired and not self.closed and not self._hanging:
            self._sendError(error, requestID)
            self.factory.violated(self, reason)
            self.hangUpAfter(TELLING)
        else:
            self.breakOff(reason)

    def _sendError(self, error: BaseException, requestID: int) -> None:
        if not self.closed:
            name, parents, text = _errorFor(error)
            state = {"type": name, "value": text, "parents": parents, "traceback": "Traceback unavailable\n"}
            self._send(encodeError(requestID, state, self))

    def _answer(self, requestID: int, result: Any) -> None:
        waiting = self._asked(requestID)
        value = unjelly(result, self)
        del self.waitingForAnswers[requestID]
        waiting.callback(value)

    def _error(self, requestID: int, why: Any) -> None:
        waiting = self._asked(requestID)
        value = unjelly(why, self)
        if not isinstance(value, Failure):
            raise Violation("an error of unknown kind")
        del self.waitingForAnswers[requestID]
        waiting.errback(value)

    def _asked(self, requestID: int) -> Deferred[Any]:
        """The Deferred of the call with this number. Raises L{Violation} if no such call is pending."""
        waiting: Deferred[Any] | None = self.waitingForAnswers.get(requestID)
        if waiting is None:
            raise Violation("an answer to a call that was not made")
        return waiting

    def _decref(self, objectID: int) -> None:
        local = self.localObjects.get(objectID)
        if local is None:
            raise Violation("it released an object that it had no reference to")
        self.proto_decref(objectID)

    # writing

    def sendEncoded(self, obj: Any) -> None:
        """Send one expression."""
        self._send(encode(obj))

    def _send(self, data: bytes) -> None:
        self.bytesOut += len(data)
        if self._stuck:
            self._unread += len(data)
            if self._unread > (UNREAD_AFTER_LOGIN if self.welcome else UNREAD_BEFORE_LOGIN):
                if not self.closed:
                    self._cut(f"it leaves {self._unread} bytes unread")
                return
        self.transport.write(data)

    def pauseProducing(self) -> None:
        """The transport's buffer is full: count the bytes added from now on."""
        self._stuck = True

    def resumeProducing(self) -> None:
        """The transport has sent everything."""
        self._stuck = False
        self._unread = 0

    def _sendMessage(
        self, prefix: bytes, perspective: Any, objectID: Any, message: bytes, args: Any, kw: dict[str, Any]
    ) -> Deferred[Any] | None:
        """Call a method of the peer: what C{callRemote} of a reference does.

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
        self._send(data)
        return answer


#: The first bytes of a dialect's name: browsers and TLS clients are detected early.
_GREETINGS = {bytes([len(dialect)]) for dialect in pb.Broker.knownDialects}
_VERSION = encode([b"version", pb.Broker.version])


def _shapes(*parts: tuple[type, ...]) -> frozenset[tuple[type, ...]]:
    """The tuples of the types that the parts of a message may have."""
    return frozenset(product(*parts))


_BYTES, _INT, _LIST = (bytes,), (int,), (list,)
_ID = (int, bytes)
_ANY = (bytes, int, float, list)
#: Message -> (types of its parts, method that serves it). Messages for caches and copies are missing.
_SERVED: dict[bytes, tuple[frozenset[tuple[type, ...]], Callable[..., Iterator[object] | None]]] = {
    b"version": (_shapes(_BYTES, _INT), SlavePortBroker._version),
    b"didNotUnderstand": (_shapes(_BYTES, _ANY), SlavePortBroker._didNotUnderstand),
    b"message": (_shapes(_BYTES, _INT, _ID, _BYTES, _INT, _LIST, _LIST), SlavePortBroker._message),
    b"answer": (_shapes(_BYTES, _INT, _ANY), SlavePortBroker._answer),
    b"error": (_shapes(_BYTES, _INT, _ANY), SlavePortBroker._error),
    b"decref": (_shapes(_BYTES, _INT), SlavePortBroker._decref),
}
