# -*- test-case-name: tests.stories.test_trigger -*-
"""Trigger schedulers for one step of a build, once for each request, and wait for the end of the build sets.

The number of a triggered set is stored in one transaction with the set, under a key of the request. So a
build that starts again after a crash finds the set, and does not trigger it twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.waits import Over, Waits
from buildbot.store.interface import TRIGGERED, StoreFailed
from buildbot.store.outbox import untilKept

if TYPE_CHECKING:
    from buildbot.process.seams import BuildForStep

log = Logger()

_T = TypeVar("_T")

#: Seconds between two looks for a scheduler that a reconfig is replacing.
LOOK_AGAIN = 1.0


class NotTriggered(Exception):
    """A scheduler cannot submit the builds that a step has asked for; the message says why."""


class SchedulerStopped(Exception):
    """A scheduler was stopped before it had stored a build set. Another one may take its place."""


class Triggering:
    """I trigger schedulers for one step of one build. After L{stop}, each of my coroutines raises L{Over}."""

    def __init__(self, build: BuildForStep, step: str) -> None:
        """@param step: the name of the step, which is unique in the build."""
        self._build = build
        self._step = step
        self._waits = Waits(self._late)
        self._isOver = False
        self._places: dict[str, int] = {}
        self._master = build.builder.botmaster

    def stop(self) -> None:
        """Wait for nothing more."""
        self._isOver = True
        self._waits.giveUp()

    async def result(self, work: Awaitable[_T]) -> _T:
        """Wait for a Deferred or a coroutine. Returns its result.

        @raise Over: L{stop} was called.
        """
        waited = work if isinstance(work, Deferred) else ensureDeferred(_awaited(work))
        found: _T = await self._waits.result(waited)
        if self._isOver:
            raise Over()
        return found

    def _late(self, why: Failure) -> None:
        if not why.check(NotTriggered, SchedulerStopped):
            log.failure("step {name} failed after it was interrupted", why, name=self._step)

    async def trigger(
        self, scheduler: str, source: SourceStamp | None, properties: Mapping[str, Any]
    ) -> list[int]:
        """Trigger a scheduler for all requests of the build for which no earlier build has done it.

        The calls for one scheduler are counted: each of them triggers it, and is found again by its place.

        @return: the numbers of the sets to wait for; empty if the scheduler builds later.
        @raise NotTriggered: there is no such scheduler, or it cannot build this.
        """
        place = self._places[scheduler] = self._places.get(scheduler, -1) + 1
        keys = [
            self._key(request.id, scheduler, place)
            for request in self._build.requests
            if request.id is not None
        ]
        while True:
            known = [await self._read(partial(self._master.resources.store.getState, key)) for key in keys]
            missing = [key for key, number in zip(keys, known, strict=True) if number is None]
            numbers = {number for number in known if isinstance(number, int) and number}
            if keys and not missing:
                return sorted(numbers)
            try:
                new = await self._triggered(scheduler, source, properties, missing)
            except SchedulerStopped:
                # The stopped scheduler may have stored the set: the key tells.
                await self.result(self._master.resources.sleep(LOOK_AGAIN))
                continue
            return sorted(numbers | ({new.id} if new is not None else set()))

    async def _triggered(
        self, name: str, source: SourceStamp | None, properties: Mapping[str, Any], keys: Sequence[str]
    ) -> BuildsetRecord | None:
        scheduler = self._master.triggerable(name)
        if scheduler is not None:
            return await self.result(scheduler.trigger(source, properties, keys))
        if self._isConfigured(name):
            raise SchedulerStopped()  # a reconfig is replacing it
        raise NotTriggered(_absent([name]))

    def _isConfigured(self, name: str) -> bool:
        schedulers = self._master.config.schedulers
        return any(
            getattr(each, "name", None) == name and callable(getattr(each, "trigger", None))
            for each in schedulers
        )

    async def check(self, schedulers: Iterable[str]) -> None:
        """Make sure that all schedulers exist, before the first one is triggered.

        @raise NotTriggered: one does not exist. Not if an earlier build of a request has begun to trigger.
        """
        names = [name for name in schedulers if self._master.triggerable(name) is None]
        absent = [name for name in names if not self._isConfigured(name)]
        for request in self._build.requests if absent else ():
            prefix = f"{TRIGGERED}{request.id}/{quote(self._step, safe='')}/"
            if await self._read(partial(self._master.resources.store.getStates, prefix)):
                return
        if absent:
            raise NotTriggered(_absent(absent))

    def _key(self, request: int | None, scheduler: str, place: int) -> str:
        names = [quote(each, safe="") for each in (self._step, scheduler)]
        return f"{TRIGGERED}{request}/{'/'.join(names)}/{place}"

    async def _read(self, read: Callable[[], Awaitable[_T]]) -> _T:
        """Read from the store, with retries until that succeeds."""
        sleep = self._master.resources.sleep
        found: Any = await self.result(untilKept(read, sleep, self._storeFails, lambda: self._isOver))
        return cast(_T, found)

    def _storeFails(self, why: StoreFailed) -> None:
        log.warn("step {name} waits for the store: {why}", name=self._step, why=why.reason)

    async def ended(self, numbers: Sequence[int]) -> list[BuildsetRecord]:
        """Wait until these sets are complete, also sets of an earlier process.

        @raise NotTriggered: one is not in the store any more.
        """
        events, ends = self._master.events, _Ends(numbers)
        events.subscribe(ends)
        try:
            for number in numbers:
                record = await self._read(partial(self._master.resources.store.getBuildset, number))
                if record is None:
                    raise NotTriggered(f"build set {number} is not in the store any more")
                ends.buildsetComplete(record)
            await self.result(ends.all)
        finally:
            events.unsubscribe(ends)
        return [ends.records[number] for number in numbers]

    async def built(self, number: int) -> list[BuildRecord]:
        """The last build of each request of a set."""
        return await self._read(partial(self._master.resources.store.getBuildsOf, number))


def _absent(names: Iterable[str]) -> str:
    told = ", ".join(map(repr, names))
    return f"there is no scheduler {told} in c['schedulers'] that a step can trigger"


async def _awaited(work: Awaitable[_T]) -> _T:
    return await work


class _Ends:
    """I collect the records of complete sets.

    @ivar records: number -> record.
    @ivar all: fires when all are complete.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._open = set(numbers)
        self.records: dict[int, BuildsetRecord] = {}
        self.all: Deferred[None] = Deferred()
        self._look()

    def buildsetComplete(self, record: BuildsetRecord) -> None:
        """See L{buildbot.process.buildevents.BuildEvents.subscribe}."""
        if record.id in self._open and record.complete is not None:
            self._open.remove(record.id)
            self.records[record.id] = record
            self._look()

    def _look(self) -> None:
        if not self._open and not self.all.called:
            self.all.callback(None)
