"""The results of builds and steps, under the module name of 0.9."""

from __future__ import annotations

from buildbot.model.results import (
    CANCELLED,
    EXCEPTION,
    FAILURE,
    RETRY,
    SKIPPED,
    SUCCESS,
    WARNINGS,
    Results,
)
from buildbot.model.results import worst as worst_status

__all__ = [
    "CANCELLED",
    "EXCEPTION",
    "FAILURE",
    "RETRY",
    "SKIPPED",
    "SUCCESS",
    "WARNINGS",
    "Results",
    "statusToString",
    "worst_status",
]


def statusToString(status: int | None) -> str:
    """The name of a result; C{"not finished"} for None."""
    return (
        "not finished"
        if status is None
        else Results[status]
        if 0 <= status < len(Results)
        else "Invalid status"
    )
