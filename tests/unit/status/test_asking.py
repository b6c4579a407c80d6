"""Questions to objects of plug-ins."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count as endless
from typing import Any

from twisted.trial import unittest

from buildbot.status import asking
from buildbot.status.asking import Unanswered, WrongAnswer, ask, attempt, orNone, otherwise, text
from tests.garbage import setOthersAside


class Own:
    """A plug-in."""

    name = "own"

    def twice(self, value: int) -> int:
        """Double."""
        return 2 * value

    def leave(self) -> None:
        """Do what ends a program."""
        raise SystemExit(1)


class Slotted:
    """A callable object without weak references."""

    __slots__ = ()

    def __call__(self) -> None:
        """Do what ends a program."""
        raise SystemExit(1)


@dataclass
class Unhashable:
    """A callable object that has no hash."""

    value: int

    def __call__(self) -> None:
        """Do what ends a program."""
        raise SystemExit(self.value)


class AskingTests(unittest.SynchronousTestCase):
    """A page asks a plug-in."""

    def test_answers(self) -> None:
        """Attributes and methods are asked alike."""
        self.assertEqual(ask(Own(), "name", text), "own")
        self.assertEqual(ask(Own(), "twice", asking.count, 4), 8)

    def test_fails(self) -> None:
        """A failure is a sentence. The log has it once for each question."""
        words = "Own.leave failed: the reason is in twistd.log."
        for _ in range(3):
            self.assertEqual(ask(Own(), "leave", text), Unanswered(words))
            self.assertIsInstance(ask(Own(), "absent", text), Unanswered)
            self.assertEqual(otherwise(ask(Own(), "twice", text, 1), "none"), "none")
        for kind in (SystemExit, AttributeError, WrongAnswer):
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_functions(self) -> None:
        """A function of the configuration is asked in the same way; each one has its own line in the log."""
        empty: dict[str, str] = {}
        for broken in (lambda: empty["x"], lambda: empty["y"]):
            for _ in range(2):
                self.assertIsInstance(attempt(broken, "the function", broken), Unanswered)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)

    def test_callables(self) -> None:
        """Methods, and objects that cannot be keys, are asked like functions."""
        setOthersAside(self)
        own = Own()
        for make in (lambda: own.leave, Slotted, lambda: Unhashable(0)):
            for lines in (1, 0):
                broken: Callable[[], object] = make()
                self.assertIsInstance(attempt(broken, "the function", broken), Unanswered)
                self.assertEqual(len(self.flushLoggedErrors(SystemExit)), lines)
                del broken
                gc.collect()

    def test_right(self) -> None:
        """Each reader accepts the values of its kind."""
        rows: tuple[tuple[Callable[[Any], Any], Any, Any], ...] = (
            (text, "a\n\x1bb", "a \\x1bb"),
            (text, "x" * 5000, "x" * 1000),
            (asking.texts, ("a", "b"), ["a", "b"]),
            (asking.number, 1.5, 1.5),
            (asking.count, 7, 7),
            (asking.time, 5, 5.0),
            (asking.times, {9, None, 3}, [3.0, 9.0]),
            (orNone(text), None, None),
        )
        for read, value, wanted in rows:
            self.assertEqual(read(value), wanted)

    def test_wrong(self) -> None:
        """Each reader refuses all other values, even endless ones."""
        nan = float("nan")
        rows: tuple[tuple[Callable[[Any], Any], tuple[Any, ...]], ...] = (
            (text, (None, 5, b"x")),
            (asking.texts, (None, "text", b"x", {}, [1], ["x"] * 20_000, endless())),
            (asking.number, (None, "1", nan, float("inf"), 10**400)),
            (asking.count, (-1, 1.5, None, 10**20)),
            (asking.time, (-1, 1e14, nan)),
            (asking.times, (5, [object()])),
        )
        for read, values in rows:
            for value in values:
                self.assertRaises(WrongAnswer, read, value)
