"""The status of slaves."""

from __future__ import annotations

from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.interfaces import ISlaveStatus
from buildbot.status.master import Status
from buildbot.status.slave import EVENTS, SlaveStatus
from tests.slaveport import SlavePortCase


class SlaveStatusTests(unittest.SynchronousTestCase):
    """The status of one slave."""

    def test_interface(self) -> None:
        """It provides ISlaveStatus."""
        self.assertTrue(verifyObject(ISlaveStatus, SlaveStatus("bot1")))

    def test_events(self) -> None:
        """O9: the last twenty events are kept, the oldest first."""
        status = SlaveStatus("bot1")
        for when in range(EVENTS + 5):
            status.happened(when, f"event {when}")
        events = status.getEvents()
        self.assertEqual((len(events), events[0], events[-1]), (EVENTS, (5, "event 5"), (24, "event 24")))

    def test_aRowOfOneKind(self) -> None:
        """O9: repeated refused logins are one event with their number, so other events stay."""
        status = SlaveStatus("bot1")
        status.happened(1, "attached")
        for when in range(2, 99):
            status.happened(when, f"refused at {when}", "refused")
        self.assertEqual(status.getEvents(), [(1, "attached"), (98, "refused at 98 (97 in a row)")])
        status.happened(99, "attached again")
        status.happened(100, "refused at 100", "refused")
        self.assertEqual([when for when, _ in status.getEvents()], [1, 98, 99, 100])

    def test_connectedMeansAlive(self) -> None:
        """L7: connected is the state of the connection, not a remembered value."""
        status = SlaveStatus("bot1")
        alive = True
        status.setConnected(True, lambda: alive)
        self.assertTrue(status.isConnected())
        alive = False
        self.assertFalse(status.isConnected())
        status.setConnected(False)
        self.assertFalse(status.isConnected())

    def test_neverSeen(self) -> None:
        """A slave that never connected has no info, and is not connected."""
        status = SlaveStatus("bot1")
        self.assertEqual((status.getAdmin(), status.getHost(), status.since), (None, None, None))
        self.assertFalse(status.isConnected())


class StatusTests(SlavePortCase):
    """The status of the master, under the names of 0.7.5."""

    def test_names(self) -> None:
        """Builders, slaves and the project are found under 0.7.5's names."""
        status = Status(self.botmaster, "/nowhere")
        self.connect()
        self.assertEqual(status.getBuilderNames(), ["full"])
        self.assertEqual(status.getBuilderNames(categories=["none"]), [])
        self.assertEqual(status.getSlaveNames(), ["bot1"])
        self.assertTrue(status.getSlave("bot1").isConnected())
        self.assertEqual((status.getProjectURL(), status.getBuildbotURL()), (None, None))
        self.assertEqual(status.getSchedulers(), [])
        self.assertRaises(KeyError, status.getSlave, "bot2")
