"""The result of a build, from the results of its steps."""

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
        """The numbers and names are those of 0.7.5, for plug-ins and status clients."""
        self.assertEqual((SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION), (0, 1, 2, 3, 4))
        self.assertEqual(Results[:5], ["success", "warnings", "failure", "skipped", "exception"])
        self.assertEqual((Results[RETRY], Results[CANCELLED]), ("retry", "cancelled"))

    def test_worst(self) -> None:
        """The worse of two results counts, in any order; skipped is next to success."""
        order = [SUCCESS, SKIPPED, WARNINGS, FAILURE, EXCEPTION, RETRY, CANCELLED]
        for one, other in product(EVERY, EVERY):
            worse = order[max(order.index(one), order.index(other))]
            self.assertEqual(worst(one, other), worse)


class FoldTests(unittest.TestCase):
    """The effect of a step's flags."""

    def test_plainFailure(self) -> None:
        """A failure without any flag does not affect the build."""
        self.assertEqual(fold(SUCCESS, FAILURE, Flags()), (SUCCESS, False))
        self.assertEqual(fold(SUCCESS, WARNINGS, Flags()), (SUCCESS, False))

    def test_flags(self) -> None:
        """Each flag has the effect in its name, and the graver one wins."""
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
        """A step with an exception, a lost slave or a cancellation ends the build, whatever its flags."""
        for flags, step in product(ALL_FLAGS, (EXCEPTION, RETRY, CANCELLED)):
            self.assertEqual(fold(WARNINGS, step, flags), (step, True))

    def test_neverBetter(self) -> None:
        """A later step, such as one with alwaysRun, never improves the result."""
        for flags, before, step in product(ALL_FLAGS, EVERY, EVERY):
            after, _ = fold(before, step, flags)
            self.assertEqual(worst(before, after), after)

    def test_goodSteps(self) -> None:
        """A successful or skipped step does not change the result, and the build goes on."""
        for flags, before, step in product(ALL_FLAGS, EVERY, (SUCCESS, SKIPPED)):
            self.assertEqual(fold(before, step, flags), (before, False))
