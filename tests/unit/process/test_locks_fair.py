"""No build waits for locks for ever, and the reason of a wait is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from sys import intern
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.process.locktable import (
    PASSES,
    Access,
    BaseLock,
    Claim,
    Exclusive,
    Party,
    circle,
    claimAll,
    releaseAll,
    waitingClaim,
    whyWaiting,
)
from tests.examples import THOROUGH, examples

MANY = examples(60)
#: The number of steps of a long history.
LONG = 300 if THOROUGH else 100


class Build:
    """A build: it takes its builder's locks, then the locks of each step.

    @ivar served: the number of other claims served since it started to wait.
    @ivar overtaken: those of them that were made later, by builds without locks that took a last place.
    @ivar since: the number of its claim.
    """

    def __init__(self, title: str, locks: Sequence[Access], steps: Sequence[Sequence[Access]]) -> None:
        self.party = Party(title)
        self.locks = list(locks)
        self.steps = [list(step) for step in steps]
        self.place = -1
        self.isWaiting = False
        self.served = self.overtaken = self.since = 0

    def claim(self, world: World) -> None:
        """Claim the locks of my builder, or of the next step."""
        wanted = self.locks if self.place < 0 else self.steps[self.place]
        free = [lock for lock in wanted if not lock.isHeldBy(self)]
        self.isWaiting, self.served, self.overtaken, self.since = True, 0, 0, next(world.numbers)
        self.wanted, self.owner = free, self if self.place < 0 else self.steps[self.place]
        if claimAll(free, self.owner, lambda: world.serve(self), self.party):
            world.serve(self)

    def goOn(self, world: World) -> None:
        """End the running part, and start the next one."""
        if self.place >= 0:
            releaseAll(self.wanted, self.owner)
        self.place += 1
        if self.place < len(self.steps):
            self.claim(world)
        else:
            world.builds.remove(self)
            releaseAll(self.locks, self)

    def stop(self, world: World) -> None:
        """End at once, in any state."""
        world.builds.remove(self)
        releaseAll(self.wanted, self.owner)
        releaseAll(self.locks, self)


class World:
    """Builds that start, go on and are stopped."""

    def __init__(self, test: unittest.TestCase) -> None:
        self.test = test
        self.locks = [BaseLock(f"lock{n}", 2 if n == 1 else 1) for n in range(5)]
        self.accesses: list[Access] = [*self.locks, Exclusive(self.locks[1])]
        self.builds: list[Build] = []
        self.recipes: dict[Build, Any] = {}
        self.numbers = count()

    def serve(self, build: Build) -> None:
        """Record that a claim has its locks."""
        build.isWaiting = False
        isNewcomer = build.party.held == len(build.wanted)
        for other in self.builds:
            taken = {access.lock for access in build.wanted}
            both = [each for each in other.wanted if each.lock in taken] if other.isWaiting else ()
            if both:
                other.served += 1
                isLast = any(each.isExclusive or each.lock.free <= 0 for each in both)
                if isNewcomer and build.since > other.since and isLast:
                    other.overtaken += 1
                    self.test.assertLessEqual(other.overtaken, PASSES if len(other.wanted) > 1 else 0)

    def begin(self, locks: Sequence[int], steps: Sequence[Sequence[int]]) -> None:
        wanted = [self.accesses[n] for n in locks]
        build = Build(f"b/{len(self.builds)}", wanted, [[self.accesses[n] for n in step] for step in steps])
        self.builds.append(build)
        self.recipes[build] = locks, steps
        build.claim(self)

    def running(self) -> list[Build]:
        return [build for build in self.builds if not build.isWaiting]


def _lockOf(number: int) -> int:
    """The number of the lock of an access: the last one is exclusive access to lock 1, of two places."""
    return 1 if number == 5 else number


@st.composite
def recipes(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """The locks of a builder, and those of its steps.

    The locks of each step come after the builder's, so no circle of waiting builds is possible.
    """
    first = draw(st.lists(st.integers(0, 5), unique_by=_lockOf, max_size=3))
    last = max(map(_lockOf, first), default=-1)
    later = [number for number in range(6) if _lockOf(number) > last]
    one = st.lists(st.sampled_from(later), unique_by=_lockOf, min_size=1, max_size=2)
    return first, draw(st.lists(one, max_size=2)) if later else []


events = st.one_of(
    st.tuples(st.just("begin"), recipes()),
    st.tuples(st.just("begin"), recipes()),
    st.tuples(st.just("go on"), st.integers(0, 30)),
    st.tuples(st.just("go on"), st.integers(0, 30)),
    st.tuples(st.just("go on"), st.integers(0, 30)),
    st.tuples(st.just("stop"), st.integers(0, 30)),
)


class BoundedTests(unittest.TestCase):
    """Any order of starts, ends and stops."""

    @given(st.lists(events, min_size=10, max_size=80))
    @settings(max_examples=MANY, deadline=None)
    def test_nobodyIsStranded(self, history: list[tuple[Any, ...]]) -> None:
        """F9: as long as builds go on, each waiting one gets its locks; none waits for free locks."""
        world = World(self)
        for event, *arguments in history:
            if event == "begin" and len(world.builds) < 12:
                world.begin(*arguments[0])
            elif event == "go on" and world.running():
                running = world.running()
                running[arguments[0] % len(running)].goOn(world)
            elif event == "stop" and world.builds:
                world.builds[arguments[0] % len(world.builds)].stop(world)
            self.check(world)
        for _ in range(200):
            if not world.builds:
                break
            self.assertTrue(world.running(), "all wait, and nobody goes on")
            world.running()[-1].goOn(world)
            self.check(world)
        self.assertEqual(world.builds, [])
        self.assertTrue(all(lock.isIdle() for lock in world.locks))

    def check(self, world: World) -> None:
        for lock in world.locks:
            self.assertLessEqual(len(lock.owners()), lock.maxCount)
            if any(lock.isHeldExclusivelyBy(owner) for owner in lock.owners()):
                self.assertEqual(len(lock.owners()), 1)
        for build in world.builds:
            if build.isWaiting:
                why = whyWaiting(claimOf(build))
                self.assertTrue("held by" in why or "kept for" in why, why)
                self.assertEqual(circle(claimOf(build)), [])

    @given(
        st.lists(recipes(), min_size=4, max_size=8),
        st.lists(st.integers(0, 30), min_size=LONG, max_size=LONG),
    )
    @settings(max_examples=examples(20), deadline=None, phases=[Phase.generate])
    def test_bounded(self, wanted: list[Any], order: list[int]) -> None:
        """F9: even in the worst order of ends, only a few new builds overtake a waiting one.

        A build that holds a lock may overtake the one that waits for this lock: it has to end first. So each
        build waits for a limited number of others, since the same holds for all builds that it waits for.
        """
        world = World(self)
        for recipe in [*wanted, *wanted]:
            world.begin(*recipe)
        for which in order:
            build = self.worst(world, which)
            begun = world.recipes[build]
            build.goOn(world)
            if build not in world.builds:
                world.begin(*begun)

    def worst(self, world: World, which: int) -> Build:
        """The builds to continue, so that the longest waiting one does not get its locks if possible."""
        running = world.running()
        running = running[which % len(running) :] + running[: which % len(running)]
        waiting = [build for build in world.builds if build.isWaiting]
        victim = max(waiting, key=lambda build: build.served, default=None)
        for build in running:
            holds = {lock for lock in world.locks if build.party in lock.holders()}
            if victim is None or any(
                each.lock not in holds and (each.lock.free <= 0 or (each.isExclusive and each.lock.owners()))
                for each in victim.wanted
            ):
                return build
        return running[0]


def claimOf(build: Build) -> Any:
    """The claim of a waiting build."""
    return waitingClaim(build.wanted, build.owner)


class StarvedTests(unittest.TestCase):
    """Known cases of starvation."""

    def setUp(self) -> None:
        self.a, self.b = BaseLock("a"), BaseLock("b")
        self.got: list[str] = []

    def claim(self, owner: str, *locks: BaseLock, party: Party | None = None) -> bool:
        owner = intern(owner)  # owners are compared by identity, not by name
        got = claimAll(locks, owner, lambda: self.got.append(owner), party or Party(owner))
        if got:
            self.got.append(owner)
        return got

    def release(self, lock: BaseLock, owner: str) -> None:
        releaseAll([lock], intern(owner))

    def waiting(self, lock: BaseLock, owner: str) -> Claim:
        claim = waitingClaim([lock], intern(owner))
        assert claim is not None
        return claim

    def test_two(self) -> None:
        """F9: a build that needs two busy locks gets them after a few others."""
        self.claim("a0", self.a)
        self.claim("b0", self.b)
        self.claim("both", self.a, self.b)
        for number in range(1, 50):
            self.claim(f"a{number}", self.a)
            self.claim(f"b{number}", self.b)
        for number in range(50):
            for name, lock in (("a", self.a), ("b", self.b)):
                if lock.isHeldBy(intern(f"{name}{number}")):
                    self.release(lock, f"{name}{number}")
        self.assertIn("both", self.got)
        self.assertLessEqual(self.got.index("both"), 2 + 2 * PASSES)

    def test_notFromWhomItWaitsFor(self) -> None:
        """F9: a lock reserved for a build is available to another build that the first one waits for."""
        holder = Party("holder/1")
        self.claim("builder lock", self.a, party=holder)
        self.claim("x", self.b)
        self.claim("both", self.a, self.b)
        for number in range(PASSES):
            self.release(self.b, "x" if not number else f"y{number - 1}")
            self.assertTrue(self.claim(f"y{number}", self.b))
        self.release(self.b, f"y{PASSES - 1}")
        self.assertFalse(self.claim("late", self.b))
        self.assertEqual(self.b.owners(), ())
        self.assertTrue(self.claim("step lock", self.b, party=holder))
        self.release(self.b, "step lock")
        self.release(self.a, "builder lock")
        self.assertEqual(self.got[-1], "both")

    def test_waitsForItLater(self) -> None:
        """F9: also if the first one has to wait for it only since a moment ago."""
        holder, other, third = Party("holder/1"), Party("other/1"), BaseLock("c")
        self.claim("builder lock", self.a, party=holder)
        self.claim("both", self.a, self.b)
        for number in range(PASSES):
            self.claim(f"y{number}", self.b)
            self.release(self.b, f"y{number}")
        self.claim("other's lock", third, party=other)
        self.assertFalse(self.claim("other's step", self.b, party=other))
        self.assertFalse(self.claim("step lock", third, party=holder))
        self.assertEqual(self.b.owners(), ("other's step",))

    def test_whoHoldsIt(self) -> None:
        """F9: a waiting build shows the locks, and who has them or for whom they are reserved."""
        self.claim("full/13", self.a)
        self.claim("both/2", self.a, self.b)
        self.assertEqual(whyWaiting(self.waiting(self.a, "both/2")), "lock a, held by full/13")
        for number in range(PASSES):
            self.claim(f"y/{number}", self.b)
            self.release(self.b, f"y/{number}")
        self.claim("z/1", self.b)
        self.assertEqual(whyWaiting(self.waiting(self.b, "z/1")), "lock b, kept for both/2")

    def test_manyHolders(self) -> None:
        """If a lock has many holders, the first three are named."""
        lock = BaseLock("cpu", 5)
        for number in range(5):
            self.claim(f"full/{number}", lock)
        self.claim("late", lock)
        why = whyWaiting(self.waiting(lock, "late"))
        self.assertEqual(why, "lock cpu, held by full/0, full/1, full/2 and 2 more")

    def test_circle(self) -> None:
        """F9: two builds that wait for each other are named; if one is stopped, the other one goes on."""
        one, other = Party("one/1"), Party("other/2")
        self.claim("one", self.a, party=one)
        self.claim("other", self.b, party=other)
        self.claim("one's step", self.b, party=one)
        self.assertEqual(circle(self.waiting(self.b, "one's step")), [])
        self.claim("other's step", self.a, party=other)
        second = self.waiting(self.a, "other's step")
        self.assertEqual({each.title for each in circle(second)}, {"one/1", "other/2"})
        self.assertIn("wait for each other: stop one of them", whyWaiting(second))
        self.release(self.a, "other's step")
        self.release(self.b, "other")
        self.assertEqual(self.got[-1], "one's step")
