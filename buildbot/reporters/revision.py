# -*- test-case-name: tests.stories.test_github -*-
"""The revision that a build built, for messages about it."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.model.revision import revisionsFound
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.build import BuildStatus

#: A codebase of a build, and the revision that was built; None if it is not known.
Built = tuple[SourceStamp, "str | None"]


def builtOf(build: BuildStatus) -> list[Built]:
    """The source stamps of all codebases, each with its revision."""
    stamps = build.getSourceStamp().each()
    found = revisionsFound(build.properties.get("got_revision"), [each.codebase for each in stamps])
    revisions = [got or each.wantedRevision() for each, got in zip(stamps, found, strict=True)]
    return [
        (each, None if revision is None else str(revision))
        for each, revision in zip(stamps, revisions, strict=True)
    ]


def revisionOf(build: BuildStatus) -> str | None:
    """The revision that was built, of the first codebase; None if it is not known."""
    return builtOf(build)[0][1]


def revisionIn(build: BuildStatus, path: str) -> str | None:
    """The revision of the codebase in a repository, else of the first codebase; None if it is not known.

    @param path: of the repository, as in the API of a forge: C{/repos/acme/ship}, C{/projects/acme/ship}.
    """
    built = builtOf(build)
    named = path.split("/", 2)[-1].lower()
    for stamp, revision in built:
        place = stamp.repository.lower().removesuffix("/").removesuffix(".git")
        if place.endswith((f"/{named}", f":{named}")):
            return revision
    return built[0][1]


def revisionWords(built: Sequence[Built]) -> str:
    """The known revisions in words: C{1a2b3c}, or of several codebases C{app 1a2b3c, lib 4d5e6f}."""
    if len(built) == 1:
        return built[0][1] or ""
    return ", ".join(f"{stamp.codebase} {revision}".lstrip() for stamp, revision in built if revision)
