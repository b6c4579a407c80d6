# -*- test-case-name: tests.unit.schedulers.test_choice -*-
"""The changes since the last build of a timed scheduler. This module has no timer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.schedulers.choice import Choice

log = Logger()

#: The most changes that are kept for the next build; of more, the newest.
MOST = 1000


class News:
    """I hold the wanted changes until they are built.

    @ivar hasDropped: True if L{restore} has dropped changes of codebases that are no longer wanted.
    """

    hasDropped = False

    def __init__(
        self, fileIsImportant: Callable[[Change], object] | None, choice: Choice, scheduler: str
    ) -> None:
        self._fileIsImportant = fileIsImportant
        self._choice = choice
        self._scheduler = scheduler
        self._changes: list[Change] = []
        self._isWorthABuild = False

    def add(self, change: Change) -> bool:
        """Add a change. Returns False if it is not wanted."""
        if not self._choice.wants(change, self._scheduler):
            return False
        important = self._isImportant(change)
        if self._choice.onlyImportant and not important:
            return False
        self._isWorthABuild = self._isWorthABuild or important
        self._changes = [*self._changes, change][-MOST:]
        return True

    def _isImportant(self, change: Change) -> bool:
        try:
            return self._fileIsImportant is None or bool(self._fileIsImportant(change))
        except PLUGIN_ERRORS:
            log.failure(
                "fileIsImportant of scheduler {name} failed: the change counts as important",
                name=self._scheduler,
            )
            return True

    def take(self) -> list[Change]:
        """The changes to build now, which I forget; empty if none of them is important."""
        if not self._isWorthABuild:
            return []
        changes, self._changes, self._isWorthABuild = self._changes, [], False
        return changes

    def keep(self, changes: Iterable[Change]) -> None:
        """Hold these changes, and no others. Each is worth a build."""
        self._changes = list(changes)
        self._isWorthABuild = bool(self._changes)

    def toRecord(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return {"changes": [change.toRecord() for change in self._changes], "isWorth": self._isWorthABuild}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore the result of L{toRecord}, or forget all changes if it is empty."""
        kept = list(map(Change.fromRecord, record.get("changes", ())))
        self._changes = [change for change in kept if self._choice.hasCodebaseOf(change)]
        self.hasDropped = len(self._changes) < len(kept)
        self._isWorthABuild = bool(record.get("isWorth"))
