# -*- test-case-name: tests.unit.store.test_lists -*-
"""Lists and searches of builds and changes, in SQL.

Each statement reads rows in the order of an index, so that it ends after the rows that it returns. It reads
the columns before the record only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.model.rows import HASH, BuildFilter, BuildRow, ChangeFilter, ChangeRow, Standing, isHashPrefix
from buildbot.store.columns import BUILD_ROW, CHANGE_ROW, buildRow, changeRow
from buildbot.store.seams import Cursor, Value

#: With more builders than this, all builds are read by time, and those of other builders are passed over.
_FEW = 20
#: The most rows that are read at a time, to choose some of them.
_PAGE = 1000
#: The most texts that are remembered so that equal ones of many rows are one object: readers keep many rows.
_TEXTS = 5000
#: Greater than every character that may follow in a revision.
_LAST = "\U0010ffff"

#: The numbers of the builds of L{Standing}. A build that was retried or cancelled is neither good nor red.
_STANDING = f"""
WITH good AS (SELECT MAX(number) AS number FROM (
    SELECT MAX(number) AS number FROM builds WHERE builder = :builder AND results = {SUCCESS}
    UNION ALL SELECT MAX(number) FROM builds WHERE builder = :builder AND results = {WARNINGS}) AS found)
SELECT (SELECT number FROM builds WHERE builder = :builder AND finished IS NOT NULL
        ORDER BY number DESC LIMIT 1),
    (SELECT number FROM good),
    (SELECT MIN(number) FROM (
        SELECT MIN(number) AS number FROM builds WHERE builder = :builder AND results = {FAILURE}
            AND number > COALESCE((SELECT number FROM good), -1)
        UNION ALL SELECT MIN(number) FROM builds WHERE builder = :builder AND results = {EXCEPTION}
            AND number > COALESCE((SELECT number FROM good), -1)) AS found)
"""


class SqlLists:
    """I am the L{ListCore<buildbot.store.lists.ListCore>} of stores that have a database.

    @param execute: runs one statement in the current transaction.
    """

    def __init__(self, execute: Callable[[str, Sequence[Value]], Cursor]) -> None:
        self._execute = execute
        self._texts: dict[str, str] = {}

    def getBuildRows(self, filter: BuildFilter, count: int, after: Sequence[Any] | None) -> list[BuildRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        time = _timeOf(filter)
        conditions, values = _conditions(filter, time)
        if after is not None:
            conditions.append(f"({time}, builder, number) < (?, ?, ?)")
            values += after
        order = f"ORDER BY {time} DESC, builder DESC, number DESC LIMIT ?"
        parts = [
            self._builds([*more, *conditions], order, *firsts, *values, count)
            for more, firsts in _parts(filter)
        ]
        newest = merge(*parts, key=lambda row: row.place(filter.byEnd), reverse=True)
        return list(islice(newest, count))

    def getLastRows(self, builder: str, count: int) -> list[BuildRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        return self._builds(["builder = ?"], "ORDER BY number DESC LIMIT ?", builder, count)

    def getStanding(self, builder: str) -> Standing:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        numbers = self._execute(_STANDING.replace(":builder", "?"), (builder,) * 5).fetchone()
        wanted = sorted({each for each in numbers if each is not None})
        if not wanted:
            return Standing()
        marks = ", ".join("?" for _ in wanted)
        rows = self._builds(["builder = ?", f"number IN ({marks})"], "", builder, *wanted)
        found = {row.number: row for row in rows}
        return Standing(*(found.get(each) for each in numbers))

    def getRowsOfChanges(self, numbers: Sequence[int], count: int) -> list[BuildRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        wanted = frozenset(numbers)
        found: list[BuildRow] = []
        conditions = ["latest >= ?", "first <= ?"]
        values: list[Value] = [min(wanted), max(wanted)]
        # the index of changes finds few builds, that of starts would read all
        order = "ORDER BY +started DESC, builder DESC, number DESC LIMIT ?"
        while len(found) < count:
            rows = self._builds(conditions, order, *values, _PAGE)
            found += [row for row in rows if not wanted.isdisjoint(row.changes)]
            if len(rows) < _PAGE:
                break
            conditions = [*conditions[:2], "(+started, builder, number) < (?, ?, ?)"]
            values = [*values[:2], *rows[-1].place()]
        return found[:count]

    def getNumbers(self, builder: str, numbers: Sequence[int]) -> set[int]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        among, values = _oneOf("number", numbers)
        rows = self._execute(
            f"SELECT number FROM builds WHERE builder = ? AND {among[0]}", (builder, *values)
        )
        return {number for (number,) in rows}

    def countBuilds(self) -> dict[str, int]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        return dict(self._execute("SELECT builder, COUNT(*) FROM builds GROUP BY builder", ()))

    def getChangeRows(self, filter: ChangeFilter, count: int, before: int | None) -> list[ChangeRow]:
        """See L{ListCore<buildbot.store.lists.ListCore>}."""
        conditions, values = _revisions(filter)
        by = self._authors(filter)
        for name in ("who", "project", "repository"):
            value = getattr(filter, name)
            if value is not None:
                conditions.append(f"{name} = ?")
                values.append(value)
        _addBranch(filter.branch, conditions, values)
        for condition, limit in (
            ("made >= ?", filter.since),
            ("made < ?", filter.until),
        ):
            if limit is not None:
                conditions.append(condition)
                values.append(limit)
        isFew = by is not None and len(by) <= _FEW
        if by is not None and isFew:
            named, more = _oneOf("who", by)
            conditions += named or ["1 = 0"]
            values += more
        found: list[ChangeRow] = []
        size = count if by is None or isFew else max(count, _PAGE)
        while len(found) < count:
            below, last = (["number < ?"], [before]) if before is not None else ([], [])
            rows = self._changes([*conditions, *below], *values, *last, size)
            found += [each for each in rows if isFew or filter.isBy(each.who)]
            if len(rows) < size:
                break
            before = rows[-1].number
        return found[:count]

    def _changes(self, conditions: Sequence[str], *values: Value) -> list[ChangeRow]:
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = f"SELECT {CHANGE_ROW} FROM changes {where} ORDER BY number DESC LIMIT ?"
        return [changeRow(each) for each in self._execute(statement, values)]

    def _authors(self, filter: ChangeFilter) -> list[str] | None:
        """All names of authors that the filter selects; None if it selects all. Only the index is read."""
        if filter.author is None:
            return None
        names = self._execute("SELECT DISTINCT who FROM changes WHERE who IS NOT NULL", ())
        return [who for (who,) in names if filter.isBy(who)]

    def _builds(self, conditions: Sequence[str], order: str, *values: Value) -> list[BuildRow]:
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = f"SELECT {BUILD_ROW} FROM builds {where} {order}"
        if len(self._texts) > _TEXTS:
            self._texts.clear()
        same = self._texts.setdefault
        return [
            buildRow([same(value, value) if type(value) is str else value for value in row])
            for row in self._execute(statement, values)
        ]


def _timeOf(filter: BuildFilter) -> str:
    """The SQL for the time that a list is sorted by.

    A plus sign keeps SQLite from a search of the index of that time, where another index finds few rows.
    """
    named = (filter.revision, filter.prefix, filter.abbreviated)
    isNarrow = any(each is not None for each in named) or filter.state == "running"
    return f"{'+' * isNarrow}{'finished' if filter.byEnd else 'started'}"


def _parts(filter: BuildFilter) -> list[tuple[list[str], list[Value]]]:
    """Conditions and values of the lists that make the whole list together.

    Each part has one builder or one result, so that it is read in the order of an index.
    """
    if filter.builders is not None:
        builders = sorted(set(filter.builders))
        if len(builders) <= _FEW:
            results, values = _oneOf("results", filter.results)
            return [(["builder = ?", *results], [each, *values]) for each in builders]
        conditions, values = _oneOf("builder", builders)
        results, more = _oneOf("results", filter.results)
        return [([*conditions, *results], [*values, *more])]
    if filter.slave is not None:  # a slave has few builds, compared with a result
        results, values = _oneOf("+results", filter.results)
        return [(results, values)]
    if filter.results:
        return [(["results = ?"], [each]) for each in sorted(set(filter.results))]
    return [([], [])]


def _oneOf(column: str, wanted: Sequence[Value]) -> tuple[list[str], list[Value]]:
    """The condition that a column has one of these values, and the values; no condition without any."""
    return ([f"{column} IN ({', '.join('?' for _ in wanted)})"] if wanted else []), list(wanted)


def _conditions(filter: BuildFilter, time: str) -> tuple[list[str], list[Any]]:
    """The conditions of a filter but those for builders and results, and the values for their places."""
    conditions, values = _revisions(filter)
    for condition, value in (
        ("slave = ?", filter.slave),
        (f"{time} >= ?", filter.since),
        (f"{time} < ?", filter.until),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    _addBranch(filter.branch, conditions, values)
    if filter.branches:
        named, more = _oneOf("branch", [each for each in filter.branches if each])
        named += ["branch IS NULL"] * ("" in filter.branches)
        conditions.append(f"({' OR '.join(named)})")
        values += more
    if filter.state == "running":
        conditions.append("finished IS NULL")
    if filter.state == "finished" or filter.byEnd:
        conditions.append("finished IS NOT NULL")
    return conditions, values


def _revisions(filter: BuildFilter | ChangeFilter) -> tuple[list[str], list[Any]]:
    """The conditions for a revision, and the values for their places."""
    asked = filter.abbreviated
    isShort = asked is not None and isHashPrefix(asked)
    conditions: list[str] = []
    values: list[Any] = []
    for whole in (filter.revision, None if isShort else asked):
        if whole is not None:
            conditions.append("revision = ?")
            values.append(whole)
    if filter.prefix is not None:
        conditions.append("revision >= ? AND revision < ?")
        values += (filter.prefix, filter.prefix + _LAST)
    if asked is not None and isShort:
        conditions.append("revision >= ? AND revision < ? AND (revision = ? OR LENGTH(revision) >= ?)")
        values += (asked, asked + _LAST, asked, HASH)
    return conditions, values


def _addBranch(branch: str | None, conditions: list[str], values: list[Any]) -> None:
    """Add the condition for a branch; the main line has no name."""
    if branch:
        conditions.append("branch = ?")
        values.append(branch)
    elif branch is not None:
        conditions.append("branch IS NULL")
