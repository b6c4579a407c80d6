# -*- test-case-name: tests.stories.test_webhook -*-
"""The base of status targets that post messages about builds to a web server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from buildbot import version
from buildbot.events.coroutines import returnsDeferred
from buildbot.outgoing.sender import Sender
from buildbot.reporters.choice import isChosen
from buildbot.reporters.outages import Outages
from buildbot.reporters.work import Work
from buildbot.status.base import StatusReceiverMultiService
from buildbot.webhooks.http import Address, HttpTarget

log = Logger()


class PostingReceiver(StatusReceiverMultiService):
    """I follow some builders, and have the sender of messages to one address.

    @ivar status: the status of the master; from the start on.
    @ivar outages: finds the build before another one; from the start on.
    @ivar work: queues the messages, in the order of the events.
    """

    status: Any

    def __init__(
        self,
        address: Address,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
    ) -> None:
        """@param builders: only these builders.
        @param categories: only builders with one of these as category or tag.
        """
        StatusReceiverMultiService.__init__(self)
        self.address = address
        self.builders = [builders] if isinstance(builders, str) else builders
        self.categories = [categories] if isinstance(categories, str) else categories
        self.work = Work("an event cannot be queued")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.address.name}>"

    # start and stop

    def startService(self) -> None:
        """Listen to the master."""
        super().startService()
        resources = self.master.botmaster.resources
        self.status = self.master.getStatus()
        self.outages = Outages(self.status.fetchBuilds)
        self._target = HttpTarget(
            self.address, resources.clock, lambda: float(resources.now()), f"buildbot/{version}"
        )
        self.sender.use(self._target)
        self.status.subscribe(self)

    @property
    def sender(self) -> Sender:
        """The queue for my address. It stays over a reconfig."""
        found: Sender = self.master.outgoing.sender(self.address.name)
        return found

    @returnsDeferred
    async def stopService(self) -> None:
        """Stop listening. Events that are being queued are kept first."""
        clock = self.master.botmaster.resources.clock
        isDone = await self.work.isDone(clock)  # builds may end meanwhile, and no successor listens yet
        self.status.unsubscribe(self)
        if not (isDone and await self.work.isDone(clock)):
            log.warn("an event takes too long to queue, and is lost")
        self.sender.release(self._target)
        await maybeDeferred(super().stopService)

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Follow a builder, if it is one of mine."""
        return self if isChosen(builder, self.builders, self.categories) else None
