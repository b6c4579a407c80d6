# -*- test-case-name: tests.unit.scripts.test_moments -*-
"""Read a point in time as a person writes it: 2h, 3d, yesterday, 2026-11-30, "2026-11-30 14:05"."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

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


def pointIn(option: str, now: Callable[[], float] = time.time) -> Callable[[str], float]:
    """Make a parser for a point in time. It returns seconds since the epoch, and raises ValueError.

    @param now: returns the present time.
    """

    def read(text: str) -> float:
        found = _read(text.strip().lower(), now())
        if found is None:
            raise ValueError(
                f"{option} must be an age such as 2h, 3d or 1w, today, yesterday, or a local time such as "
                f"2026-11-30 or '2026-11-30 14:05', not {text!r}"
            )
        return found

    return read


def _read(text: str, now: float) -> float | None:
    """The time that a text means; None if it means none."""
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
