"""What is cut when another master may take over soon."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.buildmaster.doubts import DEPOSED, Parting, cutAll, cutHolders
from buildbot.process.locks import MasterLock, SlaveLock
from buildbot.process.sharedlocks import SharedLocks


class Slave:
    """I am one slave."""

    def __init__(self, name: str, isConnected: bool = True) -> None:
        self.slavename = name
        self.connected = isConnected
        self.reasons: list[str] = []

    def isConnected(self) -> bool:
        """True with a connection."""
        return self.connected

    def disconnect(self, reason: str) -> None:
        """Remember the reason."""
        self.reasons.append(reason)


def build(slave: Slave | None) -> Any:
    """A build on a slave; without one, it has not begun."""
    return SimpleNamespace(slavebuilder=slave and SimpleNamespace(slave=slave))


class CutTests(unittest.SynchronousTestCase):
    """Builds and steps that hold locks."""

    def test_holders(self) -> None:
        """The slaves of builds and steps that hold a MasterLock are cut, once each, and no others."""
        locks = SharedLocks()
        one, two, three, four = (Slave(name) for name in ("one", "two", "three", "four"))
        shared = locks.get(MasterLock("database", maxCount=9))
        shared.claim(build(one))
        shared.claim(SimpleNamespace(build=build(two)))
        shared.claim(SimpleNamespace(build=build(one)))
        shared.claim(build(None))
        locks.get(SlaveLock("disk")).getLock("three").claim(build(three))
        self.assertEqual(cutHolders(locks.table), ["one", "two"])
        self.assertEqual([len(each.reasons) for each in (one, two, three, four)], [1, 1, 0, 0])
        self.assertEqual(cutHolders({}), [])

    def test_all(self) -> None:
        """With c['whenStoreIsAway'] = "cut", all connected slaves are cut, whatever they do."""
        here, away = Slave("here"), Slave("away", isConnected=False)
        cutAll(each for each in (here, away))
        self.assertEqual((here.reasons, away.reasons), (["another master may take over"], []))


class Attached(Slave):
    """I am a slave that may be connected; its availability is itself."""

    @property
    def availability(self) -> Attached:
        return self

    def leave(self, reason: str, atOnce: bool) -> None:
        self.reasons.append(f"{reason}, {atOnce}")

    def stay(self) -> None:
        self.reasons.append("stays")


class PartingTests(unittest.SynchronousTestCase):
    """A master that has lost the database while another one waits."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told = SimpleNamespace(deposed="")
        self.here, self.away = Attached("here"), Attached("away", isConnected=False)
        self.freed: list[Any] = []
        self.parting = Parting(
            self.clock, self.told, lambda: (each for each in (self.here, self.away)), self.freed.append
        )

    def test_goes(self) -> None:
        """When the other one may be active, slaves leave as they become idle, and no slave is welcome."""
        self.parting.expect(3.0)
        self.clock.advance(2.9)
        self.assertEqual((self.told.deposed, self.here.reasons), ("", []))
        self.clock.advance(0.2)
        self.assertEqual((self.told.deposed, self.here.reasons), (DEPOSED, [f"{DEPOSED}, False"]))
        self.assertEqual(self.away.reasons, [])

    def test_stays(self) -> None:
        """If this master is the active one after all, its slaves are welcome, and may get builds."""
        self.parting.expect(3.0)
        self.clock.advance(4.0)
        self.parting.cancel()
        self.assertEqual(self.told.deposed, "")
        self.assertEqual((self.here.reasons[-1], self.away.reasons), ("stays", ["stays"]))
        self.assertEqual(self.freed, [self.here])

    def test_inTime(self) -> None:
        """Nothing happens if the database answers in time, or the master stops."""
        for end in (self.parting.cancel, self.parting.stop):
            self.parting.expect(3.0)
            end()
            self.clock.advance(9.0)
        self.assertEqual((self.told.deposed, self.here.reasons, self.freed), ("", [], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])
