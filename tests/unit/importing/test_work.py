"""The history of an old master is imported, once, whatever happens in between."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing import work as module
from buildbot.importing.oldmaster import look
from buildbot.importing.work import Import
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.store.files import FILE
from buildbot.store.imported import ImportedStore, Present
from buildbot.store.interface import StoreFailed
from buildbot.store.peek import peekBuild
from tests.oldhistory import RELEASES, SAMPLES, InThisProcess, changes, counters, imported

_ODD = "odd name (x86)/%"


class ImportCase(SynchronousTestCase):
    """An old master, and a new one."""

    def setUp(self) -> None:
        self.lines: list[str] = []
        self.here = os.path.abspath(self.mktemp())
        os.mkdir(self.here)

    def old(self, release: str) -> Path:
        top = Path(self.mktemp())
        shutil.copytree(SAMPLES / release, top)
        return top

    def work(self, old: Path, names: Mapping[str, str] | None = None, withChanges: bool = True) -> Import:
        reader: Any = InThisProcess()
        found = look(str(old), reader)
        if names is None:
            names = {each.name: each.name for each in found.builders}
        return Import(found, reader, names, withChanges, self.lines.append)

    def run_(self, old: Path, names: Mapping[str, str] | None = None) -> Import:
        work = self.work(old, names)
        store = ImportedStore(self.here)
        try:
            self.assertEqual(work.conflicts(store), [])
            work.run(store, self.here)
        finally:
            store.close()
        return work

    def namesOf(self, old: Path) -> set[str]:
        """The names of the builders."""
        reader: Any = InThisProcess()
        return {each.name for each in look(str(old), reader).builders}

    def builds(self) -> list[tuple[str, int]]:
        with closing(sqlite3.connect(os.path.join(self.here, FILE))) as store:
            return store.execute("SELECT builder, number FROM builds ORDER BY builder, number").fetchall()

    def everything(self) -> tuple[object, ...]:
        with closing(sqlite3.connect(os.path.join(self.here, FILE))) as store:
            rows = [
                store.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("builds", "changes", "counters")
            ]
        files = {
            str(path): path.read_bytes() for path in Path(self.here, "logs").rglob("*") if path.is_file()
        }
        return rows, files

    def failAfter(self, store: ImportedStore, times: int) -> None:
        """Let a later write fail."""
        add, left = store.add, [times]

        def failing(*args: Any, **more: Any) -> None:
            if not left[0]:
                raise StoreFailed("the disk is full")
            left[0] -= 1
            add(*args, **more)

        self.patch(store, "add", failing)


class SampleTests(ImportCase):
    """The samples that real masters have made."""

    def test_same(self) -> None:
        """Every build, change and log is what the old master told."""
        for release in RELEASES:
            self.here = os.path.abspath(self.mktemp())
            os.mkdir(self.here)
            work = self.run_(SAMPLES / release)
            told = json.loads((SAMPLES / release / "told.json").read_text())
            for each in told:
                self.assertEqual(imported(each, self.here), each)
            known = {each["changes"][0]["number"]: each["changes"][0] for each in told}
            self.assertEqual(changes(self.here), [known[1], known[2]])
            self.assertEqual((work.tally.builds, work.tally.changes, work.tally.unreadable), (4, 2, 0))
            ofSets = {"buildset": 3, "request": 5} if release == "0.8.14" else {}
            others = {"build full": 2, f"build {_ODD}": 2, "change": 3}
            self.assertEqual(counters(self.here), {**others, **ofSets})
        self.assertEqual(self.lines, [])

    def test_twice(self) -> None:
        """A second import adds nothing, and says what was there before."""
        for release in RELEASES:
            self.here = os.path.abspath(self.mktemp())
            os.mkdir(self.here)
            self.run_(SAMPLES / release)
            before = self.everything()
            again = self.run_(SAMPLES / release).tally
            self.assertEqual((again.builds, again.before, again.changes, again.changesBefore), (0, 4, 0, 2))
            self.assertEqual(self.everything(), before)

    def test_check(self) -> None:
        """A check reads everything and writes nothing."""
        work = self.work(SAMPLES / "0.7.12")
        work.check()
        self.assertEqual((work.tally.builds, work.tally.changes, os.listdir(self.here)), (4, 2, []))


class ChosenTests(ImportCase):
    """Some builders, and other names."""

    def test_chosen(self) -> None:
        """Only the chosen builders are imported; the others can come later."""
        self.run_(SAMPLES / "0.7.12", {"full": "full"})
        self.assertEqual(self.builds(), [("full", 0), ("full", 1)])
        self.run_(SAMPLES / "0.7.12")
        self.assertEqual(len(self.builds()), 4)

    def test_renamed(self) -> None:
        """A builder can have another name, and its logs go with it."""
        self.run_(SAMPLES / "0.7.12", {"full": "new"})
        (told, *_) = json.loads((SAMPLES / "0.7.12" / "told.json").read_text())
        self.assertEqual(imported({**told, "builder": "new"}, self.here), {**told, "builder": "new"})
        self.assertEqual(os.listdir(os.path.join(self.here, "logs")), ["new"])


class TroubleTests(ImportCase):
    """What is damaged, in the way, or ends too early."""

    def test_unreadable(self) -> None:
        """Each unreadable thing is told in a line, and the rest is imported; no number is used again."""
        old = self.old("0.7.12")
        (old / "b0" / "1").write_bytes(b"\x80\x02cos\nsystem\nU\x01x\x85R.")
        (old / "b1" / "0-log-compile-stdio").unlink()
        (old / "changes.pck").write_bytes(b"")
        work = self.run_(old)
        self.assertEqual(self.builds(), [("full", 0), (_ODD, 0), (_ODD, 1)])
        self.assertEqual(counters(self.here)["build full"], 2)
        self.assertEqual((work.tally.unreadable, len(self.lines), work.tally.gone), (2, 2, 1))
        self.assertIn("changes.pck", self.lines[0])
        self.assertIn("cannot read b0/1: refused: it calls os.system", self.lines)
        build = peekBuild(self.here, _ODD, 0)
        assert build is not None
        self.assertEqual(build.steps[0].logs[0].trouble, "not imported: its file is gone")

    def test_elsewhere(self) -> None:
        """A builder whose directory is a link to another disk, or is closed, is told, and can come later."""
        old = self.old("0.7.12")
        away = Path(self.mktemp())
        (old / "b0").rename(away)
        (old / "b0").symlink_to(away.absolute())
        (old / "link").symlink_to("changes.pck")
        self.patch(os, "access", lambda path, mode: not path.endswith("/b1"))
        self.work(old).check()
        self.assertEqual(len(self.lines), 2)
        self.lines.clear()
        work = self.run_(old)
        self.assertEqual((self.builds(), work.tally.unreadable), ([], 2))
        self.assertEqual(
            self.lines,
            [
                f"cannot read {old.resolve()}/b0: it is a symbolic link: put the directory in its place",
                f"cannot read {old.resolve()}/b1: no permission",
            ],
        )
        self.patch(os, "access", lambda path, mode: True)
        (old / "b0").unlink()
        away.rename(old / "b0")
        self.run_(old)
        self.assertEqual(len(self.builds()), 4)

    def test_repaired(self) -> None:
        """A build that was unreadable is imported after its repair."""
        old = self.old("0.7.12")
        good = (old / "b0" / "0").read_bytes()
        (old / "b0" / "0").write_bytes(good[:100])
        self.run_(old)
        (old / "b0" / "0").write_bytes(good)
        self.run_(old)
        self.assertEqual(len(self.builds()), 4)

    def test_conflicts(self) -> None:
        """Builds and changes of another master are never replaced."""
        self.run_(SAMPLES / "0.7.12")
        present = Present.of(self.here)
        self.addCleanup(present.close)
        self.assertEqual(
            self.work(SAMPLES / "0.8.14").conflicts(present),
            [
                "builder full has 2 builds of its own with the numbers of old ones: 0, 1",
                f"builder {_ODD} has 2 builds of its own with the numbers of old ones: 0, 1",
            ],
        )
        self.assertEqual(self.work(SAMPLES / "0.8.14", {"full": "f8"}, False).conflicts(present), [])

    def test_laterDatabase(self) -> None:
        """A line tells that a database of 0.9 has builds that are left out; what 0.8 left is imported."""
        old = self.old("0.8.14")
        with closing(sqlite3.connect(old / "state.sqlite")) as database:
            database.execute("UPDATE migrate_version SET version = 53")
            database.execute("UPDATE buildrequests SET complete = 0 WHERE id = 1")
            database.commit()
        work = self.run_(old)
        self.assertEqual((work.tally.builds, work.tally.changes, work.tally.unreadable), (4, 2, 0))
        later, waiting = self.lines
        self.assertIn("0.9 or later (version 53 of its tables): builds since then are left out", later)
        self.assertIn("not done: 1 request in state.sqlite", waiting)

    def test_otherChanges(self) -> None:
        """A change of another time under the same number is a conflict, unless changes are left out."""
        for release in RELEASES:
            store = ImportedStore(self.here)
            self.addCleanup(store.close)
            store.add(changes=[Change("ann", [], "", when=5.0).numbered(2)])
            told = ["it has 1 change of its own with the numbers of old ones: 2"]
            self.assertEqual(self.work(SAMPLES / release).conflicts(store), told)
            self.assertEqual(self.work(SAMPLES / release, withChanges=False).conflicts(store), [])

    def test_moved(self) -> None:
        """A copy of the old master in another place has the same history."""
        self.run_(SAMPLES / "0.7.12")
        self.assertEqual(self.run_(self.old("0.7.12")).tally.before, 4)

    def test_bothWentOn(self) -> None:
        """If both masters went on to build, the builds with the same numbers are a conflict."""
        old = self.old("0.7.12")
        self.run_(old)
        store = ImportedStore(self.here)
        self.addCleanup(store.close)
        store.add([BuildRecord("full", 2, "bot", (), 5.0, 6.0, 0)])
        self.assertEqual(self.work(old).conflicts(store), [])
        shutil.copy(old / "b0" / "1", old / "b0" / "2")
        self.assertEqual(
            self.work(old).conflicts(store),
            ["builder full has 3 builds of its own with the numbers of old ones: 0, 1, 2"],
        )

    def test_stopped(self) -> None:
        """If any write fails, the next import continues, and then everything is imported."""
        self.run_(SAMPLES / "0.8.14")
        whole = self.everything()
        for times in range(3):
            shutil.rmtree(self.here)
            os.mkdir(self.here)
            store = ImportedStore(self.here)
            self.failAfter(store, times)
            self.assertRaises(StoreFailed, self.work(SAMPLES / "0.8.14").run, store, self.here)
            store.close()
            self.run_(SAMPLES / "0.8.14")
            self.assertEqual(str(self.everything()), str(whole))


class OddTests(ImportCase):
    """Other old masters than those of the samples."""

    def test_batches(self) -> None:
        """Many changes and builds are written in parts, and all of them arrive."""
        self.patch(module, "MOST", 1)
        work = self.run_(SAMPLES / "0.7.12")
        self.assertEqual((work.tally.builds, work.tally.changes, len(self.builds())), (4, 2, 4))
        self.assertEqual(len(changes(self.here)), 2)

    def test_slow(self) -> None:
        """A slow import writes what it has after some seconds, so that a kill costs little."""
        times = iter(range(0, 1_000_000, 10))
        reader: Any = InThisProcess()
        work = Import(
            look(str(SAMPLES / "0.7.12"), reader),
            reader,
            {"full": "full"},
            True,
            self.lines.append,
            lambda: float(next(times)),
        )
        store = ImportedStore(self.here)
        self.addCleanup(store.close)
        self.failAfter(store, 2)  # the changes, and the first build
        self.assertRaises(StoreFailed, work.run, store, self.here)
        self.assertEqual(self.builds(), [("full", 0)])

    def test_noChanges(self) -> None:
        """A master without any change, or whose changes are left out, has its builds imported."""
        old = self.old("0.7.12")
        (old / "changes.pck").unlink()
        work = self.run_(old)
        self.assertEqual((work.tally.builds, work.tally.changes, self.lines), (4, 0, []))
        self.work(SAMPLES / "0.8.14", withChanges=False).check()
        self.assertEqual(self.lines, [])

    def test_damagedDatabase(self) -> None:
        """A database that is none is told once, and the builds are imported."""
        old = self.old("0.8.14")
        (old / "state.sqlite").write_bytes(b"no database" * 1000)
        work = self.run_(old)
        self.assertEqual((work.tally.builds, work.tally.changes, work.tally.unreadable), (4, 0, 1))
        self.assertIn("cannot read state.sqlite: ", self.lines[0])

    def test_damagedChange(self) -> None:
        """A change with an impossible number is told, and the others are imported."""
        old = self.old("0.8.14")
        with closing(sqlite3.connect(old / "state.sqlite")) as database:
            database.execute("UPDATE changes SET changeid = -1 WHERE changeid = 1")
            database.commit()
        work = self.run_(old)
        self.assertEqual((work.tally.changes, work.tally.unreadable), (1, 1))
        self.assertIn("change -1 in state.sqlite", self.lines[0])

    def test_damagedTables(self) -> None:
        """A database with other columns is told, and does not stop the import."""
        old = self.old("0.8.14")
        with closing(sqlite3.connect(old / "state.sqlite")) as database:
            database.execute("ALTER TABLE changes RENAME COLUMN changeid TO number")
            database.commit()
        self.assertEqual((self.run_(old).tally.builds, len(self.lines)), (4, 1))

    def test_logs(self) -> None:
        """A log that is damaged is imported and told; one that is no file is told."""
        old = self.old("0.7.12")
        one, other = sorted((old / "b0").glob("*-log-*"))[:2]
        one.write_bytes(one.read_bytes()[:-2] if one.suffix else b"7:0hel")
        other.unlink()
        os.mkfifo(other)
        work = self.run_(old)
        self.assertEqual((work.tally.builds, work.tally.unreadable, len(self.lines)), (4, 2, 2))

    def test_unnamed(self) -> None:
        """A builder whose name cannot be read has that of its directory, and a line tells it."""
        old = self.old("0.7.12")
        (old / "b0" / "builder").write_bytes(b"")
        self.assertEqual(self.run_(old).tally.builds, 4)
        self.assertIn("cannot read the name of the builder in ", self.lines[0])
        self.assertIn(("b0", 1), self.builds())

    def test_nameRepaired(self) -> None:
        """A builder whose name is repaired or damaged between two imports is told, and never there twice."""
        old = self.old("0.7.12")
        pickle = old / "b0" / "builder"
        good = pickle.read_bytes()
        for first, second in ((b"", good), (good, b"")):
            self.here = os.path.abspath(self.mktemp())
            os.mkdir(self.here)
            pickle.write_bytes(first)
            self.run_(old)
            before = self.builds()
            then = self.namesOf(old)
            pickle.write_bytes(second)
            now = self.namesOf(old)
            present = Present.of(self.here)
            self.addCleanup(present.close)
            (told,) = self.work(old).conflicts(present)
            (was,), (new,) = then - now, now - then
            self.assertIn(f"builder {new} is there as {was}: continue that with --rename", told)
            work = self.run_(old, {**{name: name for name in now}, new: was})
            self.assertEqual((work.tally.builds, work.tally.before), (0, 4))
            self.assertEqual(self.builds(), before)

    def test_unreadableConflict(self) -> None:
        """An old build that cannot be read is no conflict: nothing would be imported in its place."""
        old = self.old("0.7.12")
        self.run_(old)
        (old / "b0" / "0").write_bytes(b"")
        self.assertEqual(self.run_(old).tally.before, 4)
