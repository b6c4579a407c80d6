"""Bytes and text, and what the answers of a peer say about its generation."""

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

fuzz = settings(max_examples=200, deadline=None, derandomize=True, database=None)


class WordTests(unittest.TestCase):
    """Names, branches and the like."""

    @fuzz
    @given(st.binary())
    def test_bytesSurvive(self, name: bytes) -> None:
        """Any bytes of a Python 2 peer become text, and the same bytes again on the way back (A10)."""
        self.assertIsInstance(word(name), str)
        self.assertEqual(Dialect.PYTHON2.toPeer(word(name)), name)

    def test_text(self) -> None:
        """A name is the same name from peers on either Python."""
        self.assertEqual(word("bøt"), "bøt")
        self.assertEqual(word("bøt".encode()), "bøt")

    def test_noWord(self) -> None:
        """What is no text of any kind is no name."""
        for value in (None, 5, [b"x"], bytearray(b"x")):
            self.assertRaises(NotAWord, word, value)


class TextTests(unittest.TestCase):
    """What a peer said, to be shown."""

    def test_asItIs(self) -> None:
        """Ordinary text is shown as it is, in any script."""
        for said in ("admin <a@b.cz>", "Žluťoučký kůň 🐎", "שלום", "", "a" * 1024):
            self.assertEqual(text(said), said)
            self.assertEqual(text(said.encode()), said)

    def test_odd(self) -> None:
        """Bytes that are no UTF-8, and halves of characters, are shown as U+FFFD (A6)."""
        self.assertEqual(text(b"\xd6sterreich\xff"), "\ufffdsterreich\ufffd")
        self.assertEqual(text("a\udcffb\ud800"), "a\ufffdb\ufffd")

    def test_harmless(self) -> None:
        """Nothing a peer says breaks a line, moves a cursor or turns the text around (A7)."""
        self.assertEqual(text(b"a\nb\r\tc\x1b[2J\x00\x7f"), r"a\nb\r\tc\x1b[2J\x00\x7f")
        self.assertEqual(text("a\u2028b\u202ec\x9b"), r"a\u2028b\u202ec\x9b")
        self.assertEqual(text("two\nlines\r\n\t\x1b", lines=True), "two\nlines\\r\n\t\\x1b")

    def test_capped(self) -> None:
        """No more is shown than was asked for; what is cut says so."""
        self.assertEqual(text("x" * 11, 10), "x" * 9 + "…")
        self.assertEqual(text(b"x" * 1_000_000, 10), "x" * 9 + "…")
        self.assertEqual(text("\x1b" * 10, 10), "\\x1b\\x1b\\…")
        self.assertEqual(text("€" * 10, 10), "€" * 10)
        self.assertEqual(text(("€" * 10).encode(), 10), "€" * 10)
        self.assertEqual(text("x", 0), "")

    def test_others(self) -> None:
        """Numbers are shown; of anything else only what it is, for who knows what is in it."""
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
        """Whatever it is, what is shown is short, on one line, and can be written anywhere."""
        shown = text(value, limit)
        self.assertLessEqual(len(shown), limit)
        shown.encode("utf-8")
        self.assertLessEqual(len(shown.splitlines()), 1)
        self.assertFalse([char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")])


class ConvertingTests(unittest.TestCase):
    """Values on their way in and out."""

    def test_keys(self) -> None:
        """A dictionary has the same keys from peers on either Python, however deep; its values stay (A10)."""
        owner = pb.Referenceable()
        old = [({b"stdout": b"\xff", b"inner": {b"k": [{b"x": None}]}, None: owner}, 0)]
        new = [({"stdout": b"\xff", "inner": {"k": [{"x": None}]}, None: owner}, 0)]
        self.assertEqual(fromPeer(old), new)
        self.assertEqual(fromPeer(new), new)
        self.assertIs(fromPeer(owner), owner)

    def test_oddKeys(self) -> None:
        """Keys that are no UTF-8 are kept apart, and are the same bytes on the way back."""
        converted = fromPeer({b"\xff": 1, b"\xfe": 2})
        self.assertEqual(len(converted), 2)
        self.assertEqual(Dialect.PYTHON2.toPeer(converted), {b"\xff": 1, b"\xfe": 2})

    def test_toPython2(self) -> None:
        """A peer on Python 2 gets no text, wherever it is; lists stay lists, and objects themselves (A10)."""
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
        """A peer on Python 3 gets what there is: text as text, or it deletes build directories."""
        value = {"builders": [("b", "dir")], "data": b"\xff", "o": pb.Referenceable()}
        self.assertIs(Dialect.PYTHON3.toPeer(value), value)

    def test_nothingChanges(self) -> None:
        """What is converted is a copy."""
        value = {"k": ["x", {"y": "z"}]}
        Dialect.PYTHON2.toPeer(value)
        fromPeer(value)
        self.assertEqual(value, {"k": ["x", {"y": "z"}]})


class GenerationTests(unittest.TestCase):
    """What a peer is."""

    def test_dialect(self) -> None:
        """The keys of its commands tell the Python of a peer; without commands it is an old one (A4)."""
        self.assertIs(Dialect.of({b"shell": b"2.9"}), Dialect.PYTHON2)
        self.assertIs(Dialect.of({"shell": "3.3"}), Dialect.PYTHON3)
        self.assertIs(Dialect.of({"shell": "3.1", b"svn": b"3.1"}), Dialect.PYTHON2)
        self.assertIs(Dialect.of({}), Dialect.PYTHON2)

    def test_generations(self) -> None:
        """People are told what they run, as exactly as it is known."""
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
        """A command whose version is odd does not hide that of the others."""
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
        """Whatever a peer answers, it is of some generation that can be said (row 16)."""
        found = generation(commands, Dialect.PYTHON3, version)
        self.assertIn(found.kind, ("slave", "worker", "unknown"))
        self.assertTrue(str(found).startswith(found.kind))


class VersionTests(unittest.TestCase):
    """Which version is the later."""

    def test_inOrder(self) -> None:
        """Versions are compared by their numbers: 2.16 is later than 2.9, whatever 0.7.5 thought."""
        versions = ["0", "0.7.5", "0.7.11p3", "0.7.12", "0.8.14", "1.28", "2.2", "2.9", "2.16", "3.0", "3.1"]
        for place, version in enumerate(versions):
            for other, wanted in enumerate(versions):
                self.assertEqual(versionAtLeast(version, wanted), place >= other, (version, wanted))

    def test_same(self) -> None:
        """Zeros at the end, and what follows the numbers, change nothing."""
        for version in ("3", "3.0", "3.0.0", "3.0-dev", "3.0.dev17", "3.0\n"):
            self.assertTrue(versionAtLeast(version, "3.0"), version)
            self.assertTrue(versionAtLeast("3.0", version), version)
            self.assertFalse(versionAtLeast(version, "3.0.1"), version)
        self.assertFalse(versionAtLeast("0.7.11p3.9", "0.7.11.9"))

    def test_none(self) -> None:
        """No version, or what is none, is older than all."""
        for version in (None, "", "x", "x.9", "-1", "٣.١"):
            self.assertFalse(versionAtLeast(version, "0.1"), version)

    def test_absurd(self) -> None:
        """A version of a million digits is compared all the same."""
        self.assertTrue(versionAtLeast("9" * 1_000_000, "3.0"))
        self.assertTrue(versionAtLeast("1." * 500_000, "1.0"))
