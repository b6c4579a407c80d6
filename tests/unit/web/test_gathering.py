"""Tests of buildbot.web.serving.gathering."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.trial import unittest

from buildbot.model.records import BuildRecord
from buildbot.model.rows import BuildRow
from buildbot.web.feeds.views import BuildView
from buildbot.web.serving import gathering
from buildbot.web.serving.gathering import Tails, lastFinished, viewOf


def row(number: int, results: int | None) -> BuildRow:
    """A build in a list."""
    finished = None if results is None else 6.0
    record = BuildRecord("full", number, "bot1", (), 5.0, finished, results, sourcestamp={})
    return BuildRow.of(record, number)


class World:
    """A store without any build."""

    asked = 0

    @property
    def store(self) -> World:
        """Myself."""
        return self

    def getBuild(self, builder: str, number: int) -> Deferred[None]:
        """See IStore."""
        self.asked += 1
        return succeed(None)


class TailsTests(unittest.SynchronousTestCase):
    """The last lines of failed steps, for feeds."""

    def setUp(self) -> None:
        self.tails = Tails()
        self.world: Any = World()

    def added(self, number: int, results: int) -> BuildView:
        """A build with its lines."""
        return self.successResultOf(
            ensureDeferred(self.tails.added(self.world, viewOf(row(number, results))))
        )

    def test_kept(self) -> None:
        """The lines of a build are read once; a good build has none; the kept ones are limited."""
        self.patch(gathering, "KEPT", 2)
        self.added(1, 0)
        self.assertEqual(self.world.asked, 0)
        for number in (1, 1, 2, 3, 1):
            self.assertEqual(self.added(number, 2).tail, ())
        self.assertEqual(self.world.asked, 4)


class LastTests(unittest.SynchronousTestCase):
    """The last build of a builder."""

    def test_last(self) -> None:
        """A running build does not count, nor one without a verdict if that is asked for."""
        self.assertIsNone(lastFinished([row(3, None)]))
        found = lastFinished([row(3, None), row(2, 3), row(1, 0)])
        assert found is not None
        self.assertEqual(found.number, 2)
        found = lastFinished([row(3, None), row(2, 3), row(1, 0)], decisive=True)
        assert found is not None
        self.assertEqual(found.number, 1)
