"""What a disk, a crash or another release may do to the store, and what it does then."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial import unittest

from buildbot.changes.change import Change
from buildbot.store.front import Store
from buildbot.store.interface import SchemaTooNew, StoreConflict, StoreFailed
from buildbot.store.schema import Schema
from buildbot.store.sqlite import SqliteStore
from tests.stores import Faults, StoreCase, build, later, logged

ROOT = Path(__file__).parent.parent
_BUILDS = "SELECT builder, number, finished FROM builds"


class SqliteCase(StoreCase):
    """I have a store in a directory of its own, and ways to look at all that is in one."""

    def setUp(self) -> None:
        super().setUp()
        self.warnings: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: dict[str, Any]) -> None:
        if event["log_level"] >= LogLevel.warn and "log_format" in event:
            self.warnings.append(event["log_format"].format(**event))

    def opened(self, directory: str | None = None, **options: Any) -> SqliteStore:
        """An open store, which the other helpers use from now on."""
        self.store = store = self.sqlite(directory, **options)
        self.get(store.open())
        return store

    def quick(self) -> str:
        """A new directory, in memory if that can be had: nothing there waits for a disk."""
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
        """All that is in a store."""
        return [
            self.get(store.getChanges(1000)),
            [self.get(store.getBuildset(id)) for id in range(1, 20)],
            self.get(store.pendingRequests()),
            self.get(store.getBuilds(count=1000)),
            self.get(store.getStates("")),
        ]

    def fill(self, count: int = 3) -> list[Any]:
        """Put something of everything into the store; returns its contents."""
        for number in range(count):
            self.change()
            _, (one, _) = self.ask("full", "quick")
            self.finish(logged(self.start(one), f"full/{number}-" + "x" * 500))
            self.get(self.store.setState(f"key{number}", number))
        return self.contents(self.store)


class FilesTests(SqliteCase):
    """What there is in the directory."""

    def test_private(self) -> None:
        """Nobody else may read the state: it may hold what builds were given as properties."""
        self.opened()
        self.change()
        modes = {
            name: stat.S_IMODE(os.stat(os.path.join(self.directory, name)).st_mode)
            for name in os.listdir(self.directory)
        }
        self.assertEqual(set(modes.values()), {0o600}, modes)
        self.assertIn("state.sqlite", modes)

    def test_oneFileAtRest(self) -> None:
        """A store that was closed is one file, which can be copied."""
        self.opened()
        self.fill()
        self.get(self.store.close())
        self.assertEqual(os.listdir(self.directory), ["state.sqlite"])

    def test_noThreadLeft(self) -> None:
        """A closed store has no thread, and neither has one that could not be opened."""
        before = threading.active_count()
        store = self.opened()
        self.get(store.close())
        failing = self.sqlite(connect=Faults(0).connect)
        self.assertRaises(StoreFailed, self.get, failing.open())
        for thread in threading.enumerate():
            if thread.name == "store":
                thread.join(30)
        self.assertEqual(threading.active_count(), before)

    def test_openTwice(self) -> None:
        """A store that is open is not opened again."""
        store = self.opened()
        self.assertRaises(StoreFailed, self.get, store.open())
        self.change()

    def test_notAFile(self) -> None:
        """What cannot be opened is said, with its name, and can be tried again."""
        store = self.sqlite()
        os.mkdir(self.file)
        with self.assertRaises(StoreFailed) as caught:
            self.get(store.open())
        self.assertIn("state.sqlite", caught.exception.reason)
        os.rmdir(self.file)
        self.get(store.open())

    def test_deleted(self) -> None:
        """Row 11: nothing is acknowledged once somebody has deleted the file under the master."""
        self.opened()
        os.unlink(self.file)
        with self.assertRaises(StoreFailed) as caught:
            self.change()
        self.assertIn("has been deleted", caught.exception.reason)
        shutil.rmtree(self.directory)
        self.assertRaises(StoreFailed, self.pending)

    def test_othersMayRead(self) -> None:
        """A backup can be made while the master runs."""
        self.opened()
        self.fill()
        copy = self.mktemp()
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            self.assertEqual(target.execute("SELECT COUNT(*) FROM builds").fetchone(), (3,))


class GroupsTests(SqliteCase):
    """Many things at once, one commit."""

    def begin(self, **options: Any) -> tuple[SqliteStore, Deferred[None]]:
        """A store that is just being opened: what is asked of it now is one group."""
        store = self.sqlite(**options)
        return store, store.open()

    def test_commits(self) -> None:
        """A thousand things that are asked for at once wait for the disk only a few times."""
        statements: list[str] = []
        store, opened = self.begin(connect=_recording(statements))
        calls = [store.setState(f"key{number}", number) for number in range(1000)]
        self.get(opened)
        for call in calls:
            self.get(call)
        self.assertLess(statements.count("COMMIT"), 6)
        self.assertEqual(len(self.get(store.getStates("key"))), 1000)

    def test_lastSaveCounts(self) -> None:
        """Of several states of one build only the last is written, if nobody asked for it in between."""
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
        self.assertEqual(self.get(middle).text, ("4",))
        self.assertEqual(self.get(finished), [])
        self.assertRaises(StoreConflict, self.get, late)
        self.assertEqual(self.get(store.getBuild("full", 0)).text, ("over",))
        self.assertEqual(len([each for each in statements if each.startswith("UPDATE builds")]), 3)

    def test_oneBadAmongMany(self) -> None:
        """What cannot be done at all fails alone; all that was asked for together with it is kept."""
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
        """A store that is closed keeps first what it was given."""
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
        calls = [
            self.store.addBuildset(
                "why", {"branch": "b", "patch": None}, ["full"], {"p": [1, "x"]}, None, None, 1.0
            )
            for _ in range(10000)
        ]
        self.get(calls[-1])
        self.get(self.store.close())
        began = time.process_time()
        self.get(self.store.open())
        requests = self.get(self.store.pendingRequests())
        self.assertLess(time.process_time() - began, 1.0)
        self.assertEqual(len(requests), 10000)


class FaultsTests(SqliteCase):
    """P4, row 11: whatever fails, nothing is half done, nothing is lost, and it goes on by itself."""

    def script(self, store: SqliteStore) -> list[Callable[[], Deferred[Any]]]:
        """A short life of a store; each call is made when the one before has succeeded."""
        builds: list[Any] = []
        started = lambda build: builds.append(build)  # noqa: E731
        new = replace(build("full"), requests=(1,))
        return [
            lambda: store.addChange(Change("me", ["a"], "", when=1.0)),
            lambda: store.addBuildset("why", {}, ["full", "quick"], {}, None, None, 2.0, {"timer": 1}),
            lambda: store.startBuild(new).addCallback(started),
            lambda: store.saveBuild(logged(builds[0], "f0")),
            lambda: store.finishBuild(replace(logged(builds[0], "f0"), finished=9.0, results=4), True),
            lambda: store.startBuild(new).addCallback(started),
            lambda: store.finishBuild(replace(builds[1], finished=10.0, results=0)),
            lambda: store.startBuild(replace(new, requests=(2,), builder="quick")),
            lambda: store.interrupted(11.0),
            lambda: store.cancelRequests([2], 12.0),
            lambda: store.addChange(Change("me", ["b"], "", when=1.0)),
            lambda: store.prune(1),
            lambda: store.setState("timer", 2),
        ]

    def live(self, faults: Faults, heal: bool = False) -> tuple[list[Any], int, int]:
        """Play the script; whatever fails is tried again.

        Returns the contents, how many calls failed, and how many statements there were.
        """
        store = self.sqlite(self.quick(), connect=faults.connect)
        failed = 0
        for call in (store.open, *self.script(store)):
            for _ in range(3):
                try:
                    self.get(call())
                    break
                except StoreFailed as error:
                    self.assertIn(faults.text, error.reason)
                    failed += 1
                    if heal:
                        faults.failing = None
            else:
                self.fail("it never works again")
        count, faults.failing = faults.count, None
        found = self.contents(store)
        self.get(store.close())
        fresh = self.opened(self.directory)
        self.assertEqual(self.contents(fresh), found)
        self.closed(fresh)
        return found, failed, count

    def test_eachOnce(self) -> None:
        """Each statement fails once: its request fails as a whole, and succeeds when asked again."""
        wanted, none, count = self.live(Faults())
        self.assertEqual(none, 0)
        self.assertGreater(count, 60)
        for number in range(count):
            found, failed, _ = self.live(Faults(number, text="database or disk is full"))
            self.assertEqual((found, failed), (wanted, 1), number)

    def test_fromEachOn(self) -> None:
        """From each statement on everything fails, the rollback too; when the disk is well again all is."""
        wanted, _, count = self.live(Faults())
        for number in range(count):
            found, failed, _ = self.live(Faults(number, lasts=True), heal=True)
            self.assertEqual((found, failed), (wanted, 1), number)

    def test_saidOnce(self) -> None:
        """A disk that stays full is told of once, and once when it is well again."""
        faults = Faults(text="database or disk is full")
        store = self.opened(connect=faults.connect)
        faults.failing, faults.lasts = faults.count, True
        for _ in range(5):
            self.assertRaises(StoreFailed, self.get, store.setState("a", 1))
        self.assertEqual(len(self.warnings), 1)
        self.assertIn("database or disk is full", self.warnings[0])
        faults.failing = None
        self.get(store.setState("a", 2))
        self.assertEqual(self.get(store.getState("a")), 2)

    def test_full(self) -> None:
        """P4: a database that SQLite finds full keeps what it has, and takes more when there is room."""
        limit = _Limit(12)
        store = self.opened(connect=limit.connect)
        self.fills(store)
        limit.pages = 10000
        self.get(store.setState("last", "x" * 10000))
        self.assertEqual(self.get(store.getState("last")), "x" * 10000)

    def fills(self, store: SqliteStore) -> None:
        """Put things in until there is no more room; all that was acknowledged is there."""
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
        self.assertEqual(set(self.get(store.getStates("key"))), set(kept))
        self.assertRaises(StoreFailed, self.get, store.setState("more", "x" * 100000))

    def test_fullDisk(self) -> None:
        """P4: on a disk that is really full nothing is lost, and when space is there again it goes on."""
        with _smallDisk(1 << 20) as disk:
            store = self.opened(disk)
            ballast = Path(disk, "ballast")
            ballast.write_bytes(b"x" * 300000)
            self.fills(store)
            ballast.unlink()
            self.get(store.setState("last", "x" * 50000))
            self.get(store.close())
            self.get(store.open())
            self.assertEqual(self.get(store.getState("last")), "x" * 50000)
            self.get(store.close())

    def test_fullAtOnce(self) -> None:
        """P4: a store that finds no room for its file says so, and can be opened when there is some."""
        with _smallDisk(1 << 20) as disk:
            ballast = Path(disk, "ballast")
            with open(ballast, "wb", buffering=0) as source, self.assertRaises(OSError):
                while True:
                    source.write(b"x" * 4096)
            store = self.sqlite(disk)
            self.assertRaises(StoreFailed, self.get, store.open())
            ballast.unlink()
            self.get(store.open())
            self.get(store.setState("a", 1))
            self.get(store.close())


class DamageTests(SqliteCase):
    """P3: no file that the store may find keeps the master from starting."""

    def after(self, directory: str) -> list[Any]:
        """Open what is there, see that it works, and return the contents as they were found."""
        store = self.opened(directory)
        found = self.contents(store)
        self.get(store.interrupted(99.0))
        number = self.change().number
        self.assertEqual(self.get(store.getChange(number)).number, number)
        self.get(store.close())
        return found

    def asides(self, directory: str) -> list[str]:
        """The files that were set aside."""
        return sorted(name for name in os.listdir(directory) if ".damaged-" in name)

    def test_truncated(self) -> None:
        """Row 24: the file cut at each 512 bytes: it is set aside, a warning says so, and the store works."""
        self.opened()
        whole = self.fill(12)
        self.get(self.store.close())
        text = Path(self.file).read_bytes()
        self.assertGreater(len(text), 40000)
        for cut in range(512, len(text), 512):
            directory = self.holding(text[:cut])
            self.warnings.clear()
            found = self.after(directory)
            bad = [each for each in self.warnings if "cannot be read" in each]
            if found == whole:
                self.assertGreater(cut, len(text) - 4096)
            elif self.asides(directory):
                self.assertEqual(self.asides(directory), ["state.sqlite.damaged-1"], cut)
                self.assertEqual(Path(directory, "state.sqlite.damaged-1").read_bytes(), text[:cut])
                self.assertIn("is damaged", self.warnings[0])
                self.assertEqual(self.warnings[1:], bad)
            else:  # SQLite takes zeros for the rest of a last page, which had the end of one record
                self.assertGreater(cut, len(text) - 4096)
                self.assertEqual((self.warnings, len(bad)), (bad, 1))

    def test_empty(self) -> None:
        """An empty file, as a crash right at the first start leaves it, is filled, with a warning."""
        self.after(directory := self.holding(b""))
        self.assertEqual(self.asides(directory), [])
        self.assertIn("is empty: nothing was kept in it yet", self.warnings[0])

    def test_emptyWithLog(self) -> None:
        """An empty file that has lost what its log belongs to is set aside, with the log."""
        self.after(directory := self.holding(b"", b"log"))
        self.assertEqual(self.asides(directory), ["state.sqlite.damaged-1", "state.sqlite.damaged-1-wal"])

    def test_truncatedLog(self) -> None:
        """Row 24: the write-ahead log cut at each 512 bytes: what it held before is there, in order."""
        self.opened()
        self.change()
        self.get(self.store.close())
        self.get(self.store.open())
        counts = [self.change().number or 0 for _ in range(12)]
        main, log = Path(self.file).read_bytes(), Path(self.file + "-wal").read_bytes()
        seen = set()
        for cut in range(0, len(log), 512):
            directory = self.holding(main, log[:cut])
            numbers = [each.number for each in self.after(directory)[0]]
            self.assertEqual(numbers, list(range(len(numbers), 0, -1)))
            self.assertEqual(self.asides(directory), [])
            seen.add(len(numbers))
        self.assertEqual(seen, set(range(1, max(counts))) | ({max(counts)} & seen))

    def test_garbage(self) -> None:
        """Whatever stands in the file, and in its log, the store opens and works."""
        self.opened()
        self.fill(12)
        main, log = Path(self.file).read_bytes(), Path(self.file + "-wal").read_bytes()
        self.get(self.store.close())
        rest = Path(self.file).read_bytes()
        chance = random.Random(5)
        for number in range(100):
            text, at = bytearray(rest if number % 2 else main), 0
            for _ in range(chance.randrange(1, 5)):
                at = chance.randrange(len(text)) if number % 5 else chance.randrange(100)
                text[at : at + 64] = chance.randbytes(chance.randrange(1, 64))
            self.after(self.holding(text, b"" if number % 2 else log[: chance.randrange(len(log))]))

    def test_carriedOver(self) -> None:
        """One bad page costs what stood on it, and no number that was given is given again."""
        self.opened()
        self.fill(60)
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            (pages,) = file.execute("PRAGMA page_count").fetchone()
        text = bytearray(Path(self.file).read_bytes())
        at = text.index(b"full/30-xxx") // 4096 * 4096
        text[at : at + 4096] = b"\xff" * 4096
        Path(self.file).write_bytes(text)
        self.assertGreater(pages, 20)
        found = self.after(self.directory)
        self.assertIn("records go on in a new one", self.warnings[0])
        numbers = [each.number for each in found[3] if each.builder == "full"]
        self.assertIn(0, numbers)
        self.assertIn(59, numbers)
        self.assertTrue(50 < len(numbers) < 60, numbers)
        self.assertEqual((len(found[0]), len(found[2]), len(found[4])), (60, 60, 60))
        self.get(self.store.open())
        self.assertEqual(self.start().number, 60)

    def test_countersLost(self) -> None:
        """Numbers go on from the highest that is known, should the counters themselves be lost."""
        self.opened()
        self.fill(3)
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("DROP TABLE counters")
        self.get(self.store.open())
        self.assertIn("it has no table counters", self.warnings[0])
        _, (request,) = self.ask("full")
        self.assertEqual((request.buildset, request.id, self.start(request).number), (4, 7, 3))
        self.assertEqual(self.change().number, 4)

    def test_foreign(self) -> None:
        """A database that is not ours, and a text, are set aside, each under a name of its own."""
        store = self.sqlite()
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("CREATE TABLE builds (a)")
        self.get(store.open())
        self.get(store.close())
        Path(self.file).write_text("Dear diary, " * 1000)
        self.get(store.open())
        self.assertEqual(self.asides(self.directory), ["state.sqlite.damaged-1", "state.sqlite.damaged-2"])
        self.assertEqual(len(self.warnings), 2)

    def test_badRecord(self) -> None:
        """One record that cannot be read is passed over with a warning; all others are there."""
        self.opened()
        self.fill(3)
        self.start()
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("UPDATE builds SET record = '{' WHERE number IN (1, 3)")
            file.execute("UPDATE buildsets SET record = '[]' WHERE id = 1")
            file.execute("UPDATE changes SET record = '7' WHERE number = 2")
            file.execute("UPDATE state SET value = 'x' WHERE name = 'key0'")
            file.commit()
        self.get(self.store.open())
        self.assertEqual(self.get(self.store.interrupted(5.0)), [])
        changes, sets, requests, builds, states = self.contents(self.store)
        self.assertEqual([each.number for each in builds], [2, 0])
        self.assertEqual([each.number for each in changes], [3, 1])
        self.assertEqual([each.id for each in requests], [4, 6])
        self.assertEqual(states, {"key1": 1, "key2": 2})
        self.assertIs(sets[0], None)
        self.assertTrue(all("cannot be read" in each for each in self.warnings))
        self.assertEqual(self.get(self.store.prune(1)), ["full/0-" + "x" * 500, "full/2-" + "x" * 500])


class VersionsTests(SqliteCase):
    """P7: files of other releases."""

    def test_older(self) -> None:
        """A file of an earlier release is copied first, then made new; all that was in it is there."""
        self.opened()
        found = self.fill()
        self.get(self.store.close())
        newer = self.opened(self.directory, schema=later())
        self.assertEqual(self.contents(newer), found)
        self.change()
        self.get(newer.close())
        self.get(newer.open())
        backup = os.path.join(self.directory, "state.sqlite.schema-1")
        self.assertEqual(stat.S_IMODE(os.stat(backup).st_mode), 0o600)
        self.assertEqual(self.contents(self.opened(self.holding(Path(backup).read_bytes()))), found)

    def test_twoSteps(self) -> None:
        """A file that is two versions behind goes through both."""
        self.opened()
        found = self.fill()
        self.get(self.store.close())
        second = later()
        more = "CREATE TABLE moods (name TEXT PRIMARY KEY)"
        third = Schema(3, (*second.statements, more), {**second.upgrades, 2: (more,)})
        self.assertEqual(self.contents(self.opened(self.directory, schema=third)), found)

    def test_newer(self) -> None:
        """A file of a later release is refused in one line, and not touched."""
        self.opened(schema=later())
        self.fill()
        self.get(self.store.close())
        before = Path(self.file).read_bytes()
        older = self.sqlite(self.directory)
        with self.assertRaises(SchemaTooNew) as caught:
            self.get(older.open())
        self.assertIn("was written by a later release (its schema is 2", caught.exception.reason)
        self.assertNotIn("\n", caught.exception.reason)
        self.assertEqual(Path(self.file).read_bytes(), before)
        self.assertEqual(os.listdir(self.directory), ["state.sqlite"])

    def test_eachFaultInUpgrade(self) -> None:
        """An upgrade that fails anywhere leaves the file as it was, or upgraded; the next one works."""
        self.opened()
        found = self.fill()
        self.get(self.store.close())
        text = Path(self.file).read_bytes()
        faults = Faults()
        self.get(self.sqlite(self.holding(text), schema=later(), connect=faults.connect).open())
        self.assertGreater(faults.count, 10)
        for number in range(faults.count):
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


class KilledTests(unittest.SynchronousTestCase):
    """P1, P2, row 10: the process dies at any moment."""

    KILLS = 6

    def test_killed(self) -> None:
        """All that was acknowledged is there after SIGKILL, each request in one place, no number twice."""
        audit = Audit(self, self.mktemp())
        chance = random.Random()
        for number in range(self.KILLS):
            audit.live(number, chance.random() * 0.15)


class Audit:
    """I start, kill and restart one process after the other on a directory, and compare what they say."""

    def __init__(self, case: unittest.SynchronousTestCase, directory: str) -> None:
        os.makedirs(directory, exist_ok=True)
        self._case = case
        self._directory = os.path.abspath(directory)
        self._changes: set[int] = set()
        self._builds: set[tuple[str, int]] = set()
        self._finished: set[tuple[str, int]] = set()
        self._unfinished: set[tuple[str, int]] = set()  # as the disk has it
        self._open: set[int] = set()  # acknowledged, and not known to be done
        self.acknowledged = 0

    def live(self, seed: int, seconds: float) -> None:
        """One process, killed so many seconds after its first word; then a look at what is on disk."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.storechild", self._directory, str(seed), "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]
            timer = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
            timer.start()
            lines += child.stdout.read().splitlines(True)
            timer.join()
        said = [json.loads(line) for line in lines if line.endswith(b"\n")]
        self._case.assertEqual(said[0][0], "interrupted")
        for name, what in said:
            getattr(self, f"_{name}")(what)
            self.acknowledged += 1
        self._inspect()

    def _interrupted(self, builds: list[Any]) -> None:
        self._case.assertEqual({(builder, number) for builder, number, _ in builds}, self._unfinished)

    def _pending(self, requests: list[int]) -> None:
        self._case.assertEqual(len(requests), len(set(requests)))

    def _change(self, number: int) -> None:
        self._case.assertNotIn(number, self._changes)
        self._changes.add(number)

    def _set(self, ids: list[int]) -> None:
        self._open.update(ids[1:])

    def _start(self, build: list[Any]) -> None:
        builder, number, _ = build
        self._case.assertNotIn((builder, number), self._builds)
        self._builds.add((builder, number))

    def _finish(self, build: list[Any]) -> None:
        self._finished.add((build[0], build[1]))

    def _inspect(self) -> None:
        """What is on disk now, read by SQLite alone (on a copy, for reading alone repairs the log)."""
        copy = f"{self._directory}.copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._directory, copy)
        with closing(sqlite3.connect(os.path.join(copy, "state.sqlite"))) as file:
            rows = file.execute
            equal = self._case.assertEqual
            equal(rows("PRAGMA integrity_check").fetchone(), ("ok",))
            changes = {number for (number,) in rows("SELECT number FROM changes")}
            self._case.assertLessEqual(self._changes, changes)
            equal(changes, set(range(1, len(changes) + 1)))
            places = dict(rows("SELECT id, state FROM requests"))
            self._case.assertLessEqual(self._open, set(places))
            self._case.assertLessEqual(set(places.values()), {"pending", "building", "done"})
            builds = {(builder, number): over for builder, number, over in rows(_BUILDS)}
            self._case.assertLessEqual(self._builds, set(builds))
            for builder in ("full", "quick"):
                numbers = sorted(number for name, number in builds if name == builder)
                equal(numbers, list(range(len(numbers))))
            building = set(rows("SELECT builder, build FROM requests WHERE state = 'building'"))
            self._unfinished = {build for build, over in builds.items() if over is None}
            equal(building, self._unfinished)
            equal(self._finished & self._unfinished, set())
            self._builds = set(builds)
            self._changes = changes


def _recording(statements: list[str]) -> Callable[..., Any]:
    """A way to connect that notes all statements."""

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*args, **options)
        connection.set_trace_callback(statements.append)
        return connection

    return connect


class _Limit:
    """I open databases that may have only so many pages, C{pages}, of a disk."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def connect(self, *args: Any, **options: Any) -> Any:
        """As L{sqlite3.connect}."""
        limit = self

        class Limited(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> Any:
                if statement.startswith("BEGIN"):
                    super().execute(f"PRAGMA max_page_count = {limit.pages + 15}")
                return super().execute(statement, *values)

        return sqlite3.connect(*args, factory=Limited, **options)


@contextmanager
def _smallDisk(size: int) -> Iterator[str]:
    """A directory on a disk of so many bytes; skips the test where such cannot be had."""
    directory = tempfile.mkdtemp()
    try:
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], capture_output=True
        ).returncode:
            raise unittest.SkipTest("a small disk of its own (tmpfs) cannot be mounted here")
        try:
            yield directory
        finally:
            subprocess.run(["umount", directory], check=True)
    finally:
        os.rmdir(directory)
