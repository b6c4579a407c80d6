"""Finished builds from the store, as statuses."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import ensureDeferred
from zope.interface.verify import verifyObject

from buildbot import interfaces
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.status import history
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import RECENT
from buildbot.status.master import Status
from buildbot.store.interface import StoreFailed
from tests.unit.process.test_builds import BuildCase, shell


class HistoryCase(BuildCase):
    """A master with builds, and the status of one that comes after it."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"))
        self.status = Status(self.botmaster, ".")
        self.full = self.status.getBuilder("full")

    def get(self, found: Any) -> Any:
        """The result of a coroutine."""
        return self.successResultOf(ensureDeferred(found))

    def build(self, rc: int = 0, **kw: Any) -> BuildStatus:
        """Build once, and return the status that was alive."""
        self.force(**kw)
        self.slave.commands[-1].end(rc, stdout=b"out\n", stderr=b"caf\xc3\xa9\n")
        self.settle()
        last = self.full.getLastFinishedBuild()
        assert last is not None
        return last

    def older(self, count: int) -> list[BuildStatus]:
        """Build some times, so that the first of these builds is in the store only."""
        self.slave = self.connect()
        first = [self.build() for _ in range(count)]
        for _ in range(RECENT):
            self.build()
        return first


class FinishedTests(HistoryCase):
    """The status of a stored build."""

    def test_same(self) -> None:
        """A stored build answers all questions as it did when it was alive."""
        self.slave = self.connect()
        change = Change("ann", ["a.c"], "words").numbered(3)
        alive = self.build(rc=1, changes=[change], branch="b")
        for _ in range(RECENT):
            self.build()
        self.assertIsNone(self.full.getBuild(0))
        stored = self.get(self.full.fetchBuild(0))
        self.assertIsNot(stored, alive)
        for provided in (interfaces.IBuildStatus, interfaces.IStatusEvent):
            verifyObject(provided, stored)
        for name in (
            *("getNumber", "getSourceStamp", "getReason", "getChanges", "getResponsibleUsers"),
            *("getInterestedUsers", "getCurrentStep", "getTimes", "getETA", "getSlavename", "getText"),
            *("getColor", "getResults", "getTestResults", "isFinished", "getPreviousBuild", "toRecord"),
        ):
            self.assertEqual(getattr(stored, name)(), getattr(alive, name)(), name)
        self.assertIs(stored.getBuilder(), self.full)
        self.assertEqual(stored.getProperty("slavename"), "bot1")
        self.assertIs(self.successResultOf(stored.waitUntilFinished()), stored)
        (step,), (known,) = stored.getSteps(), alive.getSteps()
        verifyObject(interfaces.IBuildStepStatus, step)
        for name in ("getName", "getTimes", "getText", "getColor", "getURLs", "getETA", "isHidden"):
            self.assertEqual(getattr(step, name)(), getattr(known, name)(), name)
        self.assertEqual((step.getResults()[0], step.getBuild()), (FAILURE, stored))

    def test_logs(self) -> None:
        """The logs of a stored build are read from their files, as text and as chunks."""
        self.older(1)
        stored = self.get(self.full.fetchBuild(0))
        (stdio,) = stored.getLogs()
        verifyObject(interfaces.IStatusLog, stdio)
        self.assertEqual(stdio.getName(), "stdio")
        self.assertEqual(stdio.getText(), "out\ncafé\n")
        self.assertIn("exit code 0", stdio.getTextWithHeaders())
        self.assertEqual(stdio.readlines(interfaces.LOG_CHANNEL_STDERR), ["café\n"])
        self.assertTrue(stdio.hasContents() and stdio.isFinished())
        told: list[str] = []

        class Receiver:
            def logChunk(self, build: Any, step: Any, log: Any, channel: int, text: str) -> None:
                told.append(text)

        stdio.subscribe(Receiver(), True)
        self.assertEqual("".join(told), stdio.getTextWithHeaders())
        stdio.addStdout("too late")
        self.assertEqual(stdio.getText(), "out\ncafé\n")

    def test_logsGone(self) -> None:
        """A log whose file was deleted has no contents; its step and its name are still there."""
        self.older(1)
        (log,) = self.get(self.full.fetchBuild(0)).getLogs()
        os.unlink(log.getFilename())
        self.assertFalse(log.hasContents())
        self.assertEqual((log.getName(), log.getStep().getName()), ("stdio", "shell"))

    def test_bare(self) -> None:
        """A record with nothing but the necessary values is a build without steps."""
        record = BuildRecord("full", 7, "bot1", (), 1.0, 2.0, SUCCESS)
        build = history.finishedBuild(
            record, self.full, self.botmaster.resources.logs, self.botmaster.announcer
        )
        self.assertEqual((build.getSteps(), build.getLogs(), build.getChanges()), ([], [], []))


class FetchTests(HistoryCase):
    """How builds are found."""

    def test_any(self) -> None:
        """Every kept build can be fetched, running or finished; then it is also in memory."""
        self.older(2)
        self.assertEqual(
            [self.get(self.full.fetchBuild(each)).getNumber() for each in range(5)], list(range(5))
        )
        first = self.get(self.status.fetchBuild("full", 0))
        self.assertIs(self.full.getBuild(0), first)
        self.assertIs(self.get(self.full.fetchBuild(1)).getPreviousBuild(), first)
        self.assertEqual(self.get(self.full.fetchBuild(-1)).getNumber(), 4)
        self.assertEqual(self.get(self.full.fetchBuild(-5)).getNumber(), 0)
        for none in (5, 99, -6):
            self.assertIsNone(self.get(self.full.fetchBuild(none)), none)
        self.force()
        (running,) = self.full.getCurrentBuilds()
        self.assertIs(self.get(self.full.fetchBuild(5)), running)
        self.slave.commands[-1].end(0)
        self.settle()

    def test_list(self) -> None:
        """The last builds are there newest first, also from a number on."""
        self.older(1)
        found = self.get(self.status.fetchBuilds("full", 2))
        self.assertEqual([each.getNumber() for each in found], [3, 2])
        found = self.get(self.full.fetchBuilds(9, before=2))
        self.assertEqual([each.getNumber() for each in found], [1, 0])

    def test_removedBuilder(self) -> None:
        """Builds of a builder that a reconfig has removed can be fetched all the same."""
        self.older(1)
        self.configure(shell("make"), builders="quick")
        found = self.get(self.status.fetchBuild("full", 0))
        builder = found.getBuilder()
        verifyObject(interfaces.IBuilderStatus, builder)
        self.assertEqual(
            (builder.getName(), builder.getState(), builder.getSlaves()), ("full", ("offline", []), [])
        )
        self.assertIsNone(self.get(self.status.fetchBuild("never", 0)))

    def test_bounded(self) -> None:
        """Only a bounded number of old builds stays in memory, those that were used last."""
        self.patch(history, "MOST", 2)
        self.older(3)
        for number in (0, 1, 0, 2):
            self.get(self.full.fetchBuild(number))
        self.assertEqual([bool(self.full.getBuild(each)) for each in range(3)], [True, False, True])

    def test_recalled(self) -> None:
        """After a restart, a receiver compares the first build with the last one before the restart."""
        self.slave = self.connect()
        before = self.build(rc=1)
        self.use(type(self.botmaster.config)())  # forget the builder, as a restart does
        self.configure(shell("make"))
        self.full = self.status.getBuilder("full")
        self.assertIsNone(self.full.getLastFinishedBuild())
        self.status.subscribe(object())
        last = self.full.getLastFinishedBuild()
        assert last is not None
        self.assertEqual((last.getNumber(), last.getResults()), (before.getNumber(), FAILURE))

    def test_storeFails(self) -> None:
        """A store that cannot be read is the caller's error; a new receiver gets its events all the same."""

        def broken(*args: Any) -> Any:
            raise StoreFailed("disk broken")

        self.patch(self.botmaster.store, "getBuilds", broken)
        self.failureResultOf(ensureDeferred(self.full.fetchBuilds()), StoreFailed)
        self.status.subscribe(object())
        self.assertEqual(len(self.botmaster.announcer.watchers), 1)
