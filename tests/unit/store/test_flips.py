"""H9: a store with altered bytes loses only the damaged records, and reports it."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from buildbot.model.change import Change
from buildbot.store.interface import StoreFailed
from buildbot.store.recovery import setAsides
from buildbot.store.schema import CURRENT
from tests.examples import sample, trying
from tests.stores import SqliteCase
from tests.unit.store.test_damage import rescued

#: The number of wrong bytes to try in a thorough run; with 1000 and more, the other tests try more too.
MANY = int(os.environ.get("BUILDBOT_TEST_SEQUENCES", "40"))
THOROUGH = max(1, MANY // 50)
#: The number of builds, changes, buildsets and states in the store.
COUNT = 40
#: The most records of one kind on one page.
PAGEFUL = 45


class FlipsCase(SqliteCase):
    """I have the file of a store with all kinds of records."""

    def setUp(self) -> None:
        super().setUp()
        self.whole = self.filled(COUNT)
        self.text = Path(self.file).read_bytes()

    def after(self, text: bytes) -> list[Any]:
        """Open a store on a file; check that it works, with higher numbers; return its content."""
        self.opened(self.holding(text))
        found = self.contents(self.store)
        self.get(self.store.interrupted(99.0))
        numbers = [build.number for build in found[3] if build.builder == "full"]
        number = self.start(builder="full").number
        assert number is not None
        self.assertTrue(all(number > each for each in numbers), (number, numbers))
        again = self.start(builder="full").number
        self.assertEqual(again, number + 1)
        change = self.change().number
        self.assertTrue(all(change > each.number for each in found[0]))
        self.get(self.store.close())
        return found

    def flipped(self, *bits: tuple[int, int]) -> bytes:
        """The file with some bits flipped, each given by the position of its byte and its mask."""
        text = bytearray(self.text)
        for position, mask in bits:
            text[position] ^= mask
        return bytes(text)

    def lost(self, found: list[Any]) -> list[int]:
        """The number of lost or altered records of each kind."""
        pairs = zip(rescued(found), rescued(self.whole), strict=True)
        return [0 if some == all_ else sum(each not in some for each in all_) for some, all_ in pairs]


class FlipsTests(FlipsCase):
    """Wrong bytes."""

    def test_header(self) -> None:
        """H9: with any wrong byte in the header, all records are rescued, and numbers go on."""
        for position in sample(range(0 if THOROUGH > 1 else 3, 100, 1 if THOROUGH > 1 else 7), 4):
            for mask in (0xFF, 0x20)[:THOROUGH]:
                with trying((position, mask)):
                    lost = self.lost(self.after(self.flipped((position, mask))))
                    self.assertEqual(lost, [0] * 5)

    def test_firstPage(self) -> None:
        """H9: the content of the first page is known, so a wrong byte in it loses nothing."""
        for position in sample(range(100, 4096, max(1, 397 // THOROUGH)), 4):
            with trying(position):
                lost = self.lost(self.after(self.flipped((position, 0xFF))))
                self.assertEqual(lost, [0] * 5)
        self.assertEqual(self.lost(self.after(bytes(4096) + self.text[4096:])), [0] * 5)

    def test_anywhere(self) -> None:
        """H9: a wrong byte anywhere loses at most the records on its page, and the master starts."""
        chance = random.Random(7)
        bits = [(chance.randrange(4096, len(self.text)), 1 << chance.randrange(8)) for _ in range(MANY)]
        for bit in sample(bits, 7):
            with trying(bit):
                lost = self.lost(self.after(self.flipped(bit)))
                self.assertLess(sum(lost), 2 * PAGEFUL)

    def test_many(self) -> None:
        """H9: with many wrong bytes the master starts."""
        for seed in sample(range(10 * THOROUGH), 3):
            chance = random.Random(seed)
            places = chance.sample(range(len(self.text)), chance.randrange(2, 200))
            with trying(seed):
                self.after(self.flipped(*((place, chance.randrange(1, 256)) for place in places)))

    def test_pageLost(self) -> None:
        """H9: an overwritten page loses its records: those on other pages are rescued."""
        for page in sample(range(1, len(self.text) // 4096, 1 if THOROUGH > 1 else 5), 4):
            text = self.text[: page * 4096] + b"\xa5" * 4096 + self.text[page * 4096 + 4096 :]
            with trying(page):
                found = self.after(text)
            if "copied into a new store" in "".join(self.warnings):
                self.assertTrue(setAsides(self.file))
            self.warnings.clear()
            self.assertGreater(sum(map(len, rescued(found))), 2 * COUNT, page)


class CellsTests(FlipsCase):
    """Values of wrong types, made by people with a database tool."""

    def test_eachCell(self) -> None:
        """H9: a wrong value in any cell of any table blocks nothing and loses at most its row."""
        values = ("a word", 2**63 - 1, b"\xff\x00", 2.5, -(2**63), None, "", b"")[: 2 * THOROUGH]
        for table in CURRENT.tables():
            with closing(sqlite3.connect(":memory:")) as memory:
                CURRENT.upgrade(memory, 0)
                columns = [row[1] for row in memory.execute(f"PRAGMA table_info({table})")]
            for column, value in sample([(each, value) for each in columns for value in values], 3):
                with trying((table, column, value)):
                    self.oneCell(table, column, value)

    def oneCell(self, table: str, column: str, value: object) -> None:
        """Put a value into the second row of a table, and check that all other rows are there."""
        directory = self.holding(self.text)
        path = os.path.join(directory, "state.sqlite")
        with closing(sqlite3.connect(path)) as file:
            try:
                file.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid ="
                    f" (SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET 1)",
                    (value,),
                )
                file.commit()
            except sqlite3.IntegrityError:
                return
        found = self.after(Path(path).read_bytes())
        # A buildset is lost with its two requests, one of which waits.
        self.assertLess(sum(self.lost(found)), 5)

    def test_counters(self) -> None:
        """H9: a counter that was put back, or is not a number, gives no number twice, and blocks nothing."""
        for value in (0, 3, "many", -5, 2**62):
            directory = self.holding(self.text)
            path = os.path.join(directory, "state.sqlite")
            with closing(sqlite3.connect(path)) as file:
                file.execute("UPDATE counters SET value = ?", (value,))
                file.commit()
            self.assertEqual(self.lost(self.after(Path(path).read_bytes())), [0] * 5)

    def test_stateOfRequest(self) -> None:
        """H9: a request without a valid state waits again."""
        directory = self.holding(self.text)
        path = os.path.join(directory, "state.sqlite")
        with closing(sqlite3.connect(path)) as file:
            (id,) = file.execute("SELECT id FROM requests WHERE state = 'pending' LIMIT 1").fetchone()
            file.execute("UPDATE requests SET state = 'pendong' WHERE id = ?", (id,))
            file.commit()
        self.opened(directory)
        self.get(self.store.interrupted(99.0))
        self.assertIn(id, self.pending())


class _BadPage:
    """I am a connection to a file with an unreadable page: that of build 30 of C{full}."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, values: Any = ()) -> Any:
        if statement.startswith("SELECT builder, number, record FROM builds") and values == ("full", 30):
            raise sqlite3.DatabaseError("database disk image is malformed")
        return self._connection.execute(statement, values)


class LaterTests(SqliteCase):
    """Damage that appears while the master runs."""

    def test_pageUnderUs(self) -> None:
        """F5, H9: a page that becomes unreadable affects only the calls that need it, and is reported."""
        store = self.opened(connect=lambda *args, **options: _BadPage(sqlite3.connect(*args, **options)))
        self.fill(1)
        told: list[str] = []
        store.watch(lambda reason: told.append("failed"), lambda: told.append("works"), told.append)
        reading = [store.getBuild("full", number) for number in (0, 30, 0)]
        adding = store.addChange(Change("mary", [], "meanwhile"))
        self.assertEqual(self.get(reading[0]), self.get(reading[2]))
        with self.assertRaises(StoreFailed) as caught:
            self.get(reading[1])
        self.assertEqual(caught.exception.reason, "damaged: database disk image is malformed")
        self.assertEqual(self.get(adding).number, 2)
        self.assertEqual(told, ["damaged: database disk image is malformed"])


class OddTests(SqliteCase):
    """Files that are not plain."""

    def test_odd(self) -> None:
        """H9, H10: a store or its log that is a FIFO or a directory is reported at once, and not changed."""
        for name in ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite-journal"):
            for make, words in ((os.mkfifo, "a FIFO"), (os.mkdir, "a directory")):
                directory = self.quick()
                make(os.path.join(directory, name))
                with self.assertRaises(StoreFailed) as caught:
                    self.get(self.sqlite(directory).open())
                self.assertIn(f"/{name}: it is {words}, not a plain file", caught.exception.reason)
                self.assertEqual(os.listdir(directory), [name])

    def test_oddBeside(self) -> None:
        """H10: the same is true beside the store of a master that ran before."""
        self.opened()
        self.change()
        self.get(self.store.close())
        for end in ("-wal", "-shm", "-journal"):
            for make, remove, words in (
                (os.mkfifo, os.unlink, "a FIFO"),
                (os.mkdir, os.rmdir, "a directory"),
                (lambda path: os.symlink("/dev/zero", path), os.unlink, "a symbolic link"),
            ):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(self.file + end, f"{self.file}{end}.aside")
                make(self.file + end)
                with self.assertRaises(StoreFailed) as caught:
                    self.get(self.store.open())
                self.assertIn(f"{end}: it is {words}", caught.exception.reason)
                remove(self.file + end)
                with contextlib.suppress(FileNotFoundError):
                    os.rename(f"{self.file}{end}.aside", self.file + end)
        self.get(self.store.open())
        self.assertEqual(self.change().number, 2)

    def test_journalOfDamaged(self) -> None:
        """H9: the journal of a damaged store is set aside with it: it does not belong to the new one."""
        self.opened()
        self.get(self.store.close())
        Path(self.file).write_bytes(b"nonsense" * 1000)
        Path(f"{self.file}-journal").write_bytes(b"rows")
        self.get(self.store.open())
        self.assertEqual(Path(f"{self.file}.damaged-1-journal").read_bytes(), b"rows")
        self.assertFalse(os.path.exists(f"{self.file}-journal"))
        found = setAsides(self.file)
        assert found is not None
        self.assertNotIn("-journal", found.why)

    def test_logsOfStoreGone(self) -> None:
        """H9: without its -wal and -shm files a store has the content of its file, and works."""
        self.opened()
        self.change()
        self.get(self.store.close())
        self.get(self.store.open())
        self.change()
        directory = self.holding(Path(self.file).read_bytes())
        self.opened(directory)
        self.assertEqual([each.number for each in self.get(self.store.getChanges())], [1])
        self.assertEqual(self.change().number, 2)

    def test_said(self) -> None:
        """F5, H9: as long as a damaged file is there, status reports it."""
        self.opened()
        self.assertIsNone(setAsides(self.file))
        self.get(self.store.close())
        Path(self.file).write_bytes(b"nonsense" * 1000)
        self.get(self.store.open())
        found = setAsides(self.file)
        assert found is not None
        self.assertIn("state.sqlite.damaged-1", found.why)
        os.unlink(f"{self.file}.damaged-1")
        self.assertIsNone(setAsides(self.file))
