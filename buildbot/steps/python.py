# -*- test-case-name: tests.test_steps_python -*-
"""Steps for Python projects: documentation by epydoc, and what pyflakes finds.

What belongs to Twisted's tools is in L{buildbot.steps.python_twisted}.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from itertools import chain, dropwhile
from typing import Any

from buildbot.interfaces import LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.process.logobserver import LONGEST_LINE
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.status.build import asWords
from buildbot.status.results import FAILURE, SUCCESS, WARNINGS
from buildbot.steps.shell import ShellCommand


class BuildEPYDoc(ShellCommand):
    """I have epydoc make the documentation of an API; whatever it complains of is a warning.

    @ivar warnings: how many things it warned of; C{errors}: how many it called errors; C{import_errors}: how
        many modules it could not import.
    """

    name = "epydoc"
    command = ["make", "epydocs"]
    description = ["building", "epydocs"]
    descriptionDone = ["epydoc"]
    warnings = 0
    errors = 0
    import_errors = 0

    def createSummary(self, log: Any) -> None:
        """Count what it complained of."""
        self.import_errors = self.warnings = self.errors = 0
        for line in lines(log):
            self.import_errors += line.startswith("Error importing ")
            self.warnings += "Warning: " in line
            self.errors += "Error: " in line
        counts = {"ierr": self.import_errors, "warn": self.warnings, "err": self.errors}
        found = [f"{word}={count}" for word, count in counts.items() if count]
        self.descriptionDone = [*asWords(self.describe(True)), *found]

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{buildbot.process.buildstep.LoggingBuildStep}."""
        if cmd.rc != 0:
            return FAILURE
        return WARNINGS if self.warnings or self.errors or self.import_errors else SUCCESS


class PyFlakes(ShellCommand):
    """I have pyflakes look for mistakes.

    There is a log for each kind of them, and a property C{pyflakes-KIND} with their number; all together are
    in C{pyflakes-total}. A line of the output that is no message counts as C{misc}, but not before the first
    with a colon: there stand the commands of make. On standard error, files that could not be read count.

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

    def createSummary(self, log: Any) -> None:
        """Sort the messages by their kind."""
        found: dict[str, list[str]] = {kind: [] for kind in self.MESSAGES}
        output = dropwhile(lambda line: ":" not in line, lines(log, (LOG_CHANNEL_STDOUT,)))
        unreadable = filter(_UNREADABLE.search, lines(log, (LOG_CHANNEL_STDERR,)))
        self._hasRun = False
        for line in filter(str.strip, chain(output, unreadable)):
            found[_kindOf(line)].append(line)
            self._hasRun = self._hasRun or _MESSAGE.match(line) is not None
        words = []
        for kind, messages in found.items():
            if messages:
                words.append(f"{kind}={len(messages)}")
                self.addCompleteLog(kind, "\n".join([*messages, ""]))
            self.setProperty(f"pyflakes-{kind}", len(messages))
        self.setProperty("pyflakes-total", sum(map(len, found.values())))
        self.descriptionDone = [*asWords(self.describe(True)), *words]

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """Its exit status is not 0 also when it found something, which may be no failure."""
        if cmd.rc is None or cmd.rc < 0 or (cmd.rc and not self._hasRun):
            return FAILURE
        if any(self.getProperty(f"pyflakes-{kind}") for kind in self.flunkingIssues):
            return FAILURE
        return WARNINGS if self.getProperty("pyflakes-total") else SUCCESS


#: Words of pyflakes, of its first release and of today's, and the kind of message they make.
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


def lines(log: Any, channels: Container[int] = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR)) -> Iterator[str]:
    """The lines of a log, without their ends, one after the other; longer ones come in pieces."""
    unfinished: dict[int, str] = {}
    for channel, text in log.getChunks(channels):
        *whole, rest = (unfinished.get(channel, "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            whole, rest = [*whole, rest], ""
        unfinished[channel] = rest
        yield from (line.rstrip("\r") for line in whole)
    yield from (rest for rest in unfinished.values() if rest)
