# -*- test-case-name: tests.test_results -*-
"""What becomes of a step or a build, as a small integer, and how the results of steps make that of a build.

Nothing here knows steps or builds; C{-1}, "not known yet", is no result.
"""

from __future__ import annotations

from typing import Protocol

SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED = range(7)

#: The name of each result, in lower case: C{Results[FAILURE]} is C{"failure"}.
Results = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"]

_BADNESS = (SUCCESS, SKIPPED, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED)


class StepFlags(Protocol):
    """What a result of a step means for its build; every step has these."""

    haltOnFailure: bool
    flunkOnFailure: bool
    flunkOnWarnings: bool
    warnOnFailure: bool
    warnOnWarnings: bool


def worst(one: int, other: int) -> int:
    """The worse of two results.

    From good to bad: success, skipped, warnings, failure, exception, retry, cancelled. An end that was
    forced on a build (it is tried again, it was cancelled) says more than what its steps had found so far.
    """
    return max(one, other, key=_BADNESS.index)


def fold(buildResult: int, stepResult: int, flags: StepFlags) -> tuple[int, bool]:
    """
    What a build that stood at C{buildResult} has come to, now that a step has ended.

    A build begins at SUCCESS and never gets better again.

    @return: the build's result, and whether the build ends here: then only steps with C{alwaysRun} follow.
    """
    meant, ends = _meaning(stepResult, flags)
    return worst(buildResult, meant), ends


def _meaning(stepResult: int, flags: StepFlags) -> tuple[int, bool]:
    """What the step alone would make of a build that has been all right so far."""
    if stepResult == FAILURE:
        if flags.haltOnFailure or flags.flunkOnFailure:
            return FAILURE, bool(flags.haltOnFailure)
        return (WARNINGS if flags.warnOnFailure else SUCCESS), False
    if stepResult == WARNINGS:
        if flags.flunkOnWarnings:
            return FAILURE, False
        return (WARNINGS if flags.warnOnWarnings else SUCCESS), False
    if stepResult in (SUCCESS, SKIPPED):
        return SUCCESS, False
    return stepResult, True
