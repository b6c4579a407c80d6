# -*- test-case-name: tests.unit.store.test_imported -*-
"""Write the history of another master into the store of a stopped one. All functions block.

Builds and changes keep their numbers. The next ones get higher numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.store.address import BadAddress
from buildbot.store.columns import BUILD_COLUMNS, CHANGE_COLUMNS, buildValues, changeValues
from buildbot.store.database import BUSY
from buildbot.store.direct import Transacts, hasStore, made, opening
from buildbot.store.interface import IMPORTED, StoreFailed
from buildbot.store.place import placeOf
from buildbot.store.requests import encode
from buildbot.store.seams import Connection, OutcomeUnknown

_ADD_BUILD = (
    f"INSERT INTO builds (builder, number, started, finished, {', '.join(BUILD_COLUMNS)}, record)"
    f" VALUES (?, ?, ?, ?, {'?, ' * len(BUILD_COLUMNS)}?) ON CONFLICT DO NOTHING"
)
_ADD_CHANGE = (
    f"INSERT INTO changes (number, made, {', '.join(CHANGE_COLUMNS)}, record)"
    f" VALUES (?, ?, {'?, ' * len(CHANGE_COLUMNS)}?) ON CONFLICT DO NOTHING"
)
_ADD_SET = (
    "INSERT INTO buildsets (id, complete, results, scheduler, record) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_ADD_REQUEST = (
    "INSERT INTO requests (id, buildset, builder, attempts, state, results, build)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
#: The store's key for the highest number of an imported build set.
SETS = "imported/sets"
#: A request of an imported set: its number, builder and results, and the number of its last build or None.
DoneRequest: TypeAlias = tuple[int, str, int, int | None]
_RAISE = (
    "INSERT INTO counters (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE counters.value < excluded.value"
)


class Present:
    """I read which builds and changes a store has. I change nothing."""

    def __init__(self, store: Transacts | None) -> None:
        """@param store: None if there is no store yet."""
        self._store = store

    @classmethod
    def of(cls, basedir: str) -> Present:
        """The store of a master, which may run. Raises L{StoreFailed}."""
        try:
            return cls(opening(placeOf(basedir), patience=BUSY) if hasStore(basedir) else None)
        except BadAddress as why:
            raise StoreFailed(str(why)) from None

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()

    def builders(self) -> list[str]:
        """The names of the builders that have builds."""
        return [name for (name,) in self._ask("SELECT DISTINCT builder FROM builds ORDER BY builder")]

    def starts(self, builder: str) -> dict[int, float]:
        """The numbers of the builder's builds, with the times at which they started."""
        return dict(self._ask("SELECT number, started FROM builds WHERE builder = ?", builder))

    def changeTimes(self) -> dict[int, float]:
        """The numbers of all changes, with their times."""
        return dict(self._ask("SELECT number, made FROM changes"))

    def lastSet(self) -> int:
        """The highest number of a build set that was imported; 0 if none was."""
        rows = self._ask("SELECT value FROM state WHERE name = ?", SETS)
        return int(rows[0][0]) if rows else 0

    def hasOwnSets(self) -> bool:
        """True if there are build sets that were not imported."""
        return bool(self._ask("SELECT 1 FROM buildsets WHERE id > ? LIMIT 1", self.lastSet()))

    def _ask(self, statement: str, *values: str | int) -> list[Any]:
        if self._store is None:
            return []
        with self._store.transaction(False) as connection:
            return list(connection.execute(statement, values))


class ImportedStore(Present):
    """I am the open store of a stopped master. The caller holds the lock of its directory."""

    def __init__(self, basedir: str) -> None:
        """Open the store, or make it. Raises L{StoreFailed<buildbot.store.interface.StoreFailed>}."""
        try:
            self._made = made(placeOf(basedir))
        except BadAddress as why:
            raise StoreFailed(str(why)) from None
        super().__init__(self._made)

    def add(
        self,
        builds: Sequence[BuildRecord] = (),
        changes: Sequence[Change] = (),
        following: Mapping[str, int] | None = None,
    ) -> None:
        """Write all of these records, or none. Builds and changes that are there already stay as they are.

        @param following: by builder, the lowest number for its next build.
        @raise StoreFailed: the disk is full or broken.
        """
        counters = {f"build {name}": number for name, number in (following or {}).items()}
        buildRows = []
        for build in builds:
            assert build.number is not None
            values = buildValues(build, build.number)
            key = (build.builder, build.number, build.started, build.finished)
            buildRows.append((*key, *values, encode(build)))
            counter = f"build {build.builder}"
            counters[counter] = max(counters.get(counter, 0), build.number + 1)
        changeRows = []
        for change in changes:
            assert change.number is not None
            kept = change.bounded()
            text = json.dumps(kept.toRecord())
            changeRows.append((change.number, change.when, *changeValues(kept), text))
            counters["change"] = max(counters.get("change", 0), change.number + 1)
        with self._writing() as connection:
            connection.executemany(_ADD_BUILD, buildRows)
            connection.executemany(_ADD_CHANGE, changeRows)
            connection.executemany(_RAISE, counters.items())
            if buildRows:
                connection.execute(
                    "INSERT INTO state (name, value) VALUES (?, 'true') ON CONFLICT DO NOTHING", (IMPORTED,)
                )

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction. What is written twice is there once, so a lost answer need not be asked for."""
        try:
            with self._made.transaction(True) as connection:
                yield connection
        except OutcomeUnknown as why:
            raise StoreFailed(
                f"{why}; it is not known whether the last records were kept: the same command continues"
            ) from why

    def addSets(self, sets: Sequence[tuple[BuildsetRecord, Sequence[DoneRequest]]], last: int) -> None:
        """Write all of these build sets, which are complete, with their requests, or none.

        @param last: the highest number of a set that is dealt with: see L{lastSet}.
        @raise StoreFailed: the disk is full or broken.
        """
        setRows, requestRows = [], []
        numbers = {"buildset": last + 1, "request": 0}
        for record, requests in sets:
            setRows.append((record.id, record.complete, record.results, record.scheduler, encode(record)))
            for id, builder, results, build in requests:
                requestRows.append((id, record.id, builder, 0, "done", results, build))
                numbers["request"] = max(numbers["request"], id + 1)
        with self._writing() as connection:
            connection.executemany(_ADD_SET, setRows)
            connection.executemany(_ADD_REQUEST, requestRows)
            connection.executemany(_RAISE, numbers.items())
            connection.execute(
                "INSERT INTO state (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (SETS, str(last)),
            )
