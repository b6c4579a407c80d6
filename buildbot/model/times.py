# -*- test-case-name: tests.unit.test_util -*-
"""The time, and times that may be None, for plug-ins and configurations."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

_Time = TypeVar("_Time", int, float)


def now() -> float:
    """The current time in seconds since the epoch. For plug-ins only; the master uses an injected clock."""
    return datetime.now().timestamp()


def earlier(old: _Time | None, new: _Time | None) -> _Time | None:
    """The smaller of two times; None is ignored."""
    if old is None or new is None:
        return new if old is None else old
    return min(old, new)


def later(old: _Time | None, new: _Time | None) -> _Time | None:
    """The greater of two times; None is ignored."""
    if old is None or new is None:
        return new if old is None else old
    return max(old, new)
