# -*- test-case-name: tests.unit.store.test_backup -*-
"""Back up a master's directory, while the master runs or is stopped. A master can start from the copy.

The store is copied first, in one consistent state. Then the logs of the builds in that store and all other
files are copied. The pid file, socket and other files of a running process are left out. All functions block.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from urllib.parse import quote

from buildbot.daemon.directory import LOCK, PID, SOCKET
from buildbot.files.partial import NAME, PARTIALS
from buildbot.files.plain import openPlain
from buildbot.logs.directory import LOGS, directoryOf, numberOf
from buildbot.logs.names import isIndex, logOf
from buildbot.store.database import BUSY
from buildbot.store.files import JOURNAL, SHM, WAL, mustBePlainStore
from buildbot.store.sqlite import FILE

#: Files of a running process, and the store's files, which L{_copyStore} copies.
_NOT_COPIED = frozenset((LOCK, PID, SOCKET, PARTIALS, FILE, FILE + WAL, FILE + SHM, FILE + JOURNAL))
_PIECE = 1 << 20
#: SQLite's codes for a file that another process has locked.
_BUSY, _LOCKED = 5, 6


class CannotBackUp(Exception):
    """The backup failed and was removed; str() gives the reason and the remedy."""


@dataclass
class Made:
    """I am the summary of a backup.

    @ivar counts: the number of records in each table of the store.
    @ivar logs: the number of log files.
    @ivar files: the number of other files and links.
    @ivar size: the total size in bytes.
    @ivar damage: the fault that SQLite found in the store, which was copied nevertheless.
    @ivar skipped: sockets, FIFOs and devices, which are not copied; relative to the master's directory.
    """

    counts: dict[str, int] = field(default_factory=dict)
    logs: int = 0
    files: int = 0
    size: int = 0
    damage: str = ""
    skipped: list[str] = field(default_factory=list)


def backUp(here: str, target: str) -> Made:
    """Copy a master's directory.

    Only the owner can enter the copy. Each file keeps its mode.

    @param here: the directory's real path.
    @param target: the path of the copy; it must not exist. The complete copy appears at once, or nothing.
    @raise CannotBackUp: the copy cannot be made.
    """
    target = os.path.abspath(target)
    parent = os.path.realpath(os.path.dirname(target))
    if os.path.lexists(target):
        raise CannotBackUp(f"{target} exists, and a backup replaces nothing: name a new directory")
    if os.path.commonpath([parent, here]) == here:
        raise CannotBackUp(f"{target} is in {here} itself: name a directory outside of it")
    if not os.path.isdir(parent):
        if os.path.lexists(parent):
            raise CannotBackUp(f"{parent} is not a directory: name another target")
        raise CannotBackUp(f"there is no directory {parent}: make it first")
    partial = f"{target}.partial-{os.getpid()}"
    made = Made()
    try:
        os.mkdir(partial, 0o700)
        try:
            _copyAll(here, partial, made)
            os.rename(partial, target)
            _sync(parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        where = f"{error.filename}: ".replace(partial, target) if error.filename else ""
        raise CannotBackUp(f"{where}{error.strerror or error}: nothing was left in {target}") from error
    except sqlite3.Error as error:
        why = f"{os.path.join(here, FILE)}: {error}"
        raise CannotBackUp(f"{why}: nothing was left in {target}") from error
    return made


def _copyAll(here: str, partial: str, made: Made) -> None:
    newest: dict[str, int] = {}
    store = os.path.join(here, FILE)
    if os.path.lexists(store):
        mustBePlainStore(store)
        newest = _copyStore(store, os.path.join(partial, FILE), made)
    for path in _below(here, ""):
        source, copy = os.path.join(here, path), os.path.join(partial, path)
        if _isLater(path, newest):
            continue
        with suppress(FileNotFoundError):  # the log was pruned meanwhile
            _copyOne(source, copy, path, made)
    _sync(partial)


def _copyStore(store: str, copy: str, made: Made) -> dict[str, int]:
    """Copy the store in one consistent state. Returns the newest build number for each log directory."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(copy)) as target:
        with closing(sqlite3.connect(f"file:{quote(store)}?mode=ro", uri=True)) as source:
            source.backup(target, progress=_patience())
        (found,) = target.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            made.damage = " ".join(found.split())
        for table in ("builds", "changes", "requests"):
            (made.counts[table],) = target.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
        rows = target.execute("SELECT builder, MAX(number) FROM builds GROUP BY builder").fetchall()
    _sync(copy)
    made.size += os.path.getsize(copy)
    return {directoryOf(builder): number for builder, number in rows if isinstance(builder, str)}


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


def _below(here: str, path: str) -> Iterator[str]:
    """List all paths below a directory, relative to it, parents first. Links are not followed."""
    with os.scandir(os.path.join(here, path)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = os.path.join(path, entry.name)
        if name in _NOT_COPIED or NAME.fullmatch(entry.name):
            continue
        yield name
        if entry.is_dir(follow_symlinks=False):
            with suppress(FileNotFoundError):
                yield from _below(here, name)


def _copyOne(source: str, copy: str, path: str, made: Made) -> None:
    about = os.lstat(source)
    if stat.S_ISDIR(about.st_mode):
        os.mkdir(copy, stat.S_IMODE(about.st_mode) | 0o700)
    elif stat.S_ISLNK(about.st_mode):
        os.symlink(os.readlink(source), copy)
        made.files += 1
    elif stat.S_ISREG(about.st_mode):
        made.size += _copyFile(source, copy, about)
        if path.startswith(f"{LOGS}/") and not isIndex(os.path.basename(path)):
            made.logs += 1
        else:
            made.files += 1
    else:
        made.skipped.append(path)


def _copyFile(source: str, copy: str, about: os.stat_result) -> int:
    """Copy a file that may grow meanwhile. Returns the number of bytes copied."""
    size = 0
    with os.fdopen(openPlain(source, follow=False), "rb") as original:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(copy, flags, 0o600), "wb") as new:
            while piece := original.read(_PIECE):
                size += new.write(piece)
            os.fchmod(new.fileno(), stat.S_IMODE(about.st_mode))
    os.utime(copy, ns=(about.st_atime_ns, about.st_mtime_ns))
    return size


def _sync(path: str) -> None:
    """Flush a file or directory to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
