# -*- test-case-name: tests.unit.webhooks.test_pushcall -*-
"""Hand queued events to a function of the configuration, as StatusPush of 0.8 does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.outgoing.target import TargetDown

log = Logger()

#: Seconds for a function that neither returns a Deferred nor says that it is done.
PATIENCE = 30.0


class Waiting:
    """I am the events that a function is to take: a list with the methods of the queues of 0.8."""

    def __init__(self, items: list[Any] | None = None) -> None:
        self._items = list(items or ())

    def items(self) -> list[Any]:
        """The events."""
        return list(self._items)

    def nbItems(self) -> int:
        """Their number."""
        return len(self._items)

    def popChunk(self, nbItems: int | None = None) -> list[Any]:
        """Take the first events, or all."""
        count = len(self._items) if nbItems is None else nbItems
        taken, self._items = self._items[:count], self._items[count:]
        return taken

    def insertBackChunk(self, items: list[Any]) -> None:
        """Put events back: they could not be delivered."""
        self._items[:0] = items


class Pusher(Protocol):
    """What has a function and the events for it."""

    queue: Waiting
    serverPushCb: Callable[[Any], Any]


class PushCall:
    """I am the L{Target<buildbot.outgoing.target.Target>} that calls the function.

    A message is a dict with C{body}: a list of events in JSON.
    """

    def __init__(self, pusher: Pusher, clock: IReactorTime) -> None:
        self._pusher, self._clock = pusher, clock
        self._waiting: Deferred[None] | None = None
        self._isTaken = False

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        """See L{Target<buildbot.outgoing.target.Target>}."""
        return ensureDeferred(self._deliver(json.loads(message["body"])))

    async def _deliver(self, events: list[Any]) -> None:
        self._pusher.queue = Waiting(events)
        left = len(events) + 1
        while 0 < self._pusher.queue.nbItems() < left:
            left = self._pusher.queue.nbItems()
            try:
                await self._called()
            except PLUGIN_ERRORS as error:
                log.failure("the function for events failed")
                raise TargetDown(f"the function failed: {type(error).__name__}; see twistd.log") from None
        if self._pusher.queue.nbItems():
            raise TargetDown("the function has left events in the queue")

    async def _called(self) -> None:
        self._isTaken = False
        answer = self._pusher.serverPushCb(self._pusher)
        if isinstance(answer, Deferred):
            await answer
        elif not self._isTaken:
            self._waiting = Deferred()
            self._waiting.addTimeout(PATIENCE, self._clock, onTimeoutCancel=lambda result, seconds: None)
            await self._waiting

    def taken(self) -> None:
        """The function is done."""
        self._isTaken = True
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)

    def rest(self) -> None:
        """See L{Target<buildbot.outgoing.target.Target>}. There is no connection."""
