# -*- test-case-name: tests.stories.test_webboxes -*-
"""Many small links to builds, and the rows that they show: what does not change is made or read once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal

from buildbot.model.results import SUCCESS
from buildbot.model.rows import BuildRow
from buildbot.status.looks import lookOfResult
from buildbot.web.call import Call
from buildbot.web.markup import NOTHING, Href, Markup, Template, Value, escape, join

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
        if not rows:
            return NOTHING
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
