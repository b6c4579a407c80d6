"""Pickles of an old master are read, and nothing in them is executed."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import struct
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing import pickled
from tests.oldhistory import RELEASES, SAMPLES


class _Calls:
    """I am pickled as a call."""

    def __init__(self, function: Any, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def _laughs(levels: int) -> bytes:
    """A list of ten lists of ten lists …, each only once in the pickle."""
    lists = b"".join(b"(lp%d\n" % level + b"g%d\na" % (level - 1) * 10 for level in range(1, levels))
    return b"(lp0\n" + lists + b"."


class HonestTests(SynchronousTestCase):
    """What masters have written."""

    def test_samples(self) -> None:
        """A build of each release becomes plain values under the names of their classes."""
        for release in RELEASES:
            build: Any = pickled.read((SAMPLES / release / "b0" / "0").read_bytes())
            self.assertEqual(build[""], "BuildStatus")
            self.assertEqual(build["steps"][0]["name"], "compile")
            self.assertNotIn("progress", build)

    def test_text(self) -> None:
        """Text is UTF-8, or Latin-1 if it is not."""
        self.assertEqual(pickled.read(b"U\x05caf\xc3\xa9."), "café")
        self.assertEqual(pickled.read(b"U\x04caf\xe9."), "café")

    def test_strange(self) -> None:
        """An object of another package has its attributes, and does nothing."""
        data = b"(imypackage\nMyChange\n(dS'who'\nS'ann'\nsb."
        self.assertEqual(pickled.read(data), {"who": "ann", "": "?mypackage.MyChange"})

    def test_itself(self) -> None:
        """An object inside of itself is left out there."""
        self.assertEqual(pickled.read(b"(lp0\ng0\na."), [None])

    def test_numbers(self) -> None:
        """Numbers that JSON has not become words or None."""
        huge: Any = pickled.read(pickle.dumps([1 << 200, float("inf"), 5], 2))
        self.assertEqual(huge, ["(a number that is too large)", None, 5])


class HostileTests(SynchronousTestCase):
    """What nobody may be able to do."""

    def refused(self, data: bytes) -> str:
        said = pickled.answer(data)
        self.assertEqual(list(said), ["error"], said)
        return str(said["error"])

    def test_calls(self) -> None:
        """A pickle that calls a function is refused, and the function is named."""
        path = os.path.abspath("touched")
        for each, name in (
            (_Calls(os.system, f"touch {path}"), "posix.system"),
            (_Calls(eval, f"open({path!r}, 'w')"), "__builtin__.eval"),
            (_Calls(getattr, "", "join"), "__builtin__.getattr"),
            (_Calls(__import__, "os"), "__builtin__.__import__"),
        ):
            self.assertEqual(self.refused(pickle.dumps(each, 2)), f"refused: it calls {name}")
        self.assertEqual(
            self.refused(b"(S'touch %s'\nios\nsystem\n." % path.encode()), "refused: it calls os.system"
        )
        self.assertFalse(os.path.exists(path))

    def test_innerNames(self) -> None:
        """A name with dots, which would reach into a class, is only a name."""
        data = b"\x80\x04\x8c\x08builtins\x8c\x12int.__subclasses__\x93)R."
        self.assertIn("it calls builtins.int.__subclasses__", self.refused(data))

    def test_outside(self) -> None:
        """References to what is outside of the pickle are refused."""
        self.assertIn("outside of itself", self.refused(b"Pname\n."))
        self.assertIn("outside of itself", self.refused(b"S'name'\nQ."))
        self.assertIn("extension code", self.refused(b"\x82\x01."))

    def test_nested(self) -> None:
        """Lists in lists are read to some depth."""
        self.assertIn("nested too deeply", self.refused(b"]" * 100_000 + b"a" * 99_999 + b"."))

    def test_laughs(self) -> None:
        """A short pickle does not become a long answer."""
        self.assertIn("too many values", self.refused(_laughs(12)))

    def test_longText(self) -> None:
        """A short pickle with one text many times does not become a long answer."""
        data = b"U\xff" + b"x" * 255 + b"q\x00(" + b"h\x00" * 100_000 + b"l."
        self.assertIn("too much text", self.refused(data))

    def test_longNames(self) -> None:
        """A long name of a class that thousands of objects share does not make a huge answer."""
        name = b"cmypackage\n" + b"N" * 50_000 + b"\nq\x01"
        data = b"\x80\x02](" + name + b")\x81" + b"h\x01)\x81" * 500 + b"e."
        self.assertEqual(self.refused(data), "refused: it has too much text")

    def test_damaged(self) -> None:
        """Every beginning of a build is an error in words."""
        data = (SAMPLES / "0.7.12" / "b0" / "0").read_bytes()
        for end in range(0, len(data), 7):
            self.assertIn("it is no whole pickle", self.refused(data[:end]))

    def test_hugeNumber(self) -> None:
        """A number of many digits is an error, and not a long calculation."""
        self.assertIn("no whole pickle", self.refused(b"L" + b"9" * 100_000 + b"L\n."))

    def test_noClass(self) -> None:
        """A pickle that makes an object of something that is no class is refused."""
        self.assertIn("no class", self.refused(b"(ccopy_reg\n_reconstructor\n(I5\nNNtR."))

    def test_memory(self) -> None:
        """If the memory or the stack is too small for a pickle, that is told."""
        for error, words in ((MemoryError, "too much memory"), (RecursionError, "nested too deeply")):

            def read(data: bytes, error: type[Exception] = error) -> object:
                raise error

            self.patch(pickled, "read", read)
            self.assertIn(words, self.refused(b"N."))


class ProgramTests(SynchronousTestCase):
    """The program, in this process, without its limits."""

    def setUp(self) -> None:
        self.limits: list[float] = []
        self.patch(pickled, "_limit", lambda: self.limits.append(0))
        self.patch(signal, "setitimer", lambda which, seconds: self.limits.append(seconds))

    def run_(self, asked: bytes) -> list[Any]:
        """Ask the program; return its answers."""
        said = io.BytesIO()
        self.patch(sys, "argv", ["pickled", "2.5"])
        self.patch(sys, "stdin", io.TextIOWrapper(io.BytesIO(asked)))
        output = io.TextIOWrapper(said)
        self.patch(sys, "stdout", output)
        pickled.main()
        data, answers = said.getvalue(), []
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            answers.append(json.loads(data[8 : 8 + length]))
            data = data[8 + length :]
        return answers

    def test_answers(self) -> None:
        """Each pickle has one answer, in order, also after a refused one; half a question has none."""
        pickles = (b"I5\n.", b"cos\nsystem\n(S'x'\ntR.", b"N.")
        asked = b"".join(struct.pack("<Q", len(each)) + each for each in pickles)
        answers = self.run_(asked + b"half")
        self.assertEqual(answers[0], {"value": 5})
        self.assertEqual(answers[1:], [{"error": "refused: it calls os.system"}, {"value": None}])
        self.assertEqual(
            (self.limits[0], min(self.limits[1::2]) >= 2.5, self.limits[2::2]), (0, True, [0] * 3)
        )

    def test_noMemory(self) -> None:
        """If there is no memory for an answer, that is the answer."""

        def answer(data: bytes) -> dict[str, object]:
            raise MemoryError

        self.patch(pickled, "answer", lambda data: {} if data == b"N." else answer(data))
        asked = struct.pack("<Q", 4) + b"I5\n."
        self.assertEqual(self.run_(asked), [{"error": "it needs too much memory"}])
