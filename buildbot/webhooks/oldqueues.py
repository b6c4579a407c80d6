# -*- test-case-name: tests.unit.webhooks.test_oldqueues -*-
"""The queues of C{buildbot.status.persistent_queue} of 0.8, for status targets of people's own.

The events of our own StatusPush wait in the store, so a StatusPush needs none of them.
"""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from zope.interface import Interface, implementer

#: The most items of a queue without C{maxItems}, in memory and on disk.
_IN_MEMORY, _ON_DISK = 10_000, 100_000


class IQueue(Interface):
    """A queue of items, the oldest first."""

    def pushItem(item: object) -> object:
        """Add an item at the end. Return the oldest item if there is no room for it any more, else None."""

    def insertBackChunk(items: Sequence[object]) -> Sequence[object] | None:
        """Put items back to the front. Return the items for which there is no room, or None."""

    def popChunk(nbItems: int | None = None) -> list[object]:
        """Take the oldest items, at most C{nbItems} or all."""

    def save() -> None:
        """Write on disk what must outlive the process."""

    def items() -> list[object]:
        """All items."""

    def nbItems() -> int:
        """The number of items."""


@implementer(IQueue)
class MemoryQueue:
    """I keep items in memory."""

    def __init__(self, maxItems: int | None = None) -> None:
        self._maxItems = _IN_MEMORY if maxItems is None else maxItems
        self._items: deque[Any] = deque()

    def pushItem(self, item: Any) -> Any:
        """See L{IQueue}."""
        self._items.append(item)
        return self._items.popleft() if len(self._items) > self._maxItems else None

    def insertBackChunk(self, items: Sequence[Any]) -> list[Any] | None:
        """See L{IQueue}. The oldest of the items go first when there is no room."""
        rest, kept = _fitting(items, self._maxItems - len(self._items))
        self._items.extendleft(reversed(kept))
        return rest or None

    def popChunk(self, nbItems: int | None = None) -> list[Any]:
        """See L{IQueue}."""
        count = len(self._items) if nbItems is None else min(nbItems, len(self._items))
        return [self._items.popleft() for _ in range(count)]

    def save(self) -> None:
        """See L{IQueue}. Nothing is on disk."""

    def items(self) -> list[Any]:
        """See L{IQueue}."""
        return list(self._items)

    def nbItems(self) -> int:
        """See L{IQueue}."""
        return len(self._items)


@implementer(IQueue)
class DiskQueue:
    """I keep each item in a file of a directory. Its name is a number; the oldest has the lowest."""

    def __init__(
        self,
        path: str,
        maxItems: int | None = None,
        pickleFn: Callable[[Any], bytes | str] = pickle.dumps,
        unpickleFn: Callable[[bytes], Any] = pickle.loads,
    ) -> None:
        """@param path: the directory; it is made.
        @param pickleFn, unpickleFn: they make the bytes of an item, and an item from bytes.
        """
        self.path = path
        self._maxItems = _ON_DISK if maxItems is None else maxItems
        self._encode, self._decode = pickleFn, unpickleFn
        os.makedirs(path, exist_ok=True)
        self._numbers = deque(sorted(int(name) for name in os.listdir(path) if _isNumber(name)))

    def pushItem(self, item: Any) -> Any:
        """See L{IQueue}."""
        dropped = self._take() if len(self._numbers) >= self._maxItems else None
        number = self._numbers[-1] + 1 if self._numbers else 0
        self._write(number, item)
        self._numbers.append(number)
        return dropped

    def insertBackChunk(self, items: Sequence[Any]) -> list[Any] | None:
        """See L{IQueue}. The oldest of the items go first when there is no room."""
        rest, kept = _fitting(items, self._maxItems - len(self._numbers))
        for item in reversed(kept):
            number = self._numbers[0] - 1 if self._numbers else 0
            self._write(number, item)
            self._numbers.appendleft(number)
        return rest or None

    def popChunk(self, nbItems: int | None = None) -> list[Any]:
        """See L{IQueue}."""
        count = len(self._numbers) if nbItems is None else min(nbItems, len(self._numbers))
        return [self._take() for _ in range(count)]

    def save(self) -> None:
        """See L{IQueue}. Everything is on disk already."""

    def items(self) -> list[Any]:
        """See L{IQueue}."""
        return [self._read(number) for number in self._numbers]

    def nbItems(self) -> int:
        """See L{IQueue}."""
        return len(self._numbers)

    def _take(self) -> Any:
        item = self._read(self._numbers[0])
        os.remove(self._file(self._numbers.popleft()))
        return item

    def _read(self, number: int) -> Any:
        with open(self._file(number), "rb") as file:
            return self._decode(file.read())

    def _write(self, number: int, item: Any) -> None:
        encoded = self._encode(item)
        new = f"{self._file(number)}.new"  # a crash must not leave half an item
        with open(new, "wb") as file:
            file.write(encoded.encode() if isinstance(encoded, str) else encoded)
        os.replace(new, self._file(number))

    def _file(self, number: int) -> str:
        return os.path.join(self.path, str(number))


def _fitting(items: Sequence[Any], room: int) -> tuple[list[Any], list[Any]]:
    """The items for which there is no room, which are the oldest, and the others."""
    over = max(0, len(items) - max(0, room))
    return list(items[:over]), list(items[over:])


def _isNumber(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


@implementer(IQueue)
class PersistentQueue:
    """I keep the newest items in one queue, and those for which it has no room in a second one, on disk."""

    def __init__(self, primaryQueue: Any = None, secondaryQueue: Any = None, path: str | None = None) -> None:
        """@param path: the directory of the second queue, if that is not given."""
        self.primaryQueue = MemoryQueue() if primaryQueue is None else primaryQueue
        self.secondaryQueue = DiskQueue(path or "events") if secondaryQueue is None else secondaryQueue

    def pushItem(self, item: Any) -> Any:
        """See L{IQueue}."""
        moved = self.primaryQueue.pushItem(item)
        return None if moved is None else self.secondaryQueue.pushItem(moved)

    def insertBackChunk(self, items: Sequence[Any]) -> Any:
        """See L{IQueue}."""
        if self.secondaryQueue.nbItems():  # its items are older than those of the first
            return self.secondaryQueue.insertBackChunk(items)
        rest = self.primaryQueue.insertBackChunk(items)
        return self.secondaryQueue.insertBackChunk(rest) if rest else None

    def popChunk(self, nbItems: int | None = None) -> list[Any]:
        """See L{IQueue}."""
        taken = list(self.secondaryQueue.popChunk(nbItems))
        return taken + list(self.primaryQueue.popChunk(None if nbItems is None else nbItems - len(taken)))

    def save(self) -> None:
        """See L{IQueue}. The items of the first queue move to the second."""
        for item in self.primaryQueue.popChunk():
            self.secondaryQueue.pushItem(item)
        self.secondaryQueue.save()

    def items(self) -> list[Any]:
        """See L{IQueue}."""
        return [*self.secondaryQueue.items(), *self.primaryQueue.items()]

    def nbItems(self) -> int:
        """See L{IQueue}."""
        return int(self.secondaryQueue.nbItems() + self.primaryQueue.nbItems())


@implementer(IQueue)
class IndexedQueue:
    """I count the items that have left the front of another queue."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._index = 0

    def getIndex(self) -> int:
        """The index of the oldest item, since I was made."""
        return self._index

    def pushItem(self, item: Any) -> Any:
        """See L{IQueue}."""
        dropped = self._queue.pushItem(item)
        self._index += dropped is not None
        return dropped

    def insertBackChunk(self, items: Sequence[Any]) -> Any:
        """See L{IQueue}."""
        rest = self._queue.insertBackChunk(items)
        self._index -= len(items) - len(rest or ())
        return rest

    def popChunk(self, nbItems: int | None = None) -> list[Any]:
        """See L{IQueue}."""
        taken: list[Any] = self._queue.popChunk(nbItems)
        self._index += len(taken)
        return taken

    def save(self) -> None:
        """See L{IQueue}."""
        self._queue.save()

    def items(self) -> list[Any]:
        """See L{IQueue}."""
        return list(self._queue.items())

    def nbItems(self) -> int:
        """See L{IQueue}."""
        return int(self._queue.nbItems())
