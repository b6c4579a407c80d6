# -*- test-case-name: tests.stories.test_backlog -*-
"""The waiting requests of builders for pages and commands, also those that are in the store only.

Nothing here moves a request. L{buildbot.process.backlog} has those that are not in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

from buildbot.model.records import RequestRecord
from buildbot.process.builder import Builder
from buildbot.process.readable import readable
from buildbot.process.request import BuildRequest
from buildbot.status.report import reportRequest
from buildbot.store.interface import IStore
from buildbot.store.waiting import WaitingPage

#: The most requests that are read at a time.
_PAGE = 500


class Builders(Protocol):
    """The master: C{builders} are those that the reader may see, by name."""

    @property
    def store(self) -> IStore: ...

    def getBuilders(self) -> Sequence[Builder]: ...


@dataclass(frozen=True)
class WaitingRequest:
    """One waiting request of a builder.

    @ivar isStarting: True if its build is about to start.
    """

    builder: Builder
    request: BuildRequest
    isStarting: bool = False

    @property
    def number(self) -> int:
        """The number of the request."""
        return self.request.id or 0


_number = attrgetter("number")


def reportAll(waiting: Sequence[WaitingRequest]) -> list[dict[str, Any]]:
    """Waiting requests for commands and the API, each with the reason why it waits.

    The reason is that of the builder. It takes long to find, so it is found once for each builder.
    """
    builders = {each.builder.name: each.builder for each in waiting}
    whys = {name: each.whyWaiting() or "its build is about to start" for name, each in builders.items()}
    return [{**reportRequest(each.request), "why": whys[each.builder.name]} for each in waiting]


async def waitingRequest(master: Builders, number: int) -> WaitingRequest | None:
    """The waiting request of this number, or None. Raises L{StoreFailed}."""
    for each in inMemory(master.getBuilders()):
        if each.number == number:
            return each
    if not any(builder.backlog.count for builder in master.getBuilders()):
        return None
    return next(_made(master.getBuilders(), await master.store.findWaiting([number])), None)


async def waitingOf(master: Builders, change: int) -> list[WaitingRequest]:
    """The waiting requests of a change. Raises L{StoreFailed}."""
    found = {
        each.number: each
        for each in inMemory(master.getBuilders())
        if any(one.number == change for one in each.request.source.allChanges())
    }
    if any(builder.backlog.count for builder in master.getBuilders()):
        for each in _made(master.getBuilders(), await master.store.getWaitingOf(change)):
            found.setdefault(each.number, each)
    return list(found.values())


async def someWaiting(
    store: IStore, builders: Iterable[Builder], after: int, count: int
) -> list[WaitingRequest]:
    """The first C{count} waiting requests with a number above C{after}. Raises L{StoreFailed}."""
    lists = []
    for builder in builders:
        found = {each.number: each for each in inMemory([builder]) if each.number > after}
        if builder.backlog.count:
            async for each in _read(store, builder, after):
                if len(found) >= count and each.number > max(found):
                    break
                found.setdefault(each.number, each)
        lists.append(sorted(found.values(), key=_number))
    return list(islice(merge(*lists, key=_number), count))


async def branchesWaiting(store: IStore, builder: Builder) -> list[str | None]:
    """The branches of all waiting requests of a builder, in any codebase. Raises L{StoreFailed}."""
    branches = dict.fromkeys(one.branch for each in builder.pending for one in each.source.each())
    if builder.backlog.count:
        async for each in _read(store, builder, 0):
            branches.update(dict.fromkeys(one.branch for one in each.request.source.each()))
    return list(branches)


def inMemory(builders: Iterable[Builder]) -> Iterator[WaitingRequest]:
    """The waiting requests of some builders, apart from those that are in the store only."""
    for builder in builders:
        yield from (WaitingRequest(builder, each, True) for each in builder.starting)
        yield from (WaitingRequest(builder, each) for each in builder.pending)


async def _read(store: IStore, builder: Builder, after: int) -> AsyncIterator[WaitingRequest]:
    """Read the waiting requests of a builder with a number above C{after} one page after the other."""
    following: int | None = after
    while following is not None:
        page: WaitingPage = await store.getWaiting(builder.name, following, _PAGE)
        for each in _made([builder], page.requests):
            yield each
        following = page.last


def _made(builders: Iterable[Builder], records: Iterable[RequestRecord]) -> Iterator[WaitingRequest]:
    """The requests of some records, for these builders alone."""
    known = {builder.name: builder for builder in builders}
    chosen = {each.id: each for each in records if each.builder in known}
    for request in readable(BuildRequest.fromRecord, "request", chosen).values():
        yield WaitingRequest(known[request.getBuilderName()], request)
