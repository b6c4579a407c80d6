"""The statuses of steps and logs after the end of their build."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any
from weakref import ref

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from buildbot.logs.live import LogDirectory
from buildbot.model.records import BuildRecord
from buildbot.model.results import SUCCESS
from buildbot.status.build import BuildStatus
from buildbot.status.step import BuildStepStatus


class PartsTests(SynchronousTestCase):
    """A build with a step and a log has ended."""

    def setUp(self) -> None:
        """Run the build to its end."""
        gc.disable()
        self.addCleanup(gc.enable)
        builder: Any = SimpleNamespace()
        record = BuildRecord("b", 0, "s", (), 0.0, reason="", sourcestamp={})
        self.build: Any = BuildStatus(builder, record, LogDirectory(self.mktemp(), Clock()))
        step = self.build.addStepWithName("compile")
        step.stepStarted()
        step.addLog("stdio").addStdout("hello")
        step.addHTMLLog("page", "<b>hello</b>")
        step.stepFinished(SUCCESS)
        step.setStatistic("warnings", 3)
        self.build.buildFinished()
        self.before = self.build.toRecord()
        self.record = self.build.lastRecord()

    def test_record(self) -> None:
        """The last record of a build is like the others."""
        self.assertEqual(self.record, self.before)
        self.assertEqual(self.build.toRecord(), self.before)

    def test_whole(self) -> None:
        """A receiver can read all steps and logs of an ended build, however late."""
        (step,) = self.build.getSteps()
        self.assertIs(type(step), BuildStepStatus)
        self.assertEqual((step.getName(), step.getResults()), ("compile", (SUCCESS, [])))
        self.assertEqual(self.build.getSummaryStatistic("warnings", max), 3)
        self.assertEqual([log.getName() for log in self.build.getLogs()], ["stdio", "page"])
        self.assertEqual([log.getText() for log in step.getLogs()], ["hello", "<b>hello</b>"])
        self.assertEqual([log.isHTML for log in step.getLogs()], [False, True])

    def test_upwards(self) -> None:
        """A receiver that only has a log of an ended build finds its step and its build."""
        log, build = self.build.getLogs()[0], self.build
        del self.build
        self.assertIs(log.getStep().getBuild(), build)
        self.assertIs(log.getStep().getLogs()[0], log)
        del build
        self.assertEqual(log.getStep().getBuild().getNumber(), 0)
        self.assertEqual(log.getStep().getBuild().getSteps(), [log.getStep()])

    def test_same(self) -> None:
        """A step or a log that somebody holds is the same object each time."""
        (step,) = self.build.getSteps()
        log = step.getLogs()[0]
        self.assertIs(self.build.getSteps()[0], step)
        self.assertIs(self.build.getLogs()[0], log)

    def test_late(self) -> None:
        """What a plug-in sets on a step after the end of the build stays there."""
        self.build.getSteps()[0].setText(["late"])
        self.assertEqual(self.build.getSteps()[0].getText(), ["late"])

    def test_freed(self) -> None:
        """The build, its steps and its logs are freed when nobody holds them any more."""
        step = self.build.getSteps()[0]
        freed = [ref(each) for each in (self.build, step, step.getLogs()[0])]
        del self.build, step
        self.assertEqual([each() for each in freed], [None] * 3)

    def test_class(self) -> None:
        """The lists are no obstacle for tools that inspect the classes."""
        self.assertEqual((BuildStatus.steps, BuildStepStatus.logs), ([], []))
