# -*- test-case-name: tests.test_scripts_status -*-
"""How commands show what the master answers: tables, times, and lines about builds.

What it says comes from strangers, too: nothing of it can move the cursor of the reader's terminal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.daemon.plaintext import plainLine, width
from buildbot.util import counted


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines in which every column is as wide as its widest cell."""
    cells = [list(map(plainLine, row)) for row in [headings, *rows]]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


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
            f"{each['why'] or 'about to begin'}"
        )
        for each in waiting
    ]


def runningLines(running: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """For each running build a line."""
    return [
        plainLine(
            f"running: {name(build)} on {build['slave']}, {build['step'] or 'about to begin'}, "
            f"for {duration(build.get('lasts', now - build['started']))}{_toGo(build)}"
        )
        for build in running
    ]


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
