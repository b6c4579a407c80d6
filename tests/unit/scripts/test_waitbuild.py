"""C{force --wait}, C{rebuild --wait} and C{drain --wait}."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from twisted.trial import unittest

from buildbot.control import client
from buildbot.scripts import following
from tests.commandline import Spoken, command, directory

BUILD: dict[str, Any] = {
    **{"builder": "full", "number": 7, "slave": "bot1", "started": 10.0, "finished": None, "results": None},
    **{"result": None, "text": [], "steps": [], "step": "compile", "eta": None, "note": "", "lasts": 1.0},
}
STEP = {"name": "compile", "started": 10.0, "finished": None, "result": None, "text": [], "logs": []}


class WaitCase(unittest.TestCase):
    """A master that builds what the test says."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.asked: list[str] = []
        self.sleeping: list[Callable[[], object]] = []
        self.forced: dict[str, Any] = {"builder": "full", "request": 5, "build": 7, "why": ""}
        self.request_: dict[str, Any] = {"state": "waiting", "build": None, "why": ""}
        self.builds = {7: dict(BUILD)}
        self.patch(client, "request", self.request)
        self.patch(time, "sleep", lambda seconds: self.sleeping.pop(0)())

    def request(self, here: str, verb: str, params: dict[str, Any], patience: float) -> Any:
        """Replaces the control socket."""
        self.asked.append(verb)
        if verb == "request":
            return self.request_
        return self.builds[params["number"]] if verb == "build" else self.forced

    def end(self, result: str = "success", *text: str, number: int = 7) -> None:
        """A build ends, after one step."""
        step = {**STEP, "finished": 13.0, "result": result}
        over = {"finished": 15.0, "result": result, "results": 0, "text": list(text)}
        self.builds[number] = {**BUILD, "number": number, **over, "steps": [step]}

    def interrupt(self) -> None:
        """The user types Control-C."""
        raise KeyboardInterrupt

    def wait(self, *words: str, verb: str = "force") -> Spoken:
        """Run the command."""
        said = command(verb, "--wait", *words, self.here, "full", *(["3"] if verb == "rebuild" else []))
        self.assertEqual(self.sleeping, [])
        return said


class WaitTests(WaitCase):
    """C{force --wait}."""

    def test_good(self) -> None:
        """Each step that ends is a line, then the result; the status is 0."""
        self.sleeping = [lambda: None, self.end]
        wanted = [
            "build 7 of full has started on bot1",
            "  compile: success (3 s)",
            "build full/7: success (5 s)",
        ]
        for verb in ("force", "rebuild"):
            self.assertEqual(self.wait(verb=verb), Spoken(0, "".join(f"{line}\n" for line in wanted), ""))

    def test_statuses(self) -> None:
        """Each result has its status; they differ from that of a failed command."""
        for result, status in (("warnings", 0), ("skipped", 0), ("failure", 4), ("exception", 5)):
            self.end(result)
            self.assertEqual(self.wait().status, status, result)
        self.end("cancelled")
        self.assertEqual(self.wait("--quiet"), Spoken(6, "", ""))

    def test_waits(self) -> None:
        """While the request waits, each new reason is a line."""
        self.forced.update(build=None, why="no slave is connected")

        def says(why: str) -> Callable[[], None]:
            return lambda: self.request_.update(why=why)

        def begins() -> None:
            self.request_.update(state="running", build=7)
            self.end()

        self.sleeping = [says("no slave is connected"), says("all slaves are busy"), says(""), begins]
        said = self.wait()
        self.assertEqual(
            said.out.splitlines()[:3],
            [
                "request 5 for full waits: no slave is connected",
                "request 5 for full waits: all slaves are busy",
                "build 7 of full has started on bot1",
            ],
        )
        self.assertEqual(said.status, 0)

    def test_cancelled(self) -> None:
        """A request that somebody cancels ends the command, with the status of a cancelled build."""
        self.forced.update(build=None)
        self.sleeping = [lambda: self.request_.update(state="cancelled")]
        self.assertEqual(
            self.wait(), Spoken(6, "request 5 for full waits\n", "request 5 for full was cancelled\n")
        )

    def test_lost(self) -> None:
        """A build that was lost with its slave is built again: the command waits for the next build."""
        self.end("retry", "slave", "lost")
        self.request_.update(build=7)

        def begins() -> None:
            self.request_.update(state="running", build=8)
            self.end(number=8)

        self.sleeping = [begins]
        said = self.wait()
        self.assertIn("build 7 of full was lost with its slave; request 5 is built again\n", said.out)
        self.assertEqual(said.out.splitlines()[-1], "build full/8: success (5 s)")
        self.assertEqual(said.status, 0)

    def test_masterKilled(self) -> None:
        """The build of a killed master is built again: the command waits for the next build."""
        self.end("exception", "interrupted by a restart of the master")
        self.request_.update(why="not seen since the master started")

        def begins() -> None:
            self.request_.update(state="running", build=8)
            self.end(number=8)

        self.sleeping = [begins]
        said = self.wait()
        again = "build 7 of full was interrupted by a restart of the master; request 5 is built again\n"
        self.assertIn(again, said.out)
        self.assertEqual(said.out.splitlines()[-1], "build full/8: success (5 s)")
        self.assertEqual(said.status, 0)

    def test_masterStopped(self) -> None:
        """A build that ended with its master is not told to be lost with its slave."""
        self.end("retry", "the master was stopped")
        self.request_.update(state="running", build=8)
        self.end(number=8)
        self.assertIn("build 7 of full was lost; request 5 is built again\n", self.wait().out)

    def test_interruptedForGood(self) -> None:
        """The build of a killed master that is not built again is the result."""
        self.end("exception", "interrupted by a restart of the master")
        for state in ("finished", "running", "cancelled"):
            self.request_.update(state=state, build=None if state == "cancelled" else 7)
            said = self.wait()
            self.assertIn("build full/7: exception", said.out)
            self.assertEqual(said.status, 5)

    def test_lostAndCancelled(self) -> None:
        """The command does not wait for a request that was cancelled after its build was lost."""
        self.end("retry", "slave", "lost")
        self.request_.update(state="cancelled", build=None)
        said = self.wait()
        self.assertIn("request 5 for full was cancelled", said.err)
        self.assertNotIn("built again", said.out)
        self.assertEqual(said.status, 6)

    def test_json(self) -> None:
        """As JSON, one object at the end has the request, the build and its result."""
        self.end("failure", "failed", "compile")
        said = self.wait("--json")
        told = json.loads(said.out)
        self.assertEqual(
            (told["request"], told["build"], told["result"], told["slave"]), (5, 7, "failure", "bot1")
        )
        self.assertEqual((said.status, said.err), (4, ""))

    def test_interrupted(self) -> None:
        """Control-C leaves the build running, and says how to follow it."""
        self.sleeping = [self.interrupt]
        said = self.wait()
        self.assertEqual(said.status, 130)
        self.assertIn("interrupted; build 7 of full goes on: `", said.err)
        self.assertIn(f"log -f {self.here} full/7` follows it\n", said.err)
        self.assertNotIn("stopbuild", self.asked)

    def test_interruptedWhileItWaits(self) -> None:
        """Control-C leaves a waiting request, and says how to cancel it."""
        self.forced.update(build=None)
        self.sleeping = [self.interrupt]
        said = self.wait()
        self.assertIn("interrupted; request 5 for full still waits: `", said.err)
        self.assertIn(f"cancel {self.here} full 5` cancels it\n", said.err)

    def test_masterEnds(self) -> None:
        """If the master ends meanwhile, the command says what becomes of the request."""

        def gone() -> None:
            self.patch(client, "request", self.noMaster)

        self.patch(following, "AWAY", 2)
        self.sleeping = [gone, lambda: None, lambda: None]
        said = self.wait()
        self.assertEqual(said.status, 1)
        self.assertIn("no buildmaster is running", said.err)
        self.assertIn("request 5 for full is kept on disk, and built when the master runs\n", said.err)

    def test_restarted(self) -> None:
        """A master that is restarted meanwhile is waited for; its build was lost, and the next one counts."""

        def gone() -> None:
            self.patch(client, "request", self.noMaster)

        def back() -> None:
            self.patch(client, "request", self.request)
            self.end("retry")
            self.request_.update(state="running", build=8)
            self.end(number=8)

        self.sleeping = [gone, lambda: None, back]
        said = self.wait()
        self.assertEqual(said.err, "the master is away: waiting for it …\n")
        self.assertEqual(said.out.splitlines()[-1], "build full/8: success (5 s)")
        self.assertEqual(said.status, 0)

    def test_killed(self) -> None:
        """A master that was killed in the middle of its answer is waited for, too."""

        def killed() -> None:
            self.patch(client, "request", self.hungUp)

        def back() -> None:
            self.patch(client, "request", self.request)
            self.end()

        self.sleeping = [killed, back]
        said = self.wait()
        self.assertEqual((said.err, said.status), ("the master is away: waiting for it …\n", 0))

    def hungUp(self, here: str, *more: object) -> None:
        """Replaces the control socket of a master that has no time to answer."""
        raise client.HungUp("the master ended the connection before it answered")

    def noMaster(self, here: str, *more: object) -> None:
        """Replaces the control socket of a master that has ended."""
        raise client.NotRunning(here)

    def test_notWith(self) -> None:
        """--wait with --list-parameters is refused: nothing starts."""
        said = command("force", "--wait", "--list-parameters", self.here, "full")
        self.assertIn("--list-parameters starts no build: leave out --wait", said.err)
        self.assertEqual((said.status, self.asked), (2, []))


class DrainTests(WaitCase):
    """C{drain --wait}."""

    def setUp(self) -> None:
        super().setUp()
        self.slave: dict[str, Any] = {"paused": {"kind": "draining"}, "running": 2, "connected": True}

    def request(self, here: str, verb: str, params: dict[str, Any], patience: float) -> Any:
        """Replaces the control socket."""
        self.asked.append(verb)
        if verb == "status":
            self.assertEqual(params, {"slave": "bot1"})
            return {"slaves": [self.slave]}
        return {"slave": "bot1", "kind": "draining", "running": self.slave["running"]}

    def runs(self, count: int) -> Callable[[], None]:
        """So many builds run there now."""
        return lambda: self.slave.update(running=count)

    def drain(self, *words: str) -> Spoken:
        """Run the command."""
        return command("drain", "--wait", *words, self.here, "bot1")

    def test_waits(self) -> None:
        """It tells how many builds are left, and ends when there is none; a second time it ends at once."""
        self.sleeping = [self.runs(2), self.runs(1), self.runs(0)]
        self.assertEqual(
            self.drain().out.splitlines(),
            [
                "slave bot1 is draining; 2 builds still running there",
                "1 build still running there",
                "slave bot1 is idle: drained, safe to switch off",
            ],
        )
        self.assertEqual(self.drain().status, 0)

    def test_json(self) -> None:
        """As JSON, the slave is printed at the end."""
        self.sleeping = [self.runs(0)]
        self.assertEqual(json.loads(self.drain("--json").out), self.slave)

    def test_unpaused(self) -> None:
        """If somebody ends the pause, there is nothing to wait for: status 1."""
        self.sleeping = [lambda: self.slave.update(paused=None)]
        said = self.drain()
        self.assertEqual((said.status, said.err), (1, "slave bot1 was unpaused: it builds again\n"))

    def test_interrupted(self) -> None:
        """Control-C ends the waiting alone."""
        self.sleeping = [self.interrupt]
        said = self.drain("-q")
        self.assertEqual((said.status, said.out), (130, ""))
        self.assertIn("interrupted; slave bot1 is still draining: `", said.err)
        self.assertNotIn("unpause", self.asked)
