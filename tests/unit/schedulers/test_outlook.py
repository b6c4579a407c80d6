"""What schedulers wait for, as plain values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.config.model import BuilderConfig
from buildbot.schedulers.branches import Scheduler
from buildbot.schedulers.outlook import reportSchedulers, waitsFor
from buildbot.schedulers.upstream import Dependent


def builder(**factory: Any) -> BuilderConfig:
    """A builder whose factory has these attributes."""
    return BuilderConfig("full", ("bot1",), "full", SimpleNamespace(**factory))


class Timed:
    """A scheduler of a plug-in that knows its times."""

    name = "timed"

    def getPendingBuildTimes(self) -> list[float]:
        return [float(each) for each in range(20, 0, -1)]

    def listBuilderNames(self) -> list[str]:
        return ["full", "secret"]


class OutlookTests(unittest.SynchronousTestCase):
    """The report of one scheduler."""

    def test_times(self) -> None:
        """The next times are told, the first one first, and only builders that may be named."""
        (told,) = reportSchedulers([Timed()], {"full": builder()})
        self.assertEqual((told["due"], told["times"]), (1.0, [float(each) for each in range(1, 11)]))
        self.assertEqual((told["name"], told["kind"], told["builders"]), ("timed", "Timed", ["full"]))
        self.assertEqual((told["waitsFor"], told["pending"]), ("", 0))

    def test_broken(self) -> None:
        """A plug-in that fails, or answers nonsense, leaves gaps."""

        class Odd:
            name = "odd"

            def getPendingBuildTimes(self) -> object:
                raise RuntimeError("no")

            def listBuilderNames(self) -> object:
                return 7

        (told,) = reportSchedulers([Odd()], {})
        self.assertEqual((told["due"], told["times"], told["builders"]), (None, [], []))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.flushLoggedErrors()

    def test_upstream(self) -> None:
        """A dependent scheduler names its upstream one, unless that is hidden."""
        quick = Scheduler("quick", None, 0, ["full"])
        after = Dependent("after", quick, ["docs"])
        self.assertIn("of the scheduler quick", waitsFor(after, [quick, after]))
        self.assertIn("of the scheduler quick", waitsFor(after))
        self.assertEqual(waitsFor(after, [after]), "a build set without failures of another scheduler")
        (_, told) = reportSchedulers([quick, after], {})
        self.assertEqual(told["upstream"], "quick")
        (told,) = reportSchedulers([after], {})
        self.assertIsNone(told["upstream"])

    def test_triggered(self) -> None:
        """The builders whose steps trigger a scheduler are named; a factory that fails names none."""

        def broken() -> object:
            raise RuntimeError("no")

        steps = [("package", ["timed", "other"], True), ("again", ["timed"], False)]
        builders = {
            "full": builder(triggered=lambda: steps),
            "quick": builder(),
            "odd": builder(triggered=broken),
        }
        (told,) = reportSchedulers([Timed()], builders)
        self.assertEqual(told["triggeredBy"], ["full"])
        self.flushLoggedErrors(RuntimeError)
