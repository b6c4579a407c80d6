"""The results of builds and steps, under the module name of later releases."""

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
    StepFlags,
    fold,
    outcomeWords,
    worst,
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
    "StepFlags",
    "fold",
    "outcomeWords",
    "worst",
    "worst_status",
]
