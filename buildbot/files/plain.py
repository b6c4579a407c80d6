# -*- test-case-name: tests.unit.files.test_plain -*-
"""Files that must be plain ones: opened without waiting, and refused if they are something else.

A pipe where a file belongs would keep its reader waiting for ever, and a symbolic link where the master
writes would have it write somewhere else. What the files hold is for the callers to know.
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
    """Something else than a plain file is there; C{strerror} says what, C{filename} where.

    @ivar kind: what it is, in words ("a FIFO").
    """

    def __init__(self, kind: str, path: str) -> None:
        OSError.__init__(self, errno.EINVAL, f"it is {kind}, not a plain file: move it away", path)
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def openPlain(path: str, flags: int = os.O_RDONLY, mode: int = 0o600, follow: bool = True) -> int:
    """The descriptor of a plain file. Never waits for anybody.

    @param follow: whether a symbolic link to a plain file will do.
    @raise NotPlain: something else is there.
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
    """A plain file, open for reading bytes. Raises what L{openPlain} raises."""
    return cast(IO[bytes], os.fdopen(openPlain(path, follow=follow), "rb"))


def mustBePlain(path: str, follow: bool = True) -> None:
    """Raise L{NotPlain} if there is something else than a plain file; nothing at all will do."""
    with suppress(FileNotFoundError):
        _refuse(path, (os.stat if follow else os.lstat)(path).st_mode)


def _refuse(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for isThat, words in _KINDS if isThat(mode)), "something else")
        raise NotPlain(kind, path)
