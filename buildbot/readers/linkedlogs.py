# -*- test-case-name: tests.unit.readers.test_farlogs -*-
"""The logs on the machine of the master, for a process with its pages on another one.

I am a second place of the directory of logs, which is empty here: see L{buildbot.logs.mounts}. Only the parts
that a reader wants are fetched. What was written does not change, so the parts that were read last stay in
memory.
"""

from __future__ import annotations

import errno
import io
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any, cast

from twisted.python import threadable

from buildbot.files.distant import DistantFile
from buildbot.logs.mounts import Elsewhere

#: The bytes of a block; the most blocks in memory, and the most sizes of logs.
BLOCK, BLOCKS, SIZES = 1 << 18, 128, 1000
#: Seconds for which the size of a growing log counts.
FRESH = 0.1


@dataclass(frozen=True)
class Piece:
    """I am a part of a log's file.

    @ivar size: the bytes of the whole file.
    @ivar output: the bytes of output so far; None if the log is finished.
    """

    data: bytes
    size: int
    output: int | None


#: Fetches a part of a log, by the name of its file, the offset, and the most bytes. Blocks; raises OSError.
Fetch = Callable[[str, int, int], Piece]


class LinkedLogs:
    """I am the logs of one master. All methods may be called in any thread; L{told} does not block."""

    def __init__(
        self,
        directory: str,
        fetch: Fetch,
        stored: Elsewhere | None = None,
        isInReactor: Callable[[], bool] = threadable.isInIOThread,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """@param directory: the directory of logs on this disk.
        @param stored: has the logs that were moved to object storage.
        """
        self._directory = os.path.abspath(directory)
        self._fetch = fetch
        self.stored = stored
        self._isInReactor = isInReactor
        self._now = now
        self._lock = Lock()
        self._growing: set[str] = set()
        self._sizes: OrderedDict[str, _Size] = OrderedDict()
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    # see L{buildbot.logs.mounts.Elsewhere}

    def open(self, path: str) -> IO[bytes]:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        name = self._nameOf(path)
        stored = self._storedOf(name)
        if stored is not None:
            with suppress(OSError):  # it may not be there yet, or the bucket is away
                return stored.open(path)
        size = self._sizeOf(name)
        return cast(IO[bytes], io.BufferedReader(cast(Any, _LinkedFile(self, name, size)), BLOCK))

    def sizeOf(self, path: str) -> int:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        name = self._nameOf(path)
        stored = self._storedOf(name)
        if stored is not None:
            with suppress(OSError):
                return stored.sizeOf(path)
        return self._sizeOf(name)

    def bring(self, path: str) -> None:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        raise OSError(errno.EROFS, "this program makes no copies")

    def used(self, path: str) -> None:
        """See L{buildbot.logs.mounts.Elsewhere}."""

    # what is known

    def grows(self, name: str) -> None:
        """A log grows: it is not in object storage."""
        with self._lock:
            self._growing.add(name)

    def _storedOf(self, name: str) -> Elsewhere | None:
        """Where a log may be besides the master."""
        with self._lock:
            return None if name in self._growing else self.stored

    def told(self, name: str, offset: int, piece: Piece) -> None:
        """Keep a part that somebody else has fetched."""
        with self._lock:
            self._note(name, piece)
            while piece.data:
                block, begin = divmod(offset, BLOCK)
                part = piece.data[: BLOCK - begin]
                known = self._blocks.get((name, block), b"")
                if begin <= len(known) < begin + len(part):
                    self._blocks[name, block] = known[:begin] + part
                    self._blocks.move_to_end((name, block))
                offset += len(part)
                piece = Piece(piece.data[len(part) :], piece.size, piece.output)
            while len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)

    def ended(self, name: str, size: int | None) -> None:
        """A log is finished. Its file has this size; None: ask for it."""
        with self._lock:
            self._growing.discard(name)
            if size is None:
                self._sizes.pop(name, None)
            else:
                self._sizes[name] = _Size(size, True, self._now())

    def forget(self) -> None:
        """Forget everything: another master is the active one."""
        with self._lock:
            self._sizes.clear()
            self._blocks.clear()
            self._growing.clear()

    def _note(self, name: str, piece: Piece) -> None:
        self._sizes[name] = _Size(piece.size, piece.output is None, self._now())
        self._sizes.move_to_end(name)
        while len(self._sizes) > SIZES:
            self._sizes.popitem(last=False)

    def _nameOf(self, path: str) -> str:
        if self._isInReactor():
            raise OSError(errno.EWOULDBLOCK, "it is on another machine: the reactor would have to wait")
        return os.path.relpath(os.path.abspath(path), self._directory)

    def _sizeOf(self, name: str) -> int:
        with self._lock:
            known = self._sizes.get(name)
        if known is not None and (known.isFinal or self._now() - known.at < FRESH):
            return known.bytes
        offset = 0 if known is None else known.bytes
        piece = self._fetch(name, offset, BLOCK)
        self.told(name, offset, piece)
        return piece.size

    def part(self, name: str, offset: int, end: int) -> bytes:
        """Some bytes from an offset on, before an end; at least one. Raises OSError."""
        block, begin = divmod(offset, BLOCK)
        with self._lock:
            known = self._blocks.get((name, block), b"")
            if known:
                self._blocks.move_to_end((name, block))
        if len(known) <= begin:
            start = block * BLOCK + len(known)
            piece = self._fetch(name, start, BLOCK - len(known))
            self.told(name, start, piece)
            known += piece.data
            if len(known) <= begin:
                raise OSError(errno.EIO, "the log has become shorter")
        return known[begin : begin + end - offset]


@dataclass(frozen=True)
class _Size:
    """The size of a file.

    @ivar at: when it was told.
    """

    bytes: int
    isFinal: bool
    at: float


class _LinkedFile(DistantFile):
    """I am one open log, as long as it was when it was opened."""

    def __init__(self, logs: LinkedLogs, name: str, size: int) -> None:
        super().__init__(size)
        self._logs, self._name = logs, name

    def part(self, at: int, most: int) -> bytes:
        return self._logs.part(self._name, at, at + most)
