"""Tests of buildbot.status.timeleft."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from statistics import median

from twisted.trial import unittest

from buildbot.process.expectations import learned
from buildbot.status.timeleft import TimeLeft, ofBuild, ofStep
from buildbot.web.pages.pieces import timeLeft


@dataclass
class Step:
    """A step of a build."""

    expected: float | None = None
    started: float | None = None
    finished: float | None = None


class StepTests(unittest.SynchronousTestCase):
    """The forecast for one step."""

    def test_unknown(self) -> None:
        """Nothing is said about a step that is new, waits, or is over."""
        for step in (Step(None, 5.0), Step(9.0), Step(9.0, 5.0, 7.0)):
            self.assertIsNone(ofStep(step, 8.0))

    def test_left(self) -> None:
        """The time left is that of the usual duration; a step is late after a tenth more, and 10 seconds."""
        step = Step(200.0, 1000.0)
        for now, left, late in ((1050, 150, 0), (1200, 0, 0), (1219, 0, 0), (1230, 0, 30)):
            self.assertEqual(ofStep(step, now), TimeLeft(left, late))
        self.assertEqual(ofStep(Step(1.0, 0.0), 9.0), TimeLeft(0.0))


class BuildTests(unittest.SynchronousTestCase):
    """The forecast for a build."""

    def test_unknown(self) -> None:
        """Nothing is said about a build without steps, or with a new step to come."""
        self.assertIsNone(ofBuild([], 0.0, 5.0))
        self.assertIsNone(ofBuild([Step(9.0, 0.0), Step()], 0.0, 5.0))

    def test_left(self) -> None:
        """Finished steps count with their real durations; a quick or slow step changes no later forecast."""
        later = [Step(100.0, 50.0), Step(30.0)]
        self.assertEqual(ofBuild([Step(50.0, 0.0, 50.0), *later], 0.0, 60.0), TimeLeft(120.0))
        self.assertEqual(ofBuild([Step(90.0, 0.0, 50.0), *later], 0.0, 60.0), TimeLeft(120.0))
        self.assertEqual(ofBuild([Step(20.0, 0.0, 50.0), *later], 0.0, 60.0), TimeLeft(120.0, 30.0))
        self.assertEqual(ofBuild([Step(None, 0.0, 50.0), *later], 0.0, 60.0), TimeLeft(120.0))

    def test_words(self) -> None:
        """People read how much time is left, and how late a build is."""
        self.assertEqual(timeLeft(None), "")
        self.assertEqual(timeLeft(TimeLeft(65.0)), "1 min 5 s")
        self.assertEqual(timeLeft(TimeLeft(0.0, 30.0)), "30 s later than usual")
        self.assertEqual(timeLeft(TimeLeft(65.0, 30.0)), "1 min 5 s, 30 s later than usual")


class AccuracyTests(unittest.SynchronousTestCase):
    """The forecasts for many builds."""

    def test_error(self) -> None:
        """Over 50 builds of varied durations, half of the forecasts are wrong by 10 % or less (row 8).

        The duration of each step varies by up to 30 %, one build of ten is twice as slow, and the builds
        become slower by half from the first to the last. Each build is asked at its start and after each
        step; the error is a part of the duration of the build.
        """
        chance, errors = Random(8), []
        usual: dict[str, float] = {}
        for number in range(51):
            slow = (1 + number / 100) * (2.0 if chance.random() < 0.1 else 1.0)
            names = {"update": 20.0, "compile": 300.0, "test": 180.0, "pack": 10.0}
            took = {name: each * slow * chance.uniform(0.7, 1.3) for name, each in names.items()}
            steps = {name: Step(usual.get(name)) for name in names}
            now, total = 0.0, sum(took.values())
            for name, step in steps.items():
                step.started = now
                forecast = ofBuild(steps.values(), 0.0, now)
                if number:
                    assert forecast is not None
                    errors.append(abs(now + forecast.left - total) / total)
                now += took[name]
                step.finished = now
            usual = learned(usual, took)
        self.assertEqual(len(errors), 200)
        self.assertLessEqual(median(errors), 0.10)
