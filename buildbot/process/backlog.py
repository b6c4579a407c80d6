# -*- test-case-name: tests.stories.test_backlog -*-
"""The waiting requests of a builder that are not in memory: there may be very many.

The oldest requests are in C{Builder.pending}; the others are in the store only, and are read as places become
free. This changes nothing for anybody: requests are served in the order of their numbers, and a build serves
all that the default rule lets it serve, wherever they are. The functions of the configuration choose among
more requests, but not among all: see L{Backlog.most}. A request that waits in the store only has an object
as long as somebody uses it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.model import BuilderConfig, MergeRule
from buildbot.model.likeness import likeness
from buildbot.model.records import BuildsetRecord, RequestRecord
from buildbot.process.readable import readable
from buildbot.process.request import BuildRequest, CancelsRequests
from buildbot.process.resources import Resources
from buildbot.process.storehealth import StoreHealth
from buildbot.status.builderstatus import BuilderStatus
from buildbot.store.interface import StoreFailed
from buildbot.store.waiting import Waiting, WaitingPage

log = Logger()

#: The most requests that are read at a time.
PAGE = 500
#: The most requests of one build. More than these are served by the next build.
MOST_ALIKE = 10_000


class EngineForBacklog(Protocol):
    """The engine. C{keeping}: the number of things to store before the master may stop."""

    keeping: int

    def mayTry(self, request: BuildRequest, /) -> bool:
        """True if a request may be built now."""

    def buildsetsComplete(self, records: Sequence[BuildsetRecord], /) -> None:
        """Complete these sets."""


class MasterForBacklog(Protocol):
    """The master."""

    @property
    def resources(self) -> Resources: ...

    @property
    def health(self) -> StoreHealth: ...

    @property
    def engine(self) -> EngineForBacklog: ...


class BuilderForBacklog(CancelsRequests, Protocol):
    """The builder."""

    setup: BuilderConfig
    pending: list[BuildRequest]
    starting: list[BuildRequest]
    builder_status: BuilderStatus

    @property
    def name(self) -> str: ...

    @property
    def mergeRule(self) -> MergeRule: ...

    def canMerge(self, one: BuildRequest, other: BuildRequest, /) -> bool: ...

    def maybeStartBuild(self) -> None: ...

    def cancelPending(self, requests: Sequence[BuildRequest], /) -> Deferred[bool]: ...

    def failed(self, why: Failure, /) -> None: ...


@dataclass(eq=False)
class _Search:
    """I look for more requests that the build of C{first} may serve, up to the number C{last}."""

    first: BuildRequest
    last: int
    found: list[BuildRequest] = field(default_factory=list)


class Backlog:
    """I know which requests of one builder wait in the store only.

    Of the requests up to the number C{_reached}, all are in memory. Of those above, few are: the ones that
    somebody has asked for, and the ones that a build serves together with an older one.

    @ivar count: the number of requests that wait in the store only.
    """

    def __init__(self, builder: BuilderForBacklog, master: MasterForBacklog) -> None:
        self.count = 0
        self._builder = builder
        self._master = master
        self._reached = 0
        self._newest = 0  # none of my requests has a higher number
        self._ahead: set[int] = set()  # the numbers above _reached of requests in memory
        # Those that were submitted to this process and are used somewhere; and those whose end is awaited.
        self._known: WeakValueDictionary[int, BuildRequest] = WeakValueDictionary()
        self._watched: dict[int, BuildRequest] = {}
        self._added = 0
        self._earlier = 0  # the requests up to this number are of earlier processes
        self._holds = 0  # while it is not 0, no requests are read for builds
        self._searches: list[_Search] = []
        self._filling: Deferred[None] | None = None

    @property
    def most(self) -> int:
        """The most waiting requests in memory, apart from few exceptions.

        If a function of the configuration chooses among the requests, there are more.
        """
        resources, setup = self._master.resources, self._builder.setup
        isChosen = setup.nextBuild is not None or setup.canStartBuild is not None
        isAsked = isChosen or callable(self._builder.mergeRule.says)
        return resources.mostToChoose if isAsked else resources.mostWaiting

    @property
    def isFilling(self) -> bool:
        """True if older requests than all in memory are about to be read."""
        return self._filling is not None and self.count > 0 and not self._due(1)

    def isDue(self, request: BuildRequest) -> bool:
        """True if no older request is in the store only."""
        return not self.count or (request.id or 0) <= self._reached

    def holds(self, request: BuildRequest) -> bool:
        """True if a request waits in the store only."""
        return self._known.get(request.id or 0) is request

    # requests come

    def keep(self, request: BuildRequest) -> bool:
        """Keep the newest request in the store only. Returns False if there is room in memory."""
        assert request.id is not None
        if not self.count:
            if len(self._builder.pending) < self.most:
                return False
            self._reached = request.id - 1
            self._ahead.clear()
        self.count += 1
        self._added += 1
        self._newest = request.id
        self._known[request.id] = request
        watch = partial(self._watch, request)
        request.whenWatched = request.status.whenWatched = watch  # so my status keeps me, too
        if request.isWatched:
            watch()
        return True

    def _watch(self, request: BuildRequest) -> None:
        """Keep a request that waits in the store only: somebody has begun to wait for it."""
        if self.holds(request):
            self._watched[request.id or 0] = request

    def expect(self, waiting: Waiting) -> None:
        """Add the requests of the last process, which are in the store. Newer ones may be in memory."""
        present = [each.id or 0 for each in (*self._builder.pending, *self._builder.starting)]
        self.count += waiting.count
        self._earlier = max(self._earlier, waiting.last)
        self._reached = 0
        self._ahead = set(present)
        self._newest = max(self._newest, waiting.last, *present)
        self.refill()

    # requests go

    def refill(self) -> None:
        """Read requests if few in memory are left to choose from."""
        if self._filling is None and self.count and not self._holds and self._room():
            self._filling = Deferred()
            ensureDeferred(self._fill()).addErrback(self._builder.failed)

    def filled(self) -> Deferred[None]:
        """Fires when no requests are being read for builds."""
        if self._filling is None:
            return succeed(None)
        filled: Deferred[None] = Deferred()
        self._filling.addCallback(filled.callback)
        return filled

    async def _fill(self) -> None:
        try:
            while self.count and not self._holds and (room := self._room()):
                await self._readOn(min(room, PAGE))
        except StoreFailed as failed:
            if not self._master.resources.stopping:
                self._master.health.failed(failed.reason)
        finally:
            filling, self._filling = self._filling, None
            assert filling is not None
            filling.callback(None)
        self._builder.maybeStartBuild()

    def _room(self) -> int:
        """The number of requests to read; 0 while there are enough in memory."""
        most = self.most
        due = self._due(most // 2 + 1)
        return 0 if due > most // 2 else most - due

    def _due(self, most: int) -> int:
        """The number of requests in memory of which a build could start, at most C{most}."""
        engine, found = self._master.engine, 0
        for each in self._builder.pending:
            if not each.isChosen and (each.id or 0) <= self._reached and engine.mayTry(each):
                found += 1
                if found == most:
                    break
        return found

    async def _readOn(self, count: int) -> list[BuildRequest]:
        """Read the next requests. Returns those that have come into memory."""
        newest, added = self._newest, self._added
        page: WaitingPage = await self._master.resources.store.getWaiting(
            self._builder.name, self._reached, count
        )
        came = self._enter(page.requests)
        bad = [each for each in page.unreadable if self._isAway(each.id)]
        self.count -= len(bad)
        self._reached = max(self._reached, newest if page.last is None else page.last)
        self._ahead = {each for each in self._ahead if each > self._reached}
        if page.last is None:
            self.count = self._added - added  # the number was right, unless a record was lost
        if bad:
            store, now = self._master.resources.store, self._master.resources.now()
            await self._end(lambda: store.giveUp(now, bad))
        return came

    def _isAway(self, id: int) -> bool:
        """True if a request is in the store only, if it still waits."""
        return bool(self.count) and self._reached < id <= self._newest and id not in self._ahead

    def _enter(self, records: Iterable[RequestRecord]) -> list[BuildRequest]:
        """Put those of these requests that are in the store only into the memory. Returns them."""
        away = {each.id: each for each in records if self._isAway(each.id)}
        made = readable(self._made, "request", away)
        if len(made) < len(away):
            self._refuse([number for number in away if number not in made])
        self._place(list(made.values()))
        return list(made.values())

    def _made(self, record: RequestRecord) -> BuildRequest:
        return self._known.get(record.id) or BuildRequest.fromRecord(record)

    def _place(self, requests: Sequence[BuildRequest]) -> None:
        """Put requests into the queue of the builder."""
        resources, builder = self._master.resources, self._builder
        fresh = []
        for each in requests:
            number = each.id or 0
            self.count -= 1
            self._ahead.add(number)
            each.whenWatched = each.status.whenWatched = None
            self._watched.pop(number, None)
            if self._known.pop(number, None) is None:
                each.arrived = resources.clock.seconds() - max(0.0, resources.now() - each.submitted)
                each.requestSubmitted(builder)
                if number <= self._earlier:
                    fresh.append(each)
            for search in self._searches:
                if number <= search.last and not each.isChosen and builder.canMerge(search.first, each):
                    each.isChosen = True
                    search.found.append(each)
        builder.pending.extend(requests)
        builder.pending.sort(key=lambda each: each.id or 0)
        if fresh and builder.builder_status.announcer.isHeard:
            builder.builder_status.requestsMoved("requestSubmitted", fresh)

    def _refuse(self, numbers: Sequence[int]) -> None:
        """Cancel requests whose records make no request."""
        self.count -= len(numbers)
        self._ahead.update(numbers)
        store, now = self._master.resources.store, self._master.resources.now()
        ensureDeferred(self._end(lambda: store.cancelRequests(numbers, now))).addErrback(self._builder.failed)

    async def _end(self, write: Callable[[], Awaitable[list[BuildsetRecord]]]) -> None:
        """Store the end of requests that can never be built."""
        engine = self._master.engine
        engine.keeping += 1
        try:
            complete = await self._master.health.untilKept(write)
        finally:
            engine.keeping -= 1
        engine.buildsetsComplete(complete or ())

    # requests that somebody asks for

    async def fetch(self, ids: Sequence[int]) -> None:
        """Put those of these requests that wait here into the memory. Raises L{StoreFailed}."""
        if self.count:
            self._enterSome(await self._master.resources.store.findWaiting(ids))

    async def fetchOf(self, change: int) -> None:
        """Put the waiting requests of a change into the memory. Raises L{StoreFailed}."""
        if self.count:
            self._enterSome(await self._master.resources.store.getWaitingOf(change))

    def _enterSome(self, records: Sequence[RequestRecord]) -> None:
        self._enter([each for each in records if each.builder == self._builder.name])

    def bringIn(self, request: BuildRequest) -> bool:
        """Put a request into the memory. Returns False if it is not in the store only."""
        if not self.holds(request):
            return False
        self._place([request])
        return True

    async def joined(self, chosen: Sequence[BuildRequest]) -> list[BuildRequest]:
        """Find all requests that a build may serve too.

        @param chosen: the requests of the build: the first one, and those in memory that it may serve too.
        @return: these and more, which are in memory and chosen from now on.
        """
        first, *others = chosen
        builder = self._builder
        search = _Search(first, self._newest)
        for each in builder.pending:
            if not each.isChosen and not self.isDue(each) and builder.canMerge(first, each):
                each.isChosen = True
                search.found.append(each)
        self._searches.append(search)
        try:
            await self._search(search, MOST_ALIKE - len(chosen))
        except StoreFailed as failed:  # then no build begins
            self._master.health.failed(failed.reason)
        finally:
            self._searches.remove(search)
        return [first, *sorted([*others, *search.found], key=lambda each: each.id or 0)]

    async def _search(self, search: _Search, most: int) -> None:
        """Look among the requests in the store only, if no function of the configuration decides."""
        first, builder = search.first, self._builder
        isUsual = builder.mergeRule.says is True and builder.canMerge(first, first)
        number = likeness(first.source.toRecord(), dict(first.properties)) if isUsual else None
        after: int | None = self._reached
        while number is not None and after is not None and not self._holds and len(search.found) < most:
            store = self._master.resources.store
            page: WaitingPage = await store.getWaiting(builder.name, after, PAGE, number)
            requests = [each for each in page.requests if self._isAway(each.id) and each.id <= search.last]
            made = readable(self._made, "request", {each.id: each for each in requests})
            alike = [each for each in made.values() if builder.canMerge(first, each)]
            if not self._holds:
                self._place(alike)
            after = page.last

    async def cancel(self) -> list[int]:
        """Cancel all requests that wait here now. No build of them begins from this call on.

        @return: the numbers of the cancelled requests, after the first attempt to store that.
        @raise StoreFailed: some could not be read, and wait still.
        """
        last, cancelled = self._newest, []
        self._holds += 1
        try:
            await self.filled()
            while self.count and self._reached < last:
                came = [each for each in await self._readOn(PAGE) if (each.id or 0) <= last]
                cancelled += [each.id or 0 for each in came]
                await self._builder.cancelPending(came)
        finally:
            self._holds -= 1
            self.refill()
        return cancelled
