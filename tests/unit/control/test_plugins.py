"""The control interfaces of 0.7.5 for plug-ins."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred, fail
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from buildbot import interfaces
from buildbot.buildmaster.service import BuildMaster
from buildbot.control.plugins import Control
from buildbot.events.coroutines import returnsDeferred
from buildbot.interfaces import BuilderInUseError, NoSlaveError
from buildbot.model.change import Change
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.builder import BuilderControl
from buildbot.process.buildset import BuildSet
from buildbot.process.request import BuildRequest
from buildbot.store.interface import StoreFailed
from tests.fakes import HANG
from tests.unit.process.test_builds import BuildCase, shell


class BuilderControlTests(BuildCase):
    """One builder."""

    def setUp(self) -> None:
        super().setUp()
        self.control: Any = interfaces.IBuilderControl(self.botmaster.builders["full"])

    def request(self, **source: Any) -> BuildRequest:
        """Make a request."""
        return BuildRequest("a plug-in wants it", SourceStamp(**source))

    def test_interface(self) -> None:
        """A builder can be adapted to 0.7.5's interface."""
        self.assertIsInstance(self.control, BuilderControl)
        verifyObject(interfaces.IBuilderControl, self.control)

    def test_requestBuild(self) -> None:
        """P2: a requested build waits when it is stored, runs when it can, and its request is notified."""
        request = self.request()
        self.assertIs(self.successResultOf(self.control.requestBuild(request)), request)
        self.assertEqual([kept.id for kept in self.waiting()], [request.id])
        self.assertEqual(self.control.getPendingBuilds(), [request])
        over = request.waitUntilFinished()
        self.green()
        self.assertEqual(self.successResultOf(over).getResults(), SUCCESS)
        self.assertEqual(self.builds()[0].reason, "a plug-in wants it")

    def test_notKept(self) -> None:
        """P4: a request that cannot be stored does not wait."""
        self.patch(self.botmaster.store, "addBuildset", lambda *a: fail(StoreFailed("disk is full")))
        self.failureResultOf(self.control.requestBuild(self.request()), StoreFailed)
        self.assertEqual(self.control.getPendingBuilds(), [])

    def test_soon(self) -> None:
        """requestBuildSoon is refused while no slave, or no idle one, is connected."""
        self.assertRaises(NoSlaveError, self.control.requestBuildSoon, self.request())
        slave = self.connect()
        self.successResultOf(self.control.requestBuildSoon(self.request()))
        self.settle()
        self.assertRaises(BuilderInUseError, self.control.requestBuildSoon, self.request())
        self.assertEqual(self.control.getPendingBuilds(), [])
        self.command(slave).end(0)
        self.settle()

    def test_resubmitExactly(self) -> None:
        """A build is repeated with the revision that it had and the properties of its request, and others."""
        self.green()
        given = {"target": "x86", "level": 1}
        buildset = BuildSet(["full"], SourceStamp(branch="b"), "wished", properties=given)
        self.successResultOf(ensureDeferred(self.botmaster.submitBuildSet(buildset)))
        self.settle()
        status: Any = self.botmaster.builders["full"].builder_status.getBuild(0)
        status.setProperty("got_revision", "r9")
        again = self.successResultOf(self.control.resubmitBuild(status, "again", {"level": 2}))
        self.assertEqual((again.source.branch, again.source.revision), ("b", "r9"))
        self.assertEqual(dict(again.properties), {"target": "x86", "level": 2})
        self.assertEqual([each.revision for each in status.getSourceStamps(absolute=True)], ["r9"])
        self.assertEqual(status.getAllGotRevisions(), {"": "r9"})
        asked = self.successResultOf(self.control.rebuildBuild(status, absolute=False))
        self.assertIsNone(asked.source.revision)

    def test_resubmit(self) -> None:
        """A finished build can be built again."""
        slave = self.connect()
        request = self.request(branch="b", revision="7")
        self.successResultOf(self.control.requestBuild(request))
        command = self.command(slave)
        (status,) = request.status.getBuilds()
        self.assertIsNone(self.control.resubmitBuild(status))
        command.end(1)
        self.settle()
        self.successResultOf(self.control.resubmitBuild(status, "again"))
        self.command(slave).end(0)
        self.settle()
        first, second = self.builds()
        self.assertEqual((first.results, second.results), (FAILURE, SUCCESS))
        self.assertEqual((second.reason, second.sourcestamp), ("again", first.sourcestamp))

    def test_getBuild(self) -> None:
        """A running build can be found by its number, and stopped."""
        slave = self.connect()
        slave.onInterrupt = lambda command: command.end(-1)
        self.force()
        build = self.control.getBuild(0)
        self.assertEqual(build.getStatus().getNumber(), 0)
        self.assertIsNone(self.control.getBuild(1))
        build.stopBuild("enough")
        self.settle()
        self.assertIn("enough", self.builds()[0].text)

    def test_ping(self) -> None:
        """L4: a ping is true if all slaves answer; without slaves, or if one fails, it is false, and that one
        is cut.
        """
        self.configure(shell("true"), slaves="bot1 bot2")
        self.assertFalse(self.successResultOf(self.control.ping()))
        self.connect()
        two = self.connect(name="bot2")
        pinged = self.control.ping()
        self.settle()
        self.assertTrue(self.successResultOf(pinged))
        two.trouble["print"] = HANG
        two.pump.blackhole = True
        pinged = self.control.ping(timeout=5)
        self.wait(6)
        self.assertFalse(self.successResultOf(pinged))
        self.assertIsNone(self.botmaster.slaves["bot2"].slave)


class ControlTests(BuildCase):
    """The whole master."""

    def test_interface(self) -> None:
        """A master can be adapted to 0.7.5's interface."""
        control = interfaces.IControl(BuildMaster(self.mktemp(), reactor=Clock()))
        self.assertIsInstance(control, Control)
        verifyObject(interfaces.IControl, control)

    def test_works(self) -> None:
        """A plug-in can submit changes and build sets, and find every builder."""
        handed: list[object] = []

        class Master:
            botmaster = self.botmaster

            @returnsDeferred
            async def addChange(self, change: Change) -> Change:
                handed.append(change)
                return change.numbered(1)

            @returnsDeferred
            async def submitBuildSet(self, bs: BuildSet) -> None:
                handed.append(bs)

        control = Control(Master())
        change, bs = Change("me", ["a"], "b"), BuildSet(["full"], SourceStamp())
        self.assertEqual(self.successResultOf(control.addChange(change)).number, 1)
        self.successResultOf(control.submitBuildSet(bs))
        self.assertEqual(handed, [change, bs])
        self.assertIs(control.getBuilder("full").original, self.botmaster.builders["full"])
        self.assertRaises(KeyError, control.getBuilder, "fast")
