"""What a command does whose master is away while another one takes over."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from buildbot.cluster import looking
from buildbot.cluster.places import ACTIVE, STANDBY, Place
from buildbot.control import client
from buildbot.model.records import TAKEN_OVER, BuildRecord, PauseRecord
from buildbot.model.results import EXCEPTION, RETRY
from buildbot.scripts import following, stopped
from buildbot.scripts.output import Away, CommandFailed, refused
from buildbot.scripts.takenover import Successor, successorOf
from buildbot.store.interface import StoreFailed
from tests.commandline import Spoken, command
from tests.unit.scripts.test_stopped import StoppedCase

OTHER = "two:/srv/master"


def place(name: str, state: str = ACTIVE) -> Place:
    """The row of a master."""
    return Place(name, name, f"{name} 1", 1, state, 1, 40.0, "1.0", "")


class TakenOverCase(StoppedCase):
    """A master that has built, and is away now."""

    def setUp(self) -> None:
        super().setUp()
        self.mine = f"{socket.gethostname()}:{self.here}"
        self.masters = [place(self.mine), place(OTHER, STANDBY)]
        self.patch(looking, "mastersOf", lambda where: self.masters)
        self.sleeping: list[Callable[[], object]] = []
        self.sleep = time.sleep
        self.patch(time, "sleep", self.next)
        self.addCleanup(successorOf.cache_clear)

    def next(self, seconds: float) -> None:
        """Replaces the waits of the command: the next event of the test happens. The store's thread waits."""
        if threading.current_thread() is threading.main_thread():
            self.sleeping.pop(0)()
        else:
            self.sleep(seconds)

    def forced(self, request: int, build: int | None) -> None:
        """The master answers C{force} like this, and then nothing more."""
        said = {"builder": "full", "request": request, "build": build, "why": ""}
        self.patch(
            client, "request", lambda here, verb, *more: said if verb == "force" else self.silent(here)
        )

    def takeOver(self) -> None:
        """The other master is active."""
        self.masters = [place(OTHER)]

    def interrupt(self, build: BuildRecord) -> None:
        """The other master has closed a build."""
        over = replace(build, finished=40.0, results=EXCEPTION, text=(TAKEN_OVER,))
        self.get(self.store.finishBuild(over, True))


class RequestTests(TakenOverCase):
    """The answer to C{request} from the store."""

    def become(self, request: int, builder: str = "full") -> Any:
        """What has become of a request: its state, and its build."""
        found: Any = stopped.answer(self.here, "request", {"builder": builder, "request": request})
        return found["state"], found["build"]

    def test_states(self) -> None:
        """It is as that of a running master."""
        _, (one,) = self.ask("full")
        self.assertEqual(self.become(one.id), ("waiting", None))
        build = self.start(one)
        self.assertEqual(self.become(one.id), ("running", 0))
        self.finish(build)
        self.assertEqual(self.become(one.id), ("finished", 0))
        _, (two,) = self.ask("full")
        self.interrupt(self.start(two))
        self.assertEqual(self.become(two.id), ("waiting", 1))
        self.get(self.store.cancelRequests([two.id], 50.0))
        self.assertEqual(self.become(two.id), ("cancelled", None))
        _, (three,) = self.ask("full")
        self.finish(self.start(three), RETRY)
        self.assertEqual(self.become(three.id), ("cancelled", None))
        for request, builder in ((99, "full"), (one.id, "quick")):
            error = self.assertRaises(CommandFailed, self.become, request, builder)
            self.assertIn(f"{builder} has no request {request}", str(error))


class FollowTests(TakenOverCase):
    """Commands that follow a build."""

    def test_force(self) -> None:
        """C{force --wait} goes on with what the new master stores: the build that was begun anew counts."""
        _, (request,) = self.ask("full")
        first = self.start(request)
        self.forced(request.id, 0)

        def begins() -> None:
            self.finish(self.start(request))

        def closes() -> None:
            self.takeOver()
            self.interrupt(first)

        self.sleeping = [lambda: None, closes, begins]
        said = command("force", "--wait", self.here, "full")
        self.assertEqual(
            said.err,
            f"the master is away: waiting for it …\n{OTHER} has taken over: this is what it stores\n",
        )
        lines = said.out.splitlines()
        self.assertEqual(lines[0], "build 0 of full has started on bot1")
        self.assertIn(f"build 0 of full was {TAKEN_OVER}; request 1 is built again", lines[1])
        self.assertEqual((said.status, lines[-1]), (0, "build full/1: success (10 s)"))
        self.assertEqual(self.sleeping, [])

    def test_log(self) -> None:
        """C{log -f} ends with the build, also if its master has become a standby meanwhile."""
        _, (request,) = self.ask("full")
        first = self.start(request)
        told: Any = stopped.answer(self.here, "build", {"builder": "full", "number": 0})
        answers: list[Any] = [told]

        def ask(here: str, verb: str, *more: object) -> Any:
            if answers:
                return answers.pop()
            raise client.ControlError(f"{client.STANDS_BY}; {OTHER} is active: ask there")

        def closes() -> None:
            self.takeOver()
            self.interrupt(first)

        self.patch(client, "request", ask)
        self.sleeping = [closes]
        said = command("log", "-f", "--quiet", self.here, "full/0")
        self.assertEqual((said.status, said.err), (5, ""))

    def drained(self, *words: str) -> Spoken:
        """The end of C{drain --wait}, whose master is away after the first answer."""
        drained = {"slave": "bot1", "kind": "draining", "running": 1}
        self.patch(
            client, "request", lambda here, verb, *more: drained if verb == "drain" else self.silent(here)
        )
        return command("drain", "--wait", *words, self.here, "bot1")

    def test_drain(self) -> None:
        """C{drain --wait} goes on at the new master: it ends with the builds there, or with the pause."""
        pause = PauseRecord("bot1", "me", 20.0, "", "draining").toRecord()
        _, (request,) = self.ask("full")
        first = self.start(request)
        self.get(self.store.setState("pause/bot1", pause))
        self.sleeping = [self.takeOver, lambda: None, lambda: self.interrupt(first)]
        said = self.drained()
        self.assertEqual(
            said.err,
            f"the master is away: waiting for it …\n{OTHER} has taken over: this is what it stores\n",
        )
        self.assertEqual(
            said.out.splitlines(),
            [
                "slave bot1 is draining; 1 build still running there",
                "slave bot1 is idle: drained, safe to switch off",
            ],
        )
        self.assertEqual((said.status, self.sleeping), (0, []))
        told = json.loads(self.drained("--json").out)
        self.assertEqual(told, {"name": "bot1", "paused": pause, "running": 0})
        self.get(self.store.setState("pause/bot1", None))
        said = self.drained("--quiet")
        self.assertEqual((said.status, said.err), (1, "slave bot1 was unpaused: it builds again\n"))

    def test_drainAlone(self) -> None:
        """Where nobody takes over, C{drain --wait} ends, and says that the slave stays paused."""
        self.patch(following, "AWAY", 2)
        self.masters = self.masters[:1]
        self.sleeping = [lambda: None] * 2
        said = self.drained()
        self.assertEqual((said.status, self.sleeping), (1, []))
        self.assertIn("slave bot1 stays paused until `buildbot unpause`\n", said.err)

    def test_logElsewhere(self) -> None:
        """C{log -f} of a build that another master runs names that one: its output grows there."""
        with open(os.path.join(self.here, "buildbot.tac"), "a", encoding="utf-8") as stream:
            stream.write("\ndb = 'postgresql://me@host/x'\n")
        self.patch(stopped, "answer", self.answer)
        self.takeOver()
        for finished, said in ((None, f"{OTHER} is the active master of its store"), (9.0, "is not there")):
            self.finished = finished
            told = command("log", "-f", self.here, "x/0/full/0")
            self.assertEqual((told.status, said in told.err), (1, finished is None))

    def answer(self, here: str, verb: str, params: Any) -> Any:
        """Replaces the store: it has one build."""
        if params["builder"] != "x/0/full":
            raise CommandFailed("no such builder")
        return {"finished": self.finished, "started": 1.0}

    def test_patience(self) -> None:
        """While a master waits, a command waits for it, too: a lease and a quarter longer."""
        self.patch(following, "AWAY", 2)
        for masters, seconds in ((self.masters, 2 + 50), (self.masters[:1], 2), ([], 2)):
            self.masters = masters
            self.sleeping = [lambda: None] * seconds
            self.forced(1, None)
            self.sleeping.append(lambda: None)  # before the first question
            self.assertEqual(command("force", "--wait", self.here, "full").status, 1)
            self.assertEqual(self.sleeping, [])

    def test_noStore(self) -> None:
        """While the store cannot be read, nobody answers."""

        def fail(where: object) -> None:
            raise StoreFailed("no route to host")

        self.takeOver()
        self.patch(looking, "mastersOf", fail)
        self.assertIsNone(Successor(self.here).answer("build", {"builder": "full", "number": 0}))

    def test_runs(self) -> None:
        """A build that runs at the new master is shown as running: nobody has killed it."""
        _, (request,) = self.ask("full")
        self.start(request, started=time.time() - 100)
        self.takeOver()
        found = Successor(self.here).answer("build", {"builder": "full", "number": 0}, isQuiet=True)
        assert found is not None
        self.assertEqual(found["note"], "")
        self.assertTrue(50 < found["lasts"] < 150, found["lasts"])

    def test_refused(self) -> None:
        """A standby is away; any other refusal ends the command."""
        self.assertIsInstance(refused(f"{client.STANDS_BY}; ask there"), Away)
        self.assertNotIsInstance(refused("no such builder\nthere: full"), Away)
        self.assertEqual(refused("one\ntwo").lines, ("one", "two"))
