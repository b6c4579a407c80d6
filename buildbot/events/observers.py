# -*- test-case-name: tests.unit.events.test_observers -*-
"""Immutable lists of observers."""

from __future__ import annotations

from types import BuiltinMethodType, MethodType
from typing import Any, TypeVar

T = TypeVar("T")


class Observers(tuple[T, ...]):
    """I am a list of observers, in the order of their arrival.

    I never change: the owner replaces me by another list. So a loop over me is safe while observers come and
    go, and all objects without observers share L{NOBODY}.
    """

    __slots__ = ()

    def plus(self, observer: T) -> Observers[T]:
        """Return the list with one more observer."""
        return Observers((*self, observer))

    def without(self, observer: T) -> Observers[T]:
        """Return the list without an observer, even if it was added several times.

        Observers are compared by identity, bound methods by equality.
        """
        if isinstance(observer, (MethodType, BuiltinMethodType)):  # each access makes a new object
            return Observers(each for each in self if each != observer)
        return Observers(each for each in self if each is not observer)


#: The empty list.
NOBODY: Observers[Any] = Observers()
