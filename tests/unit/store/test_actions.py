"""Tests of buildbot.store.actions and its two stores."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

from buildbot.model.audit import Entry, KeptAnswer
from buildbot.store import actions
from buildbot.store.files import FILE
from buildbot.store.memory import MemoryStore
from buildbot.store.requests import Store
from buildbot.store.schema import CURRENT
from tests.stores import SqliteCase, StoreCase

ENTRY = Entry(5.0, "ann", "session", "192.0.2.1", "forceBuild", "builder/full", "done", "build 7")


class _Promises(StoreCase):
    """The tests; each class below is one kind of store."""

    def make(self) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.store = self.make()
        self.get(self.store.open())

    def add(self, number: int, **values: Any) -> None:
        """Add an entry."""
        self.get(self.store.addEntry(replace(ENTRY, number=number, **values)))

    def found(self, *args: Any, **kw: Any) -> list[int]:
        """The numbers of the entries on a page."""
        return [each.number for each in self.get(self.store.getEntries(*args, **kw)).rows]

    def test_entries(self) -> None:
        """An entry is read as it was stored; the latest comes first, and pages follow each other."""
        self.assertEqual(self.get(self.store.lastEntry()), 0)
        for number in range(1, 6):
            self.add(number)
        self.assertEqual(self.get(self.store.lastEntry()), 5)
        page = self.get(self.store.getEntries(2))
        self.assertEqual(page.rows, (replace(ENTRY, number=5), replace(ENTRY, number=4)))
        self.assertEqual(self.found(2, page.next), [3, 2])
        self.failureResultOf(self.store.getEntries(0), ValueError)
        self.failureResultOf(self.store.getEntries(1, "x"), ValueError)

    def test_choice(self) -> None:
        """Entries about a builder include those about its builds, and no other's; or those of one person."""
        for number, subject in enumerate(
            ("builder/full", "builder/full/build/7", "builder/full2", "builder/full-x", "slave/full"), 1
        ):
            self.add(number, subject=subject, who="bob" if number == 2 else "ann")
        self.assertEqual(self.found(subject="builder/full"), [2, 1])
        self.assertEqual(self.found(who="bob"), [2])
        self.assertEqual(self.found(who="bob", subject="slave/full"), [])

    def test_bounded(self) -> None:
        """Only the latest entries are kept."""
        self.patch(actions, "MOST", 10)
        self.patch(actions, "EVERY", 5)
        for number in range(1, 26):
            self.add(number)
        self.assertEqual(self.found(), list(range(25, 15, -1)))

    def test_wrongText(self) -> None:
        """Text that UTF-8 cannot encode is refused at once."""
        self.failureResultOf(self.store.addEntry(replace(ENTRY, who="\udc80")), UnicodeEncodeError)

    def test_answers(self) -> None:
        """An answer is there until its time; a new one of the same name replaces it."""
        kept = KeptAnswer(100.0, "digest", {"status": 202, "headers": [["a", "b"]]})
        self.get(self.store.keepAnswer("a", kept, 10.0))
        self.assertEqual(self.get(self.store.getAnswer("a", 99.0)), kept)
        self.assertIsNone(self.get(self.store.getAnswer("b", 99.0)))
        self.assertIsNone(self.get(self.store.getAnswer("a", 101.0)))
        later = replace(kept, asked="other")
        self.get(self.store.keepAnswer("a", later, 10.0))
        self.assertEqual(self.get(self.store.getAnswer("a", 99.0)), later)
        self.failureResultOf(self.store.keepAnswer("a", replace(kept, answer={"x": b""}), 1.0), TypeError)

    def test_boundedAnswers(self) -> None:
        """Only the latest answers are kept, and none longer than its time."""
        self.patch(actions, "MOST_ANSWERS", 3)
        for number in range(6):
            self.get(self.store.keepAnswer(str(number), KeptAnswer(100.0 + number, "d", {}), 10.0))
        there = [self.get(self.store.getAnswer(str(number), 20.0)) is not None for number in range(6)]
        self.assertEqual(there, [False, False, False, True, True, True])
        self.get(self.store.keepAnswer("new", KeptAnswer(300.0, "d", {}), 200.0))
        self.assertIsNone(self.get(self.store.getAnswer("5", 20.0)))


class MemoryTests(_Promises):
    """The store in memory."""

    def make(self) -> Store:
        return MemoryStore()


class SqliteTests(_Promises):
    """The store in a file."""

    def make(self) -> Store:
        return self.sqlite()

    def test_damagedAnswer(self) -> None:
        """An unreadable answer counts as missing."""
        self.get(self.store.keepAnswer("a", KeptAnswer(100.0, "digest", {}), 10.0))
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("UPDATE answers SET record = '7'")
            file.commit()
        self.assertIsNone(self.get(self.store.getAnswer("a", 20.0)))


#: For the modules of other stores: trial would run a class by itself.
PROMISES = (_Promises,)
del _Promises


class UpgradeTests(SqliteCase):
    """A file of schema 3, with the record of actions among the states."""

    def test_moved(self) -> None:
        """Entries of schema 3 are in the table after the upgrade, in order; a copy of the file is kept."""
        entry = {key: value for key, value in vars(ENTRY).items() if key != "number"}
        directory = self.quick()
        with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
            CURRENT.upgrade(file, 0, 3)
            chunks = {
                "audit/0000000000": [entry, {**entry, "who": "bob"}],
                "audit/0000000001": [{**entry, "who": "eve"}, {"strange": 1}, 7, {**entry, "who": 7}],
                "other": [1],
            }
            rows = [(key, json.dumps(value)) for key, value in chunks.items()]
            rows += [("audit/0000000002", "{"), ("audit/0000000003", "{}")]
            file.executemany("INSERT INTO state VALUES (?, ?)", reversed(rows))
            file.execute("PRAGMA user_version = 3")
            file.commit()
        store = self.opened(directory)
        found = self.get(store.getEntries()).rows
        self.assertEqual([(each.number, each.who) for each in found], [(3, "eve"), (2, "bob"), (1, "ann")])
        self.assertEqual(found[2], replace(ENTRY, number=1))
        self.assertEqual(self.get(store.getStates("")), {"other": [1]})
        self.assertTrue(os.path.exists(os.path.join(directory, f"{FILE}.schema-3")))

    def test_strange(self) -> None:
        """The upgrade leaves out entries without a real time, and mends texts that no table can hold."""
        entry = {key: value for key, value in vars(ENTRY).items() if key != "number"}
        strange = [{**entry, "when": float("nan")}, {**entry, "when": 10**400}, {**entry, "who": "a\udce9"}]
        directory = self.quick()
        with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
            CURRENT.upgrade(file, 0, 3)
            rows = [("audit/0000000000", json.dumps([*strange, entry])), ("audit/0000000001", "[" * 100_000)]
            file.executemany("INSERT INTO state VALUES (?, ?)", rows)
            file.execute("PRAGMA user_version = 3")
            file.commit()
        store = self.opened(directory)
        found = self.get(store.getEntries()).rows
        self.assertEqual([each.who for each in found], ["ann", "a?"])

    def test_damaged(self) -> None:
        """A damaged file loses only the entries on its damaged pages: the rest of the record is rescued."""
        store = self.opened()
        for number in range(1, 200):
            self.get(store.addEntry(replace(ENTRY, number=number)))
        self.get(store.close())
        with open(self.file, "r+b") as file:
            file.seek(101)
            file.write(b"\xff")
        store = self.opened(self.directory)
        self.assertEqual(self.get(store.lastEntry()), 199)
        self.get(store.addEntry(replace(ENTRY, number=200)))
