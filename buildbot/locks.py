# -*- test-case-name: tests.test_locks -*-
"""Locks that builds and steps hold while they run: on the whole master, or on each slave by itself.

L{MasterLock} and L{SlaveLock} are what a configuration says; the real locks are the machines that hand them
out. Nothing here knows builds, nor waits: who must wait leaves a function that is called in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildbot.config.arguments import arguments
from buildbot.config.kinds import COUNT, COUNTS, NAME, orNone
from buildbot.util import ComparableMixin


class LockError(Exception):
    """A lock was claimed that is not available, or given back by one who does not hold it."""


@dataclass
class _Waiter:
    """@ivar called: it is this one's turn, and a place is kept for it."""

    owner: object
    call: Callable[[], object]
    called: bool = False


class BaseLock:
    """
    I hand out up to C{maxCount} places, first come first served.

    An owner is any object; it is told apart from others by identity, not by value. It holds one place at
    most. The one whose turn it is has a place kept for it, so nobody slips in before it, until it claims
    that place or stops waiting. So whoever has been called must do one of the two: L{claimAll} does.
    """

    description = "<BaseLock>"

    def __init__(self, name: str, maxCount: int = 1) -> None:
        """@param maxCount: at least 1."""
        self.name = name
        self.maxCount = maxCount
        self._owners: dict[int, object] = {}
        self._waiting: dict[int, _Waiter] = {}  # in the order of their coming
        self._turns = 0  # how many of them have been called
        self._offering = False

    def __repr__(self) -> str:
        return f"<{self.description} {len(self._owners)} of {self.maxCount}, {len(self._waiting)} waiting>"

    def owners(self) -> tuple[object, ...]:
        """Who holds me, in the order of their claims."""
        return tuple(self._owners.values())

    def waiting(self) -> tuple[object, ...]:
        """Who waits for me, the next one first."""
        return tuple(waiter.owner for waiter in self._waiting.values())

    def isIdle(self) -> bool:
        """Whether nobody holds me, nor waits for me."""
        return not self._owners and not self._waiting

    def isHeldBy(self, owner: object) -> bool:
        """Whether C{owner} has one of my places."""
        return id(owner) in self._owners

    def isAvailable(self, owner: object = None) -> bool:
        """Whether C{owner} may claim me now. One that has no turn may not pass those that wait."""
        if id(owner) in self._waiting:
            return self._hasTurn(owner) and len(self._owners) < self.maxCount
        return len(self._owners) + len(self._waiting) < self.maxCount and not self.isHeldBy(owner)

    def claim(self, owner: object) -> None:
        """Take a place. @raise LockError: L{isAvailable} says that C{owner} may not."""
        if not self.isAvailable(owner):
            raise LockError(f"{owner!r} may not claim {self!r}")
        self._forget(owner)
        self._owners[id(owner)] = owner

    def release(self, owner: object) -> None:
        """
        Give the place back, and call the one that is next.

        @raise LockError: C{owner} has none.
        """
        if self._owners.pop(id(owner), None) is None:
            raise LockError(f"{owner!r} does not hold {self!r}")
        self._offer()

    def wait(self, owner: object, call: Callable[[], object]) -> None:
        """
        Have C{call()} called, once, when it is the turn of C{owner}; at once if I am free.

        It is called from within C{release}, C{stop} or C{wait}, after their own work is done. Who waits
        already keeps its place in the row, and has the new function called instead.

        @raise LockError: C{owner} holds me.
        """
        if self.isHeldBy(owner):
            raise LockError(f"{owner!r} holds {self!r} already")
        self._turns -= self._hasTurn(owner)
        self._waiting[id(owner)] = _Waiter(owner, call)  # a key that is there already stays where it is
        self._offer()

    def stop(self, owner: object) -> None:
        """Wait no longer, or let a turn pass. Nothing happens to one that does not wait."""
        self._forget(owner)
        self._offer()

    def setMaxCount(self, maxCount: int) -> None:
        """Have another number of places. With fewer, who holds me keeps me, and nobody new gets in."""
        self.maxCount = maxCount
        self._offer()

    def _forget(self, owner: object) -> None:
        self._turns -= self._hasTurn(owner)
        self._waiting.pop(id(owner), None)

    def _hasTurn(self, owner: object) -> bool:
        waiter = self._waiting.get(id(owner))
        return waiter is not None and waiter.called

    def _offer(self) -> None:
        """Call as many as there are places for. One that fails does not keep the others from their turns."""
        if self._offering:  # from within a call: the loop below goes on, so a long queue makes no deep stack
            return
        self._offering = True
        failed: Exception | None = None
        try:
            while (waiter := self._next()) is not None:
                waiter.called = True
                self._turns += 1
                try:
                    waiter.call()
                except (
                    Exception
                ) as error:  # told to whoever made the place free, once the others have been called
                    failed = failed or error
        finally:
            self._offering = False
        if failed:
            raise failed

    def _next(self) -> _Waiter | None:
        if len(self._owners) + self._turns >= self.maxCount:
            return None
        return next((waiter for waiter in self._waiting.values() if not waiter.called), None)


class RealMasterLock(BaseLock):
    """I am one lock of the whole master."""

    def __init__(self, lockid: MasterLock) -> None:
        super().__init__(lockid.name, lockid.maxCount)
        self.description = f"MasterLock {lockid.name}"

    def configure(self, lockid: MasterLock) -> None:
        """Take over what a new configuration says of me. Who holds me keeps me."""
        self.setMaxCount(lockid.maxCount)

    def getLock(self, slave: Any) -> BaseLock:
        """What to claim for work on a slave: I myself."""
        return self


class RealSlaveLock:
    """I am a lock that each slave has for itself."""

    def __init__(self, lockid: SlaveLock) -> None:
        self.lockid = lockid
        self._locks: dict[str, BaseLock] = {}

    def configure(self, lockid: SlaveLock) -> None:
        """Take over what a new configuration says of me. Who holds a place keeps it."""
        self.lockid = lockid
        for slavename, lock in self._locks.items():
            lock.setMaxCount(lockid.countFor(slavename))

    def isIdle(self) -> bool:
        """Whether nobody holds a place of me, nor waits for one."""
        return all(lock.isIdle() for lock in self._locks.values())

    def getLock(self, slavebuilder: Any) -> BaseLock:
        """
        What to claim for work on a slave: always the same for one slave.

        @param slavebuilder: the name of the slave, or anything that has one.
        """
        slavename = slavebuilder if isinstance(slavebuilder, str) else slavebuilder.slavename
        if slavename not in self._locks:
            lock = BaseLock(self.lockid.name, self.lockid.countFor(slavename))
            lock.description = f"SlaveLock {self.lockid.name} on {slavename}"
            self._locks[slavename] = lock
        return self._locks[slavename]


class MasterLock(ComparableMixin):
    """At most C{maxCount} builds or steps that name me run at a time, on all slaves together."""

    compare_attrs = ("name", "maxCount")
    lockClass = RealMasterLock

    @arguments(name=NAME, maxCount=COUNT)
    def __init__(self, name: str, maxCount: int = 1) -> None:
        self.name = name
        self.maxCount = maxCount

    def __repr__(self) -> str:
        return f"MasterLock({self.name!r}, {self.maxCount})"


class SlaveLock(ComparableMixin):
    """At most C{maxCount} builds or steps that name me run at a time on one slave."""

    compare_attrs = ("name", "maxCount", "maxCountForSlave")
    lockClass = RealSlaveLock

    @arguments(name=NAME, maxCount=COUNT, maxCountForSlave=orNone(COUNTS))
    def __init__(
        self, name: str, maxCount: int = 1, maxCountForSlave: Mapping[str, int] | None = None
    ) -> None:
        """@param maxCountForSlave: slave name -> its own number, instead of C{maxCount}."""
        self.name = name
        self.maxCount = maxCount
        self.maxCountForSlave = dict(maxCountForSlave or {})

    def countFor(self, slavename: str) -> int:
        """How many may hold me on this slave."""
        return self.maxCountForSlave.get(slavename, self.maxCount)

    def __repr__(self) -> str:
        return f"SlaveLock({self.name!r}, {self.maxCount}, {self.maxCountForSlave!r})"


def claimAll(locks: Sequence[BaseLock], owner: object, call: Callable[[], object]) -> bool:
    """
    Claim all of some locks, or none.

    If one is not available, C{call()} is called once it may be worth to try again. Nothing is held
    meanwhile, nor kept at the other locks: who waits for one lock keeps nobody from another.

    @return: whether C{owner} has them all now.
    @raise LockError: C{owner} holds one of them already.
    """
    wanted = list(dict.fromkeys(locks))
    blocked = next((lock for lock in wanted if not lock.isAvailable(owner)), None)
    if blocked is None:
        for lock in wanted:
            lock.claim(owner)
        return True
    blocked.wait(owner, call)
    for lock in wanted:
        if lock is not blocked:
            lock.stop(owner)
    return False


def releaseAll(locks: Sequence[BaseLock], owner: object) -> None:
    """Give back those of the locks that C{owner} holds, and wait for none of them any longer.

    It may be called in any state, and again: so every end of a build can simply do it. If the call of
    somebody who waited fails, that comes out here, once all is given back.
    """
    failed: Exception | None = None
    for lock in dict.fromkeys(locks):
        try:
            if lock.isHeldBy(owner):
                lock.release(owner)
            else:
                lock.stop(owner)
        except Exception as error:
            failed = failed or error
    if failed:
        raise failed
