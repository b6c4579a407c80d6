"""Events are handed to a function, which may answer at once, later, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.outgoing.target import TargetDown
from buildbot.webhooks.pushcall import PATIENCE, PushCall, Waiting


class Pusher:
    """I have a function, which notes the events that it takes."""

    def __init__(self) -> None:
        self.queue = Waiting()
        self.got: list[Any] = []
        self.answer: Any = None
        self.count: int | None = None
        self.serverPushCb: Callable[[Any], Any] = self.take

    def take(self, pusher: Any) -> Any:
        """Take events, and answer as the test says."""
        self.got += self.queue.popChunk(self.count)
        return self.answer() if callable(self.answer) else self.answer


class CallTests(unittest.SynchronousTestCase):
    """See L{PushCall}."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.pusher = Pusher()
        self.call = PushCall(self.pusher, self.clock)

    def deliver(self) -> Deferred[None]:
        """Deliver three events."""
        return self.call.deliver({"body": json.dumps([1, 2, 3])})

    def test_later(self) -> None:
        """A function may return a Deferred."""
        done: Deferred[None] = Deferred()
        self.pusher.answer = done
        delivery = self.deliver()
        self.assertNoResult(delivery)
        done.callback(None)
        self.successResultOf(delivery)
        self.assertEqual(self.pusher.got, [1, 2, 3])

    def test_told(self) -> None:
        """A function may say that it is done, at once or later; then the rest is handed over."""
        self.pusher.answer, self.pusher.count = self.call.taken, 2
        self.successResultOf(self.deliver())
        self.assertEqual(self.pusher.got, [1, 2, 3])
        self.pusher.answer = None
        delivery = self.deliver()
        for _ in range(2):
            self.assertNoResult(delivery)
            self.call.taken()
        self.successResultOf(delivery)

    def test_silent(self) -> None:
        """A function that says nothing has a while for its events."""
        delivery = self.deliver()
        self.assertNoResult(delivery)
        self.clock.advance(PATIENCE)
        self.successResultOf(delivery)
        self.call.taken()

    def test_fails(self) -> None:
        """A function that fails, or leaves the events, gets them again later."""
        self.pusher.answer = lambda: fail(ValueError("canary"))
        down = self.failureResultOf(self.deliver(), TargetDown).value
        self.assertNotIn("canary", str(down))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

        def back() -> None:
            self.pusher.queue.insertBackChunk([1, 2, 3])
            self.call.taken()

        self.pusher.answer = back
        self.failureResultOf(self.deliver(), TargetDown)
        self.assertEqual(self.pusher.queue.items(), [1, 2, 3])
        self.call.rest()
