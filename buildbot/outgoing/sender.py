# -*- test-case-name: tests.unit.outgoing.test_sender -*-
"""The sender of one target: a bounded queue that is kept on disk, and delivered in order.

A message is delivered at least once. It stays on disk until the server has accepted it. If the master is
killed before it deletes an accepted message, the message is delivered again, with the same id.
L{buildbot.outgoing.senders} has the senders of a master.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.events.observers import NOBODY, Observers
from buildbot.outgoing.pacing import FIRST_WAIT, KEPT_FOR, SUSPECT, Health, isAhead, waitAfter
from buildbot.outgoing.target import NotNow, Refused, Target, TargetBusy, TargetDown
from buildbot.store.interface import IStore, StoreFailed
from buildbot.text.plural import counted

log = Logger()

#: The prefix of the keys in the store; the target and the id of the message follow.
PREFIX = "outgoing/"
#: The most messages that wait for a target, and the most characters of them together.
MOST = 1000
MOST_CHARACTERS = 32 << 20
#: Why a message waits although no attempt has failed.
UNUSED = "nothing in the configuration uses this address"
#: Seconds for one delivery.
DEADLINE = 300.0
#: Seconds that a delivery may still take when the master stops.
PATIENCE = 5.0


def keyOf(target: str, id: str) -> str:
    """The key of a message in the store."""
    return f"{PREFIX}{quote(target, safe=':@')}/{id}"


class Keeps(Protocol):
    """Keeps a value in the store, again and again until it works."""

    def __call__(self, key: str, value: Any, /) -> Deferred[None]: ...


@dataclass(eq=False)
class Entry:
    """I am one message that waits; the message itself is only in the store.

    @ivar place: counts the messages of a target; the order of delivery.
    @ivar group: messages of one group stay in order even if one of them is refused for now.
    @ivar subject: one line about the message, for people.
    @ivar queued: when it was queued, in seconds since the epoch.
    @ivar size: its characters.
    @ivar due: the time before which it is not tried, in seconds since the epoch.
    @ivar reason: why; empty if it was not refused yet.
    @ivar omitted: how many earlier messages of its group had no room; a restart forgets that.
    """

    id: str
    place: int
    group: str
    subject: str
    queued: float
    size: int
    due: float = 0.0
    attempts: int = 0
    isKept: bool = False
    omitted: int = 0
    reason: str = ""


class Sender:
    """I deliver the messages for one target.

    @ivar name: the name of the target for people, without passwords: C{"mail to localhost"}.
    @ivar health: what is known about the target.
    @ivar delivered: the number of delivered messages since the start.
    @ivar dropped: the number of messages since the start that were given up.
    @ivar left: when the last target was taken out, in seconds since the epoch; None while there is one.
    @ivar lastDropped: the last of them, with the reason; empty if there was none.
    """

    def __init__(
        self,
        name: str,
        store: IStore,
        keep: Keeps,
        clock: IReactorTime,
        now: Callable[[], float],
        chance: Callable[[], float],
        healthChanged: Callable[[Sender], object] = lambda sender: None,
    ) -> None:
        """@param keep: keeps a value under a key; None deletes it.
        @param now: returns the time, in seconds since the epoch.
        @param chance: returns a random number from 0 to 1.
        @param healthChanged: called after each change of L{health}.
        """
        self.name = name
        self.health = Health()
        self.delivered = self.dropped = 0
        self.left: float | None = None
        self.lastDropped = ""
        self._store, self._keep = store, keep
        self._clock, self._now, self._chance = clock, now, chance
        self._healthChanged = healthChanged
        self._entries: dict[str, Entry] = {}
        self._characters = 0
        self._place = 0
        self._targets: Observers[Target] = NOBODY
        self._working: Deferred[None] | None = None
        self._current: Entry | None = None
        self._alarm = Alarm(self._go)
        self._isLoaded = self._isStopping = self._isBusy = False
        self._idle: list[Deferred[None]] = []  # those that wait for the end of the current work

    def __repr__(self) -> str:
        return f"<Sender {self.name}: {counted(len(self), 'message')}>"

    def __len__(self) -> int:
        """The number of messages that wait."""
        return len(self._entries)

    def toRecord(self) -> dict[str, Any]:
        """My state for C{buildbot status}; docs/reference/status explains the keys."""
        health = self.health
        refused = [each for each in self._entries.values() if each.reason and each.due]
        first = min(refused, key=lambda each: each.due, default=None)
        return {
            "target": self.name,
            "waiting": len(self._entries),
            "oldest": min((each.queued for each in self._entries.values()), default=None),
            "delivered": self.delivered,
            "dropped": self.dropped,
            "lastDropped": self.lastDropped,
            "failures": health.failures,
            "since": health.since,
            "reason": health.reason or ("" if first is None else first.reason),
            "retryAt": first.due if health.retryAt is None and first is not None else health.retryAt,
        }

    # the target

    def use(self, target: Target) -> None:
        """Deliver to this target from now on. A new target is tried at once, also after failures.

        Several status targets may use one server. The one that was added last delivers all.
        """
        self._targets = self._targets.plus(target)
        self.left = None
        self._setHealth(Health())
        for entry in self._entries.values():
            entry.due = 0.0
        self._go()

    def release(self, target: Target) -> None:
        """Deliver no more to this target. Without another one, the messages wait."""
        target.rest()
        self._targets = self._targets.without(target)
        if not self._targets:
            self._alarm.stop()
            self.left = self._now()
            self._setHealth(Health(reason=UNUSED))
            self._dropOld(UNUSED)

    async def moveTo(self, heir: Sender) -> None:
        """Let another sender deliver what waits here. Raises StoreFailed; then the rest stays here.

        What is being delivered has a moment to end: else it would be delivered twice.
        """
        await self._atRest()
        for entry in [each for each in self._entries.values() if each.isKept]:
            value = await self._store.getState(keyOf(self.name, entry.id))
            if value is not None:
                await heir.add(entry.id, value["message"], entry.subject, entry.group)
            await self._forget(entry)

    async def _load(self) -> None:
        """Read the messages that an earlier process has left."""
        prefix = keyOf(self.name, "")
        try:
            kept = await self._store.getStates(prefix)
        except StoreFailed as why:
            log.warn("{target}: cannot read the messages that wait: {why}", target=self.name, why=why.reason)
            if not self._isStopping:
                self._alarm.set(self._clock, FIRST_WAIT)
            return
        mine, self._entries, self._characters = self._entries, {}, 0
        for key, value in kept.items():
            entry = entryOf(key.removeprefix(prefix), value)
            if entry is None:
                log.warn("{target}: cannot read {key}, and leaves it out", target=self.name, key=key)
            else:
                self._entries[entry.id] = entry
        self._entries = dict(sorted(self._entries.items(), key=lambda item: item[1].place))
        self._entries.update(mine)  # those queued while I was reading
        self._characters = sum(each.size for each in self._entries.values())
        self._place = max((self._place, *(each.place for each in self._entries.values())))
        self._isLoaded = True

    # messages

    def add(self, id: str, message: Mapping[str, Any], subject: str, group: str = "") -> Deferred[None]:
        """Queue a message.

        @param id: unique among the messages of the target; a second message with an id that waits is ignored.
        @param message: a dict of JSON values.
        @param subject: one line about the message, for people.
        @param group: messages of one group are delivered in order.
        @return: fires when the message is on disk.
        """
        if id in self._entries:
            return succeed(None)
        size = len(str(message))
        omitted = self._makeRoom(group, size)
        self._place = max(self._place + 1, int(self._now() * 1000))  # after those of earlier processes
        entry = Entry(id, self._place, group, subject, self._now(), size, omitted=omitted)
        self._entries[id] = entry
        self._characters += size
        value = {
            "place": entry.place,
            "group": group,
            "subject": subject,
            "queued": entry.queued,
            "message": dict(message),
        }
        return self._keep(keyOf(self.name, id), value).addCallback(self._kept, entry)

    def _kept(self, result: object, entry: Entry) -> None:
        entry.isKept = True
        self._go()

    def _makeRoom(self, group: str, size: int) -> int:
        """Drop the oldest messages, those of the same group first, until one more has room.

        The next message of the group knows how many were dropped. Returns the number for the new one.
        """
        omitted = 0
        while self._entries and (len(self._entries) >= MOST or self._characters + size > MOST_CHARACTERS):
            others = [each for each in self._entries.values() if each is not self._current]
            if not others:
                break
            oldest = next((each for each in others if each.group == group), others[0])
            self._drop(oldest, "too many messages wait")
            next_ = [each for each in others if each.group == oldest.group and each is not oldest]
            if next_:
                next_[0].omitted += 1 + oldest.omitted
            else:
                omitted += 1 + oldest.omitted
        return omitted

    def _drop(self, entry: Entry, why: str) -> Deferred[None]:
        self.dropped += 1
        self.lastDropped = f"{entry.subject}: {why}"
        log.warn("{target}: dropped {subject!r}: {why}", target=self.name, subject=entry.subject, why=why)
        return self._forget(entry)

    def _forget(self, entry: Entry) -> Deferred[None]:
        if self._entries.pop(entry.id, None) is not None:
            self._characters -= entry.size
        return self._keep(keyOf(self.name, entry.id), None)

    # deliveries

    def _go(self) -> None:
        """Begin the next delivery, or wait until there is one."""
        if self._isStopping or self._isBusy:
            return
        if not self._targets:
            self._dropOld(UNUSED)
            return
        target = self._targets[-1]
        if not self._isLoaded:
            self._begin(self._load())
            return
        now = self._now()
        self._dropOld(self.health.reason or "it waited for a day")
        if not self._entries:
            target.rest()
            return
        if self.health.retryAt is not None and isAhead(self.health.retryAt, now):
            self._wait(self.health.retryAt - now)
            return
        entry = self._next(now)
        if entry is None:
            target.rest()
            due = [each.due for each in self._entries.values() if isAhead(each.due, now)]
            if due:
                self._wait(min(due) - now)
            return
        self._current = entry
        self._begin(self._deliver(entry, target))

    def _dropOld(self, why: str) -> None:
        """Drop the messages that have waited for a day. Without a target, look again for the next one."""
        now = self._now()
        for old in [each for each in self._entries.values() if now - each.queued > KEPT_FOR]:
            self._drop(old, why)
        if not self._targets and self._entries and not self._isStopping:
            self._wait(KEPT_FOR)

    def _begin(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do one piece of work. It may end at once, so the next one begins in a later turn."""
        self._alarm.stop()
        self._isBusy = True
        working = self._working = ensureDeferred(work)
        working.addErrback(self._failed).addBoth(self._ended)

    def _wait(self, seconds: float) -> None:
        oldest = min(each.queued for each in self._entries.values())
        self._alarm.set(self._clock, max(0.1, min(seconds, oldest + KEPT_FOR + 1 - self._now())))

    def _next(self, now: float) -> Entry | None:
        """The first message that may be delivered: no earlier one of its group waits.

        A message with which the target has failed several times comes after those of other groups: perhaps
        the target fails because of it.
        """
        held: set[str] = set()
        suspect: Entry | None = None
        for entry in self._entries.values():
            if entry.isKept and not isAhead(entry.due, now) and entry.group not in held:
                if entry.attempts < SUSPECT:
                    return entry
                if suspect is None or entry.attempts // SUSPECT < suspect.attempts // SUSPECT:
                    suspect = entry
            if entry.group:
                held.add(entry.group)
        return suspect

    async def _deliver(self, entry: Entry, target: Target) -> None:
        try:
            value = await self._store.getState(keyOf(self.name, entry.id))
        except StoreFailed as why:
            self._setHealth(self.health.failed(self._now(), self._chance(), f"the store fails: {why.reason}"))
            return
        if value is None:  # the store was replaced
            self._entries.pop(entry.id, None)
            self._characters -= entry.size
            return
        entry.attempts += 1
        try:
            omitted = {"omitted": entry.omitted} if entry.omitted else {}
            delivery = target.deliver({**value["message"], **omitted})
            delivery.addTimeout(DEADLINE, self._clock, onTimeoutCancel=_tooSlow)
            await delivery
        except TargetBusy as busy:
            entry.attempts -= 1  # the message is not at fault
            self._setHealth(Health.busy(self._now(), self._chance(), busy.after))
            return
        except TargetDown as down:
            if not self._targets or self._targets[-1] is not target:
                return  # a reconfig has brought another one, which is tried at once, or has taken it out
            failed = self.health.failed(self._now(), self._chance(), down.reason, down.cure, down.after)
            self._setHealth(failed)
            log.warn(
                "{target} failed, and {messages} wait: {why}",
                target=self.name,
                messages=counted(len(self._entries), "message"),
                why=down.reason,
            )
            return
        except NotNow as later:
            self._setHealth(Health())
            await self._delay(entry, value, later)
            return
        except Refused as refused:
            self._setHealth(Health())
            await self._drop(entry, refused.reason)
            return
        self._setHealth(Health())
        self.delivered += 1
        await self._forget(entry)

    async def _delay(self, entry: Entry, value: Mapping[str, Any], later: NotNow) -> None:
        entry.due = self._now() + waitAfter(entry.attempts, self._chance())
        entry.reason = f"refused for now: {later.reason}"
        log.info(
            "{target} refused {subject!r} for now: {why}",
            target=self.name,
            subject=entry.subject,
            why=later.reason,
        )
        if later.rest is not None:
            await self._keep(keyOf(self.name, entry.id), {**value, "message": dict(later.rest)})

    def _failed(self, why: Any) -> None:
        """A delivery ended with an unexpected error: treat the target as down."""
        if why.check(CancelledError):
            return
        log.failure("{target} failed", why, target=self.name)
        if why.check(*PLUGIN_ERRORS):
            reason = f"an error in the master, {why.type.__name__}: see twistd.log"
            self._setHealth(self.health.failed(self._now(), self._chance(), reason))

    def _ended(self, result: object) -> None:
        self._isBusy = False
        self._working = self._current = None
        idle, self._idle = self._idle, []
        for each in idle:
            each.callback(None)
        if not (self._isStopping or self._isBusy or self._alarm.isSet):
            self._alarm.set(self._clock, 0)

    def _setHealth(self, health: Health) -> None:
        if health != self.health:
            self.health = health
            self._healthChanged(self)

    async def _atRest(self) -> None:
        """Wait a moment for the current work, then cancel it."""
        working = self._working
        if working is not None:
            patience = self._clock.callLater(PATIENCE, working.cancel)
            ended: Deferred[None] = Deferred()
            self._idle.append(ended)
            await ended
            if patience.active():
                patience.cancel()

    async def stop(self) -> None:
        """Stop: wait a moment for the current delivery, then cancel it. The messages stay on disk."""
        self._isStopping = True
        self._alarm.stop()
        await self._atRest()
        for target in self._targets:
            target.rest()
        self._targets = NOBODY


def entryOf(id: str, value: Any) -> Entry | None:
    """The message of a record of an earlier process; None if it is not one."""
    try:
        place, queued, size = int(value["place"]), float(value["queued"]), len(str(value["message"]))
        return Entry(id, place, str(value["group"]), str(value["subject"]), queued, size, isKept=True)
    except (KeyError, TypeError, ValueError):
        return None


def _tooSlow(result: object, seconds: float) -> None:
    raise TargetDown(f"it did not answer within {seconds:g} seconds")
