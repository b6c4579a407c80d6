# -*- test-case-name: tests.stories.test_webboxes -*-
"""The last builds of each builder, which most pages show: they are read once, and then only what is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.model.rows import BuildRow, Standing
from buildbot.status.report import runningBuilds
from buildbot.status.topics import builderTopic
from buildbot.store.interface import StoreFailed
from buildbot.web.call import Call
from buildbot.web.limited import Limited
from buildbot.web.markup import Value
from buildbot.web.outage import Outage
from buildbot.web.world import World

#: The most rows that are kept.
ROOM = 20_000
#: The most new rows of a builder that are read at once. If there are more, all its rows are read again.
_NEWS = 5
#: The rows that tell how most builders stand.
_FEW = 6
#: Seconds after which rows are read again, because old builds are deleted.
_LONGEST = 3600.0


@dataclass(frozen=True)
class _Kept:
    """The last builds of a builder, and the results that were made of them: (count, key) -> values.

    @ivar generation: the generation of the builder when the rows were read; None: they must be read again.
    @ivar count: how many rows were wanted; there may be fewer.
    @ivar since: the time when all rows were read.
    @ivar parts: count -> so many of the rows.
    """

    generation: int | None
    count: int
    rows: list[BuildRow]
    since: float
    made: dict[tuple[int, str], tuple[Value, ...]] = field(default_factory=dict)
    parts: dict[int, list[BuildRow]] = field(default_factory=dict)

    def first(self, count: int) -> list[BuildRow]:
        """The last C{count} builds: always the same list."""
        if count not in self.parts:
            self.parts[count] = self.rows if len(self.rows) <= count else self.rows[:count]
        return self.parts[count]


def merged(news: Sequence[BuildRow], kept: Sequence[BuildRow], count: int) -> list[BuildRow] | None:
    """The last C{count} builds of a builder; None if they cannot be known without more rows.

    @param news: its last builds as they are now, the newest first, without any left out.
    @param kept: its last C{count} builds as they were, the newest first.
    """
    if not news or not kept or news[-1].number > kept[0].number + 1:
        return None  # there may be more rows between the new and the kept ones
    if news[0].number < kept[0].number:
        return None  # memory does not have a build yet that the store has
    older = [row for row in kept if row.number < news[-1].number]
    if any(row.finished is None for row in older):
        return None  # the build may have ended since then
    return [*news, *older][:count]


#: How a builder without builds stands.
_NOTHING_BUILT = Standing(None, None, None)


def standingOf(rows: Sequence[BuildRow], isAll: bool) -> Standing | None:
    """How a builder stands; None if that cannot be known without more rows.

    @param rows: its last builds, the newest first.
    @param isAll: True if it has no others.
    """
    standing = advanced(_NOTHING_BUILT, rows)
    return standing if isAll or standing.good is not None else None


def advanced(standing: Standing, rows: Sequence[BuildRow]) -> Standing:
    """A standing as it is after later builds.

    @param rows: builds of the builder, the newest first. Those before the standing count for nothing.
    """
    since = -1 if standing.last is None else standing.last.number
    for row in reversed(rows):
        if row.number <= since or row.finished is None:
            continue
        isGood, isBad = row.results in (SUCCESS, WARNINGS), row.results in (FAILURE, EXCEPTION)
        if isGood:
            standing = Standing(row, row, None)
        else:
            red = standing.red or (row if isBad else None)
            standing = Standing(row, standing.good, red)
    return standing


class LastRows:
    """I keep the last builds of builders. Pages that show fewer share them.

    After something has happened on a builder, its newest builds are taken from memory: finished builds never
    change. So people who look at a busy master do not keep its store from the builds. Only what memory does
    not have is read from the store.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._kept: Limited[str, _Kept] = Limited(room)
        self._standings: Limited[str, tuple[int | None, float, Standing]] = Limited(room)

    async def standings(
        self, world: World, names: Sequence[str], outage: Outage | None = None
    ) -> dict[str, Standing]:
        """The standing of each builder. It is kept until something happens on the builder.

        @param outage: is told if the store cannot be read. Then the standings are those that were known, with
            the builds in memory. Without it, or if nothing is known of a builder, this raises L{StoreFailed}.
        """
        try:
            return await self._standingsNow(world, names)
        except StoreFailed as why:
            known = {name: each for name in names if (each := self._known(world, name)) is not None}
            if outage is None or len(known) < len(names):
                raise
            outage.reason = why.reason
            return known

    def _known(self, world: World, name: str) -> Standing | None:
        """The last known standing of a builder; None if nothing is known."""
        entry, kept = self._standings.get(name), self._kept.get(name)
        if entry is None and kept is None:
            return None
        found = entry[2] if entry is not None else _NOTHING_BUILT
        if kept is not None:
            found = advanced(found, kept.rows)
        return advanced(found, _inMemory(world, name))

    async def _standingsNow(self, world: World, names: Sequence[str]) -> dict[str, Standing]:
        now = {name: world.topics.generation(builderTopic(name)) for name in names}
        began = world.now()
        found, known = {}, []
        for name in names:
            entry = self._standings.get(name)
            if entry is not None and entry[0] == now[name] and entry[1] >= began - _LONGEST:
                found[name] = entry[2]
            elif entry is not None:
                known.append(name)  # somebody looks again and again
        for name, rows in (await self.of(world, known, _FEW)).items() if known else ():
            standing = standingOf(rows, isAll=len(rows) < _FEW)
            if standing is not None:
                found[name] = standing
        missing = [name for name in names if name not in found]
        if missing:
            found.update(await world.store.getStandings(missing))
        running = {build.record.builder for build in runningBuilds(world.botmaster)}
        for name in (*known, *missing):
            generation = None if name in running else now[name]
            self._standings.put(name, (generation, began, found[name]), 1)
        return {name: found[name] for name in names}

    async def of(
        self, world: World, names: Sequence[str], count: int, outage: Outage | None = None
    ) -> dict[str, list[BuildRow]]:
        """The last C{count} builds of each builder, newest first; nobody may change the lists.

        The builders keep their order. Otherwise columns would change places when a build runs.

        @param outage: see L{standings}. There may be fewer builds then.
        """
        try:
            return await self._rowsNow(world, names, count)
        except StoreFailed as why:
            known = {name: kept for name in names if (kept := self._kept.get(name)) is not None}
            if outage is None or len(known) < len(names):
                raise
            outage.reason = why.reason
            return {name: _joined(_inMemory(world, name), kept.rows)[:count] for name, kept in known.items()}

    async def _rowsNow(self, world: World, names: Sequence[str], count: int) -> dict[str, list[BuildRow]]:
        now = {name: world.topics.generation(builderTopic(name)) for name in names}
        oldest = world.now() - _LONGEST
        kept = {
            name: each
            for name in names
            if (each := self._kept.get(name)) is not None and each.count >= count and each.since >= oldest
        }
        found = {name: each.first(count) for name, each in kept.items() if each.generation == now[name]}
        old = {name: each for name, each in kept.items() if name not in found}
        for name, each in old.items():
            self._add(found, name, each, now[name], count, _inMemory(world, name))
        old = {name: each for name, each in old.items() if name not in found and each.count > _NEWS}
        if old:
            for name, news in (await world.store.getLastRows(old, _NEWS)).items():
                self._add(found, name, old[name], now[name], count, news)
        missing = [name for name in names if name not in found]
        if missing:
            began = world.now()
            for name, rows in (await world.store.getLastRows(missing, count)).items():
                found[name] = self._keep(name, count, now[name], rows, began).first(count)
        return {name: found[name] for name in names}

    def _add(
        self,
        found: dict[str, list[BuildRow]],
        name: str,
        old: _Kept,
        generation: int,
        count: int,
        news: Sequence[BuildRow],
    ) -> None:
        """Add the rows of a builder to C{found} if its new rows complete the kept ones."""
        rows = merged(news, old.rows, old.count)
        if rows is not None:
            same = old if rows == old.rows else None
            found[name] = self._keep(name, old.count, generation, rows, old.since, same).first(count)

    def once(
        self,
        name: str,
        count: int,
        rows: Sequence[BuildRow],
        key: str,
        make: Callable[[], tuple[Value, ...]],
    ) -> tuple[Value, ...]:
        """What C{make()} returns for the rows of a builder; kept as long as the rows.

        @param rows: the list that L{of} returned. For another list, the result is not kept.
        @param key: the name of the result, with the root of its links.
        """
        kept = self._kept.get(name)
        if kept is None or kept.first(count) is not rows:
            return make()
        if (count, key) not in kept.made:
            kept.made[count, key] = make()
        return kept.made[count, key]

    def forget(self) -> None:
        """Forget all rows."""
        self._kept.clear()
        self._standings.clear()

    def _keep(
        self,
        name: str,
        count: int,
        generation: int,
        rows: list[BuildRow],
        since: float,
        same: _Kept | None = None,
    ) -> _Kept:
        """@param same: the entry before, if it has the same rows: what was made of them is kept, too."""
        known = generation if all(row.finished is not None for row in rows) else None
        if same is None:
            kept = _Kept(known, count, rows, since)
        else:
            kept = _Kept(known, count, same.rows, since, same.made, same.parts)
        self._kept.put(name, kept, len(rows))
        return kept


def _joined(news: Sequence[BuildRow], kept: Sequence[BuildRow]) -> list[BuildRow]:
    """All known builds of a builder, the newest first. Some between may be missing."""
    found = {row.number: row for row in (*kept, *news)}
    return [found[number] for number in sorted(found, reverse=True)]


def _inMemory(world: World, name: str) -> Sequence[BuildRow]:
    """The newest builds of a builder as far as they are in memory, the newest first."""
    builder = world.botmaster.builders.get(name)
    return () if builder is None else builder.builder_status.newestRows()


def lastRowsOf(call: Call) -> LastRows:
    """The kept rows of the site."""
    kept = call.world.part(LastRows)
    assert isinstance(kept, LastRows)
    return kept
