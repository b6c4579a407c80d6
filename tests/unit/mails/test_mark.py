"""Up to which build people were told."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.mails.mark import Mark
from buildbot.store.memory import MemoryStore


class Ended:
    """A build that has ended."""

    def __init__(self, finished: float) -> None:
        self.finished = finished


class MarkTests(unittest.SynchronousTestCase):
    """See L{Mark}."""

    def setUp(self) -> None:
        self.store: Any = MemoryStore()
        self.successResultOf(self.store.open())

    def missed(self, mark: Mark, start: float, *ended: float) -> list[float | None]:
        """When the builds ended that were missed."""

        async def fetch(name: str, count: int) -> list[Any]:
            return [Ended(each) for each in ended]

        found = self.successResultOf(ensureDeferred(mark.missed(fetch, ["full"], start)))
        return [build.finished for build in found]

    def look(self, mark: Mark, finished: float) -> None:
        """Look at a build, and keep that."""
        build: Any = Ended(finished)
        mark.looked(build)
        self.successResultOf(ensureDeferred(mark.keep()))

    def test_missed(self) -> None:
        """The next process tells what ended after the last build that was told."""
        first = Mark(self.store, "own")
        self.assertEqual(self.missed(first, 100.0, 50.0), [])
        self.look(first, 120.0)
        self.assertEqual(self.missed(Mark(self.store, "own"), 200.0, 110.0, 120.0, 150.0, 205.0), [150.0])

    def test_firstBuild(self) -> None:
        """A build that ends just after a start does not hide those that ended before it."""
        self.missed(Mark(self.store, "own"), 100.0)
        second = Mark(self.store, "own")
        self.look(second, 205.0)
        self.assertEqual(self.missed(second, 200.0, 150.0, 205.0), [150.0])
        self.look(second, 150.0)
        self.assertEqual(self.missed(Mark(self.store, "own"), 300.0, 150.0, 205.0), [])
