"""The names of 0.8 for reviews on Gerrit; L{buildbot.gerrit.notifier} has them."""

from __future__ import annotations

from buildbot.gerrit.notifier import (
    DEFAULT_REVIEW,
    DEFAULT_SUMMARY,
    GERRIT_LABEL_REVIEWED,
    GERRIT_LABEL_VERIFIED,
    GerritStatusPush,
    defaultReviewCB,
    defaultSummaryCB,
    makeReviewResult,
)

__all__ = [
    "DEFAULT_REVIEW",
    "DEFAULT_SUMMARY",
    "GERRIT_LABEL_REVIEWED",
    "GERRIT_LABEL_VERIFIED",
    "GerritStatusPush",
    "defaultReviewCB",
    "defaultSummaryCB",
    "makeReviewResult",
]
