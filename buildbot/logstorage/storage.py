# -*- test-case-name: tests.unit.logstorage.test_storage -*-
"""The logs of finished builds go into a bucket, one object a build; files on this disk are copies then.

All work with the bucket runs in threads, one piece at a time. What waits is on the disk: the log files
themselves, and the store's list of objects that are to be deleted. So a kill loses nothing.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Troubles
from buildbot.events.alarm import Alarm
from buildbot.logs import mounts
from buildbot.logstorage.bucket import Bucket, StorageAway
from buildbot.logstorage.keys import Name, nameOf, nameOfFile
from buildbot.logstorage.noted import removeNote
from buildbot.logstorage.orphans import PAGE, PAUSE, REST, SEARCHED, Builders, orphansIn
from buildbot.logstorage.pacing import waitAfter
from buildbot.logstorage.parts import Parts
from buildbot.logstorage.s3 import S3
from buildbot.logstorage.spool import MOST, Key, Spool
from buildbot.logstorage.threads import Threads
from buildbot.model.records import BuildRecord
from buildbot.store.interface import IStore, StoreFailed
from buildbot.text.plural import counted

log = Logger()

#: The store's key for the name of this master in the bucket, and the time of its first use.
IDENTITY = "logstorage/identity"
#: The beginning of the store's keys for objects that are to be deleted.
GONE = "logstorage/gone/"
#: Seconds after which the disk or the store is tried again.
_RETRY = 30.0
_SUBJECT = "log storage"


class Shared(Protocol):
    """The resources of the master that the storage uses."""

    @property
    def clock(self) -> IReactorTime: ...
    @property
    def now(self) -> Callable[[], float]: ...
    @property
    def store(self) -> IStore: ...
    @property
    def troubles(self) -> Troubles: ...


class LogStorage:
    """I keep the logs of finished builds in a bucket, while the configuration names one.

    @ivar setup: the bucket of the configuration; None: there is none.
    @ivar stored: the number of builds since the start whose logs were stored.
    """

    def __init__(
        self,
        resources: Shared,
        builders: Collection[str],
        directory: Callable[[], str],
        held: Callable[[str], object] = lambda why: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """@param builders: a live collection of the names of all builders.
        @param directory: returns the directory of logs.
        @param held: called with the reason why no build may start, and with "" when builds may start.
        """
        self._resources = resources
        self._builders = builders
        self._directory = directory
        self._held = held
        self._chance = chance
        self.threads: Threads = Threads(resources.clock)
        self.opener: Callable[[S3], Bucket] = S3.open
        self.setup: S3 | None = None
        self.stored = 0
        self._spool = Spool()
        self._parts: Parts | None = None
        self._gone: dict[str, list[Name]] = {}
        self._ended: dict[Key, tuple[int, float]] = {}  # while the disk is looked at
        self._untried: set[Key] = set()  # their objects are not there
        self._failures = 0
        self._since: float | None = None
        self._reason = self._cure = ""
        self._alarm = Alarm(self._again)
        self._working: Deferred[None] | None = None
        self._isStarted = self._isHolding = self._isLooking = False
        self._sendsFirst = False
        self._isProbed = False
        self._after, self._isSearching = "", False
        self._known = Builders(resources)
        self._search = Alarm(self._searches)
        self._round = 0

    # what the configuration says

    def configure(self, setup: object) -> None:
        """Use a bucket, or none, from now on. Never raises.

        @param setup: an L{S3}, or None.
        """
        old, self.setup = self.setup, setup if isinstance(setup, S3) else None
        if self._isStarted and old != self.setup:
            ensureDeferred(self._begin(old)).addErrback(self._failed)

    async def start(self) -> None:
        """Begin, with the builds of the last process. The store must be open."""
        self._isStarted = True
        self.threads.resume()
        if self.setup is not None:
            try:
                await self._begin(None)
            except Exception:  # a master without its bucket is better than none
                self._failed(Failure())

    def _again(self) -> None:
        """Begin, if that has failed; else go on."""
        if self._parts is None and self.setup is not None and self._isStarted:
            ensureDeferred(self._begin(None)).addErrback(self._failed)
        else:
            self._go()

    async def _begin(self, old: S3 | None) -> None:
        setup, directory = self.setup, self._directory()
        self._round += 1
        mine = self._round
        if setup is None:
            self._end()
            return
        try:
            identity = await self._identity()
            for key, names in (await self._resources.store.getStates(GONE)).items():
                self._gone[key] = [Name(*each) for each in names]
            searched = await self._resources.store.getState(SEARCHED) or {"after": "", "when": 0.0}
        except StoreFailed as why:
            self._later(_RETRY, f"the store fails: {why.reason}")
            return
        if mine != self._round or not self._isStarted:
            return
        if self._parts is None or old is None or old.place != setup.place or self._parts.opened(old, setup):
            parts = Parts(setup, self.opener(setup), identity["id"], directory, self._resources.now)
            mounts.mount(directory, parts.far)
            await self.threads.call(parts.note)
            self._ended, self._isLooking = {}, True
            found = await self.threads.call(partial(parts.look, list(self._builders)))
            if mine != self._round or not self._isStarted:
                return
            self._parts, self._isProbed = parts, False
            self._spool.begin(identity["since"], found)
            self._untried.clear()
            for ended, (size, when) in self._ended.items():  # after the disk was looked at
                self._spool.add(ended, size, when)
        self._parts.copies.most = setup.cacheSize
        await self.threads.call(self._parts.copies.evict)
        if mine != self._round or not self._isStarted:
            return
        self._ended, self._isLooking = {}, False
        self._failures, self._reason = 0, ""
        self._after = searched["after"]
        rest = 0.0 if self._after else searched["when"] + REST - self._resources.now()
        self._search.set(self._resources.clock, min(max(PAUSE, rest), REST))
        self._look()
        self._go()

    async def _identity(self) -> dict[str, Any]:
        """The name of this master in the bucket: a store that was lost gets another one."""
        known: dict[str, Any] | None = await self._resources.store.getState(IDENTITY)
        if known is None:
            known = {"id": uuid.uuid4().hex[:12], "since": self._resources.now()}
            await self._resources.store.setState(IDENTITY, known)
        return known

    def _end(self) -> None:
        """Read and write local files only."""
        self._alarm.stop()
        self._search.stop()
        self._isSearching = False
        self._parts = None
        mounts.unmount(self._directory())
        removeNote(self._directory())
        self._spool.begin(0.0, ())
        self._reason = ""
        self._look()

    async def stop(self) -> None:
        """Stop. What waits is sent by the next process."""
        self._isStarted = False
        self._round += 1
        self._alarm.stop()
        self._search.stop()
        if self._parts is not None:
            mounts.unmount(self._directory())
        self.threads.stop()
        working = self._working
        if working is not None:
            working.cancel()

    # what waits

    def ended(self, build: BuildRecord) -> None:
        """Send the logs of a build, whose end is stored."""
        if self.setup is None or build.number is None:
            return
        size = sum(each.length or 0 for step in build.steps for each in step.logs)
        if any(step.logs for step in build.steps):
            key = build.builder, build.number
            if self._isLooking and len(self._ended) < MOST:
                self._ended[key] = size, self._resources.now()
            self._spool.add(key, size, self._resources.now())
            if key in self._spool and self._parts is not None:
                self._untried.add(key)
            self._look()
            self._go()

    @property
    def hold(self) -> str:
        """Why no build may start; empty if builds may start."""
        limit = self.setup.spoolLimit if self.setup is not None else None
        if limit is None or self._spool.newSize <= limit:
            return ""
        return (
            f"{counted(self._spool.newSize, 'byte')} of logs wait for the object storage, and spoolLimit is"
            f" {limit}"
        )

    def _look(self) -> None:
        """Report how things are, and let builds start when they may again."""
        troubles, hold = self._resources.troubles, self.hold
        if hold:
            cure = self._cure or "wait; or give more room: spoolLimit of c['logStorage']"
            what = "no build starts: too many logs wait for the object storage"
            troubles.report(
                _SUBJECT, Symptom(what, f"{hold}; {self._reason}" if self._reason else hold, cure)
            )
        elif self._reason:
            waits = counted(len(self._spool), "build")
            what = f"the logs of {waits} wait on this disk for the object storage"
            if not self._spool:
                what = "the object storage of logs cannot be used"
            troubles.report(_SUBJECT, Symptom(what, self._reason, self._cure or "it is tried again"))
        else:
            troubles.clear(_SUBJECT)
        if hold or self._isHolding:
            self._isHolding = bool(hold)
            self._held(hold)

    def toRecord(self) -> dict[str, Any] | None:
        """My state for C{buildbot status}: see docs/reference/status; None without a bucket."""
        if self.setup is None:
            return None
        copies = self._parts.copies if self._parts is not None else None
        waiting = self._alarm.waiting if self._alarm.isSet else None
        ahead = None if waiting is None else waiting.getTime() - self._resources.clock.seconds()
        return {
            "place": self.setup.place,
            "waiting": len(self._spool),
            "waitingBytes": self._spool.size,
            "spoolLimit": self.setup.spoolLimit,
            "oldest": self._spool.oldest,
            "removals": sum(map(len, self._gone.values())),
            "stored": self.stored,
            "copies": 0 if copies is None else len(copies),
            "copiesBytes": 0 if copies is None else copies.size,
            "cacheSize": self.setup.cacheSize,
            "failures": self._failures,
            "since": self._since,
            "reason": self._reason,
            "retryAt": None if ahead is None else self._resources.now() + max(0.0, ahead),
            "hold": self.hold,
        }

    # the work

    def _go(self) -> None:
        if self._working is None and self._parts is not None and self._isStarted and not self._alarm.isSet:
            self._working = ensureDeferred(self._work(self._parts))
            self._working.addErrback(self._failed).addBoth(self._rested)

    def _rested(self, result: object) -> None:
        self._working = None
        if self._spool.first() is not None or self._gone or not self._isProbed or self._isSearching:
            self._go()

    def _failed(self, why: Any) -> None:
        """A fault of mine, or the end. Try it again later."""
        if self._isStarted:
            log.failure("storing logs failed", why)
            self._later(_RETRY, f"storing logs failed: {why.value}")

    async def _work(self, parts: Parts) -> None:
        """Send what waits, and delete what is gone, until all is done or something fails."""
        try:
            while self._isStarted and parts is self._parts:
                key = self._spool.first()
                isSent = key is not None and self._sendsFirst
                if not self._isProbed and not isSent:
                    await self.threads.call(parts.probe)
                    self._isProbed = True
                elif self._gone and not isSent:
                    await self._delete(parts)
                elif key is not None:
                    await self._send(parts, key)
                elif self._spool.isCut and self.setup is not None:
                    await self._begin(None)
                    return
                elif self._isSearching:
                    await self._removeOrphans(parts)
                else:
                    break
                self._works()
        except StorageAway as why:
            # A server may refuse only one of them.
            self._sendsFirst = not self._sendsFirst
            if not self._failures:
                self._since = self._resources.now()
                log.warn("logs wait for the object storage: {why}", why=why.strerror)
            self._failures += 1
            self._cure = why.cure
            self._later(waitAfter(self._failures, self._chance()), str(why.strerror))
        except StoreFailed as why:
            self._later(_RETRY, f"the store fails: {why.reason}")

    async def _send(self, parts: Parts, key: Key) -> None:
        build = await self._resources.store.getBuild(*key)
        if build is None or build.finished is None:
            self._spool.remove(key)  # a log without a build: retention removes it
            return
        name = nameOf(*key)
        mayBeThere = key not in self._untried
        self._untried.discard(key)
        try:
            await self.threads.call(partial(parts.send, name, mayBeThere))
        except StorageAway:
            self._spool.last(key)  # a server may refuse only this one
            raise
        except FileNotFoundError:
            log.info("logs of build {name} were removed before they were stored", name=name)
            self._spool.remove(key)
            return
        except OSError as why:
            # The disk of this master; others may be readable.
            log.warn("cannot store the logs of build {name}: {why}", name=name, why=why)
            self._spool.remove(key)
            return
        self.stored += 1
        self._spool.remove(key)

    async def _delete(self, parts: Parts) -> None:
        key, names = next(iter(self._gone.items()))
        await self.threads.call(partial(parts.delete, names))
        await self._resources.store.setState(key, None)
        self._gone.pop(key, None)

    def _works(self) -> None:
        if self._failures:
            log.info("the object storage takes logs again")
        self._failures, self._since, self._reason, self._cure = 0, None, "", ""
        self._look()

    def _later(self, seconds: float, reason: str) -> None:
        self._reason = reason
        if self._isStarted:
            self._alarm.set(self._resources.clock, seconds)
        self._look()

    # objects that nobody knows

    def _searches(self) -> None:
        self._isSearching = True
        self._go()

    async def _removeOrphans(self, parts: Parts) -> None:
        """Look at some objects, and delete those without a build. All other work comes first."""
        store, now = self._resources.store, self._resources.now()
        page = await self.threads.call(partial(parts.page, self._after, PAGE))
        found = await orphansIn(store, self._known, page, now)
        if found and parts is self._parts:
            await self.threads.call(partial(parts.delete, found))
            log.info("deleted {count} objects of builds that are not in the store any more", count=len(found))
        self._after = page[-1].key if len(page) == PAGE else ""
        self._isSearching = False
        await store.setState(SEARCHED, {"after": self._after, "when": now})
        self._search.set(self._resources.clock, PAUSE if self._after else REST)

    # retention

    async def forget(self, filenames: Iterable[str]) -> None:
        """Remove the objects of builds whose logs are removed, now or when the storage can be reached.

        @param filenames: the names of log files, relative to the directory of logs.
        @raise StoreFailed: nothing is noted.
        """
        if self.setup is None:
            return
        names = sorted({name for name in map(nameOfFile, filenames) if name is not None})
        if not names:
            return
        key = f"{GONE}{uuid.uuid4().hex}"
        await self._resources.store.setState(key, [list(each) for each in names])
        self._gone[key] = names
        gone = set(names)
        for waiting in [each for each in self._spool if nameOf(*each) in gone]:
            self._spool.remove(waiting)
        self._look()
        self._go()

    async def usage(self) -> list[tuple[str, int, int, float]]:
        """The objects in the bucket, in the form of L{withStored}. Raises L{StorageAway}."""
        if self._parts is None:
            return []
        found = await self.threads.call(self._parts.list)
        gone = {name for names in self._gone.values() for name in names}
        return [each for each in found if each[:2] not in gone]
