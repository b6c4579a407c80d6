# -*- test-case-name: tests.stories.test_web -*-
"""Keep open pages up to date: each has one stream of server-sent events, with the parts that have changed.

All browsers that show the same page to the same kind of visitor share one L{LivePage}. It is made once for
all of them, at most L{RATE} times a second, and only after one of its topics was touched.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.status.topics import News, Subscription
from buildbot.web.call import Call, Out, Page, Part, Problem, Stream
from buildbot.web.layout import partOf
from buildbot.web.routes import Parameter, Route

log = Logger()

#: The most updates of a page in a second.
RATE = 2.0
#: Seconds between two signs of life on a stream: proxies close silent connections.
HEARTBEAT = 15.0
#: The most open streams.
MOST = 1000
EVENTS = "text/event-stream; charset=utf-8"


def event(name: str, data: str, id: str = "") -> bytes:
    """The bytes of one event; C{data} may have several lines."""
    lines = [f"event: {name}", *(f"data: {line}" for line in data.split("\n"))]
    if id:
        lines.insert(0, f"id: {id}")
    return ("\n".join(lines) + "\n\n").encode("utf-8")


class LivePage:
    """I make one page again when it has changed, and send its changed parts to all who look at it."""

    def __init__(self, call: Call, clock: IReactorTime, ended: Callable[[], object]) -> None:
        self._call = call
        self._clock = clock
        self._ended = ended
        self._outs: dict[Out, None] = {}
        self._sent: dict[str, str] = {}
        self._alarm = Alarm(self._make)
        self._isMaking = False
        self._isTouched = False
        self._subscription: Subscription | None = None

    async def join(self, out: Out, page: Page) -> None:
        """Begin to send changes."""
        self._outs[out] = None
        out.whenGone(lambda: self._leave(out))
        if self._subscription is None:
            self._sent = _hashes(page)
            self._subscription = self._call.world.topics.subscribe(page.topics, self._touched)
        out.write(b"retry: 3000\n\n")
        out.write(event("parts", json.dumps({each.id: str(each.html) for each in _parts(page)})))

    def _leave(self, out: Out) -> None:
        self._outs.pop(out, None)
        if not self._outs:
            self._alarm.stop()
            if self._subscription is not None:
                self._subscription.stop()
                self._subscription = None
            self._ended()

    def beat(self) -> None:
        """Send a sign of life."""
        for out in list(self._outs):
            if not out.isFull():
                out.write(b": alive\n\n")

    def stop(self) -> None:
        """End all streams."""
        for out in list(self._outs):
            out.finish()

    def _touched(self, news: News | None = None) -> None:
        self._isTouched = True
        if not self._isMaking and not self._alarm.isSet:
            self._alarm.set(self._clock, 1 / RATE)

    def _make(self) -> None:
        if self._outs and not self._isMaking:
            self._isMaking, self._isTouched = True, False
            ensureDeferred(self._update()).addErrback(self._failed).addBoth(self._made)

    async def _update(self) -> None:
        page = await render(self._call)
        hashes = _hashes(page)
        if set(hashes) != set(self._sent):
            message = event("reload", "{}")
        else:
            changed = {
                each.id: str(each.html) for each in _parts(page) if hashes[each.id] != self._sent[each.id]
            }
            if not changed:
                return
            message = event("parts", json.dumps(changed))
        self._sent = hashes
        for out in list(self._outs):
            if not out.isFull():
                out.write(message)
            else:
                out.finish()  # the browser connects again and gets the whole state

    def _made(self, result: object) -> None:
        self._isMaking = False
        if self._isTouched and self._outs:
            self._touched()

    def _failed(self, why: Failure) -> None:
        log.failure("a page could not be made again", why)
        self.stop()


def _parts(page: Page) -> list[Part]:
    return [each for each in page.parts if isinstance(each, Part)]


def _hashes(page: Page) -> dict[str, str]:
    return {each.id: sha256(partOf(each).encode()).hexdigest() for each in _parts(page)}


async def render(call: Call) -> Page:
    """The page of a call, made by its handler."""
    answer = call.route.handler(call)
    if not isinstance(answer, Page):
        answer = await answer
    if not isinstance(answer, Page):
        raise Problem(400, "This page is not live")
    return answer


class Streams:
    """I have the open streams of all pages."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._pages: dict[tuple[Any, ...], LivePage] = {}
        self._beat = Alarm(self._beats)
        self.open = 0
        self.render: Callable[..., Awaitable[object]] | None = None

    async def begin(self, out: Out, call: Call, key: tuple[Any, ...]) -> None:
        """Send the changes of a page to a browser."""
        page = await render(call)
        live = self._pages.get(key)
        if live is None:
            live = self._pages[key] = LivePage(call, self._clock, lambda: self._pages.pop(key, None))
        self.open += 1
        out.whenGone(self._closed)
        if not self._beat.isSet:
            self._beat.set(self._clock, HEARTBEAT)
        await live.join(out, page)

    def _closed(self) -> None:
        self.open -= 1

    def _beats(self) -> None:
        for page in list(self._pages.values()):
            page.beat()
        if self._pages:
            self._beat.set(self._clock, HEARTBEAT)

    def stop(self) -> None:
        """End all streams."""
        self._beat.stop()
        for page in list(self._pages.values()):
            page.stop()


def target(call: Call, table: Any) -> Call:
    """The call of the page that a stream belongs to."""
    address = urlsplit(call.query["page"] or "/")
    segments = [unquote(each, errors="surrogateescape") for each in address.path.lstrip("/").split("/")]
    found = table.find(segments)
    route: Route | None = found and found.routes.get("GET")
    if found is None or route is None or route.kind != "page":
        raise Problem(404, "There is no such page", address.path)
    given = parse_qs(address.query, keep_blank_values=True)
    root = "../" * (len(segments) - 1)
    return Call(
        call.world,
        route,
        found.values,
        route.read(given),
        given,
        call.who,
        root,
        segments,
        call.headers,
    )


async def _live(call: Call) -> Stream:
    streams: Streams = call.world.extra["streams"]
    if streams.open >= MOST:
        raise Problem(503, "Too many open pages", headers=(("Retry-After", "60"),))
    page = target(call, call.world.extra["table"])
    if not await call.may(page.route.action):
        raise Problem(403, "You may not see this page")
    key: Sequence[Any] = (call.query["page"], call.who.name, call.who.how, call.who.key)
    return Stream(lambda out: streams.begin(out, page, tuple(key)), EVENTS)


ROUTES = (
    Route(
        "/live",
        _live,
        "The changes of an open page, as server-sent events.",
        (Parameter("page", "The path and query of the page."),),
        kind="stream",
    ),
)
