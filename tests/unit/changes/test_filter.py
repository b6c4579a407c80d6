"""Which changes a ChangeFilter wants."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.changes.filter import ChangeFilter
from buildbot.config.compare import sameValue
from buildbot.model.change import Change


def wants(**conditions: Any) -> bool:
    """True if a filter wants a change of project p on the main line."""
    change = Change("ann", ["a.c"], "fix", category="docs", project="p", repository="git://r")
    return ChangeFilter(**conditions).filter_change(change)


class FilterTests(unittest.SynchronousTestCase):
    """The conditions."""

    def test_nothing(self) -> None:
        """A filter without conditions wants every change."""
        self.assertTrue(wants())

    def test_values(self) -> None:
        """One value, or a list; a branch of None is the main line."""
        good: dict[str, Any]
        for good in (
            {"project": "p"},
            {"category": ["x", "docs"]},
            {"branch": None},
            {"branch": [None, "a"]},
        ):
            self.assertTrue(wants(**good), good)
        bad: dict[str, Any]
        for bad in (
            {"project": "q"},
            {"category": ["x"]},
            {"branch": "a"},
            {"project": "p", "codebase": "c"},
        ):
            self.assertFalse(wants(**bad), bad)

    def test_patterns(self) -> None:
        """A regular expression matches from the beginning, and never None."""
        self.assertTrue(wants(repository_re="git:"))
        self.assertFalse(wants(repository_re="r$"))
        self.assertFalse(wants(branch_re=".*"))

    def test_functions(self) -> None:
        """Functions of one attribute, and of the change."""
        self.assertTrue(
            wants(project_fn=lambda project: project == "p", filter_fn=lambda change: change.files)
        )
        self.assertFalse(wants(branch_fn=lambda branch: branch is not None))
        self.assertFalse(wants(filter_fn=lambda change: change.who == "bob"))

    def test_wrong(self) -> None:
        """Wrong arguments are errors."""
        for given in ({"branch": 7}, {"project_re": "("}, {"filter_fn": 7}):
            self.assertRaises(TypeError, ChangeFilter, **given)

    def test_equal(self) -> None:
        """Equal filters of two loads are equal, so a reconfig keeps their schedulers."""
        self.assertTrue(sameValue(ChangeFilter(branch=["a"]), ChangeFilter(branch=["a"])))
        self.assertFalse(sameValue(ChangeFilter(branch=["a"]), ChangeFilter(branch=["b"])))

    def test_words(self) -> None:
        """The words of a filter in the log name each of its conditions."""
        given: dict[str, Any]
        for given, words in (
            ({}, ""),
            ({"branch": None, "project": ["p", "q"]}, "project=['p', 'q'], branch=None"),
            ({"repository_re": "git:", "category_fn": bool}, "repository_re=git:, category_fn"),
            ({"filter_fn": bool}, "filter_fn"),
        ):
            self.assertEqual(repr(ChangeFilter(**given)), f"ChangeFilter({words})")
