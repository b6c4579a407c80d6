# -*- test-case-name: tests.unit.schedulers.test_built -*-
"""The source that the builds of a set really built: it may have more changes than the set asked for.

The schedulers of this folder decide what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot.model.found import safeRevisions
from buildbot.model.records import BuildRecord
from buildbot.model.sourcestamp import PLACE, SourceStamp

#: The most sources that a follower remembers.
REMEMBERED = 50


def whatWasBuilt(asked: SourceStamp, builds: Iterable[BuildRecord]) -> SourceStamp:
    """The source that the builds of a set have built.

    A build for several requests has the changes of all. If the builders of a set have built different
    changes, the result has all of them. Where the latest revision of a codebase was built, the result has the
    revision in the property C{got_revision}, if all builders found the same one.

    @param asked: the requested source. It is the result if the records of the builds have no source, or if
        they differ in branch or revision.
    """
    told = [build for build in builds if build.sourcestamp is not None]
    if not told:
        return asked
    first, *others = [SourceStamp.fromRecord(build.sourcestamp or {}) for build in told]
    if any(_where(each) != _where(first) for each in others):
        return asked
    source = first.mergeWith(others)
    found = [safeRevisions(source, build.properties or {}) for build in told]
    return source.getAbsoluteSourceStamp({each.codebase: _common(each, found) for each in source.each()})


def _common(stamp: SourceStamp, found: Iterable[Mapping[str, str]]) -> str:
    """The revision that all builds found for a codebase, if they were to build its latest one; else empty."""
    if stamp.wantedRevision() is not None or stamp.changes:
        return ""
    revisions = {each.get(stamp.codebase, "") for each in found}
    return revisions.pop() if len(revisions) == 1 else ""


def _where(source: SourceStamp) -> tuple[Any, ...]:
    return tuple(
        (each.branch, each.revision, each.patch, *(getattr(each, name) for name in PLACE))
        for each in sorted(source.each(), key=lambda stamp: str(stamp.codebase))
    )


def _state(source: SourceStamp) -> list[Any]:
    """The facts that tell sources apart, as JSON has them."""
    if source.beside:
        return [_state(each) for each in source.each()]
    place = [getattr(source, name) for name in PLACE]
    last = max((change.number or 0 for change in source.changes), default=None)
    return [source.branch, source.revision, *place, last]


class Told:
    """I remember the sources sent to a follower, so that it builds once after one build."""

    def __init__(self, record: Sequence[Any] = ()) -> None:
        """@param record: a result of L{toRecord}."""
        self._told = [(state, {(builder, number) for builder, number in builds}) for state, builds in record]

    def isNew(self, source: SourceStamp, builds: Iterable[BuildRecord]) -> bool:
        """Remember the source and return True; False if I remember an equal source with a shared build."""
        state = _state(source)
        mine = {(build.builder, build.number) for build in builds}
        if any(state == other and mine & theirs for other, theirs in self._told):
            return False
        self._told = [*self._told, (state, mine)][-REMEMBERED:]
        return True

    def toRecord(self) -> list[Any]:
        """Return me as a list that JSON can hold."""
        return [[state, sorted(map(list, builds))] for state, builds in self._told]
