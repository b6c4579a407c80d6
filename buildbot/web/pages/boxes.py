# -*- test-case-name: tests.stories.test_webboxes -*-
"""Many small links to builds, and the rows that they show: what does not change is made or read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from buildbot.model.results import SUCCESS
from buildbot.model.rows import BuildRow, Standing
from buildbot.status.looks import lookOfResult
from buildbot.status.report import runningBuilds
from buildbot.status.topics import builderTopic
from buildbot.web.call import Call
from buildbot.web.limited import Limited
from buildbot.web.markup import Href, Markup, Template, Value, escape, join
from buildbot.web.world import World

#: The most rows that are kept.
ROOM = 20_000
#: The most new rows of a builder that are read at once. If there are more, all its rows are read again.
_NEWS = 5
#: Seconds after which rows are read again, because old builds are deleted.
_LONGEST = 3600.0
#: Stands for the number of a build in prepared pieces; no escaped text has it.
_NUMBER = Markup("\0")
#: The tooltip of a box: the number of the build, or the name of the builder.
Title = Literal["number", "builder"]
_STRIP = Template('<span class="strip">{boxes}</span>')
#: A screen reader reads the label, and not the symbols. An element inside of each link would cost the browser
#: a third of the time to the first paint of a long list.
_BOX = Template('<a class="{kind}" href="{to}" title="{title}" aria-label="{word}">{symbol}</a>')
#: A wide grid has thousands of cells, so each has few elements.
_CELL = Template(
    '<td class="state {kind}"><span aria-hidden="true">{symbol}</span> '
    '<a href="{to}">#{number} {word}</a></td>'
)
_NO_CELL = "<td></td>"
_ALONE = Template("{text}")
_RUN = Template('<a class="{kind}" href="{to}" title="{title}" aria-label="{title}">{symbols}</a>')
#: Between the symbols of a run. The style sheet gives each symbol the width of a box with it.
_TAB = "\t"


class Boxes:
    """I make the boxes of builds for one page.

    All boxes of one builder and one result differ in their numbers only, so each such box is made once.
    """

    def __init__(self, call: Call, title: Title = "number") -> None:
        """@param title: what a pointer over a box shows. In a long list, different numbers cost much: they
        are in the links already.
        """
        self._call = call
        self._title = title
        self._pieces: dict[tuple[str, int | None], list[str]] = {}
        self._cells: dict[int | None, tuple[str, str, str]] = {}
        self._lasts: dict[tuple[int | None, Template], tuple[str, str, str]] = {}

    def box(self, row: BuildRow) -> Markup:
        """The box of a build, a link to its page."""
        key = (row.builder, row.results)
        pieces = self._pieces.get(key)
        if pieces is None:
            to = Href(f"{self._call.to('builders', row.builder, 'builds')}/{_NUMBER}")
            title: Value = Markup(f"#{_NUMBER}") if self._title == "number" else row.builder
            pieces = self._pieces[key] = _made(row, to, title).split(_NUMBER)
        return Markup(str(int(row.number)).join(pieces))

    def cells(self, builder: str, rows: Iterable[BuildRow | None]) -> list[str]:
        """The HTML of table cells: the results and numbers of builds of one builder, as links to their pages.

        A wide grid has thousands. To make a L{Markup} of each would cost more than all the rest.

        @param rows: None is an empty cell.
        """
        to = f"{self._call.to('builders', builder, 'builds')}/"
        known: dict[int | None, tuple[str, str, str]] = {}
        made: list[str] = []
        for row in rows:
            if row is None:
                made.append(_NO_CELL)
                continue
            results, number = row.results, int(row.number)
            if results not in known:
                before, between, after = self._ofResult(results)
                known[results] = f"{before}{to}", between, after
            before, between, after = known[results]
            made.append(f"{before}{number}{between}{number}{after}")
        return made

    def away(self, row: BuildRow, to: Href, around: Template = _ALONE) -> Markup:
        """The box of a build, which leads to another page; its title is the name of the builder.

        @param around: a template with the field C{text} for it.
        """
        pieces = self._lasts.get((row.results, around))
        if pieces is None:
            made = around(text=_made(row, Href(_NUMBER), _NUMBER))
            before, between, after = made.split(_NUMBER)
            pieces = self._lasts[row.results, around] = before, between, after
        before, between, after = pieces
        return Markup(f"{before}{to}{between}{escape(row.builder)}{after}")

    def _ofResult(self, results: int | None) -> tuple[str, str, str]:
        """The pieces before, between and after the two numbers in a cell; the first one lacks the address."""
        pieces = self._cells.get(results)
        if pieces is None:
            look = lookOfResult(results)
            made = _CELL(kind=look.css, symbol=look.symbol, to=Href(_NUMBER), number=_NUMBER, word=look.word)
            before, between, after = made.split(_NUMBER)
            pieces = self._cells[results] = before, between, after
        return pieces

    def strip(self, rows: Sequence[BuildRow]) -> Markup:
        """The boxes of builds, which are given newest first; the oldest is the first box."""
        return _STRIP(boxes=join(map(self.box, reversed(rows))))

    def runs(self, rows: Sequence[BuildRow]) -> Markup:
        """The boxes of builds as in L{strip}, but successful builds in a row share one link to the first of
        them. Without that, a long list of builders would have thousands of links.
        """
        boxes: list[Markup] = []
        for isGood, group in groupby(reversed(rows), lambda row: row.results == SUCCESS):
            run = list(group)
            boxes += [self._run(run)] if isGood else (self._run([row]) for row in run)
        return _STRIP(boxes=join(boxes))

    def _run(self, rows: Sequence[BuildRow]) -> Markup:
        """One link for several builds with one result, the oldest first."""
        row, look, count = rows[0], lookOfResult(rows[0].results), len(rows)
        return _RUN(
            kind=look.css if count == 1 else f"{look.css} run",
            to=self._call.to("builders", row.builder, "builds", row.number),
            title=look.word if count == 1 else f"{count} {look.word}",
            symbols=_TAB.join([look.symbol] * count),
        )


def _made(row: BuildRow, to: Href, title: Value) -> Markup:
    look = lookOfResult(row.results)
    return _BOX(kind=look.css, to=to, title=title, symbol=look.symbol, word=look.word)


@dataclass(frozen=True)
class _Kept:
    """The last builds of a builder, and the results that were made of them: (count, key) -> values.

    @ivar generation: the generation of the builder when the rows were read; None: they must be read again.
    @ivar count: how many rows were wanted; there may be fewer.
    @ivar since: the time when all rows were read.
    """

    generation: int | None
    count: int
    rows: list[BuildRow]
    since: float
    made: dict[tuple[int, str], tuple[Value, ...]] = field(default_factory=dict)
    _parts: dict[int, list[BuildRow]] = field(default_factory=dict)

    def first(self, count: int) -> list[BuildRow]:
        """The last C{count} builds: always the same list."""
        if count not in self._parts:
            self._parts[count] = self.rows if len(self.rows) <= count else self.rows[:count]
        return self._parts[count]


def merged(news: Sequence[BuildRow], kept: Sequence[BuildRow], count: int) -> list[BuildRow] | None:
    """The last C{count} builds of a builder; None if they cannot be known without more rows.

    @param news: its last builds as they are now, the newest first.
    @param kept: its last C{count} builds as they were, the newest first.
    """
    if not news or not kept or news[-1].number > kept[0].number:
        return None  # there may be more rows between the new and the kept ones
    older = [row for row in kept if row.number < news[-1].number]
    if any(row.finished is None for row in older):
        return None  # the build may have ended since then
    return [*news, *older][:count]


class LastRows:
    """I keep the last builds of builders until something happens there. Pages that show fewer share them.

        After that only the newest rows are read, because finished builds never change. The newest rows of a
    builder with a running build are read each time: the event of a build comes before or after the build is
    stored.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._kept: Limited[str, _Kept] = Limited(room)
        self._standings: Limited[str, tuple[int, float, Standing]] = Limited(room)

    async def standings(self, world: World, names: Sequence[str]) -> dict[str, Standing]:
        """The standing of each builder. It is kept like the rows, unless the builder has a running build."""
        now = {name: world.topics.generation(builderTopic(name)) for name in names}
        running = {build.record.builder for build in runningBuilds(world.botmaster)}
        began = world.now()
        found = {}
        for name in names:
            generation, since, standing = self._standings.get(name) or (None, 0.0, Standing())
            if generation == now[name] and since >= began - _LONGEST:
                found[name] = standing
        missing = [name for name in names if name not in found]
        if missing:
            for name, standing in (await world.store.getStandings(missing)).items():
                found[name] = standing
                if name not in running:
                    self._standings.put(name, (now[name], began, standing), 1)
        return {name: found[name] for name in names}

    async def of(self, world: World, names: Sequence[str], count: int) -> dict[str, list[BuildRow]]:
        """The last C{count} builds of each builder, newest first; nobody may change the lists.

        The builders keep their order. Otherwise columns would change places when a build runs.
        """
        now = {name: world.topics.generation(builderTopic(name)) for name in names}
        oldest = world.now() - _LONGEST
        kept = {
            name: each
            for name in names
            if (each := self._kept.get(name)) is not None and each.count >= count and each.since >= oldest
        }
        found = {name: each.first(count) for name, each in kept.items() if each.generation == now[name]}
        await self._update(world, found, {name: kept[name] for name in kept if name not in found}, now, count)
        missing = [name for name in names if name not in found]
        if missing:
            began = world.now()
            for name, rows in (await world.store.getLastRows(missing, count)).items():
                found[name] = self._keep(name, count, now[name], rows, began).first(count)
        return {name: found[name] for name in names}

    async def _update(
        self,
        world: World,
        found: dict[str, list[BuildRow]],
        old: dict[str, _Kept],
        now: dict[str, int],
        count: int,
    ) -> None:
        """Add the rows of builders whose few new rows complete the kept ones."""
        old = {name: kept for name, kept in old.items() if kept.count > _NEWS}
        if not old:
            return
        for name, news in (await world.store.getLastRows(old, _NEWS)).items():
            rows = merged(news, old[name].rows, old[name].count)
            if rows is not None:
                kept = self._keep(name, old[name].count, now[name], rows, old[name].since)
                found[name] = kept.first(count)

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

    def _keep(self, name: str, count: int, generation: int, rows: list[BuildRow], since: float) -> _Kept:
        isOver = all(row.finished is not None for row in rows)
        kept = _Kept(generation if isOver else None, count, rows, since)
        self._kept.put(name, kept, len(rows))
        return kept


def lastRowsOf(call: Call) -> LastRows:
    """The kept rows of the site."""
    kept = call.world.part(LastRows)
    assert isinstance(kept, LastRows)
    return kept
