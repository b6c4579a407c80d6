# -*- test-case-name: tests.unit.files.test_plain -*-
"""Open plain files without blocking, and refuse other kinds of files.

A pipe in place of a file would block its reader forever. A symbolic link would redirect the master's output.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import IO, cast

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a symbolic link"),
)


class NotPlain(OSError):
    """The path is not a plain file; C{strerror} says what, C{filename} where.

    @ivar kind: the kind of file, in words ("a FIFO").
    """

    def __init__(self, kind: str, path: str) -> None:
        OSError.__init__(self, errno.EINVAL, f"it is {kind}, not a plain file: move it away", path)
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def openPlain(path: str, flags: int = os.O_RDONLY, mode: int = 0o600, follow: bool = True) -> int:
    """Open a plain file and return its descriptor. Never blocks.

    @param follow: whether a symbolic link to a plain file is accepted.
    @raise NotPlain: the path is another kind of file.
    @raise OSError: as L{os.open}.
    """
    extra = os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags | extra, mode)
    except OSError as error:
        # A FIFO without a reader (ENXIO), a socket (ENXIO), a link (ELOOP), a directory (EISDIR).
        if error.errno in (errno.ENXIO, errno.ELOOP, errno.EISDIR):
            mustBePlain(path, follow)
        raise
    try:
        _refuse(path, os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def readPlain(path: str, follow: bool = True) -> IO[bytes]:
    """Open a plain file for reading bytes. Raises like L{openPlain}."""
    return cast(IO[bytes], os.fdopen(openPlain(path, follow=follow), "rb"))


def mustBePlain(path: str, follow: bool = True) -> None:
    """Raise L{NotPlain} if the path exists and is not a plain file."""
    with suppress(FileNotFoundError):
        _refuse(path, (os.stat if follow else os.lstat)(path).st_mode)


def _refuse(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for isThat, words in _KINDS if isThat(mode)), "something else")
        raise NotPlain(kind, path)
