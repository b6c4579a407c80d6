# -*- test-case-name: tests.unit.web.feeds.test_png -*-
"""The images of C{/png} of Buildbot 0.8: the last result of a builder as a coloured box with a symbol."""

from __future__ import annotations

import math
import zlib
from functools import lru_cache
from struct import pack

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.web.feeds.badge import COLORS, UNKNOWN_COLOR

CONTENT_TYPE = b"image/png"
#: The width and height of each size, in pixels.
SIZES = {"small": 16, "normal": 32, "large": 64}

#: A point of a symbol; the box is from 0 to 1.
Point = tuple[float, float]
_CROSS = (((0.3, 0.3), (0.7, 0.7)), ((0.7, 0.3), (0.3, 0.7)))
_EXCLAMATION = (((0.5, 0.24), (0.5, 0.56)), ((0.5, 0.75), (0.5, 0.76)))
#: The lines of the symbol of each result. They have the shapes of L{buildbot.status.looks}.
_SYMBOLS: dict[int | None, tuple[tuple[Point, Point], ...]] = {
    SUCCESS: (((0.27, 0.52), (0.44, 0.69)), ((0.44, 0.69), (0.74, 0.33))),
    WARNINGS: (
        ((0.5, 0.28), (0.75, 0.7)),
        ((0.75, 0.7), (0.25, 0.7)),
        ((0.25, 0.7), (0.5, 0.28)),
    ),
    FAILURE: _CROSS,
    SKIPPED: (((0.3, 0.5), (0.7, 0.5)),),
    EXCEPTION: _EXCLAMATION,
    RETRY: (
        ((0.3, 0.42), (0.68, 0.42)),
        ((0.68, 0.42), (0.54, 0.28)),
        ((0.7, 0.6), (0.32, 0.6)),
        ((0.32, 0.6), (0.46, 0.74)),
    ),
    CANCELLED: (((0.68, 0.3), (0.32, 0.7)),),
    None: (((0.4, 0.5), (0.4, 0.501)), ((0.6, 0.5), (0.6, 0.501))),
}
_HALF_STROKE, _CORNER = 0.06, 0.18


@lru_cache(maxsize=32)
def png(results: int | None, size: str = "normal") -> bytes:
    """The image of a result; None: there is no build yet. An unknown size is C{"normal"}."""
    width = SIZES.get(size, SIZES["normal"])
    known = results if results in _SYMBOLS else EXCEPTION
    color = UNKNOWN_COLOR if known is None else COLORS[known]
    paint = tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))
    rows = []
    for y in range(width):
        row = bytearray(b"\0")  # the filter of the row: none
        for x in range(width):
            row += _pixel((x + 0.5) / width, (y + 0.5) / width, width, paint, _SYMBOLS[known])
        rows.append(bytes(row))
    return _file(width, b"".join(rows))


def _pixel(
    x: float, y: float, width: int, paint: tuple[int, ...], lines: tuple[tuple[Point, Point], ...]
) -> bytes:
    """The red, green, blue and opacity of a pixel. Edges are smooth over one pixel."""
    ink = _covered(min(_distance(x, y, *line) for line in lines) - _HALF_STROKE, width)
    mixed = [round(each + (255 - each) * ink) for each in paint]
    return bytes([*mixed, round(255 * _covered(_outside(x, y), width))])


def _covered(distance: float, width: int) -> float:
    return min(1.0, max(0.0, 0.5 - distance * width))


def _distance(x: float, y: float, start: Point, end: Point) -> float:
    """The distance of a point from a line."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy)
    along = min(1.0, max(0.0, along))
    return math.hypot(x - start[0] - along * dx, y - start[1] - along * dy)


def _outside(x: float, y: float) -> float:
    """The distance of a point from the box with round corners; inside it is negative."""
    dx, dy = abs(x - 0.5) - 0.5 + _CORNER, abs(y - 0.5) - 0.5 + _CORNER
    return math.hypot(max(dx, 0.0), max(dy, 0.0)) + min(max(dx, dy), 0.0) - _CORNER


def _file(width: int, rows: bytes) -> bytes:
    head = pack(">IIBBBBB", width, width, 8, 6, 0, 0, 0)  # 8 bits a channel, with opacity
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))
