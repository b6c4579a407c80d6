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
    @ivar isFeed: True if other sites may use the answer, too, such as a badge.
    @ivar isPrivate: True if the answer is for a logged-in visitor: no cache may keep it.
    @ivar seenStatus: the status without hidden builders; None: the visitor sees all builders.
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
    # Do not use request.args: in some releases of Twisted it has the fields of a form, too.
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
    """The query of a request in a normal form, so that equal queries have equal texts.

    @param leaveOut: the name of a parameter to leave out.
    """
    pairs = [(name, text) for name, texts in incoming.query.items() for text in texts if name != leaveOut]
    if not pairs:
        return ""
    return "?" + "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in pairs)


def given(incoming: Incoming, hasForm: bool = True) -> dict[str, list[str]]:
    """The parameters of a request: from its query, and from its form if a form is allowed."""
    all = {name: list(texts) for name, texts in incoming.query.items()}
    if hasForm and incoming.method == "POST" and incoming.headers.get("content-type", "").startswith(_FORM):
        for name, texts in parse_qs(incoming.body.decode("utf-8", "replace"), True).items():
            all.setdefault(name, []).extend(texts)
    return all
