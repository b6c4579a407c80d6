"""Stores for tests, used without a reactor, so that tests are sequential."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, LogRecord, RequestRecord, StepRecord
from buildbot.store.database import Database
from buildbot.store.interface import StoreFailed
from buildbot.store.requests import Store
from buildbot.store.schema import CURRENT, Schema
from buildbot.store.sqlite import FILE, SqliteStore
from tests.loglisteners import hearLog

_T = TypeVar("_T")

#: A thread that has not answered within this many seconds hangs.
PATIENCE = 180.0


#: For each number of records, a file with them and its content: see L{SqliteCase.filled}.
_filled: dict[int, tuple[bytes, list[Any]]] = {}


class Turnstile:
    """I replace the reactor of a store. Delayed calls run in C{result}."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., object], Any]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> None:
        """Make the call in this thread."""
        self._calls.put((callable, args))

    def callLater(self, delay: float, callable: Callable[..., object], /, *args: object) -> None:
        """Make the call in a later turn."""
        self._calls.put((callable, args))

    def result(self, deferred: Deferred[_T]) -> _T:
        """Return the result of the Deferred, or raise its failure."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        while not results:
            call, args = self._calls.get(timeout=PATIENCE)
            call(*args)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        got: _T = results[0]
        return got


class StoreCase(unittest.SynchronousTestCase):
    """I have methods that put records into a store in one line each."""

    store: Store

    def setUp(self) -> None:
        self.turnstile = Turnstile()
        self.get = self.turnstile.result

    def sqlite(self, directory: str | None = None, **options: Any) -> SqliteStore:
        """A store in a directory, by default in a new one; closed when the test ends. Not open yet.

        A new directory has a store without records, unless there are options: it takes long to make one.
        """
        self.directory = directory or self.mktemp()
        os.makedirs(self.directory, exist_ok=True)
        if directory is None and not options:
            self.write(_empty())
        store = SqliteStore(self.directory, self.turnstile, pace=0, **options)
        self.addCleanup(self.closed, store)
        return store

    @property
    def file(self) -> str:
        """The database file of the last store that L{sqlite} made."""
        return os.path.join(self.directory, FILE)

    def write(self, text: bytes) -> None:
        """Write the database file."""
        Path(self.file).touch(0o600)
        Path(self.file).write_bytes(text)

    def closed(self, store: Store) -> None:
        """Close the store if it is open."""
        self.get(store.close().addErrback(lambda failure: None))

    def change(self, who: str = "mary", when: float = 10.0) -> Change:
        """Add a change to the store."""
        return self.get(self.store.addChange(Change(who, ["a.c"], "because", when=when)))

    def ask(self, *builders: str, **options: Any) -> tuple[BuildsetRecord, list[RequestRecord]]:
        """Add a buildset to the store."""
        state, keys = options.pop("state", None), options.pop("keys", ())
        return self.get(self.store.addBuildset(buildset(**options), builders, state, keys))

    def start(self, *requests: RequestRecord, builder: str = "full", started: float = 30.0) -> BuildRecord:
        """Add a running build to the store."""
        return self.get(self.store.startBuild(build(builder, requests, started)))

    def finish(
        self, build: BuildRecord, results: int = 0, requeue: bool = False, finished: float = 40.0
    ) -> list[BuildsetRecord]:
        """Finish a build; return the buildsets that are complete by that."""
        over = replace(build, finished=finished, results=results, text=("over",))
        return self.get(self.store.finishBuild(over, requeue))

    def pending(self) -> list[int]:
        """The numbers of the waiting requests."""
        return [each.id for each in self.get(self.store.pendingRequests())]


class SqliteCase(StoreCase):
    """I have a store in a directory, and methods to read all of it."""

    def setUp(self) -> None:
        super().setUp()
        self.warnings: list[str] = []
        hearLog(self, self.observe)

    def observe(self, event: dict[str, Any]) -> None:
        if event["log_level"] >= LogLevel.warn and "log_format" in event:
            self.warnings.append(event["log_format"].format(**event))

    def opened(self, directory: str | None = None, **options: Any) -> SqliteStore:
        """Open a store, which the other methods use from now on."""
        self.store = store = self.sqlite(directory, **options)
        self.get(store.open())
        return store

    def quick(self) -> str:
        """A new directory, in memory if possible, so that nothing waits for a disk."""
        directory = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(shutil.rmtree, directory)
        return directory

    def holding(self, text: bytes, log: bytes = b"") -> str:
        """A new directory with this database, and this write-ahead log."""
        directory = self.quick()
        Path(directory, "state.sqlite").write_bytes(text)
        if log:
            Path(directory, "state.sqlite-wal").write_bytes(log)
        return directory

    def contents(self, store: Store) -> list[Any]:
        """The content of a store."""
        asked: list[Deferred[Any]] = [
            store.getChanges(1000),
            store.pendingRequests(),
            store.getBuilds(count=1000),
            store.getStates(""),
            *(store.getBuildset(id) for id in range(1, 20)),
        ]
        changes, requests, builds, states, *buildsets = map(self.get, asked)
        return [changes, buildsets, requests, builds, states]

    def fill(self, count: int = 3) -> list[Any]:
        """Add records of all kinds to the store; return its content."""
        for number in range(count):
            self.change()
            _, (one, _) = self.ask("full", "quick")
            self.finish(logged(self.start(one), f"full/{number}-" + "x" * 500))
            self.get(self.store.setState(f"key{number}", number))
        return self.contents(self.store)

    def filled(self, count: int) -> list[Any]:
        """A closed store in a new directory, as L{fill} leaves it; return its content: do not change that.

        It is filled once in a process.
        """
        if count not in _filled:
            self.opened()
            found = self.fill(count)
            self.get(self.store.close())
            _filled[count] = Path(self.file).read_bytes(), found
        text, found = _filled[count]
        self.store = self.sqlite()
        self.write(text)
        return found

    def fillUp(self, store: Store) -> None:
        """Add records until there is no more room; check that all acknowledged ones are there."""
        kept = []
        for number in range(2000):
            try:
                self.get(store.setState(f"key{number}", "x" * 2000))
            except StoreFailed as error:
                self.assertIn("full", error.reason)
                break
            kept.append(f"key{number}")
        else:
            self.fail("it was never full")
        self.assertGreater(len(kept), 3)
        states = self.get(store.getStates("key"))
        self.assertEqual(set(states), set(kept))
        self.assertRaises(StoreFailed, self.get, store.setState("more", "x" * 100000))


@cache
def _empty() -> bytes:
    """A database file as the master makes it."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, FILE)
        Database(path, sqlite3.connect, CURRENT).close()
        return Path(path).read_bytes()


def buildset(**options: Any) -> BuildsetRecord:
    """A buildset to add."""
    given: dict[str, Any] = {
        **{"reason": "a change", "sourcestamp": {"branch": None}, "properties": {"p": [1, "Web"]}},
        **{"scheduler": "quick", "submitted": 20.0},
    }
    return BuildsetRecord(id=0, **{**given, **options})


def build(builder: str, requests: Sequence[RequestRecord] = (), started: float = 30.0) -> BuildRecord:
    """A build to start."""
    return BuildRecord(builder, None, "bot1", tuple(each.id for each in requests), started, reason="a change")


def logged(build: BuildRecord, *filenames: str) -> BuildRecord:
    """The build with one step that has these logs."""
    logs = tuple(LogRecord("stdio", each, 5) for each in filenames)
    return replace(build, steps=(StepRecord("compile", 31.0, 32.0, 0, ("compiled",), logs),))


class Faults:
    """I open databases, and let the statement C{failing} (counted from 0 over all of them) fail.

    @ivar count: the number of statements so far.
    @ivar lasts: True if all later ones fail too, until C{failing} is None.
    """

    def __init__(self, failing: int | None = None, lasts: bool = False, text: str = "disk I/O error") -> None:
        self.failing = failing
        self.lasts = lasts
        self.text = text
        self.count = 0

    def connect(self, *args: Any, **options: Any) -> Any:
        """As L{sqlite3.connect}."""
        self.step()
        return _FaultyConnection(self, sqlite3.connect(*args, **options))

    def step(self) -> None:
        """Count a statement; raise if it is to fail."""
        number, self.count = self.count, self.count + 1
        if self.failing is not None and (number == self.failing or (self.lasts and number > self.failing)):
            raise sqlite3.OperationalError(self.text)


class _FaultyConnection:
    def __init__(self, faults: Faults, connection: sqlite3.Connection) -> None:
        self._faults = faults
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, *args: Any) -> Any:
        self._faults.step()
        return self._connection.execute(*args)

    def executemany(self, *args: Any) -> Any:
        self._faults.step()
        return self._connection.executemany(*args)


def later(schema: Schema = CURRENT) -> Schema:
    """The schema of a later release, with one more column."""
    added = "ALTER TABLE builds ADD COLUMN mood TEXT"
    return Schema(schema.version + 1, schema.statements, {**schema.upgrades, schema.version: (added,)})
