"""Text from and for IRC."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.irc.harmless import decoded, folded, oneLine, pieces


class HarmlessTests(unittest.SynchronousTestCase):
    """Lines are decoded, cleaned, compared and cut."""

    def test_decoded(self) -> None:
        """A line in UTF-8 and a line in Latin 1 are both read."""
        self.assertEqual(decoded("grün".encode()), "grün")
        self.assertEqual(decoded("grün".encode("latin-1")), "grün")

    def test_oneLine(self) -> None:
        """No text can begin another line of the protocol."""
        self.assertEqual(oneLine("a\r\nQUIT\0b\n\nc"), "a QUIT b c")

    def test_folded(self) -> None:
        """Names that a server takes for one are one."""
        self.assertEqual(folded("Ann[a]\\~"), folded("aNN{A}|^"))

    def test_pieces(self) -> None:
        """A long text is cut at blanks, and never within a character; nothing is lost."""
        self.assertEqual(pieces("a bc def", 4), ["a bc", "def"])
        self.assertEqual(pieces("", 4), [""])
        for text in ("ü" * 100, "€" * 33 + " " + "x" * 50, "😀" * 20):
            found = pieces(text, 10)
            self.assertLessEqual(max(len(each.encode()) for each in found), 10)
            self.assertEqual("".join(found), text.replace(" ", ""))
