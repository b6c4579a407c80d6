# -*- test-case-name: tests.unit.store.test_store -*-
"""Delete old builds and changes, their logs and their sets, in SQL.

L{buildbot.store.sql} begins and ends the transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

from buildbot.model.records import BuildRecord
from buildbot.store.among import among
from buildbot.store.interface import TRIGGERED
from buildbot.store.reading import buildOf, readable
from buildbot.store.requests import BuildKey, encode, keyOf, triggering
from buildbot.store.seams import Value

#: The most records in memory.
_AT_ONCE = 200


class Records(Protocol):
    """The part of a core that I use: the L{buildbot.store.sql.SqlCore}."""

    def getStates(self, prefix: str, /) -> dict[str, Any]: ...


class SqlPruning:
    """I delete what is too old or too much."""

    def __init__(
        self,
        execute: Callable[[str, Sequence[Value]], Any],
        many: Callable[[str, Iterable[Sequence[Value]]], object],
        core: Records,
    ) -> None:
        """
        @param execute: runs a statement in the present transaction; C{many} runs it for each of some rows.
        @param core: reads and writes records.
        """
        self._execute = execute
        self._many = many
        self._core = core

    def prunable(
        self, keep: int, olderThan: float | None, changes: int | None
    ) -> tuple[list[BuildKey], list[int]]:
        """See L{Core<buildbot.store.requests.Core>}."""
        age = float("-inf") if olderThan is None else olderThan
        builds: list[BuildKey] = (
            []
            if not self._mayBePrunable(keep, age)
            else list(
                self._execute(
                    "SELECT builder, number FROM (SELECT builder, number, finished,"
                    " MAX(finished) OVER (PARTITION BY builder ORDER BY number) AS latest,"
                    " ROW_NUMBER() OVER (PARTITION BY builder ORDER BY number DESC) AS place"
                    " FROM builds) AS ranked"
                    " WHERE place > 1 AND finished IS NOT NULL AND (place > ? OR latest < ?)"
                    " ORDER BY builder, number DESC",
                    (keep, age),
                )
            )
        )
        numbers = self._execute(
            "SELECT number FROM (SELECT number, MAX(made) OVER (ORDER BY number) AS latest,"
            " ROW_NUMBER() OVER (ORDER BY number DESC) AS place FROM changes) AS ranked"
            " WHERE place > 1 AND (place > ? OR latest < ?)",
            (keep, age) if changes is None else (changes, float("-inf")),
        )
        return builds, [number for (number,) in numbers]

    def prune(
        self, keep: int, olderThan: float | None, changes: int | None, deleted: Sequence[str]
    ) -> list[str]:
        """See L{Core<buildbot.store.requests.Core>}."""
        rows, numbers = self.prunable(keep, olderThan, changes)
        self._drop(rows, deleted)
        self._many("DELETE FROM changes WHERE number = ?", [(number,) for number in numbers])
        self._forgetTriggers()
        self._forgetSets()
        return self._removals()

    def dropBuilds(self, keys: Sequence[BuildKey], deleted: Sequence[str]) -> list[str]:
        """See L{Core<buildbot.store.requests.Core>}."""
        self._drop(keys, deleted)
        return self._removals()

    def _mayBePrunable(self, keep: int, age: float) -> bool:
        """False if no build is too old or too many. Much faster than the list of those that are."""
        older = (  # the newest of each builder stays, however old it is
            "SELECT 1 FROM builds AS each WHERE finished < ? AND EXISTS (SELECT 1 FROM builds AS newer"
            " WHERE newer.builder = each.builder AND newer.number > each.number) LIMIT 1"
        )
        if self._execute(older, (age,)).fetchone():
            return True
        (builder,) = self._execute("SELECT MIN(builder) FROM builds", ()).fetchone()
        while builder is not None:
            beyond = "SELECT 1 FROM builds WHERE builder = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
            if self._execute(beyond, (builder, keep)).fetchone():
                return True
            following = self._execute("SELECT MIN(builder) FROM builds WHERE builder > ?", (builder,))
            (builder,) = following.fetchone()
        return False

    def _drop(self, keys: Sequence[BuildKey], deleted: Sequence[str]) -> None:
        """Delete finished builds, and note their logs. Forget those that are deleted by now."""
        self._many("DELETE FROM removals WHERE filename = ?", [(name,) for name in deleted])
        for builds in self._finished(keys):
            names = [(name,) for build in builds for name in build.logFilenames()]
            self._many("INSERT INTO removals VALUES (?) ON CONFLICT DO NOTHING", names)
        self._many("DELETE FROM builds WHERE builder = ? AND number = ? AND finished IS NOT NULL", keys)

    def _removals(self) -> list[str]:
        """The logs of deleted builds."""
        return [name for (name,) in self._execute("SELECT filename FROM removals ORDER BY filename", ())]

    def forgetLogs(self, keys: Sequence[BuildKey], why: str) -> None:
        """See L{Core<buildbot.store.requests.Core>}."""
        for builds in self._finished(keys):
            rows = [(encode(build.withoutLogs(why)), *keyOf(build)) for build in builds]
            self._many("UPDATE builds SET record = ? WHERE builder = ? AND number = ?", rows)

    def _finished(self, keys: Sequence[BuildKey]) -> Iterator[list[BuildRecord]]:
        """Those of some builds that are finished and can be read, some at a time."""
        for builder, group in groupby(sorted(keys), key=lambda key: key[0]):
            numbers = [number for _, number in group]
            for start in range(0, len(numbers), _AT_ONCE):
                statement = "SELECT builder, number, record FROM builds WHERE builder = ? AND number IN"
                rows = among(self._execute, statement, numbers[start : start + _AT_ONCE], builder)
                builds = readable(buildOf, "build", rows)
                yield [build for build in builds if build.finished is not None]

    def _forgetTriggers(self) -> None:
        """Delete the keys of triggered sets whose request is done."""
        requests = {key: triggering(key) for key in self._core.getStates(TRIGGERED)}
        known = sorted({each for each in requests.values() if each is not None})
        statement = "SELECT id FROM requests WHERE state <> 'done' AND id IN"
        isOpen = {id for (id,) in among(self._execute, statement, known)}
        over = [(key,) for key, request in requests.items() if request not in isOpen]
        self._many("DELETE FROM state WHERE name = ?", over)

    def _forgetSets(self) -> None:
        kept = {each for each in self._core.getStates(TRIGGERED).values() if isinstance(each, int)}
        gone = list(
            self._execute(
                "SELECT id FROM buildsets WHERE complete IS NOT NULL AND NOT EXISTS ("
                " SELECT 1 FROM requests r JOIN builds b ON b.builder = r.builder AND b.number = r.build"
                " WHERE r.buildset = buildsets.id)",
                (),
            )
        )
        gone = [(id,) for (id,) in gone if id not in kept]
        self._many("DELETE FROM requests WHERE buildset = ?", gone)
        self._many("DELETE FROM buildsets WHERE id = ?", gone)
