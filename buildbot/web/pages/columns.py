# -*- test-case-name: tests.unit.web.test_columns -*-
"""The layout of a waterfall: boxes with a start and an end become the cells of a table.

The newest row is the first. A row ends at each start or end of a box, so boxes of the same time stand side by
side.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappush, heapreplace

from buildbot.web.markup import Markup, Template

#: A cell without a box, and one with a box.
_EMPTY = Template('<td rowspan="{rows}"></td>')
_FULL = Template('<td rowspan="{rows}" class="{kind}">{html}</td>')


#: Times are compared in hundredths of a second, because some steps are that short.
UNIT = 100


class Box:
    """One box of a column. A master keeps thousands of them, so they are small.

    @ivar begins: the start, in hundredths of a second since the epoch.
    @ivar ends: the end, in the same unit; later than C{begins}.
    @ivar kind: the CSS classes.
    """

    __slots__ = ("_html", "begins", "ends", "kind")

    def __init__(self, start: float, end: float, kind: str, html: Markup) -> None:
        """@param start: in seconds since the epoch.
        @param end: in seconds since the epoch; at least C{start}.
        """
        self.begins = int(start * UNIT)
        self.ends = max(int(end * UNIT), self.begins + 1)
        self.kind = sys.intern(kind)  # there are few kinds
        # One symbol in a text doubles the size of the text, but not that of its bytes.
        self._html = html.encode("utf-8", "surrogatepass")

    @property
    def html(self) -> Markup:
        """The content."""
        return Markup(self._html.decode("utf-8", "surrogatepass"))

    @property
    def size(self) -> int:
        """About the bytes of memory that I need."""
        return len(self._html) + 180


class Newest:
    """I know the oldest time of the newest rows, while boxes are added."""

    def __init__(self, rows: int) -> None:
        """@param rows: the most rows of the table."""
        self._most = rows + 1
        self._times: list[int] = []  # a heap of the newest times, the oldest first
        self._seen: set[int] = set()

    def add(self, boxes: Iterable[Box]) -> None:
        """Add boxes, of any column and in any order."""
        for box in boxes:
            for each in (box.begins, box.ends):
                if each in self._seen:
                    continue
                if len(self._times) < self._most:
                    heappush(self._times, each)
                elif each > self._times[0]:
                    self._seen.discard(heapreplace(self._times, each))
                else:
                    continue
                self._seen.add(each)

    def isBelow(self, end: float) -> bool:
        """True if a box with this end, in seconds since the epoch, is below the last row."""
        return len(self._times) == self._most and end * UNIT < self._times[0] - UNIT


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
    times = {box.begins for boxes in columns for box in boxes}
    times.update(box.ends for boxes in columns for box in boxes)
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
    placed = [_placed(boxes, rising, count, most) for boxes in columns]
    count = max(count, *(bottom for column in placed for _, _, bottom in column))
    cells: list[list[Markup]] = [[] for _ in range(count)]
    for column in placed:
        _fill(column, count, cells)
    last = len(times) - 1
    return [Row(times[min(number + 1, last)] // UNIT, tuple(row)) for number, row in enumerate(cells)]


def _placed(boxes: Sequence[Box], rising: list[int], count: int, most: int) -> list[tuple[Box, int, int]]:
    """The boxes of one column, each with its first row and the row after its last.

    Boxes that are moved down below the last row get more rows, up to C{most}.
    """
    free = 0
    placed = []
    oldest = -rising[-1]
    seen = [(box.begins, box.ends, box) for box in boxes if box.ends > oldest]
    for start, end, box in sorted(seen, key=lambda each: (-each[1], -each[0])):
        wanted = bisect_left(rising, -end)
        top = max(free, wanted)
        if wanted >= count or top >= most:
            break
        bottom = max(top + 1, min(count, bisect_left(rising, -start)))
        placed.append((box, top, bottom))
        free = bottom
    return placed


def _fill(column: Sequence[tuple[Box, int, int]], count: int, cells: list[list[Markup]]) -> None:
    """Add the cells of one column."""
    free = 0
    for box, top, bottom in column:
        if top > free:
            cells[free].append(_EMPTY(rows=top - free))
        cells[top].append(_FULL(rows=bottom - top, kind=box.kind, html=box.html))
        free = bottom
    if free < count:
        cells[free].append(_EMPTY(rows=count - free))
