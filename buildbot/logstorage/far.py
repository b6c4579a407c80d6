# -*- test-case-name: tests.unit.logstorage.test_far -*-
"""Read logs from the bucket: any part of them, without the rest.

A short log is copied to this disk when it is read. Of a long one, only the parts that a reader wants are
fetched; a few stay in memory. All methods block. In the reactor's thread, only short logs are read, and only
if they come soon: see L{buildbot.logstorage.briefly}.
"""

from __future__ import annotations

import errno
import io
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, get_ident
from typing import IO, Any, cast

from twisted.python import threadable

from buildbot.files.distant import DistantFile
from buildbot.files.permissions import makeDirectories
from buildbot.files.plain import readPlain
from buildbot.logs.mounts import InNoPlace
from buildbot.logs.names import PARTIAL
from buildbot.logstorage.briefly import Briefly
from buildbot.logstorage.bucket import Bucket
from buildbot.logstorage.keys import Name, keyOf, nameOfFile
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.packing import (
    FOOTER,
    MEMBER,
    BadObject,
    PackedFile,
    placeOfIndex,
    readIndex,
    unpackMember,
)

#: A log up to this size is copied to this disk when it is read.
SHORT = 8 << 20
#: The indexes of objects in memory, and the members. One has L{MEMBER} bytes.
INDEXES, MEMBERS = 64, 32
#: The most members that are fetched in one request, when a log is read from beginning to end.
_AHEAD = 16


class FarLogs:
    """I am the second place of a directory of logs: see L{buildbot.logs.mounts.Elsewhere}."""

    def __init__(
        self,
        bucket: Bucket,
        start: str,
        copies: LocalCopies | None = None,
        isInReactor: Callable[[], bool] = threadable.isInIOThread,
        briefly: Briefly | None = None,
    ) -> None:
        """@param start: what all keys begin with.
        @param copies: the copies on this disk; None: make none.
        @param briefly: lets the reactor wait.
        """
        self._briefly = briefly or Briefly()
        self._bucket = bucket
        self._start = start
        self._copies = copies
        self._isInReactor = isInReactor
        self._lock = Lock()
        self._indexes: OrderedDict[Name, dict[str, PackedFile]] = OrderedDict()
        self._members: OrderedDict[tuple[Name, int], bytes] = OrderedDict()

    # see L{Elsewhere}

    def open(self, path: str) -> IO[bytes]:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        if self._isInReactor():
            return io.BytesIO(self._briefly.read(path, lambda: self._whole(path)))
        name, found = self._find(path)
        if self._copies is not None and found.size <= min(SHORT, self._copies.most):
            with suppress(OSError):  # a full disk
                self._copy(path, name, found)
                return readPlain(path)
        return self._file(name, found)

    def sizeOf(self, path: str) -> int:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        if self._isInReactor():
            return len(self._briefly.read(path, lambda: self._whole(path)))
        return self._find(path)[1].size

    def bring(self, path: str) -> None:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        name, found = self._find(path)
        self._copy(path, name, found)

    def used(self, path: str) -> None:
        """See L{buildbot.logs.mounts.Elsewhere}."""
        name = nameOfFile(path) if self._copies is not None else None
        if name is not None and self._copies is not None:
            self._copies.used(name)

    def forget(self, name: Name) -> None:
        """Forget an object: it is removed, or there is a new one."""
        self._briefly.forget()
        with self._lock:
            self._indexes.pop(name, None)
            for each in [each for each in self._members if each[0] == name]:
                del self._members[each]

    def files(self, name: Name) -> dict[str, PackedFile]:
        """The files in the object of a build, by name. Raises FileNotFoundError if there is none."""
        with self._lock:
            known = self._indexes.get(name)
            if known is not None:
                self._indexes.move_to_end(name)
                return known
        key = keyOf(self._start, name)
        held = self._bucket.look(key)
        if held is None:
            raise InNoPlace
        if held.size < FOOTER:
            raise BadObject("it is too short")
        place, size = placeOfIndex(self._bucket.get(key, held.size - FOOTER, FOOTER))
        if place + size + FOOTER != held.size:
            raise BadObject("its index is not in its place")
        found = readIndex(self._bucket.get(key, place, size))
        with self._lock:
            self._indexes[name] = found
            while len(self._indexes) > INDEXES:
                self._indexes.popitem(last=False)
        return found

    # reading

    def _whole(self, path: str) -> bytes:
        """All of a short log."""
        name, found = self._find(path)
        if found.size > SHORT:
            raise OSError(
                errno.EFBIG,
                "it is in the object storage, and too long for the reactor: wait for log.bring() first",
            )
        with self._file(name, found) as file:
            return file.read()

    def _find(self, path: str) -> tuple[Name, PackedFile]:
        name = nameOfFile(path)
        found = None if name is None else self.files(name).get(os.path.basename(path))
        if name is None or found is None:
            raise InNoPlace
        return name, found

    def _file(self, name: Name, found: PackedFile) -> IO[bytes]:
        return cast(IO[bytes], io.BufferedReader(cast(Any, _FarFile(self, name, found)), MEMBER))

    def _copy(self, path: str, name: Name, found: PackedFile) -> None:
        """Copy a file to this disk. The mark of its build comes first: so it is never stored again."""
        if self._copies is None:
            raise OSError(errno.EROFS, "this program makes no copies")
        if name not in self._copies:
            self._copies.mark(name)
        makeDirectories(os.path.dirname(path), 0o600)
        partial = os.path.join(os.path.dirname(path), f"{PARTIAL}{os.getpid()}-{get_ident()}")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as target, self._file(name, found) as source:
                while piece := source.read(MEMBER):
                    target.write(piece)
            os.replace(partial, path)
        finally:
            with suppress(OSError):
                os.unlink(partial)
        self._copies.measure(name)
        self._copies.evict(name)

    def members(self, name: Name, found: PackedFile, first: int, count: int) -> list[bytes]:
        """Some members of a file, unpacked. Raises OSError."""
        last = min(first + count, len(found.places) - 1)
        with self._lock:
            known = self._members.get((name, found.places[first]))
            if known is not None:
                self._members.move_to_end((name, found.places[first]))
                return [known]
        begin, end = found.places[first], found.places[last]
        data = self._bucket.get(keyOf(self._start, name), begin, end - begin)
        if len(data) != end - begin:
            raise BadObject("its end is missing")
        pieces = [
            unpackMember(data[found.places[each] - begin : found.places[each + 1] - begin])
            for each in range(first, last)
        ]
        with self._lock:
            for each, piece in zip(range(first, last), pieces, strict=True):
                self._members[name, found.places[each]] = piece
            while len(self._members) > MEMBERS:
                self._members.popitem(last=False)
        return pieces


class _FarFile(DistantFile):
    """I read one file from its members. Who reads on from member to member gets more of them at once."""

    def __init__(self, far: FarLogs, name: Name, found: PackedFile) -> None:
        super().__init__(found.size)
        self._far, self._name, self._found = far, name, found
        self._first, self._pieces = 0, cast(list[bytes], [])
        self._count = 1

    def part(self, at: int, most: int) -> bytes:
        member, begin = divmod(at, MEMBER)
        if not self._first <= member < self._first + len(self._pieces):
            isNext = bool(self._pieces) and member == self._first + len(self._pieces)
            self._count = min(_AHEAD, self._count * 2) if isNext else 1
            self._pieces = self._far.members(self._name, self._found, member, self._count)
            self._first = member
        return self._pieces[member - self._first][begin : begin + most]
