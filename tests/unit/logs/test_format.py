"""The chunks of log files: encoding and parsing, for any split of the data."""

from __future__ import annotations

import tracemalloc

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.logs.format import MAX_LENGTH, BadLog, Chunk, ChunkParser, encode

CHUNKS = st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=300)), max_size=20)


def cut(text: bytes, places: list[int]) -> list[bytes]:
    """Split the text at these places."""
    ends = sorted({min(place, len(text)) for place in places} | {len(text)})
    return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def parsed(pieces: list[bytes]) -> tuple[list[Chunk], ChunkParser]:
    """The chunks that a parser finds in these pieces."""
    parser = ChunkParser()
    return [chunk for piece in pieces for chunk in parser.feed(piece)], parser


class FormatTests(unittest.SynchronousTestCase):
    """Valid chunks."""

    def test_asIn075(self) -> None:
        """A chunk is encoded as in 0.7.5: length with channel digit, channel, data, comma."""
        self.assertEqual(encode(0, b"hello\n") + encode(2, b""), b"7:0hello\n,1:2,")

    @given(CHUNKS, st.lists(st.integers(0, 3000)))
    def test_thereAndBack(self, chunks: list[Chunk], places: list[int]) -> None:
        """G5: any bytes are read again, with their channel, for any split of the file."""
        text = b"".join(encode(*chunk) for chunk in chunks)
        found, parser = parsed(cut(text, places))
        self.assertEqual(found, chunks)
        self.assertEqual(parser.offset, len(text))

    def test_asSoonAsThere(self) -> None:
        """A chunk is returned with its last byte, and not before; the offset is the start of the next one."""
        parser = ChunkParser(100)
        text = encode(1, b"abc") * 2
        found = [(parser.feed(text[at : at + 1]), parser.offset) for at in range(len(text))]
        self.assertEqual([at for at, (chunks, _) in enumerate(found) if chunks], [6, 13])
        self.assertEqual([offset for _, offset in found], [100] * 6 + [107] * 7 + [114])

    def test_longChunk(self) -> None:
        """G2: a long chunk that comes byte by byte is parsed in linear time."""
        parser = ChunkParser()
        text = encode(0, b"x" * 2_000_000)
        tracemalloc.start()
        try:
            found = [chunk for at in range(0, len(text), 100) for chunk in parser.feed(text[at : at + 100])]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertEqual(found, [(0, b"x" * 2_000_000)])
        self.assertLess(peak, 8_000_000)


class BadTests(unittest.SynchronousTestCase):
    """Invalid chunks."""

    def test_bad(self) -> None:
        """An invalid chunk is refused as early as possible, with its offset."""
        good = encode(0, b"a")
        for bad in (
            *(
                b":",
                b"x",
                b"1x",
                b"-1:0,",
                b"+2:0a,",
                b" 2:0a,",
                b"1_0:0",
                b"0:,",
                b"2:0ab",
                b"2:xa,",
                b"2:/a,",
            ),
            *(b"%d:0" % (MAX_LENGTH + 1), b"9" * 9, b"99999999:0", "٣:0aa,".encode()),
        ):
            parser = ChunkParser()
            self.assertEqual(parser.feed(good), [(0, b"a")])
            self.assertEqual(self.assertRaises(BadLog, parser.feed, bad).offset, len(good), bad)

    def test_goodOnesFirst(self) -> None:
        """Chunks before the damage are returned; the next call raises."""
        parser = ChunkParser()
        self.assertEqual(parser.feed(encode(0, b"a") + b"garbage" + encode(0, b"b")), [(0, b"a")])
        self.assertEqual(self.assertRaises(BadLog, parser.feed, b"").offset, 5)

    @given(CHUNKS, st.integers(0, 3000))
    @example([(0, b"abc")], 4)
    def test_truncated(self, chunks: list[Chunk], length: int) -> None:
        """Row 24: of a truncated file, all chunks but the last are read, and nothing raises."""
        text = b"".join(encode(*chunk) for chunk in chunks)[:length]
        found, parser = parsed([text])
        self.assertEqual(found, chunks[: len(found)])
        self.assertEqual(b"".join(encode(*chunk) for chunk in found), text[: parser.offset])
        self.assertLess(len(text) - parser.offset, 305)

    @given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
    def test_anything(self, text: bytes, places: list[int]) -> None:
        """Any bytes give chunks or an error, the same for any split."""
        outcomes = []
        for pieces in ([text, b""], [*cut(text, places), b"", b""]):
            parser, found, offset = ChunkParser(), [], None
            for piece in pieces:
                try:
                    found += parser.feed(piece)
                except BadLog as damage:
                    offset = damage.offset
                    break
            outcomes.append((found, offset))
        self.assertEqual(outcomes[0], outcomes[1])
