# -*- test-case-name: tests.unit.control.test_audit -*-
"""The record of all actions of people and scripts: who, from where, what, on what, and the outcome.

Every action goes through an L{Audit}: those of pages, of the API and of the command line. The latest entries
are in memory, and a L{AuditKeeper} stores them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.store.interface import IStore, StoreFailed
from buildbot.text.urls import withoutPasswords

log = Logger()

#: The outcomes of an action.
DONE, REFUSED, FAILED = "done", "refused", "failed"
#: The most entries in memory and in the store.
MOST = 10_000
#: The entries that are stored together.
CHUNK = 100
#: The most refused attempts that are recorded in WINDOW seconds. Further ones are only counted.
REFUSALS = 20
WINDOW = 60.0
#: The most characters of a text in an entry.
LONGEST = 300
#: The beginning of the keys in the store.
KEY = "audit/"
#: The subject of actions on the whole master.
MASTER = "master"
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class By:
    """The author of an action.

    @ivar who: the name; "" for a visitor without a login.
    @ivar how: "anonymous", "session", "basic", "token", "proxy", "control socket", "irc" or "pb".
    @ivar address: where it came from, as text; "" for this host.
    """

    who: str = ""
    how: str = "anonymous"
    address: str = ""


@dataclass(frozen=True)
class Entry:
    """One action.

    @ivar when: seconds since the epoch.
    @ivar action: the name of the action, such as "forceBuild".
    @ivar subject: of L{aboutBuilder} or L{aboutSlave}; or L{MASTER}, "token/NAME", "account/NAME".
    @ivar outcome: L{DONE}, L{REFUSED} or L{FAILED}.
    @ivar detail: the reason of a refusal or a failure, or what else is worth knowing.
    """

    when: float
    who: str
    how: str
    address: str
    action: str
    subject: str
    outcome: str = DONE
    detail: str = ""


def aboutBuilder(name: str, build: int | None = None) -> str:
    """The subject of actions on a builder, or on one of its builds."""
    return f"builder/{quote(name, safe='')}" + ("" if build is None else f"/build/{build}")


def aboutSlave(name: str) -> str:
    """The subject of actions on a slave."""
    return f"slave/{quote(name, safe='')}"


class AuditKeeper(Protocol):
    """The store of entries. Each Deferred can fail with L{StoreFailed}."""

    def loadAudit(self) -> Deferred[dict[str, list[dict[str, Any]]]]:
        """All chunks of entries, by their keys, which are in the order of time."""

    def saveChunk(self, key: str, entries: Sequence[dict[str, Any]] | None) -> Deferred[None]:
        """Store a chunk, or delete it."""


class StoreKeeper:
    """I keep the entries in the master's store, among the states of its parts."""

    def __init__(self, store: IStore) -> None:
        self._store = store

    def loadAudit(self) -> Deferred[dict[str, list[dict[str, Any]]]]:
        """All chunks."""
        return self._store.getStates(KEY)

    def saveChunk(self, key: str, entries: Sequence[dict[str, Any]] | None) -> Deferred[None]:
        """Store a chunk, or delete it."""
        return self._store.setState(KEY + key, None if entries is None else list(entries))


class Audit:
    """I record actions, and list the latest ones."""

    def __init__(self, keeper: AuditKeeper, now: Callable[[], float]) -> None:
        """@param now: returns seconds since the epoch."""
        self._keeper = keeper
        self._now = now
        self._entries: deque[Entry] = deque(maxlen=MOST)
        self._chunk: list[dict[str, Any]] = []
        self._number = 0
        self._refusals: deque[float] = deque(maxlen=REFUSALS)
        self._unrecorded = 0

    async def load(self) -> None:
        """Read the stored entries; call this at the start. An unreadable store is told in the log."""
        try:
            chunks = await self._keeper.loadAudit()
        except StoreFailed as why:
            log.warn("cannot read who has done what before: {why}", why=why)
            return
        recent = list(self._entries)  # actions of the time before the store was read
        self._entries.clear()
        for key in sorted(chunks):
            self._entries.extend(_readable(chunks[key]))
            self._number = int(key.rpartition("/")[2]) + 1
        self._entries.extend(recent)

    async def record(self, by: By, action: str, subject: str, outcome: str = DONE, detail: str = "") -> None:
        """Record an action. Fires when it is stored, or the failure to do so is logged; never fails."""
        texts = (
            withoutPasswords(each)[:LONGEST]
            for each in (by.who, by.how, by.address, action, subject, outcome, detail)
        )
        entry = Entry(self._now(), *texts)
        self._entries.append(entry)
        log.info(
            "{action} on {subject} by {who} ({how}{place}): {outcome}",
            action=action,
            subject=entry.subject,
            who=entry.who or "nobody",
            how=entry.how,
            place=f", {entry.address}" if entry.address else "",
            outcome=outcome + (f", {entry.detail}" if entry.detail else ""),
        )
        await self._store(entry)

    async def refused(self, by: By, action: str, subject: str, why: str = "") -> None:
        """Record an attempt without the right to it. Of very many, only the first ones are recorded."""
        now = self._now()
        if len(self._refusals) == REFUSALS and now - self._refusals[0] < WINDOW:
            self._unrecorded += 1
            return
        self._refusals.append(now)
        more, self._unrecorded = self._unrecorded, 0
        unsaid = f" (and {more} more refused attempts before it)" if more else ""
        await self.record(by, action, subject, REFUSED, why[: LONGEST - len(unsaid)] + unsaid)

    async def carriedOut(
        self, by: By, action: str, subject: str, work: Awaitable[_Value], detail: str = ""
    ) -> _Value:
        """Await an action, and record its outcome. Returns and raises what the action does."""
        try:
            value = await work
        except CancelledError:
            await self.record(by, action, subject, FAILED, "cancelled")
            raise
        except PLUGIN_ERRORS as why:
            await self.record(by, action, subject, FAILED, str(why) or type(why).__name__)
            raise
        await self.record(by, action, subject, DONE, detail)
        return value

    def latest(
        self,
        count: int = 100,
        before: float | None = None,
        subject: str | None = None,
        who: str | None = None,
    ) -> list[Entry]:
        """The latest entries, the latest first.

        @param before: only entries before this time, in seconds since the epoch.
        @param subject: only entries about this; those about a builder include those about its builds.
        """
        found: list[Entry] = []
        below = f"{subject}/"
        for entry in reversed(self._entries):
            if len(found) >= count:
                break
            if before is not None and entry.when >= before:
                continue
            if subject is not None and entry.subject != subject and not entry.subject.startswith(below):
                continue
            if who in (None, entry.who):
                found.append(entry)
        return found

    async def _store(self, entry: Entry) -> None:
        self._chunk.append(asdict(entry))
        key, chunk = f"{self._number:010}", list(self._chunk)
        old = None
        if len(self._chunk) >= CHUNK:
            self._chunk = []
            self._number += 1
            old = f"{self._number - 1 - MOST // CHUNK:010}" if self._number > MOST // CHUNK else None
        try:
            await self._keeper.saveChunk(key, chunk)
            if old is not None:
                await self._keeper.saveChunk(old, None)
        except StoreFailed as why:
            log.warn("cannot store who has done what: {why}", why=why)


def _readable(records: object) -> Iterator[Entry]:
    for record in records if isinstance(records, list) else ():
        try:
            yield Entry(**record)
        except TypeError:
            log.warn("an entry of the audit is unreadable")
