"""Failing and full disks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.model.change import Change
from buildbot.store.interface import StoreFailed
from buildbot.store.sqlite import SqliteStore
from tests.examples import sample
from tests.stores import Faults, SqliteCase, build, buildset, logged


class FaultsTests(SqliteCase):
    """P4, row 11: after any failure, nothing is half done or lost, and the store recovers."""

    def script(self, store: SqliteStore) -> list[Callable[[], Deferred[Any]]]:
        """A short life of a store; each call is made when the one before has succeeded."""
        builds: list[Any] = []
        started = lambda build: builds.append(build)  # noqa: E731
        new = replace(build("full"), requests=(1,))
        return [
            lambda: store.addChange(Change("me", ["a"], "", when=1.0)),
            lambda: store.addBuildset(buildset(), ["full", "quick"], {"timer": 1}),
            lambda: store.startBuild(new).addCallback(started),
            lambda: store.saveBuild(logged(builds[0], "f0")),
            lambda: store.finishBuild(replace(logged(builds[0], "f0"), finished=9.0, results=4), True),
            lambda: store.startBuild(new).addCallback(started),
            lambda: store.finishBuild(replace(builds[1], finished=10.0, results=0)),
            lambda: store.startBuild(replace(new, requests=(2,), builder="quick")),
            lambda: store.interrupted(11.0),
            lambda: store.giveUp(11.5),
            lambda: store.cancelRequests([2], 12.0),
            lambda: store.addChange(Change("me", ["b"], "", when=1.0)),
            lambda: store.prune(1),
            lambda: store.setState("timer", 2),
        ]

    def live(self, faults: Faults, heal: bool = False) -> tuple[list[Any], int, int]:
        """Run the script, and retry failed calls.

        @return: the content, the number of failed calls, and the number of statements.
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
        """Each statement fails once: its request fails completely, and succeeds when repeated."""
        wanted, none, count = self.live(Faults())
        self.assertEqual(none, 0)
        self.assertGreater(count, 60)
        for number in sample(range(count), 7):
            found, failed, _ = self.live(Faults(number, text="database or disk is full"))
            self.assertEqual((found, failed), (wanted, 1), number)

    def test_fromEachOn(self) -> None:
        """Each statement and all later ones fail, also the rollback; when the disk works again, so does the
        store.
        """
        wanted, _, count = self.live(Faults())
        for number in sample(range(count), 7):
            found, failed, _ = self.live(Faults(number, lasts=True), heal=True)
            self.assertEqual((found, failed), (wanted, 1), number)

    def test_watched(self) -> None:
        """F5: a watcher of a store is notified when writes fail, and when they work again."""
        faults = Faults()
        store = self.opened(connect=faults.connect)
        told: list[str | None] = []
        store.watch(told.append, lambda: told.append(None))
        self.get(store.setState("a", 1))
        self.assertEqual(told, [])
        faults.failing, faults.lasts = faults.count, True
        for _ in range(2):
            self.assertRaises(StoreFailed, self.get, store.setState("a", 2))
        self.assertEqual(len(told), 1)
        self.assertIn("disk I/O error", str(told[0]))
        faults.failing = None
        self.get(store.getState("a"))
        self.assertEqual(len(told), 1, "that it can be read proves nothing")
        self.get(store.setState("a", 3))
        self.assertEqual(told[1:], [None])

    def test_saidOnce(self) -> None:
        """A disk that stays full is told once, and once when it works again."""
        faults = Faults(text="database or disk is full")
        store = self.opened(connect=faults.connect)
        told: list[str] = []
        store.watch(told.append, lambda: told.append("works"))
        faults.failing, faults.lasts = faults.count, True
        for _ in range(5):
            self.assertRaises(StoreFailed, self.get, store.setState("a", 1))
        self.assertEqual(len(told), 1)
        self.assertIn("database or disk is full", told[0])
        faults.failing = None
        self.get(store.setState("a", 2))
        self.assertEqual(told[1:], ["works"])
        self.assertEqual(self.get(store.getState("a")), 2)

    def test_full(self) -> None:
        """P4: a database without room keeps its content, and takes more when there is room."""
        limit = _Limit(35)
        store = self.opened(connect=limit.connect)
        self.fillUp(store)
        limit.pages = 10000
        self.get(store.setState("last", "x" * 10000))
        self.assertEqual(self.get(store.getState("last")), "x" * 10000)


class _Limit:
    """I open databases with at most C{pages} pages."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def connect(self, *args: Any, **options: Any) -> Any:
        """Like L{sqlite3.connect}."""
        limit = self

        class Limited(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> Any:
                if statement.startswith("BEGIN"):
                    super().execute(f"PRAGMA max_page_count = {limit.pages + 15}")
                return super().execute(statement, *values)

        return sqlite3.connect(*args, factory=Limited, **options)
