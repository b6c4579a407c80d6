# -*- test-case-name: tests.unit.web.test_matrix -*-
"""Which build stands in which cell of a grid or a console: builders by revisions, from rows of the store.

This module makes no markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from buildbot.model.rows import BuildRow, ChangeRow

#: The builds of each builder, the newest first, as of C{IStore.getLastRows}.
Rows = Mapping[str, Sequence[BuildRow]]
#: These take a third of the time that a loop in Python would.
_STAMP: Callable[[BuildRow], tuple[str | None, str | None]] = itemgetter(
    BuildRow._fields.index("branch"), BuildRow._fields.index("revision")
)
_STARTED: Callable[[BuildRow], float] = itemgetter(BuildRow._fields.index("started"))


class Stamp(NamedTuple):
    """The built source: a revision of a branch. The revision None is the latest one at that time.

    It equals the tuple of its values, which is made much faster: a wide grid looks up thousands.
    """

    branch: str | None
    revision: str | None


@dataclass(frozen=True)
class Commit:
    """One row of a console: the Changes of one revision.

    @ivar change: the newest of them.
    @ivar numbers: the numbers of all.
    """

    change: ChangeRow
    numbers: tuple[int, ...]


def stamps(rows: Rows, count: int) -> list[Stamp]:
    """The newest C{count} stamps, the newest first. A stamp is as old as its first build."""
    began: dict[tuple[str | None, str | None], float] = {}
    for builds in rows.values():
        # Those of one builder are given newest first, so the first build of a stamp comes last.
        for stamp, started in dict(zip(map(_STAMP, builds), map(_STARTED, builds), strict=True)).items():
            if started <= began.get(stamp, started):
                began[stamp] = started
    return [Stamp(*each) for each in sorted(began, key=began.__getitem__, reverse=True)[:count]]


def byStamp(builds: Sequence[BuildRow]) -> Mapping[tuple[str | None, str | None], BuildRow]:
    """The newest build of each stamp, of one builder's builds, which are given newest first."""
    return dict(zip(map(_STAMP, reversed(builds)), reversed(builds), strict=True))


def commits(changes: Iterable[ChangeRow]) -> list[Commit]:
    """The rows of a console, in the order of the newest Change of each revision, which come newest first."""
    groups: dict[object, list[ChangeRow]] = {}
    for each in changes:
        key = each.number if each.revision is None else (each.revision, each.repository, each.branch)
        groups.setdefault(key, []).append(each)
    return [Commit(group[0], tuple(each.number for each in group)) for group in groups.values()]


class Places:
    """I find the commits of builds.

    A build belongs to the commit of its revision. It also belongs to each commit whose Changes it includes,
    unless that commit has a build of its own.
    """

    def __init__(self, commits: Sequence[Commit]) -> None:
        self._numbers = {number: place for place, each in enumerate(commits) for number in each.numbers}
        self._revisions: dict[str, list[tuple[int, ChangeRow]]] = {}
        for place, each in enumerate(commits):
            if each.change.revision:
                self._revisions.setdefault(each.change.revision, []).append((place, each.change))

    def of(self, builds: Iterable[BuildRow]) -> dict[int, BuildRow]:
        """The newest build of each commit: position of the commit -> build.

        @param builds: the builds of one builder, the newest first.
        """
        own: dict[int, BuildRow] = {}
        included: dict[int, BuildRow] = {}
        for row in builds:
            for place, change in self._revisions.get(row.revision or "", ()):
                if _isSamePlace(row, change):
                    own.setdefault(place, row)
            for number in row.changes:
                if number in self._numbers:
                    included.setdefault(self._numbers[number], row)
        return {**included, **own}


def _isSamePlace(row: BuildRow, change: ChangeRow) -> bool:
    """True if a build of a revision can be one of this Change: two repositories may use the same number."""
    return not (row.repository and change.repository and row.repository != change.repository) and (
        row.branch == change.branch or not row.branch
    )
