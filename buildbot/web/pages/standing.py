# -*- test-case-name: tests.unit.web.test_standing -*-
"""How a builder stands, judged from its last builds: broken since when, flaky, or good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.model.rows import BuildRow
from buildbot.text.plural import counted

#: The number of builds that the judgement looks at.
COUNT = 20
#: This many changes between red and green among them make a builder unsteady.
UNSTEADY = 6

Kind = Literal["none", "good", "broken", "flaky", "unsteady"]


@dataclass(frozen=True)
class Verdict:
    """How a builder stands.

    @ivar kind: "none" (no finished build), "good", "broken", "flaky" (one revision was both red and green),
        or "unsteady" (it changed between red and green often).
    @ivar streak: the number of builds with the last outcome, red or green.
    @ivar red: the number of red builds among those looked at.
    @ivar count: the number of builds looked at.
    @ivar revisions: the revisions that were both red and green.
    """

    kind: Kind
    streak: int = 0
    red: int = 0
    count: int = 0
    revisions: tuple[str, ...] = ()

    def words(self) -> str:
        """One line for people."""
        if self.kind == "none":
            return "no finished build"
        if self.kind == "flaky":
            return f"flaky: {self.red} of {self.count} failed, the same revision both ways"
        if self.kind == "unsteady":
            return f"unsteady: {self.red} of {self.count} failed"
        return (
            f"broken for {counted(self.streak, 'build')}"
            if self.kind == "broken"
            else f"good for {counted(self.streak, 'build')}"
        )


def isRed(row: BuildRow) -> bool:
    """True for a failed or broken build."""
    return row.results in (FAILURE, EXCEPTION)


def judge(rows: Sequence[BuildRow]) -> Verdict:
    """The verdict on a builder, from its builds, the newest first.

    Builds without an outcome (running, skipped, cancelled, tried again) count for nothing.
    """
    counted = [row for row in rows if isRed(row) or row.results in (SUCCESS, WARNINGS)][:COUNT]
    if not counted:
        return Verdict("none")
    outcomes = [isRed(row) for row in counted]
    streak = next((n for n, each in enumerate(outcomes) if each != outcomes[0]), len(outcomes))
    red = sum(outcomes)
    both = _both(counted)
    changes = sum(1 for one, other in pairwise(outcomes) if one != other)
    kind: Kind = "broken" if outcomes[0] else "good"
    if both:
        kind = "flaky"
    elif changes >= UNSTEADY:
        kind = "unsteady"
    return Verdict(kind, streak, red, len(counted), both)


def _both(rows: Sequence[BuildRow]) -> tuple[str, ...]:
    """The revisions that were red in one build and green in another."""
    seen: dict[str, set[bool]] = {}
    for row in rows:
        if row.revision:
            seen.setdefault(row.revision, set()).add(isRed(row))
    return tuple(revision for revision, outcomes in seen.items() if len(outcomes) == 2)
