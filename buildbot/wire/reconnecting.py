# -*- test-case-name: tests.unit.wire.test_callee -*-
"""The reconnecting PB client of 0.7.5. The master does not use it; plug-ins may."""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConnector
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

log = Logger()


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
