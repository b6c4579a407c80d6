# -*- test-case-name: tests.unit.steps.test_steps -*-
"""The step that counts the warnings in the output of its command."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.config.arguments import arguments
from buildbot.config.kinds import PATTERN, SIZE, orNone
from buildbot.logs.live import LogFile
from buildbot.model.properties import WithProperties as WithProperties  # where 0.7.5 had it
from buildbot.model.results import FAILURE, WARNINGS, worst
from buildbot.process.kinds import PATH
from buildbot.process.logobserver import KeptLines
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.command import Command, ShellCommand, Words, runsCommand
from buildbot.steps.compilerwarnings import (
    EXTRACTOR,
    LONGEST_FILE,
    SUPPRESSIONS,
    Extracted,
    Suppression,
    WarningCounter,
    readSuppressions,
    suppressions,
)
from buildbot.steps.filetransfer import readFile
from buildbot.steps.outputs import LONGEST_PROPERTY as LONGEST_PROPERTY

#: The most bytes of memory for warnings until they are in their log.
WARNINGS_LIMIT = 4 << 20


class WarningCountingShellCommand(ShellCommand):
    """I count the lines of my output that are warnings.

    The lines go into the log C{warnings}. Their number is added to the property C{warnings-count}.

    @ivar warningPattern: a regular expression that matches a warning from the start of its line; None: no
        line is a warning.
    @ivar warningExtractor: a function of the step, the line and the match, which returns the file, the line
        number and the text of a warning, for the suppressions.
    @ivar directoryEnterPattern: matches a line that tells the directory of the following warnings;
        C{directoryLeavePattern}: one that tells its end.
    @ivar suppressionFile: a file of the slave with suppressions: see L{readSuppressions}.
    @ivar maxWarnCount: more warnings are a failure; None: no number is.
    @ivar warnCount: the number of warnings, after the end of the command.
    """

    warningPattern: str | re.Pattern[str] | None = r".*warning[: ].*"
    warningExtractor: Callable[..., Extracted] | None = None
    directoryEnterPattern: str | re.Pattern[str] | None = (
        "make.*: Entering directory [\u2018\u2019\"`'](.*)[\u2019'`\"]"
    )
    directoryLeavePattern: str | re.Pattern[str] | None = "make.*: Leaving directory"
    suppressionFile: Any = None
    maxWarnCount: int | None = None
    warnCount = 0
    _counter: WarningCounter | None = None
    _suppressions: Sequence[Suppression] = ()
    _notes: Sequence[str] = ()

    @arguments(
        warningPattern=orNone(PATTERN, "that of the class"),
        warningExtractor=orNone(EXTRACTOR, "the whole line"),
        directoryEnterPattern=orNone(PATTERN, "that of the class"),
        directoryLeavePattern=orNone(PATTERN, "that of the class"),
        suppressionFile=orNone(PATH, "none"),
        suppressionList=SUPPRESSIONS,
        maxWarnCount=orNone(SIZE, "no limit"),
    )
    def __init__(
        self,
        workdir: str | WithProperties | None = None,
        description: Words | None = None,
        descriptionDone: Words | None = None,
        command: Command | None = None,
        *,
        warningPattern: str | re.Pattern[str] | None = None,
        warningExtractor: Callable[..., Extracted] | None = None,
        directoryEnterPattern: str | re.Pattern[str] | None = None,
        directoryLeavePattern: str | re.Pattern[str] | None = None,
        suppressionFile: object = None,
        suppressionList: Sequence[Sequence[Any]] | None = None,
        maxWarnCount: int | None = None,
        **kwargs: Any,
    ) -> None:
        """@param suppressionList: (file pattern, text pattern, first line, last line); None fits everything.
        @raise TypeError: a pattern is not valid.
        """
        super().__init__(workdir, description, descriptionDone, command, **kwargs)
        if warningPattern:
            self.warningPattern = re.compile(warningPattern)
        if warningExtractor is not None:
            self.warningExtractor = warningExtractor
        self.directoryEnterPattern = directoryEnterPattern or self.directoryEnterPattern
        self.directoryLeavePattern = directoryLeavePattern or self.directoryLeavePattern
        self.suppressionFile = suppressionFile or self.suppressionFile
        if maxWarnCount is not None:
            self.maxWarnCount = maxWarnCount
        self.addSuppression(suppressionList or ())

    def addSuppression(self, suppressionList: Sequence[Sequence[Any]]) -> None:
        """Suppress more warnings: (file pattern, text pattern, first line, last line)."""
        self._suppressions = [*self._suppressions, *suppressions(suppressionList)]

    def warnExtractWholeLine(self, line: str, match: re.Match[str]) -> Extracted:
        """A C{warningExtractor}: the whole line is the text, and the file is not known."""
        return None, None, line

    def warnExtractFromRegexpGroups(self, line: str, match: re.Match[str]) -> Extracted:
        """A C{warningExtractor}: the first three groups of the pattern are file, line number and text."""
        groups = (*match.groups(), None, None, None)
        return groups[0], groups[1], line if groups[2] is None else groups[2]

    @runsCommand
    def start(self) -> Any:
        """See L{ShellCommand}. Gets the suppression file first."""
        if self.suppressionFile is None:
            return self._startCounting()
        ensureDeferred(self._startSuppressing()).addErrback(self.failed)
        return None

    def _startCounting(self) -> Any:
        if self.warningPattern:
            extract: Any = self.warningExtractor or self.warnExtractWholeLine
            isMine = getattr(extract, "__self__", None) is self
            patterns = (self.directoryEnterPattern, self.directoryLeavePattern)
            self._counter = WarningCounter(
                re.compile(self.warningPattern),
                KeptLines(WARNINGS_LIMIT),
                extract if isMine else partial(extract, self),
                self._suppressions,
                *(re.compile(each) if each else None for each in patterns),
            )
            self.addLogObserver("stdio", self._counter)
        return super().start()

    async def _startSuppressing(self) -> None:
        """Get the suppression file from the slave, and then start the command."""
        self.checkSlaveHasCommand("uploadFile")
        name = self.build.render(self.suppressionFile)
        workdir = self.build.workdir if self.workdir is None else self.build.render(self.workdir)
        text, complaints = await readFile(self, name, workdir, LONGEST_FILE)
        found, wrong = readSuppressions(text)
        self.addSuppression(found)
        self._notes = [
            f"suppression file {name}: {each}\n" for each in (*complaints.splitlines(), *wrong[:100])
        ]
        self._startCounting()

    def checkForOldSlaveAndLogfiles(self) -> list[str]:
        """See L{ShellCommand}; with notes on the suppression file."""
        return [*(super().checkForOldSlaveAndLogfiles() or ()), *self._notes]

    def createSummary(self, log: LogFile) -> None:
        """Add the log and property of the warnings. A subclass that overrides this must call it."""
        if self._counter is None:
            return
        self.warnCount = self._counter.found.count
        if self._counter.gaveUp:
            self.addCompleteLog(
                "suppressions", "the suppressions took too long: later warnings are all counted\n"
            )
        if self.warnCount:
            self.addCompleteLog("warnings", self._counter.found.text())
        before = self.getProperty("warnings-count", 0)
        self.setProperty("warnings-count", before + self.warnCount)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}; warnings are WARNINGS, or worse."""
        results = super().evaluateCommand(cmd)
        if self.maxWarnCount is not None and self.warnCount > self.maxWarnCount:
            return worst(results, FAILURE)
        return worst(results, WARNINGS) if self.warnCount else results
