"""When a failing target is tried again."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.outgoing.pacing import LONGEST_ASKED, Health, waitAfter


class PacingTests(unittest.SynchronousTestCase):
    """See L{waitAfter} and L{Health}."""

    def test_grows(self) -> None:
        """The waits double, from a minute to an hour."""
        waits = [waitAfter(failures, 0.5) / 60 for failures in range(1, 10)]
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
        self.assertEqual(waitAfter(10**6, 0.5), 3600)

    def test_jitter(self) -> None:
        """Chance makes a wait up to a quarter shorter or longer."""
        self.assertEqual((waitAfter(1, 0), waitAfter(1, 1)), (45, 75))

    def test_asked(self) -> None:
        """A server may ask for a longer wait, but not for a shorter one, and not for days."""
        self.assertEqual(waitAfter(1, 0.5, 600), 600)
        self.assertEqual(waitAfter(1, 0.5, 1), 60)
        self.assertEqual(waitAfter(1, 0.5, 10**9), LONGEST_ASKED)

    def test_health(self) -> None:
        """The fifth failure in a row is one for the administrator; the time of the first one stays."""
        health = Health()
        for failure in range(5):
            self.assertFalse(health.isBroken)
            health = health.failed(1000.0 + failure, 0.5, "connection refused")
        self.assertTrue(health.isBroken)
        self.assertEqual((health.since, health.retryAt), (1000, 1004 + 960))

    def test_busy(self) -> None:
        """A busy server that asks to wait 0 seconds is not asked again at once, without end."""
        self.assertGreaterEqual(Health.busy(1000.0, 0.0, 0.0).retryAt or 0.0, 1000.5)
        self.assertEqual(Health.busy(1000.0, 0.0, 30.0).retryAt, 1030)
