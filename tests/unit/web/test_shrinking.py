"""Tests of buildbot.web.shrinking."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial import unittest
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from buildbot.web.call import Out, Stream
from buildbot.web.http import Channel, Site
from buildbot.web.incoming import incomingOf
from buildbot.web.sending import send
from buildbot.web.shrinking import shrink


class Streaming(Resource):
    """I answer with streams that the test continues."""

    isLeaf = True

    def __init__(self) -> None:
        Resource.__init__(self)
        self.outs: list[Out] = []
        self.requests: list[Any] = []
        self.gone = 0

    def render(self, request: Any) -> int:
        """Begin an answer."""
        self.requests.append(request)
        send(Stream(self.begin), request, incomingOf(request))
        return NOT_DONE_YET

    def begin(self, out: Out) -> None:
        """See L{Stream}."""
        self.outs.append(out)
        out.whenGone(self.left)

    def left(self) -> None:
        """A client has gone."""
        self.gone += 1


class Log:
    """I am the access log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def open(self) -> None:
        """See L{buildbot.web.accesslog.AccessLog}."""

    def write(self, line: str | bytes) -> None:
        """See IO. Old versions of Twisted write bytes."""
        self.lines.append(line if isinstance(line, str) else line.decode())

    def close(self) -> None:
        """See IO."""


class ShrinkTests(unittest.SynchronousTestCase):
    """A connection with an answer that goes on for long."""

    def setUp(self) -> None:
        self.streaming = Streaming()
        self.log = Log()
        site = Site(self.streaming, Clock(), self.log)
        site.doStart()
        self.addCleanup(site.doStop)
        self.channel: Any = site.buildProtocol(None)
        self.transport: Any = StringTransport()
        self.channel.makeConnection(self.transport)

    def ask(self, *headers: bytes, version: bytes = b"1.1") -> None:
        """Send a request."""
        lines = (b"GET /log?token=1 HTTP/" + version, b"Host: ci.example.org", *headers, b"", b"")
        self.channel.dataReceived(b"\r\n".join(lines))

    def test_small(self) -> None:
        """The request and its connection keep little of what came with them."""
        self.ask(*(b"X-%d: %s" % (number, b"x" * 200) for number in range(20)), b"Cookie: a=b; c=d")
        (request,) = self.streaming.requests
        self.assertEqual(list(request.requestHeaders.getAllRawHeaders()), [])
        self.assertNotIn("xxxx", repr([vars(request), vars(self.channel)]))
        self.assertLess(len(vars(request)), 22)  # the next size of a dict is twice as large
        self.assertLess(len(vars(self.channel)), 22)

    def test_goesOn(self) -> None:
        """The answer goes on and ends; then the connection answers the next request."""
        self.assertIsInstance(self.channel, Channel)
        for number in range(3):
            self.transport.clear()
            self.ask()
            self.streaming.outs[number].write(b"%d" % number)
            self.assertTrue(self.transport.value().endswith(b"\r\n\r\n1\r\n%d\r\n" % number))
            self.streaming.outs[number].finish()
            self.assertTrue(self.transport.value().endswith(b"0\r\n\r\n"))
        self.assertEqual((self.streaming.gone, self.transport.disconnecting), (3, False))

    def test_old(self) -> None:
        """An answer of HTTP/1.0 ends with its connection."""
        self.ask(version=b"1.0")
        self.streaming.outs[0].write(b"text")
        self.streaming.outs[0].finish()
        self.assertTrue(self.transport.value().endswith(b"\r\n\r\ntext"))
        self.assertTrue(self.transport.disconnecting)

    def test_logged(self) -> None:
        """The access log has the page before and the name of the browser, and no query."""
        self.ask(b"Referer: http://ci/", b"User-Agent: lynx")
        self.ask()
        for _ in range(2):
            self.streaming.outs[-1].write(b"text")
            self.streaming.outs[-1].finish()
        first, second = self.log.lines
        self.assertTrue(first.endswith('"GET /log HTTP/1.1" 200 4 "http://ci/" "lynx"\n'), first)
        self.assertTrue(second.endswith('"GET /log HTTP/1.1" 200 4 "-" "-"\n'), second)

    def test_lost(self) -> None:
        """The stream is told when its client goes away, and writes nothing more."""
        self.ask()
        self.channel.connectionLost(Failure(ConnectionError()))
        self.transport.clear()
        self.streaming.outs[0].write(b"text")
        self.streaming.outs[0].finish()
        self.assertEqual((self.streaming.gone, self.transport.value(), self.log.lines), (1, b"", []))

    def test_otherConnections(self) -> None:
        """A request without contents, on a connection of another kind, only loses what it does not need."""
        channel = object()

        class Request:
            def __init__(self) -> None:
                self.requestHeaders = self.responseHeaders = Headers({"user-agent": ["lynx"], "x": ["y"]})
                self.content, self.channel = None, channel
                self.args: dict[bytes, list[bytes]] = {}

        request: Any = Request()
        shrink(request)
        self.assertEqual(
            (list(request.requestHeaders.getAllRawHeaders()), request.channel),
            ([(b"User-Agent", [b"lynx"])], channel),
        )
        self.assertEqual(sorted(vars(request)), ["channel", "requestHeaders", "responseHeaders"])
