# -*- test-case-name: tests.stories.test_ownpages -*-
"""A request as pages for 0.7 and 0.8 know it: with text in place of bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.web.server import Request

from buildbot.web.incoming import Incoming, given


def text(value: str | bytes) -> str:
    """Bytes of a URL or a header as text."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def raw(value: object) -> bytes:
    """Text of a page as bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


class OldRequest:
    """I am a request whose parameters, paths and headers are text. All else is that of twisted.web.

    @ivar args: name of a parameter -> its texts, from the query and from a form.
    @ivar who: the visitor, for C{Authz}.
    """

    def __init__(self, request: Request, incoming: Incoming, who: object = None) -> None:
        self._request: Any = request
        self.args: Mapping[str, Sequence[str]] = given(incoming)
        self.who = who
        self.method = incoming.method
        self.path = incoming.path

    @property
    def prepath(self) -> list[str]:
        """The segments of the path up to the page."""
        return [text(each) for each in self._request.prepath]

    @property
    def postpath(self) -> list[str]:
        """The segments of the path below the page."""
        return [text(each) for each in self._request.postpath]

    @property
    def uri(self) -> str:
        """The path and query as they came."""
        return text(self._request.uri)

    def setHeader(self, name: str | bytes, value: object) -> None:
        """Set a header of the answer."""
        self._request.setHeader(raw(name), raw(value))

    def getHeader(self, name: str | bytes) -> str | None:
        """A header of the request."""
        value = self._request.getHeader(raw(name))
        return None if value is None else text(value)

    def redirect(self, url: str | bytes) -> None:
        """Send the client to another page."""
        self._request.redirect(raw(url))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)
