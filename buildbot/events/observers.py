# -*- test-case-name: tests.unit.events.test_observers -*-
"""Lists of observers: values that do not change while somebody goes through them."""

from __future__ import annotations

from types import BuiltinMethodType, MethodType
from typing import Any, TypeVar

T = TypeVar("T")


class Observers(tuple[T, ...]):
    """
    I am a list of observers, in the order in which they came.

    I never change: whoever holds me puts another list in my place. So a loop over me is safe while observers
    come and go, and all the objects that nobody observes share L{NOBODY}.
    """

    __slots__ = ()

    def plus(self, observer: T) -> Observers[T]:
        """The same and one more."""
        return Observers((*self, observer))

    def without(self, observer: T) -> Observers[T]:
        """The same without an observer, however often it is here; a method is found by equality."""
        if isinstance(observer, (MethodType, BuiltinMethodType)):  # each look at a method makes a new object
            return Observers(each for each in self if each != observer)
        return Observers(each for each in self if each is not observer)


#: No observers.
NOBODY: Observers[Any] = Observers()
