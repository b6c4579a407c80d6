# -*- test-case-name: tests.unit.schedulers.test_treestable -*-
"""The tree-stable timer: changes are gathered until nobody has committed for a while.

Nothing here runs a timer: who keeps this value asks it when to come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from buildbot.model.change import Change


@dataclass(frozen=True)
class TreeStable:
    """
    The changes that wait to be built, of one branch.

    @ivar stableFor: how many seconds without an important change make the tree stable.
    @ivar changes: all that wait, in the order of their coming.
    @ivar latest: when the latest important one came; None: none waits, and nothing will be built. Its own
        time does not count: that is of the clock of whoever made it.
    """

    stableFor: float
    changes: tuple[Change, ...] = ()
    latest: float | None = None

    def add(self, change: Change, when: float, important: bool = True) -> TreeStable:
        """
        One more change has come.

        An important one starts the waiting, or starts it anew; one that is not is built along with the next
        that is.

        @param when: when it came, by a clock that nobody sets.
        """
        latest = self.latest
        if important:
            latest = when if latest is None else max(latest, when)
        return replace(self, changes=(*self.changes, change), latest=latest)

    def due(self, now: float) -> float | None:
        """
        When to build: never before C{now}, nor later than C{stableFor} after it. None: nothing to build.

        A timer that was set for it may L{take} when it fires, without asking again.
        """
        if self.latest is None:
            return None
        return max(now, min(self.latest, now) + self.stableFor)

    def without(self, count: int) -> TreeStable:
        """The same without the C{count} changes that came first, or without any."""
        return replace(self, changes=self.changes[count:])

    def take(self) -> tuple[TreeStable, tuple[Change, ...]]:
        """What is left, and the changes that go into the build."""
        return TreeStable(self.stableFor), self.changes

    def toRecord(self) -> dict[str, Any]:
        """A dictionary that JSON can hold; C{stableFor} is not in it, for the configuration says that."""
        return {"changes": [change.toRecord() for change in self.changes], "latest": self.latest}

    @classmethod
    def fromRecord(cls, stableFor: float, record: Mapping[str, Any]) -> TreeStable:
        """The value that L{toRecord} described, under what the configuration says now."""
        return cls(stableFor, tuple(map(Change.fromRecord, record["changes"])), record["latest"])
