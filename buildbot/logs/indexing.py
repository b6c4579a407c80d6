# -*- test-case-name: tests.unit.logs.test_indexing -*-
"""Make the index of a log from its file, and keep it in a file beside the log.

All functions block: call them in a thread. Only long logs get an index on the disk.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from typing import IO

from twisted.logger import Logger

from buildbot.files.plain import openPlain
from buildbot.logs.format import BadLog, ChunkParser
from buildbot.logs.index import BLOCK, BadIndex, LogIndex, fromBytes
from buildbot.logs.marks import Marks, marksOf
from buildbot.logs.mounts import isElsewhere, lengthOf, openLog, sizeOf
from buildbot.logs.names import indexPath
from buildbot.logs.naps import Naps
from buildbot.logs.notices import damaged

_log = Logger()

#: The index of a smaller file is not kept on the disk: it takes only a millisecond to make.
KEPT = 1 << 18
#: An index file that is longer than this is not read: a log of a terabyte needs no more.
_LONGEST = 1 << 30
_PIECE = 1 << 20


def extend(index: LogIndex, path: str, marks: Marks | None = None) -> None:
    """Add the new part of a log's file to its index.

    @param marks: the times of the file's parts, if they are known.
    @raise OSError: the file is gone, or the disk is broken.
    """
    with openLog(path) as file:
        if lengthOf(file) > index.end.offset and index.damage is None:
            _extend(index, file, marks)


def _extend(index: LogIndex, file: IO[bytes], marks: Marks | None) -> None:
    parser = ChunkParser(index.end.offset)
    file.seek(parser.offset)
    naps = Naps()
    while piece := file.read(index.size):
        naps.mayNap()
        when = marks.timeOf(parser.offset) if marks is not None else None
        try:
            chunks = parser.feed(piece)
        except BadLog as damage:
            index.add([damaged(damage)], damage.offset, when)
            index.damage = damage.offset
            return
        index.add(chunks, parser.offset, when)


def sumsOf(path: str) -> tuple[int, int]:
    """The size and the CRC-32 of a file. Raises OSError."""
    size = crc = 0
    with openLog(path) as file:
        while piece := file.read(_PIECE):
            size += len(piece)
            crc = zlib.crc32(piece, crc)
    return size, crc


def make(path: str, marks: Marks | None = None, block: int = BLOCK) -> LogIndex:
    """Make the index of a log from its file. Raises like L{extend}."""
    index = LogIndex(block)
    extend(index, path, marks)
    return index


def keep(index: LogIndex, path: str, crc: int | None, isFinished: bool = True) -> None:
    """Write the index of a log to its file. A failure is only logged: the index can be made again.

    @param crc: the CRC-32 of the log's file, if it is known.
    @param isFinished: False if the log grows. Then the index covers only its first part.
    """
    if isElsewhere(path):  # its index is there, too
        return
    data = index.toBytes(sizeOf(path) if isFinished else index.end.offset, crc)
    try:
        descriptor = openPlain(indexPath(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, follow=False)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        if not os.path.lexists(path):  # the log was deleted meanwhile, perhaps before its index existed
            os.unlink(indexPath(path))
    except OSError as error:
        _log.warn("cannot write the index of log {path}: {error}", path=path, error=error)
        with suppress(OSError):
            os.unlink(indexPath(path))


def keepTimes(marks: Marks, path: str, size: int, crc: int) -> None:
    """Keep the times of a log without an index, in the file that its index will replace.

    This is quick. A failure is only logged: the lines of the log have no times then.
    """
    try:
        descriptor = openPlain(indexPath(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, follow=False)
        with os.fdopen(descriptor, "wb") as file:
            file.write(marks.toBytes(size, crc))
    except OSError as error:
        _log.warn("cannot write the times of log {path}: {error}", path=path, error=error)


def timesOf(path: str, crc: int | None) -> Marks | None:
    """The times that L{keepTimes} has kept for a log; None if there are none that fit it.

    @raise OSError: the log is gone.
    """
    size = sizeOf(path)
    data = _kept(path) if crc is not None and size >= KEPT else None
    return None if data is None or crc is None else marksOf(data, size, crc)


def _kept(path: str) -> bytes | None:
    """The bytes of the file beside a log; None if there is none that can be read."""
    try:
        with openLog(indexPath(path), follow=False) as file:
            return None if lengthOf(file) > _LONGEST else file.read()
    except OSError:
        return None


def load(path: str, crc: int | None) -> LogIndex | None:
    """Read the index of a log from its file; None if it is missing or does not fit the log.

    If the log's CRC-32 is unknown, the index may cover only its first part, because the master ended while it
    wrote the log.

    @raise OSError: the log is gone.
    """
    size = sizeOf(path)
    data = _kept(path)
    try:
        return None if data is None else fromBytes(data, size, crc)
    except BadIndex:
        return None


def find(path: str, crc: int | None, marks: Marks | None = None, block: int = BLOCK) -> LogIndex:
    """The index of a finished log: read from its file, or made, and kept if the log is long.

    @raise OSError: the log is gone, or the disk is broken.
    """
    size = sizeOf(path)
    known = load(path, crc) if size >= KEPT else None
    if known is not None and (known.end.offset >= size or known.damage is not None):
        return known
    index = known if known is not None else LogIndex(block)
    before = index.end
    extend(index, path, marks or timesOf(path, crc))
    if size >= KEPT and index.end != before:
        keep(index, path, crc)
    return index
