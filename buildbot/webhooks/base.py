# -*- test-case-name: tests.stories.test_webhook -*-
"""The base of status targets that post messages about builds to a web server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot import version
from buildbot.reporters.receiver import QueueingReceiver
from buildbot.webhooks.http import Address, HttpTarget


class PostingReceiver(QueueingReceiver):
    """I follow some builders, and queue messages for one address."""

    def __init__(
        self,
        address: Address,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
    ) -> None:
        """@param builders: only these builders.
        @param categories: only builders with one of these as category or tag.
        """
        QueueingReceiver.__init__(self, builders, categories)
        self.address = address

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.address.name}>"

    @property
    def queueName(self) -> str:
        """See L{QueueingReceiver}."""
        return self.address.name

    def newTarget(self) -> HttpTarget:
        """See L{QueueingReceiver}."""
        return httpTargetOf(self.address, self.master.botmaster.resources, self.withOmitted)

    def withOmitted(self, body: Any, count: int) -> Any:
        """The body of a message that also says how many earlier ones had no room, if its shape can."""
        return body


def httpTargetOf(
    address: Address, resources: Any, withOmitted: Callable[[Any, int], Any] = lambda body, count: body
) -> HttpTarget:
    """The target for an address.

    @param resources: of the master: its clock and its time.
    @param withOmitted: see L{HttpTarget}.
    """
    agent = f"buildbot/{version}"
    return HttpTarget(
        address, resources.clock, lambda: float(resources.now()), agent, withOmitted=withOmitted
    )
