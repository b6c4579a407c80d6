"""What is cut when another master may take over soon."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.buildmaster.doubts import cutHolders
from buildbot.process.locks import MasterLock, SlaveLock
from buildbot.process.sharedlocks import SharedLocks


class Slave:
    """I am one slave."""

    def __init__(self, name: str) -> None:
        self.slavename = name
        self.reasons: list[str] = []

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
