"""A plug-in that calls sys.exit() ends its own work, never the master."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from typing import Any

from buildbot.model.results import EXCEPTION, SUCCESS
from buildbot.process.base import Build
from buildbot.process.buildfactory import BuildFactory, s
from buildbot.process.logobserver import LogLineObserver
from buildbot.scheduler import Scheduler
from buildbot.status.announcer import tellOne
from buildbot.steps.shell import ShellCommand
from tests.schedulers import SchedulerCase
from tests.unit.process.test_builds import BuildCase, shell
from tests.unit.process.test_merging import MergeCase


def leave(*args: Any, **kwargs: Any) -> None:
    """Exit, like the author of a script would."""
    sys.exit("nothing to do")


class StepTests(BuildCase):
    """Steps, builds and factories."""

    def assertCostsOne(
        self, factory: BuildFactory, title: str, error: type[BaseException] = SystemExit
    ) -> None:
        """Check that a build of this factory ends with an exception, and that the slave stays and builds the
        next.
        """
        self.configure(factory)
        slave = self.green()
        self.force()
        self.settle()
        self.assertEqual(self.builds()[-1].results, EXCEPTION, title)
        self.assertTrue(self.flushLoggedErrors(error), title)
        self.configure(shell("true"))
        self.force()
        self.settle()
        self.assertEqual(self.builds()[-1].results, SUCCESS, title)
        self.assertTrue(self.bot.slave_status.isConnected(), title)
        slave.broker.transport.abortConnection()
        self.settle()

    def test_steps(self) -> None:
        """F15: a step that calls sys.exit() ends its build with an exception; the slave stays connected."""
        for method in ("start", "commandComplete", "createSummary", "evaluateCommand", "getText", "finished"):
            own = type("Own", (ShellCommand,), {method: leave})
            self.assertCostsOne(BuildFactory([s(own, command="true")]), method)

    def test_otherExceptions(self) -> None:
        """F15: the same is true for other exceptions that do not derive from Exception."""
        for error in (KeyboardInterrupt, CancelledError):

            def fail(*args: Any, error: type[BaseException] = error, **kwargs: Any) -> None:
                raise error

            for method in ("start", "commandComplete"):
                own = type("Own", (ShellCommand,), {method: fail})
                self.assertCostsOne(BuildFactory([s(own, command="true")]), method, error)

    def test_builds(self) -> None:
        """F15: a build or a factory that calls sys.exit() ends that build."""
        for method in ("setLocks", "startBuild", "setupBuild"):
            factory = shell("true")
            factory.buildClass = type("Own", (Build,), {method: leave})
            self.assertCostsOne(factory, method)
        own = type("OwnFactory", (BuildFactory,), {"newBuild": leave})
        self.assertCostsOne(own(), "newBuild")

    def test_receivers(self) -> None:
        """F15: a status receiver that calls sys.exit() does not keep others from being notified."""
        receiver = type("Receiver", (), {"buildStarted": leave})()
        self.assertIsNone(tellOne(receiver, "buildStarted", "full", None))
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)


class OutputTests(BuildCase):
    """Observers of a step's output."""

    def test_observer(self) -> None:
        """F15: an observer of a log that calls sys.exit() fails its step, and the slave stays connected."""

        class Observer(LogLineObserver):
            outLineReceived = leave

        class Observed(ShellCommand):
            def __init__(self, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.addLogObserver("stdio", Observer())

        self.configure(BuildFactory([s(Observed, command="true")]))
        for said in ("a line\n", "a line without an end"):
            slave = self.connect()
            self.force()
            command = self.command(slave)
            command.update(stdout=said)
            self.settle()
            self.assertTrue(self.bot.slave_status.isConnected())
            command.end(0)
            self.settle()
            self.assertEqual(self.builds()[-1].results, EXCEPTION, said)
            self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)
            slave.broker.transport.abortConnection()
            self.settle()


class RuleTests(MergeCase):
    """The function mergeRequests."""

    def test_rule(self) -> None:
        """F15: a mergeRequests that calls sys.exit() merges nothing, and all requests are built."""
        self.rule(leave)
        for reason in "abc":
            self.ask(reason)
        self.assertEqual(self.reasons(), ["a", "b", "c"])
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)


class JudgeTests(SchedulerCase):
    """The function fileIsImportant."""

    def test_judge(self) -> None:
        """F15: a fileIsImportant that calls sys.exit() loses no change."""
        self.use(Scheduler("main", None, 10, ["full"], fileIsImportant=leave))
        self.commit()
        self.clock.advance(60)
        self.assertEqual(self.built(), [[1]])
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)
