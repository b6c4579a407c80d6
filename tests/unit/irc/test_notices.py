"""Which ends of builds are told."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.irc.notices import isEvent, isWanted
from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS


class NoticesTests(unittest.SynchronousTestCase):
    """The events of a channel (A12)."""

    def test_names(self) -> None:
        """The events of 0.8 have names; other words have none."""
        for name in ("started", "finished", "success", "exception", "successToFailure", "warningsToSuccess"):
            self.assertTrue(isEvent(name), name)
        for wrong in ("", "successToStarted", "successTofailure", "successtofailure", "Success", None, 3):
            self.assertFalse(isEvent(wrong), wrong)

    def test_wanted(self) -> None:
        """A result is told if it is wanted, if every end is, or if the change from the one before is."""
        self.assertTrue(isWanted({"finished"}, SUCCESS, None))
        self.assertTrue(isWanted({"failure"}, FAILURE, FAILURE))
        self.assertFalse(isWanted({"failure"}, EXCEPTION, FAILURE))
        self.assertTrue(isWanted({"successToFailure"}, FAILURE, SUCCESS))
        self.assertFalse(isWanted({"successToFailure"}, FAILURE, FAILURE))
        self.assertFalse(isWanted({"successToFailure"}, FAILURE, None))
        self.assertTrue(isWanted({"warningsToWarnings"}, WARNINGS, WARNINGS))
        self.assertFalse(isWanted(set(), SUCCESS, FAILURE))
        self.assertFalse(isWanted({"started"}, SUCCESS, FAILURE))
