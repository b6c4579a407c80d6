"""Reviews are added with ssh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.gerrit.ssh import VERSION_TIME, GerritTarget, Login, outcomeOf
from buildbot.outgoing.target import NotNow, Refused, TargetDown
from buildbot.programs.running import ProgramFailed

LOGIN = Login("gerrit.example", "bot", 29418, "/keys/bot")
MESSAGE = {
    "project": "ship",
    "patchSet": "12,3",
    "message": "x",
    "labels": {"Verified": 1},
    "notify": None,
}


class TargetTests(unittest.SynchronousTestCase):
    """See L{GerritTarget}."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.commands: list[Sequence[str]] = []
        self.failure: ProgramFailed | None = None
        self.version = b"gerrit version 2.5.2\n"
        self.target = GerritTarget(LOGIN, self.clock, self.run_)

    def run_(self, command: Sequence[str], seconds: float) -> Deferred[bytes]:
        """Stands in for the program."""
        self.commands.append(command)
        if self.failure is not None:
            return fail(self.failure)
        return succeed(self.version if command[-1] == "version" else b"")

    def deliver(self) -> Deferred[None]:
        """Deliver the message."""
        return self.target.deliver(MESSAGE)

    def test_delivered(self) -> None:
        """The version of the server is asked once in a while, and decides the options."""
        for seconds in (0, 1, VERSION_TIME):
            self.clock.advance(seconds)
            self.successResultOf(self.deliver())
        self.assertEqual([each[-1] for each in self.commands], ["version", "12,3", "12,3", "version", "12,3"])
        login = ["ssh", "-oBatchMode=yes", "-i/keys/bot", "-p29418", "-lbot", "gerrit.example"]
        self.assertEqual(self.commands[1][:6], login)
        self.assertIn("--verified=1", self.commands[1])

    def test_failed(self) -> None:
        """After a failure, the version is asked again: another server may answer then."""
        self.failure = ProgramFailed("ssh gerrit: Connection refused", 255)
        self.failureResultOf(self.deliver(), TargetDown)
        self.failure, self.version = None, b"gerrit version 3.9\n"
        self.successResultOf(self.deliver())
        self.assertEqual([each[-1] for each in self.commands], ["version", "version", "12,3"])
        self.assertIn("Verified=1", self.commands[-1])

    def test_outcomes(self) -> None:
        """A server that cannot be reached is down; a review that Gerrit does not take is refused."""
        outcomes: list[tuple[str, int | None, Any]] = [
            ("Permission denied (publickey).", 255, TargetDown),
            ("No such file or directory", 127, TargetDown),
            ("did not end within 60 seconds", None, TargetDown),
            ('fatal: "12,3" no such patch set', 1, Refused),
            ("fatal: internal server error", 1, NotNow),
        ]
        for said, status, kind in outcomes:
            outcome = outcomeOf(ProgramFailed(said, status))
            self.assertIs(type(outcome), kind)
            self.assertEqual(str(outcome), said)
