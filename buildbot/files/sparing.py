# -*- test-case-name: tests.unit.files.test_sparing -*-
"""Files that builds read and write, and that leave the administrator's descriptors free.

A build may have any number of logs, and each of them is a file. When all other descriptors are in use, such
a file is open only while it is read or written. Which descriptors are kept is for L{buildbot.files.reserve}
to say.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable

from buildbot.files.plain import openPlain
from buildbot.files.reserve import isReserved


def sparing(
    descriptor: int, path: str, canWrite: bool, isReserved: Callable[[int], bool] = isReserved
) -> io.RawIOBase:
    """The open file C{descriptor}, for reading or for writing at its end; closing the result closes it.

    @param path: where the file is.
    @param isReserved: whether a descriptor is kept for the administrator.
    """
    if isReserved(descriptor):
        return SparingFile(descriptor, path, canWrite)
    return io.FileIO(descriptor, "wb" if canWrite else "rb")


class SparingFile(io.RawIOBase):
    """I am a file that is open only while it is read or written."""

    def __init__(self, descriptor: int, path: str, canWrite: bool) -> None:
        """@param descriptor: the file; it is closed when this returns, or raises OSError."""
        self._path = path
        self._flags = os.O_WRONLY | os.O_APPEND if canWrite else os.O_RDONLY
        self._position = 0
        try:
            self._identity = _identity(descriptor)
        finally:
            os.close(descriptor)

    def readable(self) -> bool:
        """See L{io.IOBase}."""
        return self._flags == os.O_RDONLY

    def writable(self) -> bool:
        """See L{io.IOBase}."""
        return not self.readable()

    def write(self, data: object, /) -> int:
        """See L{io.RawIOBase}. Raises OSError, also if the file is gone or another one has its place."""
        return self._briefly(lambda descriptor: os.write(descriptor, data))  # type: ignore[arg-type]

    def readinto(self, buffer: object, /) -> int:
        """See L{io.RawIOBase}. Raises OSError, also if the file is gone or another one has its place."""
        position = self._position
        size = self._briefly(lambda descriptor: os.preadv(descriptor, [buffer], position))  # type: ignore[list-item]
        self._position += size
        return size

    def _briefly(self, work: Callable[[int], int]) -> int:
        descriptor = openPlain(self._path, self._flags, follow=self.readable())
        try:
            if _identity(descriptor) != self._identity:
                raise OSError(errno.ESTALE, "another file has taken its place", self._path)
            return work(descriptor)
        finally:
            os.close(descriptor)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
