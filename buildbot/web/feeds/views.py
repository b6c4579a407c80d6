# -*- test-case-name: tests.unit.web.feeds.test_views -*-
"""The builds and builders that feeds and badges show, as values.

The caller gathers them. This module reads no status object and no store.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS

#: The results of good and of bad builds. Other results say nothing about the source.
GREEN = (SUCCESS, WARNINGS)
RED = (FAILURE, EXCEPTION)
#: The choices of C{only=} of a feed.
FAILURES, CHANGES, ALL = CHOICES = ("failures", "changes", "all")


@dataclass(frozen=True)
class BuildView:
    """I am one build.

    @ivar results: a number of L{buildbot.model.results}; None while the build runs.
    @ivar before: the result of the green or red build of the builder before this one; None: there is none.
    @ivar started: seconds since 1970, like C{finished}.
    @ivar failed: the name of the step that failed; "" if none did.
    @ivar tail: the last lines of the log of that step, without newlines.
    """

    builder: str
    number: int
    results: int | None = None
    before: int | None = None
    started: float = 0.0
    finished: float | None = None
    text: tuple[str, ...] = ()
    reason: str = ""
    branch: str | None = None
    revision: str | None = None
    slave: str = ""
    blame: tuple[str, ...] = ()
    failed: str = ""
    tail: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuilderView:
    """I am one builder.

    @ivar state: C{"idle"}, C{"building"}, C{"offline"}, C{"waiting"} or C{"interlocked"}.
    @ivar last: the last finished build; None if there is none.
    @ivar decisive: the last finished build that L{isDecisive}; None if there is none.
    @ivar next: when the next build starts, in seconds since 1970; None if nobody knows.
    """

    name: str
    state: str = "idle"
    category: str | None = None
    last: BuildView | None = None
    decisive: BuildView | None = None
    next: float | None = None


class UnknownChoice(ValueError):
    """C{only=} of a feed has an unknown value."""


def isDecisive(results: int | None) -> bool:
    """True if a result says that the source is good or bad: it was not cancelled, skipped or retried."""
    return results in GREEN or results in RED


def hasTurned(build: BuildView) -> bool:
    """True if a build turned its builder red or green. The first build of a builder turns it only red."""
    if build.results in RED:
        return build.before not in RED
    return build.results in GREEN and build.before in RED


def chosen(builds: Iterable[BuildView], only: str = FAILURES, most: int = 25) -> list[BuildView]:
    """The finished builds for a feed, newest first, at most C{most}.

    @param only: C{"failures"}, C{"changes"} (builds that turned red or green) or C{"all"}.
    @raise UnknownChoice: C{only} is something else.
    """
    if only not in CHOICES:
        raise UnknownChoice(f"only={only[:40]} is unknown: use one of {', '.join(CHOICES)}")
    found = [each for each in builds if each.finished is not None]
    if only == FAILURES:
        found = [each for each in found if each.results in RED]
    elif only == CHANGES:
        found = [each for each in found if hasTurned(each)]
    found.sort(key=lambda each: (-(each.finished or 0), each.builder, -each.number))
    return found[:most]
