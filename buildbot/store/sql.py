# -*- test-case-name: tests.unit.store.test_sqlite -*-
"""The work of a store, in SQL on one connection.

The caller begins and ends transactions, and says so. A method raises L{StoreConflict} before it changes
anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.logger import Logger

from buildbot.model.change import Change
from buildbot.model.records import (
    MOST_INTERRUPTIONS,
    BuildRecord,
    BuildsetRecord,
    RequestRecord,
    interrupt,
)
from buildbot.model.results import CANCELLED, EXCEPTION
from buildbot.model.rows import outcomeOf
from buildbot.store.among import among
from buildbot.store.batch import Batch
from buildbot.store.columns import (
    BUILD_COLUMNS,
    CHANGE_COLUMNS,
    SET_COLUMNS,
    buildValues,
    changeValues,
    setValues,
)
from buildbot.store.counters import Counters
from buildbot.store.interface import StoreConflict
from buildbot.store.opensets import OpenSets
from buildbot.store.reading import buildOf, buildsetOf, readable
from buildbot.store.requests import BuildKey, encode, keyOf
from buildbot.store.schema import LARGEST
from buildbot.store.seams import Connection, Value
from buildbot.store.sqlactions import SqlActions
from buildbot.store.sqllists import SqlLists
from buildbot.store.sqlpruning import SqlPruning
from buildbot.store.sqlwaiting import SqlWaiting
from buildbot.store.waiting import Unreadable

_log = Logger()
_T = TypeVar("_T")


class SqlCore:
    """I am the L{Core} of stores that have a database. Only I write to the database while it is open.

    @param isOutage: see L{Driver<buildbot.store.seams.Driver>}.
    """

    _connection: Batch

    def __init__(self, isOutage: Callable[[Exception], bool]) -> None:
        self._isOutage = isOutage
        self._counters = Counters()
        self._open = OpenSets(self._buildsets)
        self.lists = SqlLists(lambda statement, values: self._execute(statement, values))
        self.actions = SqlActions(lambda statement, values: self._execute(statement, values))
        self.waiting = SqlWaiting(lambda statement, values: self._execute(statement, values))
        self._pruning = SqlPruning(
            lambda statement, values: self._execute(statement, values),
            lambda statement, rows: self._connection.executemany(statement, rows),
            self,
        )

    # transactions

    def begin(self, connection: Connection, isPostponing: bool = True) -> None:
        """Work in a transaction of this connection from now on.

        @param isPostponing: True to run equal statements together. Then every method, and L{end}, may raise
            L{Unsure<buildbot.store.batch.Unsure>}.
        """
        self._connection = Batch(connection, isPostponing, self._isOutage)
        self._execute = self._connection.execute
        self._changeOne = self._connection.changeOne

    def end(self) -> None:
        """Write the rest of the work. Call this before the commit."""
        self._counters.write(self._connection)
        self._connection.flush()

    def undone(self) -> None:
        """Forget the cached rows: a transaction was rolled back, or another file is opened."""
        self._counters.forget()
        self._open.forget()

    # the work

    def addChange(self, change: Change, came: float | None, text: str, state: Mapping[str, str]) -> Change:
        """See L{Core}."""
        number = self._counters.next(self._connection, "change", first=1)
        when = change.when if came is None else came
        self._changeOne(_ADD_CHANGE, (number, when, *changeValues(change), text))
        for key, value in state.items():
            self.setState(key, value)
        return change.numbered(number, came)

    def getChange(self, number: int) -> Change | None:
        """See L{Core}."""
        rows = self._execute("SELECT number, made, record FROM changes WHERE number = ?", (number,))
        return next(
            readable(_change, "change", [(number, (made, text)) for number, made, text in rows]), None
        )

    def getChanges(self, count: int, before: int | None) -> list[Change]:
        """See L{Core}."""
        limit = LARGEST if before is None else before
        return self._changes("number < ? ORDER BY number DESC", limit, count)

    def getChangesAfter(self, number: int, count: int) -> list[Change]:
        """See L{Core}."""
        return self._changes("number > ? ORDER BY number", number, count)

    def _changes(self, which: str, start: float, count: int) -> list[Change]:
        """The first C{count} readable Changes from a number on."""
        statement = f"SELECT number, made, record FROM changes WHERE {which} LIMIT ?"
        return self._some(
            lambda rows: readable(_change, "change", map(_inTwo, rows)), statement, start, count
        )

    def _some(
        self,
        read: Callable[[Sequence[Any]], Iterable[_T]],
        statement: str,
        start: float,
        count: int,
        *values: Value,
    ) -> list[_T]:
        """The first C{count} readable rows from a number on, their first value. Others are passed over."""
        found: list[_T] = []
        while len(found) < count:
            wanted = count - len(found)
            rows = list(self._execute(statement, (*values, start, wanted)))
            found += read(rows)
            if len(rows) < wanted:
                break
            start = rows[-1][0]
        return found

    def addBuildset(
        self,
        buildset: BuildsetRecord,
        text: str,
        builders: Sequence[str],
        state: Mapping[str, str],
        keys: Sequence[str],
    ) -> tuple[BuildsetRecord, list[RequestRecord]]:
        """See L{Core}."""
        next, connection = self._counters.next, self._connection
        id = next(connection, "buildset", first=1)
        ids = [next(connection, "request", first=1) for _ in builders]
        added, requests = buildset.added(id, zip(ids, builders, strict=True))
        self._changeOne(_ADD_SET, (id, *setValues(buildset), text))
        for each in requests:
            self._changeOne(
                "INSERT INTO requests (id, buildset, builder, attempts, state)"
                " VALUES (?, ?, ?, 0, 'pending')",
                (each.id, id, each.builder),
            )
        self._open.add(added, ids)
        for key, value in state.items():
            self.setState(key, value)
        for key in keys:
            self.setState(key, str(id))
        return added, requests

    def getBuildset(self, id: int) -> BuildsetRecord | None:
        """See L{Core}."""
        rows = self._execute("SELECT id, complete, results, record FROM buildsets WHERE id = ?", (id,))
        return next(readable(buildsetOf, "buildset", rows), None)

    def _buildsets(self, ids: Sequence[int]) -> dict[int, BuildsetRecord]:
        """Those of some sets that can be read."""
        statement = "SELECT id, complete, results, record FROM buildsets WHERE id IN"
        return {
            each.id: each for each in readable(buildsetOf, "buildset", among(self._execute, statement, ids))
        }

    def getBuildsetsOf(self, scheduler: str, after: int, count: int | None) -> list[BuildsetRecord]:
        """See L{Core}."""
        statement = (
            "SELECT id, complete, results, record FROM buildsets"
            " WHERE scheduler = ? AND id > ? ORDER BY id LIMIT ?"
        )
        most = LARGEST if count is None else count
        return self._some(
            lambda rows: readable(buildsetOf, "buildset", rows), statement, after, most, scheduler
        )

    def getBuildsetOf(self, request: int) -> BuildsetRecord | None:
        """See L{Core}."""
        rows = self._execute(
            "SELECT s.id, s.complete, s.results, s.record FROM requests r"
            " JOIN buildsets s ON s.id = r.buildset WHERE r.id = ?",
            (request,),
        )
        return next(readable(buildsetOf, "buildset", rows), None)

    def getBuildsOf(self, buildset: int) -> list[BuildRecord]:
        """See L{Core}."""
        rows = self._execute(
            "SELECT b.builder, b.number, b.record FROM requests r"
            " JOIN builds b ON b.builder = r.builder AND b.number = r.build"
            " WHERE r.buildset = ? ORDER BY r.id",
            (buildset,),
        )
        return list(readable(buildOf, "build", rows))

    def pendingRequests(self) -> list[RequestRecord]:
        """See L{Core}."""
        return self.waiting.pendingRequests()

    def startBuild(self, build: BuildRecord, text: str, atLeast: int) -> BuildRecord:
        """See L{Core}."""
        counter = f"build {build.builder}"
        number = self._counters.peek(self._connection, counter, first=max(0, atLeast))
        if len(build.requests) > 1:  # a single one is checked by its update
            statement = "SELECT id FROM requests WHERE builder = ? AND state = 'pending' AND id IN"
            waiting = {id for (id,) in among(self._execute, statement, build.requests, build.builder)}
            for id in build.requests:
                if id not in waiting:
                    raise _notWaiting(id, build)
        for id in build.requests:
            isStarted = self._changeOne(
                "UPDATE requests SET state = 'building', build = ?"
                " WHERE id = ? AND builder = ? AND state = 'pending'",
                (number, id, build.builder),
            )
            if not isStarted:
                raise _notWaiting(id, build)
        self._counters.take(counter, number)
        self._changeOne(_ADD_BUILD, (build.builder, number, build.started, *buildValues(build, number), text))
        return build.altered(number=number)

    def saveBuild(self, key: BuildKey, build: BuildRecord, text: str) -> None:
        """See L{Core}."""
        if not self._changeOne(_SAVE_OUTCOME, (build.finished, *outcomeOf(build), text, *key)):
            raise _notRunning(key)

    def finishBuild(
        self, key: BuildKey, build: BuildRecord, text: str, requeue: bool, counts: bool, closer: str
    ) -> list[BuildsetRecord]:
        """See L{Core}."""
        assert build.finished is not None
        if not self._changeOne(_END_BUILD, (build.finished, *outcomeOf(build), text, closer or None, *key)):
            return self._endedBefore(key, closer)
        if requeue:
            self._connection.executemany(
                "UPDATE requests SET state = 'pending', attempts = attempts + ?"
                " WHERE id = ? AND builder = ? AND build = ? AND state = 'building'",
                [(int(counts), id, *key) for id in build.requests],
            )
            return []
        return self._done(_SERVED, build.requests, key, build.results, build.finished)

    def _endedBefore(self, key: BuildKey, closer: str) -> list[BuildsetRecord]:
        """The sets that the end of a build has completed, if C{closer} has ended it."""
        row = self._execute(
            "SELECT finished, closer FROM builds WHERE builder = ? AND number = ?", key
        ).fetchone()
        if row is None or row[0] is None or not closer or row[1] != closer:
            raise _notRunning(key)
        rows = self._execute(
            "SELECT id, complete, results, record FROM buildsets WHERE complete = ? AND id IN"
            " (SELECT buildset FROM requests WHERE builder = ? AND build = ?) ORDER BY id",
            (row[0], *key),
        )
        return list(readable(buildsetOf, "buildset", rows))

    def cancelRequests(self, ids: Sequence[int], when: float) -> list[BuildsetRecord]:
        """See L{Core}."""
        return self._done(_WAITING, ids, (), CANCELLED, when)

    def getBuild(self, builder: str, number: int) -> BuildRecord | None:
        """See L{Core}."""
        found = self._builds("WHERE builder = ? AND number = ?", builder, number)
        return found[0] if found else None

    def getBuilds(self, builder: str | None, count: int, before: float | None) -> list[BuildRecord]:
        """See L{Core}."""
        if builder is None:
            limit = float("inf") if before is None else before
            return self._builds(
                "WHERE started < ? ORDER BY started DESC, builder DESC, number DESC LIMIT ?", limit, count
            )
        return self._builds(
            "WHERE builder = ? AND number < ? ORDER BY number DESC LIMIT ?",
            *(builder, LARGEST if before is None else before, count),
        )

    def _builds(self, which: str, *values: Value) -> list[BuildRecord]:
        rows = self._execute(f"SELECT builder, number, record FROM builds {which}", values)
        return list(readable(buildOf, "build", rows))

    def interrupted(self, when: float, amend: Callable[[BuildRecord], BuildRecord]) -> list[BuildRecord]:
        """See L{Core}."""
        running = self._builds("WHERE finished IS NULL ORDER BY builder, number")
        self._connection.executemany(
            "UPDATE requests SET state = 'pending'"
            " WHERE id = ? AND builder = ? AND build = ? AND state NOT IN ('pending', 'done')",
            [(id, *keyOf(each)) for each in running if each.waits for id in each.requests],
        )
        self._execute(
            "UPDATE requests SET state = 'pending', interruptions = interruptions + 1"
            " WHERE state NOT IN ('pending', 'done')"  # a damaged file may hold other states than "building"
        )
        closed = [interrupt(amend(each), when, self._interruptions(each)) for each in running]
        self._connection.executemany(
            _SAVE_BUILD,
            [
                (each.started, each.finished, *buildValues(each, keyOf(each)[1]), encode(each), *keyOf(each))
                for each in closed
            ],
        )
        self._execute("UPDATE builds SET finished = ? WHERE finished IS NULL", (when,))  # the unreadable
        return closed

    def _interruptions(self, build: BuildRecord) -> int:
        """The highest number of interruptions among the build's requests."""
        # By their numbers: no index finds them by the build, and the table may be long.
        statement = "SELECT interruptions FROM requests WHERE builder = ? AND build = ? AND id IN"
        rows = among(self._execute, statement, build.requests, *keyOf(build))
        return max((int(row[0]) for row in rows), default=0) or 1

    def giveUp(self, when: float, unreadable: Sequence[Unreadable]) -> list[BuildsetRecord]:
        """See L{Core}."""
        rows = self._execute(
            f"SELECT id FROM requests WHERE interruptions > 0 AND interruptions >= ? AND {_WAITING}",
            (MOST_INTERRUPTIONS,),
        )
        givenUp = [id for (id,) in rows]
        for id, builder, why in unreadable:
            _log.error(
                "stored request {id} for builder {builder} cannot be read, and is given up: {error}",
                **{"id": id, "builder": builder, "error": why},
            )
            givenUp.append(id)
        return self._done(_WAITING, givenUp, (), EXCEPTION, when)

    def getState(self, key: str) -> Any:
        """See L{Core}."""
        found = self._states("WHERE name = ?", key)
        return found[0][1] if found else None

    def getStates(self, prefix: str) -> dict[str, Any]:
        """See L{Core}."""
        return dict(self._states("WHERE substr(name, 1, ?) = ? ORDER BY name", len(prefix), prefix))

    def _states(self, which: str, *values: Value) -> list[tuple[str, Any]]:
        rows = self._execute(f"SELECT name, value FROM state {which}", values)
        return list(readable(lambda row: (row[0], json.loads(row[1])), "state", rows))

    def setState(self, key: str, text: str) -> None:
        """See L{Core}."""
        if text == "null":
            self._execute("DELETE FROM state WHERE name = ?", (key,))
        else:
            self._execute(
                "INSERT INTO state (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (key, text),
            )

    def prunable(
        self, keep: int, olderThan: float | None, changes: int | None
    ) -> tuple[list[BuildKey], list[int]]:
        """See L{Core}."""
        return self._pruning.prunable(keep, olderThan, changes)

    def prune(
        self, keep: int, olderThan: float | None, changes: int | None, deleted: Sequence[str]
    ) -> list[str]:
        """See L{Core}."""
        return self._pruning.prune(keep, olderThan, changes, deleted)

    def dropBuilds(self, keys: Sequence[BuildKey], deleted: Sequence[str]) -> list[str]:
        """See L{Core}."""
        return self._pruning.dropBuilds(keys, deleted)

    def forgetLogs(self, keys: Sequence[BuildKey], why: str) -> None:
        """See L{Core}."""
        self._pruning.forgetLogs(keys, why)

    def _done(
        self, which: str, ids: Sequence[int], values: Sequence[Value], results: int | None, when: float
    ) -> list[BuildsetRecord]:
        """Mark requests as done for which the condition holds. Returns the buildsets that this completes."""
        statement = f"UPDATE requests SET state = 'done', results = ? WHERE id = ? AND {which}"
        ending = "UPDATE buildsets SET complete = ?, results = ? WHERE id = ?"
        if which is _SERVED:  # it holds for nearly all requests of a build
            done = [id for id in ids if self._changeOne(statement, (results, id, *values))]
        else:  # some may have been done long ago
            asked = f"SELECT id FROM requests WHERE {which} AND id IN"
            holds = {id for (id,) in among(self._execute, asked, tuple(ids), *values)}
            done = [id for id in dict.fromkeys(ids) if id in holds]
            self._connection.executemany(statement, [(results, id, *values) for id in done])
        ended = self._open.done(self._connection, done, results)
        rows = [(when, each.results, id) for id, each in ended.items()]
        if which is _SERVED:
            for row in rows:
                self._changeOne(ending, row)
        else:
            self._connection.executemany(ending, rows)
        records = ((each.record, each.results) for each in ended.values())
        complete = [each.altered(complete=when, results=found) for each, found in records if each is not None]
        return complete


_ADD_CHANGE = (
    f"INSERT INTO changes (number, made, {', '.join(CHANGE_COLUMNS)}, record)"
    f" VALUES (?, ?, {'?, ' * len(CHANGE_COLUMNS)}?)"
)
_ADD_SET = (
    f"INSERT INTO buildsets (id, {', '.join(SET_COLUMNS)}, record) VALUES (?, {'?, ' * len(SET_COLUMNS)}?)"
)
_ADD_BUILD = (
    f"INSERT INTO builds (builder, number, started, {', '.join(BUILD_COLUMNS)}, record)"
    f" VALUES (?, ?, ?, {'?, ' * len(BUILD_COLUMNS)}?)"
)
#: The other columns, and their indexes, stay as they are while a build runs.
_SAVE_OUTCOME = (
    "UPDATE builds SET finished = ?, results = ?, revision = ?, text = ?, record = ?"
    " WHERE builder = ? AND number = ? AND finished IS NULL"
)
_END_BUILD = _SAVE_OUTCOME.replace("record = ?", "record = ?, closer = ?")
_SAVE_BUILD = (
    f"UPDATE builds SET started = ?, finished = ?, {', '.join(f'{name} = ?' for name in BUILD_COLUMNS)},"
    " record = ? WHERE builder = ? AND number = ?"
)

#: Conditions for a request: it waits; or it is served by a build, of a builder and with a number.
_WAITING = "state = 'pending'"
_SERVED = "builder = ? AND build = ? AND state = 'building'"


def _inTwo(row: Sequence[Any]) -> Sequence[Any]:
    number, made, text = row
    return number, (made, text)


def _change(row: Sequence[Any]) -> Change:
    number, (made, text) = row
    came = made if isinstance(made, (int, float)) else None
    return Change.fromRecord(json.loads(text)).numbered(number, came)


def _notRunning(key: BuildKey) -> StoreConflict:
    return StoreConflict(f"build {key[1]} of {key[0]} is not running")


def _notWaiting(request: int, build: BuildRecord) -> StoreConflict:
    return StoreConflict(f"request {request} is not waiting for {build.builder}")
