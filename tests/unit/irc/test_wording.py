"""What the bot says."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.irc.wording import lasting, listed, maybeColorize, told


class WordingTests(unittest.SynchronousTestCase):
    """Words for times and lists, and texts of strangers."""

    def test_colors(self) -> None:
        """A colour is put around a text if colours are wanted, and the colour is known."""
        self.assertEqual(maybeColorize("7 up", "GREEN", True), "\x03037 up\x0f")
        self.assertEqual(maybeColorize("up", "GREEN", False), "up")
        self.assertEqual(maybeColorize("up", "PLAID", True), "up")

    def test_told(self) -> None:
        """Text of strangers has no control characters: no colours, no bell, no line breaks; and an end."""
        self.assertEqual(told("a\r\nb\x02\x03\x07"), "a b\\x02\\x03\\x07")
        self.assertEqual(len(told("x" * 1000)), 200)

    def test_listed(self) -> None:
        """A long list is cut, and says so."""
        self.assertEqual(listed(["a", "b"], 2), "a, b")
        self.assertEqual(listed("abcd", 2), "a, b and 2 more")

    def test_lasting(self) -> None:
        """Times are told in the units that matter."""
        said = {
            -3: "0 s",
            45: "45 s",
            200: "3 min 20 s",
            3600: "1 h",
            7500: "2 h 5 min",
            86400 * 3 + 5: "3 days",
        }
        self.assertEqual({seconds: lasting(seconds) for seconds in said}, said)
