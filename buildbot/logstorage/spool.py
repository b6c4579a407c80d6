# -*- test-case-name: tests.unit.logstorage.test_spool -*-
"""The builds whose logs wait for their upload, and how much they are. This module uses no files."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

#: The most builds that are remembered one by one. The others are found on the disk when these are done.
MOST = 10_000

#: The builder and the number of a build.
Key = tuple[str, int]


class Spool:
    """I am the queue, the oldest first. The log files themselves are the durable part of it.

    @ivar isCut: True if more builds wait than I remember: the disk must be looked at again.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: OrderedDict[Key, tuple[int, float]] = OrderedDict()
        self._size = self._newSize = 0
        self._since = 0.0
        self.isCut = False
        self._beyond = 0  # the bytes of those that are not remembered

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._waiting))

    def __contains__(self, key: object) -> bool:
        return key in self._waiting

    @property
    def size(self) -> int:
        """The bytes of all logs that wait."""
        return self._size + self._beyond

    @property
    def newSize(self) -> int:
        """The bytes that count for the limit: logs from before the first use of the bucket do not."""
        return self._newSize

    @property
    def oldest(self) -> float | None:
        """When the logs were written that wait longest, in seconds since the epoch."""
        return min((when for _, when in self._waiting.values()), default=None)

    def begin(self, since: float, found: Iterable[tuple[float, Key, int]]) -> None:
        """Forget all, and take what the disk has.

        @param since: the time of the first use of the bucket.
        @param found: of each build: when its logs were last written, its key, and their bytes.
        """
        self._waiting.clear()
        self._size = self._newSize = self._beyond = 0
        self._since, self.isCut = since, False
        for when, key, size in sorted(found):
            self.add(key, size, when)

    def add(self, key: Key, size: int, when: float) -> None:
        """Add the logs of a build."""
        if len(self._waiting) >= self._most and key not in self._waiting:
            self.isCut = True
            self._beyond += size
            self._newSize += size if when >= self._since else 0
            return
        self.remove(key)
        self._waiting[key] = (size, when)
        self._size += size
        self._newSize += size if when >= self._since else 0

    def remove(self, key: Key) -> None:
        """Forget the logs of a build: they are stored, or removed."""
        size, when = self._waiting.pop(key, (0, self._since))
        self._size -= size
        self._newSize -= size if when >= self._since else 0

    def first(self) -> Key | None:
        """The build whose logs are sent next."""
        return next(iter(self._waiting), None)

    def last(self, key: Key) -> None:
        """Send the logs of a build after all others: they cannot be read now."""
        if key in self._waiting:
            self._waiting.move_to_end(key)
