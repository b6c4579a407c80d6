"""The build sets of a master of 0.8 are imported with their requests, and nothing of them is built again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from buildbot.importing.database import OldDatabase
from buildbot.importing.oldsets import OldSets
from buildbot.importing.setwork import SetImport
from buildbot.model.records import BuildsetRecord
from buildbot.store.files import FILE
from buildbot.store.imported import ImportedStore, Present
from tests.oldhistory import SAMPLES
from tests.stores import SqliteCase

_ODD = "odd name (x86)/%"
_BOTH = {"full": "full", _ODD: "odd"}


class SetsCase(SqliteCase):
    """An old database, and a new master."""

    def setUp(self) -> None:
        super().setUp()
        self.here = os.path.abspath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, "old.sqlite")
        shutil.copy(SAMPLES / "0.8.14" / "state.sqlite", self.path)
        self.lines: list[str] = []

    def change_(self, script: str) -> None:
        """Change the old database."""
        with closing(sqlite3.connect(self.path)) as file:
            file.executescript(script)

    def run_(self, names: dict[str, str] = _BOTH) -> tuple[int, int]:
        """Import the sets; return how many were imported now, and before."""
        store = ImportedStore(self.here)
        try:
            with SetImport(self.path, names, self.unreadable, self.lines.append) as sets:
                sets.run(store)
                return sets.imported, sets.before
        finally:
            store.close()

    def unreadable(self, what: str, why: object) -> None:
        """Remember a line."""
        self.lines.append(f"{what}: {why}")

    def sets(self) -> list[BuildsetRecord]:
        """The imported sets."""
        with closing(sqlite3.connect(os.path.join(self.here, FILE))) as file:
            rows = file.execute("SELECT id, complete, results, record FROM buildsets ORDER BY id").fetchall()
        return [
            BuildsetRecord.fromRecord(json.loads(text)).altered(id=id, complete=complete, results=results)
            for id, complete, results, text in rows
        ]

    def requests(self) -> list[tuple[Any, ...]]:
        """The imported requests."""
        with closing(sqlite3.connect(os.path.join(self.here, FILE))) as file:
            columns = "id, buildset, builder, state, results, build"
            return file.execute(f"SELECT {columns} FROM requests ORDER BY id").fetchall()


class ImportTests(SetsCase):
    """Sets that are imported."""

    def test_sample(self) -> None:
        """The sets of 0.8.14 have their reason, source and results, and their requests have builds."""
        self.assertEqual(self.run_(), (2, 0))
        first, second = self.sets()
        self.assertEqual((first.id, first.scheduler, first.results), (1, "main", 1))
        self.assertEqual(first.reason, "The Scheduler scheduler named 'main' triggered this build")
        self.assertEqual([each["number"] for each in first.sourcestamp["changes"]], [2])
        self.assertEqual((second.sourcestamp["branch"], second.properties), ("stable", {}))
        self.assertEqual(
            self.requests(),
            [
                (1, 1, "full", "done", 1, 0),
                (2, 1, "odd", "done", 1, 0),
                (3, 2, "full", "done", 1, 1),
                (4, 2, "odd", "done", 1, 1),
            ],
        )
        self.assertEqual(self.lines, [])

    def test_codebases(self) -> None:
        """A set of several codebases has the source of each, with its changes and its patch."""
        self.change_(
            "INSERT INTO patches (id, patchlevel, patch_base64, patch_author, patch_comment)"
            " VALUES (5, 1, 'ZGlmZg==', 'ann', '');"
            "INSERT INTO sourcestamps (id, branch, revision, patchid, repository, project, codebase,"
            " sourcestampsetid) SELECT 77, 'dev', '12', 5, 'git://h/lib', '', 'lib', sourcestampsetid"
            " FROM buildsets WHERE id = 2;"
            "INSERT INTO sourcestamp_changes (sourcestampid, changeid) VALUES (77, 2);"
        )
        self.assertEqual(self.run_(), (2, 0))
        first, second = self.sets()
        self.assertNotIn("beside", first.sourcestamp)
        (lib,) = second.sourcestamp["beside"]
        self.assertEqual(second.sourcestamp["branch"], "stable")
        self.assertEqual((lib["codebase"], lib["revision"], lib["patch"]), ("lib", "12", [1, "diff"]))
        self.assertEqual([each["number"] for each in lib["changes"]], [2])

    def test_again(self) -> None:
        """A second import adds only what is new."""
        self.run_()
        before = self.requests()
        self.assertEqual((self.run_(), self.requests()), ((0, 2), before))
        self.change_(
            "INSERT INTO buildsets (id, submitted_at, complete) VALUES (3, 5, 1);"
            "INSERT INTO buildrequests (id, buildsetid, buildername, complete, results, submitted_at)"
            " VALUES (9, 3, 'full', 1, 2, 5);"
        )
        self.assertEqual(self.run_(), (1, 2))
        self.assertEqual(self.requests()[-1], (9, 3, "full", "done", 2, None))

    def test_waiting(self) -> None:
        """What was waiting is not built again: its requests are left out; the rest of its set is imported."""
        self.change_(
            "UPDATE buildrequests SET complete = 0 WHERE id = 2;"
            "UPDATE buildrequests SET complete = 0 WHERE buildsetid = 2;"
        )
        self.assertEqual(self.run_(), (1, 0))
        self.assertEqual([row[0] for row in self.requests()], [1])
        store = self.opened(self.here)
        self.assertEqual(self.get(store.pendingRequests()), [])
        self.assertEqual(self.get(store.giveUp(9.0)), [])

    def test_next(self) -> None:
        """The next set and request get higher numbers, and a set is found by its request."""
        self.run_()
        self.opened(self.here)
        found = self.get(self.store.getBuildsetOf(3))
        assert found is not None
        self.assertEqual((found.id, found.scheduler), (2, "stable"))
        record, (request,) = self.ask("full")
        self.assertEqual((record.id, request.id), (3, 5))

    def test_ownSets(self) -> None:
        """If the new master has sets of its own, old ones are left out, and that is told once."""
        self.opened(self.here)
        self.ask("full")
        self.get(self.store.close())
        self.assertEqual(self.run_(), (0, 0))
        self.assertEqual(self.lines, ["build sets are left out, because the new master has some of its own"])
        self.assertEqual(len(self.requests()), 1)

    def test_afterStart(self) -> None:
        """After an import and a start, the same import tells nothing."""
        self.run_()
        self.opened(self.here)
        self.ask("full")
        self.get(self.store.close())
        self.assertEqual((self.run_(), self.lines), ((0, 0), []))

    def test_chosen(self) -> None:
        """Requests for builders that are left out are left out, too."""
        self.assertEqual(self.run_({"full": "all"}), (2, 0))
        self.assertEqual([row[2] for row in self.requests()], ["all", "all"])
        self.here = self.quick()
        self.assertEqual(self.run_({}), (0, 0))
        self.assertEqual(self.requests(), [])


class OddTests(SetsCase):
    """Databases of other versions, and damaged ones."""

    def test_first(self) -> None:
        """The tables of 0.8.0 have one source stamp for each set, perhaps with a patch."""
        os.unlink(self.path)
        self.change_(
            "CREATE TABLE buildsets (id INTEGER, external_idstring, reason, sourcestampid, submitted_at,"
            " complete, complete_at, results);"
            "INSERT INTO buildsets VALUES (4, 'x', 'why', 2, 5, 1, 7, 0);"
            "CREATE TABLE buildrequests (id INTEGER, buildsetid, buildername, complete, complete_at,"
            " results);"
            "INSERT INTO buildrequests VALUES (6, 4, 'full', 1, 7, 0);"
            "CREATE TABLE sourcestamps (id INTEGER, branch, revision, patchid, repository, project);"
            "INSERT INTO sourcestamps VALUES (2, 'b', 'r9', 1, 'git://r', 'p');"
            "CREATE TABLE patches (id INTEGER, patchlevel, patch_base64, subdir);"
            "INSERT INTO patches VALUES (1, 1, 'LS0tIGEK', 'src');"
        )
        self.assertEqual(self.run_(), (1, 0))
        (found,) = self.sets()
        self.assertEqual((found.externalID, found.submitted, found.complete), ("x", 5, 7))
        stamp = found.sourcestamp
        self.assertEqual((stamp["branch"], stamp["revision"], stamp["repository"]), ("b", "r9", "git://r"))
        self.assertEqual(list(stamp["patch"]), [1, "--- a\n", "src"])

    def test_noSets(self) -> None:
        """A database without these tables, and a master without a database, have no sets."""
        os.unlink(self.path)
        self.change_("CREATE TABLE changes (changeid INTEGER);")
        self.assertEqual(self.run_(), (0, 0))
        store = ImportedStore(self.here)
        self.addCleanup(store.close)
        with SetImport(None, _BOTH, self.unreadable, self.lines.append) as sets:
            sets.run(store)
        self.assertEqual((sets.imported, self.lines), (0, []))

    def test_wrongValues(self) -> None:
        """Impossible values are left out, and the rest is imported."""
        self.change_(
            "INSERT INTO buildsets (id, submitted_at) VALUES (-1, 5), (8, 'never');"
            "INSERT INTO buildrequests (id, buildsetid, buildername, complete, results, submitted_at)"
            " VALUES (-5, 8, 'full', 1, 0, 5), (11, 8, 'full', 1, 'x', 5);"
            "UPDATE buildset_properties SET property_value = 'no json';"
            "UPDATE sourcestamps SET branch = x'ff', patchid = 77;"
        )
        self.assertEqual(self.run_(), (3, 0))
        self.assertEqual(self.lines, ["build set -1 in state.sqlite: no build set can have this number"])
        self.assertEqual(self.requests()[-1], (11, 8, "full", "done", 4, None))

    def test_damaged(self) -> None:
        """A damaged database is told, and nothing is imported."""
        Path(self.path).write_bytes(b"no database" * 1000)
        self.assertEqual(self.run_(), (0, 0))
        self.assertIn("the build sets in state.sqlite: ", self.lines[0])

    def test_requestsOf(self) -> None:
        """A build has the requests that it served, also several that were merged."""
        self.change_("INSERT INTO builds (id, number, brid, start_time) VALUES (9, 1, 1, 5);")
        database = OldDatabase(self.path)
        self.addCleanup(database.close)
        sets = OldSets(database)
        self.assertEqual((sets.requestsOf("full", 1), sets.requestsOf(_ODD, 0)), ((1, 3), (2,)))

    def test_check(self) -> None:
        """A check counts the sets, and writes nothing."""
        with SetImport(self.path, _BOTH, self.unreadable, self.lines.append) as sets:
            sets.check()
        self.assertEqual((sets.imported, os.listdir(self.here)), (2, ["old.sqlite"]))
        self.assertEqual(Present.of(self.here).lastSet(), 0)
