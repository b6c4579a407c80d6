# -*- test-case-name: tests.unit.steps.test_python -*-
"""Steps for Python projects: epydoc and pyflakes.

L{buildbot.steps.python_twisted} has the steps for Twisted's tools.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Protocol

from buildbot.interfaces import LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.live import LogFile
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.logobserver import LONGEST_LINE, KeptLines
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.status.step import asWords
from buildbot.steps.shell import WARNINGS_LIMIT, ShellCommand


class BuildEPYDoc(ShellCommand):
    """I run epydoc to make the documentation of an API. Its warnings and errors make the result WARNINGS.

    @ivar warnings: the number of its warnings; C{errors}: of its errors; C{import_errors}: of modules that
        it could not import.
    """

    name = "epydoc"
    command = ["make", "epydocs"]
    description = ["building", "epydocs"]
    descriptionDone = ["epydoc"]
    warnings = 0
    errors = 0
    import_errors = 0

    def createSummary(self, log: LogFile) -> Any:
        """Count the warnings and errors in the output."""
        return self.inSlices(self._count(log))

    def _count(self, log: LogFile) -> Iterator[None]:
        self.import_errors = self.warnings = self.errors = 0
        for line in linesOrNone(log):
            if line is not None:
                self.import_errors += line.startswith("Error importing ")
                self.warnings += "Warning: " in line
                self.errors += "Error: " in line
            yield
        counts = {"ierr": self.import_errors, "warn": self.warnings, "err": self.errors}
        found = [f"{word}={count}" for word, count in counts.items() if count]
        self.descriptionDone = [*asWords(self.describe(True)), *found]

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{buildbot.process.loggingstep.LoggingBuildStep}."""
        if cmd.rc != 0:
            return FAILURE
        return WARNINGS if self.warnings or self.errors or self.import_errors else SUCCESS


class PyFlakes(ShellCommand):
    """I run pyflakes and count its messages.

    Each kind of message has a log and a property C{pyflakes-KIND} with the number; C{pyflakes-total} is the
    sum. Other lines count as C{misc}, except those before the first line with a colon: these are commands of
    make. Messages on standard error about unreadable files count too.

    @ivar flunkingIssues: the kinds that are a failure; others are warnings.
    """

    name = "pyflakes"
    command = ["make", "pyflakes"]
    description = ["running", "pyflakes"]
    descriptionDone = ["pyflakes"]
    flunkOnFailure = False
    flunkingIssues: Sequence[str] = ["undefined"]
    _hasRun = False

    MESSAGES = ("unused", "undefined", "redefs", "import*", "misc")

    def createSummary(self, log: LogFile) -> Any:
        """Sort the messages by their kind."""
        return self.inSlices(self._sort(log))

    def _sort(self, log: LogFile) -> Iterator[None]:
        found = {kind: KeptLines(WARNINGS_LIMIT) for kind in self.MESSAGES}
        self._hasRun = False
        for line in _messages(log):
            if line is not None:
                found[_kindOf(line)].add(line)
                self._hasRun = self._hasRun or _MESSAGE.match(line) is not None
            yield
        words = []
        for kind, messages in found.items():
            if messages.count:
                words.append(f"{kind}={messages.count}")
                self.addCompleteLog(kind, messages.text())
            self.setProperty(f"pyflakes-{kind}", messages.count)
        self.setProperty("pyflakes-total", sum(messages.count for messages in found.values()))
        self.descriptionDone = [*asWords(self.describe(True)), *words]

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """Judge by the messages: pyflakes exits with a status other than 0 for any message."""
        if cmd.rc is None or cmd.rc < 0 or (cmd.rc and not self._hasRun):
            return FAILURE
        if any(self.getProperty(f"pyflakes-{kind}") for kind in self.flunkingIssues):
            return FAILURE
        return WARNINGS if self.getProperty("pyflakes-total") else SUCCESS


#: Words in messages of old and new pyflakes -> the kind of message.
_KINDS = (
    (re.compile(r"unable to detect undefined names|may be undefined, or"), "import*"),
    (re.compile(r"imported but unused|is assigned to but never used"), "unused"),
    (re.compile(r"undefined name "), "undefined"),
    (re.compile(r"redefinition of |import of .* shadowed by "), "redefs"),
)
_MESSAGE = re.compile(r"[^\s:][^:]*:\d+(?::\d+)?:?(?: |$)")
_UNREADABLE = re.compile(r"could not compile |: invalid syntax|: problem decoding source")


def _kindOf(line: str) -> str:
    """The kind of message of a line."""
    return next((kind for words, kind in _KINDS if words.search(line)), "misc")


def _messages(log: LogFile) -> Iterator[str | None]:
    """Yield the lines with messages; sometimes None, as in L{linesOrNone}."""
    begun = False
    for line in linesOrNone(log, (LOG_CHANNEL_STDOUT,)):
        begun = begun or (line is not None and ":" in line)
        yield line if begun and line is not None and line.strip() else None
    for line in linesOrNone(log, (LOG_CHANNEL_STDERR,)):
        yield line if line is not None and _UNREADABLE.search(line) else None


class _Chunked(Protocol):
    """The part of a log that L{lines} reads."""

    def getChunks(self) -> Iterable[tuple[int, str]]:
        """The channel and the text of each piece."""


def lines(
    log: _Chunked, channels: Container[int] = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR)
) -> Iterator[str]:
    """Yield the lines of a log without line ends. A very long line comes in pieces."""
    return (line for line in linesOrNone(log, channels) if line is not None)


def linesOrNone(
    log: _Chunked, channels: Container[int] = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR)
) -> Iterator[str | None]:
    """Yield the L{lines} of a log, and sometimes None, so that the reader of a long log can pause."""
    unfinished: dict[int, str] = {}
    for channel, text in log.getChunks():
        yield None
        if channel not in channels:
            continue
        *whole, rest = (unfinished.get(channel, "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            whole, rest = [*whole, rest], ""
        unfinished[channel] = rest
        yield from (line.rstrip("\r") for line in whole)
    yield from (rest for rest in unfinished.values() if rest)
