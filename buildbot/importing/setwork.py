# -*- test-case-name: tests.unit.importing.test_oldsets -*-
"""Import the build sets of a master of 0.8, with those requests that are done.

A set is imported before its builds: an import that was stopped continues with the next set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from buildbot.importing.database import OldDatabase
from buildbot.importing.oldmaster import DATABASE
from buildbot.importing.oldsets import OldSets
from buildbot.importing.reader import Unreadable
from buildbot.importing.shapes import OldSet
from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.store.imported import DoneRequest, ImportedStore

#: The most sets of one transaction.
_MOST = 500


class SetImport:
    """I import the sets in one database. I am a context in which it is open.

    @ivar imported: the number of sets that were imported, or can be.
    @ivar before: the number of those that were imported before.
    """

    def __init__(
        self,
        path: str | None,
        names: Mapping[str, str],
        unreadable: Callable[[str, object], None],
        tell: Callable[[str], None],
        isTold: bool = False,
    ) -> None:
        """
        @param path: of the database; None: there is none.
        @param names: the old names of the chosen builders, with the new ones.
        @param unreadable: called with each thing that cannot be read, and the reason.
        @param tell: called with a line about sets that are left out.
        @param isTold: whether somebody else tells that the whole database cannot be opened.
        """
        self.imported = 0
        self.before = 0
        self._path = path
        self._names = names
        self._unreadable = unreadable
        self._tell = tell
        self._isTold = isTold
        self._database: OldDatabase | None = None
        self._sets: OldSets | None = None

    def __enter__(self) -> SetImport:
        if self._path is not None:
            try:
                self._database = OldDatabase(self._path)
                self._sets = OldSets(self._database)
            except Unreadable as why:
                if not self._isTold:
                    self._unreadable(f"the build sets in {DATABASE}", why)
        return self

    def __exit__(self, *error: object) -> None:
        if self._database is not None:
            self._database.close()

    def check(self) -> None:
        """Read all sets, and write nothing."""
        self.imported = sum(1 for each in self._read(0) if each.requests)

    def run(self, store: ImportedStore) -> None:
        """Import the sets that are not there. Raises L{StoreFailed<buildbot.store.interface.StoreFailed>}."""
        last = before = store.lastSet()
        if store.hasOwnSets():
            if any(number > before for number in self._numbers()):
                self._tell("build sets are left out, because the new master has some of its own")
            self._sets = None
            return
        batch: list[tuple[BuildsetRecord, list[DoneRequest]]] = []
        for each in self._read(before):
            last = each.record.id
            if each.requests:
                requests = [(one.id, one.builder, one.results, one.build) for one in each.requests]
                batch.append((each.record, requests))
            if len(batch) >= _MOST:
                store.addSets(batch, last)
                self.imported += len(batch)
                batch = []
        if last > before:
            store.addSets(batch, last)
            self.imported += len(batch)

    def withRequests(self, build: BuildRecord, builder: str) -> BuildRecord:
        """The record of a build with the numbers of its requests, if their sets are imported.

        @param builder: the old name of its builder.
        """
        if self._sets is None or build.number is None:
            return build
        try:
            return build.altered(requests=self._sets.requestsOf(builder, build.number))
        except Unreadable:  # it was told with the sets
            return build

    def _numbers(self) -> list[int]:
        try:
            return [] if self._sets is None else self._sets.numbers()
        except Unreadable as why:
            self._unreadable(f"the build sets in {DATABASE}", why)
            return []

    def _read(self, after: int) -> Iterator[OldSet]:
        """The sets with higher numbers, with the requests for the chosen builders under their new names."""
        for number in self._numbers():
            if 0 < number <= after:
                self.before += 1
                continue
            assert self._sets is not None
            try:
                found = self._sets.read(number)
            except Unreadable as why:
                self._unreadable(f"build set {number} in {DATABASE}", why)
                continue
            chosen = [each for each in found.requests if each.builder in self._names]
            renamed = [replace(each, builder=self._names[each.builder]) for each in chosen]
            yield OldSet(found.record, tuple(renamed))
