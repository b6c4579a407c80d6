# -*- test-case-name: tests.unit.web.test_columns -*-
"""The layout of a waterfall: boxes with a start and an end become the cells of a table.

The newest row is the first. A row ends at each start or end of a box, so boxes of the same time stand side by
side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from buildbot.web.markup import Markup, Template

#: A cell without a box, and one with a box.
_EMPTY = Template('<td rowspan="{rows}"></td>')
_FULL = Template('<td rowspan="{rows}" class="{kind}">{html}</td>')


@dataclass(frozen=True)
class Box:
    """One box of a column.

    @ivar start: in seconds since the epoch.
    @ivar end: in seconds since the epoch; at least C{start}.
    @ivar kind: the CSS classes.
    """

    start: float
    end: float
    kind: str
    html: Markup


@dataclass(frozen=True)
class Row:
    """One row of the table.

    @ivar time: the time at its lower edge, in whole seconds since the epoch.
    @ivar cells: the cells that begin in this row.
    """

    time: int
    cells: tuple[Markup, ...]


def edges(columns: Sequence[Sequence[Box]], most: int) -> list[int]:
    """The newest C{most} + 1 times at which a row begins or ends, in descending order."""
    times: set[int] = set()
    for boxes in columns:
        for box in boxes:
            start = int(box.start)
            times.add(start)
            times.add(max(int(box.end), start + 1))
    return sorted(times, reverse=True)[: most + 1]


def layout(columns: Sequence[Sequence[Box]], most: int) -> list[Row]:
    """The rows of a table.

    @param columns: the boxes of each column. If two overlap, the older one is moved down.
    @param most: the most rows. Older boxes are cut off.
    """
    times = edges(columns, most)
    count = len(times) - 1
    if count < 1:
        return []
    rising = [-each for each in times]
    cells: list[list[Markup]] = [[] for _ in range(count)]
    for boxes in columns:
        _column(boxes, rising, count, cells)
    return [Row(times[number + 1], tuple(row)) for number, row in enumerate(cells)]


def _column(boxes: Sequence[Box], rising: list[int], count: int, cells: list[list[Markup]]) -> None:
    """Add the cells of one column."""
    free = 0
    for box in sorted(boxes, key=lambda box: (-int(box.end), -box.start)):
        start = int(box.start)
        top = max(free, bisect_left(rising, -max(int(box.end), start + 1)))
        if top >= count:
            break
        bottom = min(count, max(top + 1, bisect_left(rising, -start)))
        if top > free:
            cells[free].append(_EMPTY(rows=top - free))
        cells[top].append(_FULL(rows=bottom - top, kind=box.kind, html=box.html))
        free = bottom
    if free < count:
        cells[free].append(_EMPTY(rows=count - free))
