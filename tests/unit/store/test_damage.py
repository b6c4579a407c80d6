"""Damaged store files."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.store.schema import Schema
from tests.examples import THOROUGH, sample, trying
from tests.stores import SqliteCase, later


class DamageTests(SqliteCase):
    """P3: no damaged file keeps the master from starting."""

    def after(self, directory: str) -> list[Any]:
        """Open the file, check that the store works, and return its content."""
        store = self.opened(directory)
        found = self.contents(store)
        self.get(store.interrupted(99.0))
        number = self.change().number
        assert number is not None
        kept = self.get(store.getChange(number))
        assert kept is not None
        self.assertEqual(kept.number, number)
        self.get(store.close())
        return found

    def asides(self, directory: str) -> list[str]:
        """The files that were set aside."""
        return sorted(name for name in os.listdir(directory) if ".damaged-" in name)

    def test_truncated(self) -> None:
        """Row 24: a file cut anywhere is set aside with a warning, and the store works.

        Everything before the cut is rescued, and nothing is made up.
        """
        whole = self.filled(12)
        text = Path(self.file).read_bytes()
        self.assertGreater(len(text), 40000)
        before = [0] * 5
        edges = (len(text) - 4096, len(text) - 512)
        for cut in sample(cuts(len(text), most=3 * 4096), 8, edges):
            directory = self.holding(text[:cut])
            self.warnings.clear()
            found = self.after(directory)
            for some, all_ in zip(rescued(found), rescued(whole), strict=True):
                self.assertEqual([each for each in some if each not in all_], [])
            counts = list(map(len, rescued(found)))
            self.assertEqual(list(map(max, before, counts)), counts, "a longer file had less")
            before = counts
            if cut == len(text) - 4096:
                self.assertEqual(counts[:3] + counts[4:], [12] * 4)
                self.assertTrue(6 < counts[3] < 12, counts)
            bad = [each for each in self.warnings if "cannot be read" in each]
            if found == whole:
                self.assertGreater(cut, len(text) - 4096)
            elif self.asides(directory):
                self.assertEqual(self.asides(directory), ["state.sqlite.damaged-1"], cut)
                self.assertEqual(Path(directory, "state.sqlite.damaged-1").read_bytes(), text[:cut])
                self.assertIn("is damaged", self.warnings[0])
                self.assertEqual(self.warnings[1:], bad)
            else:  # SQLite reads zeros for the rest of the last page, which had the end of one record
                self.assertGreater(cut, len(text) - 4096)
                self.assertEqual((self.warnings, len(bad)), (bad, 1))

    def test_empty(self) -> None:
        """An empty file, from a crash during the first start, is filled, with a warning."""
        self.after(directory := self.holding(b""))
        self.assertEqual(self.asides(directory), [])
        self.assertIn("is empty: it is new, or its contents are lost", self.warnings[0])

    def test_emptyWithLog(self) -> None:
        """An empty file with a write-ahead log is set aside, with the log."""
        self.after(directory := self.holding(b"", b"log"))
        self.assertEqual(self.asides(directory), ["state.sqlite.damaged-1", "state.sqlite.damaged-1-wal"])

    def test_truncatedLog(self) -> None:
        """Row 24: with the write-ahead log cut anywhere, its earlier content is there, in order."""
        self.opened()
        self.change()
        self.get(self.store.close())
        self.get(self.store.open())
        for _ in range(12):
            self.change()
        main, log = Path(self.file).read_bytes(), Path(self.file + "-wal").read_bytes()
        seen: set[int] = set()
        for cut in sample([0, *cuts(len(log), most=4096)], 8):
            directory = self.holding(main, log[:cut])
            numbers = [each.number for each in self.after(directory)[0]]
            self.assertEqual(numbers, list(range(len(numbers), 0, -1)), cut)
            self.assertGreaterEqual(len(numbers), max(seen, default=0), cut)
            self.assertEqual(self.asides(directory), [])
            seen.add(len(numbers))
        self.assertEqual((min(seen), max(seen) > 11), (1, True))
        if THOROUGH:
            self.assertEqual(seen | {13}, set(range(1, 14)))

    def test_garbage(self) -> None:
        """With any content of the file and its log, the store opens and works."""
        self.opened()
        self.fill(12)
        main, log = Path(self.file).read_bytes(), Path(self.file + "-wal").read_bytes()
        self.get(self.store.close())
        rest = Path(self.file).read_bytes()
        for number in sample(range(100), 8):
            chance = random.Random(number)
            text, at = bytearray(rest if number % 2 else main), 0
            for _ in range(chance.randrange(1, 5)):
                at = chance.randrange(len(text)) if number % 5 else chance.randrange(100)
                text[at : at + 64] = chance.randbytes(chance.randrange(1, 64))
            with trying(number):
                self.after(
                    self.holding(bytes(text), b"" if number % 2 else log[: chance.randrange(len(log))])
                )

    def test_carriedOver(self) -> None:
        """One bad page costs only its own records, and no number is given twice."""
        self.filled(60)
        with closing(sqlite3.connect(self.file)) as file:
            (pages,) = file.execute("PRAGMA page_count").fetchone()
        text = bytearray(Path(self.file).read_bytes())
        at = text.index(b"full/30-xxx") // 4096 * 4096
        text[at : at + 4096] = b"\xff" * 4096
        Path(self.file).write_bytes(text)
        self.assertGreater(pages, 20)
        found = self.after(self.directory)
        self.assertIn("copied into a new store", self.warnings[0])
        numbers = [each.number for each in found[3] if each.builder == "full"]
        self.assertIn(0, numbers)
        self.assertIn(59, numbers)
        self.assertTrue(50 < len(numbers) < 60, numbers)
        self.assertEqual((len(found[0]), len(found[2]), len(found[4])), (60, 60, 60))
        self.get(self.store.open())
        self.assertEqual(self.start().number, 60)

    def test_older(self) -> None:
        """P7: a damaged file of an earlier release is rescued like one of this release."""
        self.filled(12)
        text = Path(self.file).read_bytes()[:-4096]
        found = self.after(self.holding(text))
        carried = self.warnings[0].rpartition("; ")[2]
        second = later()
        more = ("CREATE TABLE moods (name TEXT)",)
        third = Schema(second.version + 1, second.statements, {**second.upgrades, second.version: more})
        for schema in (second, third):
            directory = self.holding(text)
            self.warnings.clear()
            store = self.opened(directory, schema=schema)
            self.assertEqual(self.contents(store), found)
            self.assertIn(carried, self.warnings[0])
            self.get(store.close())
            with closing(sqlite3.connect(self.file)) as file:
                self.assertEqual(file.execute("PRAGMA user_version").fetchone(), (schema.version,))
                self.assertEqual(file.execute("SELECT max(mood) FROM builds").fetchone(), (None,))
            self.get(store.open())
            self.assertEqual(self.start().number, 12)

    def test_countersLost(self) -> None:
        """If the counters are lost, numbers go on from the highest known one."""
        self.filled(3)
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("DROP TABLE counters")
        self.get(self.store.open())
        self.assertIn("it has no table counters", self.warnings[0])
        _, (request,) = self.ask("full")
        self.assertEqual((request.buildset, request.id, self.start(request).number), (4, 7, 3))
        self.assertEqual(self.change().number, 4)

    def test_foreign(self) -> None:
        """A foreign database and a text file are set aside, each under its own name."""
        store = self.sqlite(self.mktemp())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("CREATE TABLE builds (a)")
        self.get(store.open())
        self.get(store.close())
        Path(self.file).write_text("Dear diary, " * 1000)
        self.get(store.open())
        self.assertEqual(self.asides(self.directory), ["state.sqlite.damaged-1", "state.sqlite.damaged-2"])
        self.assertEqual(len(self.warnings), 2)

    def test_versionLost(self) -> None:
        """Everything is rescued from a file without a version."""
        whole = self.filled(3)
        text = Path(self.file).read_bytes()
        for version in (0, -(2**31) + 1):
            directory = self.holding(text)
            with closing(sqlite3.connect(Path(directory, "state.sqlite"))) as file:
                file.execute(f"PRAGMA user_version = {version}")
            self.warnings.clear()
            self.assertEqual(self.after(directory), whole)
            self.assertIn("copied into a new store", self.warnings[0])

    def test_badRecord(self) -> None:
        """One invalid record is skipped with a warning; all others are there."""
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

    def test_unreadableRequests(self) -> None:
        """F16: an invalid request is given up: it is logged once and later pruned."""
        self.opened()
        for _ in range(5):
            self.ask("full")
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("UPDATE buildsets SET record = '[]' WHERE id = 1")
            file.execute("DELETE FROM buildsets WHERE id = 2")
            file.commit()
        self.get(self.store.open())
        self.get(self.store.interrupted(5.0))
        found = self.get(self.store.getWaiting("full"))
        self.assertEqual([each.id for each in found.requests], [3, 4, 5])
        self.assertEqual(self.get(self.store.giveUp(6.0, found.unreadable)), [])
        told = [each.partition(" cannot")[0] for each in self.warnings if "given up" in each]
        self.assertEqual(told, [f"stored request {number} for builder full" for number in (1, 2)])
        self.warnings.clear()
        self.assertEqual(self.get(self.store.getWaiting("full")).unreadable, [])
        self.assertEqual(self.get(self.store.giveUp(7.0)), [])
        self.assertEqual(self.pending(), [3, 4, 5])
        self.get(self.store.prune(1))
        self.assertEqual(self.warnings, [])
        with closing(sqlite3.connect(self.file)) as file:
            self.assertEqual(file.execute("SELECT id FROM buildsets").fetchall(), [(3,), (4,), (5,)])

    def test_countsOfRequests(self) -> None:
        """H9: a request with an invalid count of attempts stays in the queue, and its count starts again."""
        self.opened()
        for _ in range(3):
            self.ask("full")
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("UPDATE requests SET attempts = 'x' WHERE id = 1")
            file.execute("UPDATE requests SET interruptions = 'x' WHERE id = 2")
            file.commit()
        self.get(self.store.open())
        self.get(self.store.interrupted(5.0))
        self.assertEqual(self.get(self.store.giveUp(6.0)), [])
        waiting = self.get(self.store.pendingRequests())
        self.assertEqual(
            [(each.id, each.attempts, each.interruptions) for each in waiting],
            [(1, 0, 0), (2, 0, 0), (3, 0, 0)],
        )
        self.assertIn("2 records lost a wrong value", self.warnings[0])

    def test_wrongShape(self) -> None:
        """A change in JSON that lacks a key is skipped with a warning that names it."""
        self.filled(5)
        with closing(sqlite3.connect(self.file)) as file:
            for number, word in ((1, "files"), (3, "who"), (5, "comments")):
                file.execute(
                    "UPDATE changes SET record = replace(record, ?, 'vho') WHERE number = ?", (word, number)
                )
            file.execute("""UPDATE changes SET record = '{"properties": []}' WHERE number = 4""")
            file.commit()
        self.get(self.store.open())
        self.assertEqual([each.number for each in self.get(self.store.getChanges())], [2])
        self.assertEqual([each.number for each in self.get(self.store.getChangesAfter(0))], [2])
        self.assertIsNone(self.get(self.store.getChange(3)))
        self.assertIn("stored change (3,) cannot be read, and is skipped", self.warnings[-1])

    def test_wrongShapeWithin(self) -> None:
        """A buildset with such a change is skipped with its requests."""
        self.opened()
        change = Change("ann", ["a.c"], "")
        for _ in range(2):
            self.ask("full", sourcestamp=SourceStamp(changes=[change]).toRecord())
        self.get(self.store.close())
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("UPDATE buildsets SET record = replace(record, 'files', 'fides') WHERE id = 1")
            file.commit()
        self.get(self.store.open())
        self.assertEqual(self.pending(), [2])
        self.assertIn("request (1, 'full', 0, 0, 1, None, None) cannot be read", self.warnings[-1])
        self.assertIsNone(self.get(self.store.getBuildset(1)))
        self.assertIn("buildset (1, None, None) cannot be read", self.warnings[-1])

    def test_newestUnreadable(self) -> None:
        """Queries return only readable records, so the newest of these is never missing."""
        self.filled(5)
        with closing(sqlite3.connect(self.file)) as file:
            file.execute("UPDATE changes SET record = '{}' WHERE number IN (1, 2, 5)")
            file.commit()
        self.get(self.store.open())
        self.assertEqual([each.number for each in self.get(self.store.getChanges(1))], [4])
        self.assertEqual([each.number for each in self.get(self.store.getChanges(1, before=6))], [4])
        self.assertEqual([each.number for each in self.get(self.store.getChangesAfter(0, 1))], [3])


def rescued(contents: list[Any]) -> list[list[Any]]:
    """The content that was rescued of L{SqliteCase.contents}."""
    changes, sets, requests, builds, states = contents
    return [changes, [each for each in sets if each is not None], requests, builds, list(states.items())]


def cuts(size: int, most: int) -> list[int]:
    """Where to cut a file of C{size} bytes: at each 512 bytes of its last C{most}, at each 1.5 KiB before.

    So each distance from the beginning of a page occurs.
    """
    dense = (size - most) // 512 * 512
    return [*range(512, dense, 3 * 512), *range(dense, size, 512)]
