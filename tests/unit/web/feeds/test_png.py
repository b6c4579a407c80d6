"""Tests of buildbot.web.feeds.png."""

from __future__ import annotations

import zlib
from struct import unpack

from twisted.trial import unittest

from buildbot.model.results import FAILURE, Results
from buildbot.web.feeds.badge import COLORS
from buildbot.web.feeds.png import SIZES, png

EACH = [*range(len(Results)), None]


def opened(image: bytes) -> tuple[int, list[list[tuple[int, ...]]]]:
    """The width and the pixels (red, green, blue, opacity) of an image whose rows have no filter."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(image):
        (length,) = unpack(">I", image[at : at + 4])
        kind, content = image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        (checksum,) = unpack(">I", image[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + content)
        chunks[kind], at = content, at + 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (width, rest) == (height, [8, 6, 0, 0, 0])
    data = zlib.decompress(chunks[b"IDAT"])
    rows = [data[row * (4 * width + 1) :][: 4 * width + 1] for row in range(height)]
    assert len(data) == height * (4 * width + 1) and not any(row[0] for row in rows)
    return width, [[tuple(row[at : at + 4]) for at in range(1, 4 * width, 4)] for row in rows]


class PngTests(unittest.TestCase):
    """The image of 0.8 tells the last result of a builder (table G, row 60)."""

    def test_sizes(self) -> None:
        """Each size is an image of its width. An unknown size is the normal one."""
        self.assertEqual({size: opened(png(FAILURE, size))[0] for size in SIZES}, SIZES)
        self.assertEqual(png(FAILURE, "huge"), png(FAILURE))

    def test_box(self) -> None:
        """A failure is a white cross on red; the corners of the box are round."""
        _, pixels = opened(png(FAILURE))
        red = tuple(bytes.fromhex(COLORS[FAILURE][1:]))
        self.assertEqual(pixels[0][0][3], 0)
        self.assertEqual(pixels[16][2], (*red, 255))
        self.assertEqual(pixels[16][16], (255, 255, 255, 255))

    def test_differ(self) -> None:
        """Each result has its own symbol, so the image can be read without colours."""
        shapes = set()
        for results in EACH:
            _, pixels = opened(png(results, "small"))
            paint = pixels[8][1]
            shapes.add(tuple(pixel[0] > (paint[0] + 255) / 2 for row in pixels for pixel in row))
        self.assertEqual(len(shapes), len(EACH))

    def test_cached(self) -> None:
        """An image is drawn once."""
        self.assertIs(png(FAILURE, "large"), png(FAILURE, "large"))

    def test_unknown(self) -> None:
        """An unknown result looks like an exception."""
        self.assertEqual(png(99), png(4))
