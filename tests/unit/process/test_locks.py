"""Locks: their order, and that nobody gets one twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.process.locks import MasterLock, RealMasterLock, RealSlaveLock, SlaveLock
from buildbot.process.locktable import (
    BaseLock,
    Exclusive,
    LockError,
    Party,
    circle,
    claimAll,
    releaseAll,
    waitingClaim,
    whyWaiting,
)
from buildbot.process.sharedlocks import SharedLocks
from tests.examples import examples


class ConfiguredTests(unittest.TestCase):
    """Locks of a configuration."""

    def test_same(self) -> None:
        """Two loads of a configuration have equal locks; with another count a lock is unequal."""
        for one, other in (
            (MasterLock("db"), MasterLock("db", 2)),
            (SlaveLock("cpu"), SlaveLock("cpu", 2)),
            (SlaveLock("cpu", 1, {"b1": 2}), SlaveLock("cpu", 1, {"b1": 3})),
            (MasterLock("db"), SlaveLock("db")),
        ):
            same = eval(repr(one))
            self.assertEqual((one, hash(one)), (same, hash(same)))
            self.assertNotEqual(one, other)

    def test_counts(self) -> None:
        """A lock that nobody could hold is refused by the configuration."""
        for count in (0, -1, 1.5, True, "2", None):
            self.assertRaises(ValueError, MasterLock, "db", count)
            self.assertRaises(ValueError, SlaveLock, "db", count)
            self.assertRaises(ValueError, SlaveLock, "db", 1, {"b1": count})

    def test_real(self) -> None:
        """A master lock is shared by all slaves; a slave lock is separate for each, with its own count."""
        master = MasterLock("db", 3).lockClass(MasterLock("db", 3))
        self.assertIs(master.getLock("b1"), master.getLock("b2"))
        self.assertEqual(master.getLock("b1").maxCount, 3)
        slaves = SlaveLock("cpu").lockClass(SlaveLock("cpu", 1, {"b2": 4}))
        self.assertIs(slaves.getLock("b1"), slaves.getLock("b1"))
        self.assertIs(slaves.getLock(SimpleNamespace(slavename="b1")), slaves.getLock("b1"))
        self.assertEqual([slaves.getLock(name).maxCount for name in ("b1", "b2")], [1, 4])
        self.assertEqual(repr(slaves.getLock("b2")), "<SlaveLock cpu on b2 0 of 4, 0 waiting>")

    def test_reconfigured(self) -> None:
        """B6: with another count, holders keep the lock; others get it when there is room."""
        lock = RealMasterLock(MasterLock("db", 2))
        called: list[str] = []
        for owner in ("a", "b"):
            lock.claim(owner)
        for owner in ("c", "d"):
            claimAll([lock], owner, partial(called.append, owner))
        lock.configure(MasterLock("db", 1))
        lock.release("a")
        self.assertEqual((lock.owners(), called), (("b",), []))
        lock.configure(MasterLock("db", 3))
        self.assertEqual(called, ["c", "d"])
        slaves = RealSlaveLock(SlaveLock("cpu"))
        first = slaves.getLock("b1")
        slaves.configure(SlaveLock("cpu", 2, {"b2": 5}))
        self.assertEqual((first.maxCount, slaves.getLock("b2").maxCount), (2, 5))


class Value:
    """An owner that equals every other one, like two equal steps."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class LockTests(unittest.TestCase):
    """One lock and its claimants."""

    def setUp(self) -> None:
        self.lock = BaseLock("db")
        self.called: list[str] = []

    def wait(self, *owners: str) -> None:
        for owner in owners:
            claimAll([self.lock], owner, partial(self.called.append, owner))

    def test_one(self) -> None:
        """One owner holds the lock; others cannot until it is released."""
        self.lock.claim("a")
        self.assertFalse(self.lock.isAvailable("b"))
        self.assertRaises(LockError, self.lock.claim, "b")
        self.assertEqual((self.lock.owners(), self.lock.isHeldBy("b")), (("a",), False))
        self.lock.release("a")
        self.assertTrue(self.lock.isAvailable())
        self.lock.claim("b")

    def test_mistaken(self) -> None:
        """B6: releasing a lock that is not held, or claiming a held one again, raises."""
        self.assertRaises(LockError, self.lock.release, "a")
        lock = BaseLock("db", 2)
        lock.claim("a")
        self.assertFalse(lock.isAvailable("a"))
        self.assertRaises(LockError, lock.claim, "a")
        self.assertRaises(LockError, claimAll, [lock], "a", self.fail)
        lock.release("a")
        self.assertRaises(LockError, lock.release, "a")

    def test_inOrder(self) -> None:
        """Owners get the lock in the order of their claims."""
        self.lock.claim("a")
        self.wait("b", "c")
        self.assertEqual(self.lock.waiting(), ("b", "c"))
        self.lock.release("a")
        self.assertEqual((self.called, self.lock.owners()), (["b"], ("b",)))
        self.assertEqual([self.lock.isAvailable(each) for each in ("late", "c", "b")], [False, False, False])
        self.lock.release("b")
        self.assertEqual((self.called, self.lock.owners()), (["b", "c"], ("c",)))

    def test_passed(self) -> None:
        """An owner that is lost while it waits, or when its turn has come, blocks nobody."""
        self.lock.claim("a")
        self.wait("b", "c", "d")
        releaseAll([self.lock], "c")
        self.lock.release("a")
        releaseAll([self.lock], "b")
        self.assertEqual(self.called, ["b", "d"])
        releaseAll([self.lock], "nobody")
        releaseAll([self.lock], "d")
        self.assertTrue(self.lock.isAvailable("late"))

    def test_waitsAgain(self) -> None:
        """An owner that claims again while it waits keeps its place, and is called once."""
        self.lock.claim("a")
        self.wait("b", "c", "b")
        self.assertEqual(self.lock.waiting(), ("b", "c"))
        self.lock.release("a")
        self.assertEqual(self.called, ["b"])

    def test_identity(self) -> None:
        """Two equal steps, as those of two builds, are two owners."""
        one, other = Value(), Value()
        self.lock.claim(one)
        self.assertFalse(self.lock.isHeldBy(other))
        self.assertRaises(LockError, self.lock.release, other)

    def test_failingCall(self) -> None:
        """A callback that raises is logged, and does not keep the lock from others."""
        lock = BaseLock("db", 2)
        for owner in ("a", "b"):
            lock.claim(owner)
        for owner, call in (("c", lambda: 1 / 0), ("d", lambda: self.called.append("d"))):
            claimAll([lock], owner, call)
        self.assertRaises(ZeroDivisionError, lock.release, "a")
        self.assertEqual(lock.owners(), ("b", "c"))
        lock.release("b")
        self.assertEqual(self.called, ["d"])

    def test_longRow(self) -> None:
        """Thousands of owners in a row do not need a deep stack."""
        self.lock.claim("a")
        owners = [f"o{n}" for n in range(5000)]
        for owner in owners:
            claimAll([self.lock], owner, partial(self.lock.release, owner))
        self.lock.release("a")
        self.assertEqual((self.lock.owners(), self.lock.waiting()), ((), ()))


class SeveralTests(unittest.TestCase):
    """Builds that need several locks at once."""

    def setUp(self) -> None:
        self.one, self.other = BaseLock("one"), BaseLock("other")
        self.both = [self.one, self.other]

    def test_allOrNone(self) -> None:
        """An owner gets all its locks or none; while it waits, free locks are available to others at
        first.
        """
        self.other.claim("x")
        self.assertFalse(claimAll(self.both, "a", self.fail))
        self.assertEqual(self.one.owners(), ())
        self.assertTrue(claimAll([self.one, self.one], "b", self.fail))

    def test_passedBy(self) -> None:
        """An owner whose other lock is taken lets others pass, and gets both as soon as it can."""
        called: list[str] = []
        self.one.claim("x")
        claimAll(self.both, "a", lambda: called.append("a"))
        self.other.claim("y")
        claimAll([self.one], "b", lambda: called.append("b"))
        self.one.release("x")
        self.assertEqual(called, ["b"])
        self.one.release("b")
        self.other.release("y")
        self.assertEqual((called, self.one.owners(), self.other.owners()), (["b", "a"], ("a",), ("a",)))

    def test_twice(self) -> None:
        """Claiming a held lock again raises; releasing all locks is possible in any state."""
        claimAll(self.both, "a", self.fail)
        self.assertRaises(LockError, claimAll, self.both, "a", self.fail)
        for _ in range(2):
            releaseAll(self.both, "a")
        self.assertTrue(claimAll(self.both, "b", self.fail))

    def test_failingCall(self) -> None:
        """All locks are released even if the callback of another owner raises."""
        claimAll(self.both, "a", self.fail)
        claimAll([self.one], "b", lambda: 1 / 0)
        self.assertRaises(ZeroDivisionError, releaseAll, self.both, "a")
        self.assertEqual((self.one.owners(), self.other.owners()), (("b",), ()))


class World:
    """Builds that start, get their locks, end and are lost, with two locks."""

    def __init__(self) -> None:
        self.locks = [BaseLock("one"), BaseLock("two", 2)]
        self.wanted: dict[str, list[BaseLock]] = {}
        self.called: set[str] = set()

    def attempt(self, owner: str) -> None:
        """Start a build, or claim again while it waits."""
        if not self.runs(owner):
            if claimAll(self.wanted[owner], owner, lambda: self.called.add(owner)):
                self.called.add(owner)

    def runs(self, owner: str) -> bool:
        return all(lock.isHeldBy(owner) for lock in self.wanted[owner])

    def startOrEnd(self, owner: str, wishes: Sequence[int]) -> None:
        """End a build: done, stopped, or lost while it waits or just after it got its locks."""
        if owner in self.wanted:
            wanted = self.wanted.pop(owner)
            self.called.discard(owner)
            releaseAll(wanted, owner)
        else:
            self.wanted[owner] = [self.locks[n] for n in wishes]
            self.attempt(owner)

    def endAgain(self, owner: str) -> None:
        """End a build that has ended already, or never started."""
        if owner not in self.wanted:
            releaseAll(self.locks, owner)

    def again(self, owner: str) -> None:
        """Claim again while waiting."""
        if owner in self.wanted:
            self.attempt(owner)

    def reconfigure(self, lock: int, count: int) -> None:
        self.locks[lock].setMaxCount(count)

    def wrong(self, before: Sequence[int]) -> Iterator[str]:
        """The broken rules.

        @param before: the number of holders of each lock before the last event.
        """
        for lock, held in zip(self.locks, before, strict=True):
            if len(lock.owners()) > max(held, lock.maxCount):
                yield f"{lock} is over-run"
            for owner in lock.owners():
                if owner not in self.wanted or not self.runs(str(owner)):
                    yield f"{owner} holds {lock} and does not run"
            if not set(lock.waiting()) <= set(self.wanted):
                yield f"one that has ended waits for {lock}"
        for owner, wanted in self.wanted.items():
            if self.runs(owner) != (owner in self.called):
                yield f"{owner} was not told what it has"
            if not self.runs(owner) and not any(self.isTaken(lock, owner) for lock in wanted):
                yield f"{owner} waits for nothing that is taken"

    def isTaken(self, lock: BaseLock, owner: str) -> bool:
        """True if all places are taken, or reserved for owners that have waited longer."""
        waiting = lock.waiting()
        return owner in waiting and len(lock.owners()) + waiting.index(owner) >= lock.maxCount


_owners = st.sampled_from("abcd")
_wishes = st.sampled_from(([0], [0], [1], [0, 1], [1, 0]))
_event = st.one_of(
    *[st.tuples(st.just(World.startOrEnd), _owners, _wishes)] * 4,
    st.tuples(st.just(World.again), _owners),
    st.tuples(st.just(World.endAgain), _owners),
    st.tuples(st.just(World.reconfigure), st.integers(0, 1), st.integers(1, 3)),
)


class AnyOrderTests(unittest.TestCase):
    """Any sequence of events."""

    @given(st.lists(_event, min_size=20, max_size=40))
    @settings(max_examples=examples(80), deadline=None, derandomize=True, database=None)
    def test_anyOrder(self, events: list[tuple[Any, ...]]) -> None:
        """B6, B7: after any events, places are never exceeded or lost, and every build that can run does."""
        world = World()
        for event, *arguments in events:
            before = [len(lock.owners()) for lock in world.locks]
            event(world, *arguments)
            self.assertEqual(list(world.wrong(before)), [])


class ExclusiveTests(unittest.TestCase):
    """Access to all places of a lock."""

    def setUp(self) -> None:
        """A lock of three places."""
        self.lock = BaseLock("db", 3)
        self.called: list[str] = []

    def claim(self, owner: str, isExclusive: bool = False) -> bool:
        """Claim one place, or all."""
        access = Exclusive(self.lock) if isExclusive else self.lock
        return claimAll([access], owner, lambda: self.called.append(owner))

    def release(self, owner: str) -> None:
        releaseAll([self.lock], owner)

    def test_alone(self) -> None:
        """The owner is alone: nobody gets a place before it releases the lock."""
        self.assertTrue(self.claim("a", True))
        self.assertEqual(self.lock.free, 0)
        self.assertFalse(self.claim("b"))
        self.assertFalse(self.claim("c", True))
        self.release("a")
        self.assertEqual(self.called, ["b"])
        self.release("b")
        self.assertEqual(self.called, ["b", "c"])
        self.assertTrue(self.lock.isHeldExclusivelyBy("c"))

    def test_waits(self) -> None:
        """It waits until all places are free, and younger claims wait behind it."""
        self.claim("a")
        self.claim("b")
        self.assertFalse(self.claim("c", True))
        self.assertFalse(self.claim("d"))  # although a place is free
        self.release("a")
        self.assertEqual(self.called, [])
        self.release("b")
        self.assertEqual(self.called, ["c"])
        self.release("c")
        self.assertEqual(self.called, ["c", "d"])

    def test_withdrawn(self) -> None:
        """If it does not want the lock any more, those behind it get their places."""
        self.claim("a")
        self.claim("b", True)
        self.claim("c")
        self.claim("d")
        self.release("b")
        self.assertEqual(self.called, ["c", "d"])

    def test_within(self) -> None:
        """A step cannot have all places while its build holds one; if its build has all, it has them, too."""
        self.claim("build")
        why = self.assertRaises(LockError, Exclusive(self.lock).isHeldBy, "build")
        self.assertIn("give the build exclusive access, too", str(why))
        self.release("build")
        self.claim("build", True)
        self.assertTrue(Exclusive(self.lock).isHeldBy("build"))
        self.assertTrue(self.lock.isHeldBy("build"))

    def test_reason(self) -> None:
        """The reason of a wait names the holders."""
        claimAll([self.lock], "a", list, Party("first/1"))
        claimAll([Exclusive(self.lock)], "b", list, Party("second/2"))
        claimAll([self.lock], "c", list, Party("third/3"))
        reasons = [
            whyWaiting(claim)
            for owner in ("b", "c")
            if (claim := waitingClaim([self.lock], owner)) is not None
        ]
        self.assertEqual(reasons, ["lock db, held by first/1", "lock db, kept for second/2"])

    def test_deadlock(self) -> None:
        """Two builds that hold a place each and both want all of them wait for each other."""
        other = BaseLock("other", 2)
        one, two = Party("one/1"), Party("two/2")
        claimAll([self.lock], "a", list, one)
        claimAll([other], "b", list, two)
        claimAll([Exclusive(other)], "a step", list, one)
        claim = waitingClaim([other], "a step")
        assert claim is not None
        self.assertEqual(circle(claim), [])
        claimAll([Exclusive(self.lock)], "b step", list, two)
        self.assertEqual({party.title for party in circle(claim)}, {"one/1", "two/2"})

    def test_fewerPlaces(self) -> None:
        """A reconfig of the number of places does not end exclusive access."""
        self.claim("a", True)
        self.lock.setMaxCount(5)
        self.assertFalse(self.claim("b"))
        self.release("a")
        self.assertEqual(self.called, ["b"])

    def test_configured(self) -> None:
        """C{access("exclusive")} makes another lock of the configuration with the same real lock."""
        for lock in (MasterLock("db", 3), SlaveLock("db", 3)):
            exclusive = lock.access("exclusive")
            self.assertNotEqual(lock, exclusive)
            self.assertEqual(exclusive, lock.access("exclusive"))
            self.assertIs(lock.access("counting"), lock)
            self.assertEqual(exclusive.access("counting"), lock)
            shared = SharedLocks()
            self.assertIs(shared.get(lock), shared.get(exclusive))
