# -*- test-case-name: tests.unit.web.test_cache -*-
"""Values that are kept while there is room for them. This module knows nothing about the values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Limited(Generic[_K, _V]):
    """I keep values by key. If all together are too large, the ones that were put or touched first go."""

    def __init__(self, room: int) -> None:
        """@param room: the largest sum of all sizes."""
        self._room = room
        self._used = 0
        self._kept: OrderedDict[_K, tuple[_V, int]] = OrderedDict()

    def get(self, key: _K) -> _V | None:
        """The value with this key; None if there is none."""
        kept = self._kept.get(key)
        return None if kept is None else kept[0]

    def touch(self, key: _K) -> None:
        """Mark a value as used, so that it is dropped after values without a later use."""
        self._kept.move_to_end(key)

    def put(self, key: _K, value: _V, size: int) -> None:
        """Keep a value, in place of an earlier one with this key."""
        self.drop(key)
        self._kept[key] = value, size
        self._used += size
        while self._used > self._room and self._kept:
            self.drop(next(iter(self._kept)))

    def drop(self, key: _K) -> None:
        """Forget a value, if it is kept."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._used -= kept[1]

    def dropIf(self, isOver: Callable[[_V], bool]) -> bool:
        """Forget all values for which C{isOver(value)} is true. Returns True if any are left."""
        for key in [key for key, (value, _) in self._kept.items() if isOver(value)]:
            self.drop(key)
        return bool(self._kept)

    def clear(self) -> None:
        """Forget all values."""
        self._kept.clear()
        self._used = 0
