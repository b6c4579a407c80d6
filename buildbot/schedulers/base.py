# -*- test-case-name: tests.unit.schedulers -*-
"""
What all schedulers share: a life, and state that outlives the process.

A scheduler holds a L{ChangeFeed}, a L{SavedState} and its L{Submissions}. The state is stored together with
each build set, and else now and then. Changes that came after the stored state are in the store and are taken
again: so a crash between two writes loses nothing.

The schedulers beside this module decide when to build.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.arguments import arguments, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import NAME
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.model.change import Change
from buildbot.model.records import BuildsetRecord
from buildbot.process.buildset import BuildSet
from buildbot.schedulers.changefeed import ChangeFeed
from buildbot.schedulers.savedstate import SavedState
from buildbot.schedulers.submissions import Submissions
from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import RETRY_AFTER

log = Logger()

#: The longest that a timer is trusted, in seconds: a machine may sleep, or its clock be corrected, meanwhile.
LONGEST_SLEEP = 3600.0


@implementer(interfaces.IScheduler, interfaces.ISchedulerStatus)
class BaseScheduler(service.MultiService, ComparableMixin):
    """
    I am a scheduler that never builds: derive from me.

    A subclass overrides C{addChange} and calls C{submit} when it is time to build.  If it has state that must
    outlive the process, it overrides C{toRecord} and C{restore}, and calls C{changed}.

    @ivar name: of the scheduler; my state is stored under it.
    @ivar engine: the L{buildbot.slaves.botmaster.BotMaster} of my master, once I was started.
    """

    compare_attrs: Sequence[str] = ("name",)

    #: Whether a build may serve several of the sets that I submit. Schedulers of this package say True.
    mergeRequests = False

    name: str
    engine: Any = None
    _starting: Deferred[None] | None = None
    _generation: object = None
    _configAtStart: object = None
    _isReady = False
    # Made by each start:
    _state: SavedState | None = None
    _feed: ChangeFeed | None = None
    _submissions: Submissions | None = None

    @arguments(name=NAME)
    def __init__(self, name: str) -> None:
        service.MultiService.__init__(self)
        remember(self)
        self.name = name
        self._alarms: list[Alarm] = []
        self._retry = self.newAlarm(lambda: self._logged(self._start()))

    def _compared(self) -> dict[str, object]:
        """Leave out methods of mine, such as a C{fileIsImportant}: to compare one is to compare me again."""
        values = super()._compared()
        return {key: value for key, value in values.items() if getattr(value, "__self__", None) is not self}

    # for subclasses

    def addChange(self, change: Any) -> None:
        """
        Somebody committed something.  Called once for each Change, in the order of their numbers, also
        for those that came while the master was down.
        """

    def listBuilderNames(self) -> list[str]:
        """The builders that I may ever start."""
        return []

    def getPendingBuildTimes(self) -> list[float]:
        """When I shall submit builds, if nothing more happens."""
        return []

    def getName(self) -> str:
        """The name that the configuration gives."""
        return self.name

    def getPendingBuildsets(self) -> list[Any]:
        """The L{BuildSetStatus} of each set that I shall submit, if nothing more happens."""
        return []

    def submit(self, bs: BuildSet) -> None:
        """
        Have builds done.

        A set that cannot be stored is tried again until it can; sets are stored in the order of the calls.
        The present answer of C{toRecord} is stored with the set, at once or not at all.  A missing builder
        has a minute to come; then the others build without it.
        """
        if bs.scheduler is None:
            bs.scheduler = self.name
        if bs.mergeRequests is None:
            bs.mergeRequests = self.mergeRequests
        if self._submissions is None or self._state is None:
            log.error(
                "scheduler {name} submitted builds before it was started: they are lost", name=self.name
            )
            return
        state = {self._state.key: self._record()} if self._isReady else {}
        self._submissions.add(bs, state).addCallbacks(self._stored, self._notStored)

    def submitted(self, record: BuildsetRecord) -> None:
        """A build set of mine is stored."""

    def toRecord(self) -> dict[str, Any]:
        """My state, which outlives the process, as JSON can hold it.  The key C{seen} is mine."""
        return {}

    def restore(self, record: Mapping[str, Any]) -> None:
        """
        Take over the stored state; called at each start.

        @param record: the last answer of C{toRecord} of the scheduler of this name, which may have been of
            another class or configured in another way.  Empty if the name is new.  If this method raises,
            the record is put aside, and the method is called again with an empty one.
        """

    async def catchUp(self) -> None:
        """Read from the store what has happened since the state was stored; called after C{restore}.

        May raise StoreFailed: then the start is tried again.
        """

    def restored(self) -> None:
        """State and changes are up to date: set timers."""

    def changed(self) -> None:
        """The answer of C{toRecord} has changed: it is stored soon."""
        if self._isReady and self._state is not None:
            self._state.changed()

    def now(self) -> float:
        """The time on the wall, in seconds since the epoch: for calendars and for times that people see."""
        now: float = self.engine.now()
        return now

    def steady(self) -> float:
        """The time on a clock that nobody sets: for durations."""
        steady: float = self.engine.clock.seconds()
        return steady

    def toWall(self, steady: float) -> float:
        """A time of L{steady} as a time of L{now}."""
        return self.now() + steady - self.steady()

    def fromWall(self, when: float) -> float:
        """A stored time of L{now} as one of L{steady}; a time in the future counts as the present."""
        return min(when - self.now(), 0.0) + self.steady()

    def newAlarm(self, call: Callable[[], object]) -> Alarm:
        """An alarm that is stopped when I am."""
        alarm = Alarm(call)
        self._alarms.append(alarm)
        return alarm

    # start and stop

    def setServiceParent(self, parent: Any) -> Deferred[None] | None:
        """
        Belong to the master.

        @return: if the master runs, fires when my state is restored; or when the store could not be read now.
        """
        super().setServiceParent(parent)
        return self._starting if self.running else None

    def startService(self) -> None:
        """See L{setServiceParent}."""
        self.engine = self._findEngine()
        service.MultiService.startService(self)
        self._generation = object()  # coroutines of an earlier start compare this token and return
        self._configAtStart = self.engine.config  # mine comes into force when all of it has started
        self._isReady = False
        store, clock = self.engine.store, self.engine.clock
        master: Any = self.parent
        submissions = Submissions(
            self, lambda bs: master.submitBuildSet(bs), clock, lambda: self.engine.builders
        )
        self._submissions = submissions
        self._state = SavedState(self.name, store, clock, self._record, lambda: bool(submissions))
        self._feed = ChangeFeed(self, store, clock)
        self._starting = self._start()

    def disownServiceParent(self) -> Any:
        """Belong to nobody: I build nothing more, even if C{stopService} of a subclass fails."""
        try:
            return super().disownServiceParent()
        finally:
            self.cease()

    def cease(self) -> None:
        """Do nothing more on my own.  May be called again."""
        self._generation, self._isReady = None, False
        for alarm in self._alarms:
            alarm.stop()
        for part in (self._feed, self._submissions, self._state):
            if part is not None:
                part.stop()

    def stopService(self) -> Deferred[Any]:
        """
        Stop.

        @return: fires when my state is stored.
        """
        saving = self._state.flush() if self._state is not None else None
        self.cease()
        stopping: Any = service.MultiService.stopService(self)
        return DeferredList([stopping, saving or succeed(None)])

    def _findEngine(self) -> Any:
        parent: Any = self.parent
        engine = getattr(parent, "botmaster", None)
        if engine is None:
            part = f"scheduler {self.name} is a part of {type(parent).__name__} {parent.name!r}"
            raise TypeError(f"{part}, where it gets no changes: put it into c['schedulers']")
        return engine

    def _start(self) -> Deferred[None]:
        assert self._state is not None and self._feed is not None
        return ensureDeferred(self._restoreAll(self._generation, self._state, self._feed))

    async def _restoreAll(self, generation: object, state: SavedState, feed: ChangeFeed) -> None:
        """Restore the state, then take all changes that came since."""
        try:
            record = await state.load()
            newest = await self.engine.store.getChanges(1)
            if generation is not self._generation:
                return
            last = newest[0].number if newest else 0
            known = record if isinstance(record, dict) else {}
            seen = known.get("seen")
            feed.seen = min(seen, last) if isinstance(seen, int) else last
            if not self._couldRestore(record, known, state):
                await state.putAside(record)
                record = None
                if generation is not self._generation:
                    return
            await self.catchUp()
            if record is None and generation is self._generation:
                # Store the starting point, so a restart does not replay older changes to a new scheduler.
                await state.save()
        except StoreFailed as failed:
            if generation is self._generation:
                self.storeFails(failed)
                self._retry.set(self.engine.clock, RETRY_AFTER)
            return
        if generation is self._generation:
            self._isReady = True
            if self._watches:
                await feed.catchUp(isStart=True)
        if generation is self._generation:
            self.restored()

    def _couldRestore(self, record: object, known: Mapping[str, Any], state: SavedState) -> bool:
        """
        Whether the stored state makes sense, or there is none.

        If it makes no sense I begin as a new scheduler does, but changes that were seen stay seen.
        """
        try:
            if record is not None and not isinstance(record, dict):
                raise TypeError(f"{type(record).__name__} where dict belongs")
            self.restore(known)
        except PLUGIN_ERRORS as error:
            if record is None:
                raise  # the scheduler itself is broken
            log.error(
                "the stored state of scheduler {name} cannot be read ({error}), so it starts afresh;"
                " the old state is kept as {key}",
                **{"name": self.name, "error": repr(error), "key": state.unreadableKey},
            )
            self.restore({})
            return False
        return True

    def _record(self) -> dict[str, Any]:
        seen = {"seen": self._feed.seen} if self._feed is not None and self._watches else {}
        return {**seen, **self.toRecord()}

    def _logged(self, work: Coroutine[Any, Any, object] | Deferred[Any]) -> None:
        """Run a coroutine, and log its failure."""
        ensureDeferred(work).addErrback(self._failed)

    def _failed(self, why: Failure) -> None:
        log.failure("scheduler {name} failed", why, name=self.name)

    # what my parts tell and ask

    @property
    def _watches(self) -> bool:
        """Whether I do anything with changes."""
        return getattr(self.addChange, "__func__", None) is not BaseScheduler.addChange

    def changeAdded(self, change: Change) -> None:
        """
        The master has stored a Change.

        It may call me out of order, twice, or not at all: I call C{addChange} once for each Change, in order.
        """
        if self._isReady and self._watches and self._feed is not None:
            self._feed.changeAdded(change)  # before I am ready: it is in the store, where I shall find it

    def storeFails(self, reason: object) -> None:
        """Something of mine waits for the store, or for the configuration."""
        log.warn(
            "scheduler {name} cannot store its state, and waits: {reason}", name=self.name, reason=reason
        )

    def isToCome(self, builderName: str) -> bool:
        """Whether a builder is in my configuration, which is not in force yet: another plug-in is slow."""
        if self.engine.config is not self._configAtStart:
            return False
        try:
            return builderName in self.listBuilderNames()
        except PLUGIN_ERRORS:  # of a subclass, which could tell before
            return False

    def _stored(self, record: BuildsetRecord | None) -> None:
        if record is None:  # it can never be stored
            self.changed()
            return
        try:
            self.submitted(record)
        except PLUGIN_ERRORS:  # of a subclass: the sets after this one are not concerned
            log.failure(
                "scheduler {name} failed at the end of its build set {number}",
                name=self.name,
                number=record.id,
            )

    def _notStored(self, why: Failure) -> None:
        why.trap(StoreFailed)  # I was stopped before it was submitted
        self.storeFails(why.value)
