"""Text from others, for a terminal and a log."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.printable import plain, plainLine, width
from buildbot.wire.dialect import text as shown


class PlainTests(unittest.TestCase):
    """Text on a terminal."""

    def test_ordinaryTextStays(self) -> None:
        """Letters of every script, newlines and tabs stay."""
        text = "grün\tΔ 漢字 🙂\nnext"
        self.assertEqual(plain(text), text)

    def test_controlCharactersAreSpelled(self) -> None:
        """An escape sequence in a slave's text is shown, and has no effect."""
        self.assertEqual(plain("\x1b[2J\r\x00\x7f\x9b"), "\\x1b[2J\\x0d\\x00\\x7f\\x9b")

    def test_hiddenReorderingIsSpelled(self) -> None:
        """Marks that reverse the text, and unusual line ends, are shown."""
        self.assertEqual(plain("a\u202eb\u2066c\u2028d"), "a\\u202eb\\u2066c\\u2028d")

    def test_oneTable(self) -> None:
        """The same characters are escaped in slaves' text and in all other text."""

        def isSame(text: str) -> bool:
            return plain(text) == text == shown(text, lines=True)

        blocks = ["".join(map(chr, range(start, start + 64))) for start in range(0, 0x20000, 64)]
        differ = [
            each
            for block in blocks
            if not isSame(block)  # nearly all blocks stay as they are
            for each in block
            if not 0xD800 <= ord(each) < 0xE000 and (plain(each) == each) != (shown(each, lines=True) == each)
        ]
        self.assertEqual(differ, [])
        self.assertEqual(plain("\u061ca\u200eb\u200fc\ufeff"), "\\u061ca\\u200eb\\u200fc\\ufeff")

    def test_undecodableBytesAreSpelled(self) -> None:
        """An undecodable byte is shown as that byte, and the text can be encoded."""
        text = plain(b"caf\xe9".decode("utf-8", "surrogateescape") + "\ud800")
        self.assertEqual(text, "caf\\xe9\\ud800")
        text.encode("utf-8")

    def test_oneLine(self) -> None:
        """Text for one line of a table stays in one line."""
        self.assertEqual(plainLine(" one\n  two\tthree\x07 "), "one two three\\x07")

    def test_width(self) -> None:
        """Wide characters take two columns, combining accents none."""
        self.assertEqual([width("abc"), width("漢字"), width("e\u0301")], [3, 4, 1])
