"""The messages of tests that compare a page with the code."""

from __future__ import annotations

from twisted.trial import unittest

from tests.listed import ListedCase, corrections


class CorrectionsTests(unittest.TestCase):
    """What a contributor reads when a page lacks a row."""

    def test_names(self) -> None:
        """Missing, unknown and repeated names are told; the order does not matter."""
        self.assertEqual(list(corrections(["a", "b"], ["b", "a"])), [])
        self.assertEqual(
            list(corrections(["a", "old", "a"], ["a", "new"])),
            ["  a is there 2 times", "  add new", "  remove old: the code does not have it"],
        )

    def test_values(self) -> None:
        """A wrong value is told with the right one."""
        self.assertEqual(list(corrections({"a": 1}, {"a": 1})), [])
        self.assertEqual(
            list(corrections({"a": 1}, {"a": 2, "b": 3})), ["  a: 2 (the page says 1)", "  add b: 3"]
        )

    def test_message(self) -> None:
        """The failure names the page."""

        class Case(ListedCase):
            def test_it(self) -> None:
                self.assertListed("docs/x.rst", [], ["a"])

        failed = self.assertRaises(self.failureException, Case("test_it").test_it)
        self.assertIn("correct docs/x.rst:\n  add a", str(failed))
