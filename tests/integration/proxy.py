# -*- test-case-name: tests.integration.test_proxy -*-
"""A TCP proxy in the test's own process that misbehaves on request.

It forwards and counts bytes; it does not interpret them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from twisted.internet import defer, interfaces, protocol, reactor
from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase


class Mode(Enum):
    """The treatment of incoming bytes of a link."""

    PASS = "pass"  #: forward them
    BLACKHOLE = "blackhole"  # drop them, both ways, and keep both connections open
    STOP_READING = "stop reading"  # leave them in the sender's socket until its buffers are full


@dataclass
class Link:
    """One client's connection, and the one to the server for it."""

    number: int  # counted from 0, in the order of connection
    client: _Side
    server: _Side | None = None
    fromClient: int = 0  # incoming bytes, forwarded or dropped
    fromServer: int = 0
    mode: Mode = Mode.PASS
    delay: float = 0.0  # seconds of delay of each piece
    address: str = ""  # "host:port" of our end towards the server: the client's address for the server
    closed: bool = False  # either side has ended
    _waiting: list[bytes] = field(default_factory=list)
    _delayed: deque[tuple[_Side, bytes]] = field(default_factory=deque)
    _timers: list[IDelayedCall] = field(default_factory=list)

    def setMode(self, mode: Mode) -> None:
        """Set the treatment of bytes from now on."""
        self.mode = mode
        for side in (self.client, self.server):
            if side is not None and side.transport is not None:
                if mode is Mode.STOP_READING:
                    side.transport.pauseProducing()
                else:
                    side.transport.resumeProducing()

    def reset(self) -> None:
        """Reset both connections with RST: unsent data is lost, and both peers notice at once."""
        for side in (self.client, self.server):
            if side is not None and side.transport is not None:
                side.transport.abortConnection()

    def halfClose(self) -> None:
        """Send FIN to the server and keep reading from it, as if the client had shut down its sending."""
        assert self.server is not None and self.server.transport is not None
        self.server.transport.loseWriteConnection()

    def close(self) -> None:
        """Close both connections cleanly."""
        for side in (self.client, self.server):
            if side is not None and side.transport is not None:
                side.transport.loseConnection()

    def _received(self, side: _Side, data: bytes) -> None:
        if side is self.client:
            self.fromClient += len(data)
        else:
            self.fromServer += len(data)
        if self.mode is Mode.BLACKHOLE:
            return
        if side is self.client and self.server is None:
            self._waiting.append(data)  # our own connection to the server does not exist yet
        elif self.delay or self._delayed:
            self._delayed.append((side, data))
            self._timers.append(reactor.callLater(self.delay, self._forwardOldest))
        else:
            self._forward(side, data)

    def _forwardOldest(self) -> None:
        """A timer has fired; forward the oldest piece, whichever timer it was."""
        self._timers = [timer for timer in self._timers if timer.active()]
        self._forward(*self._delayed.popleft())

    def _forward(self, side: _Side, data: bytes) -> None:
        other = self.server if side is self.client else self.client
        if other is not None and other.connected and other.transport is not None:
            other.transport.write(data)

    def _connected(self, server: _Side) -> None:
        self.server = server
        assert server.transport is not None
        host = server.transport.getHost()
        self.address = f"{host.host}:{host.port}"
        if self.closed:
            server.transport.loseConnection()
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self._forward(self.client, data)
        self.setMode(self.mode)

    def _lost(self, side: _Side) -> None:
        self.closed = True
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        other = self.server if side is self.client else self.client
        if self.mode is Mode.PASS and other is not None and other.transport is not None:
            other.transport.loseConnection()


class ISocket(interfaces.ITCPTransport, interfaces.IPushProducer):
    """The methods used of a connection, plain or TLS."""


class _Side(protocol.Protocol):
    """One of the two connections of a link."""

    link: Link
    transport: ISocket | None

    def __init__(self, ended: Callable[[_Side], None]) -> None:
        self._ended = ended

    def dataReceived(self, data: bytes) -> None:
        self.link._received(self, data)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self._ended(self)
        self.link._lost(self)


def portOf(listening: interfaces.IListeningPort) -> int:
    """The number of a TCP port."""
    address = listening.getHost()
    assert isinstance(address, IPv4Address)
    return address.port


class Proxy(protocol.ServerFactory):
    """I listen on a port and make one connection to the server for each incoming one.

    My port, and all my connections, are closed at the end of the test.
    """

    noisy = False

    def __init__(
        self, test: TestCase, port: int, endpoint: interfaces.IStreamClientEndpoint | None = None
    ) -> None:
        """@param port: the server's, on the loopback.
        @param endpoint: how to connect to the server if not by plain TCP (with TLS, the proxy replaces a
            site's stunnel for a slave without TLS).
        """
        self.links: list[Link] = []
        self.mode = Mode.PASS  # of future links
        self.refuse = False  # True to close new connections at once
        self._endpoint = endpoint or TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        self._open: set[_Side] = set()
        self._connecting: set[defer.Deferred[interfaces.IProtocol]] = set()
        self._whenAllClosed: defer.Deferred[None] | None = None
        self._port = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.port = portOf(self._port)
        test.addCleanup(lambda: defer.ensureDeferred(self.stop()))

    def buildProtocol(self, addr: interfaces.IAddress | None) -> protocol.Protocol | None:
        """Accept a client."""
        if self.refuse:
            return None
        side = _Side(self._sideEnded)
        side.link = Link(len(self.links), side, mode=self.mode)
        self.links.append(side.link)
        self._open.add(side)
        dialling = self._endpoint.connect(protocol.Factory.forProtocol(self._serverSide))
        self._connecting.add(dialling)
        dialling.addBoth(self._dialled, side.link, dialling)
        return side

    def _serverSide(self) -> _Side:
        return _Side(self._sideEnded)

    def _dialled(self, result: object, link: Link, dialling: defer.Deferred[interfaces.IProtocol]) -> None:
        self._connecting.discard(dialling)
        if isinstance(result, Failure):
            if link.client.transport is not None:
                link.client.transport.loseConnection()
            return
        assert isinstance(result, _Side)
        result.link = link
        self._open.add(result)
        link._connected(result)

    def _sideEnded(self, side: _Side) -> None:
        self._open.discard(side)
        if not self._open and self._whenAllClosed is not None:
            self._whenAllClosed.callback(None)

    def setMode(self, mode: Mode) -> None:
        """Set the treatment for all present and future links."""
        self.mode = mode
        for link in self.links:
            if not link.closed:
                link.setMode(mode)

    def linkOf(self, address: str) -> Link:
        """The link with this address for the server ("host:port"). Raises KeyError."""
        for link in self.links:
            if link.address == address:
                return link
        raise KeyError(address)

    async def stop(self) -> None:
        """Close the port and all connections."""
        await defer.maybeDeferred(self._port.stopListening)
        for dialling in list(self._connecting):
            dialling.cancel()
        if self._open:
            self._whenAllClosed = defer.Deferred()
            for side in list(self._open):
                if side.transport is not None:
                    side.transport.abortConnection()
            await self._whenAllClosed
