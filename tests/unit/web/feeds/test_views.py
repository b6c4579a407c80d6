"""Tests of buildbot.web.feeds.views."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.web.feeds.views import BuildView, UnknownChoice, chosen, hasTurned, isDecisive


def built(number: int, results: int | None, before: int | None = None) -> BuildView:
    """A build that finished at its number; a running one has no result."""
    finished = None if results is None else float(number)
    return BuildView("linux", number, results, before, finished=finished)


class ChosenTests(unittest.TestCase):
    """A feed has the builds that its reader asked for."""

    BUILDS = [
        built(1, SUCCESS),
        built(2, FAILURE, SUCCESS),
        built(3, EXCEPTION, FAILURE),
        built(4, CANCELLED, EXCEPTION),
        built(5, WARNINGS, EXCEPTION),
        built(6, None, WARNINGS),
    ]

    def numbers(self, only: str) -> list[int]:
        return [each.number for each in chosen(self.BUILDS, only)]

    def test_only(self) -> None:
        """A feed has failures, or builds that turned red or green, or all finished builds; newest first."""
        self.assertEqual(self.numbers("failures"), [3, 2])
        self.assertEqual(self.numbers("changes"), [5, 2])
        self.assertEqual(self.numbers("all"), [5, 4, 3, 2, 1])

    def test_first(self) -> None:
        """The first build of a builder turns it red, but not green."""
        self.assertTrue(hasTurned(built(1, FAILURE)))
        self.assertFalse(hasTurned(built(1, SUCCESS)))

    def test_unknown(self) -> None:
        """An unknown choice is refused with the choices that exist."""
        error = self.assertRaises(UnknownChoice, chosen, [], "red")
        self.assertEqual(str(error), "only=red is unknown: use one of failures, changes, all")

    def test_bounded(self) -> None:
        """A feed has at most 25 builds."""
        many = [built(number, FAILURE) for number in range(100)]
        self.assertEqual([each.number for each in chosen(many)], list(range(99, 74, -1)))

    def test_decisive(self) -> None:
        """Cancelled, skipped and retried builds say nothing about the source."""
        self.assertEqual([isDecisive(each) for each in (SUCCESS, WARNINGS, FAILURE, EXCEPTION)], [True] * 4)
        self.assertEqual([isDecisive(each) for each in (CANCELLED, SKIPPED, RETRY, None)], [False] * 4)
