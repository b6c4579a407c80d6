# -*- test-case-name: tests.unit.store.test_opensets -*-
"""The incomplete build sets of a store, as far as they were used lately.

A set is complete with its last request. A set that was added or used lately is in memory, because no other
process writes it; so the end of a request reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from buildbot.model.records import BuildsetRecord, overall
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

    @param read: reads the record of a set; None if it cannot be read.
    """

    def __init__(self, read: Callable[[int], BuildsetRecord | None]) -> None:
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
        touched = {}
        for request in requests:
            id = self._setFor(connection, request)
            found = self._sets.get(id) or self._load(connection, id)
            found.waiting.discard(request)
            found.results = overall((found.results, results))
            touched[id] = found
        complete = {id: touched[id] for id in sorted(touched) if not touched[id].waiting}
        for id in complete:
            self._sets.pop(id, None)
        return complete

    def forget(self) -> None:
        """Read all sets again. Call this after each rollback."""
        self._sets.clear()
        self._setOf.clear()

    def _setFor(self, connection: Connection, request: int) -> int:
        """The set of a request that is done from now on."""
        known = self._setOf.pop(request, None)
        if known is None:
            row = connection.execute("SELECT buildset FROM requests WHERE id = ?", (request,)).fetchone()
            return int(row[0])
        return known

    def _load(self, connection: Connection, id: int) -> OpenSet:
        """Read a set whose requests may be done already."""
        rows = list(connection.execute("SELECT id, state, results FROM requests WHERE buildset = ?", (id,)))
        waiting = {request for request, state, _ in rows if state != "done"}
        found = OpenSet(self._read(id), waiting, overall(results for _, _, results in rows))
        self._keep(id, found)
        return found

    def _keep(self, id: int, found: OpenSet) -> None:
        if len(self._sets) >= MOST_SETS:
            oldest = self._sets.pop(next(iter(self._sets)))
            for request in oldest.waiting:
                self._setOf.pop(request, None)
        self._sets[id] = found
        self._setOf.update(dict.fromkeys(found.waiting, id))
