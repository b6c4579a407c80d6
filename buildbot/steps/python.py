# -*- test-case-name: tests.unit.steps.test_python -*-
"""Steps for Python projects: epydoc, pyflakes, pylint and Sphinx.

L{buildbot.steps.python_twisted} has the steps for Twisted's tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from buildbot.config.arguments import REQUIRED, Kind, arguments
from buildbot.config.kinds import TEXT, oneOf, orNone
from buildbot.interfaces import LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.live import LogFile
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.kinds import ARGUMENTS, DIRECTORY, PROGRAM_AND_WORDS, isFilledIn
from buildbot.process.loglines import lines as lines
from buildbot.process.loglines import linesOrNone
from buildbot.process.logobserver import KeptLines
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.status.step import asWords
from buildbot.steps.command import ShellCommand
from buildbot.steps.composed import ComposedCommand
from buildbot.steps.counting import WARNINGS_LIMIT
from buildbot.text.plural import counted


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


class PyLint(ShellCommand):
    """I run pylint and count its messages. The command must be given.

    Each kind of message has a log and a property C{pylint-KIND} with the number, such as C{pylint-error};
    C{pylint-total} is the sum.

    @ivar flunkingIssues: the letters of the kinds that are a failure; others are warnings.
    """

    name = "pylint"
    description = ["running", "pylint"]
    descriptionDone = ["pylint"]
    flunkingIssues: Sequence[str] = ["F", "E"]

    #: The bits of pylint's exit status.
    RC_OK, RC_FATAL, RC_ERROR, RC_WARNING, RC_REFACTOR, RC_CONVENTION, RC_USAGE = 0, 1, 2, 4, 8, 16, 32
    MESSAGES = {
        **{"C": "convention", "E": "error", "F": "fatal"},
        **{"I": "info", "R": "refactor", "W": "warning"},
    }

    def createSummary(self, log: LogFile) -> Any:
        """Sort the messages by their kind."""
        return self.inSlices(self._sort(log))

    def _sort(self, log: LogFile) -> Iterator[None]:
        found = {letter: KeptLines(WARNINGS_LIMIT) for letter in self.MESSAGES}
        for line in linesOrNone(log):
            message = _PYLINT.match(line) if line is not None else None
            if line is not None and message:
                found[message["kind"] or message["kind2"]].add(line)
            yield
        words = []
        for letter, messages in found.items():
            kind = self.MESSAGES[letter]
            if messages.count:
                words.append(f"{kind}={messages.count}")
                self.addCompleteLog(kind, messages.text())
            self.setProperty(f"pylint-{kind}", messages.count)
        self.setProperty("pylint-total", sum(messages.count for messages in found.values()))
        self.descriptionDone = [*asWords(self.describe(True)), *words]

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """Judge by the messages, and by the bits of the exit status that mean an error of pylint."""
        if cmd.rc is None or cmd.rc < 0 or cmd.rc & (self.RC_FATAL | self.RC_ERROR | self.RC_USAGE):
            return FAILURE
        if any(self.getProperty(f"pylint-{self.MESSAGES[letter]}") for letter in self.flunkingIssues):
            return FAILURE
        return WARNINGS if self.getProperty("pylint-total") else SUCCESS


#: A message of pylint: C{W: 11: text} and C{W0311: 11,0: text} of old versions, C{a.py:9: [W0311, f] text} of
#: its parseable form, and C{a.py:1:0: C0111: text} of new versions.
_PYLINT = re.compile(
    r"(?P<kind>[CEFIRW])(?:\d{4})?: *\d+(?:, *\d+)?:"
    r"|[^:]+(?::\d+){1,2}: (?=[\[CEFIRW])\[?(?P<kind2>[CEFIRW])\d*(?:\([\w-]+\))?[\],:]"
)

_DEFINES = Kind(
    "a dict of names, each with a text, a number, True, False or None for its value",
    lambda value: (
        isinstance(value, Mapping)
        and all(map(isFilledIn, value))
        and all(each is None or isinstance(each, int) or isFilledIn(each) for each in value.values())
    ),
)


class Sphinx(ComposedCommand):
    """I make documents with Sphinx. Its warnings and errors make the result WARNINGS.

    @ivar warnings: the number of both.
    """

    name = "sphinx"
    haltOnFailure = True
    description = ["building"]
    descriptionDone = ["sphinx"]
    warnings = 0

    @arguments(
        sphinx_sourcedir=DIRECTORY,
        sphinx_builddir=replace(DIRECTORY, fits=lambda value: bool(value) and DIRECTORY.fits(value)),
        sphinx_builder=orNone(TEXT),
        sphinx=PROGRAM_AND_WORDS,
        tags=ARGUMENTS,
        defines=_DEFINES,
        mode=oneOf("incremental", "full"),
    )
    def __init__(
        self,
        sphinx_sourcedir: object = ".",
        sphinx_builddir: object = REQUIRED,
        sphinx_builder: str | None = None,
        sphinx: str | Sequence[Any] = "sphinx-build",
        tags: Sequence[Any] = (),
        defines: Mapping[str, Any] | None = None,
        mode: str = "incremental",
        **kwargs: Any,
    ) -> None:
        """@param sphinx_sourcedir: the directory of the texts; C{sphinx_builddir}: that of the result.
        @param sphinx_builder: the kind of the result; None: HTML.
        @param sphinx: the program, or a list of it and its first arguments.
        @param tags: the tags that are set.
        @param defines: values that replace those of C{conf.py}; None for a name without a value.
        @param mode: C{"full"} makes all files again.
        """
        super().__init__(**kwargs)
        self.sphinx_sourcedir = sphinx_sourcedir
        self.sphinx_builddir = sphinx_builddir
        self.sphinx_builder = sphinx_builder
        self.sphinx = sphinx
        self.tags = list(tags or ())
        self.defines = dict(defines or {})
        self.mode = mode

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        command: list[Any] = [self.sphinx]
        if self.sphinx_builder:
            command += ["-b", self.sphinx_builder]
        for tag in self.tags:
            command += ["-t", tag]
        for name, value in sorted(self.build.render(self.defines).items()):
            shown = int(value) if isinstance(value, bool) else value
            command += ["-D", name if value is None else f"{name}={shown}"]
        return [
            *command,
            *(["-E"] if self.mode == "full" else []),
            self.sphinx_sourcedir,
            self.sphinx_builddir,
        ]

    def createSummary(self, log: LogFile) -> Any:
        """Count the warnings and errors in the output."""
        return self.inSlices(self._count(log))

    def _count(self, log: LogFile) -> Iterator[None]:
        found = KeptLines(WARNINGS_LIMIT)
        for line in linesOrNone(log):
            if line is not None and _SPHINX.search(line):
                found.add(line)
            yield
        self.warnings = found.count
        if found.count:
            self.addCompleteLog("warnings", found.text())
        self.setStatistic("warnings", found.count)

    def describe(self, done: bool = False) -> list[str]:
        """See L{ShellCommand}; with the number of warnings at the end."""
        words = super().describe(done)
        return [*words, counted(self.warnings, "warning")] if done else words

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{buildbot.process.loggingstep.LoggingBuildStep}."""
        if cmd.rc != 0:
            return FAILURE
        return WARNINGS if self.warnings else SUCCESS


_SPHINX = re.compile(r"(?:WARNING|ERROR|SEVERE): ")
