"""The store of a master: its file, its thread, and the files of other releases."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from buildbot.process.storehealth import storeSymptom
from buildbot.store.database import isOutage
from buildbot.store.interface import SchemaTooNew, StoreConflict, StoreFailed
from buildbot.store.requests import encode
from buildbot.store.schema import CURRENT, Schema
from buildbot.store.sql import SqlCore
from buildbot.store.sqlite import FILE, SqliteStore
from tests.effort import leastEffort
from tests.examples import sample, trying
from tests.stores import Faults, SqliteCase, build, buildset, later


class FilesTests(SqliteCase):
    """The files in the directory."""

    def test_private(self) -> None:
        """The store is private: it may contain secret properties of builds."""
        self.opened()
        self.change()
        modes = {
            name: stat.S_IMODE(os.stat(os.path.join(self.directory, name)).st_mode)
            for name in os.listdir(self.directory)
        }
        self.assertEqual(set(modes.values()), {0o600}, modes)
        self.assertIn("state.sqlite", modes)

    def test_oneFileAtRest(self) -> None:
        """A closed store is one file, which can be copied."""
        self.opened()
        self.fill()
        self.get(self.store.close())
        self.assertEqual(os.listdir(self.directory), ["state.sqlite"])

    def test_noThreadLeft(self) -> None:
        """A closed store has no thread, nor has one that could not be opened."""
        before = threading.enumerate()  # perhaps some of an earlier test, which are just ending
        store = self.opened()
        self.get(store.close())
        failing = self.sqlite(connect=Faults(0).connect)
        self.assertRaises(StoreFailed, self.get, failing.open())
        for thread in threading.enumerate():
            if thread.name == "store":
                thread.join(300)
        self.assertEqual([each for each in threading.enumerate() if each not in before], [])

    def test_openTwice(self) -> None:
        """An open store is not opened again."""
        store = self.opened()
        self.assertRaises(StoreFailed, self.get, store.open())
        self.change()

    def test_notAFile(self) -> None:
        """An error at opening has the file's name, and opening can be retried."""
        store = self.sqlite(self.mktemp())
        os.mkdir(self.file)
        with self.assertRaises(StoreFailed) as caught:
            self.get(store.open())
        self.assertIn("state.sqlite", caught.exception.reason)
        os.rmdir(self.file)
        self.get(store.open())

    def test_deleted(self) -> None:
        """Row 11: after the file was deleted while the master runs, no write is acknowledged."""
        store = self.opened()
        os.unlink(self.file)
        self.assertIn("has been deleted", store.loss())
        with self.assertRaises(StoreFailed) as caught:
            self.change()
        self.assertIn("has been deleted", caught.exception.reason)
        self.assertIn("start the master again", storeSymptom(caught.exception.reason).cure)
        self.assertIn("goes on by itself", storeSymptom("database or disk is full").cure)
        shutil.rmtree(self.directory)
        self.assertRaises(StoreFailed, self.pending)

    def test_movedAway(self) -> None:
        """F5: a store knows without a write that its file is not in its place, and that it is back."""
        store = self.opened()
        self.assertEqual(store.loss(), "")
        os.rename(self.file, f"{self.file}.away")
        open(self.file, "w").close()
        self.assertIn("has been deleted or replaced", store.loss())
        os.rename(f"{self.file}.away", self.file)
        self.assertEqual(store.loss(), "")
        self.change()
        self.get(store.close())
        os.unlink(self.file)
        self.assertEqual(store.loss(), "")

    def test_othersMayRead(self) -> None:
        """A backup can be made while the master runs."""
        self.opened()
        self.fill()
        copy = self.mktemp()
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            self.assertEqual(target.execute("SELECT COUNT(*) FROM builds").fetchone(), (3,))


class GroupsTests(SqliteCase):
    """Many calls in one commit."""

    def begin(self, **options: Any) -> tuple[SqliteStore, Deferred[None]]:
        """A store that is being opened: all calls now are one group."""
        store = self.sqlite(**options)
        return store, store.open()

    def test_commits(self) -> None:
        """A thousand calls at once wait for the disk only a few times."""
        statements: list[str] = []
        store, opened = self.begin(connect=_recording(statements))
        calls = [store.setState(f"key{number}", number) for number in range(1000)]
        self.get(opened)
        for call in calls:
            self.get(call)
        self.assertLess(statements.count("COMMIT"), 6)
        self.assertEqual(len(self.get(store.getStates("key"))), 1000)

    def test_statements(self) -> None:
        """From its request to its end, a build reads nothing, and writes ten rows in three commits."""
        statements: list[str] = []
        self.opened(connect=_recording(statements))
        self.finish(self.start(self.ask("full")[1][0]))  # reads the counters
        del statements[:]
        self.finish(self.start(self.ask("full")[1][0]))
        kinds = Counter(each.split()[0] for each in statements)
        self.assertEqual(kinds, {"BEGIN": 3, "INSERT": 6, "UPDATE": 4, "COMMIT": 3})

    def test_oneTurn(self) -> None:
        """All calls in one turn of the reactor to an idle store are one commit."""
        statements: list[str] = []
        store, opened = self.begin(connect=_recording(statements))
        self.get(opened)
        del statements[:]
        for call in [store.setState(f"key{number}", number) for number in range(100)]:
            self.get(call)
        self.assertEqual(statements.count("COMMIT"), 1)

    def test_lastSaveCounts(self) -> None:
        """If one build is saved several times without a read in between, only the last save is written."""
        self.opened()
        started = self.start()
        self.get(self.store.close())
        statements: list[str] = []
        store, opened = self.begin(directory=self.directory, connect=_recording(statements))
        saves = [store.saveBuild(replace(started, text=(str(number),))) for number in range(5)]
        middle = store.getBuild("full", 0)
        saves += [store.saveBuild(replace(started, text=(str(number),))) for number in range(5, 9)]
        finished = store.finishBuild(replace(started, finished=50.0, results=0, text=("over",)))
        late = store.saveBuild(started)
        self.get(opened)
        self.assertEqual([self.get(each) for each in saves], [None] * 9)
        self.assertEqual(getattr(self.get(middle), "text", None), ("4",))
        self.assertEqual(self.get(finished), [])
        self.assertRaises(StoreConflict, self.get, late)
        self.assertEqual(getattr(self.get(store.getBuild("full", 0)), "text", None), ("over",))
        del statements[: statements.index("ROLLBACK") + 1]  # what was tried before the conflict was found
        self.assertEqual(len([each for each in statements if each.startswith("UPDATE builds")]), 3)

    def test_conflictAmongMany(self) -> None:
        """A call that conflicts with an earlier one fails alone; all others in its group are stored."""
        self.opened()
        a, b, c = (self.start(*self.ask(name)[1], builder=name) for name in "abc")
        (waiting,) = self.ask("d")[1]
        again = build("d", [waiting], 45.0)
        ended = [replace(each, finished=50.0, results=0) for each in (a, b, c)]
        finished = [self.store.finishBuild(each) for each in ended]
        twice = self.store.finishBuild(ended[0])
        elsewhere = self.store.startBuild(build("c", [waiting], 45.0))
        started, startedTwice = self.store.startBuild(again), self.store.startBuild(again)
        self.assertEqual([self.get(each)[0].results for each in finished], [0, 0, 0])
        for conflict in (twice, elsewhere, startedTwice):
            self.assertRaises(StoreConflict, self.get, conflict)
        self.assertEqual((self.get(started).number, self.pending()), (0, []))
        stored = [self.get(self.store.getBuild(name, 0)) for name in "abcd"]
        self.assertEqual([each and each.finished for each in stored], [50.0, 50.0, 50.0, None])
        self.assertEqual(self.start(*self.ask("c")[1], builder="c").number, 1)

    def test_oneBadAmongMany(self) -> None:
        """A call that is impossible fails alone; all others in its group are stored."""
        store, opened = self.begin()
        before = store.setState("before", 1)
        bad = store.cancelRequests([object()], 1.0)  # type: ignore[list-item]
        conflict = store.cancelRequests([1 << 80], 1.0)
        after = store.setState("after", 2)
        self.get(opened)
        self.get(before)
        self.assertRaises(sqlite3.Error, self.get, bad)
        self.assertRaises(OverflowError, self.get, conflict)
        self.get(after)
        self.assertEqual(self.get(store.getStates("")), {"before": 1, "after": 2})

    def test_closeWaits(self) -> None:
        """A store finishes earlier calls before it closes."""
        store, opened = self.begin()
        calls = [store.setState("n", number) for number in range(1200)]
        closed = store.close()
        self.get(opened)
        self.get(closed)
        self.get(calls[-1])
        self.get(store.open())
        self.assertEqual(self.get(store.getState("n")), 1199)

    def test_manyPending(self) -> None:
        """P5: ten thousand waiting requests are read in well under a second."""
        self.opened()
        asked = buildset(sourcestamp={"branch": "b", "patch": None}, properties={"p": [1, "x"]})
        self.get(self.store.addBuildset(asked, ["full"]))
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            for table in ("buildsets", "requests"):
                names = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
                given = ", ".join("number" if name in ("id", "buildset") else name for name in names)
                numbers = (
                    "WITH RECURSIVE n (number) AS (VALUES (2) UNION ALL SELECT number + 1 FROM n LIMIT 9999)"
                )
                file.execute(f"INSERT INTO {table} {numbers} SELECT {given} FROM n, {table}")
            file.commit()
        self.get(self.store.open())
        self.assertEqual(len(self.get(self.store.pendingRequests())), 10000)

        def read() -> None:
            self.get(self.store.close())
            self.get(self.store.open())
            self.get(self.store.pendingRequests())

        self.assertLess(leastEffort(read, 1.0), 1.0)


class VersionsTests(SqliteCase):
    """P7: files of other releases."""

    def test_older(self) -> None:
        """A file of an earlier release is copied first, then upgraded; all its content is there."""
        found = self.filled(3)
        newer = self.opened(self.directory, schema=later())
        self.assertEqual(self.contents(newer), found)
        self.change()
        self.get(newer.close())
        self.get(newer.open())
        backup = os.path.join(self.directory, f"state.sqlite.schema-{CURRENT.version}")
        self.assertEqual(stat.S_IMODE(os.stat(backup).st_mode), 0o600)
        self.assertEqual(self.contents(self.opened(self.holding(Path(backup).read_bytes()))), found)

    def test_first(self) -> None:
        """F16: a store of the first release is copied and upgraded, and its requests stay in the queue."""
        directory = self.quick()
        text = json.dumps({"id": 0, "reason": "", "sourcestamp": {}, "submitted": 1.0, "properties": {}})
        with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
            for statement in map(str, CURRENT.between(0, 1)):
                file.execute(statement)
            file.execute("INSERT INTO buildsets VALUES (1, NULL, NULL, ?)", (text,))
            file.execute("INSERT INTO requests VALUES (1, 1, 'full', 2, 'building', NULL, 0)")
            file.execute("PRAGMA user_version = 1")
            file.commit()
        store = self.opened(directory)
        self.get(store.interrupted(5.0))
        (request,) = self.get(store.pendingRequests())
        self.assertEqual((request.attempts, request.interruptions), (2, 1))
        self.assertTrue(os.path.exists(os.path.join(directory, f"{FILE}.schema-1")))

    def test_twoSteps(self) -> None:
        """A file two versions old is upgraded twice."""
        found = self.filled(3)
        second = later()
        more = "CREATE TABLE moods (name TEXT PRIMARY KEY)"
        third = Schema(second.version + 1, second.statements, {**second.upgrades, second.version: (more,)})
        self.assertEqual(self.contents(self.opened(self.directory, schema=third)), found)

    def test_newer(self) -> None:
        """A file of a later release is refused in one line, and not changed."""
        self.opened(schema=later())
        self.fill()
        self.get(self.store.close())
        before = Path(self.file).read_bytes()
        older = self.sqlite(self.directory)
        with self.assertRaises(SchemaTooNew) as caught:
            self.get(older.open())
        said = f"was written by a later release (its schema is {CURRENT.version + 1}"
        self.assertIn(said, caught.exception.reason)
        self.assertNotIn("\n", caught.exception.reason)
        self.assertEqual(Path(self.file).read_bytes(), before)
        self.assertEqual(os.listdir(self.directory), ["state.sqlite"])

    def test_eachFaultInUpgrade(self) -> None:
        """An upgrade that fails at any statement leaves the file old or upgraded; the next one works."""
        found = self.filled(3)
        text = Path(self.file).read_bytes()
        faults = Faults()
        self.get(self.sqlite(self.holding(text), schema=later(), connect=faults.connect).open())
        self.assertGreater(faults.count, 10)
        for number in sample(range(faults.count), 8):
            with trying(number):
                directory = self.holding(text)
                store = self.sqlite(directory, schema=later(), connect=Faults(number).connect)
                self.assertRaises(StoreFailed, self.get, store.open())
                old = self.sqlite(directory)
                try:
                    self.get(old.open())
                except SchemaTooNew:  # the fault came after the upgrade
                    self.assertEqual(number, faults.count - 1)
                else:
                    self.assertEqual(self.contents(old), found)
                    self.get(old.close())
                self.get(store.open())
                self.assertEqual(self.contents(store), found)
                self.get(store.close())


def _recording(statements: list[str]) -> Callable[..., Any]:
    """Connect, and record all statements."""

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*args, **options)
        connection.set_trace_callback(statements.append)
        return connection

    return connect


class StartTests(TestCase):
    """A start after a kill, with many requests in the file."""

    def steps(self, running: int) -> int:
        """How many thousand steps SQLite takes to close so many interrupted builds."""
        taken: Counter[str] = Counter()
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
            CURRENT.upgrade(file, 0)
            core = SqlCore(isOutage)
            core.begin(file, False)
            for _ in range(2000 // 100):
                core.addBuildset(buildset(), encode(buildset()), ["full"] * 100, {}, ())
            for request in core.pendingRequests()[:running]:
                one = replace(build("full", [request]), waits=request.id % 2 == 0)
                core.startBuild(one, encode(one), 0)
            file.set_progress_handler(lambda: taken.update(steps=1), 1000)
            self.assertEqual(len(core.interrupted(90.0, lambda each: each)), running)
        return taken["steps"]

    def test_interrupted(self) -> None:
        """P1: each interrupted build costs the same, however many requests the store has."""
        self.assertLess(self.steps(101), self.steps(1) + 100)
