# -*- test-case-name: tests.unit.steps.test_steps -*-
"""The step for MaxQ, which tests web sites by replaying recorded sessions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.logs.live import LogFile
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.kinds import PATH
from buildbot.process.loglines import linesOrNone
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.command import ShellCommand


class MaxQ(ShellCommand):
    """I run the tests of a directory with C{run_maxq.py}.

    @ivar failures: the number of failed tests.
    """

    flunkOnFailure = True
    name = "maxq"
    failures = 0

    @arguments(testdir=PATH)
    def __init__(self, testdir: str = REQUIRED, **kwargs: Any) -> None:
        """@param testdir: the directory of the tests, relative to the build's; must be given."""
        ShellCommand.__init__(self, **{"command": ["run_maxq.py", testdir], **kwargs})

    def createSummary(self, log: LogFile) -> Any:
        """Count the tests that failed."""
        return self.inSlices(self._count(log))

    def _count(self, log: LogFile) -> Iterator[None]:
        self.failures = 0
        for line in linesOrNone(log):
            self.failures += line is not None and line.startswith("TEST FAILURE:")
            yield

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """FAILURE if a test failed, also if the exit status is 0."""
        return FAILURE if self.failures or cmd.rc != 0 else SUCCESS

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The number of failed tests, or that the run failed."""
        if self.failures:
            return [str(self.failures), "maxq", "failures"]
        return ["maxq", "tests"] if results == SUCCESS else ["maxq", "failed"]
