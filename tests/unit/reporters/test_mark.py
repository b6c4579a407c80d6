"""Up to which build people were told."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.reporters.mark import Mark
from buildbot.store.memory import MemoryStore


class Ended:
    """A build that has ended."""

    def __init__(self, finished: float, number: int = 0) -> None:
        self.finished, self.number = finished, number
        self.started = finished - 1.0

    def getBuilder(self) -> Any:
        return self

    def getName(self) -> str:
        return "full"


class MarkTests(unittest.SynchronousTestCase):
    """See L{Mark}."""

    def setUp(self) -> None:
        self.store: Any = MemoryStore()
        self.read: list[int] = []  # the builds of each page
        self.successResultOf(self.store.open())

    def missed(self, mark: Mark, start: float, *ended: float) -> list[float | None]:
        """When the builds ended that were missed."""

        async def fetch(name: str, count: int, before: int | None) -> list[Any]:
            newest = [Ended(when, number) for number, when in enumerate(ended)][:before][::-1]
            self.read.append(len(newest[:count]))
            return newest[:count]

        found = self.successResultOf(ensureDeferred(mark.missed(fetch, ["full"], start, 50)))
        return [build.finished for build in found]

    def look(self, mark: Mark, finished: float, number: int = 0) -> None:
        """Look at a build, and keep that."""
        build: Any = Ended(finished, number)
        mark.looked(build)
        self.successResultOf(ensureDeferred(mark.keep()))

    def test_missed(self) -> None:
        """The next process tells what ended after the last build that was told."""
        first = Mark(self.store, "own")
        self.assertEqual(self.missed(first, 100.0, 50.0), [])
        self.look(first, 120.0)
        self.assertEqual(self.missed(Mark(self.store, "own"), 200.0, 110.0, 120.0, 150.0, 205.0), [150.0])

    def test_interrupted(self) -> None:
        """A build that the kill has interrupted ends at the start; one that has begun since is no news."""
        self.look(self.begun("own"), 120.0)
        self.assertEqual(self.missed(Mark(self.store, "own"), 200.0, 200.0, 201.0), [200.0])

    def test_firstBuild(self) -> None:
        """A build that ends just after a start does not hide those that ended before it."""
        self.missed(Mark(self.store, "own"), 100.0)
        second = Mark(self.store, "own")
        self.look(second, 205.0)
        self.assertEqual(self.missed(second, 200.0, 150.0, 205.0), [150.0])
        self.look(second, 150.0)
        self.assertEqual(self.missed(Mark(self.store, "own"), 300.0, 150.0, 205.0), [])

    def test_killedAgain(self) -> None:
        """After a kill in the middle of late messages, the rest is told, although newer builds were told."""
        self.look(self.begun("own"), 120.0)
        second = Mark(self.store, "own")
        self.assertEqual(self.missed(second, 200.0, 130.0, 140.0, 150.0), [130.0, 140.0, 150.0])
        self.look(second, 205.0, 3)
        self.look(second, 130.0, 0)
        self.assertEqual(self.missed(Mark(self.store, "own"), 300.0, 130.0, 140.0, 150.0, 205.0)[:1], [140.0])
        for number, finished in ((1, 140.0), (2, 150.0)):
            self.look(second, finished, number)
        self.assertEqual(self.missed(Mark(self.store, "own"), 300.0, 130.0, 140.0, 150.0, 205.0), [])

    def test_caughtUp(self) -> None:
        """Builds that need no message do not come again."""
        self.look(self.begun("own"), 120.0)
        second = Mark(self.store, "own")
        self.missed(second, 200.0, 130.0)
        second.caughtUp()
        self.look(second, 205.0, 1)
        self.assertEqual(self.missed(Mark(self.store, "own"), 300.0, 130.0, 205.0), [])

    def test_many(self) -> None:
        """All builds since the last one that was told are found, page by page; very many are cut."""
        self.look(self.begun("own"), 120.0)
        ended = [float(each) for each in range(100, 150)]
        self.assertEqual(self.missed(Mark(self.store, "own"), 200.0, *ended), ended[21:])
        self.assertEqual(self.read, [5, 20, 20])
        self.assertEqual(len(self.missed(Mark(self.store, "own"), 400.0, *map(float, range(121, 300)))), 50)

    def begun(self, own: str) -> Mark:
        """A mark that has read what is kept."""
        mark = Mark(self.store, own)
        self.missed(mark, 100.0)
        return mark

    def test_manyAtOnce(self) -> None:
        """Of many builds that end at once, the last is kept, without a write for each."""
        mark = self.begun("own")
        writes: list[Deferred[None]] = []
        kept: list[float] = []

        def slow(key: str, value: float) -> Deferred[None]:
            kept.append(value)
            writes.append(Deferred())
            return writes[-1]

        self.patch(self.store, "setState", slow)
        for finished in range(101, 111):
            build: Any = Ended(float(finished))
            mark.looked(build)
            mark.keepSoon()
        for write in writes:  # a write may begin another one
            write.callback(None)
        self.assertEqual(kept, [101.0, 110.0])
