"""Which builds need a mail."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.mails.deciding import comparesBuilds, modesOf, wantsMail
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SUCCESS, WARNINGS

ALL = (SUCCESS, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED)


def wanted(mode: str | tuple[str, ...], before: int | None = SUCCESS) -> list[int]:
    """The results for which a mode wants a mail after a build with the result C{before}."""
    return [results for results in ALL if wantsMail(modesOf(mode), results, before)]


class DecidingTests(unittest.SynchronousTestCase):
    """See L{wantsMail} and L{modesOf}."""

    def test_results(self) -> None:
        """Modes for one result want each build with it. "warnings" alone wants failures, too, as in 0.8."""
        self.assertEqual(wanted("failing"), [FAILURE])
        self.assertEqual(wanted("passing"), [SUCCESS])
        self.assertEqual(wanted("exception"), [EXCEPTION])
        self.assertEqual(wanted("warnings"), [WARNINGS, FAILURE])
        self.assertEqual(wanted(("warnings",)), [WARNINGS])
        self.assertEqual(wanted(("passing", "exception")), [SUCCESS, EXCEPTION])

    def test_all(self) -> None:
        """ "all" wants every build that ended, but not one that is built again."""
        self.assertEqual(wanted("all"), [SUCCESS, WARNINGS, FAILURE, EXCEPTION, CANCELLED])
        self.assertEqual(wanted(("all",)), wanted("all"))

    def test_problem(self) -> None:
        """ "problem" wants the first failure only, also that of the first build."""
        self.assertEqual(wanted("problem"), [FAILURE])
        self.assertEqual(wanted("problem", None), [FAILURE])
        self.assertEqual(wanted("problem", FAILURE), [])

    def test_change(self) -> None:
        """ "change" wants a build with another result than the one before; stopped builds say nothing."""
        self.assertEqual(wanted("change"), [WARNINGS, FAILURE, EXCEPTION])
        self.assertEqual(wanted("change", FAILURE), [SUCCESS, WARNINGS, EXCEPTION])
        self.assertEqual(wanted("change", None), [])

    def test_compares(self) -> None:
        """Only two modes need the build before."""
        self.assertTrue(comparesBuilds(("failing", "change")))
        self.assertFalse(comparesBuilds(modesOf("all")))
