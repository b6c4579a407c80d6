"""How often a process looks for garbage, and where."""

from __future__ import annotations

import gc

from twisted.trial import unittest

from buildbot.daemon import garbage


class GarbageTests(unittest.TestCase):
    """The settings of the collector."""

    def test_rarely(self) -> None:
        """Many objects are made between two searches; the other thresholds stay."""
        before = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *before)
        garbage.collectRarely()
        self.assertEqual(gc.get_threshold(), (garbage.NEW_OBJECTS, *before[1:]))
        garbage.collectRarely(garbage.NEW_OBJECTS_OF_BRIEF)
        self.assertEqual(gc.get_threshold(), (garbage.NEW_OBJECTS_OF_BRIEF, *before[1:]))

    def test_allKept(self) -> None:
        """No search is made in the block; what exists at its end is never searched, what comes later is."""
        self.addCleanup(gc.unfreeze)
        with garbage.allKept():
            self.assertFalse(gc.isenabled())
            kept: list[object] = []
        self.assertTrue(gc.isenabled())
        later: list[object] = []
        searched = {id(each) for each in gc.get_objects()}
        self.assertNotIn(id(kept), searched)
        self.assertIn(id(later), searched)

    def test_failure(self) -> None:
        """Searches go on after a block that fails."""
        self.addCleanup(gc.unfreeze)
        with self.assertRaises(ValueError), garbage.allKept():
            raise ValueError
        self.assertTrue(gc.isenabled())
