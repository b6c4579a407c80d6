# -*- test-case-name: tests.unit.logstorage.test_far,tests.unit.readers.test_farlogs -*-
"""Files on other machines, read like files of this one: only the parts that a reader wants are fetched."""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from typing import Any


class DistantFile(io.RawIOBase):
    """I am one open file of a known size. A subclass fetches the parts."""

    def __init__(self, size: int) -> None:
        """@param size: in bytes."""
        super().__init__()
        self._size = size
        self._at = 0

    @abstractmethod
    def part(self, at: int, most: int) -> bytes:
        """One byte or more, from the byte C{at} on, and at most C{most}. All are in the file. Blocks.

        @raise OSError: they cannot be read.
        """

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        part = self.part(self._at, min(len(buffer), self._size - self._at))
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
