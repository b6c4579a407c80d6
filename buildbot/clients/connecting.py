# -*- test-case-name: tests.unit.clients.test_sendchange -*-
"""Connect to a master as a client of PB, and put failures into words for the user."""

from __future__ import annotations

import re
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import endpoints
from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed, ConnectionRefusedError, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.banana import SIZE_LIMIT

from buildbot.wire.dialect import text
from buildbot.wire.failure import handshakeFailed, isOfOpenSSL

_HOST_AND_PORT = re.compile(r"(?:\[(?P<ip6>[^]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")


class _Broker(pb.Broker):
    """I am the client's side of a connection. When it is lost, a pending login fails with the reason."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report the loss to the factory, too: Twisted reports it only to pending calls."""
        super().connectionLost(reason)
        factory: Any = self.factory
        factory.clientConnectionLost(None, reason)


class ClientFactory(pb.PBClientFactory):
    """I make one L{_Broker}."""

    protocol = _Broker
    noisy = False


def isRefusedLogin(error: Exception, why: Failure) -> bool:
    """True if the master has refused the name or the password."""
    return why.check(UnauthorizedLogin) is not None or isRemote(error, "UnauthorizedLogin")


def reasonOf(error: Exception, master: str, timeout: float) -> str:
    """The reason why a master could not be reached, or has not answered, for the user."""
    said = text(str(error), 500)
    if isinstance(error, TimeoutError):
        return f"{master} did not answer within {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return f"cannot connect to {master}: connection refused, no master listens there"
    if isOfOpenSSL(error):
        return f"cannot connect to {master}: {handshakeFailed(error)}"
    if isinstance(error, (ConnectError, DNSLookupError)):
        return f"cannot connect to {master}: {said}"
    if isinstance(error, (ConnectionClosed, pb.PBConnectionLost, pb.DeadReferenceError)):
        return f"{master} ended the connection before it answered"
    return f"{type(error).__name__}: {said}"


def isTooLarge(value: object) -> bool:
    """True if a part is too large for PB. Twisted would fail in mid-message and leave a Deferred behind."""
    if isinstance(value, dict):
        return any(map(isTooLarge, (*value, *value.values())))
    if isinstance(value, (list, tuple)):
        return len(value) > SIZE_LIMIT or any(map(isTooLarge, value))
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    return isinstance(value, bytes) and len(value) > SIZE_LIMIT


def isRemote(error: Exception, name: str) -> bool:
    """True if an error of the master is of the class with this name."""
    return str(getattr(error, "remoteType", "")).rstrip("'").endswith(f".{name}")


def endpointOf(master: str, reactor: object) -> IStreamClientEndpoint:
    """The endpoint for C{master}. Raises ValueError, with a message for the user, if it is not valid."""
    match = _HOST_AND_PORT.fullmatch(master)
    if match is not None and 0 < int(match["port"]) < 65536:
        return endpoints.HostnameEndpoint(reactor, match["ip6"] or match["host"], int(match["port"]))
    try:
        endpoint: IStreamClientEndpoint = endpoints.clientFromString(reactor, master)
        return endpoint
    except (TypeError, ValueError) as why:  # TypeError: a part of the description is missing
        said = str(why)
    known = not said.startswith("Unknown endpoint type")
    raise ValueError(f"must be HOST:PORT, not {master!r}" + (f" ({said})" if known else ""))
