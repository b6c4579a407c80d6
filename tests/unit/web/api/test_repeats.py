"""Tests of buildbot.web.api.repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, fail
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.model.audit import KeptAnswer
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.web.api import repeats
from buildbot.web.api.repeats import Repeats
from buildbot.web.call import Answer, Call, Problem


class Kept(MemoryStore):
    """A store that can be told to fail."""

    isBroken = False

    def keepAnswer(self, name: str, kept: KeptAnswer, now: float) -> Deferred[None]:
        """See L{MemoryStore}."""
        return fail(StoreFailed("disk is full")) if self.isBroken else super().keepAnswer(name, kept, now)


class World:
    """The clock and the store of a master."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.now = self.clock.seconds
        self.store = Kept()
        self.store.open()


class RepeatsTests(unittest.SynchronousTestCase):
    """An action that is sent again is done once."""

    def setUp(self) -> None:
        self.world: Any = World()
        self.repeats = Repeats()
        self.done = 0

    def once(self, key: str = "k", body: bytes = b"b") -> Deferred[Answer]:
        """Send an action with a key."""
        unused: Any = None
        call = Call(self.world, unused, headers={"idempotency-key": key} if key else {}, body=body)
        return ensureDeferred(self.repeats.once(call, self.act))

    async def act(self) -> Answer:
        """The action."""
        self.done += 1
        return Answer(b"%d" % self.done)

    def test_again(self) -> None:
        """The first answer is given again for a day; without a key the action is done again."""
        self.assertEqual([self.successResultOf(self.once()).body for _ in range(3)], [b"1"] * 3)
        self.assertEqual([self.successResultOf(self.once("")).body for _ in range(2)], [b"2", b"3"])
        self.world.clock.advance(repeats.KEPT + 1)
        self.assertEqual(self.successResultOf(self.once()).body, b"4")

    def test_refused(self) -> None:
        """A key of another action, and one that is too long, are refused."""
        self.successResultOf(self.once())
        self.assertEqual(self.failureResultOf(self.once(body=b"x"), Problem).value.status, 422)
        self.assertEqual(self.failureResultOf(self.once("k" * 1000), Problem).value.status, 400)

    def test_goesOn(self) -> None:
        """While the first one goes on, the second one is told to come back; one that failed is done again."""
        waits: Deferred[None] = Deferred()

        async def slow() -> Answer:
            await waits
            raise ValueError("no")

        unused: Any = None
        call = Call(self.world, unused, headers={"idempotency-key": "k"}, body=b"b")
        first = ensureDeferred(self.repeats.once(call, slow))
        self.assertEqual(self.failureResultOf(self.once(), Problem).value.status, 409)
        waits.callback(None)
        self.failureResultOf(first, ValueError)
        self.assertEqual(self.successResultOf(self.once()).body, b"1")

    def test_gone(self) -> None:
        """The answer is kept for a client that went away while its action went on."""
        first, waits = self.slowly()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.failureResultOf(self.once(), Problem).value.status, 409)
        waits.callback(None)
        self.assertEqual(self.successResultOf(self.once()).body, b"1")

    def test_most(self) -> None:
        """The answers in memory are limited; the oldest one is still in the store."""
        self.repeats = Repeats(2 * repeats.EACH + 2)
        for key in ("a", "b", "c"):
            self.successResultOf(self.once(key))
        self.assertEqual(self.successResultOf(self.once("c")).body, b"3")
        self.assertEqual(self.successResultOf(self.once("a")).body, b"1")

    def test_restart(self) -> None:
        """After a restart, an action that is sent again is not done again, and its key fits no other one."""
        first = self.successResultOf(self.once())
        self.repeats = Repeats()
        again = self.successResultOf(self.once())
        self.assertEqual((again.body, again.status, again.type), (first.body, first.status, first.type))
        self.repeats = Repeats()
        self.assertEqual(self.failureResultOf(self.once(body=b"x"), Problem).value.status, 422)

    def test_crash(self) -> None:
        """The master dies while it acts: later, nobody is told that the action was done, or was not done."""
        self.begin()
        self.repeats = Repeats()
        for _ in range(2):
            problem = self.failureResultOf(self.once(), Problem).value
            self.assertEqual(problem.status, 409)
            self.assertIn("The master stopped before it could answer", problem.detail)
            self.assertIn("with a new key", problem.hint)
        self.assertEqual(self.done, 0)
        self.assertEqual(self.failureResultOf(self.once(body=b"x"), Problem).value.status, 422)
        self.assertEqual(self.successResultOf(self.once("other")).body, b"1")
        self.world.clock.advance(repeats.KEPT + 1)
        self.assertEqual(self.successResultOf(self.once()).body, b"2")

    def test_failed(self) -> None:
        """An action that has failed is done again, also after a restart."""
        self.begin().errback(ValueError("no"))
        self.repeats = Repeats()
        self.assertEqual(self.successResultOf(self.once()).body, b"1")

    def test_crowd(self) -> None:
        """An action that goes on is not forgotten, whatever else is done meanwhile."""
        self.repeats = Repeats(repeats.EACH)
        waits = self.begin()
        for number in range(5):
            self.successResultOf(self.once(str(number)))
        self.world.clock.advance(repeats.KEPT + 1)
        self.successResultOf(self.once("late"))
        self.assertEqual(self.failureResultOf(self.once(), Problem).value.status, 409)
        waits.callback(None)
        self.assertEqual(self.successResultOf(self.once()).body, b"7")
        self.assertEqual(self.done, 7)

    def test_damaged(self) -> None:
        """A stored answer that is damaged is no answer, and no reason to act again."""
        whole: dict[str, Any] = {"body": "b", "type": "text/plain", "status": 202, "headers": []}
        wrong: list[dict[str, Any]] = [
            *({name: value for name, value in whole.items() if name != lost} for lost in whole),
            *({**whole, name: None} for name in whole),
        ]
        self.successResultOf(self.once())
        for values in wrong:
            self.store(values)
            problem = self.failureResultOf(self.once(), Problem).value
            self.assertEqual((problem.status, self.done), (409, 1), values)
            self.assertIn("The stored answer to it is damaged", problem.detail)
        self.store({**whole, "headers": [["a"], 7, ["b", "c"]]})
        self.assertEqual(self.successResultOf(self.once()).headers, (("b", "c"),))

    def store(self, values: dict[str, Any]) -> None:
        """Replace the stored answer to the only action, and forget what is in memory."""
        answers: Any = self.world.store._actions._answers
        ((name, (kept, _)),) = answers.items()
        self.successResultOf(self.world.store.keepAnswer(name, replace(kept, answer=values), 0.0))
        self.repeats = Repeats()

    def slowly(self) -> tuple[Deferred[Answer], Deferred[None]]:
        """Send an action that goes on until the second Deferred fires; the first one has its answer."""
        waits: Deferred[None] = Deferred()

        async def slow() -> Answer:
            await waits
            return await self.act()

        unused: Any = None
        call = Call(self.world, unused, headers={"idempotency-key": "k"}, body=b"b")
        return ensureDeferred(self.repeats.once(call, slow)), waits

    def begin(self) -> Deferred[None]:
        """Send an action that goes on until the returned Deferred fires."""
        answer, waits = self.slowly()
        answer.addErrback(lambda why: why.trap(ValueError))
        return waits

    def test_brokenStore(self) -> None:
        """If the answer cannot be stored, the action is done, and its answer is in memory."""
        self.world.store.isBroken = True
        self.assertEqual([self.successResultOf(self.once()).body for _ in range(2)], [b"1", b"1"])

    def test_brokenMeanwhile(self) -> None:
        """An action that fails together with the store is done again when the store works again."""
        waits = self.begin()
        self.world.store.isBroken = True
        waits.errback(ValueError("no"))
        self.world.store.isBroken = False
        self.assertEqual([self.successResultOf(self.once()).body for _ in range(2)], [b"1", b"1"])
        self.repeats = Repeats()
        self.assertEqual(self.successResultOf(self.once()).body, b"1")
