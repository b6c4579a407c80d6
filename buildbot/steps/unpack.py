# -*- test-case-name: tests.unit.steps.test_unpack -*-
"""Unpack archives from slaves, and write nothing outside their target directory.

L{buildbot.steps.unpacking} runs this module in a child process with limits of its own: an archive of some
hundred bytes can demand any amount of time, memory and disk.
"""

from __future__ import annotations

import bz2
import contextlib
import json
import os
import resource
import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, cast

from buildbot.files.permissions import directoryMode, fileMode, makeDirectories
from buildbot.text.plural import counted

#: The deepest nesting of directories in an archive.
DEPTH = 100
#: The most files, directories and links in an archive, implied directories included.
ENTRIES = 200_000
#: The most bytes of an entry's header, such as a long name: more than any file system accepts.
HEADER = 64 * 1024
#: The most bytes of padding after the end of an archive. tar fills up its last record, of 10 KiB by default.
PADDING = 1 << 20
#: The memory limit of the child, in bytes.
MEMORY = 512 << 20
_BLOCK = 512
_COPIED = 64 * 1024
#: The first bytes of an archive -> the tarfile mode for its compression.
_COMPRESSED = {b"\x1f\x8b": "r:gz", b"BZ": "r:bz2"}


class BadArchive(Exception):
    """The archive is refused; the message says why."""


class _NotWanted(Exception):
    """The contents of the archive are no longer wanted."""


@dataclass(frozen=True)
class Order:
    """An archive to unpack.

    @ivar archive: the path of a tar archive, plain or compressed by gzip or bzip2.
    @ivar aside: the temporary directory to unpack into, beside C{directory}; it must not exist.
    @ivar directory: the target directory of the contents; made if it is missing.
    @ivar size: the most bytes of contents, counted in tar blocks.
    @ivar seconds: the limit of CPU time.
    @ivar mode: the permissions of the contents, as the mode of a file; None: the umask decides.
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
    """Unpack an archive into a directory.

    Blocks, perhaps for long. The contents move to the target directory only after all of them are unpacked.
    They replace files of the same name; other files stay. Files keep their time and their executable bit.
    Owners are ignored.

    @param isWanted: called often; when it returns False, unpacking stops and the target stays unchanged.
    @param mayPlace: called once, after all is unpacked; False leaves the target unchanged.
    @return: True if the contents are in the target directory.
    @raise BadArchive: an entry leads outside of the directory, or is neither file, directory nor link, or
        the archive exceeds a limit.
    @raise OSError: the archive cannot be read or its contents cannot be written.
    @raise tarfile.TarError: it is not a tar archive; or C{EOFError}, C{ValueError} or C{zlib.error}.
    """
    makeDirectories(order.directory, order.mode)
    os.mkdir(order.aside, 0o700)
    try:
        _Extraction(order, isWanted).extract()
        if not mayPlace():
            return False
        if order.mode is not None:
            with contextlib.suppress(PermissionError):  # another user owns it, and lets us write there
                os.chmod(order.directory, directoryMode(order.mode))
        _moveInto(order.aside, order.directory, order.mode is not None)
        return True
    except _NotWanted:
        return False
    finally:
        shutil.rmtree(order.aside, ignore_errors=True)


class _Member(tarfile.TarInfo):
    """I am one entry of an archive. I refuse damaged headers, and those longer than any name can be."""

    _LONG = (
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    )

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> _Member:
        """See L{tarfile.TarInfo}. tarfile would take a damaged header for the end of the archive."""
        try:
            return super().frombuf(buf, cast(str, encoding), errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined] # it is there in all releases
            raise
        except tarfile.HeaderError as error:
            if not buf:
                raise BadArchive("the archive has no end: a part of it is missing") from error
            raise BadArchive(f"the archive is damaged: {error}") from error

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in self._LONG and not 0 <= self.size <= HEADER:
            raise BadArchive(f"the archive has an entry with more than {HEADER} bytes of header")
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
            isEmpty = tar.firstmember is None  # Python 3.10 fails to ask such an archive for the next one
            while not isEmpty and (member := tar.next()) is not None:
                tar.members.clear()  # tarfile would keep them all in memory
                self._checkWanted()
                self._put(tar, member)
            self._readRest(tar)
        if how == "r:bz2":
            self._checkTail()
        # Only now, so that no other name can lead through them.
        for target, path in self._links:
            os.symlink(target, path)
        if self._order.mode is not None:
            for path in self._made:
                os.chmod(path, directoryMode(self._order.mode))

    def _readRest(self, tar: tarfile.TarFile) -> None:
        """Read the end of the archive: padding, and the checksum and the length of gzip."""
        assert tar.fileobj is not None
        left = PADDING
        try:
            while block := tar.fileobj.read(_COPIED):
                self._checkWanted()
                left -= len(block)
                if block.count(0) < len(block) or left < 0:
                    raise BadArchive("the archive has more data after its end")
        except (OSError, EOFError, zlib.error) as error:
            raise BadArchive(f"the archive is damaged at its end: {error}") from error

    def _checkTail(self) -> None:
        """Check that nothing follows the data of bzip2: L{bz2.BZ2File} ignores it."""
        with open(self._order.archive, "rb") as file:
            decompressor = bz2.BZ2Decompressor()
            while block := decompressor.unused_data or file.read(_COPIED):
                self._checkWanted()
                if decompressor.eof:
                    decompressor = bz2.BZ2Decompressor()
                try:
                    decompressor.decompress(block, _COPIED)
                    while not decompressor.needs_input and not decompressor.eof:
                        decompressor.decompress(b"", _COPIED)
                except OSError as error:
                    raise BadArchive("the archive has more data after its end") from error

    def _checkWanted(self) -> None:
        if not self._isWanted():
            raise _NotWanted

    def _count(self) -> None:
        self._entries += 1
        if self._entries > ENTRIES:
            raise BadArchive(f"the archive has more than {ENTRIES} files and directories")

    def _pay(self, member: tarfile.TarInfo) -> None:
        """Count the size of one entry in tar blocks; a sparse file counts with its full size."""
        self._count()
        if member.size < 0:
            raise BadArchive(f"{member.name[:200]!r} has a size below zero")
        self._left -= _BLOCK + -(-member.size // _BLOCK) * _BLOCK if member.isreg() else _BLOCK
        if self._left < 0:
            raise BadArchive(f"its contents are more than {counted(self._order.size, 'byte')}")

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
        with contextlib.suppress(OverflowError, ValueError, OSError):  # a time that the system cannot store
            os.utime(path, (member.mtime, member.mtime))

    def _copy(self, source: IO[bytes], target: IO[bytes]) -> None:
        while block := source.read(_COPIED):
            target.write(block)
            self._checkWanted()


def _opener(isProgram: bool) -> Callable[[str, int], int]:
    """An opener for a new file whose permissions follow the umask."""
    return lambda path, flags: os.open(path, flags, 0o777 if isProgram else 0o666)


def _below(root: str, name: str) -> str:
    """The path below C{root} for a name in the archive. Raises L{BadArchive} if it would lead outside."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or os.path.isabs(name) or "\0" in name:
        raise BadArchive(f"{name[:200]!r} is outside of the directory")
    if len(parts) > DEPTH:
        raise BadArchive(f"{name[:200]!r} is more than {DEPTH} directories deep")
    return os.path.join(root, *parts)


def _checkLink(member: tarfile.TarInfo) -> None:
    """Raise L{BadArchive} if a symbolic link may lead outside, by itself or through other links.

    ".." is allowed only at the start of the target. In "other/..", "other" may be a link to anywhere.
    """
    depth = sum(part not in ("", ".") for part in member.name.split("/")) - 1
    parts = [part for part in member.linkname.split("/") if part not in ("", ".")]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if os.path.isabs(member.linkname) or up > depth or ".." in parts[up:]:
        raise BadArchive(f"{member.name[:200]!r} is a link that may lead outside of the directory")


def _moveInto(source: str, directory: str, withModes: bool) -> None:
    """Move the contents of one directory into another, and never through an existing link.

    @param withModes: whether existing directories get the permissions of the moved ones.
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
    """Carry out an L{Order}, given as JSON: the entry point of the child process.

    Writes C{ready} to standard output when all is unpacked, and then waits for a line on standard input.
    If the parent dies, this removes everything, the archive included, and ends.

    @return: the exit status: 0 if the contents are in the target directory. For another status, standard
        output has the reason as JSON, if the archive is the cause.
    """
    asked = Order(**json.loads(order))
    parent = os.getppid()
    _limit(asked)
    try:
        return 0 if unpack(asked, lambda: os.getppid() == parent, _ask) else 1
    except MemoryError:
        why = f"unpacking needs more than {MEMORY} bytes of memory"
    except OSError as error:
        why = error.strerror or str(error)
    except Exception as error:  # tarfile raises many kinds of exceptions for broken archives
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
    """Limit memory, CPU time and file size, and lower the priority below the master's."""
    os.nice(5)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, order.seconds),
        (resource.RLIMIT_FSIZE, order.size + _BLOCK),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # the system lacks this limit
            resource.setrlimit(what, (most, hard))
