"""The builder lists sent to a slave."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.slaves.offers import BuilderOffers
from tests.unit.slaves.parts import FakePart

ONE = (("full", "full-dir"),)
TWO = (*ONE, ("quick", "quick-dir"))


class BuilderOffersTests(unittest.SynchronousTestCase):
    """Only the answer to the last list counts."""

    def setUp(self) -> None:
        self.slave = FakePart()
        self.offers = BuilderOffers(self.slave.clock, self.slave)
        self.offers.begin()

    def test_accepted(self) -> None:
        """A list is pending until it is accepted."""
        number = self.offers.sent(ONE)
        self.assertTrue(self.offers.isPending)
        self.assertTrue(self.offers.accept(number, {}))
        self.assertFalse(self.offers.isPending)
        self.assertTrue(self.offers.isTold(ONE))
        self.assertFalse(self.offers.isTold(TWO))

    def test_older(self) -> None:
        """The answer to an older list is ignored."""
        old, new = self.offers.sent(ONE), self.offers.sent(TWO)
        self.assertFalse(self.offers.accept(old, {"full": "no room"}))
        self.assertEqual((self.offers.isPending, self.slave.said), (True, []))
        self.assertTrue(self.offers.accept(new, {}))

    def test_since(self) -> None:
        """A further list does not extend the deadline of the first."""
        self.offers.sent(ONE)
        self.slave.clock.advance(30)
        self.offers.sent(TWO)
        self.assertEqual(self.offers.sentAt, 0.0)

    def test_failing(self) -> None:
        """A failing builder is logged once, shown while the slave is connected, and remembered."""
        for _ in range(2):
            self.offers.accept(self.offers.sent(TWO), {"quick": "no room"})
        self.assertEqual(self.slave.said, ["builder quick cannot be used there: no room"])
        self.assertEqual(self.slave.slave_status.failing, {"quick": "no room"})
        self.assertFalse(self.offers.isTold(TWO))
        self.offers.end()
        self.assertEqual((self.slave.slave_status.failing, self.offers.halfMade), ({}, {"quick"}))

    def test_waiting(self) -> None:
        """Every Deferred that waits for the acceptance of a list fires once."""
        one, two = self.offers.whenSettled(), self.offers.whenSettled()
        self.assertNoResult(one)
        self.offers.settled()
        self.offers.settled()
        self.assertEqual([self.successResultOf(each) for each in (one, two)], [None, None])
