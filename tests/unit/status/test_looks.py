"""The looks of states: one table for pages, mails, badges and the old colours."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.trial import unittest

from buildbot.model.results import SUCCESS, Results
from buildbot.status.looks import (
    ACTIVITIES,
    RESULTS,
    RUNNING,
    START,
    lookOfActivity,
    lookOfResult,
    lookOfStep,
)
from buildbot.status.step import colorOf


@dataclass
class Step:
    """A step with these times and results."""

    started: float | None
    results: int | None = None

    def getTimes(self) -> tuple[float | None, float | None]:
        return self.started, None

    def getResults(self) -> tuple[int | None, list[str]]:
        return self.results, []


class LookTests(unittest.SynchronousTestCase):
    """The table."""

    def test_results(self) -> None:
        """Each result has its word, a colour of 0.7.5 and the CSS class of 0.7 and 0.8 (A10)."""
        self.assertEqual([RESULTS[each].word for each in sorted(RESULTS)], Results)
        self.assertEqual([colorOf(each) for each in sorted(RESULTS)], [RESULTS[n].color for n in range(7)])
        self.assertEqual(
            [look.css for look in RESULTS.values()],
            [*"success warnings failure skipped exception retry".split(), "exception cancelled"],
        )

    def test_notByColour(self) -> None:
        """No two results, and no two activities, have the same word, shape or symbol (row 74)."""
        for looks in (RESULTS.values(), ACTIVITIES.values()):
            for part in ("word", "shape", "symbol", "css"):
                self.assertEqual(len({getattr(look, part) for look in looks}), len(looks), part)
            self.assertEqual({len(look.symbol) for look in looks}, {1})

    def test_unknown(self) -> None:
        """A running build looks running, and unknown states of plug-ins have a look too."""
        self.assertIs(lookOfResult(None), RUNNING)
        self.assertEqual((lookOfResult(99).word, colorOf(99)), ("exception", "purple"))
        self.assertEqual(lookOfActivity("idle").color, "white")
        self.assertEqual(lookOfActivity("odd").css, "odd")

    def test_step(self) -> None:
        """A step looks waiting, then running, then like its result."""
        looks = [lookOfStep(each) for each in (Step(None), Step(1.0), Step(1.0, SUCCESS))]
        self.assertEqual(looks, [START, RUNNING, RESULTS[SUCCESS]])
