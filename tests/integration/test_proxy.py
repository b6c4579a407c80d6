# -*- test-case-name: tests.integration.test_proxy -*-
"""The misbehaving proxy: each mode, between two bare connections."""

from __future__ import annotations

import os
import time

from twisted.internet import defer, protocol, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure

from tests.integration.asynccase import AsyncCase
from tests.integration.processes import moments, never, until
from tests.integration.proxy import ISocket, Mode, Proxy, portOf


class _End(protocol.Protocol):
    """An end that remembers its data and how its connection ended."""

    transport: ISocket | None

    def __init__(self) -> None:
        self.got = b""
        self.lost: Failure | None = None

    @property
    def socket(self) -> ISocket:
        """The connection."""
        assert self.transport is not None
        return self.transport

    def howLost(self) -> str:
        """The name of the error at the end of the connection."""
        assert self.lost is not None
        return type(self.lost.value).__name__

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.lost = reason


class _Ends(protocol.ServerFactory):
    """A server that keeps the ends of its connections."""

    noisy = False

    def __init__(self, ends: list[_End]) -> None:
        self._ends = ends

    def buildProtocol(self, addr: IAddress | None) -> _End:
        self._ends.append(_End())
        return self._ends[-1]


class Misbehaviour(AsyncCase):
    """One client, one server, the proxy between them."""

    async def makeReady(self) -> None:
        """Connect client and server through the proxy."""
        self.servers: list[_End] = []
        listening = reactor.listenTCP(0, _Ends(self.servers), interface="127.0.0.1")
        self.addCleanup(lambda: defer.maybeDeferred(listening.stopListening))
        self.proxy = Proxy(self, portOf(listening))
        self.client = await self.connect()
        await until(lambda: self.proxy.links and self.proxy.links[0].address, 120, "a link")
        await until(lambda: self.servers, 120, "a server")
        self.server, self.link = self.servers[0], self.proxy.links[0]

    async def cleanUp(self) -> None:
        """Stop the proxy, which closes all connections; wait until both ends know."""
        await self.proxy.stop()
        await until(lambda: self.client.lost and self.server.lost, 120, "both ends to be lost")

    async def connect(self) -> _End:
        """A client's end of a connection to the proxy."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy.port)
        end = await endpoint.connect(protocol.Factory.forProtocol(_End))
        assert isinstance(end, _End)
        return end

    async def test_passAndCount(self) -> None:
        """Bytes are forwarded both ways and counted by direction; a link is found by the server's name for
        it.
        """
        self.client.socket.write(b"hello")
        self.server.socket.write(b"welcome")
        await until(lambda: self.server.got == b"hello" and self.client.got == b"welcome", 120, "greetings")
        self.assertEqual((self.link.fromClient, self.link.fromServer), (5, 7))
        peer = self.server.socket.getPeer()
        self.assertIs(self.proxy.linkOf(f"{peer.host}:{peer.port}"), self.link)

    async def test_blackhole(self) -> None:
        """A black hole swallows all data, and also the end of a client."""
        self.proxy.setMode(Mode.BLACKHOLE)
        self.client.socket.write(b"hello")
        await until(lambda: self.link.fromClient == 5, 120, "the bytes to arrive at the proxy")
        self.client.socket.abortConnection()
        await until(lambda: self.client.lost, 120, "the client's end")
        await never(lambda: self.server.got or self.server.lost, 0.3, "something came out of the black hole")

    async def test_stopReading(self) -> None:
        """When the proxy stops reading, megabytes stay unsent in the sender until it reads again."""
        self.link.setMode(Mode.STOP_READING)
        block = os.urandom(20_000_000)
        self.server.socket.write(block)
        await never(lambda: self.link.fromServer, 0.5, "the proxy has read something")
        self.link.setMode(Mode.PASS)
        await until(lambda: len(self.client.got) == len(block), 120, "all the bytes")
        self.assertEqual(self.client.got, block)

    async def test_reset(self) -> None:
        """A reset reaches both ends as an unclean loss."""
        self.link.reset()
        await until(lambda: self.client.lost and self.server.lost, 120, "both losses")
        self.assertEqual(self.server.howLost(), "ConnectionLost")

    async def test_halfClose(self) -> None:
        """After a half-close the server sees the end of input, which Twisted reports as a clean loss."""
        self.link.halfClose()
        await until(lambda: self.server.lost, 120, "the server to see the end of input")
        self.assertEqual(self.server.howLost(), "ConnectionDone")

    async def test_delay(self) -> None:
        """Delayed bytes come late and in order."""
        self.link.delay = 0.3
        begun = time.monotonic()
        for number in range(50):
            self.client.socket.write(b"%d " % number)
            await moments(0)
        await until(lambda: self.server.got.endswith(b"49 "), 120, "the last number")
        self.assertEqual(self.server.got, b"".join(b"%d " % number for number in range(50)))
        self.assertGreater(time.monotonic() - begun, 0.29)

    async def test_refuse(self) -> None:
        """A proxy in the refusing mode closes new connections."""
        self.proxy.refuse = True
        late = await self.connect()
        await until(lambda: late.lost, 120, "the proxy to hang up")
