# -*- test-case-name: tests.stories.test_github -*-
"""The revision that a build built, for messages about it."""

from __future__ import annotations

from buildbot.model.sourcestamp import lastRevision
from buildbot.status.build import BuildStatus


def revisionOf(build: BuildStatus) -> str | None:
    """The revision that was built; None if it is not known."""
    source = build.getSourceStamp()
    revision = build.properties.get("got_revision") or source.revision
    if revision is None:
        revision = lastRevision([change.revision for change in source.changes])
    return None if revision is None else str(revision)
