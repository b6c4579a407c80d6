"""Tests of buildbot.web.crowd."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial import unittest

from buildbot.files.reserve import FileReserve
from buildbot.web.crowd import MOST, Crowd


class FakeGuest:
    """A connection."""

    def __init__(self) -> None:
        self.isBusy = False
        self.isCut = False

    def cut(self) -> None:
        """Close the connection."""
        self.isCut = True


class CrowdTests(unittest.SynchronousTestCase):
    """The connections of a web server."""

    def setUp(self) -> None:
        self.lowest = -1000
        self.limit: int | None = 8
        self.clock = Clock()
        self.crowd = Crowd(self.clock, FileReserve(lambda: self.limit, lambda: self.lowest))

    def test_half(self) -> None:
        """The web server gets half of the files, and never more than its own limit."""
        self.assertEqual(self.crowd.most, 4)
        self.limit = 1_000_000
        self.assertEqual(self.crowd.most, MOST)
        self.limit = None
        self.assertEqual(self.crowd.most, MOST)

    def test_idle(self) -> None:
        """When there is no room, the connection that was silent longest makes room."""
        guests = [FakeGuest() for _ in range(4)]
        self.assertTrue(all(map(self.crowd.enter, guests)))
        guests[0].isBusy = True
        self.crowd.heard(guests[1])
        self.assertTrue(self.crowd.enter(FakeGuest()))
        self.assertEqual([each.isCut for each in guests], [False, False, True, False])
        self.assertEqual(len(self.crowd), 4)

    def test_allBusy(self) -> None:
        """When all have a request under way, a new connection is refused. The log says so once a minute."""
        for guest in (guests := [FakeGuest() for _ in range(4)]):
            guest.isBusy = True
            self.crowd.enter(guest)
        with capturedLogs() as lines:
            for _ in range(3):
                self.assertFalse(self.crowd.enter(FakeGuest()))
            self.clock.advance(60)
            self.assertFalse(self.crowd.enter(FakeGuest()))
        self.assertEqual((self.crowd.refused, len(lines)), (4, 2))
        self.crowd.leave(guests[0])
        self.crowd.leave(guests[0])
        self.assertTrue(self.crowd.enter(FakeGuest()))

    def test_reserve(self) -> None:
        """A connection that would take a file of the reserve is refused, however few there are."""
        self.limit = 1000
        self.lowest = 990
        self.assertFalse(self.crowd.enter(FakeGuest()))

    def test_gone(self) -> None:
        """A connection that was cut for another one is not added again by a late request."""
        guest = FakeGuest()
        self.crowd.heard(guest)
        self.assertEqual(list(self.crowd), [])
