"""The commands C{reconfig} and C{disconnect}, and all commands that ask a running master."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.trial import unittest

from buildbot.control import client
from buildbot.daemon import directory as place
from buildbot.daemon import lock
from buildbot.scripts import reconfig
from buildbot.scripts.output import loginName
from tests.commandline import Spoken, command, directory

OUTCOME: dict[str, Any] = {
    "generation": 4,
    "applied": True,
    "changes": [],
    "warnings": [],
    "errors": [],
    "pending": [],
    "output": "",
}


class AskingTests(unittest.TestCase):
    """A directory with a master that answers as the test says."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.asked: list[tuple[object, ...]] = []
        self.answer: object = {}
        self.patch(client, "request", self.request)

    def request(self, *arguments: object) -> object:
        """Replaces the control socket."""
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def failure(self, *words: str) -> str:
        """The error of a command that fails."""
        said = command(*words)
        self.assertEqual((said.status, said.out), (1, ""))
        return said.err


class EveryCommandTests(AskingTests):
    """All these commands."""

    def all(self) -> list[tuple[str, ...]]:
        """Each command, with its arguments."""
        of = ("disconnect", "pause", "drain", "unpause", "force", "stopbuild")
        whole = ("reconfig", "status", "builds")
        return [*((verb, self.here) for verb in whole), *((verb, self.here, "bot1") for verb in of)]

    def test_notRunning(self) -> None:
        """Without a master each prints one line that says how to start it, and has status 1."""
        self.answer = client.NotRunning(self.here)
        for words in self.all():
            self.assertEqual(
                self.failure(*words),
                f"no buildmaster is running in {self.here}: `buildbot start {self.here}` starts it\n",
            )

    def test_starting(self) -> None:
        """A master that is still starting gives another message than a missing one."""
        self.answer = client.NotRunning(self.here)
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        for words in self.all():
            self.assertIn(f"(pid {os.getpid()} since", self.failure(*words))

    def test_slave(self) -> None:
        """The directory of a slave is refused."""
        self.here = directory(self.mktemp(), "buildslave")
        self.answer = client.NotRunning(self.here)
        for words in self.all():
            self.assertIn("ask its master", self.failure(*words))

    def test_refused(self) -> None:
        """The user gets the master's reason of a refusal."""
        self.answer = client.ControlError("no slave 'bot1' in c['bots']")
        for words in self.all():
            self.assertEqual(self.failure(*words), "no slave 'bot1' in c['bots']\n")

    def test_olderMaster(self) -> None:
        """A master that does not know a command or parameter of this program is to be restarted."""
        for refusal in (
            "this master knows no command 'pause'",
            "pause: unknown parameter 'why' (known: who)",
        ):
            self.answer = client.ControlError(refusal)
            told = self.failure("pause", self.here, "bot1")
            self.assertTrue(told.startswith(f"{refusal}; the master still runs an older release: `"), told)
            self.assertTrue(told.endswith(f"buildbot restart {self.here}` starts the installed one\n"), told)

    def test_noAnswer(self) -> None:
        """If the master does not answer, an action may have been done; a question may not."""
        self.answer = client.NoAnswer("the master did not answer within 10 s")
        for words in self.all():
            maybe = "" if words[0] in ("status", "builds") else "; it may still carry out the command"
            self.assertEqual(self.failure(*words), f"the master did not answer within 10 s{maybe}\n")

    def test_noDirectory(self) -> None:
        """A missing directory is reported before the master is asked."""
        os.unlink(os.path.join(self.here, place.TAC))
        for words in self.all():
            self.assertIn("no buildbot.tac", self.failure(*words))
        self.assertEqual(self.asked, [])


class ReconfigTests(AskingTests):
    """C{reconfig}."""

    def reconfig(self, *words: str, verb: str = "reconfig", **outcome: object) -> Spoken:
        """Reconfigure with this outcome."""
        self.answer = {**OUTCOME, **outcome}
        return command(verb, self.here, *words)

    def test_applied(self) -> None:
        """It prints the changes, and the old sentence that scripts look for."""
        said = self.reconfig(changes=["+ bot b7", "~ builder full: factory"])
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(
            said.out.splitlines(),
            [
                "+ bot b7",
                "~ builder full: factory",
                "generation 4 of the configuration is in force",
            ],
        )

    def test_unchanged(self) -> None:
        """Without changes it succeeds."""
        said = self.reconfig(verb="sighup")
        self.assertEqual((said.status, said.out.splitlines()[0]), (0, "nothing has changed"))

    def test_waits(self) -> None:
        """It waits as long as the master lives; --timeout is the limit for the file (O2)."""
        self.reconfig()
        self.reconfig("--timeout", "7", "--dry-run")
        self.assertEqual(
            self.asked,
            [
                (self.here, "reconfig", {"dryRun": False, "who": loginName()}, None),
                (self.here, "reconfig", {"dryRun": True, "timeout": 7.0, "who": loginName()}, None),
            ],
        )

    def test_drain(self) -> None:
        """--drain reaches the master."""
        self.reconfig("--drain")
        self.assertEqual(self.asked[0][2], {"dryRun": False, "drain": True, "who": loginName()})

    def test_refused(self) -> None:
        """Every error is printed on standard error, with the warnings, and that the old configuration stays;
        status 1.
        """
        errors = ["master.cfg:9: NameError: name 'x' is not defined", "master.cfg:12: duplicate"]
        said = self.reconfig(errors=errors, warnings=["old"], applied=False)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(
            said.err.splitlines(),
            [
                "warning: old",
                *errors,
                "Nothing was changed: generation 4 of the configuration stays in force.",
            ],
        )

    def test_details(self) -> None:
        """It prints the file's output, its warnings, and the slaves that are being updated (R10)."""
        said = self.reconfig(output="one\n\x1b[2Jtwo\n", warnings=["old key"], pending=["b1", "b2"])
        self.assertEqual(
            said.out.splitlines()[:6],
            [
                "the configuration file printed:",
                "  one",
                "  \\x1b[2Jtwo",
                "warning: old key",
                "nothing has changed",
                "not confirmed by all slaves yet: b1, b2",
            ],
        )

    def test_notes(self) -> None:
        """F12: the next reconfig prints the outcome of an earlier one whose client has gone."""
        said = self.reconfig(notes=["an earlier reconfig of ann, which was interrupted, was given up"])
        self.assertEqual(
            said.out.splitlines()[0],
            "note: an earlier reconfig of ann, which was interrupted, was given up",
        )

    def test_whatFor(self) -> None:
        """F12: while it waits for another reconfig, it prints its owner, its time and its stage."""
        running = {"who": "ann", "seconds": 12.4, "stage": "master.cfg is running", "dryRun": False}
        said: dict[str, Any] = {"running": running, "waiting": 1}
        self.patch(client, "request", lambda here, command, params, patience: said)
        self.assertEqual(
            reconfig.whatFor("d", 2.0),
            "waiting for the reconfig of ann that runs already (12 s): master.cfg is running …",
        )
        self.assertEqual(reconfig.whatFor("d", 12.0), "waiting: master.cfg is running (12 s) …")
        said["running"] = None
        self.assertIn("waiting for slaves", reconfig.whatFor("d", 12.0))

        def silent(*args: object) -> object:
            raise client.NoAnswer("no")

        self.patch(client, "request", silent)
        self.assertEqual(reconfig.whatFor("d", 2.0), "waiting for the master, which does not answer (2 s) …")

    def test_dryRun(self) -> None:
        """A dry run prints what would change, and that nothing has."""
        said = self.reconfig("--dry-run", changes=["- bot b1"], applied=False)
        self.assertEqual(
            (said.status, said.out.splitlines()),
            (0, ["- bot b1", "Nothing was changed: this was a dry run."]),
        )
        self.assertEqual(self.reconfig("-n", errors=["bad"]).status, 1)

    def test_quiet(self) -> None:
        """Errors are printed even with --quiet."""
        self.assertEqual(self.reconfig("--quiet"), Spoken(0, "", ""))
        self.assertIn("bad", self.reconfig("--quiet", errors=["bad"]).err)


class DisconnectTests(AskingTests):
    """C{disconnect}."""

    def test_disconnected(self) -> None:
        """It prints which slave was disconnected, and its address."""
        self.answer = {"disconnected": True, "address": "10.0.0.1:4711"}
        said = command("disconnect", self.here, "bot1")
        self.assertEqual((said.status, said.out), (0, "slave bot1 at 10.0.0.1:4711 was disconnected\n"))
        self.assertEqual(self.asked[0][:3], (self.here, "disconnect", {"slave": "bot1"}))

    def test_json(self) -> None:
        """With --json it prints the master's own answer."""
        self.answer = {"disconnected": False, "address": None}
        self.assertEqual(json.loads(command("disconnect", "-j", self.here, "bot1").out), self.answer)

    def test_notConnected(self) -> None:
        """For a slave that is not connected it succeeds."""
        self.answer = {"disconnected": False, "address": None}
        said = command("disconnect", self.here, "bot1")
        self.assertEqual((said.status, said.out), (0, "slave bot1 was not connected\n"))
