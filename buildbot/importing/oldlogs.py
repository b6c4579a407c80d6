# -*- test-case-name: tests.unit.importing.test_oldlogs -*-
"""Copy the log file of an old master, which may be compressed, into a log of this release.

Both have the same format, so the bytes stay as they are. A log of any size is copied in pieces.
"""

from __future__ import annotations

import bz2
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Protocol

from buildbot.files.permissions import makeDirectories
from buildbot.files.plain import openPlain
from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.logs.format import BadLog, ChunkParser, encode
from buildbot.logs.names import indexPath
from buildbot.logs.notices import damaged
from buildbot.model.records import LogRecord

_PIECE = 1 << 20
#: The suffixes of compressed files, and none.
_ENDS = ("", ".bz2", ".gz")
_DAMAGE = (OSError, EOFError, zlib.error)
#: The suffix of a log that is not complete.
PARTIAL = ".import"


class NoLog(Exception):
    """The file of a log cannot be opened; str() says why."""


class LogGone(NoLog):
    """The file of a log does not exist."""


class _Source(Protocol):
    """A file from which a log is read."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class _Copy:
    """I am the file of the new log while it is written."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._partial = path + PARTIAL
        makeDirectories(os.path.dirname(path), 0o600)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(self._partial, flags, 0o600), "wb")
        self.size = 0
        self.crc = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)

    def finish(self, when: float) -> None:
        """Give the file its name and its time, in place of an earlier one."""
        self._file.close()
        os.utime(self._partial, (when, when))
        os.replace(self._partial, self._path)
        if os.path.lexists(indexPath(self._path)):
            os.unlink(indexPath(self._path))

    def drop(self) -> None:
        """Remove the file. It may have its name already, if Ctrl-C came just after that."""
        self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._partial)


def copyLog(directory: str, filename: str, path: str, record: LogRecord, when: float) -> LogRecord:
    """Copy a log from the directory of an old builder.

    @param filename: its name there, without the suffix of a compressed file.
    @param path: of the new file; an earlier one is replaced when the copy is complete.
    @param record: for the new log.
    @param when: the modification time of the new file; by it, the master finds old logs.
    @return: the record with its size and CRC, and with a trouble if the log was damaged.
    @raise NoLog: there is no file to copy.
    @raise OSError: the copy cannot be written.
    """
    with closing(_opened(directory, filename)) as source:
        copy = _Copy(path)
        try:
            trouble = _copied(source, copy)
            copy.finish(when)
        except BaseException:
            copy.drop()
            raise
    return LogRecord(record.name, record.filename, copy.size, copy.crc, trouble, record.html)


def writeHTML(text: str, path: str, record: LogRecord, when: float) -> LogRecord:
    """Write the text of an HTML log, which an old master kept in the pickle of the build."""
    copy = _Copy(path)
    try:
        for chunk in _slices(text.encode("utf-8", "replace")):
            copy.write(encode(LOG_CHANNEL_STDOUT, chunk))
        copy.finish(when)
    except BaseException:
        copy.drop()
        raise
    return LogRecord(record.name, record.filename, copy.size, copy.crc, "", record.html)


def _opened(directory: str, filename: str) -> _Source:
    if os.path.basename(filename) != filename or filename[:1] in ("", ".") or "\0" in filename:
        raise NoLog("its file has an impossible name")
    for end in _ENDS:
        try:
            raw = os.fdopen(openPlain(os.path.join(directory, filename + end), follow=False), "rb")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NoLog(f"its file cannot be opened: {error.strerror}") from None
        if end == ".bz2":
            return _Unpacked(raw, bz2.open(raw, "rb"))
        return _Unpacked(raw, gzip.open(raw, "rb")) if end else raw
    raise LogGone("its file is gone")


class _Unpacked:
    """I am a compressed file and what reads it."""

    def __init__(self, raw: _Source, inner: _Source) -> None:
        self._raw = raw
        self._inner = inner

    def read(self, size: int, /) -> bytes:
        return self._inner.read(size)

    def close(self) -> None:
        self._inner.close()
        self._raw.close()


def _copied(source: _Source, copy: _Copy) -> str:
    """Copy all whole chunks. Returns what is wrong with the log; empty if nothing is."""
    parser = ChunkParser()
    fed = 0
    while True:
        try:
            piece = source.read(_PIECE)
        except _DAMAGE as error:
            return _noted(copy, BadLog(copy.size), f"its end cannot be read: {error}")
        fed += len(piece)
        try:
            chunks = parser.feed(piece)  # an empty last piece: it reports an incomplete chunk
        except BadLog as bad:
            return _noted(copy, bad, f"its file is damaged from byte {bad.offset} on")
        for channel, data in chunks:
            copy.write(encode(channel, data))
        if not piece:
            break
    if copy.size < fed:
        return "its end is missing: the master ended while it was written"
    return ""


def _noted(copy: _Copy, bad: BadLog, trouble: str) -> str:
    copy.write(encode(*damaged(bad)))
    return trouble


def _slices(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), _PIECE):
        yield data[at : at + _PIECE]
