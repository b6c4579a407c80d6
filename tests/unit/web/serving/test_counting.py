"""Tests of buildbot.web.serving.counting and buildbot.web.requestcounts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.process.buildevents import BuildEvents
from buildbot.status.topics import BUILDS, CHANGES, MASTER, Topics
from buildbot.web.feeds.metrics import Histogram
from buildbot.web.requestcounts import RequestCounts
from buildbot.web.serving.counting import LOOK, Counting, ReactorDelay


def bucket(histogram: Histogram, bound: str) -> float:
    """The number of values up to a bound."""
    return next(each.value for each in histogram.samples() if each.labels == (("le", bound),))


class ReactorDelayTests(unittest.SynchronousTestCase):
    """How late the reactor is."""

    def test_longTurn(self) -> None:
        """A turn of 0.4 seconds is one delay of more than 0.25 and at most 0.5 seconds."""
        clock = Clock()
        delay = ReactorDelay(clock)
        delay.start()
        clock.advance(LOOK)
        clock.advance(LOOK + 0.4)
        self.assertEqual((bucket(delay.seen, "0.25"), bucket(delay.seen, "0.5")), (1, 2))
        delay.stop()
        delay.stop()
        self.assertEqual(clock.getDelayedCalls(), [])


class RequestCountTests(unittest.SynchronousTestCase):
    """The counts of requests."""

    def test_counts(self) -> None:
        """Answers are counted by page and status, and their times by page."""
        counts = RequestCounts()
        for status in (200, 404, 200):
            counts.count("/builders", status)
            counts.time("/builders", 0.5)
        self.assertEqual(counts.answered, {("/builders", 200): 2, ("/builders", 404): 1})
        self.assertEqual(counts.took, {"/builders": (3, 1.5)})


class CountingTests(unittest.SynchronousTestCase):
    """What happens, in numbers."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.topics = Topics(self.clock, self.clock.seconds, lambda topics: None, "e")
        self.events = BuildEvents(self.clock)
        self.counting = Counting(self.clock)
        self.counting.hear(self.topics, self.events)

    def happened(self, event: str, topic: str, **data: Any) -> None:
        """Tell an event."""
        self.topics.happened(event, (topic,), data)
        self.clock.advance(1)

    def test_builds(self) -> None:
        """Finished builds are counted by builder and result, with their seconds."""
        for results in (0, 2, 0):
            self.happened("buildFinished", BUILDS, builder="full", results=results, started=5, finished=15)
        self.happened("stepFinished", BUILDS, builder="full")
        self.assertEqual(self.counting.finished, {"full": {0: 2, 2: 1}})
        self.assertEqual(self.counting.seconds, {"full": 30})
        self.assertEqual(bucket(self.counting.durations, "10.0"), 3)

    def test_others(self) -> None:
        """Changes are counted, and the last reconfig is known."""
        self.happened("changeAdded", CHANGES, number=1)
        self.happened("reconfigured", MASTER, applied=True)
        self.happened("reconfigured", MASTER, applied=False)
        self.assertEqual(self.counting.changes, 1)
        self.assertFalse(self.counting.reloaded)
        self.assertEqual(self.counting.reloadedAt, 1)

    def test_waits(self) -> None:
        """Each request of a build has waited from its submission to the start of the build."""
        build = SimpleNamespace(
            build_status=SimpleNamespace(started=100.0),
            requests=[SimpleNamespace(submitted=97.0), SimpleNamespace(submitted=101.0)],
        )
        self.events.tell("buildStarted", None, build)
        self.clock.advance(0)
        self.assertEqual((bucket(self.counting.waits, "1.0"), bucket(self.counting.waits, "5.0")), (1, 2))

    def test_stop(self) -> None:
        """After the stop, nothing is counted, and no timer runs."""
        self.counting.hear(self.topics, self.events)
        for _ in range(2):
            self.counting.stop()
        self.happened("changeAdded", CHANGES, number=1)
        self.assertEqual(self.counting.changes, 0)
        self.assertFalse(self.events.listeners)
        self.assertEqual(self.clock.getDelayedCalls(), [])
