# -*- test-case-name: tests.unit.steps.test_package -*-
"""The step that checks a package of Debian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.logs.live import LogFile
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.kinds import ARGUMENTS, PATH
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.composed import ComposedCommand
from buildbot.steps.package.letters import Complaints


class DebLintian(ComposedCommand):
    """I check a package with lintian.

    @ivar suppressTags: the tags that lintian does not report.
    """

    name = "lintian"
    description = ["Lintian running"]
    descriptionDone = ["Lintian"]
    flunkOnFailure = False
    warnOnFailure = True
    suppressTags: Sequence[Any] = ()
    _found: Complaints | None = None

    @arguments(fileloc=PATH, suppressTags=ARGUMENTS)
    def __init__(
        self, fileloc: object = REQUIRED, suppressTags: Sequence[Any] | None = None, **kwargs: Any
    ) -> None:
        """@param fileloc: the package, or its C{.changes} file."""
        super().__init__(**kwargs)
        self.fileloc = fileloc
        if suppressTags:
            self.suppressTags = suppressTags

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        command = ["lintian", "-v", self.fileloc]
        for tag in self.suppressTags:
            command += ["--suppress-tags", tag]
        return command

    def createSummary(self, log: LogFile) -> Any:
        """Sort the lines of lintian."""
        return self.inSlices(self._sort(log))

    def _sort(self, log: LogFile) -> Iterator[None]:
        self._found = Complaints()
        yield from self._found.read(log)
        self._found.tell(self)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """An error of the package is a failure, also if the exit status is 0; warnings are WARNINGS."""
        found = self._found
        if cmd.rc != 0 or (found is not None and found.errors.count):
            return FAILURE
        return WARNINGS if found is not None and found.warnings.count else SUCCESS
