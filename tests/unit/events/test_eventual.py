"""Calls in a later turn of the reactor."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.events.eventual import eventual


class EventualTests(unittest.SynchronousTestCase):
    """See L{eventual}."""

    def test_order(self) -> None:
        """Calls are made in a later turn, in order; one can be cancelled."""
        clock = Clock()
        said: list[str] = []
        eventual(clock, said.append, "a")
        eventual(clock, said.append, "b").cancel()
        eventual(clock, said.append, "c")
        self.assertEqual(said, [])
        clock.advance(0)
        self.assertEqual(said, ["a", "c"])
