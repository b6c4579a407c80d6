# -*- test-case-name: tests.unit.logs.test_indexing -*-
"""The times at which the parts of one log were written, one for about 64 KiB of the file."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from bisect import bisect_right
from typing import TypeVar

#: The least bytes of the file between two marks.
STEP = 1 << 16
_MAGIC = b"BBTIMES1"
#: The CRC-32 of what follows, the size and the CRC-32 of the log, the number of marks, and the first time.
_HEAD = struct.Struct("<8sLQLQd")

_V = TypeVar("_V", int, float)


class Marks:
    """I remember when the parts of a file were written. A shorter file than C{step} has one time: its start.

    @ivar next: the size of the file from which L{add} is to be called.
    """

    def __init__(self, begun: float, step: int = STEP) -> None:
        """@param begun: the time at which the file was created, in seconds since the epoch."""
        self.next = step
        self._step = step
        self._begun = begun
        self._offsets = array("Q")
        self._times = array("d")

    def add(self, offset: int, when: float) -> None:
        """Note that the bytes from C{offset} on were written just now."""
        self._offsets.append(offset)
        self._times.append(when)
        self.next = offset + self._step

    def timeOf(self, offset: int) -> float:
        """The time at which a byte of the file was written or a little earlier, in seconds of the epoch."""
        place = bisect_right(self._offsets, offset)
        return self._times[place - 1] if place else self._begun

    def toBytes(self, logSize: int, logCrc: int) -> bytes:
        """The times as bytes for a file. They fit only a log of this size and CRC-32."""
        body = _swapped(self._offsets).tobytes() + _swapped(self._times).tobytes()
        return _HEAD.pack(_MAGIC, zlib.crc32(body), logSize, logCrc, len(self._offsets), self._begun) + body


def marksOf(data: bytes, logSize: int, logCrc: int) -> Marks | None:
    """The times in the bytes of a file; None if they are damaged, or those of another log."""
    if len(data) < _HEAD.size:
        return None
    magic, check, size, crc, count, begun = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if (magic, size, crc) != (_MAGIC, logSize, logCrc) or len(body) != 16 * count:
        return None
    if zlib.crc32(body) != check:
        return None
    marks = Marks(begun)
    marks._offsets.frombytes(body[: 8 * count])
    marks._times.frombytes(body[8 * count :])
    marks._offsets, marks._times = _swapped(marks._offsets), _swapped(marks._times)
    return marks


def _swapped(values: array[_V]) -> array[_V]:
    """The same values in the order of bytes of a file."""
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values
