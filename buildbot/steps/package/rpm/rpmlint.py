# -*- test-case-name: tests.unit.steps.test_package -*-
"""The step that checks packages and specifications of RPM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buildbot.config.arguments import arguments
from buildbot.config.kinds import orNone
from buildbot.logs.live import LogFile
from buildbot.process.kinds import PATH
from buildbot.steps.composed import refuseCommand
from buildbot.steps.package.letters import Complaints
from buildbot.steps.stages import Test


class RpmLint(Test):
    """I check packages and specifications with rpmlint. Its exit status is my result."""

    name = "rpmlint"
    description = ["Checking for RPM/SPEC issues"]
    descriptionDone = ["Finished checking RPM/SPEC issues"]

    @arguments(fileloc=orNone(PATH, "the working directory"), config=orNone(PATH))
    def __init__(self, fileloc: object = None, config: object = None, **kwargs: Any) -> None:
        """@param fileloc: the file or the directory to check.
        @param config: the file with rpmlint's settings.
        """
        refuseCommand(self, kwargs)
        options = ["-f", config] if config else []
        super().__init__(command=["rpmlint", "-i", *options, fileloc or "."], **kwargs)

    def createSummary(self, log: LogFile) -> Any:
        """Sort the lines of rpmlint."""
        return self.inSlices(self._sort(log))

    def _sort(self, log: LogFile) -> Iterator[None]:
        found = Complaints()
        yield from found.read(log)
        found.tell(self)
