"""Tests of small functions that make words for pages."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.changes.filter import ChangeFilter
from buildbot.model.records import BuildRecord
from buildbot.model.rows import BuildRow, Standing
from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.outlook import waitsFor
from buildbot.schedulers.timed import Nightly, Periodic
from buildbot.web.call import Call
from buildbot.web.pages import home
from buildbot.web.pages.pieces import when


class WaitsForTests(unittest.SynchronousTestCase):
    """What schedulers wait for."""

    def test_words(self) -> None:
        """Each kind of scheduler has its words; a plug-in of an unknown kind has none."""
        for scheduler, words in (
            (Scheduler("a", None, 0, ["b"]), "a change of the main line"),
            (Scheduler("a", "topic", 60, ["b"]), "a change of the branch topic, then for 1 min"),
            (
                Scheduler("a", builderNames=["b"], change_filter=ChangeFilter(project="p")),
                "a change that its filter takes",
            ),
            (AnyBranchScheduler("a", None, 0, ["b"]), "a change of any branch"),
            (AnyBranchScheduler("a", ["x", None], 0, ["b"]), "a change of the branch x or main line"),
            (Periodic("a", ["b"], 3600), "its time, each 1 h"),
            (Nightly("a", ["b"]), "its time"),
        ):
            self.assertIn(words, waitsFor(scheduler))
        self.assertEqual(waitsFor(object()), "")


def row(number: int, results: int, revision: str | None) -> BuildRow:
    """A build in a list."""
    source: dict[str, Any] = {"revision": revision}
    record = BuildRecord("full", number, "bot1", (), 5.0, 6.0, results, sourcestamp=source)
    return BuildRow.of(record, number)


class BrokenTests(unittest.SynchronousTestCase):
    """Broken builders on the first page."""

    def setUp(self) -> None:
        unused: Any = None
        self.call = Call(unused, unused)

    def test_between(self) -> None:
        """The last good and the first bad revision are told as far as they are known."""
        good, bad = row(3, 0, "good1"), row(4, 2, "bad1")
        both = home._between(self.call, Standing(bad, good, bad))
        self.assertIn("good1", str(both))
        self.assertIn("bad1", str(both))
        self.assertIn("never good", str(home._between(self.call, Standing(bad, None, bad))))
        unknown = row(4, 2, None)
        self.assertEqual(home._between(self.call, Standing(unknown, good, unknown)), "")
        self.assertEqual(home._between(self.call, Standing()), "")

    def test_since(self) -> None:
        """The first red build is a link; without one there is nothing."""
        bad = row(4, 2, "bad1")
        self.assertIn("builds/4", str(home._since(self.call, Standing(bad, None, bad))))
        self.assertEqual(home._since(self.call, Standing()), "")
        self.assertEqual(home._build(self.call, None), "")


class WhenTests(unittest.SynchronousTestCase):
    """Times on pages."""

    def test_wrongClock(self) -> None:
        """A time that can be no date, from a wrong clock, is the nearest one that can: the page is shown."""
        for seconds, year in ((1e18, "9999-12-30"), (float("nan"), "9999-12-30"), (-1e18, "1-01-0")):
            self.assertIn(year, str(when(seconds)))
