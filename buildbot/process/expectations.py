# -*- test-case-name: tests.unit.process.test_expectations -*-
"""
How long steps are expected to take: learned from builds that succeeded.

Nothing here stores what was learned; see L{buildbot.process.attempt}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The share of the last build in what is expected of the next.
LEARNING = 0.3
#: Seconds by which a change is worth storing.
WORTH_STORING = 1.0


def learned(usual: Mapping[str, float], took: Mapping[str, float]) -> dict[str, float]:
    """
    What to expect of the next build.

    @param usual: step name -> seconds that were expected of this build.
    @param took: step name -> seconds that the step took in this build.
    """
    new = dict(usual)
    for name, seconds in took.items():
        before = usual.get(name, seconds)
        new[name] = round(before + LEARNING * (seconds - before), 3)
    return new


def isWorthStoring(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether what was learned differs enough from what was expected before."""
    return any(abs(seconds - before.get(name, -1.0)) > WORTH_STORING for name, seconds in after.items())


def expectationsOf(record: Any) -> dict[str, float]:
    """
    What was stored of one builder: step name -> seconds.

    @raise TypeError: the stored value is something else.
    """
    if not isinstance(record, dict) or not all(isinstance(each, (int, float)) for each in record.values()):
        raise TypeError("the stored durations of steps have a wrong type")
    return dict(record)
