# -*- test-case-name: tests.unit.model.test_results -*-
"""What becomes of a step or a build, as a small integer, and how the results of steps make that of a build.

Nothing here knows steps or builds; C{-1}, "not known yet", is no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED = range(7)

#: The name of each result, in lower case: C{Results[FAILURE]} is C{"failure"}.
Results = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"]

_BADNESS = (SUCCESS, SKIPPED, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED)


def outcomeWords(result: str, text: Sequence[str], failed: str = "failed") -> str:
    """What a build has come to, said once: C{success}, C{failed: compile}, C{exception in upload}.

    @param result: the name of its result.
    @param text: what its status says, as 0.7.5 words it: C{["failed", "compile"]}.
    @param failed: the word for a failure.
    """
    words = list(text)
    if words[:1] == ["interrupted"] and len(words) > 1:
        return " ".join(words[1:])  # "stopped by root"
    if result == "success":
        return result
    said = failed if result == "failure" else result
    same = {said, "failed"} if result == "failure" else {said}
    rest = [word for word in words[1:] if word not in same] if set(words[:1]) <= same else words
    if result == "retry" and rest:
        return f"{' '.join(rest)}, built again"
    if result == "exception" and len(rest) == 1 and " " not in rest[0]:
        return f"exception in {rest[0]}"
    return f"{said}: {' '.join(rest)}" if rest else said


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
    """What a build that stood at C{buildResult} has come to, now that a step has ended.

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
