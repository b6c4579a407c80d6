"""Lists and searches: the same tests for the store in memory and the one on disk."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.model.rows import BuildFilter, BuildRow, ChangeFilter, Standing, toCursor
from buildbot.store import sqllists
from buildbot.store.files import FILE
from buildbot.store.memory import MemoryStore
from buildbot.store.requests import Store, encode
from buildbot.store.schema import CURRENT
from tests.stores import SqliteCase, StoreCase, build

LONG = "3f2a9c" + "0" * 34


def source(branch: str | None = None, revision: str | None = None, *changes: int) -> dict[str, Any]:
    """A source stamp as a record."""
    made = [{"number": each, "who": f"dev{each % 2}", "revision": f"r{each}"} for each in changes]
    return {"branch": branch, "revision": revision, "changes": made, "project": "p", "repository": "svn://r"}


class _Promises(StoreCase):
    """The tests; each class below is one kind of store."""

    def make(self) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.store = self.make()
        self.get(self.store.open())
        self.clock = 100.0

    def built(
        self, builder: str = "full", results: int | None = SUCCESS, slave: str = "bot1", **values: Any
    ) -> BuildRecord:
        """Store a build, one second after the one before. It runs if it has no results."""
        self.clock += 1.0
        begun = replace(build(builder, (), self.clock), slave=slave, **values)
        started = self.get(self.store.startBuild(begun))
        if results is not None:
            self.finish(started, results, finished=self.clock + 0.5)
        return started

    def found(self, count: int = 50, cursor: str = "", **conditions: Any) -> list[tuple[str, int]]:
        """The builders and numbers of the builds that meet the conditions."""
        page = self.get(self.store.getBuildRows(BuildFilter(**conditions), count, cursor))
        return [(row.builder, row.number) for row in page.rows]

    def test_numbers(self) -> None:
        """It is told which of some numbers are builds of a builder."""
        for builder in ("full", "full", "other", "full"):
            self.built(builder)
        self.get(self.store.dropBuilds([("full", 1)]))
        self.assertEqual(self.get(self.store.getNumbers("full", [0, 1, 2, 3])), {0, 2})
        self.assertEqual(self.get(self.store.getNumbers("other", [0, 1])), {0})
        self.assertEqual(self.get(self.store.getNumbers("other", [])), set())
        self.failureResultOf(self.store.getNumbers("full", range(5000)), ValueError)

    def test_row(self) -> None:
        """A line of a list has the outcome, the revision that the slave found, and the authors."""
        begun = self.built(results=None, sourcestamp=source("b", None, 8, 7))
        (running,) = self.get(self.store.getBuildRows()).rows
        self.assertEqual((running.results, running.finished, running.revision), (None, None, "r7"))
        self.get(self.store.saveBuild(replace(begun, properties={"got_revision": "r9"})))
        (running,) = self.get(self.store.getBuildRows()).rows
        self.assertEqual((running.results, running.finished, running.revision), (None, None, "r9"))
        done = replace(begun, finished=150.0, results=FAILURE, text=("failed", "compile"))
        self.get(self.store.finishBuild(replace(done, properties={"got_revision": "r10"})))
        (row,) = self.get(self.store.getBuildRows()).rows
        self.assertEqual(
            row,
            BuildRow(
                *("full", 0, "bot1", 101.0, 150.0, FAILURE, "b", "r10", "p", "svn://r", "failed compile"),
                *("a change", "dev0, dev1", (7, 8)),
            ),
        )

    def test_newestFirst(self) -> None:
        """The list of all builds begins with the latest start, and a cursor continues it."""
        for each in ("a", "b", "a", "c", "a"):
            self.built(each)
        expected = [("a", 2), ("c", 0), ("a", 1), ("b", 0), ("a", 0)]
        self.assertEqual(self.found(), expected)
        pages: list[list[tuple[str, int]]] = []
        cursor = ""
        while not pages or cursor:
            page = self.get(self.store.getBuildRows(count=2, cursor=cursor))
            pages.append([(row.builder, row.number) for row in page.rows])
            cursor = page.next
        self.assertEqual(pages, [expected[:2], expected[2:4], expected[4:]])

    def test_cursorStays(self) -> None:
        """A build that starts meanwhile shifts no later page; equal starts are never left out."""
        for each in ("a", "b", "c", "d"):
            self.get(self.store.startBuild(build(each, (), 7.0)))
        first = self.get(self.store.getBuildRows(count=2))
        self.built("e")
        self.assertEqual([row.builder for row in first.rows], ["d", "c"])
        self.assertEqual(self.found(2, first.next), [("b", 0), ("a", 0)])

    def test_filters(self) -> None:
        """Builds are found by builder, slave, branch, results, state and start, and by all together."""
        self.built("a", SUCCESS, "bot1", sourcestamp=source("trunk"))
        self.built("b", FAILURE, "bot2", sourcestamp=source("trunk"))
        self.built("a", WARNINGS, "bot2", sourcestamp=source())
        self.built("a", None, "bot1", sourcestamp=source("trunk"))
        for expected, conditions in (
            ([("a", 2), ("a", 1), ("a", 0)], {"builders": ("a",)}),
            ([("a", 2), ("a", 1), ("b", 0), ("a", 0)], {"builders": ("a", "b", "c")}),
            ([("b", 0)], {"builders": ("b", *(f"other{each}" for each in range(30)))}),
            ([], {"builders": ()}),
            ([("a", 1), ("b", 0)], {"slave": "bot2"}),
            ([("a", 2), ("b", 0), ("a", 0)], {"branch": "trunk"}),
            ([("a", 1)], {"branch": ""}),
            ([("a", 2), ("b", 0), ("a", 0)], {"branches": ("trunk", "other")}),
            ([("a", 2), ("a", 1), ("b", 0), ("a", 0)], {"branches": ("trunk", "")}),
            ([("a", 1)], {"branches": ("",)}),
            ([("a", 1), ("b", 0)], {"results": (FAILURE, WARNINGS)}),
            ([("a", 2)], {"state": "running"}),
            ([("a", 1), ("b", 0), ("a", 0)], {"state": "finished"}),
            ([("a", 1), ("b", 0)], {"since": 102.0, "until": 104.0}),
            ([("a", 0)], {"builders": ("a",), "slave": "bot1", "branch": "trunk", "results": (SUCCESS,)}),
        ):
            self.assertEqual(self.found(**conditions), expected, conditions)

    def test_byEnd(self) -> None:
        """Finished builds are listed by their end, too, and a cursor continues the list."""
        runs = [self.built(each, None) for each in ("a", "b", "c", "d")]
        for run, when in ((runs[2], 200.0), (runs[0], 201.0), (runs[1], 202.0)):
            self.finish(run, finished=when)
        page = self.get(self.store.getBuildRows(BuildFilter(byEnd=True), 2))
        self.assertEqual([row.builder for row in page.rows], ["b", "a"])
        self.assertEqual(self.found(2, page.next, byEnd=True), [("c", 0)])
        self.assertEqual(self.found(byEnd=True, since=201.0, until=202.0), [("a", 0)])

    def test_fewAtATime(self) -> None:
        """Lists that are chosen from many rows read them in parts, and are the same."""
        self.patch(sqllists, "_PAGE", 2)
        for number in range(9):
            self.built(sourcestamp=source(None, None, *((5,) if number % 3 else (1, 9))))
        rows = self.get(self.store.getRowsOfChanges([5]))
        self.assertEqual([row.number for row in rows], [8, 7, 5, 4, 2, 1])
        self.assertEqual([row.number for row in self.get(self.store.getRowsOfChanges([5], 2))], [8, 7])
        self.assertEqual(len(self.get(self.store.getRowsOfChanges([1, 5, 9]))), 9)
        self.assertEqual(self.get(self.store.getRowsOfChanges([3])), [])
        for number in range(50):
            who = f"{'dev' if number % 2 else 'other'}{number}"
            self.get(self.store.addChange(Change(who, ["a"], "", when=1.0)))
        found: list[int] = []
        cursor = ""
        while not found or cursor:
            page = self.get(self.store.getChangeRows(ChangeFilter(author="DEV"), 4, cursor))
            found += [row.number for row in page.rows]
            cursor = page.next
        self.assertEqual(found, list(range(50, 0, -2)))

    def test_revision(self) -> None:
        """All builds of a revision are found by it, and by its first four characters or more."""
        self.built("a", sourcestamp=source(None, LONG))
        self.built("b", properties={"got_revision": LONG})
        self.built("c", sourcestamp=source(None, "3f2b"))
        both = [("b", 0), ("a", 0)]
        self.assertEqual(self.found(revision=LONG), both)
        self.assertEqual(self.found(prefix="3f2a"), both)
        self.assertEqual(self.found(prefix=LONG), both)
        self.assertEqual(self.found(revision="3f2a"), [])
        self.assertEqual(self.found(prefix="3_2%"), [])

    def test_wrongCalls(self) -> None:
        """Too short a revision, too many rows and a wrong cursor are refused with a reason."""
        for filter, count, cursor, reason in (
            (BuildFilter(prefix="3f2"), 10, "", "too short"),
            (BuildFilter(), 0, "", "1 to 1000"),
            (BuildFilter(), 1001, "", "1 to 1000"),
            (BuildFilter(), 10, "x", "cursor"),
            (BuildFilter(), 10, "WzFd", "cursor"),
            (BuildFilter(), 10, "WzFlMzAsImEiLDFd", "cursor"),
            (BuildFilter(state="done"), 10, "", "running or finished"),  # type: ignore[arg-type]
            (BuildFilter(slave="a\0"), 10, "", "has a NUL character"),
            (BuildFilter(builders=("full", "a\0")), 10, "", "has a NUL character"),
            (BuildFilter(branch="\ud800"), 10, "", "half of a character"),
            (BuildFilter(), 10, toCursor(5.0, "a\0", 1), "cursor"),
        ):
            with self.assertRaises(ValueError) as caught:
                self.get(self.store.getBuildRows(filter, count, cursor))
            self.assertIn(reason, str(caught.exception))
        with self.assertRaises(ValueError):
            self.get(self.store.getChangeRows(cursor="?"))
        for wrong in (ChangeFilter(author="\0"), ChangeFilter(who="a\0")):
            self.failureResultOf(self.store.getChangeRows(wrong), ValueError)

    def test_lastRows(self) -> None:
        """The last builds of many builders come in one answer, also of those without builds."""
        for each in ("a", "b", "a", "a"):
            self.built(each)
        rows = self.get(self.store.getLastRows(["a", "b", "c"], 2))
        numbers = {name: [row.number for row in found] for name, found in rows.items()}
        self.assertEqual(numbers, {"a": [2, 1], "b": [0], "c": []})

    def test_standing(self) -> None:
        """Red since: the first failed build after the last good one, whatever was stopped between."""
        self.assertEqual(self.standing("a"), (None, None, None))
        self.built("a", FAILURE)
        self.built("a", FAILURE)
        self.assertEqual(self.standing("a"), (1, None, 0))
        for results in (WARNINGS, CANCELLED, EXCEPTION, FAILURE, None):
            self.built("a", results)
        self.assertEqual(self.standing("a"), (5, 2, 4))
        self.built("a", SUCCESS)
        self.assertEqual(self.standing("a"), (7, 7, None))

    def standing(self, builder: str) -> tuple[int | None, ...]:
        found = self.get(self.store.getStandings([builder]))[builder]
        self.assertIsInstance(found, Standing)
        return tuple(row.number if row else None for row in (found.last, found.good, found.red))

    def test_ofChanges(self) -> None:
        """The builds with a change are found, also if one build took many changes together."""
        self.built("a", sourcestamp=source(None, None, 1, 2, 9))
        self.built("b", sourcestamp=source(None, None, 2))
        self.built("c", sourcestamp=source())
        for numbers, expected in (((2,), ["b", "a"]), ((9,), ["a"]), ((5,), []), ((1, 2), ["b", "a"])):
            rows = self.get(self.store.getRowsOfChanges(numbers))
            self.assertEqual([row.builder for row in rows], expected)
        self.assertEqual(self.get(self.store.getRowsOfChanges([])), [])

    def test_codebases(self) -> None:
        """A line of a build with several codebases has the changes of all, and the revision of the first."""
        lib = {**source("lib", None, 1), "codebase": "lib"}
        app = {**source("dev", None, 4), "codebase": "app", "beside": [lib, "damaged"]}
        self.built("a", sourcestamp=app)
        self.built("b", sourcestamp=app, properties={"got_revision": {"lib": "f1", "app": "f2"}})
        rows = self.get(self.store.getRowsOfChanges([1]))
        self.assertEqual(
            [(row.builder, row.revision, row.branch, row.who, row.changes) for row in rows],
            [("b", "f2", "dev", "dev0, dev1", (1, 4)), ("a", "r4", "dev", "dev0, dev1", (1, 4))],
        )

    def test_count(self) -> None:
        """Builds are counted for each builder."""
        for each in ("a", "b", "a"):
            self.built(each)
        self.assertEqual(self.get(self.store.countBuilds()), {"a": 2, "b": 1})

    def test_pruned(self) -> None:
        """Deleted builds are in no list."""
        for _ in range(3):
            self.built("a", FAILURE)
        self.get(self.store.prune(1))
        self.assertEqual(self.found(), [("a", 2)])
        self.assertEqual(self.standing("a"), (2, None, 2))

    def test_interrupted(self) -> None:
        """A build that the end of the master interrupted is broken in lists, too."""
        self.built("a", None)
        self.get(self.store.interrupted(500.0))
        (row,) = self.get(self.store.getBuildRows(BuildFilter(results=(EXCEPTION,)))).rows
        self.assertEqual((row.finished, row.text), (500.0, "interrupted by a restart of the master"))

    def test_oddTexts(self) -> None:
        """Text that is not valid Unicode stops no build; lists show it as well as they can."""
        odd = {"branch": "\udce9", "revision": 12, "changes": [{"who": "Zo\udcff", "number": 2**70}, 3]}
        self.built("a", slave="bot\0", sourcestamp=odd, reason="naïve \udcff" + "x" * 5000)
        (row,) = self.get(self.store.getBuildRows()).rows
        self.assertEqual((row.branch, row.revision, row.who, row.changes), ("?", "12", "Zo?", ()))
        self.assertTrue(row.reason.startswith("naïve ?x"))
        self.assertEqual(len(row.reason), 300)

    def test_codebase(self) -> None:
        """A change in a list has its codebase."""
        for name in ("lib", ""):
            self.get(self.store.addChange(Change("mary", [], "why", codebase=name)))
        self.assertEqual([row.codebase for row in self.get(self.store.getChangeRows()).rows], ["", "lib"])

    def test_changes(self) -> None:
        """Changes are found by branch, author, revision, project and repository, newest first."""
        for number, (who, branch) in enumerate((("mary", None), ("joe", "b"), ("mary", "b")), 1):
            told: dict[str, Any] = {
                **{"when": 10.0, "branch": branch, "revision": f"{number}{LONG}", "category": "docs"},
                **{"project": f"p{number}", "repository": "git://r"},
            }
            change = Change(who, ["a.c", "b.c"], "\nbecause\nof it", **told)
            self.get(self.store.addChange(change, came=20.0 + number))
        wanted: tuple[tuple[list[int], dict[str, Any]], ...] = (
            ([3, 2, 1], {}),
            ([3, 1], {"who": "mary"}),
            ([3, 1], {"author": "AR"}),
            ([], {"author": "nobody"}),
            ([3, 2], {"since": 22.0}),
            ([1], {"until": 22.0}),
            ([3, 2], {"branch": "b"}),
            ([1], {"branch": ""}),
            ([2], {"revision": f"2{LONG}"}),
            ([2], {"abbreviated": f"2{LONG}"}),
            ([2], {"abbreviated": f"2{LONG[:6]}"}),
            ([], {"abbreviated": f"2{LONG[:5]}"}),
            ([], {"abbreviated": "3" * 41}),
            ([3], {"prefix": f"3{LONG[:3]}"}),
            ([2], {"project": "p2"}),
            ([3, 2, 1], {"repository": "git://r"}),
            ([3], {"repository": "git://r", "who": "mary", "branch": "b"}),
        )
        for expected, conditions in wanted:
            page = self.get(self.store.getChangeRows(ChangeFilter(**conditions)))
            self.assertEqual([row.number for row in page.rows], expected, conditions)
        row = page.rows[0]
        self.assertEqual((row.came, row.summary, row.files, row.category), (23.0, "because", 2, "docs"))
        self.assertEqual([row.number for row in self.get(self.store.findChanges(f"2{LONG[:9]}"))], [2])
        first = self.get(self.store.getChangeRows(count=2))
        rest = self.get(self.store.getChangeRows(count=2, cursor=first.next))
        self.assertEqual([row.number for row in (*first.rows, *rest.rows)], [3, 2, 1])
        self.assertEqual(rest.next, "")

    def test_manyAuthors(self) -> None:
        """A part of the names of many authors is found in any case, and the list comes in parts."""
        for number in range(50):
            who = f"Ölaf{number}@example.org" if number % 2 else "other"
            self.get(self.store.addChange(Change(who, [], "because", when=10.0)))
        wanted = ChangeFilter(author="öLAF")
        first = self.get(self.store.getChangeRows(wanted, 20))
        rest = self.get(self.store.getChangeRows(wanted, 20, first.next))
        found = [row.number for row in (*first.rows, *rest.rows)]
        self.assertEqual((found, rest.next), (list(range(50, 0, -2)), ""))


class MemoryTests(_Promises):
    """The store in memory."""

    def make(self) -> Store:
        return MemoryStore()


class SqliteTests(_Promises):
    """The store on disk."""

    def make(self) -> Store:
        return self.sqlite()


#: For the modules of other stores: trial would run a class by itself.
PROMISES = (_Promises,)
del _Promises


class UpgradeTests(SqliteCase):
    """Files of earlier releases, which have no columns for lists."""

    def old(self, version: int, *records: str) -> str:
        """A directory with a file of this version, with builds that have these records, and one change."""
        directory = self.quick()
        with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
            CURRENT.upgrade(file, 0, version)
            for number, record in enumerate(records):
                file.execute(
                    "INSERT INTO builds (builder, number, started, finished, record)"
                    " VALUES ('full', ?, ?, 9.0, ?)",
                    (number, float(number), record),
                )
            change = json.dumps(Change("mary", [], "because", revision=LONG, when=1.0).toRecord())
            file.execute("INSERT INTO changes (number, made, record) VALUES (1, 5.0, ?)", (change,))
            file.execute(f"PRAGMA user_version = {version}")
            file.commit()
        return directory

    def test_filled(self) -> None:
        """Builds and changes of every version without columns are in lists after the upgrade."""
        record = replace(build("full"), sourcestamp=source("b", LONG, 4), results=2, finished=9.0)
        for version in (1, 2):
            directory = self.old(version, json.dumps(record.toRecord()))
            store = self.opened(directory)
            (row,) = self.get(store.getBuildRows(BuildFilter(prefix=LONG[:4], slave="bot1"))).rows
            self.assertEqual((row.results, row.branch, row.changes, row.finished), (2, "b", (4,), 9.0))
            (change,) = self.get(store.findChanges(LONG[:5]))
            self.assertEqual((change.who, change.came), ("mary", 5.0))
            self.assertTrue(os.path.exists(os.path.join(directory, f"{FILE}.schema-{version}")))

    def test_codebases(self) -> None:
        """Changes of a version that lists without codebases have them after the upgrade."""
        directory = self.old(5)
        with closing(sqlite3.connect(os.path.join(directory, FILE))) as file:
            for number, name in enumerate(("app", "", "lib") * 700, 2):
                record = Change("eve", [], "why", codebase=name).toRecord()
                text = json.dumps(record) if number > 7 else encode(record)  # an imported one, or not
                text = '{"codebase":"x"' if number == 5 else text
                file.execute("INSERT INTO changes (number, made, record) VALUES (?, 5.0, ?)", (number, text))
            file.commit()
        store = self.opened(directory)
        rows = self.get(store.getChangeRows(ChangeFilter(), 1000, toCursor(8))).rows
        expected = [(7, "lib"), (6, ""), (5, ""), (4, "lib"), (3, ""), (2, "app"), (1, "")]
        self.assertEqual([(row.number, row.codebase) for row in rows], expected)
        self.assertEqual(self.get(store.getChangeRows()).rows[0].codebase, "lib")
        self.get(store.addChange(Change("eve", [], "why", codebase="doc")))
        self.assertEqual(self.get(store.getChangeRows()).rows[0].codebase, "doc")

    def test_unreadable(self) -> None:
        """A record that cannot be read stays in the file, and its build is in lists without details."""
        good = json.dumps(replace(build("full"), results=0, finished=9.0).toRecord())
        store = self.opened(self.old(2, "{", good, "[]", "7"))
        rows = self.get(store.getBuildRows()).rows
        self.assertEqual([(row.number, row.slave) for row in rows], [(3, ""), (2, ""), (1, "bot1"), (0, "")])
        self.assertEqual([each.number for each in self.get(store.getBuilds())], [1])
