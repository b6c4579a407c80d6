# -*- test-case-name: tests.unit.logstorage.test_orphans -*-
"""Find objects whose builds were removed from the store while their removal could not be noted.

That happens if the key C{logStorage} was away when the builds were removed. A living object is never taken
for such a one: see L{orphansIn}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from buildbot.logs.directory import directoryOf
from buildbot.logstorage.bucket import Held
from buildbot.logstorage.keys import Name
from buildbot.store.lists import ILists

#: The store's key for the place that the search has reached, and when it began there.
SEARCHED = "logstorage/searched"
#: The objects that are looked at in one go; the seconds between two of these; and those between two searches.
PAGE, PAUSE, REST = 500, 30.0, 86400.0
#: Seconds before an object is old enough.
YOUNG = 86400.0


@dataclass(frozen=True)
class Found:
    """An object of this master in the bucket. C{key}: its key; C{name}: None if no build has such a key."""

    key: str
    name: Name | None
    held: Held


class HasStore(Protocol):
    """The resources of the master."""

    @property
    def store(self) -> ILists: ...


class Builders:
    """I know the builders of a store by their directories of logs. I ask again for one that I do not know."""

    def __init__(self, resources: HasStore) -> None:
        self._resources = resources
        self._known: dict[str, str] = {}

    async def of(self, directories: Iterable[str]) -> dict[str, str]:
        """The builders with builds that have some of these directories, by directory. Raises StoreFailed."""
        wanted = set(directories)
        if not wanted <= set(self._known):
            self._known = {directoryOf(each): each for each in await self._resources.store.countBuilds()}
        return {each: self._known[each] for each in wanted if each in self._known}


async def orphansIn(store: ILists, builders: Builders, page: Sequence[Found], now: float) -> list[Name]:
    """Those of some objects that no reader can find any more. Raises StoreFailed.

    These are objects of builds that the store has not, though it has a later build of the builder: so they
    were there, and are removed. An object beyond the newest build stays: the store may come from a backup. So
    do objects of unknown builders, and those of the last day.
    """
    old = [each.name for each in page if each.name is not None and each.held.when <= now - YOUNG]
    known = await builders.of(each.directory for each in old)
    found: list[Name] = []
    for directory, builder in known.items():
        numbers = [each.number for each in old if each.directory == directory]
        newest = (await store.getLastRows([builder], 1))[builder]
        kept = await store.getNumbers(builder, numbers)
        last = newest[0].number if newest else 0
        found += [Name(directory, each) for each in numbers if each < last and each not in kept]
    return sorted(found)
