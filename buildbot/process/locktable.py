# -*- test-case-name: tests.unit.process.test_locks,tests.unit.process.test_locks_fair -*-
"""
Who gets which locks, and when: all that a claim needs at once or none, and nobody waits for ever.

Claims are served by their age.  One that waits for several locks lets PASSES others pass; then each of its
locks is kept for it as soon as it is free.  But a lock is never kept from somebody whom the older claim
itself waits for.

Nothing here knows builds, nor waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from buildbot.config.plugincode import PLUGIN_ERRORS

#: How many younger claims may take a lock that an older one waits for, while that waits for others as well.
PASSES = 3
#: The number of a claim that nobody has made: it is younger than all.
_NEWEST = 2**63


class LockError(Exception):
    """A lock was claimed that is not available, or given back by one who does not hold it."""


class Party:
    """
    I am one that takes locks, such as a build with all its steps.

    @ivar title: what people call me.
    @ivar held: how many locks I hold.
    @ivar claims: those of mine that wait.
    """

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.held = 0
        self.claims: list[Claim] = []


class Claim:
    """
    I am what an owner wants: all of these locks.

    @ivar number: smaller for an older claim.
    @ivar passed: how many younger ones have got a lock of mine meanwhile.
    """

    __slots__ = ("call", "locks", "number", "owner", "party", "passed")

    def __init__(
        self, owner: object, locks: Sequence[BaseLock], call: Callable[[], object], party: Party, number: int
    ) -> None:
        self.owner = owner
        self.locks = locks
        self.call = call
        self.party = party
        self.number = number
        self.passed = 0

    @property
    def isReserving(self) -> bool:
        """Whether my locks are kept for me although I cannot have all of them yet."""
        return len(self.locks) > 1 and self.passed >= PASSES


class BaseLock:
    """
    I have C{maxCount} places.

    An owner is any object; it is told apart from others by identity, not by value. It holds one place at
    most.
    """

    description = "<BaseLock>"

    def __init__(self, name: str, maxCount: int = 1, title: str = "") -> None:
        """
        @param maxCount: at least 1.
        @param title: what people call it; the name, if that is all.
        """
        self.name = name
        self.maxCount = maxCount
        self.title = title or name
        self._holders: dict[int, tuple[object, Party]] = {}
        self._claims: dict[int, Claim] = {}  # the oldest first; by the id of the owner

    def __repr__(self) -> str:
        return f"<{self.description} {len(self._holders)} of {self.maxCount}, {len(self._claims)} waiting>"

    def owners(self) -> tuple[object, ...]:
        """Who holds me, in the order of their claims."""
        return tuple(owner for owner, _ in self._holders.values())

    def holders(self) -> tuple[Party, ...]:
        """The parties that they belong to."""
        return tuple(party for _, party in self._holders.values())

    def waiting(self) -> tuple[object, ...]:
        """Who waits for me, the oldest claim first."""
        return tuple(claim.owner for claim in self._claims.values())

    def isIdle(self) -> bool:
        """Whether nobody holds me, nor waits for me."""
        return not self._holders and not self._claims

    def isHeldBy(self, owner: object) -> bool:
        """Whether C{owner} has one of my places."""
        return id(owner) in self._holders

    def isAvailable(self, owner: object = None) -> bool:
        """Whether C{owner} may claim me now."""
        claim = self._claims.get(id(owner)) or Claim(owner, [self], _nothing, Party(), _NEWEST)
        return not self.isHeldBy(owner) and self._hasRoom(claim)

    def claim(self, owner: object) -> None:
        """Take a place. @raise LockError: L{isAvailable} says that C{owner} may not."""
        if not self.isAvailable(owner):
            raise LockError(f"{owner!r} may not claim {self!r}")
        self._take(Claim(owner, [self], _nothing, Party(), _NEWEST))

    def release(self, owner: object) -> None:
        """
        Give the place back, and call those that have theirs now.

        @raise LockError: C{owner} has none.
        """
        if not self._drop(owner):
            raise LockError(f"{owner!r} does not hold {self!r}")
        _room.serve([self])

    def setMaxCount(self, maxCount: int) -> None:
        """Have another number of places. With fewer, who holds me keeps me, and nobody new gets in."""
        self.maxCount = maxCount
        _room.serve([self])

    @property
    def free(self) -> int:
        """How many places nobody holds."""
        return self.maxCount - len(self._holders)

    def older(self, claim: Claim) -> Iterator[Claim]:
        """The claims that wait for me longer than this one."""
        for other in self._claims.values():
            if other.number >= claim.number:
                return
            yield other

    def keptFor(self, claim: Claim) -> list[Claim]:
        """The older claims for which my free places are kept, so that this one does not get them."""
        return [other for other in self.older(claim) if _binds(other, claim)]

    def _hasRoom(self, claim: Claim) -> bool:
        """Whether there is a place that no older claim needs."""
        free = self.free
        if free > 0:
            for other in self.older(claim):
                if _binds(other, claim):
                    free -= 1
                    if free <= 0:
                        return False
        return free > 0

    def _take(self, claim: Claim) -> None:
        for other in self.older(claim):
            if len(other.locks) > 1:
                other.passed += 1
                if other.isReserving:
                    _room.reserving[other.number] = other
        self._holders[id(claim.owner)] = claim.owner, claim.party
        claim.party.held += 1

    def _drop(self, owner: object) -> bool:
        """Whether there was a place to give back."""
        holder = self._holders.pop(id(owner), None)
        if holder is not None:
            holder[1].held -= 1
        return holder is not None


def _nothing() -> None:
    pass


def _binds(older: Claim, younger: Claim) -> bool:
    """Whether a free place that both want has to be kept for the older one."""
    if len(older.locks) > 1 and not older.isReserving:
        return False
    return not younger.party.held or younger.party not in waitedFor(older)


def waitedFor(claim: Claim) -> set[Party]:
    """The parties that must go on before a claim can be served, and those that these wait for, and so on."""
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
            if lock.free <= 0:
                for party in lock.holders():
                    if party not in found:
                        found.add(party)
                        todo += party.claims
    return found


def circle(claim: Claim) -> list[Party]:
    """
    Those that wait for each other for ever, if the owner of a claim that waits is one of them; else none.

    They hold locks and want others: the claims of each may have been made in another order.
    """
    stuck = [party for party in waitedFor(claim) if party.claims]
    while True:
        left = [party for party in stuck if any(_isHopeless(each, stuck) for each in party.claims)]
        if len(left) == len(stuck):
            return left if claim.party in left else []
        stuck = left


def _isHopeless(claim: Claim, stuck: Sequence[Party]) -> bool:
    return any(lock.free <= 0 and all(party in stuck for party in lock.holders()) for lock in claim.locks)


class _Room:
    """
    I serve the claims that wait.

    There is one of me: a claim may be for any locks.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[int, Claim] = {}
        self.reserving: dict[int, Claim] = {}  # those that locks are kept for
        self._changed: dict[BaseLock, None] = {}
        self._isServing = False

    def enter(self, claim: Claim) -> bool:
        """A new claim, without its number; whether it has all its locks at once."""
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
        """A claim waits no longer."""
        for lock in claim.locks:
            lock._claims.pop(id(claim.owner), None)
        claim.party.claims.remove(claim)
        self._waiting.pop(claim.number, None)
        self.reserving.pop(claim.number, None)

    def serve(self, changed: Iterable[BaseLock]) -> None:
        """
        Some locks may have room for others now: call those that have all of theirs.

        So are those that an older claim keeps from a free lock, but has to wait for since just now. If a call
        fails, that comes out once all others have been called.
        """
        self._changed.update(dict.fromkeys(changed))
        if self._isServing:  # from within a call: the loop below goes on, so a long queue makes no deep stack
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
                except PLUGIN_ERRORS as error:  # told to whoever made room, once the others have been called
                    failed = failed or error
        finally:
            self._isServing = False
        if failed:
            raise failed

    def _next(self) -> Claim | None:
        """The oldest claim of a lock that can be served."""
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
    locks: Sequence[BaseLock], owner: object, call: Callable[[], object], party: Party | None = None
) -> bool:
    """
    Claim all of some locks, or none.

    If that cannot be now, C{call()} is called as soon as C{owner} holds them all, from within the call that
    made it possible. L{releaseAll} ends the waiting. Who waits already has the new function called instead.

    @param party: whose claim it is; the owner's own, if that is not said.
    @return: whether C{owner} has them all now.
    @raise LockError: C{owner} holds one of them already.
    """
    if not locks:
        return True
    wanted = list(dict.fromkeys(locks))
    for lock in wanted:
        if lock.isHeldBy(owner):
            raise LockError(f"{owner!r} holds {lock!r} already")
    waiting = waitingClaim(wanted, owner)
    if waiting is not None:
        waiting.call = call
        return False
    return _room.enter(Claim(owner, wanted, call, party or Party(), _NEWEST))


def waitingClaim(locks: Sequence[BaseLock], owner: object) -> Claim | None:
    """The claim of an owner that waits for one of these locks."""
    return next((lock._claims[id(owner)] for lock in locks if id(owner) in lock._claims), None)


def releaseAll(locks: Sequence[BaseLock], owner: object) -> None:
    """
    Give back those of the locks that C{owner} holds, and wait for none of them any longer.

    It may be called in any state, and again: so every end of a build can simply do it. If the call of
    somebody who waited fails, that comes out here, once all is given back.
    """
    if not locks:
        return
    changed: dict[BaseLock, None] = {}
    claim = waitingClaim(locks, owner)
    if claim is not None:
        _room.leave(claim)
        changed.update(dict.fromkeys(claim.locks))
    for lock in dict.fromkeys(locks):
        if lock._drop(owner):
            changed[lock] = None
    _room.serve(changed)


def whyWaiting(claim: Claim) -> str:
    """What a claim waits for, in words: C{"lock db, held by full/13"}."""
    parts = []
    for lock in claim.locks:
        kept = lock.keptFor(claim)
        if lock.free <= 0:
            parts.append(f"lock {lock.title}, held by {_titles(lock.holders())}")
        elif len(kept) >= lock.free:
            parts.append(f"lock {lock.title}, kept for {_titles(each.party for each in kept)}")
    stuck = circle(claim)
    end = f" ({_titles(stuck)} wait for each other: stop one of them)" if stuck else ""
    return "; ".join(parts) + end


def _titles(parties: Iterable[Party]) -> str:
    names = list(dict.fromkeys(party.title or "another one" for party in parties))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
