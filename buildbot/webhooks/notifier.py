# -*- test-case-name: tests.stories.test_webhook -*-
"""Webhook of C{c['status']}: posts events of builds and slaves to a web server, as JSON.

The headers are those of the specification Standard Webhooks, so that its libraries check the signature.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger

from buildbot import version
from buildbot.config.arguments import Kind, arguments, complain, remember
from buildbot.config.kinds import PASSWORD, TEXT, isText, orNone, sequenceOf
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.coroutines import returnsDeferred
from buildbot.events.turns import Turns
from buildbot.mails.argumentkinds import NAMES_OR_ONE
from buildbot.mails.deciding import BROKEN, NEUTRAL
from buildbot.mails.outages import Outages
from buildbot.outgoing.sender import Sender
from buildbot.status.base import StatusReceiverMultiService
from buildbot.status.build import BuildStatus
from buildbot.status.report import reportBuild
from buildbot.store.interface import StoreFailed
from buildbot.text.urls import struck
from buildbot.webhooks.http import Address, HttpTarget
from buildbot.webhooks.signature import keyOf

log = Logger()

#: The types of events.
EVENTS = ("build.started", "build.finished", "builder.broken", "builder.fixed", "slave.lost", "slave.back")
#: Seconds that a stop waits for events that are being queued.
PATIENCE = 5.0


def _isUrl(value: object) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) and isText(value) else None
        return (
            parts is not None
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and value.isascii()  # type: ignore[attr-defined]  # it is a text
            and not any(char.isspace() for char in value)  # type: ignore[attr-defined]
        )
    except ValueError:
        return False


_URL = Kind(
    "an address that begins with https:// or http://", _isUrl, isSecret=True, standIn="http://localhost/"
)
_EVENTS = Kind(
    f"a list of events: {', '.join(EVENTS)}", sequenceOf(lambda each: each in EVENTS), standIn=EVENTS
)


class Webhook(StatusReceiverMultiService):
    """I post a message for each event."""

    compare_attrs: Sequence[str] = ("address", "events", "builders", "categories")

    @arguments(
        url=_URL,
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
        StatusReceiverMultiService.__init__(self)
        remember(self)
        self.address = Address(url, secret, caFile)
        self.events = tuple(events)
        self.builders = [builders] if isinstance(builders, str) else builders
        self.categories = [categories] if isinstance(categories, str) else categories
        self._turns = Turns()
        if secret is not None and isinstance(secret, str):
            try:
                keyOf(secret)
            except ValueError as why:
                complain(self, f": secret: {why}", "secret", None)

    def __repr__(self) -> str:
        return f"<Webhook: {self.address.name}>"

    # start and stop

    def startService(self) -> None:
        """Listen to the master."""
        super().startService()
        resources = self.master.botmaster.resources
        self._status: Any = self.master.getStatus()
        self._outages = Outages(self._status.fetchBuilds)
        self._target = HttpTarget(
            self.address, resources.clock, lambda: float(resources.now()), f"buildbot/{version}"
        )
        self._sender.use(self._target)
        self._status.subscribe(self)

    @property
    def _sender(self) -> Sender:
        found: Sender = self.master.outgoing.sender(self.address.name)
        return found

    @returnsDeferred
    async def stopService(self) -> None:
        """Stop listening. Events that are being queued are kept first."""
        self._status.unsubscribe(self)
        end = self._turns.acquire()
        end.addTimeout(PATIENCE, self.master.botmaster.resources.clock)
        try:
            await end
            self._turns.release()
        except PLUGIN_ERRORS:
            log.warn("an event takes too long to queue, and is lost")
        self._sender.release(self._target)
        await maybeDeferred(super().stopService)

    # events

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Follow a builder, if it is one of mine."""
        if self.builders is not None and builderName not in self.builders:
            return None
        tags = (builder.category, *builder.getTags())
        if self.categories is not None and set(self.categories).isdisjoint(tags):
            return None
        return self

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Tell the start of a build."""
        self._tell("build.started", build, build.started)

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Tell the end of a build, and whether its builder broke or is good again."""
        self._tell("build.finished", build, build.finished)
        if results not in NEUTRAL and not {"builder.broken", "builder.fixed"}.isdisjoint(self.events):
            self._inTurn(self._tellChange(build, results))

    async def _tellChange(self, build: BuildStatus, results: int) -> None:
        try:
            before = await self._outages.before(build)
        except StoreFailed as why:
            log.warn("cannot read the build before: {why}", why=why.reason)
            return
        wasBroken = before is not None and before.getResults() in BROKEN
        if (results in BROKEN) != wasBroken:
            event = "builder.broken" if results in BROKEN else "builder.fixed"
            if event in self.events:
                await self._queueBuild(event, build, build.finished or 0.0)

    def slaveConnected(self, slaveName: str) -> None:
        """Tell that a slave is there."""
        self._tellSlave("slave.back", slaveName)

    def slaveDisconnected(self, slaveName: str) -> None:
        """Tell that a slave is lost."""
        self._tellSlave("slave.lost", slaveName)

    def _tell(self, event: str, build: Any, when: float) -> None:
        if event in self.events:
            self._inTurn(self._queueBuild(event, build, when))

    def _tellSlave(self, event: str, name: str) -> None:
        if event in self.events:
            when = self.master.botmaster.resources.now()
            url = self._status.getURLForThing(self._status.getSlave(name))
            data = {"slave": name, "url": url}
            self._inTurn(self._queue(event, f"{event}.{when:.6f}.{name}", when, data, f"slave {name}"))

    def _inTurn(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do some work after all earlier work."""

        async def working() -> None:
            async with self._turns:
                await work

        ensureDeferred(working()).addErrback(lambda why: log.failure("an event cannot be queued", why))

    async def _queueBuild(self, event: str, build: BuildStatus, when: float) -> None:
        name = build.getBuilder().getName()
        said = reportBuild(build.toRecord().toRecord())
        data = {**said, "url": self._status.getURLForThing(build), "users": build.getResponsibleUsers()}
        id = f"{event}.{build.number}.{int(build.started):x}.{name}"
        await self._queue(event, id, when, data, f"{name} #{build.number}", name)

    async def _queue(
        self, event: str, id: str, when: float, data: dict[str, Any], subject: str, group: str = ""
    ) -> None:
        project = self._status.getProjectName()
        body = json.dumps(
            {
                "type": event,
                "timestamp": datetime.fromtimestamp(when, timezone.utc).isoformat(),
                "project": project,
                "data": struck(data),
            }
        )
        plainId = "".join(
            char if char.isascii() and char.isprintable() and char != " " else "-" for char in id
        )
        await self._sender.add(
            plainId[:200], {"id": plainId[:200], "body": body}, f"{event} {subject}", group
        )
