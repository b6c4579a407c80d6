# -*- test-case-name: tests.unit.scripts.test_schedulers -*-
"""The command C{schedulers}: what builds next, and what each scheduler waits for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.scripts.output import Config, askMaster, say, sayJSON
from buildbot.scripts.tables import duration, moment, shortened, table, terminalWidth

_HEADINGS = ("NEXT", "SCHEDULER", "WAITS FOR", "CHANGES", "BUILDERS")
#: The most builders of one scheduler that are named, and the most characters of a text.
_BUILDERS, _ROOM = 5, 70


def schedulers(config: Config) -> int:
    """Print the schedulers, those that build next first. Status 0; fails without a running master."""
    said: Any = askMaster(config, "schedulers", {})
    if not sayJSON(config, said):
        say(config, *schedulersPage(said["schedulers"], time.time(), terminalWidth()))
    return 0


def schedulersPage(said: Sequence[Mapping[str, Any]], now: float, room: int | None = None) -> list[str]:
    """Format the schedulers.

    @param room: the width of the terminal.
    """
    if not said:
        return ["there are no schedulers"]
    timed = sorted(said, key=lambda each: (each["due"] is None, each["due"] or 0.0))
    return table(_HEADINGS, [_row(each, now) for each in timed], room)


def _row(scheduler: Mapping[str, Any], now: float) -> list[str]:
    due = scheduler["due"]
    if due is None:
        next_ = "-"
    else:
        next_ = f"{moment(due)} ({f'in {duration(due - now)}' if due > now else 'now'})"
    return [
        next_,
        shortened(scheduler["name"], _ROOM),
        f"{shortened(scheduler['waitsFor'] or scheduler['kind'], _ROOM)}{_triggers(scheduler)}",
        str(scheduler["pending"] or "-"),
        _builders(scheduler["builders"]),
    ]


def _triggers(scheduler: Mapping[str, Any]) -> str:
    """The builders that trigger a scheduler, in brackets."""
    by = scheduler.get("triggeredBy")
    return f" (of {_builders(by)})" if by else ""


def _builders(names: Sequence[str]) -> str:
    more = len(names) - _BUILDERS
    return ", ".join([*names[:_BUILDERS], *([f"{more} more"] if more > 0 else [])])
