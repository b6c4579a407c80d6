# -*- test-case-name: tests.unit.model.test_results -*-
"""The results of steps and builds, as small integers, and the rules that derive a build's result.

C{-1}, "not known yet", is not a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED = range(7)

#: The name of each result, in lower case: C{Results[FAILURE]} is C{"failure"}.
Results = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"]

_BADNESS = (SUCCESS, SKIPPED, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED)


def outcomeWords(result: str, text: Sequence[str], failed: str = "failed") -> str:
    """The outcome of a build in words: C{success}, C{failed: compile}, C{exception in upload}.

    @param result: the name of its result.
    @param text: the text of its status, worded as in 0.7.5: C{["failed", "compile"]}.
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
    """The flags of a step that determine the effect of its result on the build."""

    haltOnFailure: bool
    flunkOnFailure: bool
    flunkOnWarnings: bool
    warnOnFailure: bool
    warnOnWarnings: bool


def worst(one: int, other: int) -> int:
    """The worse of two results.

    From best to worst: success, skipped, warnings, failure, exception, retry, cancelled. Retry and cancelled
    come last: a build that was stopped has no result of its steps.
    """
    return max(one, other, key=_BADNESS.index)


def fold(buildResult: int, stepResult: int, flags: StepFlags) -> tuple[int, bool]:
    """The result of a build after the end of a step, from the build's result before.

    A build starts with SUCCESS. Its result never improves.

    @return: the build's result, and True if the build ends here: then only steps with C{alwaysRun} follow.
    """
    if stepResult == SUCCESS:
        return buildResult, False
    meant, ends = _meaning(stepResult, flags)
    return worst(buildResult, meant), ends


def _meaning(stepResult: int, flags: StepFlags) -> tuple[int, bool]:
    """The build's result and end if this were its only step."""
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
