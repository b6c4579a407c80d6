# -*- test-case-name: tests.stories.test_web -*-
"""The edge to twisted.web: connections, requests and their limits.

Twisted has no limit for the body of a request, and none for a client that does not read its answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http, resource, server
from twisted.web.http import datetimeToString

from buildbot.web import packing
from buildbot.web.crowd import Crowd
from buildbot.web.packing import Packer
from buildbot.web.requestcounts import RequestCounts

log = Logger()

#: The most bytes of a body, of one with a change, and of that of a hook.
LARGEST_BODY = 64 * 1024
LARGEST_CHANGE = 4 * 1024 * 1024
LARGEST_HOOK = 25 * 1024 * 1024
#: The paths of hooks, of changes, and of the link to processes with pages, which hands on any of these.
_HOOKS = b"/change_hook/"
_LINK = b"/readers-link"
_CHANGES = b"/api/v1/changes"
#: Seconds after which a client is disconnected that does not read its answer.
MUTE = 60.0
#: The size of a piece of a large answer, in bytes.
PIECE = 64 * 1024

#: The policy of pages with scripts of the site's own: no script or style in the page itself.
OWN_SCRIPTS = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: The headers of every answer. Our own script makes elements of text in one place only.
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (
        b"Content-Security-Policy",
        OWN_SCRIPTS + b"; require-trusted-types-for 'script'; trusted-types buildbot",
    ),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"same-origin"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (
        b"Permissions-Policy",
        b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), "
        b"accelerometer=(), gyroscope=(), magnetometer=(), display-capture=(), screen-wake-lock=()",
    ),
)


def refusal(status: bytes) -> bytes:
    """The whole answer to a request that is not read. The connection is closed after it."""
    more = ((b"Cache-Control", b"no-store"), (b"Content-Length", b"0"), (b"Connection", b"close"))
    lines = [b"HTTP/1.1 " + status, *(name + b": " + value for name, value in (*SECURITY, *more))]
    return b"\r\n".join(lines) + b"\r\n\r\n"


class Channel(http.HTTPChannel):
    """I am one connection. A client that does not read for L{MUTE} seconds is disconnected."""

    transport: Any
    factory: Any
    _muteCall: IDelayedCall | None = None

    def pauseProducing(self) -> None:
        """The client reads too slowly. Its next requests wait until it has read.

        Twisted would answer all requests that have come already, and keep all the answers in memory.
        """
        if self._muteCall is None:
            self._muteCall = self.callLater(MUTE, self._isMute)
        self.paused = True
        http.HTTPChannel.pauseProducing(self)

    def resumeProducing(self) -> None:
        """The client has read everything."""
        self._stopMuteCall()
        http.HTTPChannel.resumeProducing(self)
        if self.paused:
            self.paused = False
            self.dataReceived(b"")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._stopMuteCall()
        self.factory.connections.leave(self)
        http.HTTPChannel.connectionLost(self, reason)

    def connectionMade(self) -> None:
        """Count the connection; refuse it if there is no room."""
        http.HTTPChannel.connectionMade(self)
        if not self.factory.connections.enter(self):
            self.transport.write(refusal(b"503 Service Unavailable"))
            self.loseConnection()

    @property
    def isBusy(self) -> bool:
        """True while a request is answered."""
        return bool(self.requests)

    def cut(self) -> None:
        """Close the connection now."""
        self.transport.abortConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Answer to bytes that are no request. Twisted calls me; its own answer has no headers."""
        self.transport.write(refusal(b"400 Bad Request"))
        self.loseConnection()

    def end(self, isGentle: bool) -> None:
        """Close the connection when its complete answers are sent.

        @param isGentle: True to complete an answer that has begun; False to cut it.
        """
        if not self.requests:
            self.loseConnection()  # the idle timeout of twisted.web ends it if the client does not read
        elif isGentle:
            self.persistent = False
        else:
            self.transport.abortConnection()

    def lineLengthExceeded(self, line: bytes) -> None:
        """Answer a URL or a header that is too long. Twisted would only close the connection."""
        self.transport.write(refusal(b"431 Request Header Fields Too Large"))
        self.loseConnection()

    def _isMute(self) -> None:
        self._muteCall = None
        self.transport.abortConnection()

    def _stopMuteCall(self) -> None:
        if self._muteCall is not None:
            self._muteCall.cancel()
            self._muteCall = None


class Request(server.Request):
    """I am one request. My answer has the security headers, and does not name the server."""

    channel: Any
    page = "other"  # for counts

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        server.Request.__init__(self, channel, *args, **kwargs)
        self._parsePOSTFormSubmission = False  # the handlers parse forms
        self._room = LARGEST_BODY
        self._isRefused = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is too large before it is read."""
        line = getattr(self.channel, "_path", b"") or b""
        self._room = LARGEST_HOOK if _HOOKS in line or line == _LINK else LARGEST_BODY
        if line.partition(b"?")[0].endswith(_CHANGES):
            self._room = LARGEST_CHANGE  # it may have the names of thousands of files
        server.Request.gotLength(self, min(length or 0, 100_000))
        if length is not None and length > self._room:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Refuse a body that becomes too large."""
        self._room -= len(data)
        if self._room < 0:
            self._refuse()
        elif not self._isRefused:
            server.Request.handleContentChunk(self, data)

    def _refuse(self, status: bytes = b"413 Content Too Large") -> None:
        if not self._isRefused:
            self._isRefused = True
            self.channel.transport.write(refusal(status))
            self.channel.loseConnection()

    def process(self) -> None:
        """Find the resource of the path, and render it."""
        if self._isRefused:
            return
        self.site = self.channel.site
        self.channel.factory.connections.heard(self.channel)
        if len(self.requestHeaders.getRawHeaders(b"host") or ()) > 1:
            # A proxy in front of this server may have checked another of these headers.
            self._refuse(b"400 Bad Request")
            return
        self._takeHost()
        self.setHeader(b"date", datetimeToString())
        for name, value in SECURITY:
            self.setHeader(name, value)
        self.prepath = []
        self.postpath = [unquote_to_bytes(each) for each in self.path[1:].split(b"/")]
        try:
            self._encoder = None
            self.render(self.site.getResourceFor(self))
        except Exception:  # twisted.web would send a traceback
            self.processingFailed(Failure())

    def _takeHost(self) -> None:
        """Read a whole URL in place of the path, as clients send it to proxies. The URL's host counts."""
        scheme, colon, rest = self.uri.partition(b"://")
        if colon and scheme.lower() in (b"http", b"https"):
            host, _, path = rest.partition(b"/")
            self.requestHeaders.setRawHeaders(b"host", [host])
            self.uri = b"/" + path
            self.path = self.uri.partition(b"?")[0]

    def processingFailed(self, reason: Failure) -> Any:
        """Answer that the server has failed; the log has the reason."""
        log.failure("the page {path} failed", reason, path=self.path.decode("ascii", "replace"))
        if not self.startedWriting:
            body = (
                b"The server failed to make this page. The log of the master (twistd.log) has the reason.\n"
            )
            self.setResponseCode(500)
            self.setHeader(b"content-type", b"text/plain; charset=utf-8")
            self.setHeader(b"content-length", b"%d" % len(body))
            self.write(body)
        if not self.finished and not self._disconnected:
            self.finish()
        return reason


class Site(server.Site):
    """I make a L{Channel} for each connection.

    @ivar connections: the open connections.
    @ivar counts: counts the answers.
    """

    protocol: Any = Channel
    requestFactory = Request
    displayTracebacks = False

    def __init__(self, root: resource.Resource, reactor: Any, logFile: Any = None) -> None:
        """@param logFile: the L{buildbot.web.accesslog.AccessLog}; None: there is none."""
        server.Site.__init__(self, root, reactor=reactor)
        self.counts = RequestCounts()
        self.connections = Crowd(reactor)
        self._accessLog = logFile

    def acceptableProtocols(self) -> list[bytes]:
        """The protocols for TLS. A channel of mine does not speak HTTP/2."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Open the access log."""
        server.Site.startFactory(self)
        if self._accessLog is not None:
            self._accessLog.open()
            self.logFile = self._accessLog

    def stopFactory(self) -> None:
        """Close the access log."""
        server.Site.stopFactory(self)

    def log(self, request: Any) -> None:
        """Count an answer, and write a line to the access log without the query: it may have a token."""
        self.counts.count(request.page, request.code)
        if self._accessLog is not None:
            request.uri = request.path
            server.Site.log(self, request)

    def disconnectAll(self, isGentle: bool = False) -> None:
        """Close all connections.

        @param isGentle: True to complete the answers that have begun.
        """
        for channel in self.connections:
            if isinstance(channel, Channel):
                channel.end(isGentle)


class RequestOut:
    """I am the connection of a streamed answer; see L{buildbot.web.call.Out}.

    I send many bytes in pieces, as fast as the client reads them. Until then they stay the one object that
    all clients share: a client that does not read needs the memory of one piece only.
    """

    __slots__ = ("_at", "_gone", "_isEnding", "_isFull", "_isGone", "_ready", "_request", "_rest")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._isFull = False
        self._isGone = False
        self._isEnding = False
        self._rest: tuple[bytes, ...] = ()  # not sent yet, but the first C{_at} bytes of the first one
        self._at = 0
        self._ready: tuple[Callable[[], object], ...] = ()
        self._gone: tuple[Callable[[], object], ...] = ()
        gone: Deferred[None] = request.notifyFinish()
        gone.addBoth(self._ended)
        request.registerProducer(self, True)

    def write(self, data: bytes) -> None:
        """Send some bytes."""
        if self._isGone or self._isEnding:
            return
        if len(data) <= PIECE and not self._rest:
            self._request.write(data)
            return
        self._rest = (*self._rest, data)
        self._send()

    def _send(self) -> None:
        """Send the rest until the client is slower; after the last of it, end the answer if it must end."""
        while self._rest and not self._isFull:
            first, start = self._rest[0], self._at
            self._at += PIECE
            if self._at >= len(first):
                self._rest, self._at = self._rest[1:], 0
            self._request.write(first[start : start + PIECE])
        if self._isEnding and not self._rest and not self._isGone:
            self._request.unregisterProducer()
            self._request.finish()

    def finish(self) -> None:
        """End the answer, when all of it is sent."""
        if not self._isGone and not self._isEnding:
            self._isEnding = True
            self._send()

    def abort(self) -> None:
        """Cut the connection."""
        if not self._isGone:
            self._request.channel.transport.abortConnection()

    def sizeOf(self, data: bytes) -> int:
        """The bytes that C{data} takes on the way to the client."""
        return len(data)

    def isFull(self) -> bool:
        """True while the client reads slower than data is written."""
        return self._isFull or bool(self._rest)

    def whenReady(self, call: Callable[[], object]) -> None:
        """Call C{call()} each time there is room again."""
        self._ready = (*self._ready, call)

    def whenGone(self, call: Callable[[], object]) -> None:
        """Call C{call()} when the answer has ended; at once if it has."""
        if self._isGone:
            call()
        else:
            self._gone = (*self._gone, call)

    def _ended(self, result: object) -> None:
        self._isGone = True
        self._rest = ()
        calls, self._gone, self._ready = self._gone, (), ()
        for call in calls:
            call()

    # IPushProducer

    def pauseProducing(self) -> None:
        """There is no more room."""
        self._isFull = True

    def resumeProducing(self) -> None:
        """There is room again."""
        self._isFull = False
        self._send()
        if not self.isFull():
            for call in self._ready:
                call()

    def stopProducing(self) -> None:
        """The client has gone; notifyFinish tells that too."""
        self._isFull = True


class PackedOut(RequestOut):
    """I am the connection of a compressed stream.

    @ivar _sum: the checksum of what was sent; 0 before the beginning.
    """

    __slots__ = ("_packer", "_sum")

    def __init__(self, request: Request, packer: Packer) -> None:
        """@param packer: compresses pieces for all clients of the stream."""
        RequestOut.__init__(self, request)
        self._packer = packer
        self._sum = 0

    def write(self, data: bytes) -> None:
        """See L{RequestOut}."""
        if self._isGone or self._isEnding:
            return
        if not self._sum:
            self._sum = 1
            RequestOut.write(self, packing.HEAD)
        piece = self._packer.packed(data)
        self._sum = packing.joined(self._sum, piece)
        RequestOut.write(self, piece.data)

    def finish(self) -> None:
        """See L{RequestOut}."""
        if self._sum and not self._isGone and not self._isEnding:
            RequestOut.write(self, packing.end(self._sum))
        RequestOut.finish(self)

    def sizeOf(self, data: bytes) -> int:
        """See L{RequestOut}."""
        return len(self._packer.packed(data).data)


def sendWhole(request: Request, body: bytes) -> None:
    """Send a body, and end the answer."""
    if len(body) <= 2 * PIECE:
        request.write(body)
        request.finish()
        return
    out = RequestOut(request)
    out.write(body)
    out.finish()
