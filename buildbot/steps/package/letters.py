# -*- test-case-name: tests.unit.steps.test_package -*-
"""Sort the lines of lintian and rpmlint, which begin with a letter or have one after a name."""

from __future__ import annotations

from collections.abc import Iterator

from buildbot.logs.live import LogFile
from buildbot.process.basestep import BuildStep
from buildbot.process.loglines import linesOrNone
from buildbot.process.logobserver import KeptLines
from buildbot.steps.counting import WARNINGS_LIMIT


class Complaints:
    """I am the warnings and the errors of one run."""

    def __init__(self) -> None:
        self.warnings = KeptLines(WARNINGS_LIMIT)
        self.errors = KeptLines(WARNINGS_LIMIT)

    def read(self, log: LogFile) -> Iterator[None]:
        """Read a log, a piece at each step of the iterator."""
        for line in linesOrNone(log):
            if line is not None and "W: " in line:
                self.warnings.add(line)
            elif line is not None and "E: " in line:
                self.errors.add(line)
            yield

    def tell(self, step: BuildStep) -> None:
        """Add a log for each kind that there is, and the statistics."""
        for name, lines in (("warnings", self.warnings), ("errors", self.errors)):
            if lines.count:
                step.addCompleteLog(name, lines.text())
            step.setStatistic(name, lines.count)
