"""Banana: the same bytes as Twisted's, both ways, within limits."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.spread import banana as twisteds
from twisted.trial import unittest

from buildbot.wire.banana import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    SIZE_LIMIT,
    VOCABULARY,
    BananaError,
    Decoder,
    LimitExceeded,
    Limits,
)
from buildbot.wire.encoding import encode
from tests.examples import examples

fuzz = settings(max_examples=examples(70), deadline=None, derandomize=True, database=None)

#: Wide enough that only the limits of all PB peers apply.
WIDE = Limits(expressionBytes=1 << 40, depth=1 << 20, items=SIZE_LIMIT)

BOUNDARIES = sorted(
    {
        sign * (2**bits + near)
        for bits in (0, 6, 7, 8, 10, 13, 14, 15, 21, 28, 31, 32, 62, 63, 64, 441, 447)
        for near in (-1, 0, 1)
        for sign in (1, -1)
    }
    | {2**448 - 1, 1 - 2**448, 1023, 1024, 1025, -1023, -1024}
)

words = st.sampled_from(sorted(VOCABULARY))
scalars = st.one_of(
    st.binary(max_size=20),
    words,
    st.integers(min_value=1 - 2**448, max_value=2**448 - 1),
    st.integers(min_value=-200, max_value=20000),
    st.sampled_from(BOUNDARIES),
    st.floats(),
    st.binary(min_size=126, max_size=130),
)
expressions = st.recursive(scalars, lambda inner: st.lists(inner, max_size=6), max_leaves=25)


class Twisteds(twisteds.Banana):
    """Twisted's Banana after the dialect negotiation. It records its output and the decoded expressions."""

    def __init__(self, dialect: bytes | None = b"pb") -> None:
        super().__init__(isClient=0)
        self.received: list[Any] = []
        self.bytes = StringTransport()
        self.makeConnection(self.bytes)
        self.bytes.clear()
        self.currentDialect = dialect

    def expressionReceived(self, obj: Any) -> None:
        self.received.append(obj)

    @property
    def written(self) -> bytes:
        written: bytes = self.bytes.value()
        return written


def twistedEncodes(expression: Any, dialect: bytes | None = b"pb") -> bytes:
    banana = Twisteds(dialect)
    banana.sendEncoded(expression)
    return banana.written


def twistedDecodes(chunks: Iterable[bytes]) -> tuple[list[Any], bool]:
    """The expressions that Twisted decodes from C{chunks}, and True if it then raises."""
    banana = Twisteds()
    try:
        for chunk in chunks:
            banana.dataReceived(chunk)
    except (twisteds.BananaError, NotImplementedError, KeyError):
        return banana.received, True
    return banana.received, False


def weDecode(chunks: Iterable[bytes], limits: Limits = WIDE) -> tuple[list[Any], BananaError | None]:
    """The expressions that our decoder yields from C{chunks}, and the error at the end, if any."""
    decoder = Decoder(limits, vocabulary=True)
    received: list[Any] = []
    try:
        for chunk in chunks:
            received.extend(decoder.decode(chunk))
    except BananaError as error:
        return received, error
    return received, None


def header(number: int, kind: bytes) -> bytes:
    """The header of a string or list with length C{number}."""
    digits: list[bytes] = []
    twisteds.int2b128(number, digits.append)
    return b"".join(digits) + kind


def singly(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Split C{data} at C{places}, without empty pieces."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def plain(value: Any) -> Any:
    """Convert C{value} so that equality includes the type, and NaN equals NaN."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return (type(value), value)


class EncodeTests(unittest.TestCase):
    """Values become bytes."""

    def test_vocabulary(self) -> None:
        """Our numbered words are those of every PB peer."""
        self.assertEqual(VOCABULARY, twisteds.Banana.outgoingVocabulary)

    @fuzz
    @given(expressions)
    def test_sameBytes(self, expression: Any) -> None:
        """Our bytes are the same as Twisted's."""
        self.assertEqual(encode(expression), twistedEncodes(expression))

    @fuzz
    @given(expressions)
    def test_sameBytesBeforeTheDialect(self, expression: Any) -> None:
        """Before a dialect is agreed on, every word is spelled out."""
        self.assertEqual(encode(expression, vocabulary=False), twistedEncodes(expression, None))

    def test_numbers(self) -> None:
        """Numbers near each change of representation are encoded like Twisted's."""
        for number in BOUNDARIES:
            self.assertEqual(encode([number]), twistedEncodes([number]), number)

    def test_subclasses(self) -> None:
        """Instances of subclasses are encoded like Twisted's: a bool is 0 or 1."""

        class Text(bytes):
            pass

        class Row(list[Any]):
            pass

        class Share(float):
            pass

        mixed = [True, False, Text(b"list"), Row([1, (2, Row([True]))]), Share(0.5), ()]
        self.assertEqual(encode(mixed), twistedEncodes(mixed))

    def test_longStringsAndLists(self) -> None:
        """Strings and lists of every length up to the limit are encoded like Twisted's."""
        for size in (127, 128, 1023, 1024, 16383, 16384, SIZE_LIMIT):
            self.assertEqual(encode(b"x" * size), twistedEncodes(b"x" * size))
        for size in (127, 128, 1023, 1024, 16383, 16384):
            self.assertEqual(encode([0] * size), twistedEncodes([0] * size))
        # Twisted takes half a second for a list of the last size.
        self.assertEqual(encode([0] * SIZE_LIMIT), header(SIZE_LIMIT, b"\x80") + encode(0) * SIZE_LIMIT)

    def test_tooMuch(self) -> None:
        """An expression that no peer would accept raises the exceeded limit, before a byte is written."""
        for limit, value in [
            ("string", b"x" * (SIZE_LIMIT + 1)),
            ("list", [0] * (SIZE_LIMIT + 1)),
            ("prefix", 2**448),
            ("prefix", -(2**448)),
        ]:
            self.assertRaises(twisteds.BananaError, twistedEncodes, [value])
            self.assertEqual(self.assertRaises(LimitExceeded, encode, [value]).limit, limit)

    def test_whatCannotBeSent(self) -> None:
        """Other types are refused by the name of the type. The error does not contain the value, which may be
        a password.
        """
        for value in ("secret", None, bytearray(b"secret"), {"secret": 1}):
            error = self.assertRaises(BananaError, encode, [b"x", [value]])
            self.assertIn(type(value).__name__, str(error))
            self.assertNotIn("secret", str(error))

    def test_endless(self) -> None:
        """A list that contains itself is refused."""

        class Row(list[Any]):
            pass

        endlesses: list[list[Any]] = [[1], Row([1])]
        for endless in endlesses:
            endless.append(endless)
            self.assertRaises(BananaError, encode, endless)


class DecodeTests(unittest.TestCase):
    """Bytes become values."""

    @fuzz
    @given(st.lists(expressions, max_size=4), st.lists(st.integers(min_value=0), max_size=6))
    def test_sameValues(self, sent: list[Any], places: list[int]) -> None:
        """Values are decoded like Twisted's: whole, in pieces, and byte by byte."""
        data = b"".join(map(twistedEncodes, sent))
        expected = plain(sent)
        for chunks in ([data], cut(data, places), singly(data)):
            received, error = weDecode(chunks)
            self.assertIsNone(error)
            self.assertEqual(plain(received), expected)

    @fuzz
    @given(
        st.one_of(
            st.binary(max_size=60),
            st.lists(st.sampled_from([*range(0x7E, 0x89), 0, 1, 2, 3, 4, 5, 0xFF]), max_size=40).map(bytes),
            # Whole expressions with one changed byte.
            st.builds(
                lambda data, place, byte: data[: place % len(data)] + byte + data[place % len(data) + 1 :],
                expressions.map(encode),
                st.integers(min_value=0),
                st.binary(min_size=1, max_size=1),
            ),
            # Numbers with far too many digits.
            st.integers(60, 70).map(lambda n: b"\x7f" * n + b"\x81"),
        ),
        st.lists(st.integers(min_value=0), max_size=6),
    )
    @example(b"\x20\x87", [])
    @example(b"\x00\x87", [])
    @example(b"\x01\x88", [])
    @example(b"\x80\x81\x82\x83\x84" + b"8 bytes!", [])
    @example(b"\x05\x00\x00\x81", [1])
    @example(b"\x01" * 64 + b"\x84" + b"8 bytes!", [])
    def test_sameOfAnything(self, data: bytes, places: list[int]) -> None:
        """For any bytes, our decoder yields the same as Twisted's and raises where Twisted's raises."""
        for chunks in ([data] if data else [], cut(data, places), singly(data)):
            received, error = weDecode(chunks)
            if isinstance(error, LimitExceeded) and error.limit == "items":
                continue  # our levels are fewer
            expected, protested = twistedDecodes(chunks)
            self.assertEqual(plain(received), plain(expected))
            self.assertEqual(error is not None, protested, error)

    def test_deep(self) -> None:
        """Lists nested as deep as allowed are decoded."""
        expression: Any = b"x"
        for _ in range(AFTER_LOGIN.depth):
            expression = [expression, 1]
        self.assertEqual(weDecode([encode(expression)], AFTER_LOGIN), ([expression], None))

    def test_longestString(self) -> None:
        """A string of 640 KiB is decoded, in reads of 64 KiB and after another one in one read of a
        megabyte.
        """
        value = bytes(range(256)) * (SIZE_LIMIT // 256)
        data = encode([value, [value], 7])
        reads = [data[start : start + 65536] for start in range(0, len(data), 65536)]
        for chunks in ([data], reads):
            received, error = weDecode(chunks, AFTER_LOGIN)
            self.assertIsNone(error)
            self.assertEqual(received, [[value, [value], 7]])

    def test_byteByByte(self) -> None:
        """Decoding 600 KB byte by byte takes a moment, not minutes."""
        value = b"x" * 600_000
        segments = singly(encode(value))
        decoder = Decoder(AFTER_LOGIN)
        received: list[Any] = []
        started = time.process_time()
        for segment in segments:
            received.extend(decoder.decode(segment))
        self.assertLess(time.process_time() - started, 5)
        self.assertEqual(received, [value])


class BetweenExpressionsTests(unittest.TestCase):
    """Changes while one read is being decoded."""

    def test_dialect(self) -> None:
        """A peer may choose the dialect and use it in one segment; before that, numbered words are
        refused.
        """
        data = encode(b"pb") + encode([b"version", 6])
        decoder = Decoder()
        arriving = iter(decoder.decode(data))
        self.assertEqual(next(arriving), b"pb")
        decoder.vocabulary = True
        self.assertEqual(list(arriving), [[b"version", 6]])

        decoder = Decoder()
        arriving = iter(decoder.decode(data))
        self.assertEqual(next(arriving), b"pb")
        self.assertRaises(BananaError, next, arriving)

    def test_limits(self) -> None:
        """The limits after login already apply to later messages in the same segment."""
        large = [b"x" * 5000]
        decoder = Decoder(BEFORE_LOGIN)
        arriving = iter(decoder.decode(encode([1]) + encode(large)))
        self.assertEqual(next(arriving), [1])
        decoder.limits = AFTER_LOGIN
        self.assertEqual(list(arriving), [large])

    def test_limitsOfAnUnfinishedExpression(self) -> None:
        """New limits apply to an expression that is partly received."""
        data = encode([b"x" * 3000, b"y" * 3000])
        decoder = Decoder(BEFORE_LOGIN)
        self.assertEqual(list(decoder.decode(data[:2000])), [])
        decoder.limits = AFTER_LOGIN
        self.assertEqual(list(decoder.decode(data[2000:])), [[b"x" * 3000, b"y" * 3000]])

    def test_notTaken(self) -> None:
        """A second decode call raises if expressions of the first were not taken."""
        decoder = Decoder(WIDE)
        arriving = iter(decoder.decode(encode(1) + encode(2)))
        self.assertEqual(next(arriving), 1)
        self.assertRaises(RuntimeError, decoder.decode, encode(3))
        self.assertEqual(next(arriving), 2)
        self.assertEqual(list(decoder.decode(encode(3))), [3])
        self.assertEqual(list(arriving), [])

    def test_notTakenOfMuch(self) -> None:
        """The same holds for a read of a megabyte."""
        decoder = Decoder(WIDE)
        # The first piece ends between two expressions, or inside of one.
        for length in (SIZE_LIMIT - 4, SIZE_LIMIT - 3):
            arriving = iter(decoder.decode(encode(b"x" * length) + encode(1) + encode(2)))
            for _ in range(2):
                next(arriving)
                self.assertRaises(RuntimeError, decoder.decode, encode(3))
            self.assertEqual(list(arriving), [2])
            self.assertEqual(list(decoder.decode(encode(3))), [3])


class LimitTests(unittest.TestCase):
    """The limits, however the data is split."""

    def refused(self, data: bytes, limits: Limits, limit: str) -> None:
        """Check that each split of C{data} is refused for C{limit}, and so is all later data."""
        for chunks in ([data], singly(data), cut(data, range(0, len(data), 7))):
            decoder = Decoder(limits, vocabulary=True)

            def arrive(decoder: Decoder = decoder, chunks: list[bytes] = chunks) -> None:
                for chunk in chunks:
                    self.assertEqual(list(decoder.decode(chunk)), [])

            error = self.assertRaises(LimitExceeded, arrive)
            self.assertEqual(error.limit, limit)
            self.assertIn(str(error.value), str(error))
            self.assertEqual(error.value, getattr(limits, limit, error.value))
            again = self.assertRaises(LimitExceeded, lambda d=decoder: list(d.decode(b"\x01\x81")))
            self.assertEqual(again.limit, limit)

    def test_announced(self) -> None:
        """Too long strings and lists are refused by their announced length, before their content arrives."""
        string, items = b"\x82", b"\x80"
        self.refused(header(4094, string), BEFORE_LOGIN, "expressionBytes")
        self.refused(header(SIZE_LIMIT + 1, string), AFTER_LOGIN, "string")
        self.refused(header(2**448 - 1, string), AFTER_LOGIN, "string")
        self.refused(header(65, items), BEFORE_LOGIN, "items")
        self.refused(header(100_001, items), AFTER_LOGIN, "items")
        self.refused(header(2**448 - 1, items), WIDE, "items")

    def test_sizeOfAll(self) -> None:
        """Many small strings or long numbers are refused when they exceed the limit together."""
        self.refused(encode([b"x" * 90] * 50), BEFORE_LOGIN, "expressionBytes")
        self.refused(encode([2**448 - 1] * 64), BEFORE_LOGIN, "expressionBytes")
        self.refused(encode([2**448 - 1] * 64)[:4100], BEFORE_LOGIN, "expressionBytes")

    def test_tooLongAndHere(self) -> None:
        """A too long string is refused even if it arrives in one piece."""
        data = header(SIZE_LIMIT + 1, b"\x82") + b"x" * (SIZE_LIMIT + 1)
        received, error = weDecode([encode(1) + data])
        self.assertEqual(received, [1])
        assert isinstance(error, LimitExceeded)
        self.assertEqual(error.limit, "string")

    def test_itemsOfAll(self) -> None:
        """Short lists are refused when their items exceed the limit together."""
        self.refused(encode([[0] * 9] * 7), BEFORE_LOGIN, "items")
        self.refused(encode([[]] * 65), BEFORE_LOGIN, "items")

    def test_depth(self) -> None:
        """Nested lists are refused at the first one that is too deep, even if it is empty."""
        self.refused(b"\x01\x80" * 9, BEFORE_LOGIN, "depth")
        self.refused(b"\x01\x80" * 8 + b"\x80", BEFORE_LOGIN, "depth")
        self.refused(b"\x01\x80" * 65, AFTER_LOGIN, "depth")

    def test_prefix(self) -> None:
        """An endless number is refused at its 65th byte."""
        self.refused(b"\x01" * 65, AFTER_LOGIN, "prefix")

    @fuzz
    @given(expressions, st.sampled_from(["expressionBytes", "items", "depth"]))
    def test_exactly(self, expression: Any, limit: str) -> None:
        """An expression of exactly the allowed size is accepted; a size of one more is refused."""
        data = encode(expression)
        sizes = {"expressionBytes": len(data), "items": countItems(expression), "depth": depthOf(expression)}
        size = sizes[limit]
        for chunks in ([data], singly(data)):
            received, error = weDecode(chunks, replace(WIDE, **{limit: size}))
            self.assertIsNone(error)
            self.assertEqual(plain(received), [plain(expression)])
            if size:
                received, error = weDecode(chunks, replace(WIDE, **{limit: size - 1}))
                self.assertEqual(received, [])
                assert isinstance(error, LimitExceeded)
                self.assertEqual(error.limit, limit)

    def test_login(self) -> None:
        """A genuine login is far below the limits before login (row 2)."""
        said = [
            b"pb",
            [b"version", 6],
            [b"message", 1, b"root", b"login", 1, [b"tuple", b"bot-1"], [b"dictionary"]],
            [
                b"message",
                2,
                1,
                b"respond",
                1,
                [b"tuple", b"0123456789abcdef", [b"remote", 1]],
                [b"dictionary"],
            ],
            [b"decref", 1],
        ]
        quarter = Limits(BEFORE_LOGIN.expressionBytes // 4, BEFORE_LOGIN.depth // 2, BEFORE_LOGIN.items // 4)
        data = encode(said[0], vocabulary=False) + b"".join(map(encode, said[1:]))
        self.assertEqual(weDecode([data], quarter), (said, None))

    def test_memory(self) -> None:
        """Before login, a peer can make the master hold only a few kilobytes (row 2)."""
        attacks = {
            "nested lists": b"\x01\x80" * 100_000,
            "a list of strings": header(SIZE_LIMIT, b"\x80") + encode(b"x" * 600_000) * 4,
            "a short list of strings": header(9, b"\x80") + encode(b"x" * 600_000) * 4,
            "small numbers": encode([0] * 60_000),
            "empty lists": encode([[]] * 60_000),
            "one long string": encode(b"x" * 600_000),
            "one string as long as a read": encode(b"x" * 65_000),
            "long numbers": encode([2**448 - 1] * 10_000),
        }
        for name, data in attacks.items():
            reads = [data[start : start + 65536] for start in range(0, len(data), 65536)]
            decoder = Decoder(BEFORE_LOGIN, vocabulary=True)
            tracemalloc.start()
            try:
                self.assertRaises(
                    LimitExceeded, lambda d=decoder, r=reads: [list(d.decode(each)) for each in r]
                )
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            self.assertLess(peak, 16 * 1024, name)


def countItems(expression: Any) -> int:
    if not isinstance(expression, list):
        return 0
    return len(expression) + sum(map(countItems, expression))


def depthOf(expression: Any) -> int:
    if not isinstance(expression, list):
        return 0
    return 1 + max(map(depthOf, expression), default=0)
