# -*- test-case-name: tests.stories.test_web -*-
"""From a request to its route, from the route's answer to bytes: the same for pages, API and feeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Protocol
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import resource, server

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.client import ControlError
from buildbot.model.rows import BadCursor
from buildbot.store.interface import StoreFailed
from buildbot.text.urls import withoutPasswords
from buildbot.web import cache, layout, pacing
from buildbot.web.accounts.cors import corsHeaders
from buildbot.web.call import TEXT, Answer, Call, Need, Page, Problem, Stream, redirect
from buildbot.web.clicks import Clicks
from buildbot.web.handling import handled
from buildbot.web.http import OWN_SCRIPTS
from buildbot.web.incoming import Incoming, given, incomingOf, queryOf
from buildbot.web.jsonanswers import problemAsJSON
from buildbot.web.looking import Looking
from buildbot.web.markup import NOTHING, Markup, Template, href, link
from buildbot.web.outcomes import PARAMETER, Outcomes, cameFrom
from buildbot.web.pacing import Pacing
from buildbot.web.reading import byItsNumber, noBuilder
from buildbot.web.requestcounts import RequestCounts
from buildbot.web.routes import BadQuery, Found, Route, Table, Tables
from buildbot.web.seen import seenBy
from buildbot.web.sending import send
from buildbot.web.sight import Sight
from buildbot.web.staying import Staying
from buildbot.web.who import Leave, Who
from buildbot.web.world import World

log = Logger()

#: The most segments of a path whose error is a page.
DEEPEST = 50


class Door(Protocol):
    """It looks at each request before its handler: who asks, and whether the request may come in."""

    async def enter(self, request: Incoming) -> Who:
        """The person behind a request. Raises L{Problem} for a request that must not come in."""

    async def whyOut(self, who: Who, sight: Sight | None, needs: tuple[Need, ...]) -> Leave | None:
        """The reason why a visitor loses a stream that has begun; None if the visitor may keep it."""

    async def aboutMe(self, call: Call) -> Markup:
        """Who is logged in, with a link to log in or out."""


class Elsewhere(Protocol):
    """The master, if it is another process than the one with these pages."""

    async def answer(self, incoming: Incoming, segments: Sequence[str], path: str) -> Answer | None:
        """The answer of the master; None if this process answers. Raises L{Problem}.

        @param path: the path of the route, such as C{/builders/{builder}}.
        """


class Dispatcher:
    """I answer the requests of all routes.

    @ivar staying: the visitors of open streams.
    """

    def __init__(
        self, world: World, tables: Callable[[], Tables], door: Door, elsewhere: Elsewhere | None = None
    ) -> None:
        """@param tables: returns the routes; called at the first request.
        @param elsewhere: answers some requests in my place.
        """
        self.world = world
        self._elsewhere = elsewhere
        self._makeTables = tables
        self._door = door
        self.staying = Staying(world.clock, door.whyOut)

    @cached_property
    def _tables(self) -> Tables:
        return self._makeTables()

    @cached_property
    def table(self) -> Table:
        """The routes, except those that are looked up last."""
        return self._tables.table

    async def answer(
        self, incoming: Incoming, segments: Sequence[str], own: Route | None = None
    ) -> Answer | Stream:
        """The answer to a request; never raises a L{Problem}.

        @param own: the route of a page of people's own, which is in no table.
        """
        found, clock = self._find(segments, own), self.world.clock
        if found is not None:
            incoming.page = "own" if own is not None else next(iter(found.routes.values())).path
        began = clock.seconds()
        cors = corsHeaders(self.world.options.origins, incoming.method, segments, incoming.headers)
        if cors and incoming.method == "OPTIONS" and len(cors) > 1:
            return Answer(b"", TEXT, headers=cors, cache="no-store")
        answer = await self._answer(incoming, segments, found)
        if cors:
            answer = replace(answer, headers=(*answer.headers, *cors))
        self.world.part(RequestCounts).time(incoming.page, clock.seconds() - began)
        return answer

    async def refusal(
        self, incoming: Incoming, segments: Sequence[str], action: str
    ) -> Answer | Stream | None:
        """The refusal for an own file or an own resource of the site; None: the visitor may see it.

        @param action: the needed right; "": none. A foreign C{Host} is refused anyway.
        """
        route = replace(_GATE, action=action)
        answer = await self._answer(incoming, segments, self._find(segments, route))
        return None if answer is _ADMITTED else answer

    async def _answer(
        self, incoming: Incoming, segments: Sequence[str], found: Found | None
    ) -> Answer | Stream:
        wantsJSON = bool(segments) and segments[0] in ("api", "json")
        route: Route | None = None
        call = Call(self.world, _NO_ROUTE, root=rootOf(segments), segments=segments)
        try:
            if any("\0" in each for each in segments):
                raise Problem(404, "There is no such page", "The address has a NUL character.")
            if found is None:
                if incoming.method in ("GET", "HEAD") and self._find(withoutSlash(segments), None):
                    target = call.to(*withoutSlash(segments), query=queryOf(incoming)[1:])
                    return await self._made(call, incoming, redirect(target, 301))
                raise Problem(404, "There is no such page", "/" + "/".join(segments))
            method = "GET" if incoming.method == "HEAD" else incoming.method
            route = found.routes.get(method)
            if route is None:
                allowed = ", ".join(sorted({*found.routes, *(("HEAD",) if "GET" in found.routes else ())}))
                raise Problem(405, f"{incoming.method} is not possible here", headers=(("Allow", allowed),))
            wantsJSON, incoming.isFeed = route.kind == "json", route.kind == "feed"
            if self._elsewhere is not None:
                passed = await self._elsewhere.answer(incoming, segments, route.path)
                if passed is not None:
                    return passed
            call = replace(call, route=route, values=found.values, method=method, headers=incoming.headers)
            call = replace(call, who=await self._door.enter(incoming), body=incoming.body)
            incoming.isPrivate = bool(call.who.name)
            texts = given(incoming, hasForm=route.kind != "json")
            if any("\0" in each for name, values in texts.items() for each in (name, *values)):
                raise Problem(400, "A parameter is wrong", "It has a NUL character.")
            call = replace(call, given=texts, query=self._read(route, texts))
            call = await self._limited(call)
            incoming.seenStatus = None if call.sight is None else call.world.status
            await self._check(call)
            if route.kind in _SEEN or route.action == "viewLogs":
                self.world.part(Looking).seen()
            if route.kind == "page" and method == "GET":
                moved = await byItsNumber(call, queryOf(incoming)[1:])
                return moved if moved is not None else await self._page(call, incoming)
            if route.kind == "action":
                try:
                    made = await self.world.part(Clicks).once(call, partial(handled, call))
                finally:
                    self.world.part(cache.PageCache).acted()
                return await self._made(call, incoming, made)
            return await self._made(call, incoming, await handled(call))
        except Problem as problem:
            return await self._problem(call, incoming, problem, wantsJSON)
        except BadCursor as why:
            return await self._problem(
                call, incoming, Problem(400, "A parameter is wrong", f"{why}."), wantsJSON
            )
        except StoreFailed as why:
            hint = "Running builds go on. The command buildbot status, and the page About, tell more."
            broken = Problem(503, "The store does not work", why.reason, hint)
            return await self._problem(call, incoming, broken, wantsJSON)
        except ControlError as why:
            refused = Problem(503, "The master cannot answer", f"{why}.")
            return await self._problem(call, incoming, refused, wantsJSON)
        except CancelledError:
            raise  # the client has gone
        except PLUGIN_ERRORS:
            log.failure("the page {path} failed", path=incoming.path)
            hint = "The log of the master (twistd.log) has the reason."
            return await self._problem(call, incoming, Problem(500, "This page failed", hint=hint), wantsJSON)

    async def _limited(self, call: Call) -> Call:
        """The call, with only the part of the master that its user may see."""
        sight = await self.world.guard.sight(call.who)
        return call if sight is None else replace(call, sight=sight, world=seenBy(self.world, sight))

    async def _check(self, call: Call) -> None:
        """Raise L{Problem} if the user may not call the route."""
        builder = call.values.get("builder")
        if not await call.mayEnter():
            raise await self._refused(call, call.route.action, builder)
        if call.method != "GET" and builder is not None and not call.sees(builder):
            raise noBuilder(call.world, builder)

    def _find(self, segments: Sequence[str], own: Route | None) -> Found | None:
        if own is not None:
            return Found({"GET": own, "POST": own} if own.method == "GET" else {own.method: own}, {})
        return self.table.find(segments) or self._tables.last.find(segments)

    async def _page(self, call: Call, incoming: Incoming) -> Answer | Stream:
        """A page, or the kept answer if nothing that it shows has changed."""
        who, configuration = call.who, self.world.master.generation  # a reconfig may change any page
        key = (incoming.path, queryOf(incoming), who.name, who.how, who.key, call.sight, configuration)
        pages = self.world.part(cache.PageCache)
        now = self.world.clock.seconds()
        kept = pages.get(key, now) or pages.meanwhile(key, now)
        if kept is not None:
            return kept
        async with pages.one(key):
            kept = pages.get(key, self.world.clock.seconds())
            return kept if kept is not None else await self._newPage(call, incoming, key)

    async def _newPage(self, call: Call, incoming: Incoming, key: Hashable) -> Answer | Stream:
        """Make a page, and keep it if possible."""
        topics, pages = self.world.topics, self.world.part(cache.PageCache)
        paced = self.world.part(Pacing)
        await paced.turn()
        began, start = time.thread_time(), self.world.clock.seconds()
        before, number = topics.lastId(), topics.generation()
        made = await handled(call)
        answer = await self._made(call, incoming, made, before)
        cost, now = time.thread_time() - began, self.world.clock.seconds()
        paced.made(cost)
        if isinstance(made, Page) and made.topics and isinstance(answer, Answer) and made.status == 200:
            version = pages.version(made.topics)
            isCostly = cost > pacing.COSTLY
            isSame = topics.generation(*made.topics) <= number
            if isSame or isCostly:
                until = now + (cache.AGING if made.ages else cache.LONGEST)
                fresh = now + min(cache.AGING, cost / cache.SHARE) if isCostly else 0.0
                pages.put(key, answer, made.topics, version if isSame else "", until, fresh, start)
        return answer

    @staticmethod
    def deliver(work: Deferred[Answer | Stream], request: Any, incoming: Incoming) -> int:
        """Send an answer when it is there; stop the work on it if the client goes away."""
        gone: Deferred[None] = request.notifyFinish()
        gone.addErrback(lambda reason: work.cancel())
        sent = work.addCallback(send, request, incoming)
        sent.addErrback(_failed, request).addCallback(_forget, request, gone)
        return server.NOT_DONE_YET

    @staticmethod
    def _read(route: Route, texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        try:
            return route.read(texts)
        except BadQuery as why:
            raise Problem(400, "A parameter is wrong", str(why)) from None

    async def _refused(self, call: Call, action: str, builder: str | None) -> Problem:
        if await self.world.guard.couldAfterLogin(action, builder) and not call.who.name:
            challenge = (("WWW-Authenticate", 'Bearer realm="buildbot"'),)
            return Problem(
                401, "You must log in first", f"The action {action} needs an account.", headers=challenge
            )
        return Problem(403, "You may not do this", f"You have no right to the action {action}.")

    async def _made(self, call: Call, incoming: Incoming, answer: object, since: str = "") -> Answer | Stream:
        if isinstance(answer, Stream):
            return self.staying.watched(call, answer)
        if isinstance(answer, Answer):
            return answer
        if not isinstance(answer, Page):
            raise TypeError(f"the handler of {call.route.path} returned {type(answer).__name__}")
        own = quote(incoming.path + queryOf(incoming, leaveOut=PARAMETER), safe="")
        notice = self.world.part(Outcomes).notice(call)
        body = layout.document(call, answer, await self._door.aboutMe(call), own, notice, since)
        cache = "private, no-store" if call.who.name else "no-cache"
        headers = answer.headers
        if self.world.options.headElements:
            headers = (*headers, ("Content-Security-Policy", OWN_SCRIPTS.decode("ascii")))
        return Answer(body, status=answer.status, headers=headers, cache=cache)

    async def _problem(
        self, call: Call, incoming: Incoming, problem: Problem, wantsJSON: bool
    ) -> Answer | Stream:
        if wantsJSON or "application/problem+json" in incoming.headers.get("accept", ""):
            return problemAsJSON(problem)
        isDeep = len(call.segments) > DEEPEST  # the links of a page would be long
        if isDeep or "text/html" not in incoming.headers.get("accept", "text/html"):
            words = "\n".join(filter(None, (problem.title, problem.detail, problem.hint)))
            return Answer(
                f"{withoutPasswords(words)}\n".encode(),
                TEXT,
                problem.status,
                problem.headers,
                cache="no-store",
            )
        said = _PROBLEM(detail=problem.detail, hint=problem.hint)
        page = Page(problem.title, [said, self._back(call, problem)], status=problem.status)
        body = layout.document(call, page, await self._door.aboutMe(call))
        return Answer(body, status=problem.status, headers=problem.headers, cache="no-store")

    def _back(self, call: Call, problem: Problem) -> Markup:
        """A link from a refused action to the page with its form; nothing from another page."""
        if call.route.kind != "action":
            return NOTHING
        address = cameFrom(call)
        if address:
            return _BACK(link=link(href(address), "Back to the page with the form"))
        if problem.status == 403:
            return NOTHING  # the form would be refused again
        found = self._find(call.segments, None)
        hasForm = found is not None and "GET" in found.routes
        return _BACK(link=link(call.to(*call.segments), "Back to the form")) if hasForm else NOTHING


_BACK = Template("<p>{link}</p>")
_PROBLEM = Template('<p>{detail}</p><p class="soft">{hint}</p>')


def _nothing(call: Call) -> Answer:
    raise Problem(404, "There is no such page")


#: The kinds of routes at which people look. Programs ask for the others again and again.
_SEEN = ("page", "stream")
_NO_ROUTE = Route("/", _nothing, "No page.")
_ADMITTED = Answer(b"")
_GATE = Route("/", lambda call: _ADMITTED, "A file or a resource of people's own.", kind="own")


def withoutSlash(segments: Sequence[str]) -> Sequence[str]:
    """The segments of a path without the empty ones at its end: 0.7.12 answered C{/builders/full/} too."""
    count = len(segments)
    while count > 1 and not segments[count - 1]:
        count -= 1
    return segments[:count]


def rootOf(segments: Sequence[str]) -> str:
    """The relative address of the root, from the segments of a page's path."""
    return "../" * (len(segments) - 1) if len(segments) > 1 else ""


class RouteResource(resource.Resource):
    """I render one path through the dispatcher."""

    isLeaf = True

    def __init__(self, dispatcher: Dispatcher, segments: Sequence[str]) -> None:
        resource.Resource.__init__(self)
        self._dispatcher = dispatcher
        self._segments = segments

    def render(self, request: Any) -> int:
        """Answer in time, and stop the handler if the client goes away."""
        incoming = incomingOf(request)
        work = ensureDeferred(self._dispatcher.answer(incoming, self._segments))
        return self._dispatcher.deliver(work, request, incoming)


def _forget(result: object, request: Any, gone: Deferred[None]) -> None:
    """Free the work on an answer, which is done: the answer may be a stream that goes on for days."""
    if gone in request.notifications:
        request.notifications.remove(gone)


def _failed(why: Failure, request: Any) -> None:
    if why.check(CancelledError) is None:
        request.processingFailed(why)
