# -*- test-case-name: tests.integration.test_backup -*-
"""A real master under load that is backed up and restored: nothing acknowledged before is missing (H10).

C{tests.benchmarks.backups} does the same twenty times.
"""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.backups import torture


class BackupTestCase(SynchronousTestCase):
    """Backups of a running master."""

    def test_nothingIsMissing(self) -> None:
        """H10: a backup has all that was acknowledged before it began; the restored master goes on with it,
        and the backed up one works on meanwhile.
        """
        seed = random.randrange(1 << 32)
        outcome = torture(2, seed)
        about = f"seed {seed}: {outcome}"
        self.assertEqual(outcome.findings.wrong, [], about)
        self.assertGreater(min(outcome.acknowledged), 10, about)
        self.assertGreater(min(outcome.meanwhile), 0, about)
        self.assertGreater(outcome.logs, 0, about)
