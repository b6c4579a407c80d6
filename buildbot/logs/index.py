# -*- test-case-name: tests.unit.logs.test_indexing -*-
"""The index of a log: where in its file a line, or a byte of its output, is found.

An index has one row of 48 bytes for each block of about 64 KiB of output. A block begins with a chunk. This
module reads no files: L{buildbot.logs.indexing} does.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.logs.format import Chunk
from buildbot.logs.notices import outputOf

#: The least bytes of data in a block.
BLOCK = 1 << 16
_MAGIC = b"BBINDEX1"
_HEAD = struct.Struct("<8sLLQqQQQQQQ?q")
_UNKNOWN = -1
_FIELDS = 6
_OFFSET, _OUTPUT, _DATA, _TEXT, _LINES, _REST = range(_FIELDS)


class BadIndex(ValueError):
    """The bytes are not an index of this log."""


class Block(NamedTuple):
    """The place where a block begins. All counts are from the beginning of the log.

    @ivar offset: in bytes of the file.
    @ivar output: in bytes of output, as the slave sent it; lost and omitted output counts, and notes of the
        master do not.
    @ivar data: in bytes of data of all channels in the file.
    @ivar text: in bytes of data of standard output and standard error.
    @ivar lines: the complete lines before it.
    @ivar channel: of its first chunk.
    @ivar isInLine: True if it begins inside a line.
    @ivar when: the time of its arrival, in seconds since the epoch; None if unknown.
    """

    offset: int
    output: int
    data: int
    text: int
    lines: int
    channel: int
    isInLine: bool
    when: float | None


class LogIndex:
    """I am the index of one log, finished or growing.

    @ivar end: the place after the last chunk, in the same words as L{Block}.
    @ivar damage: the offset of the first damaged byte of the file; None if there is none.
    """

    def __init__(self, block: int = BLOCK) -> None:
        self.size = block
        self.end = Block(0, 0, 0, 0, 0, LOG_CHANNEL_HEADER, False, None)
        self.damage: int | None = None
        self._rows = array("Q")
        self._begun = 0  # the data before the last block

    def __len__(self) -> int:
        return len(self._rows) // _FIELDS

    @property
    def lines(self) -> int:
        """All lines, with the last one if it is incomplete."""
        return self.end.lines + self.end.isInLine

    def memory(self) -> int:
        """The bytes of all rows."""
        return len(self._rows) * self._rows.itemsize

    def copy(self) -> LogIndex:
        """An index that stays as it is."""
        other = LogIndex(self.size)
        other.end, other.damage = self.end, self.damage
        other._rows, other._begun = self._rows[:], self._begun
        return other

    # growing

    def add(self, chunks: Sequence[Chunk], offset: int, when: float | None) -> None:
        """Add the next chunks of the file.

        @param offset: the offset in the file after these chunks.
        @param when: the time at which the first one was written.
        """
        if not chunks:
            return
        end = self.end
        if not self._rows or end.data - self._begun >= self.size:
            self._begun = end.data
            rest = (round((when or 0) * 1000) << 8) | (chunks[0][0] << 1) | end.isInLine
            self._rows.extend((end.offset, end.output, end.data, end.text, end.lines, rest))
        _, output, size, text, lines, _, isInLine, _ = end
        for channel, data in chunks:
            lines += data.count(b"\n")
            length = len(data)
            size += length
            output += outputOf(channel, data)
            if channel != LOG_CHANNEL_HEADER:
                text += length
            if data:
                isInLine = data[-1] != 10
        self.end = Block(offset, output, size, text, lines, chunks[-1][0], isInLine, when)

    # finding

    def block(self, place: int) -> Block:
        """The block with a number from 0 on; L{end} for the number after the last."""
        if place >= len(self):
            return self.end
        offset, output, data, text, lines, rest = self._rows[place * _FIELDS : (place + 1) * _FIELDS]
        when = (rest >> 8) / 1000 if rest >> 8 else None
        return Block(offset, output, data, text, lines, (rest & 0xFF) >> 1, bool(rest & 1), when)

    def ofLineEnd(self, number: int) -> int:
        """The number of the block with the end of a line.

        @param number: of the line, from 1 on; 0 for the beginning of the log.
        """
        return max(0, bisect_left(range(len(self)), number, key=self._key(_LINES)) - 1)

    def ofOutput(self, offset: int) -> int:
        """The number of the block with a byte of output."""
        return self._ofByte(_OUTPUT, offset)

    def ofData(self, offset: int) -> int:
        """The number of the block with a byte of data."""
        return self._ofByte(_DATA, offset)

    def ofText(self, offset: int) -> int:
        """The number of the block with a byte of text."""
        return self._ofByte(_TEXT, offset)

    def _ofByte(self, field: int, offset: int) -> int:
        return max(0, bisect_right(range(len(self)), offset, key=self._key(field)) - 1)

    def _key(self, field: int) -> _Column:
        return _Column(self._rows, field)

    # keeping

    def toBytes(self, logSize: int, logCrc: int | None) -> bytes:
        """The index as bytes for a file. They fit only a log of this size and CRC-32."""
        rows = self._rows
        if sys.byteorder == "big":
            rows = rows[:]
            rows.byteswap()
        body = rows.tobytes()
        end, damage = self.end, _UNKNOWN if self.damage is None else self.damage
        crc = _UNKNOWN if logCrc is None else logCrc
        head = _HEAD.pack(
            _MAGIC, self.size, zlib.crc32(body), logSize, crc, len(self), *end[:5], end.isInLine, damage
        )
        return head + body


class _Column:
    """I am one column of the rows, for the functions of L{bisect}."""

    def __init__(self, rows: array[int], field: int) -> None:
        self._rows = rows
        self._field = field

    def __call__(self, place: int) -> int:
        return self._rows[place * _FIELDS + self._field]


def fromBytes(data: bytes, logSize: int, logCrc: int | None) -> LogIndex:
    """The index in the bytes of a file. Without the log's CRC-32, the index may cover only its first part.

    @param logSize: the size of the log's file.
    @param logCrc: its CRC-32; None if it is unknown.
    @raise BadIndex: the bytes are damaged, or belong to another log.
    """
    if len(data) < _HEAD.size:
        raise BadIndex("it is too short")
    magic, size, check, forSize, forCrc, rows, offset, output, total, text, lines, isInLine, damage = (
        _HEAD.unpack_from(data)
    )
    body = data[_HEAD.size :]
    if magic != _MAGIC or len(body) != rows * _FIELDS * 8 or zlib.crc32(body) != check:
        raise BadIndex("it is damaged")
    isPart = logCrc is None and forCrc == _UNKNOWN and forSize == offset <= logSize
    if not isPart and (forSize != logSize or (logCrc is not None and forCrc != logCrc)):
        raise BadIndex("it belongs to another log")
    index = LogIndex(size)
    index._rows.frombytes(body)
    if sys.byteorder == "big":
        index._rows.byteswap()
    index.end = Block(offset, output, total, text, lines, LOG_CHANNEL_HEADER, isInLine, None)
    index.damage = None if damage == _UNKNOWN else damage
    index._begun = index.block(rows - 1).data if rows else 0
    return index
