# -*- test-case-name: tests.unit.schedulers.test_treestable -*-
"""The tree-stable timer: changes are gathered until nobody has committed for a while.

Nothing here runs a timer: the owner of this value asks it when to come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from buildbot.model.change import Change


@dataclass(frozen=True)
class TreeStable:
    """
    The changes of one branch that wait to be built.

    @ivar stableFor: how many seconds without an important change make the tree stable.
    @ivar changes: all waiting changes, in the order in which they came.
    @ivar latest: when the latest important change came; None: none waits, and nothing will be built. The time
        in the change does not count: it is of the clock of its author.
    """

    stableFor: float
    changes: tuple[Change, ...] = ()
    latest: float | None = None

    def add(self, change: Change, when: float, important: bool = True) -> TreeStable:
        """
        One more change has come.

        An important change starts or restarts the timer. An unimportant one is built along with the next
        important one.

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
        """The same without the oldest C{count} changes."""
        return replace(self, changes=self.changes[count:])

    def take(self) -> tuple[TreeStable, tuple[Change, ...]]:
        """The value after a build has begun, and the changes that go into the build."""
        return TreeStable(self.stableFor), self.changes

    def toRecord(self) -> dict[str, Any]:
        """A dictionary that JSON can hold. C{stableFor} is not in it: it belongs to the configuration."""
        return {"changes": [change.toRecord() for change in self.changes], "latest": self.latest}

    @classmethod
    def fromRecord(cls, stableFor: float, record: Mapping[str, Any]) -> TreeStable:
        """The value of a record that L{toRecord} made, with the present C{stableFor}."""
        return cls(stableFor, tuple(map(Change.fromRecord, record["changes"])), record["latest"])
