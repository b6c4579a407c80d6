"""How tests measure the processor time of some work."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.effort import leastEffort


class LeastEffortTests(SynchronousTestCase):
    """See L{leastEffort}."""

    def least(self, *seconds: float) -> float:
        """The measured seconds of work that takes so many, each time."""
        self.clock, self.takes = Clock(), list(seconds)
        return leastEffort(lambda: self.clock.advance(self.takes.pop(0)), 1.0, self.clock.seconds)

    def test_chance(self) -> None:
        """Work that takes long once by chance is measured again."""
        self.assertEqual((self.least(9.0, 2.0, 0.5, 0.1), self.takes), (0.5, [0.1]))

    def test_slow(self) -> None:
        """Work that takes long each time is slow."""
        self.assertEqual(self.least(9.0, 8.0, 7.0, 6.0, 8.0), 6.0)
