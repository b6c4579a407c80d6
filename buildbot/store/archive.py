# -*- test-case-name: tests.unit.store.test_archive -*-
"""A backup of a master in a single file: a tar archive, compressed or not, with a sum of each file.

The first member tells what the backup has, the last one lists the sums. Everything else is below C{files/}.
L{buildbot.store.backup} reads the master's directory; L{buildbot.store.restore} reads the archive.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import re
import stat
import tarfile
import time
from contextlib import ExitStack, suppress
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from buildbot import version
from buildbot.files.plain import openPlain
from buildbot.store.backup import PIECE, CannotBackUp, Made, Source, copyMaster, failures, parentOf, sync
from buildbot.store.files import FILE, JOURNAL

#: The ends of the names of archives, with compression and without.
COMPRESSED, PLAIN = (".tar.gz", ".tgz"), (".tar",)
#: The members about the archive itself, and the directory of all others.
ABOUT, SUMS, BELOW = "backup.json", "SHA256SUMS", "files/"
#: The version of this format. A reader refuses a higher one.
FORMAT = 1
#: How hard gzip tries. Logs become hardly smaller with more.
_LEVEL = 3
#: The incomplete archives; and the ends of the names of the store's copy beside one.
_PARTIAL = re.compile(r"\..+\.partial-[0-9]+", re.DOTALL)
_STORES = (".store", f".store{JOURNAL}")
#: An incomplete archive that was written to within so many seconds is not looked at.
_YOUNG = 60.0
#: The bytes of the sums that stay in memory.
_IN_MEMORY = 1 << 22


def isArchive(target: str) -> bool:
    """True if a target has the name of an archive."""
    return target.endswith((*COMPRESSED, *PLAIN))


def archive(here: str, target: str, replace: bool = False, made: Made | None = None) -> Made:
    """Copy a master's directory, also while the master runs, to a single file that only its owner can read.

    The file is complete and on disk, or not there at all.

    @param here: the directory's real path.
    @param target: the path of the file: see L{isArchive}.
    @param replace: whether a plain file may be replaced.
    @param made: shows the progress; returned at the end.
    @raise CannotBackUp: the copy cannot be made.
    """
    made = Made() if made is None else made
    target = os.path.abspath(target)
    parent = parentOf(here, target)
    _mustBeFree(target, replace)
    directory, name = os.path.split(target)
    _sweep(directory)
    partial = os.path.join(directory, f".{name[:100]}.partial-{os.getpid()}")
    with failures(here, partial, target):
        try:
            with _Archive(partial, isCompressed=target.endswith(COMPRESSED)) as sink:
                copyMaster(here, sink, made)
                sink.complete()
            _mustBeFree(target, replace)
            os.rename(partial, target)
            sync(parent)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(partial)
    return made


def _sweep(directory: str) -> None:
    """Remove the incomplete archives of killed backups. A backup that runs holds the lock of its file."""
    with suppress(OSError):
        for name in filter(_PARTIAL.fullmatch, os.listdir(directory)):
            path = os.path.join(directory, name)
            with suppress(OSError):
                descriptor = openPlain(path, follow=False)
                try:
                    if time.time() - os.fstat(descriptor).st_mtime > _YOUNG:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        for end in _STORES:
                            with suppress(FileNotFoundError):
                                os.unlink(path + end)
                        os.unlink(path)
                finally:
                    os.close(descriptor)


def _mustBeFree(target: str, replace: bool) -> None:
    if not os.path.lexists(target):
        return
    if not stat.S_ISREG(os.lstat(target).st_mode):
        raise CannotBackUp(f"{target} exists, and is not a file: name another one")
    if not replace:
        raise CannotBackUp(f"{target} exists, and a backup replaces nothing without --force: name a new file")


def sumLine(digest: str, size: int, path: str) -> bytes:
    """The line about one member in the list of sums."""
    return f"{digest} {size} {json.dumps(path)}\n".encode("ascii")


def sumOf(data: bytes) -> str:
    """The sum of a short member, or of the target of a link."""
    return hashlib.sha256(data).hexdigest()


class _Archive:
    """I write a copy as an archive. I am a context that closes the file."""

    hasLogs = True

    def __init__(self, path: str, isCompressed: bool) -> None:
        self._path = path
        self._isCompressed = isCompressed
        self._open = ExitStack()

    def __enter__(self) -> _Archive:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with self._open:
            self._file = self._open.enter_context(os.fdopen(os.open(self._path, flags, 0o600), "wb"))
            with suppress(OSError):  # some file systems have no locks; nothing is swept there
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            out: IO[bytes] = self._file
            if self._isCompressed:
                packed = gzip.GzipFile("", "wb", _LEVEL, self._file)
                out = cast(IO[bytes], self._open.enter_context(packed))
            self._tar = self._open.enter_context(
                tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)
            )
            self._sums = self._open.enter_context(SpooledTemporaryFile(_IN_MEMORY))
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        for end in _STORES:
            with suppress(FileNotFoundError):
                os.unlink(self._path + end)
        if error[0] is not None:
            with suppress(Exception):  # the first error counts
                self._open.close()
            return
        self._open.close()

    def complete(self) -> None:
        """Write the sums, and flush everything to disk."""
        size = self._sums.tell()
        self._sums.seek(0)
        self._add(_member(SUMS, size), self._sums)
        self._tar.close()
        self._open.close()
        sync(self._path)

    def storePath(self) -> str:
        """See L{Sink<buildbot.store.backup.Sink>}. The copy is beside the archive, and is removed."""
        return self._path + _STORES[0]

    def storeDone(self, made: Made) -> None:
        """See L{Sink<buildbot.store.backup.Sink>}."""
        about = {"format": FORMAT, "made": time.time(), "release": version, "schema": made.schema}
        self._short(ABOUT, json.dumps({**about, "counts": made.counts, "damage": made.damage}).encode())
        with suppress(FileNotFoundError), open(self.storePath(), "rb") as store:
            self.file(FILE, store, os.fstat(store.fileno()))
            os.unlink(self.storePath())

    def directory(self, path: str, about: os.stat_result) -> None:
        """See L{Sink<buildbot.store.backup.Sink>}."""
        self._add(_member(BELOW + path, 0, about, tarfile.DIRTYPE))

    def link(self, path: str, target: str, about: os.stat_result) -> None:
        """See L{Sink<buildbot.store.backup.Sink>}."""
        member = _member(BELOW + path, 0, about, tarfile.SYMTYPE)
        member.linkname = target
        self._add(member)
        self._sums.write(sumLine(sumOf(os.fsencode(target)), 0, BELOW + path))

    def file(self, path: str, original: Source, about: os.stat_result) -> int:
        """See L{Sink<buildbot.store.backup.Sink>}. A file that grows is cut at its present size."""
        summed = Summed(original, about.st_size)
        self._add(_member(BELOW + path, about.st_size, about), cast(IO[bytes], summed))
        self._sums.write(sumLine(summed.digest(), about.st_size, BELOW + path))
        return about.st_size

    def _add(self, member: tarfile.TarInfo, data: IO[bytes] | None = None) -> None:
        self._tar.addfile(member, data)
        self._tar.members = []  # type: ignore[attr-defined] # it would keep all of them

    def _short(self, name: str, data: bytes) -> None:
        self._add(_member(name, len(data)), BytesIO(data))
        self._sums.write(sumLine(sumOf(data), len(data), name))


class Summed:
    """I read a file up to a size, and sum it. A file that has become shorter is filled with zeros."""

    def __init__(self, original: Source, size: int) -> None:
        self._original = original
        self._left = size
        self._sum = hashlib.sha256()

    def read(self, size: int = PIECE) -> bytes:
        """Read at most this many bytes; b"" at the end."""
        size = min(size, self._left)
        data = self._original.read(size)
        if len(data) < size:
            data += bytes(size - len(data))
        self._left -= len(data)
        self._sum.update(data)
        return data

    def digest(self) -> str:
        """The sum of everything that was read."""
        return self._sum.hexdigest()


def _member(name: str, size: int, about: os.stat_result | None = None, kind: Any = tarfile.REGTYPE) -> Any:
    """The header of a member. The owner is left out: a restored file belongs to whoever restores it."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    member.mode = stat.S_IMODE(about.st_mode) if about else 0o600
    member.mtime = int(about.st_mtime) if about else int(time.time())
    return member
