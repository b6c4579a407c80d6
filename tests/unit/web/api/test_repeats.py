"""Tests of buildbot.web.api.repeats."""

from __future__ import annotations

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
        waits: Deferred[None] = Deferred()

        async def slow() -> Answer:
            await waits
            return await self.act()

        unused: Any = None
        call = Call(self.world, unused, headers={"idempotency-key": "k"}, body=b"b")
        first = ensureDeferred(self.repeats.once(call, slow))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.failureResultOf(self.once(), Problem).value.status, 409)
        waits.callback(None)
        self.assertEqual(self.successResultOf(self.once()).body, b"1")

    def test_most(self) -> None:
        """The answers in memory are limited; the oldest one is still in the store."""
        self.patch(repeats, "MOST", 2)
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

    def test_brokenStore(self) -> None:
        """If the answer cannot be stored, the action is done, and its answer is in memory."""
        self.world.store.isBroken = True
        self.assertEqual([self.successResultOf(self.once()).body for _ in range(2)], [b"1", b"1"])
