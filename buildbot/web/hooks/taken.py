# -*- test-case-name: tests.unit.web.hooks.test_changehook -*-
"""The memory of deliveries that were taken, so that a repeated one makes no change again.

It is stored in one transaction with the changes. So neither a crash nor a full disk loses or repeats one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from buildbot.model.change import Change
from buildbot.web.hooks.delivery import Delivery

#: The seconds for which deliveries are remembered, and the largest number of them.
KEPT_SECONDS = 30 * 86400
MOST_KEPT = 10_000
#: The memory is cleaned after this many deliveries.
CLEAN_EVERY = 1000
#: The most changes that are stored in one go. All of them are in one transaction.
AT_ONCE = 100
_PREFIX = "hook/"


class KeepsStates(Protocol):
    """The part of the store that has the memory."""

    def getState(self, key: str, default: Any = None) -> Deferred[Any]:
        """Fires with the value of a key."""

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """Fires with all keys that begin with C{prefix}, and their values."""

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """Store a value. None deletes the key."""


class TakesChanges(Protocol):
    """The part of the master that takes changes."""

    def addChange(self, change: Change, state: Mapping[str, Any] | None = None) -> Deferred[Change]:
        """Store a change. Fires when it is on disk; fails with StoreFailed."""


class BeingTaken(Exception):
    """The same delivery is being taken right now."""


@dataclass(frozen=True)
class Taken:
    """I am the outcome.

    @ivar numbers: the numbers of the new changes.
    @ivar before: the time when the delivery was taken before, in seconds since the epoch; None: it was not.
    """

    numbers: tuple[int, ...] = ()
    before: float | None = None


class Deliveries:
    """I take the changes of deliveries, each delivery once."""

    def __init__(self, changes: TakesChanges, states: KeepsStates) -> None:
        self._changes = changes
        self._states = states
        self._busy: set[str] = set()
        self._untilClean = 0

    async def take(self, dialect: str, delivery: Delivery, body: bytes, now: float) -> Taken:
        """Store the changes of a delivery.

        If only some could be stored, the next call with the same delivery stores the rest.

        @param now: the time of the master.
        @raise StoreFailed: not all are on disk: the sender may send the delivery again.
        @raise BeingTaken: an earlier call with the same delivery has not ended.
        """
        keys = _keys(dialect, delivery, body)
        if self._busy.intersection(keys):
            raise BeingTaken
        self._busy.update(keys)
        try:
            await self._clean(now)
            return await self._take(keys, delivery.changes, now)
        finally:
            self._busy.difference_update(keys)

    async def _take(self, keys: Sequence[str], changes: Sequence[Change], now: float) -> Taken:
        kept = 0
        for key in keys:
            place = await self._states.getState(key)
            if place is None:
                continue
            if place["kept"] >= place["of"]:
                return Taken(before=place["when"])
            kept = max(kept, place["kept"])
        numbers: list[int] = []
        for start in range(kept, len(changes), AT_ONCE):
            storing = [
                self._changes.addChange(change, _place(keys, count, len(changes), now))
                for count, change in enumerate(changes[start : start + AT_ONCE], start + 1)
            ]
            numbers += await _all(storing)
        return Taken(tuple(numbers))

    async def _clean(self, now: float) -> None:
        """Forget the oldest deliveries, from time to time."""
        if self._untilClean > 0:
            self._untilClean -= 1
            return
        self._untilClean = CLEAN_EVERY
        known = await self._states.getStates(_PREFIX)
        oldestFirst = sorted(known, key=lambda key: float(known[key]["when"]))
        tooMany = len(oldestFirst) - MOST_KEPT
        for index, key in enumerate(oldestFirst):
            if index < tooMany or known[key]["when"] < now - KEPT_SECONDS:
                await self._states.setState(key, None)


def _keys(dialect: str, delivery: Delivery, body: bytes) -> list[str]:
    """The keys of a delivery: its id, and its body if that is unique.

    The signature of GitHub does not cover the id. So a replay could have a new one.
    """
    keys = []
    if delivery.id:
        keys.append(
            f"{_PREFIX}{dialect}/id/{sha256(delivery.id.encode('utf-8', 'replace')).hexdigest()[:40]}"
        )
    if delivery.isUnique:
        keys.append(f"{_PREFIX}{dialect}/body/{sha256(body).hexdigest()[:40]}")
    return keys


def _place(keys: Sequence[str], kept: int, of: int, now: float) -> dict[str, Any] | None:
    place = {"kept": kept, "of": of, "when": now}
    return {key: place for key in keys} or None


async def _all(storing: Sequence[Deferred[Change]]) -> list[int]:
    """The numbers of the stored changes. Waits for all, and raises the first failure."""
    numbers = []
    for isStored, result in await DeferredList(storing, consumeErrors=True):
        if isinstance(result, Failure):
            result.raiseException()
        assert isStored
        number = result.number
        numbers.append(number if number is not None else 0)
    return numbers
