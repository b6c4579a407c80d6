# -*- test-case-name: tests.stories.test_mail -*-
"""Listen to the ends of build sets, also of those that began before a restart of the master."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from buildbot.model.records import BuildsetRecord
from buildbot.status.build import BuildStatus
from buildbot.store.interface import IStore


@dataclass(frozen=True)
class SetListener:
    """I listen to the master's build events. C{ended} is called with each complete set."""

    ended: Callable[[BuildsetRecord], object]

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """All requests of a set are done."""
        self.ended(record)


async def endedSets(store: IStore, builds: Iterable[BuildStatus], start: float) -> list[BuildsetRecord]:
    """The build sets of builds that were complete before a start, in the order of their end.

    @raise StoreFailed: the store cannot be read.
    """
    requests = dict.fromkeys(id for build in builds for id in build.getRequestIds())
    found = [await store.getBuildsetOf(id) for id in requests]
    sets = {each.id: (each.complete or start, each) for each in found if each is not None and each.complete}
    return [each for when, each in sorted(sets.values(), key=lambda pair: pair[0]) if when < start]
