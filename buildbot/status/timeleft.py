# -*- test-case-name: tests.unit.status.test_timeleft -*-
"""The time left of a running build or step, and its delay, from the usual durations of its steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

#: A build or step is late if it exceeds its usual duration by this share of it, and by this many seconds.
LATE_PART, LATE_SECONDS = 0.1, 10.0


class TimedStep(Protocol):
    """A step of a build, with times in seconds since the epoch.

    @ivar expected: its usual duration in seconds; None: unknown.
    """

    expected: float | None
    started: float | None
    finished: float | None


@dataclass(frozen=True)
class TimeLeft:
    """The forecast for a running build or step.

    @ivar left: the seconds to its end; 0: the usual end has passed.
    @ivar late: the seconds above its usual duration; 0: none, or only a few.
    """

    left: float
    late: float = 0.0


def ofStep(step: TimedStep, now: float) -> TimeLeft | None:
    """The forecast for one step; None if it does not run, or its usual duration is unknown."""
    if step.expected is None or step.started is None or step.finished is not None:
        return None
    return _forecast(_leftOf(step, step.expected, now), now - step.started, step.expected)


def ofBuild(steps: Iterable[TimedStep], started: float, now: float) -> TimeLeft | None:
    """The forecast for a running build; None if the usual duration of a later step is unknown.

    A step that was quicker or slower than usual says nothing about the later ones.
    """
    left = usual = 0.0
    count = 0
    for step in steps:
        count += 1
        if step.finished is None:
            if step.expected is None:
                return None
            left += _leftOf(step, step.expected, now)
        if step.expected is not None:
            usual += step.expected
        elif step.finished is not None and step.started is not None:
            usual += step.finished - step.started
    return _forecast(left, now - started, usual) if count else None


def _leftOf(step: TimedStep, expected: float, now: float) -> float:
    """The seconds that a step will still need."""
    return expected if step.started is None else max(0.0, step.started + expected - now)


def _forecast(left: float, passed: float, usual: float) -> TimeLeft:
    late = passed + left - usual
    isLate = late > max(LATE_SECONDS, LATE_PART * usual)
    return TimeLeft(left, late if isLate else 0.0)
