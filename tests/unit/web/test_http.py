"""Tests of buildbot.web.http."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial import unittest
from twisted.web.resource import Resource

from buildbot.web import crowd, http
from buildbot.web.http import Request, RequestOut, Site


class Asked:
    """Replaces a request of twisted.web."""

    def __init__(self) -> None:
        self.sent = b""
        self.ended = False
        self.aborted = False
        self.channel = self.transport = self
        self.gone: Deferred[None] = Deferred()
        self.producer: Any = None

    def notifyFinish(self) -> Deferred[None]:
        """See IRequest."""
        return self.gone

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See IConsumer."""
        self.producer = producer

    def unregisterProducer(self) -> None:
        """See IConsumer."""

    def write(self, data: bytes) -> None:
        """See IRequest."""
        self.sent += data

    def finish(self) -> None:
        """See IRequest."""
        self.ended = True
        self.gone.callback(None)

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.aborted = True


class PiecesTests(unittest.SynchronousTestCase):
    """The body of an answer."""

    def setUp(self) -> None:
        self.asked = Asked()

    def begin(self, body: bytes) -> None:
        """Send a body to a client whose buffer is full after each write."""
        write = self.asked.write

        def full(data: bytes) -> None:
            write(data)
            if self.asked.producer is not None:
                self.asked.producer.pauseProducing()

        self.patch(self.asked, "write", full)
        http.sendWhole(cast(Request, self.asked), body)

    def test_large(self) -> None:
        """A large body is sent piece by piece, as the client reads."""
        body = bytes(range(256)) * 600
        self.begin(body)
        self.assertEqual((len(self.asked.sent), self.asked.ended), (http.PIECE, False))
        for _ in range(3):
            self.asked.producer.resumeProducing()
        self.assertEqual((self.asked.sent == body, self.asked.ended), (True, True))

    def test_gone(self) -> None:
        """Nothing more is sent after the client has gone."""
        self.begin(b"x" * 200_000)
        self.asked.gone.errback(ConnectionError())
        self.asked.producer.resumeProducing()
        self.assertEqual(len(self.asked.sent), http.PIECE)

    def test_small(self) -> None:
        """A small body is sent at once."""
        self.begin(b"x" * http.PIECE)
        self.assertEqual((len(self.asked.sent), self.asked.ended), (http.PIECE, True))


class OutTests(unittest.SynchronousTestCase):
    """The connection of a streamed answer."""

    def setUp(self) -> None:
        self.asked = Asked()
        self.out = RequestOut(cast(Request, self.asked))

    def test_gone(self) -> None:
        """After the client has gone, nothing is sent, and who wants to know is told at once."""
        told: list[str] = []
        self.out.whenGone(lambda: told.append("before"))
        self.out.write(b"a")
        self.asked.gone.errback(Failure(ConnectionError()))
        self.out.write(b"b")
        self.out.finish()
        self.out.abort()
        self.out.whenGone(lambda: told.append("after"))
        self.assertEqual((told, self.asked.sent, self.asked.ended), (["before", "after"], b"a", False))
        self.assertFalse(self.asked.aborted)

    def test_slow(self) -> None:
        """A slow client is full until it has read; then the writer is told."""
        told: list[str] = []
        self.out.whenReady(lambda: told.append("ready"))
        self.out.pauseProducing()
        self.assertTrue(self.out.isFull())
        self.out.resumeProducing()
        self.assertEqual((told, self.out.isFull()), (["ready"], False))
        self.out.stopProducing()
        self.assertTrue(self.out.isFull())

    def test_pieces(self) -> None:
        """Many bytes are sent as the client reads, with what comes after them in its order, then the end."""
        told: list[str] = []
        self.out.whenReady(lambda: told.append("ready"))
        write = self.asked.write

        def full(data: bytes) -> None:
            write(data)
            self.out.pauseProducing()

        self.patch(self.asked, "write", full)
        many = bytes(range(256)) * 400
        self.out.write(many)
        self.assertEqual((len(self.asked.sent), self.out.isFull()), (http.PIECE, True))
        self.out.write(b"alive")
        self.out.finish()
        self.out.write(b"too late")
        self.out.resumeProducing()
        self.assertEqual((self.asked.sent == many, self.asked.ended), (True, False))
        self.out.resumeProducing()
        self.assertEqual((self.asked.sent == many + b"alive", self.asked.ended, told), (True, True, []))

    def test_ends(self) -> None:
        """An answer can end, or be cut."""
        self.out.abort()
        self.assertTrue(self.asked.aborted)
        self.out.finish()
        self.assertTrue(self.asked.ended)


class Failing(Resource):
    """A resource of a site that fails before or after it has written something."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """See IResource."""
        if request.path == b"/late":
            request.write(b"begun")
        raise ValueError("a fault of the site's own page")


class Full(Resource):
    """A resource whose answer is more than the client reads."""

    isLeaf = True

    def __init__(self, channel: Any) -> None:
        Resource.__init__(self)
        self._channel = channel

    def render(self, request: Any) -> bytes:
        """See IResource."""
        self._channel.pauseProducing()
        return b"much"


class Transport(StringTransport):
    """A transport that can be aborted."""

    isAborted = False

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.isAborted = True


class ChannelTests(unittest.SynchronousTestCase):
    """Connections and their limits."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.site = Site(Failing(), self.clock)
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)

    def connect(self) -> tuple[Any, Transport]:
        """A new connection."""
        channel, transport = self.site.buildProtocol(None), Transport()
        assert channel is not None
        channel.makeConnection(transport)
        return channel, transport

    def test_readsAgain(self) -> None:
        """A client that reads again within a minute stays."""
        channel, transport = self.connect()
        channel.setTimeout(None)
        channel.pauseProducing()
        channel.pauseProducing()
        self.clock.advance(50)
        channel.resumeProducing()
        self.clock.advance(50)
        self.assertFalse(transport.isAborted)
        channel.pauseProducing()
        channel.connectionLost(Failure(ConnectionError()))
        self.assertEqual(list(self.site.connections), [])

    def test_tooMany(self) -> None:
        """A connection above the limit takes the place of an idle one; without any, it is refused."""
        self.patch(crowd, "MOST", 1)
        (_, first), (channel, second) = self.connect(), self.connect()
        self.assertEqual((first.isAborted, second.isAborted), (True, False))
        channel.requests.append(Request(channel))
        _, third = self.connect()
        self.assertIn(b" 503 ", third.value())
        self.assertEqual((second.isAborted, third.disconnecting), (False, True))

    def test_impatient(self) -> None:
        """A client that asks again and again without reading has one answer in memory at a time."""
        channel, transport = self.connect()
        self.site.resource = Full(channel)
        channel.dataReceived(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 3)
        for number in (1, 2, 3):
            self.assertEqual(transport.value().count(b" 200 "), number)
            channel.resumeProducing()
        self.assertEqual(transport.value().count(b" 200 "), 3)

    def test_chunks(self) -> None:
        """A body without a length is refused when it becomes too large."""
        channel, transport = self.connect()
        channel.dataReceived(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        for _ in range(5):
            channel.dataReceived(piece)
        channel.dataReceived(b"0\r\n\r\n")
        self.assertEqual(transport.value().count(b" 413 "), 1)
        self.assertTrue(transport.disconnecting)

    def test_failure(self) -> None:
        """A page of the site's own that fails answers 500, without a traceback."""
        channel, transport = self.connect()
        channel.dataReceived(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertIn(b" 500 ", transport.value())
        self.assertNotIn(b"ValueError", transport.value())
        channel, transport = self.connect()
        channel.dataReceived(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertIn(b"begun", transport.value())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)
        self.assertEqual(self.site.counts.answered, {("other", 500): 1, ("other", 200): 1})

    def test_goneClient(self) -> None:
        """A failure after the client has gone is only logged."""
        channel, transport = self.connect()
        request = Request(channel)
        request.path = b"/"
        request.startedWriting = True
        request._disconnected = True
        request.processingFailed(Failure(ValueError()))
        self.assertEqual(transport.value(), b"")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_disconnectAll(self) -> None:
        """All connections are closed at once when the server stops."""
        _, transport = self.connect()
        self.site.disconnectAll()
        self.assertTrue(transport.disconnecting)
        self.assertFalse(transport.isAborted)
