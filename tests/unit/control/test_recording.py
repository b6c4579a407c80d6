"""The record of the commands of the control socket."""

from __future__ import annotations

import json
import os
import pwd
import socket
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial import unittest

from buildbot.control.audit import DONE, FAILED, Audit, By
from buildbot.control.client import ControlError
from buildbot.control.protocol import COMMANDS
from buildbot.control.recording import SOCKET, Recorded, peerOf, recordOf
from buildbot.control.server import ControlServer
from tests.unit.control.test_audit import Keeper

#: Commands that change nothing.
QUESTIONS = {"status", "audit", "progress", "builds", "build", "request", "parameters", "tokens"}
QUESTIONS |= {"changes", "slave", "schedulers", "disk", "change"}
QUESTIONS |= {"names", "follow", "used", "log"}
QUESTIONS |= {"pass"}  # the web server records what comes in this way


class RecordOfTests(unittest.SynchronousTestCase):
    """The entry of each command."""

    def test_every(self) -> None:
        """Row 50: every command is either recorded, or changes nothing."""
        params = {"slave": "s", "builder": "b", "number": 7, "name": "n", "change": 5, "what": "w"}
        silent = {command for command in COMMANDS if recordOf(command, params) is None}
        self.assertEqual(silent & set(COMMANDS), QUESTIONS & set(COMMANDS))

    def test_entries(self) -> None:
        """The action, the subject, and the reason that the user gave."""
        for command, params, wanted in (
            ("force", {"builder": "a/b", "reason": "why"}, Recorded("forceBuild", "builder/a%2Fb", "why")),
            ("stopbuild", {"builder": "b", "number": 7}, Recorded("stopBuild", "builder/b/build/7")),
            ("stopbuild", {"builder": "b", "number": None}, Recorded("stopBuild", "builder/b")),
            ("rebuild", {"builder": "b", "number": 7}, Recorded("rebuild", "builder/b/build/7")),
            ("cancel", {"builder": "b", "request": 3}, Recorded("cancelRequest", "builder/b", "request 3")),
            ("cancel", {"builder": "b"}, Recorded("cancelRequest", "builder/b", "all requests")),
            ("stopchange", {"change": 5}, Recorded("stopChange", "master", "change 5")),
            ("sendchange", {"who": "ann", "branch": None}, Recorded("sendChange", "master", "by ann")),
            (
                "sendchange",
                {"who": "ann", "revision": 0, "branch": "x" * 200},
                Recorded("sendChange", "master", f"by ann, revision 0, on {'x' * 100}"),
            ),
            ("ping", {"builder": "b"}, Recorded("pingBuilder", "builder/b")),
            ("pause", {"slave": "s", "why": "disk"}, Recorded("pauseSlave", "slave/s", "disk")),
            ("unpause", {"slave": "s"}, Recorded("pauseSlave", "slave/s", "unpaused")),
            ("drain", {"slave": "s"}, Recorded("drainSlave", "slave/s")),
            ("disconnect", {"slave": "s"}, Recorded("disconnectSlave", "slave/s")),
            ("reconfig", {}, Recorded("reconfig", "master")),
            ("reconfig", {"dryRun": True}, None),
        ):
            self.assertEqual(recordOf(command, params), wanted)


class PeerTests(unittest.SynchronousTestCase):
    """Who sends a command."""

    def test_user(self) -> None:
        """The system tells the user at the other end: the sender cannot choose a name."""
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)

        class Transport:
            @staticmethod
            def getHandle() -> socket.socket:
                return ours

        self.assertEqual(peerOf(Transport()), By(pwd.getpwuid(os.getuid()).pw_name, SOCKET))

        def missing(uid: int) -> None:
            raise KeyError(uid)

        self.patch(pwd, "getpwuid", missing)
        self.assertEqual(peerOf(Transport()).who, f"uid {os.getuid()}")

    def test_unknown(self) -> None:
        """Where the system does not tell it, the user has no name."""
        self.assertEqual(peerOf(object()), By("", SOCKET))


class ServerTests(unittest.SynchronousTestCase):
    """A control socket with a record."""

    def setUp(self) -> None:
        self.audit = Audit(Keeper(), lambda: 5.0)
        handlers: dict[str, Any] = {
            "disconnect": self.disconnect,
            "status": lambda slave=None: "fine",
        }
        self.server = ControlServer(self.mktemp(), handlers, MemoryReactorClock(), COMMANDS, self.audit)

    async def disconnect(self, slave: str) -> str:
        """Disconnect the one slave."""
        if slave != "bot1":
            raise ControlError(f"there is no slave {slave!r}")
        return "done"

    def ask(self, **params: object) -> dict[str, Any]:
        """The answer to a request of alice."""
        line = json.dumps(params).encode()
        answered = ensureDeferred(self.server.answer(line, None, By("alice", SOCKET)))
        answer: dict[str, Any] = json.loads(self.successResultOf(answered))
        return answer

    def entries(self) -> list[tuple[str, ...]]:
        """The record."""
        return [(each.who, each.action, each.subject, each.outcome) for each in self.audit.latest()]

    def test_done(self) -> None:
        """Row 50: an action of the command line is recorded with its user."""
        self.assertEqual(self.ask(command="disconnect", slave="bot1"), {"ok": "done"})
        self.assertEqual(self.entries(), [("alice", "disconnectSlave", "slave/bot1", DONE)])

    def test_failed(self) -> None:
        """An action that fails is recorded with the reason."""
        self.assertIn("error", self.ask(command="disconnect", slave="x"))
        self.assertEqual(self.entries(), [("alice", "disconnectSlave", "slave/x", FAILED)])
        self.assertEqual(self.audit.latest()[0].detail, "there is no slave 'x'")

    def test_question(self) -> None:
        """A question is not recorded."""
        self.assertEqual(self.ask(command="status"), {"ok": "fine"})
        self.assertEqual(self.entries(), [])
