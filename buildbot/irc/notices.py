# -*- test-case-name: tests.unit.irc.test_notices -*-
"""Which events of builds a channel is told: their names, and the rule."""

from __future__ import annotations

import re
from collections.abc import Collection

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS

#: Result -> the name of the event of its builds.
NAMES = {
    SUCCESS: "success",
    WARNINGS: "warnings",
    FAILURE: "failure",
    SKIPPED: "skipped",
    EXCEPTION: "exception",
    RETRY: "retry",
    CANCELLED: "cancelled",
}
STARTED, FINISHED = "started", "finished"
#: The events that C{notify on} without names means.
USUAL = (STARTED, FINISHED)
_KINDS = "|".join(NAMES.values())
_EVENT = re.compile(f"{STARTED}|{FINISHED}|{_KINDS}|(?:{_KINDS})To(?:{_KINDS.title()})")


def isEvent(name: object) -> bool:
    """True for the name of an event: such as "started", "failure" or "successToFailure"."""
    return isinstance(name, str) and _EVENT.fullmatch(name) is not None


def isWanted(events: Collection[str], results: int, before: int | None) -> bool:
    """True if the end of a build is told.

    @param events: the names of the wanted events.
    @param before: the result of the build before; None if there was none.
    """
    name = NAMES.get(results, "")
    changed = f"{NAMES.get(before, '')}To{name.title()}" if before is not None else ""
    return FINISHED in events or name in events or changed in events
