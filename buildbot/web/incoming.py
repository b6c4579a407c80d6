# -*- test-case-name: tests.stories.test_web -*-
"""A request as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote

from buildbot.status.master import Status

_FORM = "application/x-www-form-urlencoded"


class Incoming:
    """I am a request as plain values.

    @ivar method: such as "GET".
    @ivar headers: lower-case name -> value; several values are joined with commas.
    @ivar all: lower-case name -> all values.
    @ivar peer: the address of the other end of the connection.
    @ivar isSecure: True for TLS.
    @ivar isFeed: True if the answer is for other sites, too, as a badge.
    @ivar isPrivate: True if the answer is for a visitor with a name: no cache may keep it.
    @ivar seenStatus: the status of what the visitor sees; None: all.
    @ivar page: the path of its route, for counts; "other" before it is found.
    """

    __slots__ = (
        "all",
        "body",
        "headers",
        "isFeed",
        "isPrivate",
        "isSecure",
        "method",
        "page",
        "path",
        "peer",
        "query",
        "seenStatus",
    )

    def __init__(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, Sequence[str]],
        body: bytes = b"",
        peer: str = "",
        isSecure: bool = False,
        all: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.all = {name: [value] for name, value in headers.items()} if all is None else all
        self.method = method
        self.page = "other"
        self.path = path
        self.headers = headers
        self.query = query
        self.body = body
        self.peer = peer
        self.isSecure = isSecure
        self.isFeed = False
        self.isPrivate = False
        self.seenStatus: Status | None = None


def incomingOf(request: Any) -> Incoming:
    """The plain values of a request of twisted.web."""
    all: dict[str, list[str]] = {}
    for name, values in request.requestHeaders.getAllRawHeaders():
        all.setdefault(name.decode("latin-1").lower(), []).extend(each.decode("latin-1") for each in values)
    headers = {name: ", ".join(values) for name, values in all.items()}
    # Not request.args: some releases of Twisted put the fields of a form there, too.
    query = parse_qs(request.uri.partition(b"?")[2].decode("ascii", "replace"), True)
    request.content.seek(0)
    peer = request.getClientAddress()
    return Incoming(
        request.method.decode("ascii", "replace"),
        request.path.decode("ascii", "replace"),
        headers,
        query,
        request.content.read() if request.method == b"POST" or request.method == b"PUT" else b"",
        getattr(peer, "host", "") or "",
        request.isSecure(),
        all,
    )


def queryOf(incoming: Incoming, leaveOut: str = "") -> str:
    """The query of a request in one form, so that equal ones are equal; C{leaveOut} is one name to omit."""
    pairs = [(name, text) for name, texts in incoming.query.items() for text in texts if name != leaveOut]
    if not pairs:
        return ""
    return "?" + "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in pairs)


def given(incoming: Incoming, hasForm: bool = True) -> dict[str, list[str]]:
    """The parameters of a request: those of its query, and of its form, if it may have one."""
    all = {name: list(texts) for name, texts in incoming.query.items()}
    if hasForm and incoming.method == "POST" and incoming.headers.get("content-type", "").startswith(_FORM):
        for name, texts in parse_qs(incoming.body.decode("utf-8", "replace"), True).items():
            all.setdefault(name, []).extend(texts)
    return all
