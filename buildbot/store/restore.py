# -*- test-case-name: tests.unit.store.test_restore -*-
"""Check an archive of L{buildbot.store.archive}, and make a master's directory of it. All functions block.

An archive may come from a stranger: nothing is written outside of the new directory, and memory and disk have
limits. What C{master.cfg} of a stranger does when a master starts is another matter.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from buildbot.files.plain import readPlain
from buildbot.logs.names import LOGS, isBeside
from buildbot.store.archive import ABOUT, BELOW, FORMAT, SUMS, sumLine, sumOf
from buildbot.store.backup import PIECE, sync
from buildbot.store.files import FILE

#: The most bytes of a header with a long name, of the member about the archive, and of a line with a sum.
_LONGEST = 1 << 16
#: The most members and directories of an archive.
_MOST, _MOST_DIRECTORIES = 50_000_000, 1_000_000
_IN_MEMORY = 1 << 24
#: The time of a backup is earlier: else it cannot be told as a date.
_LATEST = 1e11
#: The kinds of headers that no backup has, and whose values C{tarfile} collects without a limit.
_UNLIMITED = (tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE)
#: The kinds of headers that have a name or values for the next member.
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class BadArchive(Exception):
    """The file is no sound backup; str() says why."""


class CannotRestore(Exception):
    """The backup is sound, but cannot be restored there; str() says why."""


@dataclass
class Contents:
    """I am what an archive has.

    @ivar made: the time of the backup, in seconds since the epoch.
    @ivar release: the release of the master's program that made it.
    @ivar schema: the version of the store's tables; 0 without a store.
    @ivar counts: the number of records in each table of the store.
    @ivar damage: the fault of the store, which was damaged before the backup; else "".
    @ivar logs: the number of log files.
    @ivar files: the number of other files and links.
    @ivar size: the bytes of all files so far; at the end, the total size.
    @ivar links: the symbolic links to paths outside of the directory, each as "PATH -> TARGET"; at most 100.
    """

    made: float = 0.0
    release: str = ""
    schema: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    damage: str = ""
    logs: int = 0
    files: int = 0
    size: int = 0
    links: list[str] = field(default_factory=list)


class _Header(tarfile.TarInfo):
    """I refuse headers that would need much memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Any:
        """See L{tarfile.TarInfo.frombuf}."""
        found = super().frombuf(buf, encoding, errors)
        if found.type in _EXTENDED and found.size > _LONGEST:
            raise BadArchive("a name in it is longer than any path")
        if found.type in _UNLIMITED:
            raise BadArchive("a header in it is of a kind that no backup has")
        return found

    def _proc_gnusparse_10(self, *told: object) -> None:
        """Refuse a list of holes that may be of any length; C{tarfile} calls me to read it."""
        raise BadArchive("a file with holes is in it, which no backup has")


def check(path: str, contents: Contents | None = None) -> Contents:
    """Read a whole archive, and compare all sums. Changes nothing.

    @param contents: shows the progress; returned at the end.
    @raise BadArchive: it is damaged, incomplete, not a backup, or not harmless.
    @raise OSError: it cannot be read.
    """
    contents = Contents() if contents is None else contents
    _read(path, contents, lambda member, path, data: None)
    return contents


def restore(path: str, here: str, contents: Contents | None = None) -> Contents:
    """Make a master's directory of an archive that L{check} has found sound. At the end it is on disk.

    @param here: the directory. It must not exist, or be empty; it is complete, or, after an error, as before.
    @param contents: shows the progress; returned at the end.
    @raise BadArchive: the archive has changed since.
    @raise CannotRestore: the directory is not empty, or cannot be made.
    """
    contents = Contents() if contents is None else contents
    here = os.path.abspath(here)
    isThere = mustBeEmpty(here)
    partial = os.path.join(here, ".restoring") if isThere else f"{here}.restoring-{os.getpid()}"
    moved: list[str] = []
    try:
        os.mkdir(partial, 0o700)
        try:
            _read(path, contents, _Writer(partial).write)
            os.sync()
            if isThere:
                for name in os.listdir(partial):
                    moved.append(name)  # before the move: Ctrl-C may come right after it
                    os.rename(os.path.join(partial, name), os.path.join(here, name))
                os.rmdir(partial)
            else:
                os.rename(partial, here)
            sync(here if isThere else os.path.dirname(here))
        except BaseException:
            for name in moved:
                if not os.path.lexists(os.path.join(partial, name)):
                    _remove(os.path.join(here, name))
            _remove(partial)
            raise
    except OSError as error:
        where = f"{error.filename}: ".replace(partial, here) if isinstance(error.filename, str) else ""
        raise CannotRestore(f"{where}{error.strerror or error}: nothing was restored to {here}") from error
    return contents


def _remove(path: str) -> None:
    """Remove a file, or a directory with everything in it, as far as possible."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.unlink(path)


def mustBeEmpty(here: str) -> bool:
    """Check that a directory can be restored. Returns True if it exists, and is empty.

    @raise CannotRestore: it cannot; nothing has changed.
    """
    try:
        names = os.listdir(here)
    except FileNotFoundError:
        if os.path.lexists(here):
            raise CannotRestore(
                f"{here} is a link to nowhere: remove it, or name another directory"
            ) from None
        if not os.path.isdir(os.path.dirname(here)):
            raise CannotRestore(f"there is no directory {os.path.dirname(here)}: make it first") from None
        return False
    except NotADirectoryError:
        raise CannotRestore(f"{here} is not a directory: name another one") from None
    except OSError as error:
        raise CannotRestore(f"{here}: {error.strerror}") from None
    if names:
        raise CannotRestore(f"{here} is not empty, and nothing is ever replaced: name a new directory")
    return True


def mustFit(here: str, size: int) -> None:
    """Raise L{CannotRestore} if the disk of a directory has not enough room for so many bytes."""
    about = os.statvfs(here if os.path.isdir(here) else os.path.dirname(here))
    free = about.f_bavail * about.f_frsize
    if size > free:
        raise CannotRestore(f"{here} needs {size} bytes, and its disk has {free}: nothing was restored")


#: Takes a member, its path in the master's directory, and its contents.
_Take = Callable[[tarfile.TarInfo, str, Iterator[bytes]], None]


def _read(path: str, contents: Contents, take: _Take) -> None:
    """Read an archive, give each of its members to a function, and compare the sums."""
    with _explained(), readPlain(path) as file, SpooledTemporaryFile(_IN_MEMORY) as sums:
        file_: Any = file
        if file.read(2) == b"\x1f\x8b":
            file_ = gzip.GzipFile(fileobj=file)
        file.seek(0)
        with tarfile.open(fileobj=file_, mode="r|", tarinfo=_Header, errorlevel=2) as tar:
            members = _members(tar)
            first = next(members, None)
            if first is None or first.name != ABOUT or not first.isreg() or first.size > _LONGEST:
                raise BadArchive("it is no backup of a master: `buildbot backup DIR FILE.tar.gz` makes one")
            data = b"".join(_pieces(tar, first))
            _tell(data, contents)
            sums.write(sumLine(sumOf(data), len(data), ABOUT))
            directories = {""}
            for member in members:
                if member.name == SUMS:
                    sums.seek(0)
                    _compare(sums, tar, member)
                    if next(members, None) is not None:
                        raise BadArchive("something follows its sums")
                    break
                _one(tar, member, contents, directories, sums, take)
            else:
                raise BadArchive("it is incomplete: its end is missing")
        while file_.read(PIECE):  # gzip compares its own sum at the end
            pass


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError, RecursionError, ValueError) as error:
        told = str(error) if not isinstance(error, (EOFError, RecursionError)) else "its end is missing"
        raise BadArchive(f"it is damaged or incomplete: {told}") from error


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for number, member in enumerate(tar):
        tar.members = []  # type: ignore[attr-defined] # it would keep all of them
        if number > _MOST:
            raise BadArchive(f"it has more than {_MOST} members")
        yield member


def _tell(data: bytes, contents: Contents) -> None:
    """Take over what the archive says about itself. Raises L{BadArchive}."""
    try:
        about = json.loads(data)
        found = int(about["format"])
        if found <= FORMAT:
            contents.made, contents.release = float(about["made"]), str(about["release"])
            contents.schema, contents.damage = int(about["schema"]), str(about["damage"])
            contents.counts = {str(name): int(count) for name, count in about["counts"].items()}
            if not 0 <= contents.made < _LATEST:
                raise ValueError("its time is not possible")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise BadArchive(f"its description {ABOUT} cannot be read: {error}") from None
    if found > FORMAT:
        raise BadArchive("a later release made it: restore it with that release")


def _one(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    contents: Contents,
    directories: set[str],
    sums: Any,
    take: _Take,
) -> None:
    """Check one member, hand it over, and note its sum."""
    path = _pathOf(member.name, directories)
    if member.isdir():
        directories.add(path)
        if len(directories) > _MOST_DIRECTORIES:
            raise BadArchive(f"it has more than {_MOST_DIRECTORIES} directories")
        take(member, path, iter(()))
    elif member.issym():
        if path in (FILE, LOGS):
            raise BadArchive(f"{path} in it is a link")
        contents.files += 1
        if len(contents.links) < 100 and _isOutside(path, member.linkname):
            contents.links.append(f"{path} -> {member.linkname}")
        sums.write(sumLine(sumOf(os.fsencode(member.linkname)), 0, member.name))
        take(member, path, iter(()))
    elif member.isreg() and not member.issparse():
        digest, size = hashlib.sha256(), 0

        def pieces() -> Iterator[bytes]:
            nonlocal size
            for piece in _pieces(tar, member):
                digest.update(piece)
                size += len(piece)
                contents.size += len(piece)
                yield piece

        rest = pieces()
        take(member, path, rest)
        for _ in rest:
            pass
        sums.write(sumLine(digest.hexdigest(), size, member.name))
        if path.startswith(f"{LOGS}/") and not isBeside(os.path.basename(path)):
            contents.logs += 1
        elif path != FILE:  # the records in the store are counted instead, as in a backup
            contents.files += 1
    else:
        raise BadArchive(f"{path} in it is neither a file nor a directory nor a symbolic link")


def _pathOf(name: str, directories: set[str]) -> str:
    """The path of a member in the master's directory. Raises L{BadArchive} if it is not below it."""
    path = name.removeprefix(BELOW)
    parts = path.split("/")
    if not name.startswith(BELOW) or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise BadArchive(f"{name!r} in it is not a path below a directory")
    if os.path.dirname(path) not in directories:
        raise BadArchive(f"{name!r} in it is not in one of its directories")
    return path


def _isOutside(path: str, target: str) -> bool:
    """True if a symbolic link leads out of the master's directory."""
    there = os.path.normpath(os.path.join("/top", os.path.dirname(path), target))
    return os.path.commonpath(["/top", there]) != "/top"


def _pieces(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    stream = tar.extractfile(member)
    while stream is not None and (piece := stream.read(PIECE)):
        yield piece


def _compare(mine: Any, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Compare the sums of what was read with those in the archive. Raises L{BadArchive} at the first."""
    theirs: IO[bytes] | None = tar.extractfile(member) if member.isreg() else None
    while theirs is not None:
        told, found = theirs.readline(_LONGEST), mine.readline()
        if told != found:
            what = (found or told).decode("ascii", "replace").strip().partition(" ")[2].partition(" ")[2]
            raise BadArchive(f"the sum of {what or 'a file'} does not fit: it was altered or damaged")
        if not told:
            return
    raise BadArchive("its sums are missing")


class _Writer:
    """I write the members below a new directory, in which nobody else writes."""

    def __init__(self, top: str) -> None:
        self._top = top

    def write(self, member: tarfile.TarInfo, path: str, data: Iterator[bytes]) -> None:
        """Write one member."""
        there = os.path.join(self._top, path)
        mode = member.mode & 0o777
        if member.isdir():
            os.mkdir(there, 0o700)
            os.chmod(there, mode | stat.S_IRWXU)
        elif member.issym():
            os.symlink(member.linkname, there)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(there, flags, 0o600), "wb") as file:
                for piece in data:
                    file.write(piece)
                os.fchmod(file.fileno(), mode)
            with suppress(OSError, OverflowError):
                os.utime(there, (member.mtime, member.mtime))
