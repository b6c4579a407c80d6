# -*- test-case-name: tests.stories.test_mail -*-
"""Listen to the ends of build sets, also of those that began before a restart of the master."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from buildbot.model.records import BuildsetRecord


@dataclass(frozen=True)
class SetListener:
    """I listen to the master's build events. C{ended} is called with each complete set."""

    ended: Callable[[BuildsetRecord], object]

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """All requests of a set are done."""
        self.ended(record)
