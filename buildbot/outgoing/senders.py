# -*- test-case-name: tests.unit.outgoing.test_sender -*-
"""The senders of one master, one for each target. They survive a reconfig."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Troubles
from buildbot.outgoing.pacing import KEPT_FOR
from buildbot.outgoing.sender import PREFIX, Sender, entryOf, keyOf
from buildbot.store.interface import IStore, StoreFailed
from buildbot.store.outbox import Outbox

log = Logger()

#: The seconds that a reconfig may take.
_RECONFIG = 60.0


class Shared(Protocol):
    """The resources of the master that senders use."""

    @property
    def clock(self) -> IReactorTime: ...
    @property
    def now(self) -> Callable[[], float]: ...
    @property
    def store(self) -> IStore: ...
    @property
    def troubles(self) -> Troubles: ...


class Senders:
    """I make the sender of each target when it is first asked for."""

    def __init__(self, resources: Shared, chance: Callable[[], float] = random.random) -> None:
        """@param chance: returns a random number from 0 to 1."""
        self._resources = resources
        self._chance = chance
        self._senders: dict[str, Sender] = {}
        self._outbox: Outbox[tuple[str, Any], None] | None = None

    def __iter__(self) -> Any:
        """The senders, in the order of their first use."""
        return iter(self._senders.values())

    def sender(self, name: str) -> Sender:
        """The sender for a target. The store must be open.

        @param name: the name of the target for people, without passwords, and stable over restarts.
        """
        known = self._senders.get(name)
        if known is None:
            resources = self._resources
            known = self._senders[name] = Sender(
                name,
                resources.store,
                self._keep,
                resources.clock,
                lambda: resources.now(),
                self._chance,
                self._healthChanged,
            )
        return known

    async def inherit(self, heir: Sender, kind: str) -> None:
        """Move the messages for addresses that this reconfig has taken out to one that it has added.

        Probably the other one is a correction. What waits for an address that was taken out before stays.

        @param kind: the beginning of the names of senders whose messages it can deliver.
        @raise StoreFailed: some messages stay where they are.
        """
        since = self._resources.now() - _RECONFIG
        for old in [each for each in self if each.name.startswith(kind) and len(each)]:
            if old.left is not None and old.left >= since:
                log.info("{heir} delivers what waits for {old}", heir=heir.name, old=old.name)
                await old.moveTo(heir)

    def _keep(self, key: str, value: Any) -> Deferred[None]:
        if self._outbox is None:
            clock = self._resources.clock
            self._outbox = Outbox(clock, lambda work: self._resources.store.setState(*work))
        return self._outbox.add((key, value))

    def _healthChanged(self, sender: Sender) -> None:
        health, subject = sender.health, sender.name
        if health.isBroken:
            what = "messages cannot be delivered; they wait for a day"
            symptom = Symptom(what, health.reason, health.cure or "check the server and the network")
            self._resources.troubles.report(subject, symptom)
        elif not health.failures:
            self._resources.troubles.clear(subject)

    async def sweep(self) -> None:
        """Delete the messages older than a day for targets that are no longer in the configuration."""
        try:
            kept = await self._resources.store.getStates(PREFIX)
            mine = tuple(keyOf(name, "") for name in self._senders)
            old = self._resources.now() - KEPT_FOR
            for key, value in kept.items():
                entry = entryOf(key, value)
                if (entry is None or entry.queued < old) and not key.startswith(mine):
                    log.warn(
                        "dropped {subject!r}: its target is not in the configuration",
                        subject=key if entry is None else entry.subject,
                    )
                    await self._resources.store.setState(key, None)
        except StoreFailed as why:
            log.warn("cannot look for old messages: {why}", why=why.reason)

    async def stop(self) -> None:
        """End all senders. What waits stays in the store, which must still be open."""
        senders, self._senders = list(self._senders.values()), {}
        await gatherResults([ensureDeferred(each.stop()) for each in senders])
        if self._outbox is not None:
            await self._outbox.finish()

    def toRecords(self) -> list[dict[str, Any]]:
        """The state of each sender, for C{buildbot status}."""
        return [each.toRecord() for each in self]
