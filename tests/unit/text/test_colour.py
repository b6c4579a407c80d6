"""Colours of results and states."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.colour import colourOf, paint, unpainted


class ColourTests(unittest.SynchronousTestCase):
    """The colour of a text."""

    def test_colours(self) -> None:
        """Good is green, bad is red; the last of several states counts; other words have no colour."""
        for words, colour in (
            ("success", "green"),
            ("success, log incomplete", "green"),
            ("failed: compile, test", "red"),
            ("exception in upload", "magenta"),
            ("warnings: 3", "yellow"),
            ("not connected", "red"),
            ("connected, updating", "green"),
            ("connected, paused", "yellow"),
            ("", ""),
            ("27 tests", ""),
            ("successor", ""),
        ):
            self.assertEqual(colourOf(words), colour, words)

    def test_painted(self) -> None:
        """A text without a colour, and an empty one, are not painted."""
        self.assertEqual(paint("x", "red"), "\x1b[31mx\x1b[0m")
        self.assertEqual((paint("x", ""), paint("", "red"), unpainted("x", "red")), ("x", "", "x"))
