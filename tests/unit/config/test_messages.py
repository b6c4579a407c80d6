"""The building blocks of messages."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.check import KEYS
from buildbot.config.messages import articled, inOneLine, listing, nearest, textTrouble


class WordsTests(unittest.TestCase):
    """Counts, lists and types in words."""

    def test_articled(self) -> None:
        """A value is described by its type, never by its content."""
        self.assertEqual(
            [articled(each) for each in (None, 1, "x", int)], ["None", "an int", "a str", "the class int"]
        )

    def test_listing(self) -> None:
        """A long list of names is shortened, with the number of the others."""
        self.assertEqual(listing([]), "none")
        self.assertEqual(listing("ab"), "a, b")
        self.assertEqual(listing("abcd", most=2), "a, b and 2 more")

    def test_nearest(self) -> None:
        """The nearest name is suggested for a wrong one."""
        self.assertEqual(nearest("titel", ["x", "title"]), "; did you mean 'title'?")
        self.assertEqual(nearest("titel", ["x"]), "")
        self.assertEqual(nearest("Bots", ["bots", "sources"]), "; did you mean 'bots'?")
        for name in ("bogus", "notes", "ports", "hosts", "users"):
            self.assertEqual(nearest(name, KEYS), "", name)

    def test_textTrouble(self) -> None:
        """Names must be visible, and must not disturb a display."""
        for good in ("b1", "a b", "é", "日本", "🐘"):
            self.assertIsNone(textTrouble(good), good)
        for bad in ("", "  ", "a\nb", "a\x1b[1m", "\udcff", "\u2028"):
            self.assertIsNotNone(textTrouble(bad), repr(bad))

    def test_inOneLine(self) -> None:
        """An exception is shown in one line, even one whose str() fails."""

        class Odd(Exception):
            def __str__(self) -> str:
                raise self.args[0]

        self.assertEqual(inOneLine(ValueError("a\n b")), "ValueError: a b")
        self.assertEqual(inOneLine(KeyError()), "KeyError")
        for error in (ValueError, SystemExit):
            self.assertEqual(inOneLine(Odd(error)), "Odd: (its text cannot be shown)")
