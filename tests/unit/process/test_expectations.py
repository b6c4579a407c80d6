"""Expected durations."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.process.expectations import expectationsOf, isWorthStoring, learned


class ExpectationsTests(unittest.SynchronousTestCase):
    """A builder learns how long its steps take."""

    def test_first(self) -> None:
        """The first build of a step sets the expected duration."""
        self.assertEqual(learned({}, {"compile": 10.0}), {"compile": 10.0})

    def test_next(self) -> None:
        """A later build counts for three tenths; the durations of steps that it lacks stay."""
        self.assertEqual(
            learned({"compile": 10.0, "test": 5.0}, {"compile": 20.0}), {"compile": 13.0, "test": 5.0}
        )

    def test_values(self) -> None:
        """The old value is not changed: a running build may use it."""
        before = {"compile": 10.0}
        learned(before, {"compile": 20.0})
        self.assertEqual(before, {"compile": 10.0})

    def test_worthStoring(self) -> None:
        """A change of a second or less is not stored; a new step is."""
        self.assertFalse(isWorthStoring({"compile": 10.0}, {"compile": 10.9}))
        self.assertTrue(isWorthStoring({"compile": 10.0}, {"compile": 11.1}))
        self.assertTrue(isWorthStoring({}, {"compile": 0.5}))

    def test_record(self) -> None:
        """A stored value of another type is refused."""
        self.assertEqual(expectationsOf({"compile": 1}), {"compile": 1})
        for wrong in (None, [1.0], {"compile": "long"}):
            self.assertRaises(TypeError, expectationsOf, wrong)
