"""The helpers of buildbot.util."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.config.compare import ComparableMixin
from buildbot.model.times import earlier, later, now
from buildbot.text.plural import counted
from buildbot.util import (
    UTC,
    ascii2unicode,
    datetime2epoch,
    epoch2datetime,
    formatInterval,
    human_readable_delta,
    ignoreStaleRefs,
    makeList,
    naturalSort,
)


class Lock(ComparableMixin):
    """An object with a name and a number."""

    compare_attrs = ("name", "count")

    def __init__(self, name: str, count: object = 1, note: str = "") -> None:
        self.name = name
        self.count = count
        self.note = note


class OtherLock(Lock):
    """The same, of another class."""


class ComparableTests(unittest.TestCase):
    """ComparableMixin compares by value."""

    def test_equal(self) -> None:
        """Objects of one class with equal values in compare_attrs are equal, whatever else they have."""
        self.assertEqual(Lock("a", note="x"), Lock("a", note="y"))
        self.assertEqual(hash(Lock("a", note="x")), hash(Lock("a", note="y")))
        self.assertEqual(len({Lock("a", [1]), Lock("a", [1]), Lock("a", [2])}), 2)

    def test_different(self) -> None:
        """Objects that differ in an attribute or in their class are not equal."""
        for other in (Lock("b"), Lock("a", 2), OtherLock("a"), "a", None):
            self.assertNotEqual(Lock("a"), other)
            self.assertFalse(Lock("a") == other)

    def test_lacking(self) -> None:
        """Objects differ if only one has an attribute; they are equal if both lack it."""
        one, other = Lock("a"), Lock("a")
        del one.count
        self.assertNotEqual(one, other)
        del other.count
        self.assertEqual(one, other)

    def test_equalHashes(self) -> None:
        """Equal values of different types have the same hash."""
        self.assertEqual(Lock("a", 1), Lock("a", 1.0))
        self.assertEqual(hash(Lock("a", 1)), hash(Lock("a", 1.0)))

    def test_reloadedClass(self) -> None:
        """Objects of a class that was loaded twice from one text are equal (R5)."""
        text = "class L(ComparableMixin):\n    compare_attrs = ['name']\n    def f(self): return 1\n"
        made = []
        for _ in range(2):
            names = {"ComparableMixin": ComparableMixin, "__name__": "master.cfg"}
            exec(text, names)
            made.append(names["L"]())  # type: ignore[operator]
        self.assertEqual(*made)
        self.assertEqual(*map(hash, made))


class TimeTests(unittest.TestCase):
    """Times that may be None."""

    def test_earlierLater(self) -> None:
        """The earlier or the later of two times, of which each may be None."""
        self.assertEqual(
            [earlier(1, 2), earlier(None, 2), earlier(1, None), earlier(None, None)], [1, 2, 1, None]
        )
        self.assertEqual([later(1, 2), later(None, 2), later(1, None), later(None, None)], [2, 2, 1, None])

    def test_now(self) -> None:
        """The present is after this was written."""
        self.assertGreater(now(), 1700000000)
        self.assertIsInstance(now(), float)

    def test_counted(self) -> None:
        """One thing has the singular, whatever the type of the number."""
        said = [counted(count, "day") for count in (0, 1, 1.0, 2, 0.5, 365.0, 1234567)]
        self.assertEqual(said, ["0 days", "1 day", "1 day", "2 days", "0.5 days", "365 days", "1234567 days"])


class StaleTests(unittest.TestCase):
    """Errors of lost connections are ignored."""

    def test_swallows(self) -> None:
        """The errors of a dead reference to a slave are ignored."""
        for error in (pb.DeadReferenceError(), pb.PBConnectionLost()):
            swallowed: Callable[[Failure], object] = ignoreStaleRefs
            self.assertIsNone(swallowed(Failure(error)))

    def test_passesOn(self) -> None:
        """Any other error is passed on."""
        self.assertRaises((Failure, ValueError), ignoreStaleRefs, Failure(ValueError()))


class IntervalTests(unittest.TestCase):
    """The helpers of 0.8 for times in words."""

    def test_formatInterval(self) -> None:
        """0.8: a number of seconds in words."""
        for seconds, words in (
            (0, "0 secs"),
            (59, "59 secs"),
            (61, "1 mins, 1 secs"),
            (3601, "1 hrs, 1 secs"),
            (7322.5, "2 hrs, 2 mins, 2 secs"),
            (90061, "25 hrs, 1 mins, 1 secs"),
        ):
            self.assertEqual(formatInterval(seconds), words)

    def test_delta(self) -> None:
        """0.8: the time between two times in words."""
        for end, words in (
            (1000, "super fast"),
            (1005, "5 seconds"),
            (4661, "1 hours, 1 minutes, 1 seconds"),
            (91061, "1 days, 1 hours, 1 minutes, 1 seconds"),
        ):
            self.assertEqual(human_readable_delta(1000, end), words)


class ValueTests(unittest.TestCase):
    """Functions of 0.8 for values."""

    def test_times(self) -> None:
        """A time of the store becomes one with a zone, and back; None stays None."""
        moment = datetime(2010, 5, 6, 7, 8, 9, tzinfo=UTC)
        self.assertEqual(epoch2datetime(1273129689), moment)
        self.assertEqual(datetime2epoch(moment), 1273129689)
        self.assertEqual((epoch2datetime(None), datetime2epoch(None)), (None, None))

    def test_lists(self) -> None:
        """A single text is a list of one."""
        for given, wanted in ((None, []), ("ab", ["ab"]), (("a", "b"), ["a", "b"]), ([], [])):
            self.assertEqual(makeList(given), wanted)

    def test_naturalSort(self) -> None:
        """Numbers in names count as numbers, and the list itself is sorted."""
        names = ["b10", "b9", "a", "b", "10", "9x", "b9.2", "b9.10"]
        self.assertIs(naturalSort(names), names)
        self.assertEqual(names, ["9x", "10", "a", "b", "b9", "b9.2", "b9.10", "b10"])

    def test_ascii(self) -> None:
        """Bytes in ASCII become text; others are an error."""
        self.assertEqual([ascii2unicode(each) for each in (b"a", "\xe9", None)], ["a", "\xe9", None])
        self.assertRaises(UnicodeDecodeError, ascii2unicode, b"\xe9")
