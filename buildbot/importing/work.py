# -*- test-case-name: tests.unit.importing.test_work -*-
"""Import the history of an old master: all changes, then the builds of one builder after another.

Records are written in batches. A batch is stored only after its logs are on disk. So the import can be
stopped at any moment, and the same command continues it.
"""

from __future__ import annotations

import os
import shlex
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from buildbot.importing.database import LAST, OldDatabase
from buildbot.importing.oldlogs import LogGone, NoLog, copyLog, writeHTML
from buildbot.importing.oldmaster import CHANGES, DATABASE, OldBuilder, OldMaster, readPickle
from buildbot.importing.reader import PickleReader, Unreadable
from buildbot.importing.setwork import SetImport
from buildbot.importing.shapes import NotABuild, OldBuild, buildOf, changesOf
from buildbot.logs.files import logFilename
from buildbot.logs.names import LOGS
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, LogRecord
from buildbot.store.imported import ImportedStore, Present
from buildbot.text.plural import counted

#: A batch ends after this many records, or after this many seconds.
MOST, SECONDS = 500, 5.0
#: How many pickles are read ahead.
_AHEAD = 4
#: The most numbers in a message about conflicts.
_SHOWN = 5


@dataclass
class Tally:
    """I count what was done.

    @ivar total: the number of builds of the chosen builders.
    @ivar passed: how many of them are done, or were imported before.
    @ivar before: how many builds were imported before.
    @ivar sets: how many build sets of 0.8 were imported.
    @ivar gone: the logs that the old master has deleted, and that its builds still name.
    @ivar unreadable: the things that could not be read.
    """

    total: int = 0
    passed: int = 0
    before: int = 0
    builds: int = 0
    changes: int = 0
    changesBefore: int = 0
    sets: int = 0
    logs: int = 0
    size: int = 0
    gone: int = 0
    unreadable: int = 0


@dataclass
class _Batch:
    """I am the builds and changes that are stored in one transaction."""

    begun: float
    builds: list[BuildRecord] = field(default_factory=list)


class Import:
    """I import one old master.

    @ivar tally: what is done so far; other threads may read it.
    """

    def __init__(
        self,
        old: OldMaster,
        reader: PickleReader,
        names: Mapping[str, str],
        withChanges: bool,
        tell: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """@param names: the builders to import, each with its name in the new master.
        @param tell: called with a line about each thing that cannot be read.
        """
        self.tally = Tally()
        self._old = old
        self._reader = reader
        self._builders = [(each, names[each.name]) for each in old.builders if each.name in names]
        self._withChanges = withChanges
        self._tell = tell
        self._monotonic = monotonic
        self.tally.total = sum(len(builder.numbers) for builder, _ in self._builders)

    def conflicts(self, present: Present) -> list[str]:
        """A line for each builder whose old builds have the numbers of new ones, or are there with another
        name; and one for changes.
        """
        lines = []
        for builder, name in self._builders:
            starts = present.starts(name)
            both = [number for number in builder.numbers if number in starts]
            if any(self._differs(builder, each, starts[each]) for each in _sample(both)):
                lines.append(f"builder {name} has {_some('build', both)}")
            other = "" if starts else self._otherName(builder, name, present)
            if other:
                rename = shlex.quote(f"{builder.name}={other}")
                lines.append(
                    f"builder {builder.name} is there as {other}: continue that with --rename {rename}"
                )
        times = present.changeTimes() if self._withChanges else {}
        changes = self._changes(frozenset(), quietly=True) if times else ()
        differing = [
            each.number or 0 for each in changes if times.get(each.number or 0, each.when) != each.when
        ]
        if differing:
            lines.append(f"it has {_some('change', differing)}")
        return lines

    def _differs(self, builder: OldBuilder, number: int, started: float) -> bool:
        """True if an old build started at another time than the build with its number in the new master."""
        return self._started(builder, number) not in (None, started)

    def _started(self, builder: OldBuilder, number: int) -> float | None:
        """The start of an old build, in seconds since the epoch; None if it cannot be read."""
        try:
            value = readPickle(os.path.join(builder.directory, str(number)), self._reader)
            return buildOf(value, builder.name, number).record.started
        except (Unreadable, NotABuild):
            return None

    def _otherName(self, builder: OldBuilder, name: str, present: Present) -> str:
        """The name with which the builder was imported before; "" if it was not.

        While its pickle is damaged, a builder has the name of its directory.
        """
        names = present.builders() if builder.trouble else [os.path.basename(builder.directory)]
        names = [each for each in names if each not in {own for _, own in self._builders}]
        starts = {number: self._started(builder, number) for number in _sample(builder.numbers)}
        readable = {number: started for number, started in starts.items() if started is not None}
        for each in names:
            if readable and readable.items() & present.starts(each).items():
                return each
        return ""

    def check(self) -> None:
        """Read everything, and write nothing."""
        self._tellLeft()
        if self._withChanges:
            self.tally.changes = sum(1 for _ in self._changes(frozenset()))
        with self._setsOf08() as sets:
            sets.check()
            self.tally.sets = sets.imported
        for builder, name in self._builders:
            with closing(self._all(builder, name, builder.numbers)) as builds:
                for build in builds:
                    self.tally.builds += build is not None
                    self.tally.passed += 1

    def run(self, store: ImportedStore, here: str) -> None:
        """Import everything.

        @param here: the directory of the new master, whose lock the caller holds.
        @raise StoreFailed: the store cannot be written.
        @raise OSError: a log cannot be written.
        """
        self._tellLeft()
        if self._withChanges:
            self._runChanges(store)
        with self._setsOf08() as sets:
            sets.run(store)
            self.tally.sets = sets.imported
            for builder, name in self._builders:
                self._runBuilder(store, here, builder, name, sets)

    def _setsOf08(self) -> SetImport:
        names = {builder.name: name for builder, name in self._builders}
        return SetImport(self._old.database, names, self._unreadable, self._tell, self._withChanges)

    def _tellLeft(self) -> None:
        for path, why in self._old.left:
            self._unreadable(path, why)

    # changes

    def _runChanges(self, store: ImportedStore) -> None:
        there = store.changeTimes()
        batch: list[Change] = []
        for change in self._changes(there):
            batch.append(change)
            if len(batch) >= MOST:
                store.add(changes=batch)
                self.tally.changes += len(batch)
                batch = []
        if batch:
            store.add(changes=batch)
            self.tally.changes += len(batch)

    def _changes(self, there: Iterable[int], quietly: bool = False) -> Iterable[Change]:
        """The changes that are not there yet, the lowest number first."""
        there = set(there)
        if self._old.database is not None:
            yield from self._changesOf08(self._old.database, there, quietly)
        elif self._old.changes is not None:
            try:
                changes = changesOf(readPickle(self._old.changes, self._reader))
            except (Unreadable, NotABuild) as why:
                self._unreadable(CHANGES, why, quietly)
                return
            for change in sorted(changes, key=lambda each: each.number or 0):
                if change.number not in there:
                    yield change
                elif not quietly:
                    self.tally.changesBefore += 1

    def _changesOf08(self, path: str, there: set[int], quietly: bool) -> Iterable[Change]:
        try:
            database = OldDatabase(path)
        except Unreadable as why:
            self._unreadable(DATABASE, why, quietly)
            return
        try:
            version = database.version
            if version is not None and version > LAST and not quietly:
                self._tell(
                    f"{DATABASE} is of 0.9 or later (version {version} of its tables): builds since then"
                    " are left out"
                )
            for number in database.changeNumbers():
                if number in there:
                    self.tally.changesBefore += not quietly
                    continue
                try:
                    yield database.change(number)
                except Unreadable as why:
                    self._unreadable(f"change {number} in {DATABASE}", why, quietly)
            waiting = database.waiting()
            if waiting and not quietly:
                self._tell(f"not imported, because not done: {counted(waiting, 'request')} in {DATABASE}")
        except Unreadable as why:
            self._unreadable(DATABASE, why, quietly)
        finally:
            database.close()

    # builds

    def _runBuilder(
        self, store: ImportedStore, here: str, builder: OldBuilder, name: str, sets: SetImport
    ) -> None:
        if builder.trouble:
            self._unreadable(
                f"the name of the builder in {builder.directory}, which is now called {name}",
                builder.trouble,
            )
        there = store.starts(name)
        following = {name: builder.next}
        batch = _Batch(self._monotonic())
        missing = [number for number in builder.numbers if number not in there]
        self.tally.before += len(builder.numbers) - len(missing)
        self.tally.passed += len(builder.numbers) - len(missing)
        with closing(self._all(builder, name, missing)) as builds:
            for build in builds:
                if build is not None:
                    record = self._withLogs(build, builder, here)
                    batch.builds.append(sets.withRequests(record, builder.name))
                self.tally.passed += 1
                if len(batch.builds) >= MOST or self._monotonic() - batch.begun > SECONDS:
                    self._write(store, batch, following)
                    batch = _Batch(self._monotonic())
        self._write(store, batch, following)

    def _write(self, store: ImportedStore, batch: _Batch, following: Mapping[str, int]) -> None:
        if batch.builds:
            os.sync()  # one call for all logs: a call for each takes most of the time
        store.add(batch.builds, following=following)
        self.tally.builds += len(batch.builds)

    def _all(
        self, builder: OldBuilder, name: str, numbers: Sequence[int]
    ) -> Generator[OldBuild | None, None, None]:
        """The builds with these numbers; None for an unreadable one.

        A thread reads the next pickles meanwhile, so the import does not wait for the other program.
        """
        left = iter(numbers)
        pool = ThreadPoolExecutor(1, "pickles")
        ahead: deque[tuple[int, Future[object]]] = deque()
        try:
            while True:
                for number in islice(left, _AHEAD - len(ahead)):
                    path = os.path.join(builder.directory, str(number))
                    ahead.append((number, pool.submit(readPickle, path, self._reader)))
                if not ahead:
                    return
                number, coming = ahead.popleft()
                yield self._read(builder, name, number, coming)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, builder: OldBuilder, name: str, number: int, coming: Future[object]) -> OldBuild | None:
        try:
            return buildOf(coming.result(), name, number)
        except (Unreadable, NotABuild) as why:
            self._unreadable(f"{os.path.basename(builder.directory)}/{number}", why)
            return None

    def _withLogs(self, build: OldBuild, builder: OldBuilder, here: str) -> BuildRecord:
        """The record with its logs, which are copied."""
        record = build.record
        assert record.number is not None
        taken: set[str] = set()
        logs: list[list[LogRecord]] = [[] for _ in record.steps]
        for old in build.logs:
            step = record.steps[old.step].name
            filename = logFilename(record.builder, record.number, step, old.name, taken)
            taken.add(filename)
            path = os.path.join(here, LOGS, filename)
            log = LogRecord(old.name, filename, html=old.isHTML)
            when = record.finished or record.started
            try:
                if old.html is not None:
                    log = writeHTML(old.html, path, log, when)
                else:
                    log = copyLog(builder.directory, old.filename, path, log, when)
            except NoLog as why:
                if isinstance(why, LogGone):
                    self.tally.gone += 1  # old masters delete logs and keep their builds
                else:
                    self._unreadable(f"{os.path.basename(builder.directory)}/{old.filename}", why)
                log = LogRecord(old.name, filename, 0, None, f"not imported: {why}", old.isHTML)
            else:
                self.tally.logs += 1
                self.tally.size += log.length or 0
                if log.trouble:
                    self._unreadable(f"{os.path.basename(builder.directory)}/{old.filename}", log.trouble)
            logs[old.step].append(log)
        steps = zip(record.steps, logs, strict=True)
        return record.altered(steps=tuple(step.altered(logs=tuple(own)) for step, own in steps))

    def _unreadable(self, what: str, why: object, quietly: bool = False) -> None:
        if not quietly:
            self.tally.unreadable += 1
            self._tell(f"cannot read {what}: {why}")


def _sample(numbers: Sequence[int]) -> set[int]:
    """The first number, the one in the middle, and the last one."""
    return {numbers[0], numbers[len(numbers) // 2], numbers[-1]} if numbers else set()


def _some(word: str, numbers: list[int]) -> str:
    told = ", ".join(map(str, numbers[:_SHOWN]))
    more = ", …" if len(numbers) > _SHOWN else ""
    return f"{counted(len(numbers), word)} of its own with the numbers of old ones: {told}{more}"
