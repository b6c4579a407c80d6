# -*- test-case-name: tests.unit.webhooks.test_http -*-
"""Post messages to a web server, with Python's own HTTP client in a thread of its own.

A slow server blocks only this thread. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

from twisted.internet.defer import Deferred

from buildbot.events.reactors import ThreadReactor
from buildbot.outgoing.calls import Calls, cut, inDaemonThread
from buildbot.outgoing.target import Refused, TargetBusy, TargetDown
from buildbot.outgoing.trust import trust
from buildbot.text.printable import plainLine
from buildbot.webhooks.signature import signature

#: Seconds for each answer of the server, and the most bytes of one that are read.
TIMEOUT = 30.0
LONGEST_ANSWER = 65536
#: The answers of a busy server: GitHub says 403 instead of 429. With the seconds to wait, it is the same.
_BUSY, _GITHUB_BUSY = 429, 403
#: The answers after which the same message may be accepted later.
_LATER = (408, 409, 425, _BUSY)
#: The answers that say that the address or the secret is wrong.
_WRONG = (401, 403, 404, 405, 407)
_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Address:
    """I am where messages are posted.

    @ivar url: may have a user and a password, or a secret in its path: it is never shown.
    @ivar secret: signs the messages; None: they are not signed.
    @ivar token: for the header Authorization; or None.
    @ivar bearer: the token is sent as the one of a bearer.
    @ivar refusing: the answers that refuse only one message, although they would usually make all wait.
    @ivar caFile: the file of a certificate that is trusted, besides those of the system; or None.
    @ivar form: further fields of a form, whose field C{packets} has the message; None: JSON is posted.
    @ivar account: tells the address from others with this URL; it is not shown.
    @ivar method: of the requests.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    caFile: str | None = None
    token: str | None = field(default=None, repr=False)
    bearer: bool = False
    refusing: tuple[int, ...] = ()
    kind: str = "webhook"
    form: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    account: str = field(default="", repr=False)
    method: str = "POST"

    @property
    def parts(self) -> SplitResult:
        """The parts of the URL."""
        return urlsplit(self.url)

    @property
    def name(self) -> str:
        """The address for people: its host, and a part of the digest of the URL, which may be secret."""
        told = sha256(f"{self.url} {self.account}".encode("utf-8", "replace")).hexdigest()[:6]
        return f"{self.kind} to {self.parts.hostname} ({told})"


@dataclass(frozen=True)
class Reply:
    """I am the answer of a server.

    @ivar retryAfter: its header Retry-After; None if there is none.
    @ivar body: the beginning of the rest, if it asks to wait: some servers say there for how long.
    """

    status: int
    retryAfter: str | None = None
    body: bytes = b""


class Connection:
    """I am a connection to a web server. All methods but L{abort} may block; one thread uses me at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: http.client.HTTPConnection | None = None
        self._isAborted = False

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Post a message; once more over a new connection, if the server has closed an old one.

        @param path: follows the path of the address.
        @raise OSError: also http.client.HTTPException.
        """
        isOld = self._connection is not None
        try:
            return self._posted(path, headers, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not isOld or self._isAborted:
                raise
            return self._posted(path, headers, body)

    def _posted(self, more: str, headers: Mapping[str, str], body: bytes) -> Reply:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connected()
        if self._isAborted:
            raise TimeoutError("it took too long to connect")
        parts = self._address.parts
        path = (parts.path + more or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(self._address.method, path, body, dict(headers))
        answer = connection.getresponse()
        rest = answer.read(LONGEST_ANSWER + 1)
        if len(rest) > LONGEST_ANSWER or answer.will_close:
            self.close()
        said = rest[:LONGEST_ANSWER] if answer.status == _BUSY else b""
        return Reply(answer.status, answer.getheader("Retry-After"), said)

    def _connected(self) -> http.client.HTTPConnection:
        parts = self._address.parts
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if self._address.caFile:
                trust(context, self._address.caFile, "caFile")
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=TIMEOUT, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT)
        connection.connect()
        return connection

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def abort(self) -> None:
        """End the connection at once; a call in another thread fails."""
        self._isAborted = True
        connection = self._connection
        sock = None if connection is None else connection.sock
        if sock is not None:
            cut(sock)


class HttpTarget:
    """I am the L{Target<buildbot.outgoing.target.Target>} for a web server.

    A message is a dict: C{id}, C{body}, a text in JSON, and perhaps C{path}, which follows that of the
    address.
    """

    def __init__(
        self,
        address: Address,
        reactor: ThreadReactor,
        now: Callable[[], float],
        agent: str,
        inThread: Callable[[Callable[[], None]], object] = inDaemonThread,
        newConnection: Callable[[Address], Connection] = Connection,
        withOmitted: Callable[[Any, int], Any] = lambda body, count: body,
    ) -> None:
        """@param now: returns the time, in seconds since the epoch.
        @param agent: the header User-Agent.
        @param inThread: runs a function in a thread.
        @param withOmitted: adds to a body, as JSON values, that so many earlier messages had no room.
        """
        self.address = address
        self._withOmitted = withOmitted
        self._now, self._agent = now, agent
        self._calls = Calls(lambda: newConnection(address), reactor, inThread)

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        """See L{Target<buildbot.outgoing.target.Target>}."""
        text = message["body"]
        if message.get("omitted"):
            text = json.dumps(self._withOmitted(json.loads(text), message["omitted"]))
        body = self._bodyOf(text)
        headers = self.headers(message["id"], body)
        return self._calls.call(
            lambda connection: connection.post(message.get("path", ""), headers, body),
            lambda answer: outcomeOf(answer, self.address.refusing),
        )

    def _bodyOf(self, text: str) -> bytes:
        form = self.address.form
        said = text if form is None else urlencode([*form, ("packets", text)])
        return said.encode("utf-8")

    def headers(self, id: str, body: bytes) -> dict[str, str]:
        """The headers of an attempt."""
        timestamp = int(self._now())
        headers = {
            "Content-Type": _JSON if self.address.form is None else _FORM,
            "User-Agent": self._agent,
            "webhook-id": id,
            "webhook-timestamp": str(timestamp),
        }
        if self.address.secret is not None:
            headers["webhook-signature"] = signature(self.address.secret, id, timestamp, body)
        parts = self.address.parts
        if self.address.token is not None:
            headers["Authorization"] = f"{'Bearer' if self.address.bearer else 'token'} {self.address.token}"
        elif parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {b64encode(login.encode('utf-8')).decode('ascii')}"
        return headers

    def rest(self) -> None:
        """See L{Target<buildbot.outgoing.target.Target>}."""
        self._calls.rest()


def outcomeOf(answer: Reply | Exception, refusing: Container[int] = ()) -> Exception | None:
    """The meaning of an answer for the sender; None if the message was accepted.

    @param refusing: see L{Address}.
    """
    if isinstance(answer, ssl.SSLCertVerificationError):
        why = getattr(answer, "verify_message", "") or str(answer)
        return TargetDown(
            f"its certificate is not valid: {plainLine(why)[:300]}", "name its authority in caFile"
        )
    if isinstance(answer, (OSError, http.client.HTTPException)):
        said = getattr(answer, "strerror", None) or str(answer) or type(answer).__name__
        return TargetDown(plainLine(said)[:300])
    if isinstance(answer, Exception):
        return answer
    status = answer.status
    after = _seconds(answer)
    if status in (_BUSY, _GITHUB_BUSY) and after is not None:
        return TargetBusy(f"it answered {status}", after)
    if 200 <= status < 300:
        return None
    if status in _LATER or status >= 500:
        return TargetDown(f"it answered {status}", after=after)
    if 300 <= status < 400:
        return TargetDown(f"it answered {status}, and redirects are not followed", "write the new address")
    if status in _WRONG and status not in refusing:
        return TargetDown(f"it answered {status}", "look at the address and the secret")
    return Refused(f"it answered {status}")


def _seconds(answer: Reply) -> float | None:
    """The seconds that an answer asks to wait; None if it does not.

    They are in the header Retry-After, whose other form, a date, is ignored. Discord and Matrix say them in
    the body, too, or only there.
    """
    said: object = answer.retryAfter
    if said is None and answer.body:
        with suppress(ValueError):
            read = json.loads(answer.body)
            if isinstance(read, dict):
                millis = read.get("retry_after_ms")
                said = millis / 1000 if isinstance(millis, (int, float)) else read.get("retry_after")
    text = str(said)
    return float(text) if len(text) < 9 and _SECONDS.fullmatch(text) else None
