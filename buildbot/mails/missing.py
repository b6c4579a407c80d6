# -*- test-case-name: tests.unit.mails.test_missing -*-
"""Slaves that are missing: who is told, and when.

Each outage has one mail, and one when it is over, also over restarts of the master.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.model import SlaveConfig
from buildbot.events.alarm import Alarm
from buildbot.store.interface import IStore, StoreFailed

log = Logger()

#: The prefix of the keys in the store; the notifier and the slave follow.
PREFIX = "missing/"
#: In place of the notifier: all notifiers of a master share what is known. So a notifier with other arguments
#: knows which slaves its predecessor has lost, and which of them it has told.
SHARED = "all"
#: Seconds after the start of the master before any slave counts as missing: slaves wait up to five minutes
#: before they connect again.
GRACE = 600.0
#: Seconds after a loss until it is stored: most slaves are back earlier.
NOTED_AFTER = 60.0
#: Seconds until the store is tried again.
RETRY_AFTER = 60.0


@dataclass(frozen=True)
class Watch:
    """I say who is told that a slave is missing, and after how many seconds."""

    recipients: tuple[str, ...]
    timeout: float


def watchesOf(
    slaves: Iterable[SlaveConfig],
    tellsOwners: bool,
    names: Container[str],
    others: Sequence[str],
    latent: bool = False,
) -> dict[str, Watch]:
    """Who is told about which slave.

    @param tellsOwners: True if the owners of slaves are told.
    @param names: the slaves about which C{others} are told; "all" is all of them.
    @param latent: True: only latent slaves. False: only others, since latent ones are away whenever no build
        needs them.
    """
    found = {}
    for slave in slaves:
        if (slave.latent is not None) is not latent:
            continue
        owners = slave.notify if tellsOwners else ()
        more = others if slave.name in names or "all" in names else ()
        recipients = tuple(dict.fromkeys(each for each in (*owners, *more) if each))
        if recipients:
            found[slave.name] = Watch(recipients, slave.missing)
    return found


@dataclass
class Absence:
    """I am a slave that is away.

    @ivar lost: since when, in seconds since the epoch.
    @ivar isTold: True if the mail about it is queued.
    @ivar noted: what the store knows: nothing (None), that it is lost (False), that people are told (True).
    """

    lost: float
    isTold: bool = False
    noted: bool | None = None

    def dueAt(self, timeout: float, started: float) -> float:
        """When people are told, if the slave stays away.

        @param started: the start of the master.
        """
        return max(self.lost + timeout, started + GRACE)


class MissingSlaves:
    """I watch the slaves of one notifier.

    The store has a key for each slave that was ever seen: an empty value while the slave is here, and else
    since when it is lost. So a restart neither tells an old loss again, nor forgets a new one.
    """

    def __init__(
        self,
        store: IStore,
        clock: IReactorTime,
        now: Callable[[], float],
        own: str,
        watched: Callable[[], Mapping[str, Watch]],
        isConnected: Callable[[str], bool],
        tell: Callable[[str, float, Watch], Awaitable[None]],
        tellBack: Callable[[str, float, Watch], Awaitable[None]],
    ) -> None:
        """@param now: returns the time, in seconds since the epoch.
        @param own: names the notifier in the store.
        @param watched: returns who is told about which slave.
        @param isConnected: returns True if a slave is connected.
        @param tell: sends the mail about a slave, lost since a time; fires when the mail is on disk.
        @param tellBack: the same about a slave that is back, after people were told that it is missing.
        """
        self._store, self._clock, self._now = store, clock, now
        self._prefix = f"{PREFIX}{own}/"
        self._watched, self._isConnected = watched, isConnected
        self._tell, self._tellBack = tell, tellBack
        self._started = now()
        self._seen: set[str] = set()
        self._absent: dict[str, Absence] = {}
        self._back: set[str] = set()  # the slaves that are here again, until the store has that
        self._alarm = Alarm(self._look)
        self._isReady = self._isLooking = self._isStopped = False

    def start(self) -> None:
        """Read what is known from an earlier process, and begin to watch."""
        if self._watched():
            self._do(self._load())

    def stop(self) -> None:
        """End. The store keeps what is known."""
        self._isStopped = True
        self._alarm.stop()

    def connected(self, name: str) -> None:
        """A slave has connected."""
        if self._isReady and name in self._watched():
            self._do(self._isHere(name))

    def lost(self, name: str) -> None:
        """A slave has been lost."""
        if self._isReady and name in self._watched() and name not in self._absent:
            self._absent[name] = Absence(self._now())
            self._arm()

    def reconfigured(self) -> None:
        """Other slaves may be watched now."""
        if self._isReady:
            self._begin()
        elif not self._isStopped:
            self.start()

    def _do(self, work: Any) -> None:
        ensureDeferred(work).addErrback(self._failed)

    def _failed(self, why: Any) -> None:
        if why.check(StoreFailed):
            log.warn("cannot store which slaves are missing: {why}", why=why.value.reason)
            if not self._isStopped:
                self._alarm.set(self._clock, RETRY_AFTER)
        else:
            log.failure("cannot send a mail about a missing slave", why)

    async def _load(self) -> None:
        kept = await self._store.getStates(self._prefix)
        for key, value in kept.items():
            name = key.removeprefix(self._prefix)
            self._seen.add(name)
            if value.get("lost") is not None:
                self._absent[name] = Absence(value["lost"], bool(value["told"]), bool(value["told"]))
        self._isReady = True
        self._begin()

    def _begin(self) -> None:
        """Compare what is known with the slaves that are connected."""
        watched = self._watched()
        for name in list(self._absent):
            if name not in watched:
                del self._absent[name]
        for name in watched:
            if self._isConnected(name):
                self._do(self._isHere(name))
            elif name in self._seen and name not in self._absent:
                self._absent[name] = Absence(self._now())
        self._arm()

    async def _isHere(self, name: str) -> None:
        absence = self._absent.pop(name, None)
        if name not in self._seen or (absence is not None and absence.noted is not None):
            self._seen.add(name)
            self._back.add(name)
            watch = self._watched().get(name)
            if absence is not None and absence.isTold and watch is not None:
                await self._tellBack(name, absence.lost, watch)
            await self._noteBack(name)

    async def _noteBack(self, name: str) -> None:
        await self._store.setState(self._prefix + name, {"lost": None, "told": False})
        self._back.discard(name)

    # what is due

    def _arm(self) -> None:
        due = [each for name, absence in self._absent.items() for each in self._times(name, absence)]
        if due and not self._isStopped:
            self._alarm.set(self._clock, max(0.0, min(due) - self._now()))

    def _times(self, name: str, absence: Absence) -> list[float]:
        watch = self._watched().get(name)
        if watch is None or absence.noted:
            return []
        if absence.isTold:
            return [self._now() + RETRY_AFTER]
        noted = [absence.lost + NOTED_AFTER] if absence.noted is None else []
        return [*noted, absence.dueAt(watch.timeout, self._started)]

    def _look(self) -> None:
        if not self._isReady:
            self.start()
        elif not self._isLooking:
            self._do(self._looked())

    async def _looked(self) -> None:
        self._isLooking = True
        try:
            for name in self._back - self._absent.keys():
                await self._noteBack(name)
            for name, absence in list(self._absent.items()):
                await self._lookAt(name, absence)
        finally:
            self._isLooking = False
        self._arm()

    async def _lookAt(self, name: str, absence: Absence) -> None:
        watch, now = self._watched().get(name), self._now()
        if watch is None or self._absent.get(name) is not absence:
            return
        if not absence.isTold and now >= absence.dueAt(watch.timeout, self._started):
            await self._tell(name, absence.lost, watch)
            absence.isTold = True
        isDue = absence.isTold or now >= absence.lost + NOTED_AFTER
        if isDue and absence.noted != absence.isTold and self._absent.get(name) is absence:
            kept = {"lost": absence.lost, "told": absence.isTold}
            # Noted before it is written: if the slave comes meanwhile, that is written after it.
            before, absence.noted = absence.noted, absence.isTold
            self._back.discard(name)
            try:
                await self._store.setState(self._prefix + name, kept)
            except StoreFailed:
                absence.noted = before
                raise
