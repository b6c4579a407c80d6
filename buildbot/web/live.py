# -*- test-case-name: tests.stories.test_web -*-
"""Keep open pages up to date: each has one stream of server-sent events, with the parts that have changed.

All browsers that show the same page to the same kind of visitor share one L{LivePage}. It is made once for
all of them, at most L{RATE} times a second, and only after one of its topics was touched.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.status.topics import News, Subscription
from buildbot.web.beats import Beats
from buildbot.web.call import Call, Out, Page, Part, Problem, Stream
from buildbot.web.handling import handled
from buildbot.web.pacing import Pacing
from buildbot.web.packing import Packer
from buildbot.web.routes import BadQuery, Parameter, Route, Table

log = Logger()

#: The most updates of a page in a second.
RATE = 2.0
#: The most bytes of updates in a second, for all who look at one page.
BYTES = 4_000_000
#: Making a page again takes at most this part of the time.
SHARE = 0.1
#: The most seconds that a new reader waits for the next update. After that it gets the last update.
SOON = 1.0
#: The most open streams.
MOST = 1000
EVENTS = "text/event-stream; charset=utf-8"


def event(name: str, data: str, id: str = "") -> bytes:
    """The bytes of one event; C{data} may have several lines."""
    lines = [f"event: {name}", *(f"data: {line}" for line in data.split("\n"))]
    if id:
        lines.insert(0, f"id: {id}")
    return ("\n".join(lines) + "\n\n").encode("utf-8")


def closedEvent(why: str, mayReturn: bool) -> bytes:
    """The last event of a stream whose visitor has lost the right to it.

    @param mayReturn: True if the client may connect again at once.
    """
    return event("closed", json.dumps({"why": why, "mayReturn": mayReturn}))


class LivePage:
    """I make one page again when it has changed, and send its changed parts to all who look at it."""

    def __init__(self, call: Call, clock: IReactorTime, ended: Callable[[], object]) -> None:
        """@param ended: called as C{ended()} when the last reader of the page has gone."""
        self._call = call
        self._clock = clock
        self._ended = ended
        self._outs: dict[Out, None] = {}
        self._new: dict[Out, None] = {}
        self._waiting: list[Deferred[None]] = []
        self._sent: dict[str, Shown] = {}
        self._whole = b""
        self._pause = 1 / RATE
        self._alarm = Alarm(self._make)
        self._renewal = Alarm(self._touched)
        self._isMaking = False
        self._isTouched = False
        self._subscription: Subscription | None = None

    def made(self) -> Deferred[None]:
        """Make the page for the first time, once for all readers.

        @return: fires with None when the page is made. It fails as the page's handler does.
        """
        done: Deferred[None] = Deferred()
        if self._subscription is not None:
            done.callback(None)
            return done
        self._waiting.append(done)
        if len(self._waiting) == 1:
            self._isMaking = True
            ensureDeferred(self._first()).addBoth(self._told)
        return done

    async def _first(self) -> None:
        topics = self._call.world.topics
        before = topics.generation()
        page = await render(self._call)
        self._sent = shown(page)
        self._subscription = topics.subscribe(page.topics, self._touched)
        self._isMaking = False
        self._renew(page)
        if topics.generation(*page.topics) > before:
            self._touched()

    def _told(self, result: object) -> None:
        waiting, self._waiting = self._waiting, []
        if isinstance(result, Failure):
            self._isMaking = False
            self._end()
        for each in waiting:
            each.callback(result if isinstance(result, Failure) else None)

    def join(self, out: Out, since: str = "") -> None:
        """Begin to send changes. Wait for L{made} before.

        @param since: the last event before the browser's page was made; "" if that is unknown. If nothing has
            changed since then, the browser has the present parts already.
        """
        assert self._subscription is not None
        self._outs[out] = None
        out.whenGone(lambda: self._leave(out))
        out.write(b"retry: 3000\n\n")
        events = self._call.world.topics.since(since, self._subscription.topics) if since else None
        if events is not None and not events:
            return
        if self._isMaking or (self._alarm.isSet and self._pause <= SOON):
            self._new[out] = None
        else:
            out.write(self._everything())

    def _everything(self) -> bytes:
        """The event with all parts."""
        if not self._whole:
            self._whole = event("parts", json.dumps({id: each.html for id, each in self._sent.items()}))
        return self._whole

    def _leave(self, out: Out) -> None:
        self._outs.pop(out, None)
        self._new.pop(out, None)
        if not self._outs:
            self._end()

    def _end(self) -> None:
        self._alarm.stop()
        self._renewal.stop()
        if self._subscription is not None:
            self._subscription.stop()
            self._subscription = None
        self._ended()

    def beat(self) -> None:
        """Send a sign of life. End without readers: the client may have gone while the page was made."""
        for out in list(self._outs):
            if not out.isFull():
                out.write(b": alive\n\n")
        if not self._outs and not self._isMaking:
            self._end()

    def stop(self) -> None:
        """End all streams."""
        for out in list(self._outs):
            out.finish()

    def _touched(self, news: News | None = None) -> None:
        self._isTouched = True
        if not self._isMaking and not self._alarm.isSet:
            self._alarm.set(self._clock, self._pause)

    def _make(self) -> None:
        if self._outs and not self._isMaking:
            self._isMaking, self._isTouched = True, False
            ensureDeferred(self._update()).addErrback(self._failed).addBoth(self._remade)

    async def _update(self) -> None:
        call = self._call
        if call.sight is not None and await call.world.guard.sight(call.who) != call.sight:
            self.stop()  # the browser connects again, and sees other builders
            return
        pacing = call.world.part(Pacing)
        await pacing.turn()
        began = time.thread_time()
        page = await render(call)
        now = shown(page)
        message = changes(self._sent, now)
        self._sent = now
        self._renew(page)
        if message:
            self._whole = b""
        new, self._new = self._new, {}
        size = sum(out.sizeOf(message) for out in self._outs)
        cost = time.thread_time() - began
        pacing.made(cost)
        self._pause = max(1 / RATE, cost / SHARE, size / BYTES)
        for out in list(self._outs):
            data = self._everything() if out in new else message
            if data and not out.isFull():
                out.write(data)
            elif data:
                out.finish()  # the browser connects again and gets the whole state

    def _renew(self, page: Page) -> None:
        """Make the page again later, if it changes by itself."""
        if page.renews and self._subscription is not None:
            self._renewal.set(self._clock, page.renews)
        else:
            self._renewal.stop()

    def _remade(self, result: object) -> None:
        self._isMaking = False
        if self._isTouched and self._outs:
            self._touched()

    def _failed(self, why: Failure) -> None:
        problem = why.value
        if not isinstance(problem, Problem):
            log.failure("a page could not be made again", why)
        elif problem.status == 404:  # the subject of the page is gone
            closed = closedEvent(f"{problem.title}.", False)
            for out in self._outs:
                out.write(closed)
        self.stop()


def _parts(page: Page) -> list[Part]:
    return [each for each in page.parts if isinstance(each, Part)]


_ROW = re.compile(r'<tr id="([\w-]+)">(.*?)</tr>', re.S)


@dataclass(frozen=True)
class Shown:
    """One part of a page, as a browser shows it.

    @ivar frame: its HTML without the content of the rows of its tables that have an id.
    @ivar rows: the content of these rows, by id.
    @ivar html: its whole HTML.
    """

    frame: str
    rows: Mapping[str, str]
    html: str


def shown(page: Page) -> dict[str, Shown]:
    """The parts of a page, by id."""
    return {
        each.id: Shown(_ROW.sub(r'<tr id="\1">', each.html), dict(_ROW.findall(each.html)), str(each.html))
        for each in _parts(page)
    }


def changes(before: Mapping[str, Shown], after: Mapping[str, Shown]) -> bytes:
    """The events that make one state of a page of another; empty if nothing has changed."""
    if before.keys() != after.keys():
        return event("reload", "{}")
    whole = {id: each.html for id, each in after.items() if each.frame != before[id].frame}
    rows = {
        row: html
        for id, each in after.items()
        if id not in whole
        for row, html in each.rows.items()
        if html != before[id].rows[row]
    }
    said = event("parts", json.dumps(whole)) if whole else b""
    return said + (event("rows", json.dumps(rows)) if rows else b"")


async def render(call: Call) -> Page:
    """The page of a call, made by its handler."""
    answer = await handled(call)
    if not isinstance(answer, Page):
        raise Problem(404, "This page leads to another one now")
    return answer


class Streams:
    """I have the open streams of all pages."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._pages: dict[Hashable, LivePage] = {}
        self._beats: Beats[LivePage] = Beats(clock)
        self.packer = Packer()
        self.open = 0

    async def page(self, call: Call, key: Hashable) -> LivePage:
        """The live page of a call. All readers with the same key share it.

        @raise Problem: as the handler of the page does.
        """
        while True:
            live = self._pages.get(key)
            if live is None:
                live = self._pages[key] = LivePage(call, self._clock, lambda: self._left(key))
                self._beats.add(live)
            await live.made()
            if self._pages.get(key) is live:  # else the only other reader has gone in this moment
                return live

    def begin(self, out: Out, live: LivePage, since: str) -> None:
        """Send the changes of a page to a browser; see L{LivePage.join}."""
        self.open += 1
        out.whenGone(self._closed)
        live.join(out, since)
        if self._beats.isStopped:
            out.finish()

    def _closed(self) -> None:
        self.open -= 1

    def _left(self, key: Hashable) -> None:
        """Forget a page that nobody looks at."""
        live = self._pages.pop(key, None)
        if live is not None:
            self._beats.remove(live)

    def stop(self) -> None:
        """End all streams."""
        self._beats.stop()


def target(call: Call, table: Table) -> Call:
    """The call of the page that a stream belongs to."""
    address = urlsplit(call.query["page"] or "/")
    segments = [unquote(each, errors="surrogateescape") for each in address.path.lstrip("/").split("/")]
    found = table.find(segments)
    route = found.routes.get("GET") if found is not None else None
    if found is None or route is None or route.kind != "page":
        raise Problem(404, "There is no such page", address.path)
    given = parse_qs(address.query, keep_blank_values=True)
    try:
        query = route.read(given)
    except BadQuery as why:
        raise Problem(400, "A parameter is wrong", str(why)) from None
    root = "../" * (len(segments) - 1)
    return Call(
        call.world,
        route,
        found.values,
        query,
        given,
        call.who,
        root,
        segments,
        call.headers,
        sight=call.sight,
    )


async def _live(call: Call) -> Stream:
    streams = call.world.part(Streams)
    if streams.open >= MOST:
        raise Problem(503, "Too many open pages", headers=(("Retry-After", "60"),))
    page = target(call, call.world.part(Table))
    if not await page.mayEnter():
        raise Problem(403, "You may not see this page")
    key = (call.query["page"], call.who.name, call.who.how, call.who.key, call.sight)
    live = await streams.page(page, key)
    return Stream(
        lambda out: streams.begin(out, live, call.query["since"]),
        EVENTS,
        last=closedEvent,
        needs=((page.route.action, page.values.get("builder")),),
        packer=streams.packer,
    )


ROUTES = (
    Route(
        "/live",
        _live,
        "The changes of an open page, as server-sent events.",
        (
            Parameter("page", "The path and query of the page."),
            Parameter("since", "The last event before the page was made.", default=""),
        ),
        kind="stream",
    ),
)
