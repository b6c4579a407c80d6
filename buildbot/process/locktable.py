# -*- test-case-name: tests.unit.process.test_locks,tests.unit.process.test_locks_fair -*-
"""Assign locks to claims: a claim gets all its locks at once or none, and no claim starves.

A claim takes one place of a lock, or, with L{Exclusive} access, all of them.

Claims are served by age. A claim for several locks lets PASSES younger claims pass; after that, its locks
are reserved for it as they become free. But a lock is never withheld from a party that the older claim itself
waits for.

This module does not block, and does not know builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from buildbot.config.plugincode import PLUGIN_ERRORS

#: How many younger claims may take a lock of an older claim that waits for several locks.
PASSES = 3
#: The number of a claim that is only tested: it is younger than all others.
_NEWEST = 2**63


class LockError(Exception):
    """A lock was claimed that is not available, or released by an owner that does not hold it."""


class Party:
    """I am a user of locks, such as a build with all its steps.

    @ivar title: my name for people.
    @ivar held: the number of locks that I hold.
    @ivar claims: my waiting claims.
    """

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.held = 0
        self.claims: list[Claim] = []


class Claim:
    """I am an owner's claim to all of some locks.

    @ivar number: smaller for older claims.
    @ivar passed: the number of younger claims that have taken one of my locks since.
    @ivar exclusive: those of the locks that I claim with all their places.
    """

    __slots__ = ("call", "exclusive", "locks", "number", "owner", "party", "passed")

    def __init__(
        self,
        owner: object,
        locks: Sequence[BaseLock],
        call: Callable[[], object],
        party: Party,
        number: int,
        exclusive: frozenset[BaseLock] = frozenset(),
    ) -> None:
        self.owner = owner
        self.locks = locks
        self.exclusive = exclusive
        self.call = call
        self.party = party
        self.number = number
        self.passed = 0

    @property
    def isReserving(self) -> bool:
        """True if my free locks are reserved for me, although I cannot have all of them yet."""
        return len(self.locks) > 1 and self.passed >= PASSES


class BaseLock:
    """I have C{maxCount} places.

    An owner is any object, compared by identity. It holds one place, or all of them.
    """

    description = "<BaseLock>"
    isExclusive = False
    _excluding: object = None  # the owner with exclusive access

    def __init__(self, name: str, maxCount: int = 1, title: str = "") -> None:
        """@param maxCount: at least 1.
        @param title: the name for people; by default C{name}.
        """
        self.name = name
        self.maxCount = maxCount
        self.title = title or name
        self._holders: dict[int, tuple[object, Party]] = {}
        self._claims: dict[int, Claim] = {}  # by the id of the owner; oldest first

    def __repr__(self) -> str:
        return f"<{self.description} {len(self._holders)} of {self.maxCount}, {len(self._claims)} waiting>"

    @property
    def lock(self) -> BaseLock:
        """Myself: see L{Exclusive}."""
        return self

    def owners(self) -> tuple[object, ...]:
        """The owners that hold me, in the order of their claims."""
        return tuple(owner for owner, _ in self._holders.values())

    def holders(self) -> tuple[Party, ...]:
        """The parties of the owners that hold me."""
        return tuple(party for _, party in self._holders.values())

    def waiting(self) -> tuple[object, ...]:
        """The owners that wait for me, oldest claim first."""
        return tuple(claim.owner for claim in self._claims.values())

    def isIdle(self) -> bool:
        """True if there are no holders and no waiters."""
        return not self._holders and not self._claims

    def isHeldBy(self, owner: object) -> bool:
        """True if C{owner} holds one of my places."""
        return id(owner) in self._holders

    def isAvailable(self, owner: object = None) -> bool:
        """True if C{owner} may claim me now."""
        claim = self._claims.get(id(owner)) or Claim(owner, [self], _nothing, Party(), _NEWEST)
        return not self.isHeldBy(owner) and self._hasRoom(claim)

    def claim(self, owner: object) -> None:
        """Take a place. @raise LockError: L{isAvailable} says that C{owner} may not."""
        if not self.isAvailable(owner):
            raise LockError(f"{owner!r} may not claim {self!r}")
        self._take(Claim(owner, [self], _nothing, Party(), _NEWEST))

    def release(self, owner: object) -> None:
        """Release the lock of an owner, and call the claims that get it now.

        @raise LockError: C{owner} does not hold me.
        """
        if not self._drop(owner):
            raise LockError(f"{owner!r} does not hold {self!r}")
        _room.serve([self])

    def setMaxCount(self, maxCount: int) -> None:
        """Change the number of places. If there are fewer, present holders keep theirs."""
        self.maxCount = maxCount
        _room.serve([self])

    @property
    def free(self) -> int:
        """The number of free places; negative if there are more holders than places."""
        return self.maxCount - len(self._holders) if self._excluding is None else 0

    def isFull(self, claim: Claim) -> bool:
        """True if there are too many holders for a claim."""
        return self.free <= 0 or (self in claim.exclusive and bool(self._holders))

    def isHeldExclusivelyBy(self, owner: object) -> bool:
        """True if C{owner} holds all my places."""
        return self._excluding is owner and owner is not None

    def older(self, claim: Claim) -> Iterator[Claim]:
        """The waiting claims older than this one."""
        for other in self._claims.values():
            if other.number >= claim.number:
                return
            yield other

    def keptFor(self, claim: Claim) -> list[Claim]:
        """The older claims that have my free places reserved against this one."""
        return [other for other in self.older(claim) if _binds(other, claim)]

    def _hasRoom(self, claim: Claim) -> bool:
        """True if there is a free place that is not reserved for an older claim; or all, as it claims."""
        if claim.exclusive and self in claim.exclusive:
            return not self._holders and not self.keptFor(claim)
        free = self.free
        if free > 0:
            for other in self.older(claim):
                if _binds(other, claim):
                    free -= self.maxCount if self in other.exclusive else 1
                    if free <= 0:
                        return False
        return free > 0

    def _take(self, claim: Claim) -> None:
        for other in self.older(claim):
            if len(other.locks) > 1:
                other.passed += 1
                if other.isReserving:
                    _room.reserving[other.number] = other
        if self in claim.exclusive:
            self._excluding = claim.owner
        self._holders[id(claim.owner)] = claim.owner, claim.party
        claim.party.held += 1

    def _drop(self, owner: object) -> bool:
        """Release the owner's place. Returns False if there was none."""
        holder = self._holders.pop(id(owner), None)
        if holder is not None:
            holder[1].held -= 1
            self._excluding = None
        return holder is not None


class Exclusive:
    """I am access to all places of a lock. Whoever claims locks may give me in place of the lock."""

    isExclusive = True

    def __init__(self, lock: BaseLock) -> None:
        self.lock = lock

    def isHeldBy(self, owner: object) -> bool:
        """True if C{owner} has this access.

        @raise LockError: it holds one place only, and would wait for itself.
        """
        if self.lock.isHeldBy(owner) and not self.lock.isHeldExclusivelyBy(owner):
            raise LockError(
                f"a step of {owner!r} claims exclusive access to lock {self.lock.title}, of which the build"
                " holds one place: give the build exclusive access, too"
            )
        return self.lock.isHeldBy(owner)


Access = BaseLock | Exclusive


def _nothing() -> None:
    pass


def _binds(older: Claim, younger: Claim) -> bool:
    """True if a free place must be reserved for the older of two claims."""
    if len(older.locks) > 1 and not older.isReserving:
        return False
    return not younger.party.held or younger.party not in waitedFor(older)


def waitedFor(claim: Claim) -> set[Party]:
    """The parties that a claim waits for, directly or through the claims of other parties."""
    found: set[Party] = set()
    seen: set[int] = set()
    todo = [claim]
    while todo:
        each = todo.pop()
        if each.number in seen:
            continue
        seen.add(each.number)
        for lock in each.locks:
            todo += [other for other in lock.older(each) if other.isReserving or len(other.locks) == 1]
            if lock.isFull(each):
                for party in lock.holders():
                    if party not in found:
                        found.add(party)
                        todo += party.claims
    return found


def circle(claim: Claim) -> list[Party]:
    """The parties of a deadlock that includes the owner of a waiting claim; empty if there is none.

    Parties that hold locks and claim others in different orders can block each other forever.
    """
    stuck = [party for party in waitedFor(claim) if party.claims]
    while True:
        left = [party for party in stuck if any(_isDeadlocked(each, stuck) for each in party.claims)]
        if len(left) == len(stuck):
            return left if claim.party in left else []
        stuck = left


def _isDeadlocked(claim: Claim, stuck: Sequence[Party]) -> bool:
    return any(
        lock.isFull(claim)
        and (any if lock in claim.exclusive else all)(party in stuck for party in lock.holders())
        for lock in claim.locks
    )


class _Room:
    """I serve the claims that wait.

    There is only one room, because a claim may combine any locks.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[int, Claim] = {}
        self.reserving: dict[int, Claim] = {}  # claims with reserved locks
        self._changed: dict[BaseLock, None] = {}
        self._isServing = False

    def enter(self, claim: Claim) -> bool:
        """Add a new claim and number it. Returns True if it gets all its locks at once."""
        claim.number = next(self._numbers)
        if all(lock._hasRoom(claim) for lock in claim.locks):
            for lock in claim.locks:
                lock._take(claim)
            self.serve(())
            return True
        for lock in claim.locks:
            lock._claims[id(claim.owner)] = claim
        claim.party.claims.append(claim)
        self._waiting[claim.number] = claim
        self.serve(())
        return False

    def leave(self, claim: Claim) -> None:
        """Remove a waiting claim."""
        for lock in claim.locks:
            lock._claims.pop(id(claim.owner), None)
        claim.party.claims.remove(claim)
        self._waiting.pop(claim.number, None)
        self.reserving.pop(claim.number, None)

    def serve(self, changed: Iterable[BaseLock]) -> None:
        """Serve the claims that can have all their locks now, and call them.

        This includes claims that no longer have to leave a free lock to an older claim, because that claim
        now waits for their party. If a call fails, the exception is raised after all other calls.

        @param changed: the locks that may have free places now.
        """
        self._changed.update(dict.fromkeys(changed))
        if self._isServing:  # called from within a call: the outer loop continues, which keeps the stack flat
            return
        self._isServing = True
        failed: BaseException | None = None
        try:
            while (claim := self._next()) is not None:
                self.leave(claim)
                for lock in claim.locks:
                    lock._take(claim)
                try:
                    claim.call()
                except PLUGIN_ERRORS as error:  # raised after the others have been called
                    failed = failed or error
        finally:
            self._isServing = False
        if failed:
            raise failed

    def _next(self) -> Claim | None:
        """The oldest claim that can be served; None if there is none."""
        while self._changed:
            lock = next(iter(self._changed))
            if lock.free > 0:
                for claim in lock._claims.values():
                    if all(each._hasRoom(claim) for each in claim.locks):
                        return claim
            del self._changed[lock]
        if self.reserving:
            for claim in self._waiting.values():
                if claim.party.held and all(each._hasRoom(claim) for each in claim.locks):
                    return claim
        return None


_room = _Room()


def claimAll(
    locks: Sequence[Access], owner: object, call: Callable[[], object], party: Party | None = None
) -> bool:
    """Claim all of some locks, or none.

    If they are not available now, C{call()} is called as soon as C{owner} holds them all, from within the
    call that freed them. L{releaseAll} ends the wait. For an owner that is already waiting, C{call} replaces
    the earlier function.

    @param party: the party of the claim; by default one of its own.
    @return: True if C{owner} has them all now.
    @raise LockError: C{owner} already holds one of them.
    """
    if not locks:
        return True
    wanted = list(dict.fromkeys(each.lock for each in locks))
    for lock in wanted:
        if lock.isHeldBy(owner):
            raise LockError(f"{owner!r} holds {lock!r} already")
    waiting = waitingClaim(wanted, owner)
    if waiting is not None:
        waiting.call = call
        return False
    exclusive = frozenset(each.lock for each in locks if each.isExclusive)
    return _room.enter(Claim(owner, wanted, call, party or Party(), _NEWEST, exclusive))


def waitingClaim(locks: Sequence[Access], owner: object) -> Claim | None:
    """The waiting claim of an owner to one of these locks; None if there is none."""
    return next((each.lock._claims[id(owner)] for each in locks if id(owner) in each.lock._claims), None)


def releaseAll(locks: Sequence[Access], owner: object) -> None:
    """Release the locks that C{owner} holds, and withdraw its claim to them.

    Safe to call in any state, and repeatedly. If the call of a served claim fails, the exception is raised
    here, after all locks are released.
    """
    if not locks:
        return
    changed: dict[BaseLock, None] = {}
    claim = waitingClaim(locks, owner)
    if claim is not None:
        _room.leave(claim)
        changed.update(dict.fromkeys(claim.locks))
    for lock in dict.fromkeys(each.lock for each in locks):
        if lock._drop(owner):
            changed[lock] = None
    _room.serve(changed)


def whyWaiting(claim: Claim) -> str:
    """The locks that a claim waits for, in words: C{"lock db, held by full/13"}."""
    parts = []
    for lock in claim.locks:
        kept = lock.keptFor(claim)
        if lock.isFull(claim):
            parts.append(f"lock {lock.title}, held by {_titles(lock.holders())}")
        elif kept and not lock._hasRoom(claim):
            parts.append(f"lock {lock.title}, kept for {_titles(each.party for each in kept)}")
    stuck = circle(claim)
    end = f" ({_titles(stuck)} wait for each other: stop one of them)" if stuck else ""
    return "; ".join(parts) + end


def _titles(parties: Iterable[Party]) -> str:
    names = list(dict.fromkeys(party.title or "another one" for party in parties))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
