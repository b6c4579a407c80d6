"""Bytes and text, and the generation of a peer."""

from __future__ import annotations

import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.wire.dialect import (
    Dialect,
    Generation,
    NotAWord,
    fromPeer,
    generation,
    text,
    versionAtLeast,
    word,
)
from tests.examples import examples

fuzz = settings(max_examples=examples(70), deadline=None, derandomize=True, database=None)


class WordTests(unittest.TestCase):
    """Names, branches and similar words."""

    @fuzz
    @given(st.binary())
    def test_bytesSurvive(self, name: bytes) -> None:
        """Any bytes from a Python 2 peer become text, and the same bytes on the way back (A10)."""
        self.assertIsInstance(word(name), str)
        self.assertEqual(Dialect.PYTHON2.toPeer(word(name)), name)

    def test_text(self) -> None:
        """A name is the same from peers on Python 2 and 3."""
        self.assertEqual(word("bøt"), "bøt")
        self.assertEqual(word("bøt".encode()), "bøt")

    def test_noWord(self) -> None:
        """A value that is neither bytes nor text is refused as a name."""
        for value in (None, 5, [b"x"], bytearray(b"x")):
            self.assertRaises(NotAWord, word, value)


class TextTests(unittest.TestCase):
    """Text from peers for display."""

    def test_asItIs(self) -> None:
        """Ordinary text is unchanged, in any script."""
        for said in ("admin <a@b.cz>", "Žluťoučký kůň 🐎", "שלום", "", "a" * 1024):
            self.assertEqual(text(said), said)
            self.assertEqual(text(said.encode()), said)

    def test_odd(self) -> None:
        """Invalid UTF-8 and lone surrogates become U+FFFD (A6)."""
        self.assertEqual(text(b"\xd6sterreich\xff"), "\ufffdsterreich\ufffd")
        self.assertEqual(text("a\udcffb\ud800"), "a\ufffdb\ufffd")

    def test_harmless(self) -> None:
        """Text from a peer cannot break a line, move a cursor or reverse the text (A7)."""
        self.assertEqual(text(b"a\nb\r\tc\x1b[2J\x00\x7f"), r"a\nb\r\tc\x1b[2J\x00\x7f")
        self.assertEqual(text("a\u2028b\u202ec\x9b"), r"a\u2028b\u202ec\x9b")
        self.assertEqual(text("two\nlines\r\n\t\x1b", lines=True), "two\nlines\\r\n\t\\x1b")

    def test_capped(self) -> None:
        """Text is shortened to the limit, with an ellipsis."""
        self.assertEqual(text("x" * 11, 10), "x" * 9 + "…")
        self.assertEqual(text(b"x" * 1_000_000, 10), "x" * 9 + "…")
        self.assertEqual(text("\x1b" * 10, 10), "\\x1b\\x1b\\…")
        self.assertEqual(text("€" * 10, 10), "€" * 10)
        self.assertEqual(text(("€" * 10).encode(), 10), "€" * 10)
        self.assertEqual(text("x", 0), "")

    def test_others(self) -> None:
        """Numbers are shown; of other values only the type, since their content is unknown."""
        self.assertEqual(text(5), "5")
        self.assertEqual(text(2.5), "2.5")
        self.assertEqual(text(True), "True")
        self.assertEqual(text(2**448 - 1), str(2**448 - 1))
        self.assertTrue(text(10**5000, 8).startswith("0x"))
        self.assertEqual(text(None), "<NoneType>")
        self.assertEqual(text({"password": "secret"}), "<dict>")

    @fuzz
    @given(
        st.one_of(st.binary(), st.text(st.characters()), st.integers(), st.floats(), st.none()),
        st.integers(0, 40),
    )
    def test_total(self, value: Any, limit: int) -> None:
        """For any value, the text is short, on one line, and can be encoded."""
        shown = text(value, limit)
        self.assertLessEqual(len(shown), limit)
        shown.encode("utf-8")
        self.assertLessEqual(len(shown.splitlines()), 1)
        self.assertFalse([char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")])


class ConvertingTests(unittest.TestCase):
    """Conversion of values for and from peers."""

    def test_keys(self) -> None:
        """Dictionaries have the same keys from peers on Python 2 and 3, at any depth; values are unchanged
        (A10).
        """
        owner = pb.Referenceable()
        old = [({b"stdout": b"\xff", b"inner": {b"k": [{b"x": None}]}, None: owner}, 0)]
        new = [({"stdout": b"\xff", "inner": {"k": [{"x": None}]}, None: owner}, 0)]
        self.assertEqual(fromPeer(old), new)
        self.assertEqual(fromPeer(new), new)
        self.assertIs(fromPeer(owner), owner)

    def test_oddKeys(self) -> None:
        """Different keys with invalid UTF-8 stay different, and become the same bytes on the way back."""
        converted = fromPeer({b"\xff": 1, b"\xfe": 2})
        self.assertEqual(len(converted), 2)
        self.assertEqual(Dialect.PYTHON2.toPeer(converted), {b"\xff": 1, b"\xfe": 2})

    def test_toPython2(self) -> None:
        """A Python 2 peer gets bytes instead of text everywhere; lists and objects are unchanged (A10)."""
        owner = pb.Referenceable()
        self.assertEqual(
            Dialect.PYTHON2.toPeer(
                {"command": ["é", b"\xff"], "env": {"A": "b"}, "t": ("x", 1, None, True, 2.5), "o": owner}
            ),
            {
                b"command": ["é".encode(), b"\xff"],
                b"env": {b"A": b"b"},
                b"t": (b"x", 1, None, True, 2.5),
                b"o": owner,
            },
        )
        self.assertEqual(Dialect.PYTHON2.toPeer({"x"}), {b"x"})
        self.assertEqual(Dialect.PYTHON2.toPeer(frozenset(["x"])), frozenset([b"x"]))

    def test_toPython3(self) -> None:
        """A Python 3 peer gets text unchanged; with bytes, it would delete build directories."""
        value = {"builders": [("b", "dir")], "data": b"\xff", "o": pb.Referenceable()}
        self.assertIs(Dialect.PYTHON3.toPeer(value), value)

    def test_nothingChanges(self) -> None:
        """Conversion returns a copy."""
        value = {"k": ["x", {"y": "z"}]}
        Dialect.PYTHON2.toPeer(value)
        fromPeer(value)
        self.assertEqual(value, {"k": ["x", {"y": "z"}]})


class GenerationTests(unittest.TestCase):
    """The generation of a peer."""

    def test_dialect(self) -> None:
        """The keys of its commands show a peer's Python; without commands it is an old peer (A4)."""
        self.assertIs(Dialect.of({b"shell": b"2.9"}), Dialect.PYTHON2)
        self.assertIs(Dialect.of({"shell": "3.3"}), Dialect.PYTHON3)
        self.assertIs(Dialect.of({"shell": "3.1", b"svn": b"3.1"}), Dialect.PYTHON2)
        self.assertIs(Dialect.of({}), Dialect.PYTHON2)

    def test_generations(self) -> None:
        """The generation is shown as exactly as it is known."""
        known: list[tuple[dict[Any, Any], Dialect, str | None, str, str]] = [
            ({b"shell": b"2.2"}, Dialect.PYTHON2, None, "slave", "slave 0.7.5 or older (python 2)"),
            ({b"shell": b"1.51"}, Dialect.PYTHON2, None, "slave", "slave 0.7.5 or older (python 2)"),
            ({"shell": "2.9"}, Dialect.PYTHON2, "0.7.12", "slave", "slave 0.7.12 (python 2)"),
            ({"shell": "2.9"}, Dialect.PYTHON2, None, "slave", "slave with commands 2.9 (python 2)"),
            ({"shell": "2.16"}, Dialect.PYTHON2, "0.8.14", "slave", "slave 0.8.14 (python 2)"),
            ({"shell": "3.1"}, Dialect.PYTHON2, "0.9.15", "worker", "worker 0.9.15 (python 2)"),
            ({"shell": "3.0"}, Dialect.PYTHON3, None, "worker", "worker with commands 3.0 (python 3)"),
            ({"shell": "3.3"}, Dialect.PYTHON3, "4.3.0", "worker", "worker 4.3.0 (python 3)"),
            ({}, Dialect.PYTHON2, None, "unknown", "unknown (python 2)"),
            ({}, Dialect.PYTHON2, "0.7.8", "unknown", "unknown 0.7.8 (python 2)"),
        ]
        for commands, dialect, version, kind, said in known:
            found = generation(commands, dialect, version)
            self.assertEqual((found.kind, str(found)), (kind, said))
        self.assertEqual(str(Generation.UNKNOWN), "unknown")
        self.assertEqual(str(generation({}, Dialect.PYTHON3, "4\n3")), r"unknown 4\n3 (python 3)")

    def test_mixed(self) -> None:
        """A command with an invalid version does not affect the others."""
        odd: dict[str, object] = {"b": None, "d": [], "e": "\x1b[31m", "f": "", "g": "x2"}
        commands = {"a": "2.9", "c": b"2.16", **odd}
        self.assertEqual(generation(commands, Dialect.PYTHON2).commandVersion, "2.16")
        self.assertEqual(generation({"a": "x", "b": None}, Dialect.PYTHON2).kind, "unknown")

    @fuzz
    @given(
        st.dictionaries(st.text(), st.one_of(st.text(), st.binary(), st.integers(), st.none())),
        st.one_of(st.none(), st.text()),
    )
    def test_total(self, commands: dict[str, Any], version: str | None) -> None:
        """Any answers of a peer yield a generation that can be shown (row 16)."""
        found = generation(commands, Dialect.PYTHON3, version)
        self.assertIn(found.kind, ("slave", "worker", "unknown"))
        self.assertTrue(str(found).startswith(found.kind))


class VersionTests(unittest.TestCase):
    """Comparison of versions."""

    def test_inOrder(self) -> None:
        """Versions are compared by number: 2.16 is later than 2.9, unlike in 0.7.5."""
        versions = ["0", "0.7.5", "0.7.11p3", "0.7.12", "0.8.14", "1.28", "2.2", "2.9", "2.16", "3.0", "3.1"]
        for place, version in enumerate(versions):
            for other, wanted in enumerate(versions):
                self.assertEqual(versionAtLeast(version, wanted), place >= other, (version, wanted))

    def test_same(self) -> None:
        """Trailing zeros and letters do not matter."""
        for version in ("3", "3.0", "3.0.0", "3.0-dev", "3.0.dev17", "3.0\n"):
            self.assertTrue(versionAtLeast(version, "3.0"), version)
            self.assertTrue(versionAtLeast("3.0", version), version)
            self.assertFalse(versionAtLeast(version, "3.0.1"), version)
        self.assertFalse(versionAtLeast("0.7.11p3.9", "0.7.11.9"))

    def test_none(self) -> None:
        """A missing or invalid version is older than all others."""
        for version in (None, "", "x", "x.9", "-1", "٣.١"):
            self.assertFalse(versionAtLeast(version, "0.1"), version)

    def test_absurd(self) -> None:
        """A version of a million digits can be compared."""
        self.assertTrue(versionAtLeast("9" * 1_000_000, "3.0"))
        self.assertTrue(versionAtLeast("1." * 500_000, "1.0"))
