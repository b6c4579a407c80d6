# -*- test-case-name: tests.unit.process.test_expectations -*-
"""The expected durations of steps, learned from successful builds.

L{buildbot.process.attempt} stores them.
"""

from __future__ import annotations

from collections.abc import Mapping

#: The weight of the last build in the expectation for the next one.
LEARNING = 0.3
#: A change of more than these seconds is stored.
WORTH_STORING = 1.0


def learned(usual: Mapping[str, float], took: Mapping[str, float]) -> dict[str, float]:
    """The expected durations for the next build.

    @param usual: step name -> seconds expected of this build.
    @param took: step name -> seconds taken in this build.
    """
    new = dict(usual)
    for name, seconds in took.items():
        before = usual.get(name, seconds)
        new[name] = round(before + LEARNING * (seconds - before), 3)
    return new


def isWorthStoring(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """True if the expectations have changed enough to store them."""
    return any(abs(seconds - before.get(name, -1.0)) > WORTH_STORING for name, seconds in after.items())


def expectationsOf(record: object) -> dict[str, float]:
    """Check the stored expectations of one builder: step name -> seconds.

    @raise TypeError: the stored value has another type.
    """
    if not isinstance(record, dict) or not all(isinstance(each, (int, float)) for each in record.values()):
        raise TypeError("the stored durations of steps have a wrong type")
    return dict(record)
