# -*- test-case-name: tests.unit.store.test_opensets -*-
"""The incomplete build sets of a store, as far as they were used lately.

A set is complete with its last request. A set that was added or used lately is in memory, because no other
process writes it; so the end of a request reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from buildbot.model.records import BuildsetRecord, overall
from buildbot.store.among import among
from buildbot.store.seams import Connection

#: The most sets in memory. Others are read when they are needed.
MOST_SETS = 1000


@dataclass
class OpenSet:
    """I am one incomplete set.

    @ivar record: the set; None if it cannot be read.
    @ivar waiting: the requests that are not done.
    @ivar results: the worst result of the others; None if there are none.
    """

    record: BuildsetRecord | None
    waiting: set[int]
    results: int | None = None


class OpenSets:
    """I know which requests a set waits for. The caller tells me about each rollback.

    @param read: reads the records of some sets: those that can be read, by their numbers.
    """

    def __init__(self, read: Callable[[Sequence[int]], Mapping[int, BuildsetRecord]]) -> None:
        self._read = read
        self._sets: dict[int, OpenSet] = {}
        self._setOf: dict[int, int] = {}  # by the number of a request that is not done

    def add(self, buildset: BuildsetRecord, requests: Iterable[int]) -> None:
        """Remember a new set and its requests."""
        self._keep(buildset.id, OpenSet(buildset, set(requests)))

    def done(
        self, connection: Connection, requests: Iterable[int], results: int | None
    ) -> dict[int, OpenSet]:
        """Note that these requests are done, with these results. Returns the sets that this completes."""
        setOf = self._setsFor(connection, requests)
        touched = {id: self._sets[id] for id in setOf.values() if id in self._sets}
        touched.update(self._load(connection, sorted({*setOf.values()} - touched.keys())))
        for request, id in setOf.items():
            found = touched[id]
            found.waiting.discard(request)
            found.results = overall((found.results, results))
        complete = {id: touched[id] for id in sorted(touched) if not touched[id].waiting}
        for id in complete:
            self._sets.pop(id, None)
        return complete

    def forget(self) -> None:
        """Read all sets again. Call this after each rollback."""
        self._sets.clear()
        self._setOf.clear()

    def _setsFor(self, connection: Connection, requests: Iterable[int]) -> dict[int, int]:
        """The set of each request. These are done from now on."""
        found = {request: self._setOf.pop(request, 0) for request in requests}
        unknown = [request for request, id in found.items() if not id]
        found.update(among(connection.execute, "SELECT id, buildset FROM requests WHERE id IN", unknown))
        return found

    def _load(self, connection: Connection, ids: Sequence[int]) -> dict[int, OpenSet]:
        """Read sets whose requests may be done already."""
        records = self._read(ids)
        found = {id: OpenSet(records.get(id), set()) for id in ids}
        statement = "SELECT buildset, id, state, results FROM requests WHERE buildset IN"
        for id, request, state, results in among(connection.execute, statement, ids):
            if state != "done":
                found[id].waiting.add(request)
            found[id].results = overall((found[id].results, results))
        for id, each in found.items():
            self._keep(id, each)
        return found

    def _keep(self, id: int, found: OpenSet) -> None:
        if len(self._sets) >= MOST_SETS:
            oldest = self._sets.pop(next(iter(self._sets)))
            for request in oldest.waiting:
                self._setOf.pop(request, None)
        self._sets[id] = found
        self._setOf.update(dict.fromkeys(found.waiting, id))
