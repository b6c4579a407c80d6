# -*- test-case-name: tests.unit.control.test_audit -*-
"""The record of all actions of people and scripts: person, address, action, subject and outcome.

Pages, the API, the command line and the master itself record every action with an L{Audit}. The latest
entries are in memory, and all entries are in the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.audit import Entry
from buildbot.model.rows import Page, toCursor
from buildbot.store.actions import isAbout
from buildbot.store.interface import StoreFailed
from buildbot.text.plural import counted
from buildbot.text.urls import withoutPasswords

log = Logger()

#: The outcomes of an action.
DONE, REFUSED, FAILED = "done", "refused", "failed"
#: The most entries in memory.
MOST = 1000
#: The most refused attempts that are recorded in WINDOW seconds. Further ones are only counted.
REFUSALS = 20
WINDOW = 60.0
#: The most characters of a text in an entry.
LONGEST = 300
#: The values of L{By.how} for actions of the master's process itself, and for actions after a signal.
PROCESS, SIGNAL = "process", "signal"
#: The subject of actions on the whole master.
MASTER = "master"
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class By:
    """The author of an action.

    @ivar who: the name; "" for a visitor without a login.
    @ivar how: "anonymous", "session", "basic", "token", "proxy", "control socket",
        "irc", "pb", "jobdir", "hook", "process" or "signal".
    @ivar address: where it came from, as text; "" for this host.
    """

    who: str = ""
    how: str = "anonymous"
    address: str = ""


def aboutBuilder(name: str, build: int | None = None) -> str:
    """The subject of actions on a builder, or on one of its builds."""
    return f"builder/{quote(name, safe='')}" + ("" if build is None else f"/build/{build}")


def aboutSlave(name: str) -> str:
    """The subject of actions on a slave."""
    return f"slave/{quote(name, safe='')}"


class AuditKeeper(Protocol):
    """The store of entries; see L{buildbot.store.actions.IActions}."""

    def addEntry(self, entry: Entry) -> Deferred[None]: ...
    def getEntries(
        self, count: int = 100, cursor: str = "", subject: str | None = None, who: str | None = None
    ) -> Deferred[Page[Entry]]: ...
    def lastEntry(self) -> Deferred[int]: ...


class Audit:
    """I record actions, and list the latest ones."""

    def __init__(self, keeper: AuditKeeper, now: Callable[[], float]) -> None:
        """@param keeper: the store of the master.
        @param now: returns seconds since the epoch.
        """
        self._keeper = keeper
        self._now = now
        self._entries: deque[Entry] = deque(maxlen=MOST)
        self._last: int | None = None  # the number of the last entry; None: unknown yet
        self._isAll = False  # True if all stored entries are in memory
        self._refusals: deque[float] = deque(maxlen=REFUSALS)
        self._unrecorded = 0

    async def load(self) -> None:
        """Read the latest stored entries; call this at the start. If the store is unreadable, log that."""
        try:
            page = await self._keeper.getEntries(MOST)
            await self._numbered()
        except StoreFailed as why:
            log.warn("cannot read the record of actions: {why}", why=why)
            return
        recent = list(self._entries)  # actions of the time before the store was read
        self._entries.clear()
        self._entries.extend(reversed(page.rows))
        self._entries.extend(recent)
        self._isAll = not page.next

    async def _numbered(self) -> int:
        """The number of the last entry."""
        if self._last is None:
            found = await self._keeper.lastEntry()
            if self._last is None:  # no other call has set it meanwhile
                self._last = found
        return self._last

    async def record(self, by: By, action: str, subject: str, outcome: str = DONE, detail: str = "") -> None:
        """Record an action. Fires when it is stored, or the failure to do so is logged; never fails."""
        texts = (by.who, by.how, by.address, action, subject, outcome, detail)
        whoever, how, address, did, on, ended, told = (
            _clean(withoutPasswords(each)[:LONGEST]) for each in texts
        )
        entry = Entry(self._now(), whoever, how, address, did, on, ended, told)
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
        """Await an action, and record its outcome. Returns the value of the action, or raises its error.

        An action whose value is a dict with C{errors} has failed. Of a reconfig, its changes are recorded.
        """
        try:
            value = await work
        except CancelledError:
            await self.record(by, action, subject, FAILED, "cancelled")
            raise
        except PLUGIN_ERRORS as why:
            await self.record(by, action, subject, FAILED, str(why) or type(why).__name__)
            raise
        errors = value.get("errors") if isinstance(value, dict) else None
        if errors:
            await self.record(by, action, subject, FAILED, "; ".join(map(str, errors)))
        else:
            await self.record(by, action, subject, DONE, detail or _changesOf(value))
        return value

    def latest(self, count: int = 100, subject: str | None = None, who: str | None = None) -> list[Entry]:
        """The latest entries in memory, the latest first; see L{find}."""
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if len(found) >= count:
                break
            if isAbout(entry, subject, who):
                found.append(entry)
        return found

    async def find(
        self, count: int = 100, cursor: str = "", subject: str | None = None, who: str | None = None
    ) -> Page[Entry]:
        """Some entries, the latest first.

        @param cursor: C{next} of the page before; empty for the first page.
        @param subject: only entries about this. Entries about a builder include entries about its builds.
        @raise ValueError: the count or the cursor is not valid.
        @raise StoreFailed: the store cannot be read.
        """
        if not cursor:
            found = self.latest(count + 1, subject, who)
            if len(found) > count and found[count - 1].number:
                return Page(tuple(found[:count]), toCursor(found[count - 1].number))
            if self._isAll and not len(self._entries) == MOST and len(found) <= count:
                return Page(tuple(found))
        return await self._keeper.getEntries(count, cursor, subject, who)

    async def _store(self, entry: Entry) -> None:
        """Number an entry, add it to the entries in memory, and store it."""
        try:
            await self._numbered()
        except StoreFailed as why:
            self._entries.append(entry)
            log.warn("cannot store an action in the record: {why}", why=why)
            return
        assert self._last is not None
        self._last += 1
        entry = replace(entry, number=self._last)
        self._entries.append(entry)
        try:
            await self._keeper.addEntry(entry)
        except StoreFailed as why:
            log.warn("cannot store an action in the record: {why}", why=why)


def _changesOf(value: object) -> str:
    """The changes of a reconfig, from its outcome, as far as there is room; "" for another action."""
    if not (isinstance(value, dict) and value.get("applied")):
        return ""
    changes = [str(each) for each in value.get("changes") or ()]
    begin = f"generation {value.get('generation')}: "
    for shown in range(len(changes), 1, -1):
        left = len(changes) - shown
        rest = [f"and {counted(left, 'more change')}"] if left else []
        told = begin + "; ".join([*changes[:shown], *rest])
        if len(told) <= LONGEST:
            return told
    more = f" and {counted(len(changes) - 1, 'more change')}" if len(changes) > 1 else ""
    first = (begin + changes[0])[: LONGEST - len(more)] if changes else f"{begin}nothing has changed"
    return first + more


def _clean(text: str) -> str:
    """Text that can be stored: without lone surrogates."""
    return text.encode("utf-8", "replace").decode()
