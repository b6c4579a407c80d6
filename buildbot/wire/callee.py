# -*- test-case-name: tests.unit.wire.test_callee -*-
"""Serve the messages of a peer: its calls of our objects, and its answers to our calls.

L{Callee} and L{NewCredPerspective} are the base classes of objects that a peer calls. Twisted's own dispatch
logs the arguments of an invalid call, does not take bytes as keywords on perspectives, and cannot send the
result of an C{async def}. L{dispatch} corrects all three.

L{buildbot.wire.flow} has the bytes and the time for them. This module does not know slaves or the master.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from types import CoroutineType
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod
from twisted.spread.jelly import InsecureJelly

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.wire.banana import Expression
from buildbot.wire.budget import Slices
from buildbot.wire.dialect import NotAWord
from buildbot.wire.encoding import Encoded, encode, encodeAnswer, encodeError, encodeLate
from buildbot.wire.jelly import unjelly
from buildbot.wire.seams import Codec, Connection, Outlet

log = Logger()

#: The most messages from a peer before login; a valid login needs four.
MESSAGES_BEFORE_LOGIN = 8
#: Seconds that a peer has to read the reason before it is disconnected.
LAST_ANSWER_TIME = 1.0
#: Answers of fewer bytes are sent together at the end of a slice.
SHORT = 256


class Violation(Exception):
    """A peer broke a rule of the protocol. The message names the rule, for the master's log only."""


class WrongArguments(pb.Error):
    """A remote caller passed arguments that are not valid now. The text is sent to the caller."""


class MalformedCall(WrongArguments):
    """A remote caller passed arguments that the method never accepts: the peer's program has a bug."""


def dispatch(target: object, prefix: str, broker: Codec, message: str, args: object, kw: object) -> Any:
    """Call the method C{prefix + message} of C{target} for the peer of C{broker}.

    @param args: the jellied positional arguments.
    @param kw: the jellied keywords. Their keys may be bytes: Python 2 peers send bytes.
    @return: the answer to send: what C{broker.serialize} returns, or a Deferred.
    @raise NoSuchMethod: C{target} has no such method.
    @raise MalformedCall: the arguments do not fit the method's signature.
    """
    method = getattr(target, prefix + message, None)
    if method is None:
        raise NoSuchMethod(f"No such method: {prefix}{message[:64]}")
    positional = (None,) if args == _ONE_NONE else broker.unserialize(args)
    keywords = _keywords(broker, message, kw) if kw != _NO_KEYWORDS else {}
    if keywords or not isinstance(positional, tuple):
        _checkCall(method, message, positional, keywords)
    try:
        result = method(*positional, **keywords)
    except TypeError:
        _checkCall(method, message, positional, keywords)
        raise
    if isinstance(result, CoroutineType):
        result = ensureDeferred(result)
    return result if isinstance(result, Deferred) else broker.serialize(result)


#: The jelly of no keywords, as nearly all calls have it.
_NO_KEYWORDS = [b"dictionary"]
#: The arguments of the call that ends nearly all commands.
_ONE_NONE = [b"tuple", [b"None"]]
#: The answer to nearly all calls of ours.
_NONE = [b"None"]
#: The answer None to a call whose caller does not wait for it. It may be sent with our next message.
AT_LEISURE = Encoded(encode(_NONE))


def _keywords(broker: Codec, message: str, kw: object) -> dict[str, Any]:
    named = broker.unserialize(kw)
    if not isinstance(named, dict):
        raise MalformedCall(f"{message[:64]}: its keywords are not a dictionary")
    return {
        key.decode("utf-8", "replace") if isinstance(key, bytes) else key: value
        for key, value in named.items()
    }


def _checkCall(
    method: Callable[..., object], message: str, positional: Iterable[object], keywords: dict[str, Any]
) -> None:
    try:
        inspect.signature(method).bind(*positional, **keywords)
    except TypeError as error:
        raise MalformedCall(f"{message[:64]}: {str(error)[:200]}") from None


class Callee(pb.Referenceable):
    """I am an object that a peer may call: my C{remote_} methods. They may be C{async def}."""

    def remoteMessageReceived(self, broker: Codec, message: str, args: object, kw: object) -> Any:
        """Serve a call from the peer; see L{dispatch}."""
        return dispatch(self, "remote_", broker, message, args, kw)


class NewCredPerspective(pb.Avatar):
    """I am the object that a logged-in peer can call: my C{perspective_} methods.

    L{buildbot.slaves.realm.Dispatcher} calls C{attached} after a successful login and C{detached} after the
    logout.
    """

    def attached(self, mind: pb.RemoteReference | None, /) -> Any:
        """The peer logged in.

        @param mind: a reference to the peer's own object, for calls back to the peer; or None.
        @return: the perspective for the peer, or a Deferred of it.
        """
        return self

    def detached(self, mind: pb.RemoteReference | None) -> None:
        """The peer logged out, or its connection ended."""

    def perspectiveMessageReceived(self, broker: Codec, message: str, args: object, kw: object) -> Any:
        """Serve a call from the peer; see L{dispatch}."""
        return dispatch(self, "perspective_", broker, message, args, kw)


# ---- messages


class Messages:
    """I serve the messages of one peer.

    @ivar serving: the number of calls of the peer that are not answered yet.
    @ivar lastServed: the time of the last late answer.
    """

    __slots__ = ("_connection", "_count", "_isAgreed", "_outlet", "lastServed", "serving")

    def __init__(self, connection: Connection, outlet: Outlet) -> None:
        self.serving = 0
        self.lastServed = 0.0
        self._connection = connection
        self._outlet = outlet
        self._isAgreed = False
        self._count = 0

    def serve(self, expression: Expression) -> Iterator[object] | None:
        """Serve one message. Returns the rest of the work if it takes long.

        @raise Violation: the message breaks a rule.
        @raise InsecureJelly: a value in it is malformed or refused.
        """
        if not self._connection.welcome and not self._mayGreet(expression):
            return None
        if type(expression) is not list or not expression or type(expression[0]) is not bytes:
            raise Violation("an invalid message")
        served = _SERVED.get(expression[0])
        if served is None:
            raise Violation(f"a message of unknown kind {expression[0][:32]!r}")
        shapes, serve = served
        if tuple(map(type, expression)) not in shapes:
            raise Violation(f"a malformed {expression[0].decode()} message")
        return serve(self, *expression[1:])

    def _mayGreet(self, expression: Expression) -> bool:
        """Check a message before login. Returns False for the choice of the dialect, which is then served."""
        if not self._isAgreed:
            if expression != b"pb":
                raise Violation("it does not speak PB")
            self._isAgreed = True
            self._outlet.decoder.vocabulary = True
            self._outlet.answers.append(_VERSION)
            return False
        self._count += 1
        if self._count > MESSAGES_BEFORE_LOGIN:
            raise Violation(f"more than {MESSAGES_BEFORE_LOGIN} messages before its login")
        return True

    def _version(self, number: int) -> None:
        if number != pb.Broker.version:
            raise Violation(f"PB version {number}; only {pb.Broker.version} is known")

    def _didNotUnderstand(self, what: object) -> None:
        """The peer did not understand a message. Ignore that."""

    # its calls

    def _message(
        self,
        requestID: int,
        objectID: int | bytes,
        message: bytes,
        answerRequired: int,
        args: Expression,
        kw: Expression,
    ) -> Iterator[object] | None:
        connection = self._connection
        local = connection.localObjects.get(objectID)
        try:
            if local is None:
                raise Violation(f"it called an object that it had no reference to: {objectID!r:.40}")
            name = message.decode("utf-8", "replace")
            result = local.object.remoteMessageReceived(connection, name, args, kw)
        except (Violation, InsecureJelly):
            raise
        except PLUGIN_ERRORS as error:
            self._failed(error, requestID, answerRequired)
        else:
            if isinstance(result, Slices):
                return self._inSlices(result, requestID, answerRequired)
            if isinstance(result, Deferred):
                self.serving += 1
                which = (requestID, answerRequired)
                result.addCallbacks(self._answerLater, self._failedLater, which, {}, which)
            elif answerRequired:
                answer = encodeAnswer(requestID, result)
                if len(answer) < SHORT:
                    self._outlet.answers.append(answer)
                    self._outlet.mayWait = result is AT_LEISURE
                else:
                    self._outlet.write(answer)
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
            if answerRequired and not self._connection.closed:
                self._outlet.write(encodeAnswer(requestID, slices.answer))

    def _answerLater(self, result: object, requestID: int, answerRequired: int) -> None:
        self._isServed()
        if not answerRequired or self._connection.closed:
            return
        try:
            answer = encodeLate(requestID, result, self._connection)
        except PLUGIN_ERRORS as error:
            self._failed(error, requestID, answerRequired)
        else:
            self._outlet.write(answer)

    def _failedLater(self, why: Failure, requestID: int, answerRequired: int) -> None:
        assert why.value is not None
        self._isServed()
        self._failed(why.value, requestID, answerRequired)

    def _isServed(self) -> None:
        self.serving -= 1
        self.lastServed = self._outlet.now()

    def _failed(self, error: BaseException, requestID: int, answerRequired: int) -> None:
        """Report a failed call by the kind of its error, and answer the peer without details."""
        connection = self._connection
        if isinstance(error, (Violation, InsecureJelly)):
            connection.breakOff(str(error))
            return
        if isinstance(error, _MALFORMED):
            self._malformed(error, requestID, answerRequired)
            return
        if isinstance(error, (pb.Error, NoSuchMethod)):
            connection.complain(f"{type(error).__name__}: {error}")
        elif not isinstance(error, UnauthorizedLogin):  # the login code has logged this one
            log.failure("internal error in a call of {who}", Failure(error), who=connection.who)
        if answerRequired:
            self._sendError(error, requestID)

    def _malformed(self, error: BaseException, requestID: int, answerRequired: int) -> None:
        """The peer made an invalid call: send it an error if it wants an answer, and disconnect."""
        reason = f"a malformed call: {error}"
        connection = self._connection
        if connection.welcome and answerRequired and not connection.closed and not connection.isHeld:
            self._sendError(error, requestID)
            connection.disconnectAfterAnswer(reason)
        else:
            connection.breakOff(reason)

    def _sendError(self, error: BaseException, requestID: int) -> None:
        if not self._connection.closed:
            self._outlet.write(encodeError(requestID, error, self._connection))

    # its answers

    def _answer(self, requestID: int, result: Expression) -> None:
        waiting = self._asked(requestID)
        value = None if result == _NONE else unjelly(result, self._connection)
        del self._connection.waitingForAnswers[requestID]
        waiting.callback(value)

    def _error(self, requestID: int, why: Expression) -> None:
        waiting = self._asked(requestID)
        value = unjelly(why, self._connection)
        if not isinstance(value, Failure):
            raise Violation("an error of unknown kind")
        del self._connection.waitingForAnswers[requestID]
        waiting.errback(value)

    def _asked(self, requestID: int) -> Deferred[Any]:
        """The Deferred of the call with this number. Raises L{Violation} if no such call is pending."""
        waiting = self._connection.waitingForAnswers.get(requestID)
        if waiting is None:
            raise Violation("an answer to a call that was not made")
        return waiting

    def _decref(self, objectID: int) -> None:
        local = self._connection.localObjects.get(objectID)
        if local is None:
            raise Violation("it released an object that it had no reference to")
        self._connection.proto_decref(objectID)


_VERSION = encode([b"version", pb.Broker.version])
#: Errors that only an invalid call of the peer can cause.
_MALFORMED = (MalformedCall, NotAWord)


def _shapes(*parts: tuple[type, ...]) -> frozenset[tuple[type, ...]]:
    """The tuples of the types that the parts of a message may have."""
    return frozenset(product(*parts))


_BYTES, _INT, _LIST = (bytes,), (int,), (list,)
_ID = (int, bytes)
_ANY = (bytes, int, float, list)
#: Message -> (types of its parts, method that serves it). Messages for caches and copies are missing.
_SERVED: dict[bytes, tuple[frozenset[tuple[type, ...]], Callable[..., Iterator[object] | None]]] = {
    b"version": (_shapes(_BYTES, _INT), Messages._version),
    b"didNotUnderstand": (_shapes(_BYTES, _ANY), Messages._didNotUnderstand),
    b"message": (_shapes(_BYTES, _INT, _ID, _BYTES, _INT, _LIST, _LIST), Messages._message),
    b"answer": (_shapes(_BYTES, _INT, _ANY), Messages._answer),
    b"error": (_shapes(_BYTES, _INT, _ANY), Messages._error),
    b"decref": (_shapes(_BYTES, _INT), Messages._decref),
}
