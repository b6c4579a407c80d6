"""When a reporter notices that its configuration is in force."""

from __future__ import annotations

from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from buildbot.reporters.inforce import InForce


class InForceTests(SynchronousTestCase):
    """A reporter that starts before its configuration is in force."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.reporter = object()
        self.config = SimpleNamespace(status=[])
        botmaster = SimpleNamespace(resources=SimpleNamespace(clock=self.clock))
        self.inForce = InForce(self.reporter, SimpleNamespace(config=self.config, botmaster=botmaster))
        self.inForce.look()

    def test_start(self) -> None:
        """At a start it is noticed at once: builds that end in the first second of a master are told, too."""
        self.assertNoResult(self.inForce.whenKnown())
        self.config.status = [self.reporter]
        self.clock.advance(0.05)
        self.assertIs(self.successResultOf(self.inForce.whenKnown()), True)

    def test_later(self) -> None:
        """A reporter whose reconfig takes long looks once a second."""
        for _ in range(20):
            self.clock.advance(1)
        (look,) = self.clock.getDelayedCalls()
        self.assertEqual(look.getTime() - self.clock.seconds(), 1.0)

    def test_end(self) -> None:
        """A reporter that stops before is told so."""
        self.inForce.end()
        self.assertIs(self.successResultOf(self.inForce.whenKnown()), False)
        self.assertEqual(self.clock.getDelayedCalls(), [])
