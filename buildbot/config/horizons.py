# -*- test-case-name: tests.unit.config.test_horizons -*-
"""The keys that say how much history the master keeps, and their rules.

L{buildbot.process.retention} removes what is beyond them.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildbot.config.messages import Raw, Report, articled
from buildbot.config.model import ConfigError

#: The keys that hold a number of records, the least of them, and what they count.
_COUNTS = {
    "buildHorizon": "builds to keep for each builder",
    "logHorizon": "builds of each builder whose logs are kept",
    "eventHorizon": "events to keep for each slave and builder",
    "changeHorizon": "changes to keep",
    "logMaxTotalSize": "bytes that all logs may take",
}
#: All keys of this module.
KEYS = ("buildHorizon", "buildDays", "logHorizon", "eventHorizon", "changeHorizon", "logMaxTotalSize")
#: The most events in memory for each slave and builder.
MOST_EVENTS = 10000


def horizonErrors(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield errors about values that are no numbers, or too low."""
    for key, what in _COUNTS.items():
        value = raw.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            yield report(f"c[{key!r}] must be a number of {what}, or None, not {articled(value)}", key)
        elif value is not None and value < 1 and (key, value) != ("changeHorizon", 0):  # in 0.8: all changes
            yield report(f"c[{key!r}] must be 1 or more, or None for no limit, not {value}", key)
    events = raw.get("eventHorizon")
    if isinstance(events, int) and events > MOST_EVENTS:
        yield report(
            f"c['eventHorizon'] must be {MOST_EVENTS} or less, since events are in memory", "eventHorizon"
        )
    days = raw.get("buildDays")
    if days is not None and (isinstance(days, bool) or not isinstance(days, (int, float))):
        yield report(f"c['buildDays'] must be a number of days, or None, not {articled(days)}", "buildDays")
    elif days is not None and not days > 0:
        yield report(f"c['buildDays'] must be more than 0, or None for any age, not {days}", "buildDays")


def horizonDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield a warning about logs that would be kept longer than their builds."""
    builds, logs = raw.get("buildHorizon"), raw.get("logHorizon")
    if isinstance(builds, int) and isinstance(logs, int) and logs > builds:
        yield report(
            f"c['logHorizon'] is more than c['buildHorizon']: logs go with their builds, after {builds}",
            "logHorizon",
        )
