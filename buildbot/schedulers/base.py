# -*- test-case-name: tests.unit.schedulers -*-
"""
What all schedulers share: each Change is taken once, and what they wait for outlives the process.

The store holds what a scheduler knew when it last submitted builds, or somewhat later.  What came
after that is in the store as well, as Changes: taken again they lead to the same.  So nothing is lost
between two writes, and a Change is written down as taken in the same instant as the builds of it.

When it is time to build is for the schedulers beside this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from buildbot.schedulers.taking import MOST_STARTS, Taking
from buildbot.store.interface import UNREADABLE, StoreFailed

log = Logger()

#: Seconds after which what the store refused is tried again.
RETRY_AFTER = 10.0
#: The same, for builders that the configuration names but that are not there: they come when it is in force.
BUILDERS_AFTER = 1.0
#: Seconds after which one that has not come is no longer waited for.
BUILDERS_WITHIN = 60.0
#: The longest that a timer is trusted, in seconds: clocks on the wall are put right, machines sleep.
LONGEST_SLEEP = 3600.0
#: Seconds within which what a scheduler knows is written down, if nothing is submitted meanwhile.
SAVE_WITHIN = 10.0


@implementer(interfaces.IScheduler, interfaces.ISchedulerStatus)
class BaseScheduler(service.MultiService, ComparableMixin):
    """
    I am a scheduler that never builds: derive from me.

    A subclass overrides C{addChange}, and calls C{submit} when it is time.  One that knows more than
    that it has to build overrides C{toRecord} and C{restore}, and calls C{changed}.

    @ivar name: of the scheduler; what I know is kept under it, for whoever has it next.
    @ivar engine: the L{buildbot.slaves.botmaster.BotMaster} of my master, once I was started.
    """

    compare_attrs: Sequence[str] = ("name",)

    #: Whether a build may serve several of the sets that I submit. Schedulers of this package say True.
    mergeRequests = False

    name: str
    engine: Any = None
    _begun: Deferred[None] | None = None
    _generation: object = None
    _configAtStart: object = None
    _isReady = False
    _seen = 0

    @arguments(name=NAME)
    def __init__(self, name: str) -> None:
        service.MultiService.__init__(self)
        remember(self)
        self.name = name
        self._alarms: list[Alarm] = []
        self._retry = self.newAlarm(self._goOnLoading)
        self._resend = self.newAlarm(self._goOnSending)
        self._save = self.newAlarm(self._saveNow)
        self._outbox: list[tuple[BuildSet, dict[str, Any] | None]] = []
        self._missed: dict[str, float] = {}  # builder -> since when it is waited for, by the clock of timers
        self._isSending = self._isLooking = False

    def _compared(self) -> dict[str, object]:
        """What my class says need not be said again; and a method of mine, compared, would compare me."""
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
        """What the configuration calls me."""
        return self.name

    def getPendingBuildsets(self) -> list[Any]:
        """The L{BuildSetStatus} of each set that I shall submit, if nothing more happens."""
        return []

    def submit(self, bs: BuildSet) -> None:
        """
        Have builds done.

        If they cannot be kept, that is tried again until they can, in the order of the calls.  What
        C{toRecord} says now will be known exactly if they are.  A builder that is not there has a minute to
        come; then the others build without it.
        """
        if bs.scheduler is None:
            bs.scheduler = self.name
        if bs.mergeRequests is None:
            bs.mergeRequests = self.mergeRequests
        self._outbox.append((bs, self._record() if self._isReady else None))
        if not self._isSending:
            self._goOnSending()

    def submitted(self, record: BuildsetRecord) -> None:
        """A set of builds that I wanted is on disk."""

    def toRecord(self) -> dict[str, Any]:
        """What must outlive the process, as JSON can hold it.  C{seen} is mine."""
        return {}

    def restore(self, record: Mapping[str, Any]) -> None:
        """
        I am started.

        @param record: what C{toRecord} of the scheduler of this name said last; it may have been of another
            class, or configured in another way.  Empty if the name is new.  If this raises, it is called
            again with an empty one, and the record is put out of the way.
        """

    async def catchUp(self) -> None:
        """I am started, and know what there was: read what else there is to know.  May raise StoreFailed."""

    def restored(self) -> None:
        """All is known: set timers."""

    def changed(self) -> None:
        """What C{toRecord} says has changed."""
        if self._isReady and not self._save.isSet:
            self._save.set(self.engine.clock, SAVE_WITHIN)

    def now(self) -> float:
        """The time on the wall, in seconds since the epoch: for calendars, and for what is kept or shown."""
        now: float = self.engine.now()
        return now

    def steady(self) -> float:
        """The same on a clock that nobody sets: for whatever lasts."""
        steady: float = self.engine.clock.seconds()
        return steady

    def toWall(self, steady: float) -> float:
        """A time of L{steady}, as L{now} would have it."""
        return self.now() + steady - self.steady()

    def fromWall(self, when: float) -> float:
        """The same, back; but nothing that was kept has happened later than now."""
        return min(when - self.now(), 0.0) + self.steady()

    # life

    def setServiceParent(self, parent: Any) -> Deferred[None] | None:
        """
        Belong to the master.

        @return: if it runs, fires when I know all that the one before me knew; or when that could not be
            read just now.
        """
        super().setServiceParent(parent)
        return self._begun if self.running else None

    def startService(self) -> None:
        """See L{setServiceParent}."""
        self.engine = self._findEngine()
        service.MultiService.startService(self)
        self._generation = object()  # coroutines of an earlier start compare this token and return
        self._configAtStart = self.engine.config  # mine comes into force when everything in it has started
        self._outbox, self._missed = [], {}
        self._isSending = self._isLooking = self._isReady = False
        self._begun = ensureDeferred(self._begin(self._generation))

    def newAlarm(self, call: Callable[[], object]) -> Alarm:
        """An alarm that is stopped when I am."""
        alarm = Alarm(call)
        self._alarms.append(alarm)
        return alarm

    def disownServiceParent(self) -> Any:
        """Belong to nobody: I build nothing more, even if C{stopService} of a subclass fails."""
        try:
            return super().disownServiceParent()
        finally:
            self.cease()

    def cease(self) -> None:
        """Do nothing more by myself.  May be called again."""
        self._generation, self._isReady = None, False
        for alarm in self._alarms:
            alarm.stop()

    def stopService(self) -> Deferred[Any]:
        """
        Wait for nothing more.

        @return: fires when what I know is written down.
        """
        saving = self._saveNow() if self._save.isSet else None
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

    @property
    def _key(self) -> str:
        return f"scheduler/{self.name}"

    @property
    def _watches(self) -> bool:
        """Whether Changes mean anything to me."""
        return type(self).addChange is not BaseScheduler.addChange

    async def _begin(self, generation: object) -> None:
        store = self.engine.store
        try:
            record = await store.getState(self._key)
            newest = await store.getChanges(1)
            if generation is not self._generation:
                return
            last = newest[0].number if newest else 0
            known = record if isinstance(record, dict) else {}
            seen = known.get("seen")
            self._seen = min(seen, last) if isinstance(seen, int) else last
            if not self._couldRestore(record, known):
                await store.setState(f"{UNREADABLE}/{self._key}", record)
                record = None
                if generation is not self._generation:
                    return
            await self.catchUp()
            if record is None and generation is self._generation:
                # From now on means from now on, also for the process after this one.
                await store.setState(self._key, self._record())
        except StoreFailed as failed:
            if generation is self._generation:
                self._trouble(failed)
                self._retry.set(self.engine.clock, RETRY_AFTER)
            return
        if generation is self._generation:
            self._isReady = True
            await self._look(isStart=True)
        if generation is self._generation:
            self.restored()

    def _couldRestore(self, record: Any, known: Mapping[str, Any]) -> bool:
        """
        Whether what was kept makes sense, or there is none.

        If not, I begin as if my name were new, but for the Changes that I have seen: those stay seen.
        """
        try:
            if record is not None and not isinstance(record, dict):
                raise TypeError(f"{type(record).__name__} where dict belongs")
            self.restore(known)
        except PLUGIN_ERRORS as error:
            if record is None:
                raise  # it is not the disk's fault
            log.error(
                "the stored state of scheduler {name} cannot be read ({error}), so it starts afresh;"
                " the old state is kept as {key}",
                **{"name": self.name, "error": repr(error), "key": f"{UNREADABLE}/{self._key}"},
            )
            self.restore({})
            return False
        return True

    def _goOnLoading(self) -> None:
        self._logged(self._look() if self._isReady else self._begin(self._generation))

    def _logged(self, work: Any) -> None:
        ensureDeferred(work).addErrback(
            lambda why: log.failure("scheduler {name} failed", why, name=self.name)
        )

    def _trouble(self, reason: object) -> None:
        log.warn(
            "scheduler {name} cannot store its state, and waits: {reason}", name=self.name, reason=reason
        )

    # Changes

    def changeAdded(self, change: Change) -> None:
        """
        The master has stored a Change.

        It may call me out of order, twice, or not at all: I call C{addChange} once for each Change, in order.
        """
        if not self._isReady or not self._watches or (self._isLooking and change.number is not None):
            return  # I shall see it: it was in the store before anybody could tell of it
        if change.number is None or change.number == self._seen + 1:
            self._take(change)
        elif change.number > self._seen:
            self._logged(self._look())

    async def _look(self, isStart: bool = False) -> None:
        """
        Take all Changes in the store that I have not seen.

        @param isStart: they may be among those that the last process has not survived.
        """
        if self._isLooking or not self._watches:
            return
        generation = self._generation
        self._isLooking = True
        try:
            while True:
                changes = await self.engine.store.getChangesAfter(self._seen)
                if generation is not self._generation or not changes:
                    return
                if isStart:
                    await self._takeAtStart(changes, generation)
                    continue
                for change in changes:
                    self._take(change)
        except StoreFailed as failed:
            if generation is self._generation:
                self._trouble(failed)
                self._retry.set(self.engine.clock, RETRY_AFTER)
        finally:
            if generation is self._generation:
                self._isLooking = False

    async def _takeAtStart(self, changes: Sequence[Change], generation: object) -> None:
        """Take Changes, counting on disk before that how often that was begun. May raise StoreFailed."""
        store, key = self.engine.store, f"taking/{self.name}"
        taking = Taking(await store.getState(key), [change.number or 0 for change in changes])
        groups = [[change] for change in changes] if taking.isSuspicious else [list(changes)]
        for group in groups:
            if generation is not self._generation:
                return
            numbers = [change.number or 0 for change in group]
            if taking.isHopeless(numbers[0]):
                self._leaveOut(numbers[0])
            else:
                taking.begin(numbers)
                await store.setState(key, taking.toRecord())
                if generation is not self._generation:
                    return
                for change in group:
                    self._take(change)
            for number in numbers:
                taking.taken(number)
        await store.setState(key, taking.toRecord())

    def _leaveOut(self, number: int) -> None:
        self._seen = number
        self.changed()
        log.error(
            "scheduler {name} leaves change {number} out: the master was killed or crashed in each of {count}"
            " starts while it took that change",
            **{"name": self.name, "number": number, "count": MOST_STARTS},
        )

    def _take(self, change: Change) -> None:
        if change.number is not None:
            self._seen = change.number
        try:
            self.addChange(change)
        except PLUGIN_ERRORS:
            log.failure(
                "scheduler {name} failed to take change {number}", name=self.name, number=change.number
            )
        self.changed()

    # what is kept

    def _record(self) -> dict[str, Any]:
        return {**({"seen": self._seen} if self._watches else {}), **self.toRecord()}

    def _saveNow(self) -> Deferred[None] | None:
        if self._outbox:
            # The disk must not say that I have done what is not done.
            self._save.set(self.engine.clock, SAVE_WITHIN)
            return None
        saving: Deferred[None] = self.engine.store.setState(self._key, self._record())
        return saving.addErrback(self._unsaved)

    def _unsaved(self, why: Failure) -> None:
        why.trap(StoreFailed)
        self.changed()

    def _goOnSending(self) -> None:
        self._isSending = True
        self._logged(self._send(self._generation, self.parent))

    async def _send(self, generation: object, master: Any) -> None:
        """Submit what waits in the outbox, the oldest first, each with what I knew when it came there."""
        while self._outbox:
            bs, record = self._outbox[0]
            if record is not None:
                bs.state = {**bs.state, self._key: record}
            stored: BuildsetRecord | None = None
            try:
                stored = await master.submitBuildSet(bs)
            except StoreFailed as failed:
                if generation is self._generation:
                    self._trouble(failed)
                    self._resend.set(self.engine.clock, RETRY_AFTER)
                return
            except KeyError:
                if generation is not self._generation:
                    return
                if self._waitsFor(bs):
                    self._resend.set(self.engine.clock, BUILDERS_AFTER)
                    return
                if bs.builderNames:
                    continue
            except PLUGIN_ERRORS:
                log.failure("scheduler {name} submitted a build set that cannot be built", name=self.name)
            if generation is not self._generation:
                return
            self._outbox.pop(0)
            if stored is None:
                self.changed()
            else:
                for name in bs.builderNames:
                    self._missed.pop(name, None)
                self._tellSubmitted(stored)
        self._isSending, self._missed = False, {}

    def _waitsFor(self, bs: BuildSet) -> bool:
        """Whether builders of a set may still come; those that have had their time are taken out of it."""
        now: float = self.engine.clock.seconds()
        missing = [name for name in bs.builderNames if name not in self.engine.builders] or bs.builderNames
        told = ", ".join(map(repr, missing))
        if any(name not in self._missed and not self._isToCome(name) for name in missing):
            self._trouble(f"there is no builder {told} yet")
        for name in missing:
            self._missed[name] = now if self._isToCome(name) else self._missed.get(name, now)
        if any(now < self._missed[name] + BUILDERS_WITHIN for name in missing):
            return True
        bs.builderNames = [name for name in bs.builderNames if name not in missing]
        log.error(
            "scheduler {name}: there is no builder {missing}; set {reason!r} is built on {others}",
            **{"name": self.name, "missing": told, "reason": bs.reason},
            others=", ".join(map(repr, bs.builderNames)) or "none",
        )
        return False

    def _isToCome(self, name: str) -> bool:
        """Whether it is in my configuration, and that is not in force yet: another plug-in takes its time."""
        if self.engine.config is not self._configAtStart:
            return False
        try:
            return name in self.listBuilderNames()
        except PLUGIN_ERRORS:  # of a subclass, which was asked before: so it does not know now
            return False

    def _tellSubmitted(self, record: BuildsetRecord) -> None:
        try:
            self.submitted(record)
        except PLUGIN_ERRORS:  # of a subclass: what waits in the outbox is not concerned
            log.failure(
                "scheduler {name} failed at the end of its build set {number}",
                name=self.name,
                number=record.id,
            )
