# -*- test-case-name: tests.unit.web.logs.test_folding -*-
"""Painted lines in blocks, with the sections of the log as elements that a reader can open and close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buildbot.text.plural import counted
from buildbot.web.logs.sections import Section
from buildbot.web.markup import Markup, escape

#: The lines of a block. A browser does not lay out the blocks that are off the screen.
BLOCK = 1000
#: A block of fewer lines is always laid out: its height would be guessed wrongly.
_FULL = BLOCK // 2


def blocks(first: int, lines: Sequence[Markup], sections: Sequence[Section] = (), shown: int = 0) -> Markup:
    """Consecutive lines, in blocks that end at multiples of L{BLOCK}.

    @param first: the number of the first line.
    @param sections: those of the log, by their first lines; others than those of the lines do no harm.
    @param shown: a line whose sections are open.
    """
    found = []
    start, end = first, first + len(lines)
    while start < end:
        stop = min(end, (start - 1) // BLOCK * BLOCK + BLOCK + 1)
        kind = "block" if stop - start >= _FULL else "block short"
        found.append(f'<div class="{kind}" data-first="{start}" data-last="{stop - 1}">\n')
        found.extend(_folded(start, lines[start - first : stop - first], sections, shown))
        found.append("</div>\n")
        start = stop
    return Markup("".join(found))


def _folded(first: int, lines: Sequence[Markup], sections: Sequence[Section], shown: int) -> Iterator[str]:
    """The lines of one block, with the beginnings and ends of sections."""
    last = first + len(lines) - 1
    here = [each for each in sections if each.first <= last and (each.last is None or each.last >= first)]
    waiting = iter(here)
    following = next(waiting, None)
    open: list[Section] = []
    for number, line in enumerate(lines, first):
        while open and _isBefore(open[-1], number):
            open.pop()
            yield "</details>\n"
        while following is not None and following.first <= number:
            yield _begin(following, number, shown)
            open.append(following)
            following = next(waiting, None)
        yield line
        yield "\n"
    yield "</details>\n" * len(open)


def _isBefore(section: Section, line: int) -> bool:
    return section.last is not None and section.last < line


def _begin(section: Section, number: int, shown: int) -> str:
    """The beginning of a section, or of its part from a line on."""
    notes = []
    if section.last is not None:
        notes.append(counted(section.last - section.first + 1, "line"))
    if section.seconds is not None:
        notes.append(f"{section.seconds} s")
    if section.first < number:
        notes.append(f"continued from line {section.first}")
    isShown = section.first <= shown and not _isBefore(section, shown)
    kind = "section pale" if section.isPale else "section"
    state = " open" if section.isOpen or isShown else ""
    note = f" <small>{escape(', '.join(notes))}</small>" if notes else ""
    of = f' data-of="{escape(section.key)}"' if section.last is None else ""
    return (
        f'<details class="{kind}"{of}{state}><summary>{escape(section.title or "Section")}{note}</summary>\n'
    )
