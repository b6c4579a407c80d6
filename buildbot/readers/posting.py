# -*- test-case-name: tests.integration.test_pages_far -*-
"""Post to the web server of a master, over connections that are kept; TLS with a known certificate."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent, RequestTransmissionFailed
from twisted.web.client import (
    Agent,
    FileBodyProducer,
    HTTPConnectionPool,
    ResponseDone,
    ResponseFailed,
    _HTTP11ClientFactory,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers

from buildbot.control.client import ControlError, NoAnswer, Unreachable
from buildbot.events.onuse import onUse
from buildbot.readers.link import LARGEST, MOST
from buildbot.readers.sealing import HEADER

if TYPE_CHECKING:
    from buildbot.readers import pinning
else:  # it needs the packages for TLS
    pinning = onUse("buildbot.readers.pinning")

#: Seconds until there is a connection.
CONNECT = 10.0
#: Seconds for which an idle connection is kept: the server ends it after 60.
KEPT = 20.0


class Poster:
    """I post, and keep my connections."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._agents: dict[str, Agent] = {}  # by the digest of the certificate

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, digest: str, patience: float
    ) -> tuple[int, str, bytes]:
        """See L{buildbot.readers.farlink.Posts}."""
        asking = Deferred.fromCoroutine(self._posted(url, headers, body, digest))
        asking.addTimeout(patience, self._reactor, onTimeoutCancel=_late)
        return await asking

    async def _posted(
        self, url: str, headers: Mapping[str, str], body: bytes, digest: str
    ) -> tuple[int, str, bytes]:
        given = Headers({name: [value] for name, value in headers.items()})
        given.setRawHeaders("Content-Type", ["application/json"])
        try:
            asked = self._agent(digest).request(
                b"POST", url.encode("ascii", "replace"), given, FileBodyProducer(BytesIO(body))
            )
            answer: Any = await asked
        except (ConnectError, ConnectingCancelledError, DNSLookupError, SchemeNotSupported) as why:
            raise Unreachable(str(why).rstrip(".")) from None
        except RequestNotSent as why:
            raise Unreachable(_reasons(why)) from None
        except (ResponseFailed, RequestTransmissionFailed, ConnectionClosed) as why:
            if any(_isOfTLS(each) for each in getattr(why, "reasons", ())):
                raise Unreachable("its certificate is not that of the master") from None
            raise cut(why) from None
        done: Deferred[bytes] = Deferred()
        answer.deliverBody(_Body(done))
        seals = answer.headers.getRawHeaders(HEADER, [""])
        return answer.code, seals[0], await done

    async def close(self) -> None:
        """End my connections."""
        agents, self._agents = self._agents, {}
        for each in agents.values():
            await each._pool.closeCachedConnections()

    def _agent(self, digest: str) -> Agent:
        known = self._agents.get(digest)
        if known is None:
            pool = HTTPConnectionPool(self._reactor)
            pool.maxPersistentPerHost, pool.cachedConnectionTimeout = MOST, KEPT  # type: ignore[assignment]
            pool.retryAutomatically = False
            pool._factory = _QuietFactory
            more = {"contextFactory": pinning.Pinned(digest)} if digest else {}
            known = Agent(self._reactor, connectTimeout=CONNECT, pool=pool, **more)
            self._agents[digest] = known
        return known


class _QuietFactory(_HTTP11ClientFactory):
    """I do not log each connection."""

    noisy = False


class _Body(Protocol):
    """I keep the body of an answer."""

    def __init__(self, done: Deferred[bytes]) -> None:
        self._done = done
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        """Keep a piece."""
        self._size += len(data)
        self._pieces.append(data)
        if self._size > LARGEST and self.transport is not None:
            self._pieces = []
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the body, if it is complete."""
        if self._done.called:
            return
        if reason.check(ResponseDone):
            self._done.callback(b"".join(self._pieces))
        else:
            self._done.errback(cut(reason.value))


def _late(result: Any, patience: float) -> Any:
    raise NoAnswer(f"the master did not answer within {patience:g} s") from None


def cut(why: BaseException | None) -> ControlError:
    """The error for a request whose connection has ended, or whose answer was broken off."""
    told = "the master ended the connection before it answered"
    causes = [each.value for each in getattr(why, "reasons", ()) if isinstance(each, Failure)] or [why]
    if all(isinstance(each, ConnectionClosed) for each in causes):  # as each master does that stops
        return ControlError(told)
    return ControlError(f"{told} ({_reasons(why)})")


def _isOfTLS(why: Any) -> bool:
    return type(getattr(why, "value", None)).__module__.startswith(("OpenSSL", "service_identity"))


def _reasons(why: BaseException | None) -> str:
    reasons = [each.value for each in getattr(why, "reasons", ()) if isinstance(each, Failure)]
    return "; ".join(str(each).rstrip(".") for each in reasons) or str(why)
