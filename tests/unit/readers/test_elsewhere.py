# -*- test-case-name: tests.unit.readers.test_elsewhere -*-
"""Requests that go on to the master, and its answers."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.control.client import ControlError, NoAnswer, NotRunning
from buildbot.control.protocol import COMMANDS, understand
from buildbot.readers.elsewhere import BRIEF, PATIENCE, READING, Elsewhere, isForMaster
from buildbot.readers.passing import Passing, answerOf, requestOf
from buildbot.web.call import Answer, Problem, Stream
from buildbot.web.incoming import Incoming

BUILDER = "/builders/{builder}"


def asked(
    method: str = "POST", path: str = "/builders/full/force", query: Any = None, **more: Any
) -> Incoming:
    """A request."""
    return Incoming(method, path, {"host": "ci"}, query or {}, peer="10.1.2.3", **more)


class ServerOfMaster:
    """The web server of the master. It tells what it was asked."""

    http_port = "tcp:8010"

    def __init__(self) -> None:
        self.dispatcher = self
        self.heard: list[tuple[Incoming, Any]] = []
        self.says: Any = Answer(
            b"\xff\x00", "text/x", 418, (("Set-Cookie", "a=b"), ("Location", "x")), "v", "no-store"
        )

    async def answer(self, incoming: Incoming, segments: Any) -> Any:
        """See L{buildbot.web.dispatch.Dispatcher}."""
        self.heard.append((incoming, segments))
        incoming.isPrivate = True
        return self.says


class Socket:
    """The control socket of the master."""

    def __init__(self, server: ServerOfMaster) -> None:
        self.error: Exception | None = None
        self.patience = 0.0
        self._passing = Passing(lambda: [server], lambda: "e-5", lambda: 2)

    async def ask(self, command: str, params: dict[str, Any], patience: float) -> Any:
        """See L{buildbot.readers.link.Link}."""
        self.patience = patience
        if self.error is not None:
            raise self.error
        line = json.dumps({**params, "command": command}).encode()
        _, given = understand(line, COMMANDS)
        return json.loads(json.dumps(await self._passing.passOn(**given)))


class ElsewhereTests(unittest.SynchronousTestCase):
    """A request goes to the master and comes back."""

    def setUp(self) -> None:
        self.server = ServerOfMaster()
        self.socket = Socket(self.server)
        self.reached: list[Any] = []
        self.away = "Away since 12:03."
        self.elsewhere = Elsewhere(
            self.socket,
            "tcp:8010",
            self.caughtUp,
            lambda: self.away,
        )

    async def caughtUp(self, lastId: str, logins: int) -> None:
        """Note what was waited for."""
        self.reached.append((lastId, logins))

    def send(self, incoming: Incoming, path: str = BUILDER) -> Any:
        """The answer."""
        segments = incoming.path.lstrip("/").split("/")
        return self.successResultOf(ensureDeferred(self.elsewhere.answer(incoming, segments, path)))

    def refused(self, incoming: Incoming) -> Problem:
        """The problem."""
        segments = incoming.path.lstrip("/").split("/")
        why = self.failureResultOf(
            ensureDeferred(self.elsewhere.answer(incoming, segments, BUILDER)), Problem
        )
        assert isinstance(why.value, Problem)
        return why.value

    def test_patience(self) -> None:
        """A person who only reads does not wait for minutes. Nobody waits long for a master that is
        away: it may be frozen.
        """
        self.send(asked())
        self.send(asked("GET", "/me"))
        self.assertEqual(self.socket.patience, BRIEF)
        self.away = ""
        self.send(asked())
        self.assertEqual(self.socket.patience, PATIENCE)
        self.send(asked("GET", "/me"))
        self.assertEqual(self.socket.patience, READING)

    def test_whole(self) -> None:
        """The master gets the request as it came, with the address; the visitor gets the answer as it is."""
        sent = asked(
            query={"a": ["1", "2"]}, body=b"\x00\xff", all={"host": ["ci"], "cookie": ["x=1", "y=2"]}
        )
        answer = self.send(sent)
        self.assertEqual(answer, self.server.says)
        ((heard, segments),) = self.server.heard
        self.assertEqual(segments, ["builders", "full", "force"])
        for name in ("method", "path", "query", "body", "peer", "isSecure", "all"):
            self.assertEqual(getattr(heard, name), getattr(sent, name), name)
        self.assertEqual(heard.headers["cookie"], "x=1, y=2")
        self.assertTrue(sent.isPrivate)
        self.assertEqual(self.reached, [("e-5", 2)])

    def test_odd(self) -> None:
        """Bytes that are no text do no harm."""
        sent = asked(all={"x": ["\udcff"]})
        self.assertEqual(self.send(sent).status, 418)

    def test_which(self) -> None:
        """Actions, their outcome, and the pages about the master's process are for the master."""
        for method, path, route, query, wanted in (
            ("POST", "/builders/full/force", BUILDER, {}, True),
            ("DELETE", "/builders/full", BUILDER, {}, True),
            ("GET", "/builders/full", BUILDER, {}, False),
            ("HEAD", "/builders/full", BUILDER, {}, False),
            ("GET", "/builders/full", BUILDER, {"done": ["x"]}, True),
            ("GET", "/about/disk", "/about/disk", {}, True),
            ("GET", "/about", "/about", {}, False),
            ("GET", "/schedulers/all", "/schedulers/{scheduler}", {}, True),
            ("GET", "/api/v1/schedulers", "/api/v1/schedulers", {}, True),
            ("GET", "/api/v1/builds", "/api/v1/builds", {}, False),
            ("GET", "/", "/", {}, False),
        ):
            incoming = asked(method, path, query)
            self.assertEqual(isForMaster(incoming, path.lstrip("/").split("/"), route), wanted, path)

    def test_away(self) -> None:
        """While the master is away, the visitor learns since when."""
        self.socket.error = NotRunning("here")
        problem = self.refused(asked())
        self.assertEqual((problem.status, problem.detail), (503, "Away since 12:03."))

    def test_broken(self) -> None:
        """A master that does not answer, or refuses, is no fault of this process."""
        for error in (NoAnswer("too late"), ControlError("no")):
            self.socket.error = error
            problem = self.refused(asked())
            self.assertEqual((problem.status, problem.detail), (503, f"{error}."))

    def test_large(self) -> None:
        """A body that the control socket cannot take is refused with advice."""
        problem = self.refused(asked(body=b"x" * 40_000))
        self.assertEqual(problem.status, 413)
        self.assertIn("port of the master", problem.hint)

    def test_stream(self) -> None:
        """An endless answer cannot be handed on."""
        self.server.says = Stream(lambda out: None)
        self.assertEqual(self.refused(asked()).status, 503)

    def test_otherServer(self) -> None:
        """A request is never answered by another web server of the master, which may have other rights."""
        self.server.http_port = "tcp:9999"
        self.assertIn("has no web server", self.refused(asked()).detail)
        self.assertEqual(self.server.heard, [])

    def test_values(self) -> None:
        """The request of a command is checked like all others."""
        request = requestOf(asked(), ["builders"], "tcp:8010")
        self.assertEqual(understand(json.dumps({**request, "command": "pass"}).encode(), COMMANDS)[0], "pass")
        said = {"body": "", "type": "t", "status": 200, "headers": [["a", "b"]], "etag": "", "cache": "c"}
        self.assertEqual(answerOf(said).headers, (("a", "b"),))
