# -*- test-case-name: tests.stories.test_webhook -*-
"""Webhook of C{c['status']}: posts events of builds and slaves to a web server, as JSON.

The headers are those of the specification Standard Webhooks, so that its libraries check the signature.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from twisted.logger import Logger

from buildbot.config.arguments import Kind, arguments, complain, remember
from buildbot.config.kinds import NAMES_OR_ONE, PASSWORD, TEXT, orNone, sequenceOf
from buildbot.config.messages import shown
from buildbot.reporters.broken import BROKEN, NEUTRAL
from buildbot.status.build import BuildStatus
from buildbot.status.report import reportBuild
from buildbot.store.interface import StoreFailed
from buildbot.text.idnames import inId
from buildbot.text.urls import struck
from buildbot.webhooks.base import PostingReceiver
from buildbot.webhooks.http import Address
from buildbot.webhooks.signature import keyOf
from buildbot.webhooks.urlkind import URL

log = Logger()

#: The types of events.
EVENTS = ("build.started", "build.finished", "builder.broken", "builder.fixed", "slave.lost", "slave.back")


def _eventsDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return None
    return next((f"{shown(each)} is no event" for each in value if each not in EVENTS), None)


_EVENTS = Kind(
    f"a list of events: {', '.join(EVENTS)}",
    sequenceOf(lambda each: each in EVENTS),
    _eventsDetail,
    standIn=EVENTS,
)


class Webhook(PostingReceiver):
    """I post a message for each event."""

    compare_attrs: Sequence[str] = ("address", "events", "builders", "categories")
    tellsApart = ("builders", "categories", "events")

    @arguments(
        url=URL,
        secret=orNone(PASSWORD),
        events=_EVENTS,
        builders=orNone(NAMES_OR_ONE),
        categories=orNone(NAMES_OR_ONE),
        caFile=orNone(TEXT),
    )
    def __init__(
        self,
        url: str,
        secret: str | None = None,
        events: Sequence[str] = EVENTS,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
        caFile: str | None = None,
    ) -> None:
        """@param url: where the messages are posted; it may have a user and a password.
        @param secret: signs the messages: a text, or bytes in base64 behind C{whsec_}.
        @param events: the types of events to tell.
        @param builders: only the events of these builders.
        @param categories: only the events of builders with one of these as category or tag.
        @param caFile: the file of a certificate to trust.
        """
        PostingReceiver.__init__(self, Address(url, secret, caFile), builders, categories)
        remember(self)
        self.events = tuple(events)
        if secret is not None and isinstance(secret, str):
            try:
                keyOf(secret)
            except ValueError as why:
                complain(self, f": secret: {why}", "secret", None)

    @property
    def postsTo(self) -> tuple[str, str | None]:
        """See L{buildbot.config.optional.Posts}."""
        return self.address.name, self.address.secret

    def withOmitted(self, body: Any, count: int) -> Any:
        """See L{PostingReceiver}."""
        return {**body, "omitted": count}

    # events

    def _tells(self, event: str, builder: Any = None) -> bool:
        """True if I tell an event, and no webhook before me tells it to the same address.

        @param builder: the status of the builder, for events of builds.
        """
        if event not in self.events:
            return False
        for each in self.master.config.status:
            if each is self:
                break
            isAlike = isinstance(each, Webhook) and each.running and each.postsTo == self.postsTo
            if isAlike and event in each.events and (builder is None or each.follows(builder)):
                return False
        return True

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Tell the start of a build."""
        if self._tells("build.started", build.getBuilder()):
            self.work.do(self._queueBuild("build.started", build, build.started))

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Tell the end of a build, and whether its builder broke or is good again."""
        if self._tells("build.finished", build.getBuilder()):
            await self._queueBuild("build.finished", build, build.finished or 0.0)
        if results not in NEUTRAL and not {"builder.broken", "builder.fixed"}.isdisjoint(self.events):
            await self._tellChange(build, results)

    async def _tellChange(self, build: BuildStatus, results: int) -> None:
        try:
            before = await self.outages.before(build)
        except StoreFailed as why:
            log.warn("cannot read the build before: {why}", why=why.reason)
            return
        wasBroken = before is not None and before.getResults() in BROKEN
        if (results in BROKEN) != wasBroken:
            event = "builder.broken" if results in BROKEN else "builder.fixed"
            if self._tells(event, build.getBuilder()):
                await self._queueBuild(event, build, build.finished or 0.0)

    def slaveConnected(self, slaveName: str) -> None:
        """Tell that a slave is there."""
        self._tellSlave("slave.back", slaveName)

    def slaveDisconnected(self, slaveName: str) -> None:
        """Tell that a slave is lost."""
        self._tellSlave("slave.lost", slaveName)

    def _tellSlave(self, event: str, name: str) -> None:
        if self._tells(event):
            when = self.master.botmaster.resources.now()
            url = self.status.getURLForThing(self.status.getSlave(name))
            data = {"slave": name, "url": url}
            id = f"{event}.{when:.6f}.{inId(name, 60)}"
            self.work.do(self._queue(event, id, when, data, f"slave {name}", f"slave {name}"))

    async def _queueBuild(self, event: str, build: BuildStatus, when: float) -> None:
        name = build.getBuilder().getName()
        said = reportBuild(build.toRecord().toRecord())
        data = {**said, "url": self.status.getURLForThing(build), "users": build.getResponsibleUsers()}
        id = f"{event}.{build.number}.{int(build.started):x}.{inId(name, 60)}"
        await self._queue(event, id, when, data, f"{name} #{build.number}", name)

    async def _queue(
        self, event: str, id: str, when: float, data: dict[str, Any], subject: str, group: str = ""
    ) -> None:
        project = self.status.getProjectName()
        body = json.dumps(
            {
                "type": event,
                "timestamp": datetime.fromtimestamp(when, timezone.utc).isoformat(),
                "project": project,
                "data": struck(data),
            }
        )
        self.enqueue(id, {"id": id, "body": body}, f"{event} {subject}", group)
