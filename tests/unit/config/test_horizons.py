"""The keys about how much history is kept."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.horizons import KEYS
from tests.unit.config.test_check import errors, warnings


class HorizonTests(unittest.SynchronousTestCase):
    """Numbers, None, and other values."""

    def test_good(self) -> None:
        """P8: each key takes a number, and None for no limit."""
        for key in KEYS:
            self.assertEqual(errors(**{key: 7}), [])
            self.assertEqual(errors(**{key: None}), [])
        self.assertEqual(errors(buildDays=0.5), [])

    def test_allChanges(self) -> None:
        """With changeHorizon 0 all changes are kept, as in 0.8."""
        self.assertEqual(errors(changeHorizon=0), [])
        self.assertEqual(len(errors(changeHorizon=-1)), 1)

    def test_noNumber(self) -> None:
        """A value that is no number is an error that says what the number counts."""
        self.assertEqual(
            errors(buildHorizon="100", logHorizon=True, buildDays="7"),
            [
                "c['buildHorizon'] must be a number of builds to keep for each builder, or None, not a str",
                "c['logHorizon'] must be a number of builds of each builder whose logs are kept, or None,"
                " not a bool",
                "c['buildDays'] must be a number of days, or None, not a str",
            ],
        )

    def test_tooLow(self) -> None:
        """At least one build is kept: 0 does not mean all."""
        self.assertEqual(
            errors(buildHorizon=0, buildDays=-1, eventHorizon=10**6),
            [
                "c['buildHorizon'] must be 1 or more, or None for no limit, not 0",
                "c['eventHorizon'] must be 10000 or less, since events are in memory",
                "c['buildDays'] must be more than 0, or None for any age, not -1",
            ],
        )

    def test_logsWithoutBuilds(self) -> None:
        """A log does not outlive its build: a warning says so."""
        [warning] = warnings(buildHorizon=10, logHorizon=20)
        self.assertIn("logs go with their builds, after 10", warning)
        self.assertEqual(warnings(buildHorizon=20, logHorizon=10), [])
