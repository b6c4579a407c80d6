"""Tests of buildbot.process.cleanstop."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.process.cleanstop import LOOK, CleanStop


class Engine:
    """An engine with some running builds."""

    def __init__(self) -> None:
        self.keeping = 2
        self.closing: str | None = None
        self.started = 0

    def maybeStartAllBuilds(self) -> None:
        """Count the calls."""
        self.started += 1


class CleanStopTests(unittest.SynchronousTestCase):
    """A master that stops after its builds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.engine = Engine()
        self.stopped: list[bool] = []
        self.clean = CleanStop(
            self.clock, lambda: 7.0, self.engine, lambda: self.stopped.append(self.clean.isOn)
        )

    def test_last(self) -> None:
        """The master stops once when the last build is stored, and knows until then who wanted it."""
        self.assertIsNone(self.clean.toRecord())
        self.assertTrue(self.clean.begin("ann"))
        self.assertFalse(self.clean.begin("bob"))
        self.assertEqual(self.clean.toRecord(), {"who": "ann", "when": 7.0})
        self.clock.pump([0, LOOK])
        self.engine.keeping = 0
        self.assertEqual(self.stopped, [])
        self.clock.pump([LOOK, LOOK])
        self.assertEqual(self.stopped, [True])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancel(self) -> None:
        """After the end of the wish, waiting builds start, and the master goes on."""
        self.assertFalse(self.clean.cancel())
        self.clean.begin("")
        self.assertTrue(self.clean.cancel())
        self.assertEqual((self.engine.closing, self.engine.started), (None, 1))
        self.engine.keeping = 0
        self.clock.pump([0, LOOK])
        self.assertEqual(self.stopped, [])

    def test_held(self) -> None:
        """A stop can be left to somebody else, who ends it at once."""
        self.clean.begin("ann", looks=False)
        self.engine.keeping = 0
        self.clock.pump([0, LOOK])
        self.assertEqual((self.clean.isOn, self.stopped), (True, []))
        self.clean.atOnce("ann")
        self.assertEqual(len(self.stopped), 1)

    def test_end(self) -> None:
        """A master that stops at once looks no more."""
        self.clean.begin("ann")
        self.clean.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_atOnce(self) -> None:
        """A stop at once waits for nothing, ends an earlier wish, and comes only once."""
        self.clean.begin("ann")
        self.assertTrue(self.clean.atOnce("bob"))
        self.assertFalse(self.clean.atOnce("bob"))
        self.assertEqual(len(self.stopped), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_tooLate(self) -> None:
        """A master that stops already is not asked to stop again, and does not go on."""
        self.engine.keeping = 0
        self.clean.begin("ann")
        self.clock.advance(0)
        self.assertFalse(self.clean.cancel())
        self.assertEqual((self.engine.closing, self.engine.started), ("ann", 0))
        self.clean = CleanStop(self.clock, lambda: 7.0, Engine(), lambda: None)
        self.clean.end()
        self.assertFalse(self.clean.begin("bob"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
