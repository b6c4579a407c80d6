# -*- test-case-name: tests.unit.store.test_store -*-
"""A store in memory, for tests; also a simple model of the SQL store.

All data goes through JSON, so that values which a disk store refuses are refused here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from buildbot.model.change import Change
from buildbot.model.records import (
    MOST_INTERRUPTIONS,
    BuildRecord,
    BuildsetRecord,
    RequestRecord,
    interrupt,
    overall,
)
from buildbot.model.results import CANCELLED, EXCEPTION
from buildbot.model.rows import BuildRow, ChangeRow
from buildbot.store.interface import TRIGGERED, StoreConflict, StoreFailed
from buildbot.store.memoryactions import MemoryActions
from buildbot.store.memorylists import MemoryLists
from buildbot.store.memorywaiting import MemoryWaiting
from buildbot.store.requests import BuildKey, Store, encode, keyOf, triggering
from buildbot.store.waiting import Unreadable

_T = TypeVar("_T")


class MemoryStore(Store):
    """I am an L{IStore} in memory. Every Deferred has fired when it is returned."""

    def __init__(self) -> None:
        super().__init__(MemoryCore())
        self._isOpen = False

    def open(self) -> Deferred[None]:
        """See L{IStore}."""
        self._isOpen = True
        return succeed(None)

    def close(self) -> Deferred[None]:
        """See L{IStore}. My contents are still there after another C{open}."""
        self._isOpen = False
        return succeed(None)

    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        if not self._isOpen:
            return fail(StoreFailed("the store is closed"))
        return maybeDeferred(work)

    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        return self._read(work)


class MemoryCore:
    """I am the L{Core} of L{MemoryStore}. Each method runs all its checks before it changes anything."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, ...], int] = {}
        self._changes: dict[int, tuple[float, str]] = {}
        self._sets: dict[int, BuildsetRecord] = {}
        self._requests: dict[int, RequestRecord] = {}
        self._builds: dict[BuildKey, BuildRecord] = {}
        self._texts: dict[BuildKey, str] = {}  # the builds as readers get them
        self._rows: dict[BuildKey, tuple[str, BuildRow]] = {}  # each with the text that it is made of
        self._closers: dict[BuildKey, str] = {}
        self._members: dict[int, list[int]] = {}  # request ids by buildset id
        self._lastBuilds: dict[int, BuildKey] = {}  # last build by request id
        self._state: dict[str, str] = {}
        self.lists = MemoryLists(self._buildRows, self._changeRows)
        self.actions = MemoryActions()
        self.waiting = MemoryWaiting(self.pendingRequests)

    def _buildRows(self) -> list[BuildRow]:
        return [self._buildRow(key) for key in self._builds]

    def _buildRow(self, key: BuildKey) -> BuildRow:
        text, known = self._texts[key], self._rows.get(key)
        if known is None or known[0] is not text:
            self._rows[key] = known = text, BuildRow.of(self._parsed(key), key[1])
        return known[1]

    def _changeRows(self) -> list[ChangeRow]:
        return [
            ChangeRow.of(Change.fromRecord(json.loads(text)), number, came)
            for number, (came, text) in self._changes.items()
        ]

    def addChange(self, change: Change, came: float | None, text: str, state: Mapping[str, str]) -> Change:
        """See L{Core}."""
        number = self._next("change", first=1)
        self._changes[number] = change.when if came is None else came, text
        for key, value in state.items():
            self.setState(key, value)
        return change.numbered(number, came)

    def getChange(self, number: int) -> Change | None:
        """See L{Core}."""
        if number not in self._changes:
            return None
        came, text = self._changes[number]
        return Change.fromRecord(json.loads(text)).numbered(number, came)

    def getChanges(self, count: int, before: int | None) -> list[Change]:
        """See L{Core}."""
        return self._these(
            sorted((n for n in self._changes if before is None or n < before), reverse=True)[:count]
        )

    def getChangesAfter(self, number: int, count: int) -> list[Change]:
        """See L{Core}."""
        return self._these(sorted(n for n in self._changes if n > number)[:count])

    def addBuildset(
        self,
        buildset: BuildsetRecord,
        text: str,
        builders: Sequence[str],
        state: Mapping[str, str],
        keys: Sequence[str],
    ) -> tuple[BuildsetRecord, list[RequestRecord]]:
        """See L{Core}."""
        id = self._next("buildset", first=1)
        self._members[id] = [self._next("request", first=1) for _ in builders]
        added, requests = buildset.added(id, zip(self._members[id], builders, strict=True))
        self._sets[id] = added
        self._requests.update((each.id, each) for each in requests)
        for key, value in state.items():
            self.setState(key, value)
        for key in keys:
            self.setState(key, str(id))
        return added, requests

    def getBuildset(self, id: int) -> BuildsetRecord | None:
        """See L{Core}."""
        return self._sets.get(id)

    def getBuildsetsOf(self, scheduler: str, after: int, count: int | None) -> list[BuildsetRecord]:
        """See L{Core}."""
        sets = [each for id, each in sorted(self._sets.items()) if id > after]
        return [each for each in sets if each.scheduler == scheduler][:count]

    def getBuildsetOf(self, request: int) -> BuildsetRecord | None:
        """See L{Core}."""
        return next((self._sets.get(id) for id, ids in self._members.items() if request in ids), None)

    def getBuildsOf(self, buildset: int) -> list[BuildRecord]:
        """See L{Core}."""
        keys = [self._lastBuilds.get(id) for id in self._members.get(buildset, ())]
        return [self._parsed(key) for key in keys if key in self._builds]

    def pendingRequests(self) -> list[RequestRecord]:
        """See L{Core}."""
        return [each for _, each in sorted(self._requests.items()) if each.state == "pending"]

    def startBuild(self, build: BuildRecord, text: str, atLeast: int) -> BuildRecord:
        """See L{Core}."""
        for id in build.requests:
            request = self._requests.get(id)
            if request is None or (request.state, request.builder) != ("pending", build.builder):
                raise StoreConflict(f"request {id} is not waiting for {build.builder}")
        number = self._next("build", build.builder, first=0, atLeast=atLeast)
        started = build.altered(number=number)
        self._builds[build.builder, number], self._texts[build.builder, number] = started, text
        for id in build.requests:
            self._requests[id] = self._requests[id].altered(state="building")
            self._lastBuilds[id] = build.builder, number
        return started

    def saveBuild(self, key: BuildKey, build: BuildRecord, text: str) -> None:
        """See L{Core}."""
        if key not in self._builds or self._builds[key].finished is not None:
            raise StoreConflict(f"build {key[1]} of {key[0]} is not running")
        self._builds[key], self._texts[key] = build, text

    def finishBuild(
        self, key: BuildKey, build: BuildRecord, text: str, requeue: bool, counts: bool, closer: str
    ) -> list[BuildsetRecord]:
        """See L{Core}."""
        assert build.finished is not None
        if closer and self._closers.get(key) == closer:
            ended = self._builds[key].finished
            sets = {self._requests[id].buildset for id, last in self._lastBuilds.items() if last == key}
            return [self._sets[id] for id in sorted(sets) if self._sets[id].complete == ended]
        self.saveBuild(key, build, text)
        taken = [
            id
            for id in build.requests
            if self._lastBuilds.get(id) == key and self._requests[id].state == "building"
        ]
        self._closers[key] = closer
        if requeue:
            for id in taken:
                request = self._requests[id]
                attempts = request.attempts + int(counts)
                self._requests[id] = request.altered(state="pending", attempts=attempts)
            return []
        return self._done(taken, build.results, build.finished)

    def cancelRequests(self, ids: Sequence[int], when: float) -> list[BuildsetRecord]:
        """See L{Core}."""
        pending = [id for id in ids if id in self._requests and self._requests[id].state == "pending"]
        return self._done(pending, CANCELLED, when)

    def getBuild(self, builder: str, number: int) -> BuildRecord | None:
        """See L{Core}."""
        return self._parsed((builder, number)) if (builder, number) in self._builds else None

    def getBuilds(self, builder: str | None, count: int, before: float | None) -> list[BuildRecord]:
        """See L{Core}."""

        def rank(build: BuildRecord) -> tuple[float, str, int]:
            key = keyOf(build)
            return (build.started if builder is None else key[1], *key)

        builds = [each for key, each in self._builds.items() if builder in (None, key[0])]
        older = [each for each in builds if before is None or rank(each)[0] < before]
        return [self._parsed(keyOf(each)) for each in sorted(older, key=rank, reverse=True)[:count]]

    def interrupted(self, when: float, amend: Callable[[BuildRecord], BuildRecord]) -> list[BuildRecord]:
        """See L{Core}."""
        for each in list(self._requests.values()):
            if each.state == "building":
                build = self._parsed(self._lastBuilds[each.id])
                count = each.interruptions + (not build.waits or build.finished is not None)
                self._requests[each.id] = each.altered(state="pending", interruptions=count)
        closed = [
            interrupt(amend(self._parsed(key)), when, self._interruptions(each))
            for key, each in sorted(self._builds.items())
            if each.finished is None
        ]
        for build in closed:
            self._builds[keyOf(build)], self._texts[keyOf(build)] = build, encode(build)
        return closed

    def _parsed(self, key: BuildKey) -> BuildRecord:
        """The build as a reader gets it."""
        return BuildRecord.fromRecord(json.loads(self._texts[key])).altered(number=key[1])

    def _interruptions(self, build: BuildRecord) -> int:
        """The highest number of interruptions among the build's requests."""
        counts = [
            self._requests[id].interruptions
            for id, last in self._lastBuilds.items()
            if id in self._requests and last == keyOf(build)
        ]
        return max(counts, default=1)

    def giveUp(self, when: float, unreadable: Sequence[Unreadable]) -> list[BuildsetRecord]:
        """See L{Core}."""
        named = {each.id for each in unreadable}
        givenUp = [
            each.id
            for each in self.pendingRequests()
            if each.interruptions >= MOST_INTERRUPTIONS or each.id in named
        ]
        return self._done(givenUp, EXCEPTION, when)

    def getState(self, key: str) -> Any:
        """See L{Core}."""
        return json.loads(self._state.get(key, "null"))

    def getStates(self, prefix: str) -> dict[str, Any]:
        """See L{Core}."""
        return {key: json.loads(text) for key, text in sorted(self._state.items()) if key.startswith(prefix)}

    def setState(self, key: str, text: str) -> None:
        """See L{Core}."""
        if text == "null":
            self._state.pop(key, None)
        else:
            self._state[key] = text

    def prunable(
        self, keep: int, olderThan: float | None, changes: int | None
    ) -> tuple[list[BuildKey], list[int]]:
        """See L{Core}."""
        age = float("-inf") if olderThan is None else olderThan
        builds: list[BuildKey] = []
        for builder in sorted({each for each, _ in self._builds}):
            numbers = sorted(key[1] for key in self._builds if key[0] == builder)
            ended = {number: self._builds[builder, number].finished for number in numbers}
            for number in _tooOld(ended, keep, age):
                if ended[number] is not None:
                    builds.append((builder, number))
        came = {each: self._changes[each][0] for each in sorted(self._changes)}
        if changes is None:
            return builds, _tooOld(came, keep, age)
        return builds, _tooOld(came, changes, float("-inf"))

    def prune(
        self, keep: int, olderThan: float | None, changes: int | None, deleted: Sequence[str]
    ) -> list[str]:
        """See L{Core}."""
        builds, numbers = self.prunable(keep, olderThan, changes)
        filenames = self.dropBuilds(builds, deleted)
        for number in numbers:
            del self._changes[number]
        self._forgetTriggers()
        self._forgetSets()
        return filenames

    def dropBuilds(self, keys: Sequence[BuildKey], deleted: Sequence[str]) -> list[str]:
        """See L{Core}."""
        filenames: list[str] = []
        for key in keys:
            if key in self._builds and self._builds[key].finished is not None:
                del self._texts[key]
                self._rows.pop(key, None)
                self._closers.pop(key, None)
                filenames += self._builds.pop(key).logFilenames()
        return sorted(filenames)

    def forgetLogs(self, keys: Sequence[BuildKey], why: str) -> None:
        """See L{Core}."""
        for key in keys:
            if key in self._builds and self._builds[key].finished is not None:
                self._builds[key] = self._builds[key].withoutLogs(why)
                self._texts[key] = encode(self._parsed(key).withoutLogs(why))

    def _forgetTriggers(self) -> None:
        """Delete the keys of triggered sets whose request is done."""
        for key in self.getStates(TRIGGERED):
            request = self._requests.get(triggering(key) or 0)
            if request is None or request.state == "done":
                self.setState(key, "null")

    def _forgetSets(self) -> None:
        kept = self.getStates(TRIGGERED).values()
        complete = [id for id, each in self._sets.items() if each.complete is not None and id not in kept]
        for id in complete:
            if not any(self._lastBuilds.get(each) in self._builds for each in self._members[id]):
                del self._sets[id]
                for request in self._members.pop(id):
                    del self._requests[request]
                    self._lastBuilds.pop(request, None)

    def _next(self, *counter: str, first: int, atLeast: int = 0) -> int:
        number = max(self._counters.get(counter, first), atLeast)
        self._counters[counter] = number + 1
        return number

    def _these(self, numbers: Iterable[int]) -> list[Change]:
        return [each for each in map(self.getChange, numbers) if each is not None]

    def _done(self, ids: Iterable[int], results: int | None, when: float) -> list[BuildsetRecord]:
        touched = set()
        for id in ids:
            self._requests[id] = self._requests[id].altered(state="done", results=results)
            touched.add(self._requests[id].buildset)
        complete = []
        for id in sorted(touched):
            requests = [self._requests[each] for each in self._members[id]]
            if all(each.state == "done" for each in requests):
                total = overall([each.results for each in requests])
                self._sets[id] = self._sets[id].altered(results=total, complete=when)
                complete.append(self._sets[id])
        return complete


def _tooOld(times: Mapping[int, float | None], keep: int, age: float) -> list[int]:
    """
    The numbers in C{times} of the records to delete; C{times} is in the order of numbers.

    A record counts as at least as young as all records before it, whatever its time is.
    """
    latest = float("-inf")
    found = []
    for place, (number, when) in enumerate(times.items()):
        latest = latest if when is None else max(latest, when)
        left = len(times) - place - 1
        if left and (left >= keep or latest < age):
            found.append(number)
    return found
