# -*- test-case-name: tests.processes.test_bonsaipoller -*-
"""Get a page of a web server, with a time limit and a limit of its size."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RedirectAgent,
    ResponseDone,
    ResponseFailed,
    _HTTP11ClientFactory,
)
from twisted.web.error import InfiniteRedirection, RedirectWithNoLocation, SchemeNotSupported
from twisted.web.http_headers import Headers

from buildbot.text.urls import splitCredentials

#: The most bytes of a page.
MOST_BYTES = 16 << 20
#: The most redirections that are followed.
_MOST_REDIRECTIONS = 5


class NoPage(Exception):
    """There is no page. The text has the reason, for people, without passwords."""


class _QuietFactory(_HTTP11ClientFactory):
    """I do not log each connection."""

    noisy = False


class _Body(Protocol):
    """I keep a page."""

    def __init__(self, done: Deferred[bytes], most: int) -> None:
        self._done = done
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._most:
            self._pieces.append(data)
        else:
            self._end(NoPage(f"the server answered more than {self._most} bytes"))
            self.stop()

    def stop(self) -> None:
        """Close the connection now."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone):
            self._end(b"".join(self._pieces))
        else:
            self._end(NoPage("the answer of the server ends in the middle"))

    def _end(self, result: bytes | NoPage) -> None:
        if not self._done.called:
            if isinstance(result, bytes):
                self._done.callback(result)
            else:
                self._done.errback(result)


def page(reactor: Any, url: str, seconds: float, most: int = MOST_BYTES) -> Deferred[bytes]:
    """Get a page.

    @return: fires with its bytes; fails with L{NoPage}. If it is cancelled, the connection is closed.
    """
    getting = Deferred.fromCoroutine(_page(reactor, url, most))

    def tooLate(result: object, limit: float) -> Any:
        if isinstance(result, Failure):
            result.trap(CancelledError, NoPage)
            raise NoPage(f"the server did not answer within {limit:g} seconds") from None
        return result

    return getting.addTimeout(seconds, reactor, onTimeoutCancel=tooLate)


async def _page(reactor: object, url: str, most: int) -> bytes:
    pool = HTTPConnectionPool(reactor, persistent=False)
    pool._factory = _QuietFactory
    agent = RedirectAgent(Agent(reactor, pool=pool), _MOST_REDIRECTIONS)
    try:
        plain, headers = _asked(url)
        response: Any = await agent.request(b"GET", plain, Headers(headers))
    except (ConnectError, ConnectingCancelledError, ConnectionClosed, DNSLookupError) as error:
        raise NoPage(f"there is no connection to the server: {error}") from None
    except ResponseFailed as error:
        raise NoPage(f"the server did not answer: {_first(error)}") from None
    except (SchemeNotSupported, ValueError) as error:
        raise NoPage(f"the address cannot be used: {error}") from None
    done: Deferred[bytes] = Deferred(lambda _: body.stop())
    body = _Body(done, most)
    response.deliverBody(body)
    said = await done
    if response.code != 200:
        raise NoPage(f"the server answered {response.code} {response.phrase.decode('latin-1')}".rstrip())
    return said


def _asked(url: str) -> tuple[bytes, dict[bytes, list[bytes]]]:
    """The URL without a user and a password, and the headers."""
    plain, credentials = splitCredentials(url)
    headers = {b"User-Agent": [b"buildbot"]}
    if credentials is not None:
        headers[b"Authorization"] = [b"Basic " + b64encode(":".join(credentials).encode())]
    return plain.encode("ascii"), headers


def _first(error: ResponseFailed) -> str:
    reasons = [each.value for each in error.reasons if isinstance(each, Failure)]
    if any(isinstance(each, (InfiniteRedirection, RedirectWithNoLocation)) for each in reasons):
        return "it redirects without end"
    return "; ".join(str(each) for each in reasons) or "the connection was lost"
