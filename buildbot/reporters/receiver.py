# -*- test-case-name: tests.stories.test_webhook -*-
"""The base of status targets that queue messages about builds for one server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.coroutines import returnsDeferred
from buildbot.model.records import BuildsetRecord
from buildbot.model.results import RETRY
from buildbot.outgoing.sender import Sender
from buildbot.outgoing.target import Target
from buildbot.reporters.choice import isChosen
from buildbot.reporters.ends import Ends
from buildbot.reporters.mark import Mark
from buildbot.reporters.outages import Outages
from buildbot.reporters.work import PATIENCE, Work
from buildbot.status.base import StatusReceiverMultiService
from buildbot.status.build import BuildStatus

log = Logger()

#: The most builds of a builder that get a late message after a kill.
MOST_LATE = 1000
#: So many messages that no build has ended are remembered before those on disk are forgotten.
MOST_UNENDED = 100


class QueueingReceiver(StatusReceiverMultiService):
    """I follow some builders, and have the sender of messages to one target.

    A subclass overrides L{queueName}, L{newTarget} and L{tell}. I call L{tell} for each build that has ended,
    also for those that ended just before an earlier process was killed, and L{tellSet} for each build set.

    @ivar status: the status of the master; from the start on.
    @ivar outages: finds the build before another one; from the start on.
    @ivar mark: knows which builds were told; from the start on.
    @ivar work: queues the messages, in the order of the events.
    @ivar tellsBuilds: True to tell builds; C{tellsSets}: to tell build sets, when all builds have ended.
    @cvar tellsApart: the attributes that tell two receivers of one target apart, if they are text, lists or
        dicts. Each of such two queues its own message about a build.
    """

    status: Any
    tellsBuilds = True
    tellsSets = False
    tellsApart: Sequence[str] = ("builders", "categories")

    def __init__(
        self, builders: Sequence[str] | str | None = None, categories: Sequence[str] | str | None = None
    ) -> None:
        """@param builders: only these builders.
        @param categories: only builders with one of these as category or tag.
        """
        StatusReceiverMultiService.__init__(self)
        self.builders = [builders] if isinstance(builders, str) else builders
        self.categories = [categories] if isinstance(categories, str) else categories
        self.work = Work("an event cannot be queued")
        self._queued: list[Deferred[None]] = []
        self._last: Deferred[Any] | None = None

    # what subclasses override

    @property
    def queueName(self) -> str:
        """The name of the target for people, without secrets; it names the queue in the store, too."""
        raise NotImplementedError

    def newTarget(self) -> Target:
        """The target of the messages."""
        raise NotImplementedError

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Queue the messages about a build that has ended. Called in turn."""
        raise NotImplementedError

    async def tellSet(self, buildset: BuildsetRecord, builds: list[BuildStatus]) -> None:
        """Queue the messages about a build set that has ended. Called in turn.

        @param builds: those of my builders; there is at least one.
        """
        raise NotImplementedError

    # start and stop

    def startService(self) -> None:
        """Listen to the master."""
        super().startService()
        resources = self.master.botmaster.resources
        self.status = self.master.getStatus()
        self.outages = Outages(self.status.fetchBuilds)
        self._target = self.newTarget()
        self.sender.use(self._target)
        given = [getattr(self, name, None) for name in self.tellsApart]
        told = [each for each in given if isinstance(each, (str, list, tuple, dict))]
        own = sha256(repr((type(self).__name__, self.queueName, told)).encode("utf-8", "replace")).hexdigest()
        self._own = own[:8]
        self.mark = Mark(resources.store, own[:16])
        begin = self.tellsBuilds, self.tellsSets, MOST_LATE
        self._ends = Ends(self, self.mark, *begin, whenQueued=lambda: self._last or succeed(None))
        self._ends.begin()

    @property
    def sender(self) -> Sender:
        """The queue for my target. It stays over a reconfig."""
        found: Sender = self.master.outgoing.sender(self.queueName)
        return found

    @returnsDeferred
    async def stopService(self) -> None:
        """Stop listening. Events that are being queued are kept first."""
        if not await self._ends.end():
            log.warn("an event takes too long to queue; it may be told after the next start")
        await self._whenKept()
        await self.mark.keep()
        self.sender.release(self._target)
        await maybeDeferred(super().stopService)

    async def _whenKept(self) -> None:
        """Wait until the messages are on disk, but not for ever."""
        if self._last is not None:
            kept: Deferred[None] = Deferred()
            self._last.addBoth(_fire, kept)
            kept.addTimeout(PATIENCE, self.master.botmaster.resources.clock)
            try:
                await kept
            except PLUGIN_ERRORS:
                log.warn("the store takes too long to keep a message")

    # events

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Follow each builder: a later reconfig may give it another category."""
        return self._ends.following

    def follows(self, builder: Any) -> bool:
        """True if I follow a builder; C{builder} is its status."""
        return isChosen(builder, self.builders, self.categories)

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Tell the end of a build."""
        self._ends.buildEnded(build, results)

    async def told(self, build: BuildStatus, results: int) -> None:
        """Tell the end of a build."""
        try:
            await self.tell(build, results)
        except PLUGIN_ERRORS:  # it is not tried again at each start
            log.failure("build {number} cannot be told", number=build.number)
        self.note([build])

    async def toldSet(self, buildset: BuildsetRecord, mine: list[BuildStatus]) -> None:
        """Tell the end of a build set. Builds that were begun anew are left out."""
        builds = [each for each in mine if each.getResults() != RETRY]
        if builds:
            try:
                await self.tellSet(buildset, builds)
            except PLUGIN_ERRORS:
                log.failure("build set {id} cannot be told", id=buildset.id)
            self.note(builds)

    def note(self, builds: Sequence[BuildStatus]) -> None:
        """When the messages that are queued by now are on disk, these builds are not told again."""
        queued, self._queued = self._queued, []
        last = self._last = DeferredList(queued, consumeErrors=True)
        last.addCallback(lambda kept: self._looked(builds, [isKept for isKept, _ in kept]))

    def _looked(self, builds: Sequence[BuildStatus], areKept: Sequence[bool]) -> None:
        if builds and all(areKept):
            for build in builds:
                self.mark.looked(build)
            self.mark.keepSoon()

    def enqueue(self, id: str, message: Mapping[str, Any], subject: str, group: str = "") -> None:
        """Queue a message; see L{Sender.add}. It does not wait for the disk, so that many events are fast.

        @param id: unique among my messages; others for the same target may have the same.
        """
        if len(self._queued) >= MOST_UNENDED:
            self._queued = [each for each in self._queued if not each.called]
        self._queued.append(self.sender.add(f"{id}.{self._own}", message, subject, group))


def _fire(result: Any, waiting: Deferred[None]) -> None:
    if not waiting.called:  # it was given up
        waiting.callback(None)
