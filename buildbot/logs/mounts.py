# -*- test-case-name: tests.unit.logs.test_mounts -*-
"""Open a log file, also if it is not on this disk: its directory of logs may have a second place.

L{buildbot.logstorage} provides the second place. All functions block: call them in a thread.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from typing import IO, Protocol

from buildbot.files.plain import readPlain

#: The device in the identity of a file that is not on this disk.
ELSEWHERE = -1
#: The most bytes of a log that L{lend} copies.
LONGEST_COPY = 256 << 20


class InNoPlace(FileNotFoundError):
    """A log is in neither of its places. It may have waited on another machine when that was lost.

    @cvar cure: what an administrator can do about it.
    """

    cure = (
        "Old logs are deleted after some time. If the master ran on another machine then, the log may still"
        " wait there for the object storage: it is sent when that machine's master is the active one again."
    )

    def __init__(self) -> None:
        FileNotFoundError.__init__(self, errno.ENOENT, "it is neither on this disk nor in the object storage")


class Elsewhere(Protocol):
    """The second place of the logs of one directory. Its paths are those on this disk."""

    def open(self, path: str) -> IO[bytes]:
        """Open a log for reading. Raises OSError; L{InNoPlace} if it is not there either."""

    def sizeOf(self, path: str) -> int:
        """The size of a log in bytes. Raises like L{open}."""

    def bring(self, path: str) -> None:
        """Copy a log to its path on this disk. Raises like L{open}; with EROFS if no copies are made."""

    def used(self, path: str) -> None:
        """Note that somebody reads the file on this disk. Never raises."""


_MOUNTED: dict[str, Elsewhere] = {}


def mount(directory: str, elsewhere: Elsewhere) -> None:
    """Give a directory of logs a second place."""
    _MOUNTED[os.path.abspath(directory)] = elsewhere


def unmount(directory: str) -> None:
    """Take the second place of a directory of logs away, if it has one."""
    _MOUNTED.pop(os.path.abspath(directory), None)


def elsewhereOf(path: str) -> Elsewhere | None:
    """The second place of a log file; None if there is none."""
    return _MOUNTED.get(os.path.dirname(os.path.dirname(os.path.abspath(path)))) if _MOUNTED else None


def isElsewhere(path: str) -> bool:
    """True if a log is read from its second place."""
    return bool(_MOUNTED) and elsewhereOf(path) is not None and not os.path.lexists(path)


def openLog(path: str, follow: bool = True) -> IO[bytes]:
    """Open a log file for reading bytes.

    @param follow: False to refuse a symbolic link.
    @raise OSError: the file is gone, the disk is broken, or the second place cannot be reached.
    """
    try:
        found = readPlain(path, follow)
    except FileNotFoundError:
        elsewhere = elsewhereOf(path)
        if elsewhere is None:
            raise
        return elsewhere.open(path)
    if _MOUNTED:
        elsewhere = elsewhereOf(path)
        if elsewhere is not None:
            elsewhere.used(path)
    return found


def lookAt(path: str) -> tuple[tuple[int, int], int]:
    """The identity of a log file, and its size in bytes. Raises like L{openLog}."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        elsewhere = elsewhereOf(path)
        if elsewhere is None:
            raise
        return (ELSEWHERE, 0), elsewhere.sizeOf(path)
    return (status.st_dev, status.st_ino), status.st_size


def sizeOf(path: str) -> int:
    """The size of a log file in bytes. Raises like L{openLog}."""
    return lookAt(path)[1]


def lengthOf(file: IO[bytes]) -> int:
    """The size of an open log file in bytes."""
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end


def bring(path: str) -> None:
    """Make sure that a log is on this disk, for a program that reads it there. Raises like L{openLog}."""
    if isElsewhere(path):
        elsewhere = elsewhereOf(path)
        if elsewhere is not None:
            elsewhere.bring(path)


def lend(path: str) -> tuple[str, bool]:
    """A path where a program finds a log on this disk, and whether it is to be removed afterwards.

    It is that of the log, if the log is there or may be brought there. Else it is a copy.

    @raise OSError: like L{openLog}; or the log is too long for a copy.
    """
    try:
        bring(path)
        return path, False
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    with openLog(path) as source:
        if lengthOf(source) > LONGEST_COPY:
            raise OSError(errno.EFBIG, "it is not on this machine, and too long to be copied for a search")
        descriptor, copy = tempfile.mkstemp(prefix="buildbot-log-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except BaseException:
            os.unlink(copy)
            raise
    return copy, True
