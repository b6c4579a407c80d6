# -*- test-case-name: tests.unit.process.test_locks -*-
"""Locks that builds and steps hold while they run: one for the whole master, or one for each slave.

L{MasterLock} and L{SlaveLock} are the locks of a configuration; each has a real lock behind it.
L{buildbot.process.locktable} assigns the real locks.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, TypeVar

from buildbot.config import secrets
from buildbot.config.arguments import BadArguments, arguments
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import COUNT, COUNTS, NAME, orNone
from buildbot.config.messages import shown
from buildbot.process.locktable import BaseLock as BaseLock  # where 0.7.5 had it


class RealMasterLock(BaseLock):
    """I am one lock of the whole master."""

    def __init__(self, lockid: MasterLock) -> None:
        super().__init__(lockid.name, lockid.maxCount)
        self.description = f"MasterLock {lockid.name}"

    def configure(self, lockid: MasterLock) -> None:
        """Apply a new configuration. Present holders keep the lock."""
        self.setMaxCount(lockid.maxCount)

    def getLock(self, slave: Any) -> BaseLock:
        """The lock to claim for work on a slave: myself."""
        return self


class RealSlaveLock:
    """I am a lock with separate places for each slave."""

    def __init__(self, lockid: SlaveLock) -> None:
        self.lockid = lockid
        self._locks: dict[str, BaseLock] = {}

    def configure(self, lockid: SlaveLock) -> None:
        """Apply a new configuration. Present holders keep their places."""
        self.lockid = lockid
        for slavename, lock in self._locks.items():
            lock.setMaxCount(lockid.countFor(slavename))

    def isIdle(self) -> bool:
        """True if there are no holders and no waiters."""
        return all(lock.isIdle() for lock in self._locks.values())

    def getLock(self, slavebuilder: Any) -> BaseLock:
        """The lock to claim for work on a slave: always the same one for one slave.

        @param slavebuilder: the name of the slave, or an object with a C{slavename}.
        """
        slavename = slavebuilder if isinstance(slavebuilder, str) else slavebuilder.slavename
        if slavename not in self._locks:
            title = f"{self.lockid.name} on {slavename}"
            lock = BaseLock(self.lockid.name, self.lockid.countFor(slavename), title)
            lock.description = f"SlaveLock {self.lockid.name} on {slavename}"
            self._locks[slavename] = lock
        return self._locks[slavename]


_Lock = TypeVar("_Lock", "MasterLock", "SlaveLock")


def _access(lock: _Lock, mode: str) -> _Lock:
    """The lock for a list C{locks}, with this mode of access."""
    if mode not in ("counting", "exclusive"):
        told = f"lock {lock.name!r}: the mode of access must be 'counting' or 'exclusive', not {shown(mode)}"
        loading = secrets.current.get()
        if loading is None:
            raise BadArguments(told)
        loading.report(told)
    if lock.isExclusive is (mode == "exclusive"):
        return lock
    other = copy(lock)
    other.isExclusive = mode == "exclusive"
    return other


class MasterLock(ComparableMixin):
    """At most C{maxCount} builds or steps with this lock run at the same time, on all slaves together."""

    compare_attrs = ("name", "maxCount", "isExclusive")
    isExclusive = False
    lockClass = RealMasterLock

    @arguments(name=NAME, maxCount=COUNT)
    def __init__(self, name: str, maxCount: int = 1) -> None:
        self.name = name
        self.maxCount = maxCount

    def access(self, mode: str) -> MasterLock:
        """The lock for C{locks}: "counting" takes one place, which is the default; "exclusive" takes all."""
        return _access(self, mode)

    def __repr__(self) -> str:
        return f"MasterLock({self.name!r}, {self.maxCount})"


class SlaveLock(ComparableMixin):
    """At most C{maxCount} builds or steps with this lock run at the same time on each slave."""

    compare_attrs = ("name", "maxCount", "maxCountForSlave", "isExclusive")
    isExclusive = False
    lockClass = RealSlaveLock

    @arguments(name=NAME, maxCount=COUNT, maxCountForSlave=orNone(COUNTS))
    def __init__(
        self, name: str, maxCount: int = 1, maxCountForSlave: Mapping[str, int] | None = None
    ) -> None:
        """@param maxCountForSlave: slave name -> the number for this slave, instead of C{maxCount}."""
        self.name = name
        self.maxCount = maxCount
        self.maxCountForSlave = dict(maxCountForSlave or {})

    def countFor(self, slavename: str) -> int:
        """The number of holders allowed on this slave."""
        return self.maxCountForSlave.get(slavename, self.maxCount)

    def access(self, mode: str) -> SlaveLock:
        """The lock for C{locks}: "counting" takes one place, which is the default; "exclusive" takes all."""
        return _access(self, mode)

    def __repr__(self) -> str:
        return f"SlaveLock({self.name!r}, {self.maxCount}, {self.maxCountForSlave!r})"
