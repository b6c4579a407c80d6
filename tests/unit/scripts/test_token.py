"""The command C{token}."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any

from buildbot.control.client import ControlError
from buildbot.daemon import lock
from buildbot.store.database import Database
from buildbot.store.files import FILE
from buildbot.store.schema import CURRENT
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

TOKEN: dict[str, Any] = {
    "name": "ci",
    "owner": "ann",
    "actions": ["forceBuild", "view"],
    "builders": [],
    "created": 1_700_000_000.0,
    "expires": 1_700_086_400.0,
    "used": None,
    "hasExpired": True,
}


class RunningTests(AskingTests):
    """The master runs."""

    def setUp(self) -> None:
        AskingTests.setUp(self)
        self.patch(lock, "holder", lambda here: lock.Holder(os.getpid(), 0.0))

    def test_add(self) -> None:
        """A new token is printed once, after a line about it; with --quiet it is printed alone."""
        self.answer = {**TOKEN, "token": "bbt_secret"}
        words = ("token", "add", "-a", "view", "--action=forceBuild", "-b", "a*", "-d", "7", "-o", "ann")
        said = command(*words, self.here, "ci")
        first, second = said.out.splitlines()
        self.assertIn("token ci of ann is made; it expires at 20", first)
        self.assertEqual((said.status, second), (0, "bbt_secret"))
        self.assertEqual(command("token", "add", "-q", "-a", "view", self.here, "ci").out, "bbt_secret\n")
        self.assertEqual(
            self.asked[0][1:3],
            (
                "addtoken",
                {
                    "name": "ci",
                    "actions": ["view", "forceBuild"],
                    "builders": ["a*"],
                    "days": 7,
                    "owner": "ann",
                },
            ),
        )
        self.answer = {**TOKEN, "owner": "", "expires": None, "token": "bbt_secret"}
        self.assertIn("token ci is made; it does not expire", command(*words, self.here, "ci").out)

    def test_list(self) -> None:
        """Each token is a line with its account, actions, builders, end and last use."""
        other = {**TOKEN, "name": "own", "owner": "", "builders": ["a*"], "expires": None, "used": 1.0}
        self.answer = {"tokens": [TOKEN, {**other, "hasExpired": False}]}
        head, first, second = command("token", "list", self.here).out.splitlines()
        self.assertIn("last used", head)
        for word in ("ci", "ann", "forceBuild, view", "all", "(over)", "never"):
            self.assertIn(word, first)
        for word in ("own", "none", "a*", "never", "1970"):
            self.assertIn(word, second)

    def test_json(self) -> None:
        """With --json all answers are JSON."""
        self.answer = {"tokens": [TOKEN]}
        self.assertEqual(json.loads(command("token", "-j", "list", self.here).out), [TOKEN])
        self.answer = {"revoked": "ci"}
        self.assertEqual(json.loads(command("token", "-j", "revoke", self.here, "ci").out), self.answer)
        self.answer = {**TOKEN, "token": "bbt_secret"}
        said = command("token", "-j", "add", "-a", "view", self.here, "ci")
        self.assertEqual(json.loads(said.out)["token"], "bbt_secret")

    def test_refused(self) -> None:
        """The master's refusal is told."""
        self.answer = ControlError("there is no token 'x'")
        self.assertEqual(self.failure("token", "revoke", self.here, "x"), "there is no token 'x'\n")

    def test_slave(self) -> None:
        """The directory of a slave is refused."""
        with open(os.path.join(self.here, "buildbot.tac"), "w", encoding="ascii") as file:
            file.write("from buildbot.slave.bot import BuildSlave\n")
        self.assertIn("tokens belong to a master", self.failure("token", "list", self.here))

    def test_words(self) -> None:
        """Anything but add, list and revoke is refused."""
        for words in ((), ("make",), ("add", self.here), ("revoke", self.here)):
            self.assertEqual(command("token", *words).status, 2, words)


class StoppedTests(AskingTests):
    """The master does not run."""

    def test_whole(self) -> None:
        """Tokens are made, listed and revoked in the store; the lock of the directory is free afterwards."""
        Database(os.path.join(self.here, FILE), sqlite3.connect, CURRENT).close()
        self.assertIn("there is no token", command("token", "list", self.here).out)
        made = command("token", "add", "-q", "-a", "view", self.here, "ci")
        self.assertEqual((made.status, made.out[:4]), (0, "bbt_"))
        (listed,) = json.loads(command("token", "list", "-j", self.here).out)
        self.assertEqual((listed["name"], listed["actions"]), ("ci", ["view"]))
        self.assertEqual(command("token", "revoke", self.here, "ci").out, "token ci is revoked\n")
        self.assertIn("no token 'ci'", self.failure("token", "revoke", self.here, "ci"))
        self.assertEqual(json.loads(command("token", "list", "-j", self.here).out), [])
        self.assertIsNone(lock.holder(self.here))
        self.assertEqual(self.asked, [])

    def test_starts(self) -> None:
        """The command does not disturb a master that starts at the same moment."""

        def hold(here: str) -> None:
            raise lock.AlreadyRunning(1, 0.0)

        self.patch(lock, "hold", hold)
        self.assertIn("cannot use", self.failure("token", "list", self.here))

    def test_neverStarted(self) -> None:
        """A master that was never started cannot keep a token."""
        self.assertIn(
            "first start of the master", self.failure("token", "add", "-a", "view", self.here, "ci")
        )
