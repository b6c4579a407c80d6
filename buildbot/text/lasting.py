# -*- test-case-name: tests.unit.web.test_words -*-
"""Words for a duration, and times that can be told."""

from __future__ import annotations

#: The second day of the year 1, and the last but one of the year 9999: dates in all time zones.
_FIRST, _LAST = -62135510400.0, 253402128000.0


def lasting(seconds: float) -> str:
    """A duration for people, such as "3 min 12 s"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} days"


def settingOf(seconds: float) -> str:
    """The duration of a setting, which is mostly a round one, such as "2 min" or "1 h"."""
    return lasting(seconds).removesuffix(" 0 s").removesuffix(" 0 min")


def tellable(when: float) -> float:
    """A time (epoch seconds) that can be told as a date: the nearest one to that of a wrong clock."""
    return max(_FIRST, min(_LAST, when))
