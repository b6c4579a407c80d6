# -*- test-case-name: tests.unit.test_util -*-
"""The time, and times that may be None, for plug-ins and configurations."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

_Time = TypeVar("_Time", int, float)


def now() -> float:
    """The time: seconds since the epoch. For plug-ins only: our own rules are told what time it is."""
    return datetime.now().timestamp()


def earlier(old: _Time | None, new: _Time | None) -> _Time | None:
    """The smaller of two times; a time that is None does not count."""
    if old is None or new is None:
        return new if old is None else old
    return min(old, new)


def later(old: _Time | None, new: _Time | None) -> _Time | None:
    """The greater of two times; a time that is None does not count."""
    if old is None or new is None:
        return new if old is None else old
    return max(old, new)
