# -*- test-case-name: tests.unit.wire.test_callee -*-
"""The base classes of objects that are called over PB, and the reconnecting client of 0.7.5.

Twisted's own dispatch logs the arguments of an invalid call, does not take bytes as keywords on perspectives,
and cannot send the result of an C{async def}. L{dispatch} corrects all three. This module does not know
slaves or the master.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

from twisted.cred.credentials import UsernamePassword
from twisted.internet import protocol
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IConnector
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod

log = Logger()


class WrongArguments(pb.Error):
    """A remote caller passed arguments that are not valid now. The text is sent to the caller."""


class MalformedCall(WrongArguments):
    """A remote caller passed arguments that the method never accepts: the peer's program has a bug."""


class Codec(Protocol):
    """The part of a connection (a L{pb.Broker}) that L{dispatch} uses."""

    def serialize(self, object: Any, /) -> Any:
        """Return the jelly of a value."""

    def unserialize(self, sexp: Any, /) -> Any:
        """Return the value of some jelly."""


def dispatch(target: object, prefix: str, broker: Codec, message: str, args: Any, kw: Any) -> Any:
    """Call the method C{prefix + message} of C{target} for the peer of C{broker}.

    @param args: the jellied positional arguments.
    @param kw: the jellied keywords. Their keys may be bytes: Python 2 peers send bytes.
    @return: the answer to send: jelly, or a Deferred of jelly.
    @raise NoSuchMethod: C{target} has no such method.
    @raise MalformedCall: the arguments do not fit the method's signature.
    """
    method = getattr(target, prefix + message, None)
    if method is None:
        raise NoSuchMethod(f"No such method: {prefix}{message[:64]}")
    positional = broker.unserialize(args)
    keywords = _keywords(broker, message, kw) if kw != _NO_KEYWORDS else {}
    if keywords or not isinstance(positional, tuple):
        _checkCall(method, message, positional, keywords)
    try:
        result = method(*positional, **keywords)
    except TypeError:
        _checkCall(method, message, positional, keywords)
        raise
    if inspect.iscoroutine(result):
        result = ensureDeferred(result)
    return broker.serialize(result)


#: The jelly of no keywords, as nearly all calls have it.
_NO_KEYWORDS = [b"dictionary"]


def _keywords(broker: Codec, message: str, kw: Any) -> dict[Any, Any]:
    named = broker.unserialize(kw)
    if not isinstance(named, dict):
        raise MalformedCall(f"{message[:64]}: its keywords are no dictionary")
    return {
        key.decode("utf-8", "replace") if isinstance(key, bytes) else key: value
        for key, value in named.items()
    }


def _checkCall(
    method: Callable[..., object], message: str, positional: Any, keywords: dict[str, Any]
) -> None:
    try:
        inspect.signature(method).bind(*positional, **keywords)
    except TypeError as error:
        raise MalformedCall(f"{message[:64]}: {str(error)[:200]}") from None


class Callee(pb.Referenceable):
    """I am an object that a peer may call: my C{remote_} methods. They may be C{async def}."""

    def remoteMessageReceived(self, broker: Codec, message: str, args: Any, kw: Any) -> Any:
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

    def perspectiveMessageReceived(self, broker: Codec, message: str, args: Any, kw: Any) -> Any:
        """Serve a call from the peer; see L{dispatch}."""
        return dispatch(self, "perspective_", broker, message, args, kw)


class ReconnectingPBClientFactory(pb.PBClientFactory, protocol.ReconnectingClientFactory):
    """I log in to a PB server, and log in again after each lost connection.

    Call L{startLogin} once, before connecting. Override L{gotPerspective}, which is called after every login,
    and L{failedToGetPerspective}.
    """

    def __init__(self) -> None:
        super().__init__()
        self._credentials: UsernamePassword | None = None
        self._client: pb.Referenceable | None = None

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """Retry later: the connection could not be made."""
        pb.PBClientFactory.clientConnectionFailed(self, connector, reason)
        protocol.ReconnectingClientFactory.clientConnectionFailed(self, connector, reason)

    def clientConnectionLost(self, connector: IConnector, reason: Failure, reconnecting: int = 1) -> None:
        """Retry later: the connection was lost."""
        pb.PBClientFactory.clientConnectionLost(self, connector, reason, reconnecting=reconnecting)
        protocol.ReconnectingClientFactory.clientConnectionLost(self, connector, reason)

    def clientConnectionMade(self, broker: pb.Broker) -> None:
        """Reset the retry delay and log in."""
        self.resetDelay()
        pb.PBClientFactory.clientConnectionMade(self, broker)
        root = self._root
        assert root is not None  # it has just been set
        if self._credentials is not None:
            self.doLogin(root)
        self.gotRootObject(root)

    def startLogin(self, credentials: UsernamePassword, client: pb.Referenceable | None = None) -> None:
        """Log in with C{credentials} on every connection.

        @param client: the mind: an object that the server may call.
        """
        self._credentials = credentials
        self._client = client

    def doLogin(self, root: pb.RemoteReference) -> None:
        """Log in over the new connection."""
        credentials = self._credentials
        assert credentials is not None  # startLogin comes first
        login: Deferred[Any] = self._cbSendUsername(
            root, credentials.username, credentials.password, self._client
        )
        login.addCallbacks(self.gotPerspective, self.failedToGetPerspective)
        login.addErrback(lambda why: log.failure("gotPerspective failed after a login", failure=why))

    def gotPerspective(self, perspective: pb.RemoteReference) -> None:
        """Called after each successful login. Override me."""

    def gotRootObject(self, root: pb.RemoteReference) -> None:
        """Called for each new connection. Override me if you do not log in."""

    def failedToGetPerspective(self, why: Failure) -> None:
        """Called after a failed login. Drops the connection, to retry after the usual delay: the server may
        accept a later login.
        """
        log.warn("login failed: {why}", why=why.getErrorMessage())
        if self._broker is not None:
            self._broker.transport.loseConnection()

    def login(self, *args: Any) -> Any:
        """Always raises RuntimeError: use L{startLogin}."""
        raise RuntimeError("login serves a single connection: use startLogin instead")

    def getPerspective(self, *args: Any) -> Any:
        """Always raises RuntimeError: use L{startLogin}."""
        raise RuntimeError("getPerspective is one-shot and of the old cred: use startLogin instead")
