"""The command of the control socket about the record of actions."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial import unittest

from buildbot.buildmaster.service import BuildMaster
from buildbot.control.audit import REFUSED, By, aboutBuilder, aboutSlave
from buildbot.control.client import ControlError
from buildbot.store.memory import MemoryStore


class AuditCommandTests(unittest.SynchronousTestCase):
    """A master that has recorded actions."""

    def setUp(self) -> None:
        self.master = BuildMaster(self.mktemp(), reactor=MemoryReactorClock(), store=MemoryStore())
        self.successResultOf(self.master.botmaster.store.open())
        self.successResultOf(ensureDeferred(self.master.audit.load()))
        ann = By("ann", "session", "192.0.2.7")
        for by, action, subject, outcome in (
            (ann, "forceBuild", aboutBuilder("full"), "done"),
            (By(), "stopBuild", aboutBuilder("full", 3), REFUSED),
            (ann, "pauseSlave", aboutSlave("bot1"), "done"),
        ):
            recorded = ensureDeferred(self.master.audit.record(by, action, subject, outcome))
            recorded.addErrback(lambda ignored: None)

    def actions(self, **params: Any) -> list[str]:
        """The names of the actions in the answer."""
        return [each["action"] for each in self.said(**params)["entries"]]

    def said(self, **params: Any) -> dict[str, Any]:
        """The answer of the command."""
        answer: dict[str, Any] = self.successResultOf(ensureDeferred(self.master.commands["audit"](**params)))
        return answer

    def test_parts(self) -> None:
        """The cursor of an answer gives the actions before; a wrong one is refused."""
        cursor = self.said(count=2)["next"]
        self.assertEqual(self.actions(cursor=cursor), ["forceBuild"])
        self.failureResultOf(ensureDeferred(self.master.commands["audit"](cursor="x")), ControlError)

    def test_latest(self) -> None:
        """The latest action is first; count limits them."""
        self.assertEqual(self.actions(), ["pauseSlave", "stopBuild", "forceBuild"])
        self.assertEqual(self.actions(count=1), ["pauseSlave"])
        (entry,) = self.said(count=1)["entries"]
        self.assertEqual((entry["who"], entry["address"], entry["outcome"]), ("ann", "192.0.2.7", "done"))

    def test_chosen(self) -> None:
        """Actions of one user, of visitors without a login, or on one builder with its builds."""
        self.assertEqual(self.actions(who="ann"), ["pauseSlave", "forceBuild"])
        self.assertEqual(self.actions(who=""), ["stopBuild"])
        self.assertEqual(self.actions(subject="builder/full"), ["stopBuild", "forceBuild"])
