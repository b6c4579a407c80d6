# -*- test-case-name: tests.test_transfer -*-
"""Archives from slaves, unpacked so that nothing gets out of the directory they are meant for.

They come as files, and stay whoever's they are; nothing here knows who sent them.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable

#: Directories below each other that an archive may have.
DEPTH = 100


class BadArchive(Exception):
    """An archive holds what it should not; the message says what."""


def unpack(archive: str, directory: str, isWanted: Callable[[], bool] = lambda: True) -> None:
    """
    Put what is in a tar archive, compressed or not, into a directory.

    Blocks, perhaps for long. Only when all of it is unpacked does it take its place: files replace those of
    the same name, others stay. Files keep their time and whether they can be executed; owners and devices are
    nothing to go by.

    @param directory: made if need be; the one above it has room for a temporary.
    @param isWanted: asked for each file; if not, the rest is not unpacked, and nothing takes its place.
    @raise BadArchive: something in it would end up elsewhere, or is neither file, directory nor link.
    @raise OSError: the archive cannot be read or its contents not be written.
    @raise tarfile.TarError: it is none; or C{EOFError}, C{ValueError} or C{zlib.error}.
    """
    directory = os.path.abspath(directory)
    os.makedirs(directory, exist_ok=True)
    aside = tempfile.mkdtemp(".part", ".", os.path.dirname(directory))
    try:
        if _extract(archive, aside, isWanted):
            _moveInto(aside, directory)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _extract(archive: str, root: str, isWanted: Callable[[], bool]) -> bool:
    links: list[tuple[str, str]] = []
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            if not isWanted():
                return False
            path = _below(root, member.name)
            if path == root:
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
            elif member.isreg():
                _writeFile(tar, member, path)
            elif member.islnk():
                os.link(_below(root, member.linkname), path)
            elif member.issym():
                _checkLink(member)
                links.append((member.linkname, path))
            else:
                raise BadArchive(f"{member.name!r} is neither a file nor a directory")
    # Only now, so that no other name can lead through them.
    for target, path in links:
        os.symlink(target, path)
    return True


def _below(root: str, name: str) -> str:
    """Where a name of the archive belongs: always below the root, by directories alone."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or os.path.isabs(name) or "\0" in name:
        raise BadArchive(f"{name!r} is outside of the directory")
    if len(parts) > DEPTH:
        raise BadArchive(f"{name[:200]!r} is more than {DEPTH} directories deep")
    return os.path.join(root, *parts)


def _checkLink(member: tarfile.TarInfo) -> None:
    """
    A link has to stay inside, whatever other links it leads through.

    So it may go up only from where it stands itself: in "other/.." the first may be a link, and then nobody
    knows where the second leads.
    """
    depth = sum(part not in ("", ".") for part in member.name.split("/")) - 1
    parts = [part for part in member.linkname.split("/") if part not in ("", ".")]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if os.path.isabs(member.linkname) or up > depth or ".." in parts[up:]:
        raise BadArchive(f"{member.name!r} is a link that may lead outside of the directory")


def _writeFile(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    source = tar.extractfile(member)
    assert source is not None
    with source, open(path, "xb") as target:
        shutil.copyfileobj(source, target)
        os.fchmod(target.fileno(), 0o600 | (member.mode & 0o755))
    os.utime(path, (member.mtime, member.mtime))


def _moveInto(source: str, directory: str) -> None:
    """Move what is in one directory into another, and never through a link that is there."""
    with os.scandir(source) as entries:
        for entry in entries:
            there = os.path.join(directory, entry.name)
            if not entry.is_dir(follow_symlinks=False):
                os.replace(entry.path, there)
                continue
            if os.path.islink(there):
                os.unlink(there)
            if os.path.isdir(there):
                _moveInto(entry.path, there)
            else:
                os.rename(entry.path, there)
