"""No change is lost or built twice, whatever happens to the master, in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.scheduler import AnyBranchScheduler
from buildbot.store.interface import StoreFailed
from tests.examples import examples
from tests.schedulers import SchedulerCase, isCode

BRANCHES = [None, "b"]


class LossMachine(RuleBasedStateMachine):
    """A master with a slow disk that may be full. It can be killed and reconfigured at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.world = SchedulerCase()
        self.world.setUp()
        self.world.use(self.make())
        self.store = self.world.store
        self.store.lazy = True

    def make(self, timer: float = 20.0, listed: bool = True) -> Any:
        branches = BRANCHES if listed else None
        return AnyBranchScheduler("main", branches, timer, ["full"], fileIsImportant=isCode)

    @property
    def schedulers(self) -> list[Any]:
        return list(self.world.master)

    @rule(
        name=st.sampled_from(["a.c", "README"]),
        branch=st.sampled_from(BRANCHES),
        tells=st.booleans(),
        age=st.sampled_from([0, 5, -50]),
    )
    def commit(self, name: str, branch: str | None, tells: bool, age: int) -> None:
        change = Change("ann", [name], "", when=self.world.clock.seconds() - age, branch=branch)
        adding = ensureDeferred(self.world.master.addChange(change, tells))
        adding.addErrback(lambda why: why.trap(StoreFailed))

    @rule(most=st.integers(1, 4))
    def flush(self, most: int) -> None:
        self.store.flush(most)

    @rule()
    def turn(self) -> None:
        self.store.flush()
        self.world.clock.advance(0)

    @rule(seconds=st.sampled_from([1, 4, 8, 25]))
    def wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule()
    def fill(self) -> None:
        self.store.full = not self.store.full

    @rule(timer=st.sampled_from([0.0, 20.0]), listed=st.booleans())
    def kill(self, timer: float, listed: bool) -> None:
        self.world.kill()
        self.world.start()
        self.make(timer, listed).setServiceParent(self.world.master)

    @precondition(lambda self: self.schedulers)
    @rule(timer=st.sampled_from([0.0, 20.0]), listed=st.booleans())
    def reconfig(self, timer: float, listed: bool) -> None:
        for scheduler in self.schedulers:
            scheduler.disownServiceParent()
        self.make(timer, listed).setServiceParent(self.world.master)

    @invariant()
    def neverTwice(self) -> None:
        lazy, full, self.store.lazy, self.store.full = self.store.lazy, self.store.full, False, False
        built = [number for numbers in self.world.built() for number in numbers]
        self.store.lazy, self.store.full = lazy, full
        assert len(built) == len(set(built)), built

    def teardown(self) -> None:
        self.store.full = False
        for tells in (False, True):  # a change that was not reported is found with the next one
            for branch in BRANCHES:
                self.commit("a.c", branch, tells, 0)
            for _ in range(12):
                self.store.flush()
                self.world.clock.advance(10)
        self.store.flush()
        self.store.lazy = False
        kept = [change.number or 0 for change in self.world.successResultOf(self.store.getChanges(100_000))]
        built = [number for numbers in self.world.built() for number in numbers]
        assert sorted(built) == sorted(kept), (built, kept)
        self.world.tearDown()


class LossTests(unittest.SynchronousTestCase):
    """Random events in any order."""

    def test_loss(self) -> None:
        """P1, P2, P4: each stored change is built exactly once, through kills, full disks and reconfigs."""
        run_state_machine_as_test(
            LossMachine, settings=settings(max_examples=examples(60), stateful_step_count=40, deadline=None)
        )
