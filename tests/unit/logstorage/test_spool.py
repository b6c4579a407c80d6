"""The queue of builds whose logs wait for their upload."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logstorage.spool import Spool


class SpoolTests(SynchronousTestCase):
    def test_order(self) -> None:
        """The oldest logs are sent first; each build is counted once."""
        spool = Spool()
        spool.begin(0, [(5, ("b", 2), 20), (3, ("a", 1), 10)])
        spool.add(("a", 1), 10, 3)
        self.assertEqual(
            (list(spool), len(spool), spool.size, spool.oldest), ([("b", 2), ("a", 1)], 2, 30, 3)
        )
        spool.remove(("b", 2))
        spool.remove(("b", 2))
        self.assertEqual((spool.first(), spool.size), (("a", 1), 10))

    def test_history(self) -> None:
        """Logs from before the first use of the bucket are sent, too, but do not hold builds."""
        spool = Spool()
        spool.begin(100, [(50, ("a", 1), 1000), (150, ("a", 2), 7)])
        self.assertEqual((spool.size, spool.newSize), (1007, 7))
        spool.remove(("a", 1))
        spool.remove(("a", 2))
        self.assertEqual((spool.size, spool.newSize, spool.first()), (0, 0, None))

    def test_bound(self) -> None:
        """Only so many builds are remembered; all are counted, and the rest is found on the disk later."""
        spool = Spool(most=2)
        for number in range(5):
            spool.add(("a", number), 10, 1)
        self.assertEqual((len(spool), spool.size, spool.newSize, spool.isCut), (2, 50, 50, True))
        spool.begin(0, [(1, ("a", 4), 10)])
        self.assertEqual((len(spool), spool.size, spool.isCut), (1, 10, False))
