# -*- test-case-name: tests.unit.steps.test_python -*-
"""Steps for projects organized like Twisted: trial, lore, Debian packages.

L{buildbot.steps.python} has the steps for any Python project.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import FLAG, TEXT, orNone
from buildbot.interfaces import LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.live import LogFile
from buildbot.model.properties import Renderable
from buildbot.model.results import FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.process.kinds import ARGUMENTS, COMMAND, DIRECTORY, WORDS
from buildbot.process.loglines import linesOrNone
from buildbot.process.logobserver import LogLineObserver, OutputProgressObserver
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.process.slices import atOnce
from buildbot.steps.command import ShellCommand
from buildbot.steps.trialoutput import TestResult, isTest, problemsIn, verdict, warningsIn
from buildbot.steps.trialoutput import countFailedTests as countFailedTests  # where 0.7.5 had it
from buildbot.text.plural import counted

#: The default of arguments for which None has a meaning.
UNSPECIFIED = ()
#: The number of characters at the end of trial's output that are searched for the summary.
TAIL = 10_000


def _unlessLeftOut(kind: Kind) -> Kind:
    return replace(kind, fits=lambda value: value is UNSPECIFIED or kind.fits(value))


class HLint(ShellCommand):
    """I check the changed C{.xhtml} files with lore. Without any, I am skipped.

    @ivar warnings: the number of warnings.
    """

    name = "hlint"
    description = ["running", "hlint"]
    descriptionDone = ["hlint"]
    warnOnWarnings = True
    warnOnFailure = True
    warnings = 0

    @arguments(python=orNone(TEXT, "lore itself"))
    def __init__(self, python: str | None = None, **kwargs: Any) -> None:
        """@param python: the interpreter to run lore with; None: run lore directly."""
        super().__init__(**kwargs)
        _ownCommand(self, kwargs)
        self.python = python

    def start(self) -> Any:
        """See L{ShellCommand}."""
        names = {name for name in self.build.allFiles() if name.endswith(".xhtml")}
        files = sorted(name for name in names if not name.startswith("sandbox/"))
        if not files:
            return SKIPPED
        python = [self.python] if self.python else []
        self.setCommand([*python, "bin/lore", "-p", "--output", "lint", *files])
        atOnce(_keep(self, "files", files))
        return super().start()

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{ShellCommand}: lore writes its warnings and nothing else."""
        return self.inSlices(self._pick(cmd.logs["stdio"]))

    def _pick(self, log: LogFile) -> Iterator[None]:
        self.warnings = yield from _keep(self, "warnings", _those(log, lambda line: ":" in line))

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{ShellCommand}."""
        return _judge(cmd, self.warnings)

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The number of warnings, in words."""
        return ["hlint" if cmd.rc != 0 else counted(self.warnings, "hlint")]


class TrialTestCaseCounter(LogLineObserver):
    """I count the tests in trial's output and report them as the step's progress.

    @ivar numTests: the number of tests so far.
    @ivar finished: True after trial has begun to print problems.
    """

    numTests = 0
    finished = False

    def outLineReceived(self, line: str) -> None:
        """See L{LogLineObserver}."""
        if self.finished:
            return
        if line.startswith("=" * 40):
            self.finished = True
        elif isTest(line):
            self.numTests += 1
            self.step.setProgress("tests", self.numTests)


class Trial(ShellCommand):
    """I run trial.

    The log C{problems} gets trial's reports on tests that did not pass. The log C{warnings} gets the warnings
    of the tested code.

    @ivar results: SUCCESS or FAILURE, after the end of trial; C{text} and C{text2}: the same in words.
    """

    name = "trial"
    progressMetrics: Any = ("output", "tests", "test.log")
    logfiles = {"test.log": "_trial_temp/test.log"}
    flunkOnFailure = True
    python: Sequence[Any] | str | None = None
    trial: Sequence[Any] | str = "trial"
    trialMode: Sequence[str] = ["--reporter=bwverbose"]
    trialArgs: Sequence[str] = []
    testpath: Any = UNSPECIFIED
    testChanges = False
    recurse = False
    reactor: str | None = None
    randomly = False
    tests: Sequence[str] | str | None = None
    results = FAILURE

    @arguments(
        reactor=_unlessLeftOut(orNone(TEXT, "trial's own")),
        python=COMMAND,
        trial=COMMAND,
        testpath=_unlessLeftOut(DIRECTORY),
        tests=WORDS,
        testChanges=FLAG,
        recurse=FLAG,
        randomly=FLAG,
        trialMode=ARGUMENTS,
        trialArgs=ARGUMENTS,
    )
    def __init__(
        self,
        reactor: Any = UNSPECIFIED,
        python: Sequence[Any] | str | None = None,
        trial: Sequence[Any] | str | None = None,
        testpath: object = UNSPECIFIED,
        tests: Sequence[str] | str | None = None,
        testChanges: bool | None = None,
        recurse: bool | None = None,
        randomly: bool | None = None,
        trialMode: Sequence[Any] | None = None,
        trialArgs: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """@param reactor: the name of the reactor, as in C{"gtk"}; None: trial's default.
        @param python: the interpreter and its arguments; None: run trial directly.
        @param trial: the program, or a list of it and its first arguments.
        @param testpath: the entry for the front of PYTHONPATH; None: no entry. It must be given here or in a
            subclass.
        @param tests: one or several names of tests.
        @param testChanges: run the tests of the build's changed files, instead of C{tests}.
        @param recurse: pass C{--recurse}, for versions of trial that do not look into packages by default.
        @param randomly: run the tests in random order.
        @param trialMode: the arguments that choose trial's report; C{trialArgs}: its other arguments.
        @raise ValueError: an argument is missing, or a word contains spaces.
        """
        super().__init__(**kwargs)
        _ownCommand(self, kwargs)
        given = {
            "python": python or None,
            "trial": trial or None,
            "tests": tests,
            "testChanges": testChanges,
            "recurse": recurse,
            "randomly": randomly,
            "trialMode": trialMode,
            "trialArgs": trialArgs,
        }
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)
        if reactor is not UNSPECIFIED:
            self.reactor = reactor
        if testpath is not UNSPECIFIED:
            self.testpath = testpath
        self._check()
        self.text: list[str] = []
        self.text2: list[str] = []
        self.setCommand(self._trialCommand())
        if not kwargs.get("description"):
            self.description = ["testing", *([f"({self.reactor})"] if self.reactor else [])]
        if not kwargs.get("descriptionDone"):
            self.descriptionDone = ["tests"]

    def _check(self) -> None:
        self.python, self.tests = _several(self.python), _several(self.tests)
        if any(" " in each for each in self.python or () if isinstance(each, str)):
            complain(
                self,
                f": python must be a list of words, as in ['python', '-Wall'], not {self.python!r}",
                "python",
            )
        if isinstance(self.trial, str) and " " in self.trial:
            complain(self, f": trial must be one word without spaces, not {self.trial!r}", "trial")
        if self.testpath is UNSPECIFIED:
            complain(
                self, ": give the directory of the tested code: testpath='.', or testpath=None", "testpath"
            )
        if self.tests is None and not self.testChanges:
            complain(self, ": say what to test: tests=['name'], or testChanges=True", "tests")

    def _trialCommand(self) -> list[Any]:
        return [
            *(self.python or ()),
            self.trial,
            *self.trialMode,
            *(["--recurse"] if self.recurse else []),
            *([f"--reactor={self.reactor}"] if self.reactor else []),
            *(["--random=0"] if self.randomly else []),
            *self.trialArgs,
        ]

    def setupEnvironment(self, cmd: LoggedRemoteCommand) -> None:
        """See L{ShellCommand}; adds C{testpath} to PYTHONPATH."""
        super().setupEnvironment(cmd)
        if self.testpath is not None:
            env = cmd.args["env"] = dict(cmd.args["env"] or {})
            before = env.get("PYTHONPATH")
            if isinstance(before, str):
                before = [before] if before else []
            env["PYTHONPATH"] = ":".join([self.build.render(self.testpath), *(before or ())])

    def start(self) -> Any:
        """See L{ShellCommand}."""
        if self.testChanges:
            changed = [name for name in self.build.allFiles() if name.endswith(".py")]
            what = [f"--testmodule={name}" for name in changed]
        else:
            what = list(self.tests or ())
        command: Any = self.command
        self.setCommand([*command, *what])
        self.addLogObserver("stdio", TrialTestCaseCounter())
        self.addLogObserver("test.log", OutputProgressObserver("test.log"))
        return super().start()

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """Judge the step by the summary at the end of trial's output. Without a summary, it fails."""
        return self.inSlices(self._judge(cmd))

    def _judge(self, cmd: LoggedRemoteCommand) -> Iterator[None]:
        last = yield from _tail(cmd.logs["stdio"])
        counts = countFailedTests(last)
        self.results, self.text, summary = verdict(cmd.rc, counts)
        if self.reactor:
            self.text.append(self.rtext("(%s)"))
            summary = f"{summary} {self.rtext('(%s)')}" if summary else ""
        self.text2 = [summary] if summary else []

    def rtext(self, fmt: str = "%s") -> str:
        """The short name of the reactor, put into C{fmt}; empty for trial's default."""
        return (fmt % self.reactor).replace("reactor", "") if self.reactor else ""

    def addTestResult(self, testname: tuple[str, ...], results: int, text: list[str], tlog: str) -> None:
        """Add the result of a test that did not simply pass to the build.

        @param testname: the parts of its full name.
        @param results: see L{TestResult}.
        @param text: the result in words; C{tlog}: trial's report on the test.
        """
        name = (self.reactor, *testname) if self.reactor else testname
        self.build.build_status.addTestResult(TestResult(name, results, text, {"log": tlog}))

    def createSummary(self, loog: LogFile) -> Any:
        """Copy the problems and the warnings of the output into logs of their own."""
        return self.inSlices(self._pick(loog))

    def _pick(self, loog: LogFile) -> Iterator[None]:
        output = linesOrNone(loog)
        warnings, separator = yield from warningsIn(output)
        if separator is not None and separator.startswith("="):
            problems = self.addLog("problems")
            for each in problemsIn(_copied(separator, output, problems)):
                if each is not None:
                    self.addTestResult(each.name, each.results, each.getText(), each.logs["log"])
                yield
            problems.finish()
        yield from _keep(self, "warnings", warnings)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{ShellCommand}."""
        return self.results

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The number of tests and their results, in words."""
        return self.text

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The number of problems, in words."""
        return self.text2


class ProcessDocs(ShellCommand):
    """I build a project's documents. Output lines that begin with C{WARNING: } are warnings.

    @ivar warnings: the number of lines in the log C{warnings}.
    """

    name = "process-docs"
    warnOnWarnings = True
    command = ["admin/process-docs"]
    description = ["processing", "docs"]
    descriptionDone = ["docs"]
    warnings = 0

    def createSummary(self, log: LogFile) -> Any:
        """Copy the warnings of the output into a log of their own."""
        return self.inSlices(self._pick(log))

    def _pick(self, log: LogFile) -> Iterator[None]:
        self.warnings = yield from _keep(self, "warnings", _docWarnings(linesOrNone(log)))

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{ShellCommand}."""
        return _judge(cmd, self.warnings)

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The result in words."""
        how = {SUCCESS: "successful", WARNINGS: counted(self.warnings, "warning")}
        return ["docs", how.get(results, "failed")]

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The number of warnings, in words."""
        return [counted(self.warnings, "doc") if results == WARNINGS else "docs"]


def _docWarnings(output: Iterable[str | None]) -> Iterator[str | None]:
    """Yield the lines of warnings, and None for each other line. A warning may continue on the next line."""
    goesOn = False
    for line in output:
        if line is None:
            yield None
            continue
        begins = line.startswith("WARNING: ")
        yield line if begins or goesOn else None
        goesOn = begins


class BuildDebs(ShellCommand):
    """I build Debian packages and count lintian's messages.

    @ivar errors: the number of lintian's errors; C{warnings}: of its warnings.
    """

    name = "debuild"
    flunkOnFailure = True
    command = ["debuild", "-uc", "-us"]
    description = ["building", "debs"]
    descriptionDone = ["debs"]
    errors = 0
    warnings = 0

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """Copy lintian's messages into the log C{problems} and count them."""
        self.errors = self.warnings = 0
        said = _those(cmd.logs["stdio"], lambda line: line.startswith(("E: ", "W: ")))
        return self.inSlices(_keep(self, "problems", map(self._count, said)))

    def _count(self, line: str | None) -> str | None:
        if line is not None:
            self.errors += line.startswith("E")
            self.warnings += line.startswith("W")
        return line

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{ShellCommand}."""
        return FAILURE if self.errors else _judge(cmd, self.warnings)

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The result in words."""
        words = ["debuild"]
        if cmd.rc != 0:
            words.append("failed")
        if self.errors or self.warnings:
            words.append("lintian:")
        for count, word in ((self.errors, "error"), (self.warnings, "warning")):
            if count:
                words.append(counted(count, word))
        return words

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The number of problems, in words."""
        if cmd.rc != 0:
            return ["debuild"]
        return [f"{self.errors + self.warnings} lintian"] if self.errors or self.warnings else []


class RemovePYCs(ShellCommand):
    """I delete compiled Python files, which could hide the removal of a module."""

    name = "remove-.pyc"
    command = 'find . -name "*.pyc" | xargs rm -f'
    description = ["removing", ".pyc", "files"]
    descriptionDone = ["remove", ".pycs"]


# ---- helpers


def _ownCommand(step: ShellCommand, kwargs: Mapping[str, Any]) -> None:
    """Report an error if a command is given: this step would ignore it."""
    if kwargs.get("command"):
        complain(step, "makes its own command: leave out command", "command", kwargs["command"])


def _those(log: LogFile, wanted: Callable[[str], bool]) -> Iterator[str | None]:
    """Yield the lines of a log for which C{wanted} is True, and None for each other line."""
    return (line if line is not None and wanted(line) else None for line in linesOrNone(log))


def _copied(first: str, others: Iterable[str | None], log: LogFile) -> Iterator[str | None]:
    """Yield the lines after the first, and copy all lines into a log."""
    log.addStdout(f"{first}\n")
    for line in others:
        if line is not None:
            log.addStdout(f"{line}\n")
        yield line


def _keep(step: ShellCommand, name: str, found: Iterable[str | None]) -> Generator[None, None, int]:
    """Write the lines, if any, into a new log of this name; returns their number. For L{inSlices}."""
    log, count = None, 0
    for line in found:
        yield
        if line is None:
            continue
        count += 1
        log = log or step.addLog(name)
        log.addStdout(f"{line}\n")
    if log is not None:
        log.finish()
    return count


def _tail(log: LogFile) -> Generator[None, None, str]:
    """The last L{TAIL} characters of the command's output, without headers. For L{inSlices}."""
    kept = ""
    for channel, text in log.getChunks():
        if channel in (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR):
            kept = (kept + text)[-TAIL:]
        yield
    return kept.replace("\r\n", "\n")


def _judge(cmd: LoggedRemoteCommand, warnings: int) -> int:
    if cmd.rc != 0:
        return FAILURE
    return WARNINGS if warnings else SUCCESS


def _several(words: Sequence[str] | str | None) -> list[str] | None:
    one = isinstance(words, (str, Renderable))
    return [words] if one else None if words is None else list(words)  # type: ignore[list-item]
