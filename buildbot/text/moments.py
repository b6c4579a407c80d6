# -*- test-case-name: tests.unit.scripts.test_moments -*-
"""Points in time as people write them: 2h, 3d, yesterday, 2026-11-30, "2026-11-30 14:05"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

#: What can be written, for an error.
EXAMPLES = (
    "an age such as 2h, 3d or 1w, today, yesterday, or a local time such as 2026-11-30 or '2026-11-30 14:05'"
)
#: The seconds of each unit, by its spellings.
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86400),
}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([a-z]+)(?: ago)?")
_FORMS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def moment(text: str, now: float) -> float | None:
    """The time that a text means, in seconds since the epoch; None if it means none. Days are local ones."""
    text = text.strip().lower()
    age = _AGE.fullmatch(text)
    if age and age[2] in _UNITS:
        return max(0.0, now - float(age[1]) * _UNITS[age[2]])
    if text in ("today", "yesterday"):
        midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - timedelta(days=text == "yesterday")).timestamp()
    for form in _FORMS:
        try:
            return max(0.0, datetime.strptime(text.upper(), form).timestamp())
        except (ValueError, OverflowError, OSError):
            continue
    return None
