"""The command line on another machine: each command prints the same as on the machine of the master."""

from __future__ import annotations

import http.client
import io
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred

from buildbot.control import client
from buildbot.control.audit import DONE
from buildbot.scripts.commands import COMMANDS
from buildbot.scripts.output import CommandFailed
from tests.stories.test_webpages import CONFIG, BuildingCase
from tests.stories.web import Response, parsed

CONFIG_OF_ALL = """
from buildbot.status.web.authz import Authz
everything = Authz(default_action=True, reconfig=True, admin=True, shutdown=True, disconnectSlave=True)
"""
URL = "http://127.0.0.1:8010/"


class Answer(io.BytesIO):
    """An answer as urllib gives it."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(body)
        self.headers = Message()
        for name, value in headers.items():
            self.headers[name] = value


class CutAnswer(Answer):
    """One whose connection is cut after some bytes.

    @cvar most: the number of bytes.
    """

    most = 2

    def read1(self, size: int | None = -1) -> bytes:
        """The first bytes, and no end."""
        if self.tell() >= self.most:
            raise http.client.IncompleteRead(b"")
        return super().read1(self.most)


class RemoteCommandCase(BuildingCase):
    """A master that can be asked in both ways, and lets everybody act."""

    def setUp(self) -> None:
        super().setUp()
        self.next: list[Callable[[], None]] = []
        self.cuts = 0  # so many answers with a growing log are cut
        self.config = CONFIG_OF_ALL + CONFIG.replace("http_port=8010", "http_port=8010, authz=everything")
        self.write(self.config)
        self.reconfig()
        with open(os.path.join(self.basedir, "buildbot.tac"), "w", encoding="utf-8"):
            pass
        self.patch(client, "request", self.bySocket)
        self.patch(urllib.request, "build_opener", lambda handler: self)

    def bySocket(self, here: str, command: str, params: Mapping[str, object], patience: object) -> object:
        """Replaces the control socket."""
        line = json.dumps({"command": command, **params}).encode()
        answer = Deferred.fromCoroutine(self.master.control.answer(line))
        for _ in range(30):
            self.settle()
            self.reactor.advance(0.1)
        said = json.loads(self.successResultOf(answer))
        if "error" in said:
            raise client.ControlError(said["error"])
        return said["ok"]

    def open(self, asked: urllib.request.Request, timeout: float) -> Answer:
        """Replaces the connection to the web server."""
        parts = urlsplit(asked.full_url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body: Any = asked.data or b""
        headers = {name.replace("-", "_"): value for name, value in asked.header_items()}
        said = (
            self.followed(path) if "follow=1" in path else self.ask(path, asked.get_method(), body, **headers)
        )
        if said.status >= 300:
            message = Message()
            raise urllib.error.HTTPError(asked.full_url, said.status, "", message, io.BytesIO(said.body))
        if self.cuts and "follow=1" in path:
            self.cuts -= 1
            return CutAnswer(said.body, said.headers)
        return Answer(said.body, said.headers)

    def followed(self, path: str) -> Response:
        """The answer with a log that grows, after all that happens next."""
        connection = self.dial()
        accept = "Accept: text/plain, application/problem+json"
        connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n{accept}\r\n\r\n".encode())
        while self.next:
            self.next.pop(0)()
        self.wait(2)
        return parsed(connection.received())

    def run_(self, command: str, *words: str) -> str:
        """What a command prints; its failure is a part of that."""
        options = COMMANDS[command].options()
        options.parseOptions(words)
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
        self.patch(sys, "stdout", out)
        try:
            status: object = COMMANDS[command].load()(options)
        except CommandFailed as why:
            status = str(why)
        out.flush()
        printed: Any = out.buffer
        return f"{printed.getvalue().decode()}{status}"

    def both(self, command: str, *words: str, before: Any = lambda: None) -> str:
        """What a command prints in both ways, which must be the same."""
        before()
        local = self.run_(command, self.basedir, *words)
        before()
        self.assertEqual(self.run_(command, "--url", URL, *words), local, command)
        return local


class FollowTests(RemoteCommandCase):
    """C{log --follow} of a build on another machine."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(time, "sleep", lambda seconds: self.next.pop(0)())

    def follow(self, name: str) -> str:
        """What C{log --follow} prints."""
        return self.run_("log", "--url", URL, "--follow", name)

    def ended(self) -> None:
        """End the first step."""
        self.commands[-1].update(stdout="late\n")
        self.commands[-1].end(0)
        self.wait(2)

    def test_notYet(self) -> None:
        """The command waits for a step that has not begun, and prints its log to the end."""
        self.force()
        said = io.StringIO()
        self.patch(sys, "stderr", said)
        self.next = [self.ended, self.ended]
        self.assertIn("late", self.follow("full/0/test"))
        self.assertIn("waiting for step test", said.getvalue())

    def test_build(self) -> None:
        """Without a step, the logs of all steps are printed as they grow, and the status is the result."""
        self.force()
        self.next = [self.ended] * 4
        self.assertEqual(
            self.follow("full/0").splitlines(),
            [
                *("==== compile", "late", "==== compile: success: 'make' (1 s)"),
                *("==== test", "late", "==== test: success: 'make test' (2 s)"),
                *("build full/0: success (3 s)", "0"),
            ],
        )
        self.assertIn("==== compile\nlate\n", self.run_("log", self.basedir, "--follow", "full/0"))

    def test_cut(self) -> None:
        """A proxy or a restart cuts the connection, and the command goes on at the next byte."""
        self.force()
        self.cuts = 2
        self.patch(time, "sleep", lambda seconds: None)
        self.next = [self.ended]
        self.assertEqual(self.follow("full/0/compile"), "late\n0")
        self.assertEqual(self.cuts, 0)

    def test_cutForEver(self) -> None:
        """If the end of a finished log cannot be had, the command says so."""
        self.force()
        self.cuts = 1000
        self.patch(CutAnswer, "most", 0)
        self.patch(time, "sleep", lambda seconds: None)
        self.next = [self.ended]
        self.assertIn("cannot reach", self.follow("full/0/compile"))

    def test_left(self) -> None:
        """The log is on the machine of the master before, and another one has taken over: the command says
        so, and goes on to the end of the build.
        """
        self.force()
        self.cuts = 1
        said = io.StringIO()
        self.patch(sys, "stderr", said)

        def lose() -> None:
            self.ended()
            for folder, _, files in os.walk(self.basedir):
                for name in files:
                    if "-log-compile" in name:
                        os.unlink(os.path.join(folder, name))

        self.next = [self.ended]
        self.patch(time, "sleep", lambda seconds: lose())
        printed = self.follow("full/0").splitlines()
        self.assertEqual((printed[0], printed[-2:]), ("==== compile", ["build full/0: success (5 s)", "1"]))
        self.assertIn("the log of compile is incomplete: The log stdio cannot be read", said.getvalue())

    def test_over(self) -> None:
        """The log of a finished build is printed at once; a step that never ran is not waited for."""
        self.force()
        for _ in range(2):
            self.ended()
        self.assertIn("late", self.follow("full/0/compile"))
        self.assertIn("has no log", self.follow("full/0/nosuch"))
        self.assertIn("no builder 'other'", self.follow("other/0/compile"))


class WaitTests(RemoteCommandCase):
    """C{force --wait} in both ways."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(time, "sleep", lambda seconds: self.goOn())

    def goOn(self) -> None:
        """The step that runs ends, if any."""
        if self.commands:
            self.commands.pop().end(0)
        self.wait(2)

    def test_wait(self) -> None:
        """Each step is a line, and the status is that of the result: a second time, too."""
        for number, place in enumerate(((self.basedir,), ("--url", URL), ("--url", URL))):
            said = self.run_("force", "--wait", *place, "full")
            self.assertIn(f"build {number} of full has started on bot1\n  compile: success", said)
            self.assertRegex(said, rf"\nbuild full/{number}: success \(\d+ s\)\n0$")

    def test_waiting(self) -> None:
        """A request that waits is told, and built when the slave is free."""
        for place in ((self.basedir,), ("--url", URL)):
            self.force()
            said = self.run_("force", "--wait", *place, "--revision=r5", "full")
            self.assertRegex(said, "^request [0-9]+ for full waits: ")
            self.assertTrue(said.endswith("\n0"), said)

    def test_cancelled(self) -> None:
        """A request that is cancelled meanwhile ends the command."""
        self.force()
        self.patch(time, "sleep", lambda seconds: self.run_("cancel", self.basedir, "full"))
        for place in ((self.basedir,), ("--url", URL)):
            said = self.run_("force", "--wait", *place, "full")
            self.assertRegex(said, "request [0-9]+ for full was cancelled")

    def test_state(self) -> None:
        """Each request has its state: it waits, is built, was built, was cancelled, or never was."""
        for _ in range(2):
            self.force()
        paths = ["/api/v1/builders/full/requests/1", "/api/v1/builders/full/requests/2"]
        states = [self.ask(path).json for path in paths]
        self.assertEqual([each["state"] for each in states], ["running", "waiting"])
        self.assertEqual([each["build"] for each in states], [0, None])
        self.assertIn("bot1", states[1]["why"])
        self.run_("cancel", self.basedir, "full")
        for _ in range(2):
            self.goOn()
        states = [self.ask(path).json for path in paths]
        self.assertEqual([each["state"] for each in states], ["finished", "cancelled"])
        self.assertEqual(self.ask("/api/v1/builders/full/requests/3").status, 404)
        self.assertEqual(self.ask("/api/v1/builders/nosuch/requests/1").status, 404)

    def test_lost(self) -> None:
        """The request of a build that was lost with its slave waits again."""
        self.force()
        self.slaves[-1].pump.client.loseConnection()
        self.wait(2)
        found = self.ask("/api/v1/builders/full/requests/1").json
        self.assertEqual((found["state"], found["build"]), ("waiting", None))

    def test_lostAndCancelled(self) -> None:
        """A request that is cancelled after its build was lost is told as cancelled."""
        self.force()
        self.slaves[-1].pump.client.loseConnection()
        self.wait(2)
        self.run_("cancel", self.basedir, "full")
        found = self.ask("/api/v1/builders/full/requests/1").json
        self.assertEqual((found["state"], found["build"]), ("cancelled", None))

    def test_drain(self) -> None:
        """C{drain --wait} ends when the slave is idle."""
        for place in (("--url", URL), (self.basedir,)):
            self.run_("unpause", self.basedir, "bot1")
            self.force()
            self.assertIn("slave bot1 is idle", self.run_("drain", "--wait", *place, "bot1"))


class RemoteCommandTests(RemoteCommandCase):
    """Each command with C{--url}."""

    def test_looks(self) -> None:
        """Builds, logs and actions are printed alike."""
        self.force()
        self.commands[-1].update(stdout="first\nsecond é\n")
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.assertIn("full/0", self.both("builds"))
        self.both("builds", "--json")
        for place in ((self.basedir,), ("--url", URL)):
            self.assertIn("no builder 'nosuch'", self.run_("builds", *place, "nosuch"))
        self.assertIn("compile", self.both("log", "full/0"))
        self.both("log", "--json", "full/0")
        self.assertIn("second é", self.both("log", "full/0/compile"))
        self.assertIn("first", self.both("log", "--headers", "full/0/compile/stdio"))
        self.assertIn("it has", self.both("log", "full/0/nosuch"))
        self.assertIn("BUILDER/BUILD", self.run_("log", "--url", URL, "nothing"))
        self.assertIn("only on the machine", self.run_("log", "--url", URL, "--json", "full/0/compile"))
        self.assertIn("bot1", self.both("status", "bot1"))

    def test_slaves(self) -> None:
        """A slave is paused, drained, unpaused and disconnected alike."""

        def unpaused() -> None:
            self.run_("unpause", self.basedir, "bot1")

        self.assertIn("paused", self.both("pause", "bot1", before=unpaused))
        self.assertIn("draining", self.both("drain", "bot1", before=unpaused))
        self.both("unpause", "bot1", before=lambda: self.run_("pause", self.basedir, "bot1"))
        self.assertIn("was not paused", self.both("unpause", "bot1", before=unpaused))

    def test_reconfig(self) -> None:
        """A reconfig that is refused prints the errors with their lines; nothing has changed."""
        self.assertIn("dry run", self.both("reconfig", "--dry-run"))
        self.write(self.config + "1/0\n")
        generation = self.master.generation
        self.assertIn("master.cfg:", self.both("reconfig"))
        self.assertEqual(self.master.generation, generation)

    def test_stop(self) -> None:
        """A master stops after its builds, or goes on."""
        self.force()
        began = self.both(
            "stop", "--clean", "--no-wait", before=lambda: self.run_("stop", "--cancel", self.basedir)
        )
        self.assertIn("stops once 1 running build ends", began)
        self.assertIn("does not stop", self.run_("stop", "--cancel", "--url", URL))
        self.assertIn("nobody has asked", self.both("stop", "--cancel"))

    def test_requests(self) -> None:
        """A finished build is built again, and waiting requests are cancelled, alike."""
        self.force()
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.force()
        for place in ((self.basedir,), ("--url", URL)):
            self.assertRegex(self.run_("rebuild", *place, "full", "0"), "request [0-9]+ for full waits")
        self.assertIn("has no build", self.run_("rebuild", "--url", URL, "full", "99"))
        self.assertIn("2 waiting requests cancelled", self.run_("cancel", "--url", URL, "full"))
        self.assertIn("no request waits", self.both("cancel", "full"))
        self.run_("rebuild", self.basedir, "full", "0", "--as-requested", "--reason=x")
        (waiting,) = self.ask("/api/v1/requests").json["requests"]
        self.assertIn(
            "1 waiting request cancelled", self.run_("cancel", "--url", URL, "full", str(waiting["id"]))
        )
        self.assertIn("99", self.run_("cancel", "--url", URL, "full", "99"))

    def test_cancelByNumber(self) -> None:
        """The number of a waiting request is enough to cancel it; a wrong one is refused."""
        self.force()
        for place in ((self.basedir,), ("--url", URL)):
            self.force()
            (waiting,) = self.ask("/api/v1/requests").json["requests"]
            number = str(waiting["id"])
            self.assertIn("1 waiting request cancelled", self.run_("cancel", *place, number))
            self.assertIn(f"no request {number} waits", self.run_("cancel", *place, number))

    def test_audit(self) -> None:
        """The record of actions is printed alike; questions are not in it."""
        self.run_("pause", self.basedir, "bot1")
        self.both("audit")
        self.assertEqual(self.master.audit.latest(1)[0].outcome, DONE)
