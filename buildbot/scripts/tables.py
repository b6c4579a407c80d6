# -*- test-case-name: tests.unit.scripts.test_status -*-
"""How commands show what the master answers: tables, times, and lines about builds.

What it says comes from strangers, too: nothing of it can move the cursor of the reader's terminal.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from buildbot.model.results import outcomeWords
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine, width

_GAP = "  "
#: A column that is wrapped is no narrower than this.
_NARROWEST = 10


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], room: int | None = None) -> list[str]:
    """Lines in which every column is as wide as its widest cell, unless that is more than there is room for.

    @param room: how many columns of a terminal there are; None: no limit. The widest columns are wrapped,
        then; where even that is not enough, the last ones are left out.
    """
    cells = [list(map(plainLine, row)) for row in [headings, *rows]]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if room is not None:
        widths = fitted(widths, room)
    lines = []
    for row in cells:
        wrapped = [_wrapped(cell, wide) for cell, wide in zip(row, widths, strict=False)]
        for each in zip_longest(*wrapped, fillvalue=""):
            padded = (part + " " * (wide - width(part)) for part, wide in zip(each, widths, strict=True))
            lines.append(_GAP.join(padded).rstrip())
    return lines


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """How wide the columns of a table may be to fit, of those that are shown: perhaps not the last ones."""
    shown = list(widths)
    while len(shown) > 1 and sum(min(each, _NARROWEST) for each in shown) + _gaps(shown) > room:
        shown.pop()
    while sum(shown) + _gaps(shown) > room and max(shown) > _NARROWEST:
        shown[shown.index(max(shown))] -= 1
    return shown


def _gaps(widths: Sequence[int]) -> int:
    return len(_GAP) * (len(widths) - 1)


def _wrapped(cell: str, wide: int) -> list[str]:
    """A cell in lines that are no wider, broken between words where that is possible."""
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


def terminalWidth() -> int | None:
    """How wide the terminal is that standard output goes to; None if it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def outcome(build: Mapping[str, Any], failed: str = "failed") -> str:
    """What a build has come to, in words.

    @param failed: the word for a failure.
    """
    return outcomeWords(str(build["result"]), build["text"], failed)


def stepOutcome(step: Mapping[str, Any]) -> str:
    """What a step has come to, and what else is to be said of it."""
    if step["result"] is None:
        return " ".join(["running", *step["text"]])
    said = {"failure": "failed"}.get(step["result"], str(step["result"]))
    text = " ".join(step["text"]).removeprefix(f"{step['name']} ")
    return said if text in ("", said, step["name"]) else f"{said}: {text}"


def moment(when: float) -> str:
    """A time (epoch seconds) on the reader's clock."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def since(when: float | None, now: float) -> str:
    """The word "since" and a time, and how long that is; "" if the time is not known."""
    if when is None:
        return ""
    return f"since {moment(when)} ({passed(when, now)})"


def passed(when: float, now: float) -> str:
    """How long ago something was, in its largest unit."""
    seconds = max(0, int(now - when))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def waitingLines(waiting: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """For each builder that has to wait a line about how many requests, since when, and why (B8)."""
    return [
        plainLine(
            f"waiting for {each['builder']}: {counted(each['requests'], 'request')}, "
            f"the oldest for {duration(each.get('lasts', now - each['since']))}: "
            f"{each['why'] or 'about to start'}"
        )
        for each in waiting
    ]


def runningLines(running: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """For each running build a line."""
    return [
        plainLine(
            f"running: {name(build)} on {build['slave']}, {doing(build) or 'about to start'}, "
            f"for {duration(build.get('lasts', now - build['started']))}{_toGo(build)}"
        )
        for build in running
    ]


def doing(build: Mapping[str, Any]) -> str:
    """What a running build does: the name of its step, or what it waits for."""
    said: str = build.get("note") or build["step"] or ""
    return said


def name(build: Mapping[str, Any]) -> str:
    """A build, as C{log} is told which one is meant."""
    return f"{build['builder']}/{build['number']}"


def duration(seconds: float) -> str:
    """A time that passed, in the words of people."""
    whole = max(0, round(seconds))
    for unit, length, smaller, less in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // less
            return f"{whole // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def _toGo(build: Mapping[str, Any]) -> str:
    return "" if build["eta"] is None else f", about {duration(build['eta'])} to go"
