"""A master with schedulers and a store that can be killed, and stores that are slow or refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.config.diff import diff
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord
from buildbot.model.results import SUCCESS
from buildbot.scheduler import BaseScheduler, Scheduler
from buildbot.slaves.botmaster import BotMaster
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from tests.slaveport import config

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
#: The start of the tests, in seconds since the epoch.
START = 1_000_000.0


def mainScheduler(timer: float | None = MINUTE, branch: str | None = None, **kw: Any) -> Scheduler:
    """The scheduler of most tests."""
    return Scheduler("main", branch, timer, ["full", "quick"], **kw)


def isCode(change: Change) -> bool:
    """True if a change is important."""
    return any(name.endswith(".c") for name in change.files)


class TestStore(MemoryStore):
    """A store that can fail, and delay its work, as the test says.

    @ivar full: True if the disk is full.
    @ivar lazy: True if work waits for C{flush}. Waiting work is lost when the master is killed.
    @ivar writes: the number of writes.
    """

    __test__ = False
    full = False
    lazy = False
    writes = 0

    def __init__(self) -> None:
        super().__init__()
        self._queue: list[tuple[Callable[..., Any], Deferred[Any]]] = []

    def _read(self, work: Any) -> Any:
        if self.full and not self.lazy:
            return fail(StoreFailed("disk is full"))
        if not self.lazy:
            return super()._read(work)
        done: Deferred[Any] = Deferred()
        self._queue.append((work, done))
        return done

    def _write(self, work: Any, key: object = None, isReplaceable: bool = False) -> Any:
        self.writes += 1
        return super()._write(work, key, isReplaceable)

    def flush(self, most: int = 1_000_000) -> bool:
        """Do the waiting work, or its first piece.

        @return: True if there was any.
        """
        before = most
        while self._queue and most:
            work, done = self._queue.pop(0)
            most -= 1
            if self.full:
                done.errback(StoreFailed("disk is full"))
            else:
                super()._read(work).chainDeferred(done)
        return most < before

    def drop(self) -> None:
        """Drop the waiting work: the process is gone."""
        self._queue = []


class FakeMaster(service.MultiService):
    """The part of a BuildMaster that schedulers use."""

    def __init__(self, clock: Clock, store: TestStore, builders: tuple[str, ...]) -> None:
        super().__init__()
        self.botmaster = BotMaster(clock)
        self.botmaster.store = store
        self.botmaster.now = clock.seconds
        self.store = store
        new = config(builders={name: "bot1" for name in builders})
        self.botmaster.apply(new, diff(self.botmaster.config, new))

    async def addChange(self, change: Change, tells: bool = True) -> Change:
        """Store a change, and notify the schedulers, like BuildMaster; or die before that."""
        stored: Change = await self.store.addChange(change, self.botmaster.now())
        for scheduler in list(self) if tells else ():
            self.botmaster.clock.callLater(0, self._tell, scheduler, stored)
        return stored

    def _tell(self, scheduler: Any, change: Change) -> None:
        scheduler.changeAdded(change)

    async def submitBuildSet(self, bs: Any) -> BuildsetRecord:
        """See L{BotMaster}."""
        return await self.botmaster.submitBuildSet(bs)


class SchedulerCase(unittest.SynchronousTestCase):
    """A master, its schedulers, and the submitted sets."""

    builders: tuple[str, ...] = ("full", "quick", "package")

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.store = TestStore()
        self.store.open()
        self.start()

    def start(self, *schedulers: BaseScheduler) -> None:
        """Start a master with some schedulers."""
        self.master = FakeMaster(self.clock, self.store, self.builders)
        self.master.startService()
        for scheduler in schedulers:
            self.use(scheduler)

    def use(self, scheduler: Any) -> Any:
        """Add a scheduler."""
        self.successResultOf(ensureDeferred(self.takeIn(scheduler)))
        return scheduler

    async def takeIn(self, scheduler: Any) -> None:
        starting = scheduler.setServiceParent(self.master)
        if starting is not None:
            await starting

    def remove(self, scheduler: Any) -> None:
        """Remove the scheduler by a reconfig."""
        self.successResultOf(scheduler.disownServiceParent())

    def replace(self, old: Any, new: Any) -> Any:
        """Replace one scheduler by another in a reconfig."""
        self.remove(old)
        return self.use(new)

    def stop(self) -> None:
        """Stop the master cleanly."""
        self.successResultOf(self.master.stopService())

    def kill(self) -> None:
        """Kill the master."""
        for call in list(self.clock.getDelayedCalls()):
            call.cancel()
        self.store.drop()

    def restart(self, *schedulers: BaseScheduler) -> None:
        """Kill the master, and start it with these schedulers."""
        self.kill()
        self.start(*schedulers)

    def commit(self, *files: str, tells: bool = True, **kw: Any) -> Change:
        """Commit a change now."""
        kw = {"comments": "", "when": self.clock.seconds(), **kw}
        change = Change("ann", files or ("a.c",), **kw)
        stored: Change = self.successResultOf(ensureDeferred(self.master.addChange(change, tells)))
        self.clock.advance(0)
        return stored

    def sets(self) -> list[BuildsetRecord]:
        """The submitted sets, the oldest first."""
        found: list[BuildsetRecord] = []
        while True:
            record = self.successResultOf(self.store.getBuildset(len(found) + 1))
            if record is None:
                return found
            found.append(record)

    def built(self) -> list[list[int]]:
        """The numbers of the changes in each set."""
        return [[change["number"] for change in record.sourcestamp["changes"]] for record in self.sets()]

    def complete(self, number: int, results: int = SUCCESS, tells: bool = True) -> None:
        """End the builds of a set; with C{tells}, the master also notifies the schedulers."""
        engine = self.master.botmaster
        for request in self.successResultOf(self.store.pendingRequests()):
            if request.buildset == number:
                build = self.successResultOf(self.store.startBuild(buildOf(request)))
                over = self.successResultOf(self.store.finishBuild(ended(build, results)))
                if tells:
                    engine.engine.buildsetsComplete(over)
        self.clock.advance(0)

    def tearDown(self) -> None:
        self.store.full = self.store.lazy = False
        self.store.flush()
        if self.master.running:
            self.stop()
        self.assertEqual(
            [call for call in self.clock.getDelayedCalls() if call.getTime() > self.clock.seconds()], []
        )


def buildOf(request: RequestRecord) -> BuildRecord:
    """A build for a request, not started yet."""
    return BuildRecord(request.builder, None, "bot1", (request.id,), START)


def ended(build: BuildRecord, results: int) -> BuildRecord:
    """The build at its end."""
    return replace(build, finished=START + 1, results=results)
