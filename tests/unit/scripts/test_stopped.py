"""Commands on a stopped master, which answer from its store."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

from buildbot.control import client
from buildbot.daemon import lock
from buildbot.model.audit import Entry
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.scripts import audit
from buildbot.store.files import FILE
from buildbot.store.schema import CURRENT
from tests.commandline import Spoken, command
from tests.stores import SqliteCase, build


class StoppedCase(SqliteCase):
    """The directory of a stopped master that has built."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(client, "request", self.silent)
        self.opened()
        self.here = os.path.realpath(self.directory)
        with open(os.path.join(self.here, "buildbot.tac"), "w", encoding="utf-8") as file:
            file.write("application = service.Application('buildmaster')")

    def silent(self, here: str, *others: object) -> object:
        raise client.NotRunning(here)

    def run_(self, verb: str, *words: str) -> Spoken:
        """The answer of a command; its note that no master runs is checked, and left out."""
        said = command(verb, self.here, *words)
        note, *rest = said.err.splitlines()
        self.assertEqual(note, f"no buildmaster is running in {self.here}: this is what it has stored")
        return Spoken(said.status, said.out, "\n".join(rest))

    def asJSON(self, verb: str, *words: str) -> Any:
        return json.loads(self.run_(verb, "--json", *words).out)


class BuildsTests(StoppedCase):
    """C{builds} and C{show}."""

    def build(self, results: int | None = SUCCESS, slave: str = "bot1", **values: Any) -> None:
        """Store a build; without results it never ended."""
        started = self.get(self.store.startBuild(replace(build("full"), slave=slave, **values)))
        if results is not None:
            self.finish(started, results)

    def test_empty(self) -> None:
        """A master that has not built says so; no builder is known then."""
        self.get(self.store.close())
        self.assertEqual(self.run_("builds").out, "no builds yet\n")
        self.assertEqual(self.run_("builds", "full").err, "no build of 'full' is stored")
        self.assertEqual(self.run_("show", "full").err, "no build of 'full' is stored")

    def test_builds(self) -> None:
        """The builds are listed and chosen as on a running master; a build whose master was killed is told
        so, and requests wait for a master.
        """
        self.build(FAILURE, slave="bot2", sourcestamp={"branch": "b", "revision": None, "changes": ()})
        self.build()
        self.build(None)
        self.ask("full", submitted=10.0)
        self.get(self.store.close())
        said = self.asJSON("builds")
        self.assertEqual([each["number"] for each in said["finished"]], [1, 0])
        (left,) = said["running"]
        self.assertEqual((left["number"], left["note"]), (2, "its master was killed"))
        (waiting,), (request,) = said["waiting"], said["requests"]
        self.assertEqual((waiting["builder"], waiting["why"]), ("full", "no master is running"))
        self.assertEqual(request["builder"], "full")
        for conditions, numbers in (
            (("--failed",), [0]),
            (("--slave=bot1",), [1]),
            (("--branch=b",), [0]),
            (("--branch=",), [1]),
            (("--since=1970-01-03",), []),
        ):
            told = self.asJSON("builds", *conditions)
            self.assertEqual([each["number"] for each in told["finished"]], numbers, conditions)
        self.assertIn("full/1", self.run_("builds").out)
        self.assertIn("(there: full)", self.run_("builds", "ful").err)

    def test_show(self) -> None:
        """One build is shown, by its number or as the newest."""
        self.build(FAILURE)
        self.build()
        self.get(self.store.close())
        self.assertEqual(self.asJSON("show", "full/0")["result"], "failure")
        self.assertEqual(self.asJSON("show", "full")["number"], 1)
        self.assertIn("has no build 7", self.run_("show", "full/7").err)

    def test_showKilled(self) -> None:
        """A build whose master was killed is shown: how long it lasted is unknown."""
        self.build(None)
        self.get(self.store.close())
        said = self.run_("show", "full/0")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertIn("its master was killed", said.out)
        self.assertNotIn("running for", said.out)

    def test_misspelt(self) -> None:
        """A misspelt builder is refused, with the known ones."""
        self.build()
        self.get(self.store.close())
        self.assertIn("(there: full)", self.run_("show", "ful/0").err)

    def test_slave(self) -> None:
        """Of a slave, its builds are told; a misspelt one is refused, with the nearest name."""
        for number in range(12):
            self.build(slave=f"bot{number}")
        self.get(self.store.close())
        told = self.run_("slave", "bot7").out
        self.assertIn("slave: bot7, of which only the builds are stored", told)
        self.assertIn("full/7", told)
        for words in (("slave", "bott7"), ("builds", "--slave=bott7")):
            self.assertIn("; did you mean bot", self.run_(*words).err)

    def test_running(self) -> None:
        """What only a running master knows is not asked of the store."""
        self.get(self.store.close())
        for verb in ("status", "schedulers"):
            said = command(verb, self.here)
            self.assertEqual((said.status, said.out), (1, ""))
            self.assertIn("buildbot start", said.err)


class AuditTests(StoppedCase):
    """C{audit}."""

    def test_entries(self) -> None:
        """The actions are listed and chosen as on a running master, in parts if there are many."""
        self.get(self.store.close())
        self.assertEqual(self.run_("audit").out, "no action is recorded\n")
        self.opened(self.directory)
        for number in range(1, 4):
            entry = Entry(number, "ann", "pb", "", "ping", f"builder/b{number}", number=number)
            self.get(self.store.addEntry(entry))
        self.get(self.store.close())
        self.assertEqual([each["number"] for each in self.asJSON("audit")], [3, 2, 1])
        self.assertEqual([each["number"] for each in self.asJSON("audit", "-s", "builder/b2")], [2])
        self.assertEqual(self.asJSON("audit", "-w", "bob"), [])
        self.patch(audit, "PART", 2)
        self.assertEqual([each["number"] for each in self.asJSON("audit", "-c", "3")], [3, 2, 1])


class DiskTests(StoppedCase):
    """C{disk}."""

    def test_sizes(self) -> None:
        """The sizes are told; what will go is known only to a running master."""
        self.finish(self.start())
        self.get(self.store.close())
        os.makedirs(os.path.join(self.here, "logs", "full"))
        with open(os.path.join(self.here, "logs", "full", "0-log-compile-stdio"), "wb") as file:
            file.write(bytes(1000))
        said = self.asJSON("disk")
        self.assertEqual((said["logs"], said["keeps"], said["goes"]), (1000, None, None))
        self.assertEqual(
            said["builders"], [{"builder": "full", "builds": 1, "withLogs": 1, "logs": 1000, "stored": 0}]
        )
        self.assertIn("known only to a running master", self.run_("disk").out)


class ChangesTests(StoppedCase):
    """C{changes} and C{change}."""

    def test_empty(self) -> None:
        """A master that has no changes says so."""
        self.get(self.store.close())
        self.assertEqual(self.run_("changes").out, "no changes yet\n")
        self.assertEqual(self.run_("change", "1").err, "there is no change 1; there is no change yet")

    def test_changes(self) -> None:
        """The changes are listed and chosen as on a running master."""
        for who in ("ann", "bob", "ann"):
            self.change(who)
        self.get(self.store.close())
        self.assertEqual([each["number"] for each in self.asJSON("changes", "--author=AN")], [3, 1])
        self.assertEqual(len(self.run_("changes", "-c2").out.splitlines()), 3)
        self.assertEqual(self.asJSON("change", "2")["who"], "bob")
        self.assertIn("the newest one is 3", self.run_("change", "9").err)

    def test_starting(self) -> None:
        """While a master starts or stops, its store is not read."""
        self.get(self.store.close())
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        said = command("changes", self.here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertIn("does not answer yet", said.err)

    def test_otherReleases(self) -> None:
        """A store of another release is not read: what to do is said."""
        self.get(self.store.close())
        now = CURRENT.version
        for version, words in ((now - 1, "of an earlier release"), (now + 1, "written by a later release")):
            with closing(sqlite3.connect(self.file)) as file:
                file.execute(f"PRAGMA user_version = {version}")
            said = self.run_("changes")
            self.assertEqual((said.status, said.out), (1, ""))
            self.assertIn(words, said.err)

    def test_damaged(self) -> None:
        """A damaged store, or a directory in its place, is one line of error."""
        self.get(self.store.close())
        with open(self.file, "wb") as file:
            file.write(b"nonsense" * 1000)
        self.assertIn("cannot read", self.run_("changes").err)
        os.unlink(self.file)
        os.mkdir(os.path.join(self.here, FILE))
        self.assertIn("state.sqlite", self.run_("changes").err)

    def test_unchanged(self) -> None:
        """The commands change no byte of the store."""
        self.finish(self.start(), SUCCESS)
        self.change()
        self.get(self.store.close())
        with open(self.file, "rb") as file:
            before = file.read()
        for words in (("changes",), ("change", "1"), ("change", "99")):
            self.run_(*words)
        with open(self.file, "rb") as file:
            self.assertEqual(file.read(), before)
