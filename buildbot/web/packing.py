# -*- test-case-name: tests.unit.web.test_packing -*-
"""Compress what many streams send, once for all of them.

A stream in zlib's format (RFC 1950, HTTP calls it C{deflate}) has blocks of compressed bytes. Here no block
refers to an earlier one. So one compressed piece is right in each stream, whatever the stream has sent
before. A stream ends with a checksum, which is made of those of its pieces; for C{gzip} that costs much more.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

#: The level of compression: higher ones cost more than they save.
LEVEL = 5
#: The pieces that are remembered.
_MOST = 4
#: The beginning of each stream.
HEAD = b"\x78\x9c"
#: The last block, which is empty.
_LAST = b"\x03\0"
#: The largest prime number below 65536, for the checksum.
_PRIME = 65521


class Packed(NamedTuple):
    """I am a piece of a stream.

    @ivar data: the compressed bytes.
    @ivar size: the number of bytes before.
    @ivar sum: the checksum (Adler-32) of the bytes before.
    """

    data: bytes
    size: int
    sum: int


_NOTHING = Packed(b"", 0, 1)


class Packer:
    """I compress pieces for many streams. I remember the last few, as all streams send them."""

    def __init__(self) -> None:
        self._recent: dict[int, tuple[bytes, Packed]] = {}  # by the identity of the bytes

    def packed(self, data: bytes) -> Packed:
        """The compressed piece."""
        if not data:
            return _NOTHING
        known = self._recent.get(id(data))
        if known is None:
            if len(self._recent) >= _MOST:
                del self._recent[next(iter(self._recent))]
            known = self._recent[id(data)] = data, _packed(data)
        return known[1]


def _packed(data: bytes) -> Packed:
    deflate = zlib.compressobj(LEVEL, wbits=-15)
    blocks = deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)
    return Packed(blocks, len(data), zlib.adler32(data))


def joined(sum: int, piece: Packed) -> int:
    """The checksum of a stream after one more piece; that of an empty stream is 1."""
    low, high = sum & 0xFFFF, sum >> 16
    more = piece.sum & 0xFFFF, piece.sum >> 16
    return (high + more[1] + piece.size * (low - 1)) % _PRIME << 16 | (low + more[0] - 1) % _PRIME


def end(sum: int) -> bytes:
    """The last bytes of a stream with this checksum."""
    return _LAST + struct.pack(">I", sum)
