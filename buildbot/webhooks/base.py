# -*- test-case-name: tests.stories.test_webhook -*-
"""The base of status targets that post messages about builds to a web server."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger

from buildbot import version
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.coroutines import returnsDeferred
from buildbot.events.turns import Turns
from buildbot.mails.outages import Outages
from buildbot.outgoing.sender import Sender
from buildbot.status.base import StatusReceiverMultiService
from buildbot.webhooks.http import Address, HttpTarget

log = Logger()

#: Seconds that a stop waits for events that are being queued.
PATIENCE = 5.0


class PostingReceiver(StatusReceiverMultiService):
    """I follow some builders, and have the sender of messages to one address.

    @ivar status: the status of the master; from the start on.
    @ivar outages: finds the build before another one; from the start on.
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
        self._turns = Turns()

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
        found: Sender = self.master.outgoing.sender(self.address.name)
        return found

    @returnsDeferred
    async def stopService(self) -> None:
        """Stop listening. Events that are being queued are kept first."""
        self.status.unsubscribe(self)
        end = self._turns.acquire()
        end.addTimeout(PATIENCE, self.master.botmaster.resources.clock)
        try:
            await end
            self._turns.release()
        except PLUGIN_ERRORS:
            log.warn("an event takes too long to queue, and is lost")
        self.sender.release(self._target)
        await maybeDeferred(super().stopService)

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Follow a builder, if it is one of mine."""
        if self.builders is not None and builderName not in self.builders:
            return None
        tags = (builder.category, *builder.getTags())
        if self.categories is not None and set(self.categories).isdisjoint(tags):
            return None
        return self

    def inTurn(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do some work after all earlier work."""

        async def working() -> None:
            async with self._turns:
                await work

        ensureDeferred(working()).addErrback(lambda why: log.failure("an event cannot be queued", why))
