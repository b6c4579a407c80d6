"""The command C{handover}. tests.integration.test_standby hands real masters over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from twisted.trial import unittest

from buildbot.cluster import looking
from buildbot.cluster.places import Place
from buildbot.control import client
from buildbot.daemon import lock
from buildbot.logs.names import NOTE
from buildbot.scripts import handover, output
from buildbot.scripts.farlogs import whatWaits
from buildbot.store.interface import StoreFailed
from tests.commandline import Spoken, command, directory


class Process:
    """I am the process of the master."""

    def __init__(self, here: str, found: lock.Holder) -> None:
        self.looks = 3

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *why: object) -> None:
        pass

    def whenGone(self, timeout: float) -> bool:
        """True at the third look."""
        self.looks -= 1
        return not self.looks


class HandOverTests(unittest.SynchronousTestCase):
    """The master and the store are replaced."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.said: dict[str, Any] = {"to": "two:/srv", "running": 2, "since": None}
        self.shutdown: object = {"who": "ann"}
        self.masters: object = None
        self.storage: dict[str, Any] | None = {"place": "s3://logs", "waiting": 2, "waitingBytes": 2_000_000}
        self.found: list[Place | StoreFailed | None] = [
            None,
            StoreFailed("away"),
            Place("two", "two:/srv", "x", 2, "active", 1, 9.0, "1", ""),
        ]
        self.patch(client, "request", self.request)
        self.patch(handover, "Target", Process)
        self.patch(handover, "_POLL", 0.0)
        self.patch(looking, "activeOf", self.activeOf)

    def request(self, here: str, verb: str, params: Mapping[str, Any], patience: float | None) -> object:
        """Answer as a master."""
        if verb == "status":
            if self.shutdown is client.NotRunning:
                raise client.NotRunning(here)
            told = {"shutdown": self.shutdown, "logStorage": self.storage, "masters": self.masters}
            return {"master": told}
        self.asked.append((verb, dict(params)))
        return self.said

    def activeOf(self, where: object) -> Place | None:
        """Answer as a store."""
        found = self.found[0] if len(self.found) == 1 else self.found.pop(0)
        if isinstance(found, StoreFailed):
            raise found
        return found

    def hold(self) -> None:
        """Pretend that a master runs."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)

    def test_whole(self) -> None:
        """It says when the other master takes over, and waits until it is active."""
        self.hold()
        self.assertEqual(
            command("handover", self.here),
            Spoken(
                0,
                "two:/srv takes over once 2 running builds end\n"
                f"two:/srv is active; the master in {self.here} has stopped\n",
                "",
            ),
        )
        self.assertEqual(self.asked, [("handover", {"who": output.loginName(), "now": False})])

    def test_words(self) -> None:
        """The first line says which builds are waited for, and who has asked before."""
        self.hold()
        waits: list[str] = []

        def waiting(config: object, what: str) -> AbstractContextManager[None]:
            waits.append(what)
            return nullcontext()

        self.patch(handover, "waiting", waiting)
        for options, running, since, words in (
            (("--now",), 1, None, "two:/srv takes over now: 1 running build will be begun anew\n"),
            (("--timeout", "5"), 1, "bob", "bob has asked for this before\n"),
            (("--timeout", "5"), 1, "", "takes over once 1 running build ends, or after 5 s\n"),
            ((), 0, None, "takes over now: no build is running\n"),
        ):
            self.said = {"to": "two:/srv", "running": running, "since": since}
            said = command("handover", *options, self.here)
            self.assertEqual(said.status, 0)
            self.assertIn(words, said.out)
        self.assertEqual(self.asked[1][1]["timeout"], 5.0)
        takes = "two:/srv to take over"
        self.assertEqual(waits, [*[f"{takes} after 1 running build"] * 3, takes])

    def test_logs(self) -> None:
        """It says which logs have not reached their bucket: only this machine has them."""
        self.hold()
        os.mkdir(os.path.join(self.here, "logs"))
        with open(os.path.join(self.here, "logs", NOTE), "w", encoding="utf-8"):
            pass
        said = command("handover", self.here).out.splitlines()
        waits = "2 MB of logs of 2 builds were not in s3://logs yet"
        self.assertEqual(said[2:], [f"{waits}: they are sent when the master in {self.here} runs again"])
        self.assertEqual(whatWaits(self.here), said[2])
        with open(os.path.join(self.here, "buildbot.tac"), "a", encoding="utf-8") as stream:
            stream.write("\ndb = 'postgresql://ci@db/ci'\n")
        self.assertTrue(whatWaits(self.here).endswith(f"{self.here} is the active one again"))
        self.shutdown = client.NotRunning
        self.assertEqual(whatWaits(self.here, "as before"), "as before")
        self.shutdown = {"who": "ann"}
        for self.storage in (None, {"waiting": 0}):
            self.assertEqual(whatWaits(self.here, "as before"), "")
            self.assertEqual(len(command("handover", self.here).out.splitlines()), 2)

    def test_takenBack(self) -> None:
        """It fails if the master goes on."""
        self.hold()
        self.shutdown = None
        said = command("handover", self.here)
        self.assertEqual(said.status, 1)
        self.assertEqual(said.err, "the hand-over was taken back\n")
        self.masters = {"handOver": {"to": "", "givenUp": "nobody is heard"}}
        said = command("handover", self.here)
        self.assertEqual(said.err, "the hand-over was given up: nobody is heard\n")

    def test_silent(self) -> None:
        """A master that stops does not answer."""
        self.hold()
        self.shutdown = client.NotRunning
        self.assertEqual(command("handover", self.here).status, 0)

    def test_nobody(self) -> None:
        """It fails if no other master becomes active."""
        self.hold()
        self.patch(handover, "_PATIENCE", 0.05)
        for found, words in ((None, "no master is active"), (StoreFailed("no route"), "no route")):
            self.found = [found]
            said = command("handover", self.here)
            self.assertEqual(said.status, 1)
            self.assertIn(f"no other one took over: {words}", said.err)

    def test_elsewhere(self) -> None:
        """A master whose lock is not seen here is not waited for."""
        self.assertEqual(command("handover", self.here).status, 0)

    def test_options(self) -> None:
        """Wrong options are refused."""
        self.assertIn("not both", command("handover", "--now", "--timeout", "5", self.here).err)
        self.assertIn("not both", command("start", "--standby", "--pages-only", self.here).err)
