# -*- test-case-name: tests.unit.scripts.test_status -*-
"""Format answers of the master: tables, times, and lines about builds.

Texts from slaves and committers are escaped: they cannot control the terminal.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from buildbot.model.results import outcomeWords
from buildbot.scripts import colours
from buildbot.text.colour import Painted, colourOf
from buildbot.text.lasting import tellable
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine, width

_GAP = "  "
#: The headings of columns with results or states.
_COLOURED = ("RESULT", "STATE", "OUTCOME")
#: The least width of a wrapped column.
_NARROWEST = 10


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], room: int | None = None) -> list[str]:
    """Format a table. Each column is as wide as its widest cell, if there is room.

    Results and states have colours, if the command prints colours.

    @param room: the width of the terminal; None: no limit. In a narrow terminal, the widest columns are
        wrapped; if that is not enough, the last columns are omitted.
    """
    cells = [list(map(plainLine, row)) for row in [headings, *rows]]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if room is not None:
        widths = fitted(widths, room)
    lines: list[str] = []
    paint = colours.painter()
    for row in cells:
        wrapped = [_wrapped(cell, wide) for cell, wide in zip(row, widths, strict=False)]
        shades = [
            colourOf(cell) if heading.upper() in _COLOURED and row is not cells[0] else ""
            for heading, cell in zip(headings, row, strict=True)
        ]
        for each in zip_longest(*wrapped, fillvalue=""):
            padded = (
                paint(part, shade) + " " * (wide - width(part))
                for part, wide, shade in zip(each, widths, shades, strict=False)
            )
            lines.append(Painted(_GAP.join(padded).rstrip()))
    return lines


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Reduce the widths of columns to fit into C{room}. Columns at the end may be dropped."""
    shown = list(widths)
    while len(shown) > 1 and sum(min(each, _NARROWEST) for each in shown) + _gaps(shown) > room:
        shown.pop()
    while sum(shown) + _gaps(shown) > room and max(shown) > _NARROWEST:
        shown[shown.index(max(shown))] -= 1
    return shown


def _gaps(widths: Sequence[int]) -> int:
    return len(_GAP) * (len(widths) - 1)


def _wrapped(cell: str, wide: int) -> list[str]:
    """A cell as lines of at most C{wide} columns, broken between words if possible."""
    lines = [""]
    for word in cell.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer) <= wide:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if width(lines[-1] + char) > wide and lines[-1]:
                lines.append("")
            lines[-1] += char
    return lines


def factLines(facts: Sequence[tuple[str, str | None]], room: int | None = None) -> list[str]:
    """Format names with their values, a line each; without those that have no value.

    @param room: the width of the terminal: longer values are wrapped.
    """
    told = [(f"{plainLine(key)}:", plainLine(value)) for key, value in facts if value]
    wide = min(max((width(key) for key, _ in told), default=0), _NARROWEST * 2)
    lines = []
    for key, value in told:
        left = None if room is None else max(_NARROWEST, room - wide - len(_GAP))
        first, *rest = [value] if left is None else _wrapped(value, left)
        lines.append(f"{key}{' ' * (wide - width(key))}{_GAP}{first}")
        lines += [f"{' ' * wide}{_GAP}{each}" for each in rest]
    return lines


def shortened(text: str, room: int) -> str:
    """A text as one line of at most C{room} characters."""
    line = plainLine(text)
    return line if len(line) <= room else f"{line[: room - 1]}…"


def brief(revision: object) -> str:
    """A revision. Long hashes, as of git, are shortened."""
    name = str(revision)
    return name[:12] if re.fullmatch("[0-9a-f]{40,}", name) else shortened(name, _NARROWEST * 4)


def terminalWidth() -> int | None:
    """The width of the terminal; None if standard output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def outcome(build: Mapping[str, Any], failed: str = "failed") -> str:
    """The outcome of a build, in words.

    @param failed: the word for a failure.
    """
    return outcomeWords(str(build["result"]), build["text"], failed)


def stepOutcome(step: Mapping[str, Any]) -> str:
    """The result of a step and its text, in words."""
    if step["result"] is None:
        return " ".join(["running", *step["text"]])
    said = {"failure": "failed"}.get(step["result"], str(step["result"]))
    text = " ".join(step["text"]).removeprefix(f"{step['name']} ")
    return said if text in ("", said, step["name"]) else f"{said}: {text}"


def moment(when: float) -> str:
    """A time (epoch seconds) as local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(tellable(when)))


def since(when: float | None, now: float) -> str:
    """The word "since", a time and its age; "" if the time is unknown."""
    if when is None:
        return ""
    return f"since {moment(when)} ({passed(when, now)})"


def passed(when: float, now: float) -> str:
    """The age of a time, in its largest unit."""
    seconds = max(0, int(now - when))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def waitingLines(waiting: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """A line for each builder with waiting requests: their number, since when, and why they wait (B8)."""
    return [
        plainLine(
            f"waiting for {each['builder']}: {counted(each['requests'], 'request')}, "
            f"the oldest for {duration(each.get('lasts', now - each['since']))}: "
            f"{each['why'] or 'about to start'}"
        )
        for each in waiting
    ]


def runningLines(running: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """A line for each running build."""
    return [
        plainLine(
            f"running: {name(build)} on {build['slave']}, {doing(build) or 'about to start'}, "
            f"for {duration(build.get('lasts', now - build['started']))}{_toGo(build)}"
        )
        for build in running
    ]


def doing(build: Mapping[str, Any]) -> str:
    """The activity of a running build: its note, such as a wait for locks, or the name of its step."""
    said: str = build.get("note") or build["step"] or ""
    return said


def name(build: Mapping[str, Any]) -> str:
    """The name of a build for C{log}: BUILDER/NUMBER."""
    return f"{build['builder']}/{build['number']}"


def duration(seconds: float) -> str:
    """A duration in words."""
    whole = max(0, round(seconds))
    for unit, length, smaller, less in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // less
            return f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def size(count: float) -> str:
    """A number of bytes, in the largest unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"


def _toGo(build: Mapping[str, Any]) -> str:
    return "" if build["eta"] is None else f", about {duration(build['eta'])} to go"
