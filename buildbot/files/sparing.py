# -*- test-case-name: tests.unit.files.test_sparing -*-
"""Files of builds that do not occupy the administrator's descriptors.

A build may have any number of log files. When all other descriptors are in use, a log file is open only
during each read or write. L{buildbot.files.reserve} defines the reserve.
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
    """A raw file for C{descriptor}, to read or to append to. The result owns the descriptor.

    @param path: the path of the open file, to open it again.
    @param isReserved: whether a descriptor belongs to the reserve.
    """
    if isReserved(descriptor):
        return SparingFile(descriptor, path, canWrite)
    return io.FileIO(descriptor, "wb" if canWrite else "rb")


class SparingFile(io.RawIOBase):
    """I am a file that is open only during each read or write."""

    def __init__(self, descriptor: int, path: str, canWrite: bool) -> None:
        """@param descriptor: the open file. It is closed in any case, also if this raises OSError."""
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
        """See L{io.RawIOBase}. Raises OSError, also if the file was deleted or replaced."""
        return self._briefly(lambda descriptor: os.write(descriptor, data))  # type: ignore[arg-type]

    def readinto(self, buffer: object, /) -> int:
        """See L{io.RawIOBase}. Raises OSError, also if the file was deleted or replaced."""
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
