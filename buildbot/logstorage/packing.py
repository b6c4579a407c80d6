# -*- test-case-name: tests.unit.logstorage.test_packing -*-
"""One object with all logs of a build: members of gzip, an index of them, and where the index is.

Each member has L{MEMBER} bytes of one file, so that any part can be read alone. C{gunzip} unpacks the whole
object: the files one after the other, and the index, which is JSON. The last member is empty; its header has
the place of the index. The functions with files block.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import IO, Any

from buildbot.logs.mounts import openLog
from buildbot.logstorage.bucket import PART

#: The bytes of a file in one member.
MEMBER = 1 << 18
#: The level of compression: three times as fast as the usual one, and a tenth larger.
_LEVEL = 3
_FOOTER = struct.Struct("<10sH2sHQQ2s8s")
_BEGIN = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff"
_NAME = b"BL"
_EMPTY = b"\x03\x00"
#: The bytes of the last member.
FOOTER = _FOOTER.size


class BadObject(OSError):
    """An object is not one of logs, or it is damaged. C{strerror} says how."""

    def __init__(self, why: str) -> None:
        OSError.__init__(self, 5, f"its object in the object storage is damaged: {why}")


@dataclass(frozen=True)
class PackedFile:
    """A file in an object.

    @ivar name: its name, without a directory.
    @ivar size: in bytes.
    @ivar crc: its CRC-32.
    @ivar places: where each member begins in the object, and where the last one ends.
    """

    name: str
    size: int
    crc: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class Packed:
    """An object as it was packed.

    @ivar size: in bytes.
    @ivar sha256: in hexadecimal digits.
    @ivar etags: the ETags that a server usually gives it: of the parts of a long object, or of all.
    """

    size: int
    sha256: str
    etags: tuple[str, ...]
    files: tuple[PackedFile, ...]


def pack(target: IO[bytes], files: Iterable[tuple[str, str]]) -> Packed:
    """Write an object.

    @param files: the name and the path of each file.
    @raise OSError: a file is gone, or a disk is broken.
    """
    out = _Summed(target)
    packed = [_packFile(out, name, path) for name, path in files]
    index = {
        "version": 1,
        "member": MEMBER,
        "files": [
            {
                "name": each.name,
                "size": each.size,
                "crc": each.crc,
                "sizes": [end - start for start, end in pairwise(each.places)],
            }
            for each in packed
        ],
    }
    place = out.size
    out.write(gzip.compress(json.dumps(index).encode(), _LEVEL, mtime=0))
    out.write(_FOOTER.pack(_BEGIN, 20, _NAME, 16, place, out.size - place, _EMPTY, bytes(8)))
    return Packed(out.size, out.sha256.hexdigest(), out.etags(), tuple(packed))


def _packFile(out: _Summed, name: str, path: str) -> PackedFile:
    places, size, crc = [out.size], 0, 0
    with openLog(path) as file:
        while piece := file.read(MEMBER):
            size += len(piece)
            crc = zlib.crc32(piece, crc)
            out.write(gzip.compress(piece, _LEVEL, mtime=0))
            places.append(out.size)
    return PackedFile(name, size, crc, tuple(places))


@dataclass
class _Summed:
    """I write, and compute the sums of what I write."""

    target: IO[bytes]
    size: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)
    md5: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))
    _part: Any = None
    _left: int = 0
    _parts: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.target.write(data)
        self.sha256.update(data)
        self.md5.update(data)
        self.size += len(data)
        while data:
            if not self._left:
                self._endPart()
                self._part, self._left = hashlib.md5(usedforsecurity=False), PART
            piece, data = data[: self._left], data[self._left :]
            self._part.update(piece)
            self._left -= len(piece)

    def _endPart(self) -> None:
        if self._part is not None:
            self._parts.append(self._part.digest())
            self._part = None

    def etags(self) -> tuple[str, ...]:
        """The MD5 of all; and that of the MD5s of the parts with their number, for a long object."""
        self._endPart()
        whole = self.md5.hexdigest()
        if len(self._parts) == 1:
            return (whole,)
        parts = hashlib.md5(b"".join(self._parts), usedforsecurity=False).hexdigest()
        return whole, f"{parts}-{len(self._parts)}"


def placeOfIndex(footer: bytes) -> tuple[int, int]:
    """The offset and the size of the index. Raises L{BadObject}.

    @param footer: the last L{FOOTER} bytes of the object.
    """
    if len(footer) != FOOTER:
        raise BadObject("it is too short")
    begin, extra, name, length, place, size, empty, end = _FOOTER.unpack(footer)
    if (begin, extra, name, length, empty, end) != (_BEGIN, 20, _NAME, 16, _EMPTY, bytes(8)):
        raise BadObject("its end is none of an object of logs")
    return place, size


def readIndex(data: bytes) -> dict[str, PackedFile]:
    """The files in an object, by name. Raises L{BadObject}.

    @param data: the index, as it is in the object.
    """
    try:
        index = json.loads(gzip.decompress(data))
        if index["version"] != 1 or index["member"] != MEMBER:
            raise BadObject("a later release has written it")
        place = 0
        found: dict[str, PackedFile] = {}
        for each in index["files"]:
            places = tuple(accumulate(each["sizes"], initial=place))
            place = places[-1]
            found[each["name"]] = PackedFile(each["name"], each["size"], each["crc"], places)
    except (ValueError, KeyError, TypeError, EOFError, zlib.error, gzip.BadGzipFile) as why:
        raise BadObject(f"its index cannot be read ({type(why).__name__})") from None
    return found


def unpackMember(data: bytes) -> bytes:
    """The bytes of a file in a member. Raises L{BadObject}."""
    try:
        return gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as why:
        raise BadObject(f"a part of it cannot be read ({type(why).__name__})") from None
