"""Lists of observers."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.events.observers import NOBODY, Observers


class _Equal:
    """An observer that equals every other of its class."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Equal)

    __hash__ = None  # type: ignore[assignment]

    def method(self) -> None:
        """A method, which may be an observer too."""


class ObserversTests(unittest.SynchronousTestCase):
    """See L{Observers}."""

    def test_order(self) -> None:
        """Observers are called in the order of their arrival; one that was added twice is called twice."""
        self.assertEqual(list(NOBODY.plus("a").plus("b").plus("a")), ["a", "b", "a"])
        self.assertFalse(NOBODY)

    def test_loop(self) -> None:
        """Observers that come or go during a loop do not disturb it."""
        holder = [Observers("abc")]
        seen = []
        for each in holder[0]:
            seen.append(each)
            holder[0] = holder[0].without(each).plus("d")
        self.assertEqual((seen, list(holder[0])), (["a", "b", "c"], ["d"] * 3))

    def test_identity(self) -> None:
        """Removing an observer does not remove an equal one; methods are compared by their object."""
        one, two = _Equal(), _Equal()
        self.assertEqual(list(map(id, NOBODY.plus(one).plus(two).without(one))), [id(two)])
        self.assertEqual(list(NOBODY.plus(one.method).without(one.method)), [])
        self.assertEqual(len(NOBODY.plus(one.method).without(two.method)), 1)
        seen: list[object] = []
        self.assertEqual(list(NOBODY.plus(seen.append).without(seen.append)), [])
