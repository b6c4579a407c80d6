"""When the storage is tried again."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logstorage.pacing import waitAfter


class PacingTests(SynchronousTestCase):
    def test_waits(self) -> None:
        """The waits double from 5 seconds to 5 minutes, so that an outage of hours ends in minutes."""
        self.assertEqual(
            [waitAfter(n, 0.5) for n in (1, 2, 3, 6, 7, 8, 10**6)], [5, 10, 20, 160, 300, 300, 300]
        )

    def test_jitter(self) -> None:
        """Masters that share a storage do not try all at once."""
        self.assertEqual((waitAfter(1, 0.0), waitAfter(1, 1.0)), (3.75, 6.25))
