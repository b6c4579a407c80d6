"""A whole master in one process with its web server: requests go through real HTTP, in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, execute
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.python.versions import Version

from buildbot.control.audit import PROCESS
from buildbot.logs.feed import LogFeeds
from buildbot.logs.reading import LogViews
from buildbot.logs.search import LogSearches
from buildbot.model.audit import Entry
from buildbot.web import firstuse, pacing, service
from tests.stories.world import World


@dataclass(frozen=True)
class Response:
    """An answer of the web server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        """The body as a JSON value."""
        return json.loads(self.body)


class Transport(StringTransport):
    """A transport that can be aborted."""

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.loseConnection()


class Connection:
    """One connection of a client to the web server."""

    def __init__(self, site: Any, address: str) -> None:
        self.protocol = site.buildProtocol(IPv4Address("TCP", address, 40000))
        self.transport = Transport(peerAddress=IPv4Address("TCP", address, 40000))
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Send bytes to the server."""
        self.protocol.dataReceived(data)

    def received(self) -> bytes:
        """All bytes from the server."""
        data: bytes = self.transport.value()
        return data

    def close(self) -> None:
        """Go away."""
        self.protocol.connectionLost(Failure(ConnectionDone()))


def parsed(data: bytes) -> Response:
    """The answer in these bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    lower = {name.lower(): value for name, value in headers.items()}
    if lower.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    return Response(int(lines[0].split()[1]), lower, body)


def unchunked(body: bytes) -> bytes:
    """The data of a chunked body, as far as it has come."""
    data = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        data += rest[:length]
        body = rest[length + 2 :]
    return data


class WebWorld(World):
    """A story with a web server, whose port is in memory."""

    #: The line that adds the web server.
    STATUS = (
        "from buildbot.status import html\nc['status'] = [html.WebStatus(http_port=8010, allowForce=False)]"
    )

    def setUp(self) -> None:
        World.setUp(self)
        self.patch(firstuse, "LogSearches", lambda reactor, views: LogSearches(reactor, LogViews(execute)))
        self.patch(service, "OLDEST_TWISTED", Version("Twisted", 22, 10, 0))  # the oldest of the tests
        self.patch(pacing, "COSTLY", float("inf"))  # a slow machine must not make a page older
        self.connections: list[Connection] = []
        for line in self.STATUS.splitlines():
            self.add(line)

    def start(self) -> Deferred[list[str]]:
        """Start the master. Logs are read and measured by calls instead of threads."""
        started = World.start(self)
        logs = self.master.botmaster.resources.logs
        logs.views = LogViews(execute)
        logs.feeds = LogFeeds(logs.clock, logs.views)
        self.master.botmaster.retention.logs.inThread = execute
        return started

    @property
    def web(self) -> Any:
        """The WebStatus in force."""
        return self.master.config.status[0]

    def actions(self) -> list[Entry]:
        """What people and scripts have done, the latest first; not what the master has done itself."""
        return [each for each in self.master.audit.latest() if each.how != PROCESS]

    def dial(self, address: str = "127.0.0.1") -> Connection:
        """A new connection to the web server."""
        connection = Connection(self.web.site, address)
        self.connections.append(connection)
        return connection

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes = b"",
        address: str = "127.0.0.1",
        **headers: str,
    ) -> Response:
        """The answer to one request; then the client goes. Underscores in names of headers stand for "-"."""
        given = {
            "Host": "127.0.0.1:8010",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if body or method == "POST":
            given["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        connection = self.dial(address)
        connection.send("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body)
        for _ in range(20):
            if connection.received():
                break
            self.settle()
            self.reactor.advance(0)
        if connection in self.connections:  # a test may have begun anew meanwhile
            self.connections.remove(connection)
        connection.close()
        return parsed(connection.received())

    def stop(self) -> None:
        for connection in self.connections:
            connection.close()
        World.stop(self)
