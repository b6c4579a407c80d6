"""The rhythm of change sources that look regularly, by a clock of the test."""

from __future__ import annotations

from typing import Any

from twisted.application import service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.changes.base import FIRST_WITHIN, PollingChangeSource
from buildbot.slaves.botmaster import BotMaster


class Poller(PollingChangeSource):
    """A poller whose looks end when the test says so."""

    pollInterval = 60
    random = staticmethod(lambda: 0.5)

    def __init__(self) -> None:
        self.looks: list[Deferred[None]] = []
        self.times: list[float] = []

    def poll(self) -> Deferred[None]:
        self.times.append(self.clock.seconds())
        self.looks.append(Deferred())
        return self.looks[-1]

    def describe(self) -> str:
        return "the poller"


class PollingTests(unittest.SynchronousTestCase):
    """A poller looks at its times."""

    def setUp(self) -> None:
        self.clock = Clock()
        master: Any = service.MultiService()
        master.botmaster = BotMaster(self.clock)
        master.botmaster.now = self.clock.seconds
        self.sources = service.MultiService()
        self.sources.setServiceParent(master)
        master.startService()
        self.poller = Poller()
        self.poller.setServiceParent(self.sources)

    def wait(self, seconds: float, ends: bool = True) -> None:
        """Let time pass, second by second; with C{ends}, each look ends at once."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            if ends and self.poller.looks and not self.poller.looks[-1].called:
                self.poller.looks[-1].callback(None)

    def test_rhythm(self) -> None:
        """The first look is at a random time within ten seconds; then one comes in each interval."""
        self.wait(200)
        first = FIRST_WITHIN / 2
        self.assertEqual(self.poller.times, [first, first + 60, first + 120, first + 180])
        self.assertEqual(self.poller.lastPoll, first + 180)

    def test_noDrift(self) -> None:
        """Calls that come late do not move the later ones; missed looks are not made up for."""
        self.wait(6)
        self.clock.advance(200)
        self.poller.looks[-1].callback(None)
        self.wait(60)
        self.assertEqual(self.poller.times, [5, 206, 245])

    def test_slow(self) -> None:
        """While a look takes longer than the interval, no other one starts."""
        self.wait(150, ends=False)
        self.assertEqual(len(self.poller.looks), 1)
        self.poller.looks[0].callback(None)
        self.wait(60)
        self.assertEqual(self.poller.times, [5, 185])

    def test_failure(self) -> None:
        """A failed look is logged and kept for the status, until one succeeds."""
        self.wait(5, ends=False)
        self.poller.looks[0].errback(ZeroDivisionError("zero"))
        self.assertEqual(self.poller.failure, "ZeroDivisionError: zero")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.wait(60)
        self.assertEqual(self.poller.failure, "")

    def test_stop(self) -> None:
        """A stopped poller cancels its look, and looks no more."""
        self.wait(5, ends=False)
        stopped = self.poller.disownServiceParent()
        self.successResultOf(stopped)
        self.wait(200)
        self.assertEqual(len(self.poller.looks), 1)

    def test_stopWaits(self) -> None:
        """The stop ends when the look has ended, though that resists."""
        resisting: Deferred[None] = Deferred(lambda _: None)

        async def poll() -> None:
            try:
                await resisting
            except CancelledError:
                await ended

        ended: Deferred[None] = Deferred()
        self.poller.poll = poll  # type: ignore[assignment,method-assign]
        self.wait(5, ends=False)
        stopped = self.poller.disownServiceParent()
        self.assertNoResult(stopped)
        ended.callback(None)
        self.successResultOf(stopped)

    def test_byHand(self) -> None:
        """A look by hand takes part in a running one."""
        self.wait(5, ends=False)
        byHand = self.poller.doPoll()
        self.assertNoResult(byHand)
        self.poller.looks[0].callback(None)
        self.successResultOf(byHand)
        self.assertEqual(len(self.poller.looks), 1)


class ArgumentTests(unittest.SynchronousTestCase):
    """The arguments of 0.8."""

    def begin(self, poller: PollingChangeSource) -> list[float]:
        """Start a poller, and let two minutes pass: the times of its looks."""
        clock = Clock()
        master: Any = service.MultiService()
        master.botmaster = BotMaster(clock)
        master.botmaster.now = clock.seconds
        sources = service.MultiService()
        sources.setServiceParent(master)
        times: list[float] = []
        self.patch(poller, "poll", lambda: times.append(clock.seconds()))
        self.patch(poller, "random", lambda: 0.5)
        poller.setServiceParent(sources)
        master.startService()
        for _ in range(120):
            clock.advance(1)
        return times

    def test_given(self) -> None:
        """A subclass may give a name and an interval, and ask for a look at the start."""
        poller = PollingChangeSource(name="mine", pollInterval=50, pollAtLaunch=True)
        self.assertEqual(poller.name, "mine")
        self.assertEqual(self.begin(poller), [1, 51, 101])

    def test_notGiven(self) -> None:
        """Without arguments, the attributes of the class count."""

        class Own(PollingChangeSource):
            pollInterval = 70

        self.assertEqual(self.begin(Own()), [5, 75])
