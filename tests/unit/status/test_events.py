"""Events of a builder outside of builds."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from buildbot.interfaces import IStatusEvent
from buildbot.status.builder import Event
from buildbot.status.builderstatus import EVENTS
from buildbot.status.event import SlaveEvents
from buildbot.status.master import Status
from tests.unit.process.test_builds import BuildCase, shell


class EventTests(BuildCase):
    """The events that a plug-in reads and adds."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"))
        self.full = Status(self.botmaster, ".").getBuilder("full")

    def test_slaves(self) -> None:
        """0.7.5: a builder notes when a slave comes, and when it goes."""
        self.assertIsNone(self.full.getEvent(-1))
        slave = self.connect()
        slave.broker.transport.abortConnection()
        self.settle()
        texts = [event.getText() for event in (self.full.getEvent(0), self.full.getEvent(-1)) if event]
        self.assertEqual(texts, [["connect", "bot1"], ["disconnect", "bot1"]])
        self.assertIsNone(self.full.getEvent(2))

    def test_shared(self) -> None:
        """The builders of a slave share the event of one moment; another slave or time has its own."""
        events = SlaveEvents()
        first = events.of(50.0, "connect", "bot1")
        self.assertIs(events.of(50.001, "connect", "bot1"), first)
        self.assertEqual((first.getText(), first.getTimes()), (["connect", "bot1"], (50.0, 50.0)))
        for when, what, slave in (
            (50.002, "connect", "bot2"),
            (50.003, "disconnect", "bot2"),
            (52.0, "disconnect", "bot2"),
            (40.0, "disconnect", "bot2"),
        ):
            event = events.of(when, what, slave)
            self.assertEqual((event.getText(), event.getTimes()), ([what, slave], (when, when)))

    def test_added(self) -> None:
        """A plug-in adds an event that lasts, or one at a point of time."""
        lasting = self.full.addEvent(["maintenance"], "yellow")
        verifyObject(IStatusEvent, lasting)
        self.assertEqual((lasting.getTimes()[1], lasting.getColor(), lasting.getLogs()), (None, "yellow", []))
        lasting.finish()
        point = self.full.addPointEvent(["power", "cut"])
        self.assertEqual(point.getTimes(), (point.started, point.started))
        self.assertIs(self.full.getEventNumbered(-1), point)
        self.assertIsInstance(point, Event)

    def test_bounded(self) -> None:
        """Only the last events are kept."""
        for number in range(EVENTS + 5):
            self.full.addPointEvent([str(number)])
        oldest = self.full.getEvent(0)
        assert oldest is not None
        self.assertEqual(oldest.getText(), ["5"])

    def test_generated(self) -> None:
        """Builds, steps and events come newest first, and can be limited by branch, author and time."""
        slave = self.green()
        self.force(branch="b")
        self.wait(1)
        found = [type(each).__name__ for each in self.full.eventGenerator()]
        self.assertEqual(found, ["BuildStepStatus", "BuildStatus", "Event"])
        for kw in ({"branches": ["c"]}, {"categories": ["main"]}, {"committers": ["ann"]}):
            self.assertEqual([type(each).__name__ for each in self.full.eventGenerator(**kw)], ["Event"])  # type: ignore[arg-type]
        self.assertEqual(list(self.full.eventGenerator(minTime=9e12)), [])
        self.assertEqual([build.getNumber() for build in self.full.generateFinishedBuilds(["b"])], [0])
        self.assertEqual(list(self.full.generateFinishedBuilds(num_builds=0)), [])
        self.assertEqual(list(self.full.generateFinishedBuilds(finished_before=0)), [])
        self.assertEqual(list(self.full.generateFinishedBuilds(max_buildnum=-1)), [])
        self.assertEqual(len(slave.commands), 1)
