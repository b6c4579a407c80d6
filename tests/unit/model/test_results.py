"""What a build comes to, from what its steps came to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from twisted.trial import unittest

from buildbot.model.results import (
    CANCELLED,
    EXCEPTION,
    FAILURE,
    RETRY,
    SKIPPED,
    SUCCESS,
    WARNINGS,
    Results,
    fold,
    worst,
)

EVERY = range(7)


@dataclass
class Flags:
    """The flags of a step."""

    haltOnFailure: bool = False
    flunkOnFailure: bool = False
    flunkOnWarnings: bool = False
    warnOnFailure: bool = False
    warnOnWarnings: bool = False


ALL_FLAGS = [Flags(*each) for each in product((False, True), repeat=5)]


class ResultsTests(unittest.TestCase):
    """Results and their order."""

    def test_numbers(self) -> None:
        """The numbers and names are those that plug-ins and status clients of 0.7.5 know."""
        self.assertEqual((SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION), (0, 1, 2, 3, 4))
        self.assertEqual(Results[:5], ["success", "warnings", "failure", "skipped", "exception"])
        self.assertEqual((Results[RETRY], Results[CANCELLED]), ("retry", "cancelled"))

    def test_worst(self) -> None:
        """Of two results the worse one counts, whichever comes first; skipped is nearly success."""
        order = [SUCCESS, SKIPPED, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED]
        for one, other in product(EVERY, EVERY):
            worse = order[max(order.index(one), order.index(other))]
            self.assertEqual(worst(one, other), worse)


class FoldTests(unittest.TestCase):
    """What the flags of a step do."""

    def test_plainFailure(self) -> None:
        """A failure that no flag speaks of does not matter."""
        self.assertEqual(fold(SUCCESS, FAILURE, Flags()), (SUCCESS, False))
        self.assertEqual(fold(SUCCESS, WARNINGS, Flags()), (SUCCESS, False))

    def test_flags(self) -> None:
        """Each flag does what it is named for, and the graver one wins."""
        for flags, step, expected in (
            (Flags(flunkOnFailure=True), FAILURE, (FAILURE, False)),
            (Flags(warnOnFailure=True), FAILURE, (WARNINGS, False)),
            (Flags(warnOnFailure=True, flunkOnFailure=True), FAILURE, (FAILURE, False)),
            (Flags(haltOnFailure=True), FAILURE, (FAILURE, True)),
            (Flags(warnOnWarnings=True), WARNINGS, (WARNINGS, False)),
            (Flags(flunkOnWarnings=True), WARNINGS, (FAILURE, False)),
            (Flags(flunkOnWarnings=True, warnOnWarnings=True), WARNINGS, (FAILURE, False)),
            (Flags(haltOnFailure=True, flunkOnFailure=True), WARNINGS, (SUCCESS, False)),
        ):
            self.assertEqual(fold(SUCCESS, step, flags), expected, (flags, step))

    def test_forcedEnds(self) -> None:
        """A step that broke, lost its slave or was cancelled ends the build, whatever its flags."""
        for flags, step in product(ALL_FLAGS, (EXCEPTION, RETRY, CANCELLED)):
            self.assertEqual(fold(WARNINGS, step, flags), (step, True))

    def test_neverBetter(self) -> None:
        """No later step, such as one that always runs, makes a build look better than it was."""
        for flags, before, step in product(ALL_FLAGS, EVERY, EVERY):
            after, _ = fold(before, step, flags)
            self.assertEqual(worst(before, after), after)

    def test_goodSteps(self) -> None:
        """A step that went well, or had nothing to do, leaves the build as it was and lets it go on."""
        for flags, before, step in product(ALL_FLAGS, EVERY, (SUCCESS, SKIPPED)):
            self.assertEqual(fold(before, step, flags), (before, False))
