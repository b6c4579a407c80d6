# -*- test-case-name: tests.unit.schedulers.test_treestable -*-
"""The tree-stable timer: collect changes until nobody has committed for a while.

This module has no timer; the owner of the value asks it for the due time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from buildbot.model.change import Change


@dataclass(frozen=True)
class TreeStable:
    """The changes of one branch that wait to be built.

    @ivar stableFor: the tree is stable after this many seconds without an important change.
    @ivar changes: all waiting changes, in the order of arrival.
    @ivar latest: the arrival of the latest important change; None: no important change waits, and there will
        be no build. The time in the change is not used: it is from the clock of its author.
    """

    stableFor: float
    changes: tuple[Change, ...] = ()
    latest: float | None = None

    def add(self, change: Change, when: float, important: bool = True) -> TreeStable:
        """Add a change.

        An important change starts or restarts the timer. An unimportant one is built along with the next
        important one.

        @param when: its arrival, by a clock that cannot be set.
        """
        latest = self.latest
        if important:
            latest = when if latest is None else max(latest, when)
        return replace(self, changes=(*self.changes, change), latest=latest)

    def joined(self, other: TreeStable) -> TreeStable:
        """The value with the changes of both, in the order of their numbers."""
        changes = (*self.changes, *other.changes)
        if all(each.number is not None for each in changes):
            changes = tuple(sorted(changes, key=lambda each: each.number or 0))
        times = [when for when in (self.latest, other.latest) if when is not None]
        return replace(self, changes=changes, latest=max(times, default=None))

    def due(self, now: float) -> float | None:
        """The time to build, from C{now} to C{now} plus C{stableFor}. None: nothing to build.

        When a timer for it fires, the owner may build without asking again.
        """
        if self.latest is None:
            return None
        return max(now, min(self.latest, now) + self.stableFor)

    def without(self, count: int) -> TreeStable:
        """Return the value without the oldest C{count} changes."""
        return replace(self, changes=self.changes[count:])

    def toRecord(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold. It lacks C{stableFor}, which is in the configuration."""
        return {"changes": [change.toRecord() for change in self.changes], "latest": self.latest}

    @classmethod
    def fromRecord(cls, stableFor: float, record: Mapping[str, Any]) -> TreeStable:
        """Make the value from a result of L{toRecord} and the present C{stableFor}."""
        return cls(stableFor, tuple(map(Change.fromRecord, record["changes"])), record["latest"])
