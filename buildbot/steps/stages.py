# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Steps for the usual stages of a build: configure, compile and test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buildbot.logs.live import LogFile
from buildbot.model.properties import WithProperties as WithProperties  # where 0.7.5 had it
from buildbot.model.results import FAILURE
from buildbot.process.loglines import linesOrNone
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.command import ShellCommand
from buildbot.steps.counting import WarningCountingShellCommand
from buildbot.steps.outputs import LONGEST_PROPERTY as LONGEST_PROPERTY
from buildbot.steps.perloutput import HarnessOutput


class Configure(ShellCommand):
    """I run a configure script."""

    name = "configure"
    haltOnFailure = True
    description = ["configuring"]
    descriptionDone = ["configure"]
    command = ["./configure"]


class Compile(WarningCountingShellCommand):
    """I compile the source, and count the compiler's warnings."""

    name = "compile"
    haltOnFailure = True
    description = ["compiling"]
    descriptionDone = ["compile"]
    command = ["make", "all"]


class Test(WarningCountingShellCommand):
    """I run the tests, and count their warnings."""

    name = "test"
    warnOnFailure = True
    description = ["testing"]
    descriptionDone = ["test"]
    command = ["make", "test"]

    def setTestResults(self, total: int = 0, failed: int = 0, passed: int = 0, warnings: int = 0) -> None:
        """Add to the numbers of tests, which the words of the finished step show. For subclasses."""
        counts = {"total": total, "failed": failed, "passed": passed, "warnings": warnings}
        for kind, count in counts.items():
            self.setStatistic(f"tests-{kind}", self.getStatistic(f"tests-{kind}", 0) + count)

    def describe(self, done: bool = False) -> list[str]:
        """See L{ShellCommand}; with the numbers of tests, once they are known."""
        words = super().describe(done)
        if not done or self.step_status is None or not self.hasStatistic("tests-total"):
            return words
        counts = {kind: self.getStatistic(f"tests-{kind}") for kind in ("passed", "warnings", "failed")}
        total = self.getStatistic("tests-total") or counts["passed"] + counts["failed"]
        others = [f"{count} {kind}" for kind, count in counts.items() if count]
        return [*words, *([f"{total} tests"] if total else []), *others]


class PerlModuleTest(Test):
    """I run the tests of a Perl module with prove, and count them."""

    command = ["prove", "--lib", "lib", "-r", "t"]
    _harness: HarnessOutput | None = None

    def createSummary(self, log: LogFile) -> Any:
        """See L{Test}; count the tests, too."""
        super().createSummary(log)
        return self.inSlices(self._read(log))

    def _read(self, log: LogFile) -> Iterator[None]:
        self._harness = harness = HarnessOutput()
        for line in linesOrNone(log):
            if line is not None:
                harness.take(line)
            yield
        if harness.total:
            self.setTestResults(harness.total, harness.failed, harness.passed, self.warnCount)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{Test}; a failed test is a failure, whatever the exit status is."""
        if self._harness is not None and self._harness.failed:
            return FAILURE
        return super().evaluateCommand(cmd)
