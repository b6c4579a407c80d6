# -*- test-case-name: tests.stories.test_webboxes -*-
"""Many small links to builds, and the rows that they show: what does not change is made or read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from buildbot.model.rows import BuildRow
from buildbot.status.looks import lookOfResult
from buildbot.status.topics import builderTopic
from buildbot.web.call import Call
from buildbot.web.limited import Limited
from buildbot.web.markup import Href, Markup, Template, Value, join
from buildbot.web.world import World

#: The most rows that are kept.
ROOM = 20_000
#: Stands for the number of a build in prepared pieces; no escaped text has it.
_NUMBER = Markup("\0")
#: What a pointer over a box shows: the number of the build, the name of the builder, or the outcome.
Title = Literal["number", "builder", "outcome"]
_STRIP = Template('<span class="strip">{boxes}</span>')
_BOX = Template(
    '<a class="{kind}" href="{to}" title="{title}">{symbol}<span class="hidden"> {word}</span></a>'
)


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

    def box(self, row: BuildRow) -> Markup:
        """The box of a build, a link to its page."""
        key = (row.builder, row.results)
        pieces = self._pieces.get(key)
        if pieces is None:
            to = Href(f"{self._call.to('builders', row.builder, 'builds')}/{_NUMBER}")
            pieces = self._pieces[key] = _made(row, to, self._title).split(_NUMBER)
        return Markup(str(int(row.number)).join(pieces))

    def strip(self, rows: Sequence[BuildRow]) -> Markup:
        """The boxes of builds, which are given newest first; the oldest is the first box."""
        return _STRIP(boxes=join(map(self.box, reversed(rows))))


def box(row: BuildRow, to: Href) -> Markup:
    """A box that shows a build and leads to another page; its title is the name of the builder."""
    return _made(row, to, "builder")


def _made(row: BuildRow, to: Href, title: Title) -> Markup:
    look = lookOfResult(row.results)
    titles: dict[Title, Value] = {
        "number": Markup(f"#{_NUMBER}"),
        "builder": row.builder,
        "outcome": look.word,
    }
    return _BOX(kind=look.css, to=to, title=titles[title], symbol=look.symbol, word=look.word)


@dataclass(frozen=True)
class _Kept:
    """Kept rows, and what was made of them: key -> values."""

    generation: int
    rows: list[BuildRow]
    made: dict[str, tuple[Value, ...]] = field(default_factory=dict)


class LastRows:
    """I keep the last builds of builders until something happens there.

    The rows of a builder with a running build are read each time: what happens to a build is told before or
    after it is stored.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._kept: Limited[tuple[str, int], _Kept] = Limited(room)

    async def of(self, world: World, names: Sequence[str], count: int) -> dict[str, list[BuildRow]]:
        """The last C{count} builds of each builder, newest first; nobody may change the lists."""
        now = {name: world.topics.generation(builderTopic(name)) for name in names}
        kept = {name: each for name in names if (each := self._current(name, count, now[name]))}
        missing = [name for name in names if name not in kept]
        read = await world.store.getLastRows(missing, count) if missing else {}
        found = {name: read[name] if name in read else kept[name].rows for name in names}
        for name, rows in read.items():
            self._keep(name, count, _Kept(now[name], rows))
        return found

    def once(
        self,
        name: str,
        count: int,
        rows: Sequence[BuildRow],
        key: str,
        make: Callable[[], tuple[Value, ...]],
    ) -> tuple[Value, ...]:
        """What C{make()} returns for the rows of a builder; kept as long as the rows.

        @param rows: the very list from L{of}; what is made of another one is not kept.
        @param key: names what is made, with the root of its links.
        """
        kept = self._kept.get((name, count))
        if kept is None or kept.rows is not rows:
            return make()
        if key not in kept.made:
            kept.made[key] = make()
        return kept.made[key]

    def _current(self, name: str, count: int, generation: int) -> _Kept | None:
        """The kept rows of a builder; None if something has happened there since."""
        kept = self._kept.get((name, count))
        return kept if kept is not None and kept.generation == generation else None

    def _keep(self, name: str, count: int, new: _Kept) -> None:
        if all(row.finished is not None for row in new.rows):
            self._kept.put((name, count), new, len(new.rows))
        else:
            self._kept.drop((name, count))


def lastRowsOf(call: Call) -> LastRows:
    """The kept rows of the site."""
    kept = call.world.part(LastRows)
    assert isinstance(kept, LastRows)
    return kept
