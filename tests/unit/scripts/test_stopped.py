"""Commands on a stopped master, which answer from its store."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import Any

from buildbot.control import client
from buildbot.daemon import lock
from buildbot.model.results import SUCCESS
from buildbot.store.files import FILE
from tests.commandline import Spoken, command
from tests.stores import SqliteCase


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
        for version, words in ((3, "of an earlier release"), (5, "written by a later release")):
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
