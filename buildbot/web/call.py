# -*- test-case-name: tests.stories.test_web -*-
"""One request as plain values, and the answers that a handler can give."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

from buildbot.web.markup import NOTHING, Href, Markup
from buildbot.web.markup import path as quoted
from buildbot.web.packing import LEVEL, Packer
from buildbot.web.routes import Route
from buildbot.web.sight import Sight
from buildbot.web.who import ANONYMOUS, Who
from buildbot.web.world import World

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True)
class Call:
    """One request.

    @ivar values: the values of the path's segments, by name.
    @ivar query: the values of the parameters of the route, by name.
    @ivar given: all parameters as they came: name -> texts.
    @ivar root: the relative address of the site's root, such as "../../"; links begin with it.
    @ivar segments: the path, as unquoted segments.
    @ivar headers: the request's headers: lower-case name -> value (the last one given).
    @ivar sight: the builders that the user sees; None: all. C{world} has only these builders.
    """

    world: World
    route: Route
    values: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    who: Who = ANONYMOUS
    root: str = ""
    segments: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    method: str = "GET"
    sight: Sight | None = None

    def to(self, *segments: str | int, query: str = "", anchor: str = "") -> Href:
        """The address of a page, relative to this one. C{query} and C{anchor} are already quoted."""
        address = quoted(*segments, root=self.root)
        if query:
            address = Href(f"{address}?{query.replace('&', '&amp;')}")
        return Href(f"{address}#{anchor}") if anchor else address

    async def may(self, action: str, builder: str | None = None) -> bool:
        """True if the user may do an action (to a builder)."""
        return await self.world.guard.may(self.who, action, builder)

    def sees(self, builder: str) -> bool:
        """True if the user may see a builder of the configuration."""
        return self.sight is None or self.sight.sees(builder)

    async def mayEnter(self) -> bool:
        """True if the user may call the route.

        A hidden builder is not refused here. The handler does not find it, so the answer is 404.
        """
        action, builder = self.route.action, self.values.get("builder")
        if not action or await self.may(action, builder):
            return True
        return builder is not None and not self.sees(builder) and await self.may(action)


class Problem(Exception):
    """A request that cannot be answered as asked.

    @ivar status: the HTTP status.
    @ivar title: the kind of problem, as a few words.
    @ivar detail: the error in this request, as a sentence.
    @ivar hint: what to do, as a sentence; or "".
    @ivar headers: more headers of the answer.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        hint: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        Exception.__init__(self, f"{title}: {detail}" if detail else title)
        self.status = status
        self.title = title
        self.detail = detail
        self.hint = hint
        self.headers = tuple(headers)


def missing(kind: str, name: object) -> Problem:
    """The problem that something does not exist."""
    return Problem(404, f"There is no {kind} {name}", hint="It may have been removed or renamed.")


@dataclass(frozen=True)
class Answer:
    """A complete answer.

    @ivar etag: the version of the content, unquoted; "" to compute it from the body.
    @ivar cache: the value of Cache-Control.
    """

    body: bytes
    type: str = HTML
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    etag: str = ""
    cache: str = "no-cache"

    @cached_property
    def version(self) -> str:
        """The version of the content, for C{ETag}."""
        return self.etag or sha256(self.body).hexdigest()[:20]

    @cached_property
    def zipped(self) -> bytes:
        """The compressed body."""
        return gzip.compress(self.body, LEVEL, mtime=0)


def redirect(to: Href | str, status: int = 303) -> Answer:
    """An answer that sends the client to an address, which is relative to the page."""
    address = str(to).replace("&amp;", "&")
    return Answer(b"", TEXT, status, (("Location", address),), cache="no-store")


class Out(Protocol):
    """The connection of a streamed answer."""

    def write(self, data: bytes) -> None:
        """Send some bytes. After the client has gone, this does nothing."""

    def finish(self) -> None:
        """End the answer."""

    def abort(self) -> None:
        """Cut the connection: the answer cannot be completed."""

    def sizeOf(self, data: bytes) -> int:
        """The bytes that C{data} takes on the way to the client."""

    def isFull(self) -> bool:
        """True while the client reads slower than data is written."""

    def whenReady(self, call: Callable[[], object]) -> None:
        """Call C{call()} each time the client has read enough for more."""

    def whenGone(self, call: Callable[[], object]) -> None:
        """Call C{call()} once, when the answer has ended or the client has gone."""


#: A right that a visitor needs: the action, and its builder or None.
Need = tuple[str, str | None]


@dataclass(frozen=True)
class Stream:
    """An answer that goes on while the client listens.

    @ivar begin: called with an L{Out} when the headers are sent. May return a coroutine.
    @ivar last: makes the last bytes of an endless answer when the visitor loses the right to it. Its
        arguments are the reason (a sentence), and True if the client may come again. None: the answer ends
        by itself.
    @ivar needs: the rights that the visitor needs, besides the right to the route.
    @ivar packer: compresses what this stream and others send, for clients that take that.
    """

    begin: Callable[[Out], Any]
    type: str = TEXT
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cache: str = "no-store, no-transform"
    last: Callable[[str, bool], bytes] | None = None
    needs: tuple[Need, ...] = ()
    packer: Packer | None = None


@dataclass(frozen=True)
class Part:
    """A piece of a page that can be exchanged while the page is open.

    @ivar id: the id of its element, unique in the page: letters, digits and "-".
    """

    id: str
    html: Markup


@dataclass(frozen=True)
class Page:
    """A page for people.

    @ivar title: the text of its heading and of the browser's tab.
    @ivar parts: its content; a L{Part} can be exchanged, a L{Markup} stays.
    @ivar topics: the topics whose events change the page; empty: the page is not live. A page with topics is
        made again only after an event of these, so it must depend on nothing else.
    @ivar ages: True if it shows durations up to now, so that it is made again after a second.
    @ivar renews: seconds after which an open page is made again though nothing has happened, because it shows
        forecasts; 0: never.
    @ivar trail: links to the pages above: (text, address).
    @ivar wide: True if the page may be wider than the screen, as a waterfall.
    @ivar refresh: seconds after which a browser without script reloads the page; 0: never.
    @ivar feeds: addresses of feeds of the page: (title, type, address).
    @ivar styles: the names of more style sheets of L{buildbot.web.static}.
    @ivar head: more HTML for the head of the document.
    @ivar isOutcome: True if it tells what an act has done: a double click gets the same page again.
    """

    title: str
    parts: Sequence[Part | Markup]
    topics: tuple[str, ...] = ()
    ages: bool = False
    renews: float = 0.0
    trail: Sequence[tuple[str, Href]] = ()
    status: int = 200
    wide: bool = False
    refresh: int = 0
    feeds: Sequence[tuple[str, str, Href]] = ()
    styles: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    head: Markup = NOTHING
    isOutcome: bool = False
