# -*- test-case-name: tests.integration.test_proxy -*-
"""The proxy that misbehaves: each misbehaviour, between two bare connections."""

from __future__ import annotations

import os

from twisted.internet import defer, protocol, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.integration.processes import moments, never, until
from tests.integration.proxy import Mode, Proxy


class _End(protocol.Protocol):
    """Remembers what came, and how the connection went."""

    def __init__(self) -> None:
        self.got = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        self.lost = reason


class Misbehaviour(TestCase):
    """One client, one server, the proxy between them."""

    async def setUp(self) -> None:
        """Connect client and server through the proxy."""
        self.servers: list[_End] = []
        factory = protocol.Factory()
        factory.buildProtocol = self._serve
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(lambda: defer.maybeDeferred(listening.stopListening))
        self.proxy = Proxy(self, listening.getHost().port)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy.port)
        self.client = await endpoint.connect(protocol.Factory.forProtocol(_End))
        await until(lambda: self.proxy.links and self.proxy.links[0].address, 5, "a link")
        await until(lambda: self.servers, 5, "a server")
        self.server, self.link = self.servers[0], self.proxy.links[0]

    def tearDown(self) -> defer.Deferred[object]:
        """The proxy cuts what is left when it stops; wait until both ends know."""
        stopping = defer.ensureDeferred(self.proxy.stop())
        return stopping.addCallback(
            lambda _: defer.ensureDeferred(
                until(lambda: self.client.lost and self.server.lost, 5, "both ends to be lost")
            )
        )

    def _serve(self, address: object) -> _End:
        self.servers.append(_End())
        return self.servers[-1]

    async def test_passAndCount(self) -> None:
        """Bytes go both ways, counted by direction; a link is found by the server's name for it."""
        self.client.transport.write(b"hello")
        self.server.transport.write(b"welcome")
        await until(lambda: self.server.got == b"hello" and self.client.got == b"welcome", 5, "greetings")
        self.assertEqual((self.link.fromClient, self.link.fromServer), (5, 7))
        peer = self.server.transport.getPeer()
        self.assertIs(self.proxy.linkOf(f"{peer.host}:{peer.port}"), self.link)

    async def test_blackhole(self) -> None:
        """A black hole swallows what is sent, and a client's death too."""
        self.proxy.setMode(Mode.BLACKHOLE)
        self.client.transport.write(b"hello")
        await until(lambda: self.link.fromClient == 5, 5, "the bytes to arrive at the proxy")
        self.client.transport.abortConnection()
        await until(lambda: self.client.lost, 5, "the client's end")
        await never(lambda: self.server.got or self.server.lost, 0.3, "something came out of the black hole")

    async def test_stopReading(self) -> None:
        """When the proxy stops reading, megabytes stay unsent in the sender, until it reads again."""
        self.link.setMode(Mode.STOP_READING)
        block = os.urandom(20_000_000)
        self.server.transport.write(block)
        await never(lambda: self.link.fromServer, 0.5, "the proxy has read something")
        self.link.setMode(Mode.PASS)
        await until(lambda: len(self.client.got) == len(block), 20, "all the bytes")
        self.assertEqual(self.client.got, block)

    async def test_reset(self) -> None:
        """A reset reaches both ends as an unclean loss."""
        self.link.reset()
        await until(lambda: self.client.lost and self.server.lost, 5, "both losses")
        self.assertEqual(self.server.lost.type.__name__, "ConnectionLost")

    async def test_halfClose(self) -> None:
        """After a half-close the server is told of the end of input, as Twisted tells it: a clean loss."""
        self.link.halfClose()
        await until(lambda: self.server.lost, 5, "the server to see the end of input")
        self.assertEqual(self.server.lost.type.__name__, "ConnectionDone")

    async def test_delay(self) -> None:
        """Delayed bytes come late and in order."""
        self.link.delay = 0.3
        for number in range(50):
            self.client.transport.write(b"%d " % number)
            await moments(0)
        took = await until(lambda: self.server.got.endswith(b"49 "), 5, "the last number")
        self.assertEqual(self.server.got, b"".join(b"%d " % number for number in range(50)))
        self.assertGreater(took, 0.2)

    async def test_refuse(self) -> None:
        """A proxy told to refuse hangs up on whoever comes."""
        self.proxy.refuse = True
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.proxy.port)
        late = await endpoint.connect(protocol.Factory.forProtocol(_End))
        await until(lambda: late.lost, 5, "the proxy to hang up")
