"""The methods of the user C{debug}. L{tests.stories.test_admin} tests its password."""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.spread import pb

from buildbot.control.debug import DebugPerspective
from buildbot.events.coroutines import returnsDeferred
from buildbot.model.change import Change
from tests.fakes import Python2Broker, QuietBroker
from tests.pumped import Pump
from tests.unit.process.test_builds import BuildCase


class FakeMaster:
    """The attributes of a master that the perspective uses."""

    reconfigurer: Any = None

    def __init__(self, botmaster: Any) -> None:
        self.botmaster = botmaster
        self.changes: list[Change] = []

    @returnsDeferred
    async def addChange(self, change: Change) -> Change:
        self.changes.append(change)
        return change.numbered(len(self.changes))

    @returnsDeferred
    async def submitBuildSet(self, bs: Any) -> Any:
        return await self.botmaster.submitBuildSet(bs)


class DebugCase(BuildCase):
    """A debug client on Python 3."""

    broker: type[pb.Broker] = QuietBroker

    def setUp(self) -> None:
        super().setUp()
        self.master = FakeMaster(self.botmaster)
        self.dispatcher.register("debug", DebugPerspective(self.master), "sekrit")
        client = pb.PBClientFactory()
        client.protocol = self.broker
        self.pump: Pump = self.pumpTo(client)
        login = client.login(UsernamePassword(b"debug", b"sekrit"))
        self.pump.pump()
        self.perspective = self.successResultOf(login)
        self.addCleanup(self.hangUp)

    def hangUp(self) -> None:
        self.pump.client.abortConnection()
        self.pump.pump()

    def call(self, *args: Any, **kw: Any) -> Any:
        """Call a method; return the result."""
        answer = self.perspective.callRemote(*args, **kw)
        for _ in range(3):
            self.pump.pump()
            self.settle()
        return answer


class DebugTests(DebugCase):
    """Its methods, called by a client."""

    def test_large(self) -> None:
        """H3: texts and properties that are too large for the records are refused, with the reason."""
        long = "x" * 100_000
        for method, *arguments in (
            ("requestBuild", "full", long),
            ("requestBuild", "full", "r", long),
            ("requestBuild", "full", "r", None, None, {"a": long}),
            ("fakeChange", long),
            ("fakeChange", "file", long),
        ):
            why = self.failureResultOf(self.call(method, *arguments))
            self.assertIn("at most" if "properties" not in str(why.value) else "more than", str(why.value))
        self.assertEqual(self.master.changes, [])

    def test_requestBuild(self) -> None:
        """A build can be requested, also with properties as by 0.7.12; the answer means that it is stored."""
        self.assertIsNone(self.successResultOf(self.call("requestBuild", "full", "why not", None, None)))
        (waiting,) = self.waiting()
        self.assertEqual((waiting.builder, waiting.reason, waiting.properties), ("full", "why not", {}))
        self.successResultOf(self.call("requestBuild", "full", "ü", "bränch", 17, {"a": "é", "n": 3}))
        waiting = self.waiting()[1]
        self.assertEqual((waiting.reason, waiting.properties), ("ü", {"a": "é", "n": 3}))
        self.assertEqual(waiting.sourcestamp["branch"], "bränch")
        self.assertEqual(waiting.sourcestamp["revision"], "17")

    def test_wrong(self) -> None:
        """An unknown builder and values that are not text are refused in one line."""
        for args, reason in (
            (("requestBuild", "fast", "why", None, None), "there is no builder 'fast'"),
            (("pingBuilder", "fast"), "there is no builder 'fast'"),
            (("requestBuild", "full", "why", None, None, {"a": []}), "'a' is neither text nor a number"),
            (("requestBuild", "full", "why", None, None, [1]), "properties must be a dictionary"),
        ):
            why = self.failureResultOf(self.call(*args))
            self.assertIn(reason, why.getErrorMessage())
        self.assertEqual(self.waiting(), [])

    def test_pingBuilder(self) -> None:
        """A ping is answered when the slaves have answered."""
        slave = self.connect()
        before = len(slave.heard)
        self.assertIsNone(self.successResultOf(self.call("pingBuilder", "full")))
        self.assertEqual([heard[0] for heard in slave.heard[before:]], ["getCommands"])

    def test_fakeChange(self) -> None:
        """A fake change reaches the master, with positional and named parameters."""
        self.successResultOf(self.call("fakeChange", "a.c"))
        self.successResultOf(self.call("fakeChange", file="b.c", revision=5, who="me", branch="b"))
        one, two = self.master.changes
        self.assertEqual((one.who, one.files, one.revision, one.branch), ("fakeUser", ["a.c"], None, None))
        self.assertEqual((two.who, two.files, two.revision, two.branch), ("me", ["b.c"], "5", "b"))


class Python2DebugTests(DebugTests):
    """The same for a client on Python 2, whose texts and keywords are bytes."""

    broker = Python2Broker


class FailedTests(DebugCase):
    """Errors of the master."""

    def test_changeNotKept(self) -> None:
        """P2: a change that cannot be stored is not acknowledged."""

        @returnsDeferred
        async def addChange(change: Change) -> Change:
            raise pb.Error("disk is full")

        self.patch(self.master, "addChange", addChange)
        self.assertIn("disk is full", self.failureResultOf(self.call("fakeChange", "a.c")).getErrorMessage())
        self.assertEqual(self.master.changes, [])
