# -*- test-case-name: tests.unit.store.test_backup -*-
"""Back up a master's directory, while the master runs or is stopped. A master can start from the copy.

The store is copied first, in one consistent state. Then the logs of the builds in that store and all other
files are copied. The pid file, socket and other files of a running process are left out. All functions block.

L{copyMaster} reads; a L{Sink} writes the copy. Here is the one that makes a directory;
L{buildbot.store.archive} has the one that makes a single file.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Protocol
from urllib.parse import quote

from buildbot.daemon.directory import LOCK, PID, SOCKET
from buildbot.files.partial import NAME, PARTIALS
from buildbot.files.plain import openPlain
from buildbot.logs.directory import directoryOf, numberOf
from buildbot.logs.names import LOGS, PARTIAL, isBeside, logOf
from buildbot.store.database import BUSY
from buildbot.store.files import JOURNAL, SHM, WAL, isUnborn, mustBePlainStore, openToRead
from buildbot.store.sqlite import FILE

#: Files of a running process, and the store's files, which L{_copyStore} copies.
_NOT_COPIED = frozenset((LOCK, PID, SOCKET, PARTIALS, FILE, FILE + WAL, FILE + SHM, FILE + JOURNAL))
#: The bytes that are copied at a time.
PIECE = 1 << 20
#: SQLite's codes for a file that another process has locked.
_BUSY, _LOCKED = 5, 6


class CannotBackUp(Exception):
    """The backup failed and was removed; str() gives the reason and the remedy."""


@dataclass
class Made:
    """I am the summary of a backup, and its progress while it is made.

    @ivar counts: the number of records in each table of the store.
    @ivar logs: the number of log files.
    @ivar files: the number of other files and links.
    @ivar size: the bytes of all files so far; at the end, the total size.
    @ivar expected: about the bytes that there will be; 0 before it is known.
    @ivar damage: the fault that SQLite found in the store, which was copied nevertheless.
    @ivar skipped: sockets, FIFOs and devices, which are not copied; relative to the master's directory.
    @ivar schema: the version of the store's tables; 0 without a store.
    """

    counts: dict[str, int] = field(default_factory=dict)
    logs: int = 0
    files: int = 0
    size: int = 0
    expected: int = 0
    damage: str = ""
    skipped: list[str] = field(default_factory=list)
    schema: int = 0


class Source(Protocol):
    """I am a file to copy."""

    def read(self, size: int, /) -> bytes:
        """Read at most this many bytes; b"" at the end."""


class Sink(Protocol):
    """I write a copy. All paths are relative to the master's directory; parents come first.

    @ivar hasLogs: True if the directory of logs is copied also where it is a symbolic link.
    """

    hasLogs: bool

    def storePath(self) -> str:
        """Where to copy the store."""

    def storeDone(self, made: Made) -> None:
        """The store has been copied to L{storePath}."""

    def directory(self, path: str, about: os.stat_result) -> None:
        """Add a directory."""

    def link(self, path: str, target: str, about: os.stat_result) -> None:
        """Add a symbolic link."""

    def file(self, path: str, original: Source, about: os.stat_result) -> int:
        """Add a file, which may grow meanwhile. Returns its number of bytes in the copy."""


def backUp(here: str, target: str, made: Made | None = None) -> Made:
    """Copy a master's directory to another one.

    Only the owner can enter the copy. Each file keeps its mode.

    @param here: the directory's real path.
    @param target: the path of the copy; it must not exist. The complete copy appears at once, or nothing.
    @param made: shows the progress; returned at the end.
    @raise CannotBackUp: the copy cannot be made.
    """
    made = Made() if made is None else made
    target = os.path.abspath(target)
    if os.path.lexists(target):
        raise CannotBackUp(f"{target} exists, and a backup replaces nothing: name a new directory")
    parent = parentOf(here, target)
    partial = f"{target}.partial-{os.getpid()}"
    with failures(here, partial, target):
        os.mkdir(partial, 0o700)
        try:
            copyMaster(here, _Directory(partial), made)
            sync(partial)
            os.rename(partial, target)
            sync(parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return made


def parentOf(here: str, target: str) -> str:
    """The real path of the directory for a copy. Raises L{CannotBackUp} if it is not usable."""
    parent = os.path.realpath(os.path.dirname(target))
    if os.path.commonpath([parent, here]) == here:
        raise CannotBackUp(f"{target} is in {here} itself: name a directory outside of it")
    if not os.path.isdir(parent):
        if os.path.lexists(parent):
            raise CannotBackUp(f"{parent} is not a directory: name another target")
        raise CannotBackUp(f"there is no directory {parent}: make it first")
    return parent


@contextmanager
def failures(here: str, partial: str, target: str) -> Iterator[None]:
    """A context that turns errors of the disk and of SQLite into L{CannotBackUp}."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: ".replace(partial, target) if error.filename else ""
        raise CannotBackUp(f"{where}{error.strerror or error}: nothing was left in {target}") from error
    except sqlite3.Error as error:
        why = f"{os.path.join(here, FILE)}: {error}"
        raise CannotBackUp(f"{why}: nothing was left in {target}") from error


def copyMaster(here: str, sink: Sink, made: Made) -> None:
    """Copy everything of a master to a sink. Raises OSError and L{sqlite3.Error}."""
    newest: dict[str, int] = {}
    store = os.path.join(here, FILE)
    hasStore = os.path.lexists(store)
    if hasStore:
        mustBePlainStore(store)
    made.expected = _sizeOf(here, sink.hasLogs) + (os.path.getsize(store) if hasStore else 0)
    if hasStore:
        newest = _copyStore(store, sink.storePath(), made)
    sink.storeDone(made)
    for path in _below(here, "", sink.hasLogs):
        if not _isLater(path, newest):
            with suppress(FileNotFoundError):  # the log was pruned meanwhile
                _copyOne(os.path.join(here, path), path, sink, made)


def _sizeOf(here: str, hasLogs: bool) -> int:
    """About the bytes of all files but the store."""
    size = 0
    for path in _below(here, "", hasLogs):
        with suppress(OSError):
            size += os.lstat(os.path.join(here, path)).st_size
    return size


def _copyStore(store: str, copy: str, made: Made) -> dict[str, int]:
    """Copy the store in one consistent state. Returns the newest build number for each log directory."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(copy)) as target:
        with closing(_opened(store)) as source:
            source.backup(target, progress=_patience())
        (found,) = target.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            made.damage = " ".join(found.split())
        rows = []
        if not isUnborn(target):
            for table in ("builds", "changes", "requests"):
                (made.counts[table],) = target.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            rows = target.execute("SELECT builder, MAX(number) FROM builds GROUP BY builder").fetchall()
        (made.schema,) = target.execute("PRAGMA user_version").fetchone()
    sync(copy)
    made.size += os.path.getsize(copy)
    return {directoryOf(builder): number for builder, number in rows if isinstance(builder, str)}


def _opened(store: str) -> sqlite3.Connection:
    """A connection to the store, which changes nothing there unless a kill has left a journal."""
    if os.path.exists(store + JOURNAL):
        return openToRead(store, timeout=BUSY)
    return sqlite3.connect(f"file:{quote(store)}?mode=ro", uri=True)


def _patience() -> Callable[[int, int, int], None]:
    """Make a progress callback that raises if the store stays locked. SQLite itself would retry forever."""
    begun = time.monotonic()

    def progress(status: int, remaining: int, total: int) -> None:
        if status in (_BUSY, _LOCKED) and time.monotonic() > begun + BUSY:
            raise sqlite3.OperationalError("another program has locked it")

    return progress


def _isLater(path: str, newest: dict[str, int]) -> bool:
    """True for a log of a build that started after the store was copied."""
    top, _, rest = path.partition("/")
    directory, _, name = rest.partition("/")
    number = numberOf(logOf(name)) if top == LOGS else None
    return number is not None and isinstance(newest.get(directory), int) and number > newest[directory]


def _below(here: str, path: str, hasLogs: bool) -> Iterator[str]:
    """List all paths below a directory, relative to it, parents first. Links are not followed.

    @param hasLogs: follow the directory of logs.
    """
    with os.scandir(os.path.join(here, path)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = os.path.join(path, entry.name)
        if name in _NOT_COPIED or NAME.fullmatch(entry.name) or entry.name.startswith(PARTIAL):
            continue
        yield name
        if entry.is_dir(follow_symlinks=hasLogs and name == LOGS):
            with suppress(FileNotFoundError):
                yield from _below(here, name, hasLogs)


def _copyOne(source: str, path: str, sink: Sink, made: Made) -> None:
    about = (os.stat if path == LOGS and sink.hasLogs else os.lstat)(source)
    if stat.S_ISDIR(about.st_mode):
        sink.directory(path, about)
    elif stat.S_ISLNK(about.st_mode):
        sink.link(path, os.readlink(source), about)
        made.files += 1
    elif stat.S_ISREG(about.st_mode):
        with os.fdopen(openPlain(source, follow=False), "rb") as original:
            before = made.size
            about = os.fstat(original.fileno())
            made.size = before + sink.file(path, _Counted(original, made), about)
        if path.startswith(f"{LOGS}/") and not isBeside(os.path.basename(path)):
            made.logs += 1
        else:
            made.files += 1
    else:
        made.skipped.append(path)


class _Counted:
    """I read a file, and add what I read to the size of the backup."""

    def __init__(self, original: IO[bytes], made: Made) -> None:
        self._original, self._made = original, made

    def read(self, size: int, /) -> bytes:
        """See L{Source}."""
        piece = self._original.read(size)
        self._made.size += len(piece)
        return piece


class _Directory:
    """I write a copy as a directory."""

    hasLogs = False

    def __init__(self, top: str) -> None:
        self._top = top

    def storePath(self) -> str:
        """See L{Sink}."""
        return os.path.join(self._top, FILE)

    def storeDone(self, made: Made) -> None:
        """See L{Sink}."""

    def directory(self, path: str, about: os.stat_result) -> None:
        """See L{Sink}."""
        os.mkdir(os.path.join(self._top, path), stat.S_IMODE(about.st_mode) | 0o700)

    def link(self, path: str, target: str, about: os.stat_result) -> None:
        """See L{Sink}."""
        os.symlink(target, os.path.join(self._top, path))

    def file(self, path: str, original: Source, about: os.stat_result) -> int:
        """See L{Sink}."""
        size, copy = 0, os.path.join(self._top, path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(copy, flags, 0o600), "wb") as new:
            while piece := original.read(PIECE):
                size += new.write(piece)
            os.fchmod(new.fileno(), stat.S_IMODE(about.st_mode))
        os.utime(copy, ns=(about.st_atime_ns, about.st_mtime_ns))
        return size


def sync(path: str) -> None:
    """Flush a file or directory to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
