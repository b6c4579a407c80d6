# -*- test-case-name: tests.unit.test_util -*-
"""The time, and times that may be None, for plug-ins and configurations."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TypeVar

_Time = TypeVar("_Time", int, float)
UTC = timezone.utc


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


def epoch2datetime(epoch: float | None) -> datetime | None:
    """The time of a number of seconds since the epoch, in UTC; None for None. As in 0.8."""
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


def datetime2epoch(dt: datetime | None) -> int | None:
    """The seconds since the epoch of a time with a zone; None for None. As in 0.8."""
    return None if dt is None else int(dt.timestamp())
