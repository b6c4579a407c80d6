"""The limits of logged-in connections."""

from twisted.trial import unittest

from buildbot.wire.accounts import CLIENT, SLAVE, STALLED, overdue


class OverdueTests(unittest.SynchronousTestCase):
    """H6: connections are closed after silence."""

    def test_idle(self) -> None:
        """A client that sends nothing for five minutes is disconnected."""
        self.assertEqual(overdue(CLIENT, 299.0, 0, 0), "")
        self.assertEqual(overdue(CLIENT, 300.0, 0, 0), "nothing came for 300 s")

    def test_unfinished(self) -> None:
        """A client that stops in the middle of a message is disconnected sooner."""
        self.assertEqual(overdue(CLIENT, STALLED - 1, 1, 0), "")
        self.assertEqual(overdue(CLIENT, STALLED, 1, 0), "nothing came for 30 s in the middle of a message")

    def test_waits(self) -> None:
        """A client that waits for an answer is not idle, for up to an hour."""
        self.assertEqual(overdue(CLIENT, 3599.0, 0, 1), "")
        self.assertNotEqual(overdue(CLIENT, 3600.0, 0, 1), "")

    def test_slave(self) -> None:
        """A silent slave is probed by another module, not disconnected here."""
        self.assertEqual(overdue(SLAVE, 10_000.0, 100, 0), "")
