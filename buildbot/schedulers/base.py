# -*- test-case-name: tests.unit.schedulers -*-
"""The base class of schedulers: start and stop, and state that survives a restart.

A scheduler holds a L{ChangeFeed}, a L{SavedState} and its L{Submissions}. The state is stored together with
each build set, and otherwise now and then. Changes that came after the stored state are in the store and are
taken again. So a crash between two writes loses nothing.

The other modules of this folder decide when to build.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, cast

from twisted.application import service
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.arguments import arguments, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import NAME, NAMES, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.model.change import Change
from buildbot.model.properties import Properties
from buildbot.model.records import BuildsetRecord
from buildbot.process.buildset import BuildSet
from buildbot.schedulers import choice
from buildbot.schedulers.changefeed import ChangeFeed
from buildbot.schedulers.oldcalls import Added, OldCalls
from buildbot.schedulers.savedstate import SavedState
from buildbot.schedulers.seams import MasterForSchedulers
from buildbot.schedulers.submissions import Submissions
from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import RETRY_AFTER
from buildbot.store.ownstates import StateMixin

log = Logger()

#: The longest wait of a timer, in seconds: meanwhile, the machine may sleep or its clock may be set.
LONGEST_SLEEP = 3600.0


@implementer(interfaces.IScheduler, interfaces.ISchedulerStatus)
class BaseScheduler(service.MultiService, ComparableMixin, StateMixin):
    """I am a scheduler that never builds: derive from me.

    A subclass overrides C{addChange} and calls C{submit} to start builds. If it has state that must survive a
    restart, it overrides C{toRecord} and C{restore}, and calls C{changed}.

    One that was written for 0.8 gives its builders to C{__init__}, has C{gotChange(change, important)}, calls
    C{startConsumingChanges} when it starts, and C{addBuildsetForChanges} or the like to start builds.

    @ivar name: my name; my state is stored under it.
    @ivar engine: the L{buildbot.slaves.botmaster.BotMaster} of my master, once I was started.
    @ivar master: my master, once I was started.
    @ivar builderNames: the names of my builders, if I was given any.
    """

    compare_attrs: Sequence[str] = ("name", "builderNames", "properties", "codebases")

    #: True if one build may serve several of my build sets. The schedulers of this package set it.
    mergeRequests = False

    name: str
    builderNames: list[str]
    properties: Any
    codebases: Any
    engine: MasterForSchedulers = cast(Any, None)
    master: Any = None
    _starting: Deferred[None] | None = None
    _generation: object = None
    _configAtStart: object = None
    _isReady = False
    # Set by each start:
    _clock: IReactorTime = cast(Any, None)
    _state: SavedState | None = None
    _feed: ChangeFeed | None = None
    _submissions: Submissions | None = None

    @arguments(
        name=NAME,
        builderNames=orNone(NAMES),
        properties=orNone(choice.PROPERTIES),
        codebases=orNone(choice.CODEBASES),
    )
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str] | None = None,
        properties: Mapping[str, Any] | None = None,
        codebases: Any = None,
    ) -> None:
        """@param builderNames, properties, codebases: for a subclass that was written for 0.8."""
        service.MultiService.__init__(self)
        remember(self)
        self.name = name
        if builderNames is not None:
            self.builderNames = list(builderNames)
            self.properties, self.codebases = Properties(properties, "Scheduler"), codebases
        self._calls = OldCalls(self, choice.chosen(properties, codebases=codebases), self._submit)
        self._alarms: list[Alarm] = []
        self._retry = self.newAlarm(lambda: self._logged(self._start()))

    def _compared(self) -> dict[str, object]:
        """Leave out my own methods, such as a C{fileIsImportant}: comparing them would compare me again.

        A subclass with C{compare_attrs} of its own is compared by my arguments, too.
        """
        values = {name: getattr(self, name, None) for name in BaseScheduler.compare_attrs}
        values.update(super()._compared())
        return {key: value for key, value in values.items() if getattr(value, "__self__", None) is not self}

    # for subclasses

    def addChange(self, change: Any) -> None:
        """Take a Change. Called once for each Change, in the order of their numbers, also for those that came
        while the master was down. By default C{gotChange} takes it, if there is one.
        """
        self._calls.take(change)

    def listBuilderNames(self) -> list[str]:
        """Return the names of all builders that I may start."""
        return list(getattr(self, "builderNames", ()))

    def getPendingBuildTimes(self) -> list[float]:
        """Return the times at which I shall submit builds, if no change comes before."""
        return []

    def getName(self) -> str:
        """Return my name from the configuration."""
        return self.name

    def getPendingBuildsets(self) -> list[Any]:
        """Return the L{BuildSetStatus} of each set that I shall submit, if no change comes before."""
        return []

    def submit(self, bs: BuildSet) -> None:
        """Submit a build set.

        If the set cannot be stored, I retry until it can. Sets are stored in the order of the calls. The
        present result of C{toRecord} is stored with the set, in one transaction. If a builder is missing, I
        wait a minute for it; then the set is built without it.
        """
        self._submit(bs)

    def _submit(self, bs: BuildSet) -> Deferred[BuildsetRecord | None]:
        """Submit a build set; see L{submit}.

        @return: fires with the record when the set is stored; with None if it can never be stored. It does
            not fire if I am stopped before that.
        """
        if bs.scheduler is None:
            bs.scheduler = self.name
        if bs.mergeRequests is None:
            bs.mergeRequests = self.mergeRequests
        if self._submissions is None or self._state is None:
            log.error(
                "scheduler {name} submitted builds before it was started: they are lost", name=self.name
            )
            return succeed(None)
        state = {self._state.key: self._record()} if self._isReady else {}
        return self._submissions.add(bs, state).addCallbacks(self._stored, self._notStored)

    def submitted(self, record: BuildsetRecord) -> None:
        """Called when a build set of mine is stored."""

    def toRecord(self) -> dict[str, Any]:
        """Return my state as JSON can hold it. It survives a restart. The key C{seen} is reserved."""
        return {}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore the stored state. Called at each start.

        @param record: the last result of C{toRecord} of the scheduler of this name, which may have had
            another class or configuration. Empty if the name is new. If this method raises, the record is put
            aside, and the method is called again with an empty one.
        """

    async def catchUp(self) -> None:
        """Read the news since the stored state from the store. Called after C{restore}.

        @raise StoreFailed: the start is retried later.
        """

    def restored(self) -> None:
        """Set timers: the state is restored and all changes are taken."""

    def changed(self) -> None:
        """Store the state soon: the result of C{toRecord} has changed."""
        if self._isReady and self._state is not None and not self._state.isDirty:
            self._state.changed()

    def now(self) -> float:
        """The time of the system clock, in seconds since the epoch: for calendars and for times shown to
        people.
        """
        return float(self.engine.resources.now())

    def steady(self) -> float:
        """The time of a clock that cannot be set: for durations."""
        return float(self._clock.seconds())

    def toWall(self, steady: float) -> float:
        """Convert a time of L{steady} to a time of L{now}."""
        return float(self.engine.resources.now() + steady - self._clock.seconds())

    def fromWall(self, when: float) -> float:
        """Convert a stored time of L{now} to a time of L{steady}. A future time becomes the present."""
        return float(min(when - self.engine.resources.now(), 0.0) + self._clock.seconds())

    def newAlarm(self, call: Callable[[], object]) -> Alarm:
        """Create an alarm that is stopped when I am stopped."""
        alarm = Alarm(call)
        self._alarms.append(alarm)
        return alarm

    # for subclasses that were written for 0.8

    def startConsumingChanges(
        self,
        fileIsImportant: Callable[[Change], Any] | None = None,
        change_filter: Any = None,
        onlyImportant: bool = False,
    ) -> Deferred[None]:
        """Ask for changes: C{gotChange} gets them one after the other, also those since the last stop.

        @param change_filter: which changes; None: all.
        @param fileIsImportant: whether a change is important; None: all are.
        @return: has fired.
        """
        self._calls.consume(fileIsImportant, change_filter, onlyImportant)
        return succeed(None)

    def stopConsumingChanges(self) -> Deferred[None]:
        """Ask for no more changes. The Deferred has fired."""
        self._calls.stop()
        return succeed(None)

    def addBuildsetForLatest(self, *where: Any, **said: Any) -> Deferred[Added]:
        """Submit a set for the latest of a branch; see L{addBuildsetForSourceStampDetails}."""
        return self.addBuildsetForSourceStampDetails(*where, **said)

    def addBuildsetForChanges(
        self,
        reason: str = "",
        external_idstring: str | None = None,
        changeids: Sequence[int] = (),
        **said: Any,
    ) -> Deferred[Added]:
        """Submit a set for changes.

        @param changeids: their numbers.
        @param said: C{builderNames}, if not all of mine, and C{properties}.
        @return: fires with the number of the set, and a dictionary of the numbers of its requests by builder,
            when the set is stored; with None and an empty dictionary if it can never be stored. Fails with
            ValueError if there are no such changes, and with StoreFailed.
        """
        said = {**said, "reason": reason, "external_idstring": external_idstring}
        return ensureDeferred(self._calls.forChanges(self.engine.store, changeids, **said))

    def addBuildsetForSourceStampDetails(
        self,
        reason: str = "",
        external_idstring: str | None = None,
        branch: str | None = None,
        repository: str = "",
        project: str = "",
        revision: str | None = None,
        **said: Any,
    ) -> Deferred[Added]:
        """Submit a set for one source; see L{addBuildsetForChanges}."""
        said = {**said, "reason": reason, "external_idstring": external_idstring}
        return ensureDeferred(self._calls.forSource(branch, repository, project, revision, **said))

    def addBuildsetForSourceStampSetDetails(
        self, reason: str, sourcestamps: Mapping[str, Mapping[str, Any]], properties: Any = None, **said: Any
    ) -> Deferred[Added]:
        """Submit a set for the sources of several codebases; see L{addBuildsetForChanges}.

        @param sourcestamps: codebase -> C{repository}, C{branch}, C{revision} and C{project}.
        """
        said = {**said, "reason": reason, "properties": properties}
        return ensureDeferred(self._calls.forSources(sourcestamps, **said))

    # start and stop

    def setServiceParent(self, parent: object) -> Deferred[None] | None:
        """Join the master.

        @return: if the master is running, a Deferred that fires when my state is restored, or when reading
            the store has failed for now.
        """
        super().setServiceParent(parent)
        return self._starting if self.running else None

    def startService(self) -> None:
        """See L{setServiceParent}."""
        self.engine = self._findEngine()
        service.MultiService.startService(self)
        self._generation = object()  # coroutines of an earlier start compare this token and return
        self._configAtStart = self.engine.config  # the new one comes into force when all of it is started
        self._isReady = False
        store, clock = self.engine.store, self.engine.clock
        self._clock = clock
        self.master = self.parent
        self._calls.reset()
        submit = self.master.submitBuildSet
        self._submissions = Submissions(self, submit, clock, lambda: self.engine.builders)
        self._state = SavedState(self.name, store, clock, self._record, self._submissions.outbox.__len__)
        self._feed = ChangeFeed(self, store, clock)
        self._starting = self._start()

    def disownServiceParent(self) -> Any:
        """Leave the master. I submit nothing more, even if C{stopService} of a subclass fails."""
        try:
            return super().disownServiceParent()
        finally:
            self.cease()

    def cease(self) -> None:
        """Stop all timers and all work. May be called again."""
        self._generation, self._isReady = None, False
        for alarm in self._alarms:
            alarm.stop()
        for part in (self._feed, self._submissions, self._state):
            if part is not None:
                part.stop()

    def stopService(self) -> Deferred[Any]:
        """Stop, and store the state.

        @return: fires when the state is stored.
        """
        saving = self._state.flush() if self._state is not None else None
        self.cease()
        stopping: Any = service.MultiService.stopService(self)
        return DeferredList([stopping, saving or succeed(None)])

    def _findEngine(self) -> MasterForSchedulers:
        parent: Any = self.parent
        engine: MasterForSchedulers | None = getattr(parent, "botmaster", None)
        if engine is None:
            part = f"scheduler {self.name} is a part of {type(parent).__name__} {parent.name!r}"
            raise TypeError(f"{part}, and gets no changes there: put it into c['schedulers']")
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
            last = (newest[0].number or 0) if newest else 0
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
        """Restore the state. Return False if it is not valid.

        After an invalid state I start like a new scheduler, but do not take seen changes again.
        """
        try:
            if record is not None and not isinstance(record, dict):
                raise TypeError(f"expected dict, found {type(record).__name__}")
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
        if self._feed is None or not self._watches:
            return self.toRecord()
        seen = self._calls.seen(self._feed.seen) if hasattr(self, "gotChange") else self._feed.seen
        return {"seen": seen, **self.toRecord()}

    def _logged(self, work: Coroutine[Any, Any, object] | Deferred[Any]) -> None:
        """Run a coroutine, and log its failure."""
        ensureDeferred(work).addErrback(self._failed)

    def _failed(self, why: Failure) -> None:
        log.failure("scheduler {name} failed", why, name=self.name)

    # called by my parts

    @property
    def _watches(self) -> bool:
        """True if a subclass overrides C{addChange}, or has C{gotChange}."""
        isOwn = getattr(self.addChange, "__func__", None) is not BaseScheduler.addChange
        return isOwn or hasattr(self, "gotChange")

    def changeAdded(self, change: Change) -> None:
        """Called when the master has stored a Change.

        The calls may be out of order, repeated or missing. I call C{addChange} once for each Change, in
        order.
        """
        if self._isReady and self._watches and self._feed is not None:
            self._feed.changeAdded(change)  # earlier ones are read from the store

    def storeFails(self, reason: object) -> None:
        """Log that the state or a build set waits for the store or for a missing builder."""
        log.warn(
            "scheduler {name} cannot store its state, and waits: {reason}", name=self.name, reason=reason
        )

    def isToCome(self, builderName: str) -> bool:
        """True if my configuration has this builder, but is not in force yet (a plug-in is starting)."""
        if self.engine.config is not self._configAtStart:
            return False
        try:
            return builderName in self.listBuilderNames()
        except PLUGIN_ERRORS:  # of a subclass: assume that it names no builders
            return False

    def _stored(self, record: BuildsetRecord | None) -> BuildsetRecord | None:
        if record is None:  # it can never be stored
            self.changed()
            return None
        try:
            self.submitted(record)
        except PLUGIN_ERRORS:  # of a subclass; later sets are not affected
            log.failure(
                "scheduler {name} failed at the end of its build set {number}",
                name=self.name,
                number=record.id,
            )
        return record

    def _notStored(self, why: Failure) -> BuildsetRecord | None:
        why.trap(StoreFailed)  # I was stopped before the set was stored
        self.storeFails(why.value)
        return None
