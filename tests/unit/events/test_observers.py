"""Lists of observers."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.events.observers import NOBODY, Observers


class _Equal:
    """An observer that equals every other of its kind."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Equal)

    __hash__ = None  # type: ignore[assignment]

    def method(self) -> None:
        """What may observe as well."""


class ObserversTests(unittest.SynchronousTestCase):
    """See L{Observers}."""

    def test_order(self) -> None:
        """Observers are told in the order in which they came, one that came twice is told twice."""
        self.assertEqual(list(NOBODY.plus("a").plus("b").plus("a")), ["a", "b", "a"])
        self.assertFalse(NOBODY)

    def test_loop(self) -> None:
        """Who leaves or comes while observers are told does not disturb the loop."""
        holder = [Observers("abc")]
        seen = []
        for each in holder[0]:
            seen.append(each)
            holder[0] = holder[0].without(each).plus("d")
        self.assertEqual((seen, list(holder[0])), (["a", "b", "c"], ["d"] * 3))

    def test_identity(self) -> None:
        """An observer that leaves does not take an equal one with it; a method is known by its object."""
        one, two = _Equal(), _Equal()
        self.assertEqual(list(map(id, NOBODY.plus(one).plus(two).without(one))), [id(two)])
        self.assertEqual(list(NOBODY.plus(one.method).without(one.method)), [])
        self.assertEqual(len(NOBODY.plus(one.method).without(two.method)), 1)
        seen: list[object] = []
        self.assertEqual(list(NOBODY.plus(seen.append).without(seen.append)), [])
