"""The first screen of a log whose index is missing."""

from __future__ import annotations

import os
import random
import tempfile
from functools import cache

from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs import firstscreen
from buildbot.logs.firstscreen import beginningOf, endOf, firstChunk, middleOf
from buildbot.logs.format import ChunkParser, encode


@cache
def manyLines() -> bytes:
    """A log of a hundred thousand lines."""
    return b"".join(encode(0, b"line %d\n" % number) for number in range(100_000))


class EndTests(unittest.TestCase):
    """The end of a log is found without its beginning."""

    def path(self, data: bytes) -> str:
        path = os.path.join(tempfile.mkdtemp(dir="."), "1-log-s-stdio")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def test_anyCut(self) -> None:
        """Wherever the last bytes of a log begin, they are read from a true chunk on."""
        chance = random.Random(3)
        channels = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR, LOG_CHANNEL_HEADER)
        chunks = [
            (chance.choice(channels), b"".join(chance.choices((b"a\n", b",", b"12: ", b"7"), k=20)))
            for _ in range(30)
        ]
        data = b"".join(encode(*each) for each in chunks)
        for begin in range(len(data) - 100):
            place = firstChunk(data[begin:])
            assert place is not None, begin
            found = ChunkParser().feed(data[begin + place :])
            self.assertEqual(found, chunks[-len(found) :])

    def test_alike(self) -> None:
        """Output that is itself a log is no border of a chunk."""
        inner = b"," + encode(0, b"one\n") + encode(0, b"two\n") * 50
        data = encode(0, inner) + encode(1, b"end\n")
        place = firstChunk(data[5:])
        self.assertEqual(data[5:][place:], encode(1, b"end\n"))

    def test_incomplete(self) -> None:
        """The last chunk may be incomplete: the master was killed while it wrote."""
        data = b"x," + encode(0, b"line\n") * 5 + b"900:0rest"
        self.assertEqual(firstChunk(data), 2)
        self.assertIsNone(firstChunk(b"x," + encode(0, b"line\n") + b"900:0rest"))

    def test_lines(self) -> None:
        """The last lines have no numbers; the view says that it is only a part."""
        path = self.path(manyLines())
        view = endOf(path)
        assert view is not None
        self.assertTrue(view.isPart)
        found = view.last(3)
        self.assertEqual([each.text for each in found.unnumbered], ["line 99997", "line 99998", "line 99999"])
        self.assertEqual({each.number for each in found.unnumbered}, {None})

    def test_middle(self) -> None:
        """At each share of a log, whole lines in their order are shown, from about that place on."""
        self.patch(firstscreen, "_ENDS", (1 << 10, 1 << 12))
        chance = random.Random(5)
        lines = [b"line %d\n" % number for number in range(20_000)]
        data = b"".join(lines)
        pieces, at = [], 0
        while at < len(data):
            length = chance.randrange(1, 300)
            pieces.append(encode(0, data[at : at + length]))
            at += length
        path = self.path(b"".join(pieces))
        for share in (0.01, 0.25, 0.5, 0.77, 0.99):
            view = middleOf(path, share, 50)
            self.assertTrue(view.isPart)
            texts = [line.text for line in view.last(5000).unnumbered]
            self.assertEqual(len(texts), 50)
            first = int(texts[0].split()[1])
            self.assertEqual(texts, [f"line {number}" for number in range(first, first + 50)])
            before = sum(map(len, lines[:first]))
            self.assertLess(abs(before / len(data) - share), 0.005)

    def test_middleAtTheEnds(self) -> None:
        """At 0 % are the first lines, with numbers; at 100 % are some of the last ones."""
        path = self.path(manyLines())
        self.assertEqual(middleOf(path, 0, 5).lines(1, 1).lines[0].text, "line 0")
        last = middleOf(path, 1, 5)
        self.assertEqual(last.last(5).unnumbered[-1].text, "line 99999")

    def test_nothing(self) -> None:
        """There is no view of a file that is no log."""
        self.assertIsNone(endOf(self.path(b"x" * 1000)))

    def test_beginning(self) -> None:
        """The first lines have their numbers, also those of a damaged log."""
        path = self.path(manyLines())
        self.assertEqual(beginningOf(path).lines(2, 1).lines[0].text, "line 1")
        damaged = beginningOf(self.path(encode(0, b"one\n") + b"x" * 100))
        self.assertEqual([each.text for each in damaged.lines(1, 5).lines], ["one"])
