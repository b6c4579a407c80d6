"""What those who are logged in may have open, unfinished and idle."""

from twisted.trial import unittest

from buildbot.wire.accounts import CLIENT, SLAVE, STALLED, overdue


class OverdueTests(unittest.SynchronousTestCase):
    """H6: a connection ends for its silence."""

    def test_idle(self) -> None:
        """A client that says nothing for five minutes is hung up on."""
        self.assertEqual(overdue(CLIENT, 299.0, 0, 0), "")
        self.assertEqual(overdue(CLIENT, 300.0, 0, 0), "nothing came for 300 s")

    def test_unfinished(self) -> None:
        """A client that falls silent in the middle of a message is hung up on sooner."""
        self.assertEqual(overdue(CLIENT, STALLED - 1, 1, 0), "")
        self.assertEqual(overdue(CLIENT, STALLED, 1, 0), "nothing came for 30 s in the middle of a message")

    def test_waits(self) -> None:
        """Who waits for an answer is not idle, unless that takes more than an hour."""
        self.assertEqual(overdue(CLIENT, 3599.0, 0, 1), "")
        self.assertNotEqual(overdue(CLIENT, 3600.0, 0, 1), "")

    def test_slave(self) -> None:
        """A slave that is silent is probed, not hung up on here."""
        self.assertEqual(overdue(SLAVE, 10_000.0, 100, 0), "")
