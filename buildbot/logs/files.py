# -*- test-case-name: tests.unit.logs.test_files -*-
"""Files with the output of steps: written piece by piece, readable while they grow.

The records of builds list the logs. This module does not interpret their bytes. Written data survives the end
of this process at once. It survives a crash of the machine when the system has written it to disk.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.events.sleep import sleep
from buildbot.files.permissions import makeDirectories
from buildbot.files.sparing import sparing
from buildbot.logs import notices
from buildbot.logs.flushing import DELAY as DELAY
from buildbot.logs.flushing import Flusher
from buildbot.logs.format import AFTER, BEFORE, BadLog, Chunk, ChunkParser, encode
from buildbot.logs.marks import STEP, Marks
from buildbot.logs.mounts import lengthOf, openLog, sizeOf
from buildbot.logs.names import indexPath
from buildbot.logs.notices import damaged
from buildbot.logs.tail import Tail
from buildbot.logs.text import decoded
from buildbot.text.plural import counted

_log = Logger()

#: Output is written after this many bytes, or after L{DELAY} seconds.
BLOCK = 1 << 16
#: L{LogWriter.grew} is called when the file of a log has grown by this many bytes and by this share.
GROWTH, _SHARE = 1 << 23, 32
#: The overhead in bytes of a piece of output in memory.
_PIECE = 64
#: The most bytes kept while the disk is full. Further output is lost, and the log says so.
BACKLOG = 1 << 20
#: Seconds between two reads of a growing log.
POLL = 0.25
_NAME_MAX = 120


@dataclass(frozen=True)
class LogLimits:
    """The limits of one log, in bytes of output: the first C{head} bytes are kept, and about the last
    C{tail}.

    @ivar head: None: no limit.
    """

    head: int | None = 1 << 26
    tail: int = 1 << 20


class OutputFile(Protocol):
    """The two methods of L{io.FileIO} that L{LogWriter} uses."""

    def write(self, data: bytes, /) -> int | None: ...
    def close(self) -> None: ...


def openForWriting(path: str) -> OutputFile:
    """Create a file (mode 0600) and its directory. Raises OSError.

    An existing file of this name is never overwritten. The new file does not use the file descriptors
    reserved for the administrator: see L{sparing}.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        makeDirectories(os.path.dirname(path), 0o600)
        descriptor = os.open(path, flags, 0o600)
    return sparing(descriptor, path, canWrite=True)


class LogWriter:
    """I write one log.

    I never raise for a full or broken disk. I keep recent output for a while and retry when more comes. If
    output is lost, the log says how much.

    @ivar length: the bytes of output received.
    @ivar size: the bytes in the file.
    @ivar crc: the CRC-32 of the file.
    @ivar error: the reason why writes fail now, in words; None if all is well.
    @ivar isFinished: True when the log is closed.
    @ivar trouble: the missing output and the reason, in words; empty if no output is missing.
    """

    def __init__(
        self,
        path: str,
        clock: IReactorTime,
        limits: LogLimits = LogLimits(),
        opener: Callable[[str], OutputFile] = openForWriting,
        tell: Callable[[str, str | None], None] = lambda path, error: None,
        file: OutputFile | None = None,
        flusher: Flusher | None = None,
        grew: Callable[[LogWriter], None] = lambda writer: None,
    ) -> None:
        """Create the file. If that fails, later writes retry.

        @param path: the path of the file.
        @param tell: called with C{path} and C{error} when C{error} changes.
        @param file: the new, empty file, if it is open already.
        @param flusher: shared with other logs; None: make one.
        @param grew: called when the file has grown by much, and when it is complete, unless it is small.
        """
        self.path = path
        self.length = 0
        self.size = 0
        self.crc = 0
        self.error: str | None = None
        self.trouble = ""
        self._begun = clock.seconds()
        self._marks: Marks | None = None
        self._clock = clock
        self._tell = tell
        self._grew = grew
        self._nextGrowth = GROWTH
        self._flusher = flusher or Flusher(clock)
        self._room = limits.head
        self._tailSize = limits.tail
        self._tail: _Tail | None = None  # until the log is too long
        self._opener = opener
        self._file = file
        self._isAdded = False  # to the flusher
        self.isFinished = False
        self._channel = -1
        self._pieces: list[bytes] = []  # of one channel
        self._chunks: list[Chunk] = []  # earlier ones, of other channels
        self._waiting = 0  # the memory of both, in bytes
        self._unwritten = b""
        self._lost = 0
        if file is None:
            self._write(b"")

    def __repr__(self) -> str:
        return f"<LogWriter {self.path}>"

    def append(self, channel: int, data: bytes) -> None:
        """Add output. It is in the file within L{DELAY} seconds.

        @raise ValueError: the log is finished.
        """
        if self.isFinished:
            raise ValueError(f"{self.path} is finished")
        if not data:
            return
        if channel != self._channel:
            self._seal()
            self._channel = channel
        self._pieces.append(data)
        size = len(data)
        self.length += size
        self._flusher.received += size
        self._waiting += size + _PIECE
        if self._waiting >= BLOCK:
            self.flush()
        if not self._isAdded:
            self._addToFlusher()

    def flush(self) -> None:
        """Write all added output to the file, as far as the disk permits."""
        outside: Sequence[Chunk] = ()
        room = self._room if self._room is not None and self._room < self._waiting else None
        if self._chunks or room is not None:
            self._seal()
            chunks, self._chunks = self._chunks, []
            if room is not None:
                chunks, outside = _divide(chunks, room)
            block, length = _encoded(chunks)
        else:
            pieces, self._pieces = self._pieces, []
            block, length = _joined(self._channel, pieces)
        self._waiting = 0
        before = self.size
        self._write(block, length)
        if self.size >= STEP and self.size >= self.marks.next:
            self.marks.add(before, self._clock.seconds())
            if self.size >= self._nextGrowth:
                self._nextGrowth = self.size + max(GROWTH, self.size // _SHARE)
                self._grew(self)
        if self._room is not None:
            # Single bytes of alternating channels take five times as much in the file.
            self._room = max(0, self._room - max(length, len(block) // 2))
        if outside:
            if self._tail is None:
                self._tail = _Tail(self._tailSize)
                self._write(encode(*notices.tooLong()))
            self._tail.add(*_encoded(outside))

    def finish(self) -> int:
        """Close the log. Returns the size of the file. A second call does nothing else."""
        if self.isFinished:
            return self.size
        self.flush()
        self.isFinished = True
        if self._isAdded:
            self._isAdded = False
            self._flusher.remove(self)
        if self._tail is not None:
            self._writeTail(self._tail)
            self._tail = None
        self._close()
        if self.error is not None:
            _log.error("log file {path} is not complete: {error}", path=self.path, error=self.error)
            self.trouble = (
                f"its end was not written: {self.error}" if self.size else f"not written: {self.error}"
            )
        elif not os.path.lexists(self.path):
            _log.error("log file {path} was deleted while it was being written", path=self.path)
            self.trouble = "its file was deleted while it was written"
        elif self.size >= STEP:
            self._grew(self)
        return self.size

    @property
    def marks(self) -> Marks:
        """The times at which parts of the file were written. A small log needs none."""
        if self._marks is None:
            self._marks = Marks(self._begun)
        return self._marks

    def _writeTail(self, tail: _Tail) -> None:
        """Write the end of a log that is too long."""
        if tail.dropped:
            self._write(encode(*notices.leftOut(tail.dropped)))
        for block, length in tail.blocks:
            self._write(block, length)

    def tail(self) -> Tail | None:
        """The end of the output, while a log that is too long grows: it is in the file only later.

        @return: None if the log is not too long.
        """
        self.flush()
        if self._tail is None:
            return None
        blocks = self._tail.blocks
        return Tail(self.length - sum(length for _, length in blocks), tuple(block for block, _ in blocks))

    def _addToFlusher(self) -> None:
        """Be written soon, if needed."""
        if self._waiting or self.error is not None:
            self._isAdded = True
            self._flusher.add(self)

    def flushInTime(self) -> None:
        """See L{buildbot.logs.flushing.Flushed}."""
        self._isAdded = False
        self.flush()
        self._addToFlusher()

    def _seal(self) -> None:
        if self._pieces:
            self._chunks.append((self._channel, b"".join(self._pieces)))
            self._pieces = []

    def _write(self, block: bytes, length: int = 0) -> None:
        """Write whole chunks, after the data that waits to be written.

        @param length: the bytes of output in the chunks.
        """
        if self._lost or (self._unwritten and len(self._unwritten) + len(block) > BACKLOG):
            self._lost += length
            block = b""
        self._unwritten += block
        try:
            self._push()
            if self._lost:
                self.trouble = f"{counted(self._lost, 'byte')} lost: {self.error}"
                self._unwritten = encode(*notices.lost(self._lost, str(self.error)))
                self._lost = 0
                self._push()
        except OSError as error:
            self._failed(error)
        else:
            if self.error is not None:
                self.error = None
                self._tell(self.path, None)

    def _push(self) -> None:
        if self._file is None:
            self._file = self._opener(self.path)
        while self._unwritten:
            written = self._file.write(self._unwritten) or 0
            self.size += written
            self.crc = zlib.crc32(self._unwritten[:written], self.crc)
            self._unwritten = self._unwritten[written:]

    def _close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._failed(error)
            self._file = None

    def _failed(self, error: OSError) -> None:
        why = error.strerror or type(error).__name__
        if self.error is None:
            _log.warn("cannot write log file {path}: {error}", path=self.path, error=why)
        if self.error != why:
            self.error = why
            self._tell(self.path, why)


class _Tail:
    """I keep the last bytes of the output.

    @ivar blocks: encoded chunks, and the bytes of output in each block.
    @ivar dropped: the bytes of output dropped so far.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept = 0
        self.blocks: deque[tuple[bytes, int]] = deque()
        self.dropped = 0

    def add(self, block: bytes, length: int) -> None:
        self.blocks.append((block, length))
        self._kept += len(block)
        while self.blocks and self._kept - len(self.blocks[0][0]) >= self._size:
            gone, length = self.blocks.popleft()
            self._kept -= len(gone)
            self.dropped += length


class LogReader:
    """I read one log, finished or still growing.

    I skip an incomplete last chunk: the master ended while it wrote. If the file is damaged, I return a note
    in the header channel and stop.

    @ivar damage: the place of the damage, as text; empty if none was found.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.damage = ""

    def size(self) -> int:
        """The current size of the file in bytes.

        @raise OSError: the file is gone.
        """
        return sizeOf(self.path)

    def read(self, offset: int = 0, size: int = BLOCK, end: int | None = None) -> tuple[list[Chunk], int]:
        """Read the next chunks: from about C{size} bytes of the file, or more if a chunk is larger.

        @param offset: 0, or the offset from the last call.
        @param end: stop reading there; None for the end of the file.
        @return: the chunks (none at the end), and the offset for the next call.
        @raise OSError: the file is gone, or the disk is broken.
        """
        parser = ChunkParser(offset)
        with openLog(self.path) as source:
            source.seek(offset)
            while piece := source.read(size if end is None else min(size, end - source.tell())):
                try:
                    chunks = parser.feed(piece)
                except BadLog as damage:
                    self.damage = f"its file is damaged from byte {damage.offset} on"
                    return [damaged(damage)], lengthOf(source)
                if chunks:
                    return chunks, parser.offset
        return [], parser.offset

    def chunks(
        self, fromOffset: int = 0, channels: Container[int] | None = None, end: int | None = None
    ) -> Iterator[Chunk]:
        """Yield the present chunks, of all channels or of some.

        @param end: stop there: a result of L{size}; None for the end of the file.
        @raise OSError: the file is gone, or the disk is broken.
        """
        offset = fromOffset
        while True:
            chunks, offset = self.read(offset, end=end)
            if not chunks:
                return
            for chunk in chunks:
                if channels is None or chunk[0] in channels:
                    yield chunk

    def texts(self, channels: Container[int] | None = None) -> Iterator[str]:
        """Yield the text of the log in pieces. Invalid UTF-8 becomes U+FFFD."""
        return (text for _, text in decoded(self.chunks(channels=channels)))

    def text(self, channels: Container[int] | None = None) -> str:
        """Return the text of the log, all of it in memory."""
        return "".join(self.texts(channels))

    async def follow(
        self, clock: IReactorTime, isOver: Callable[[], bool], offset: int = 0
    ) -> AsyncIterator[list[Chunk]]:
        """Yield existing chunks, then new ones as they are written.

        @param isOver: returns True when the log is finished. The iteration ends when everything is read after
            that.
        """
        while True:
            over = isOver()  # asked before reading, so that nothing written before is missed
            chunks, offset = self.read(offset)
            if chunks:
                yield chunks
            elif over:
                return
            else:
                await sleep(clock, POLL)


def logFilename(builder: str, number: int, step: str, log: str, taken: Container[str] = ()) -> str:
    """Make a file name for a log, relative to the directory of logs and always below it.

    For common names it is like 0.7.5's: C{full/12-log-compile-stdio}.

    @param builder: the builder's name; different builders have different directories.
    @param taken: the names of the build's other logs.
    """
    stem = f"{_safe(builder)}/{_safe(f'{number}-log-{step}-{log}')}"
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}_{count}"
    return name


def removeLogs(directory: str, filenames: Iterable[str]) -> int:
    """Delete these files below a directory. Return the number of deleted files. Blocks.

    The index of each log is deleted with it. A file that cannot be deleted, or that is outside of the
    directory, is logged and kept.
    """
    top = os.path.realpath(directory)
    removed = 0
    for filename in filenames:
        path = os.path.join(top, filename)
        try:
            if not os.path.realpath(os.path.dirname(path)).startswith(top + os.sep):
                raise PermissionError(0, f"it is not in a directory below {top}")
            os.unlink(path)
            removed += 1
            os.unlink(indexPath(path))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            _log.warn("cannot delete log file {path}: {error}", path=path, error=error)
    return removed


#: File names that need no quoting; nearly all names are such.
_UNSURPRISING = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.~ +,=@-]{{0,{_NAME_MAX - 1}}}")


def _safe(name: str) -> str:
    """A safe file name for any text. Equal texts have equal names, different texts have different ones."""
    if _UNSURPRISING.fullmatch(name):
        return name
    spelled = quote(name.encode("utf-8", "surrogateescape"), safe=" +,=@")
    if spelled[:1] in (".", " ", ""):
        spelled = f"%{ord(spelled[0]):02X}{spelled[1:]}" if spelled else "%"
    if len(spelled) > _NAME_MAX:
        digest = sha256(spelled.encode()).hexdigest()[:16]
        spelled = f"{spelled[: _NAME_MAX - 17]}~{digest}"
    return spelled


def _encoded(chunks: Sequence[Chunk]) -> tuple[bytes, int]:
    """Encode chunks for the file, none longer than L{BLOCK}. Also return the bytes of output in them."""
    parts: list[bytes] = []
    length = 0
    for channel, data in chunks:
        length += len(data)
        if 0 < len(data) <= BLOCK:
            parts.append(encode(channel, data))
        else:
            parts += [encode(channel, data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]
    return b"".join(parts), length


def _joined(channel: int, pieces: Sequence[bytes]) -> tuple[bytes, int]:
    """Encode pieces of one channel like L{_encoded}, without a copy of all data."""
    length = sum(map(len, pieces))
    if not 0 < length <= BLOCK:
        return _encoded([(channel, b"".join(pieces))])
    return b"".join((BEFORE % (length + 1, channel), *pieces, AFTER)), length


def _divide(chunks: list[Chunk], room: int) -> tuple[list[Chunk], list[Chunk]]:
    """Split chunks after C{room} bytes. One chunk may be cut in two."""
    for position, (channel, data) in enumerate(chunks):
        if len(data) > room:
            inside = [*chunks[:position], (channel, data[:room])] if room else chunks[:position]
            return inside, [(channel, data[room:]), *chunks[position + 1 :]]
        room -= len(data)
    return chunks, []
