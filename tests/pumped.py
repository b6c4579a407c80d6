"""Two protocols joined in memory. The test moves their bytes.

The ends behave like real transports: nothing is delivered during a C{write}, a lost connection is reported in
a later turn, an abort drops undelivered data.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

#: The bytes that a transport holds before it tells its producer to pause.
BUFFER = 64 * 1024


@implementer(ITransport)
class End:
    """I am the transport of one of the two protocols."""

    def __init__(self, protocol: Any, host: str, port: int) -> None:
        self.protocol = protocol
        self.other: End
        self.unsent = bytearray()
        self.written = 0
        self.closing = False
        self.aborted = False
        self.lost = False
        self.reading = True
        self.keepalive = False
        self._producer: Any = None
        self._told = False
        self._address = IPv4Address("TCP", host, port)

    def write(self, data: bytes) -> None:
        if self.closing or self.aborted or self.lost:
            return
        self.unsent += data
        self.written += len(data)
        if self._producer is not None and not self._told and len(self.unsent) > BUFFER:
            self._told = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.closing = True

    def abortConnection(self) -> None:
        self.aborted = True
        self.unsent.clear()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def getPeer(self) -> IPv4Address:
        return self.other._address

    def getHost(self) -> IPv4Address:
        return self._address

    def setTcpKeepAlive(self, on: bool) -> None:
        self.keepalive = on

    def deliver(self, limit: int | None = None) -> int:
        """Move up to C{limit} bytes to the other end; return how many."""
        other = self.other
        if self.lost or other.lost or not other.reading or not self.unsent:
            return 0
        data = bytes(self.unsent[:limit])
        del self.unsent[: len(data)]
        if not self.unsent and self._told and self._producer is not None:
            self._told = False
            self._producer.resumeProducing()
        other.protocol.dataReceived(data)
        return len(data)

    def tellLost(self, error: type[Exception]) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(error()))


class Pump:
    """I join a server's protocol and a client's.

    @ivar server: the transport of the server's protocol; C{client} of the client's.
    """

    def __init__(self, server: Any, client: Any, clock: Clock, port: int = 50000) -> None:
        self.clock = clock
        self.server = End(server, "10.0.0.99", 9989)
        self.client = End(client, "10.0.0.1", port)
        self.server.other, self.client.other = self.client, self.server
        #: True to move no bytes although the connection is open: a black hole.
        self.blackhole = False
        server.makeConnection(self.server)
        client.makeConnection(self.client)

    def pump(self, chunk: int | None = None) -> bool:
        """Move bytes, losses and due calls until nothing is left. Return True if there was anything."""
        moved = False
        while self._due() or self._step(chunk):
            moved = True
        return moved

    def _due(self) -> bool:
        """Run the calls that are due now; return True if there were any."""
        now = self.clock.seconds()
        for call in self.clock.calls:
            if call.time + call.delayed_time <= now:
                self.clock.advance(0)
                return True
        return False

    def _isIdle(self) -> bool:
        """True if there is no message: nearly always, as stories wait for seconds."""
        server, client = self.server, self.client
        if server.unsent or server.closing or server.aborted:
            return False
        return not (client.unsent or client.closing or client.aborted)

    def _step(self, chunk: int | None) -> bool:
        if self._isIdle():
            return False
        if self.server.aborted or self.client.aborted:
            news = not self.server.lost or (not self.client.lost and not self.blackhole)
            self.server.tellLost(ConnectionAborted if self.server.aborted else ConnectionLost)
            if not self.blackhole:
                self.client.tellLost(ConnectionAborted if self.client.aborted else ConnectionLost)
            return news
        if self.blackhole:
            return False
        if self.server.deliver(chunk) + self.client.deliver(chunk):
            return True
        for end in (self.server, self.client):
            if end.closing and not end.unsent and not end.lost:
                end.tellLost(ConnectionDone)
                end.other.tellLost(ConnectionDone)
                return True
        return False


def settle(*pumps: Pump) -> None:
    """Pump all of them until nothing is left."""
    while any([pump.pump() for pump in pumps]):
        pass
