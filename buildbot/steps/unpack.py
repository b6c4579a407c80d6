# -*- test-case-name: tests.unit.steps.test_unpack -*-
"""Archives from slaves, unpacked so that nothing gets out of the directory they are meant for.

This runs in a child process with limits of its own, which L{buildbot.steps.unpacking} starts: an archive of
some hundred bytes can ask for any amount of time, memory and disk. Nothing here knows who sent it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, cast

from buildbot.files.permissions import directoryMode, fileMode, makeDirectories

#: Directories below each other that an archive may have.
DEPTH = 100
#: Files, directories and links that it may have, with the directories that are made for them.
ENTRIES = 200_000
#: Bytes of a name, or of what else is said of one file: more than any file system takes.
HEADER = 64 * 1024
#: Bytes of memory that the child may use.
MEMORY = 512 << 20
_BLOCK = 512
_COPIED = 64 * 1024
#: What stands at the beginning of an archive, and how it is compressed then.
_COMPRESSED = {b"\x1f\x8b": "r:gz", b"BZ": "r:bz2"}


class BadArchive(Exception):
    """An archive holds what it should not; the message says what."""


class _NotWanted(Exception):
    """Nobody waits for the contents of the archive any more."""


@dataclass(frozen=True)
class Order:
    """An archive to unpack.

    @ivar archive: the file; a tar archive, as it is or compressed by gzip or bzip2.
    @ivar aside: where to unpack it at first: a directory that is not there, beside C{directory}.
    @ivar directory: where the contents take their place; made if need be.
    @ivar size: bytes that the contents may have, each file counted as it stands in a tar archive.
    @ivar seconds: of computing that it may take.
    @ivar mode: who may read the contents, as the mode of a file; None: as the umask says.
    """

    archive: str
    aside: str
    directory: str
    size: int
    seconds: int
    mode: int | None = None


def unpack(
    order: Order, isWanted: Callable[[], bool] = lambda: True, mayPlace: Callable[[], bool] = lambda: True
) -> bool:
    """Put what is in an archive into a directory.

    Blocks, perhaps for long. Only when all of it is unpacked does it take its place: files replace those of
    the same name, others stay. Files keep their time and whether they can be executed; owners and devices are
    nothing to go by.

    @param isWanted: asked again and again; if not, nothing takes its place.
    @param mayPlace: asked once, when all is unpacked.
    @return: whether it has taken its place.
    @raise BadArchive: something in it would end up elsewhere, is neither file, directory nor link, or there
        is more of it than allowed.
    @raise OSError: the archive cannot be read or its contents not be written.
    @raise tarfile.TarError: it is none; or C{EOFError}, C{ValueError} or C{zlib.error}.
    """
    makeDirectories(order.directory, order.mode)
    os.mkdir(order.aside, 0o700)
    try:
        _Extraction(order, isWanted).extract()
        if not mayPlace():
            return False
        if order.mode is not None:
            with contextlib.suppress(PermissionError):  # it is somebody else's, who lets us write there
                os.chmod(order.directory, directoryMode(order.mode))
        _moveInto(order.aside, order.directory, order.mode is not None)
        return True
    except _NotWanted:
        return False
    finally:
        shutil.rmtree(order.aside, ignore_errors=True)


class _Member(tarfile.TarInfo):
    """I am one entry of an archive, of which no more is read than a file system could use."""

    _LONG = (
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    )

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in self._LONG and not 0 <= self.size <= HEADER:
            raise BadArchive(f"it says more than {HEADER} bytes of one file besides its contents")
        found = super()._proc_member(archive)  # type: ignore[misc] # it is there in all releases
        return cast(tarfile.TarInfo, found)


class _Extraction:
    """I put the contents of one archive into a fresh directory."""

    def __init__(self, order: Order, isWanted: Callable[[], bool]) -> None:
        self._order = order
        self._root = order.aside
        self._isWanted = isWanted
        self._left = order.size
        self._entries = 0
        self._made = {self._root}
        self._links: list[tuple[str, str]] = []

    def extract(self) -> None:
        with open(self._order.archive, "rb") as file:
            how = _COMPRESSED.get(file.read(2), "r:")
        with tarfile.open(self._order.archive, how, tarinfo=_Member) as tar:  # type: ignore[call-overload]
            while (member := tar.next()) is not None:
                tar.members.clear()  # it would remember them all
                self._checkWanted()
                self._put(tar, member)
        # Only now, so that no other name can lead through them.
        for target, path in self._links:
            os.symlink(target, path)
        if self._order.mode is not None:
            for path in self._made:
                os.chmod(path, directoryMode(self._order.mode))

    def _checkWanted(self) -> None:
        if not self._isWanted():
            raise _NotWanted

    def _count(self) -> None:
        self._entries += 1
        if self._entries > ENTRIES:
            raise BadArchive(f"it has more than {ENTRIES} files and directories")

    def _pay(self, member: tarfile.TarInfo) -> None:
        """Count one entry as it stands in the archive; sparse files as they will stand on the disk."""
        self._count()
        if member.size < 0:
            raise BadArchive(f"{member.name[:200]!r} has a size below zero")
        self._left -= _BLOCK + -(-member.size // _BLOCK) * _BLOCK if member.isreg() else _BLOCK
        if self._left < 0:
            raise BadArchive(f"its contents are more than {self._order.size} bytes")

    def _put(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self._pay(member)
        path = _below(self._root, member.name)
        if path == self._root:
            return
        self._makeDirectory(os.path.dirname(path))
        if member.isdir():
            self._makeDirectory(path)
        elif member.isreg():
            self._writeFile(tar, member, path)
        elif member.islnk():
            os.link(_below(self._root, member.linkname), path)
        elif member.issym():
            _checkLink(member)
            self._links.append((member.linkname, path))
        else:
            raise BadArchive(f"{member.name[:200]!r} is neither a file nor a directory")

    def _makeDirectory(self, path: str) -> None:
        """Make a directory and those above it; each counts."""
        missing = []
        while path not in self._made:
            missing.append(path)
            path = os.path.dirname(path)
        for each in reversed(missing):
            self._count()
            os.mkdir(each)
            self._made.add(each)

    def _writeFile(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        source = tar.extractfile(member)
        assert source is not None
        isProgram = bool(member.mode & 0o111)
        with source, open(path, "xb", opener=_opener(isProgram)) as target:
            self._copy(source, target)
            if self._order.mode is not None:
                os.fchmod(target.fileno(), fileMode(self._order.mode, isProgram))
        with contextlib.suppress(OverflowError, ValueError, OSError):  # a time that nobody has
            os.utime(path, (member.mtime, member.mtime))

    def _copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        while block := source.read(_COPIED):
            target.write(block)
            self._checkWanted()


def _opener(isProgram: bool) -> Callable[[str, int], int]:
    """Opens a new file with what the umask leaves of the usual permissions."""
    return lambda path, flags: os.open(path, flags, 0o777 if isProgram else 0o666)


def _below(root: str, name: str) -> str:
    """Where a name of the archive belongs: always below the root, by directories alone."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or os.path.isabs(name) or "\0" in name:
        raise BadArchive(f"{name[:200]!r} is outside of the directory")
    if len(parts) > DEPTH:
        raise BadArchive(f"{name[:200]!r} is more than {DEPTH} directories deep")
    return os.path.join(root, *parts)


def _checkLink(member: tarfile.TarInfo) -> None:
    """A link has to stay inside, whatever other links it leads through.

    So it may go up only from where it stands itself: in "other/.." the first may be a link, and then nobody
    knows where the second leads.
    """
    depth = sum(part not in ("", ".") for part in member.name.split("/")) - 1
    parts = [part for part in member.linkname.split("/") if part not in ("", ".")]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if os.path.isabs(member.linkname) or up > depth or ".." in parts[up:]:
        raise BadArchive(f"{member.name[:200]!r} is a link that may lead outside of the directory")


def _moveInto(source: str, directory: str, withModes: bool) -> None:
    """Move what is in one directory into another, and never through a link that is there.

    @param withModes: whether directories that are there already get the permissions of those that come.
    """
    with os.scandir(source) as entries:
        for entry in entries:
            there = os.path.join(directory, entry.name)
            if not entry.is_dir(follow_symlinks=False):
                os.replace(entry.path, there)
                continue
            if os.path.islink(there):
                os.unlink(there)
            if os.path.isdir(there):
                if withModes:
                    with contextlib.suppress(PermissionError):
                        os.chmod(there, entry.stat().st_mode & 0o777)
                _moveInto(entry.path, there, withModes)
            else:
                os.rename(entry.path, there)


# ---- the child process


def main(order: str) -> int:
    """Carry out an L{Order}, given as JSON, in a process of its own.

    Writes C{ready} to standard output when all is unpacked, and then waits for a line that says to go on.
    Without a parent, it ends and leaves nothing, not even the archive.

    @return: the exit status, 0 if the contents have taken their place. Else what is wrong is on standard
        output, as JSON, if it is the archive's fault.
    """
    asked = Order(**json.loads(order))
    parent = os.getppid()
    _limit(asked)
    try:
        return 0 if unpack(asked, lambda: os.getppid() == parent, _ask) else 1
    except MemoryError:
        why = f"it needs more than {MEMORY} bytes of memory"
    except OSError as error:
        why = error.strerror or str(error)
    except Exception as error:  # whatever tarfile makes of nonsense
        why = str(error) or type(error).__name__
    finally:
        if os.getppid() != parent:
            with contextlib.suppress(OSError):
                os.unlink(asked.archive)
    print(json.dumps(why), flush=True)
    return 1


def _ask() -> bool:
    print("ready", flush=True)
    return bool(sys.stdin.readline())


def _limit(order: Order) -> None:
    """Take no more than what is needed, and let the master go first."""
    os.nice(5)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, order.seconds),
        (resource.RLIMIT_FSIZE, order.size + _BLOCK),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # a system that has no such limit
            resource.setrlimit(what, (most, hard))
