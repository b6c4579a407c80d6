# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Steps that run one command on the slave and judge it by exit status and output.

L{buildbot.process.remotecommand} sends the command. Steps for a certain program have modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import FLAG, PATTERN, SECONDS, SIGNAL, SIZE, oneOf, orNone
from buildbot.logs.live import LogFile
from buildbot.model.properties import Renderable
from buildbot.model.properties import WithProperties as WithProperties  # where 0.7.5 had it
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS, worst
from buildbot.process.basestep import BuildStep, wordList
from buildbot.process.commandline import words
from buildbot.process.kinds import COMMAND, DIRECTORY, ENVIRONMENT, INPUT, PATH, PROPERTY, RESULTS_OF, WORDS
from buildbot.process.loggingstep import LoggingBuildStep
from buildbot.process.loglines import linesOrNone
from buildbot.process.logobserver import KeptLines
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand
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
from buildbot.steps.olderslaves import SINCE, fitting
from buildbot.steps.outputs import LONGEST_PROPERTY as LONGEST_PROPERTY
from buildbot.steps.outputs import Extract, OutputTooLong, extracted, outputOf, valueOf
from buildbot.steps.perloutput import HarnessOutput

#: A shell's command line, or a program and its arguments.
Command = str | WithProperties | Sequence[Any]
#: One word, or a list of words for a narrow display.
Words = str | Sequence[str]

#: The first version of the slave's shell command that watches log files, that supports C{follow} for them,
#: and that hides obfuscated arguments in its output.
WATCHES_FILES = "2.1"
FOLLOWS_FILES = "2.9"
HIDES_ARGUMENTS = "2.16"
#: The most bytes of memory for warnings until they are in their log.
WARNINGS_LIMIT = 4 << 20


class ShellCommand(LoggingBuildStep):
    """I run one command on the slave. I fail if its exit status is not 0.

    The command, the environment, the directory and the log files may contain properties. A secret argument is
    given as C{("obfuscated", real, shown)}.

    @ivar workdir: the directory given to me; None for the build's.
    @ivar remote_kwargs: the arguments of the remote command, except the command itself and the log files.
    """

    name = "shell"
    command: Command | None = None
    flunkOnFailure = True

    @arguments(
        workdir=DIRECTORY,
        description=WORDS,
        descriptionDone=WORDS,
        command=COMMAND,
        env=ENVIRONMENT,
        want_stdout=FLAG,
        want_stderr=FLAG,
        timeout=orNone(SECONDS, "no limit"),
        maxTime=orNone(SECONDS, "no limit"),
        usePTY=oneOf(True, False, 1, 0, None, "slave-config"),
        logEnviron=FLAG,
        initial_stdin=INPUT,
        initialStdin=INPUT,
        decodeRC=orNone(RESULTS_OF, "0 for success and all others for a failure"),
        interruptSignal=orNone(SIGNAL, "KILL"),
        sigtermTime=orNone(SECONDS, "no SIGTERM"),
    )
    def __init__(
        self,
        workdir: str | WithProperties | None = None,
        description: Words | None = None,
        descriptionDone: Words | None = None,
        command: Command | None = None,
        env: Any = None,
        want_stdout: bool = True,
        want_stderr: bool = True,
        timeout: float | None = 1200,
        *,
        maxTime: float | None = None,
        usePTY: bool | str | None = None,
        logEnviron: bool = False,
        initial_stdin: str | bytes | None = None,
        initialStdin: str | bytes | None = None,
        decodeRC: Mapping[int, int] | None = None,
        interruptSignal: str | None = None,
        sigtermTime: float | None = None,
        **kwargs: Any,
    ) -> None:
        """@param workdir: relative to the builder's directory on the slave; None for the build's.
        @param description: words for the running step, as in C{["compiling"]}.
        @param descriptionDone: words for the finished step, as in C{["compile"]}.
        @param timeout: seconds without output after which the command is killed; None: never.
        @param maxTime: seconds after which the command is killed in any case; None: never.
        @param usePTY: whether the command gets a terminal; None: the slave's configuration decides.
        @param logEnviron: whether the slave writes its environment into the log.
        @param initial_stdin: the input of the command; C{initialStdin} is another name for it.
        @param decodeRC: exit status -> my result, as in C{{0: SUCCESS, 3: WARNINGS}}; others are a failure.
        @param interruptSignal: the signal that stops the command, as in C{"INT"}; None: C{"KILL"}.
        @param sigtermTime: seconds between SIGTERM and C{interruptSignal}; None: no SIGTERM.
        @raise TypeError: a keyword is unknown.
        """
        super().__init__(**kwargs)
        if description:
            self.description = _asWords(description)
        if descriptionDone:
            self.descriptionDone = _asWords(descriptionDone)
        if initial_stdin is not None and initialStdin is not None:
            complain(self, "takes initial_stdin or initialStdin, which are one argument, not both")
        self.decodeRC = decodeRC
        if command:
            self.setCommand(command)
        self.workdir = workdir
        self.remote_kwargs: dict[str, Any] = {
            "workdir": workdir,
            "env": env,
            "want_stdout": want_stdout,
            "want_stderr": want_stderr,
            "timeout": timeout,
            "logEnviron": logEnviron,
        }
        # Workers accept only True and False for usePTY. None is not sent to any slave.
        others = {
            "usePTY": bool(usePTY) if isinstance(usePTY, int) else None,
            "maxTime": maxTime,
            "initial_stdin": initialStdin if initial_stdin is None else initial_stdin,
            "interruptSignal": interruptSignal,
            "sigtermTime": sigtermTime,
        }
        self.remote_kwargs.update({key: value for key, value in others.items() if value is not None})

    def configurationTrouble(self) -> str | None:
        """See L{BuildStep}. A subclass with its own C{start} is not checked: it may set its command there."""
        cls = type(self)
        if cls.start not in _STARTS or cls.run is not BuildStep.run or isinstance(cls.command, property):
            return None
        wrong = COMMAND.trouble(self.command)
        if wrong:
            return f": command {wrong}"
        return None if self.command else " has no command to run: give it command="

    def setCommand(self, command: Command) -> None:
        """Replace the command."""
        self.command = command

    def describe(self, done: bool = False) -> list[str]:
        """The description, or else the first words of the command in quotes."""
        given = self.descriptionDone if done and self.descriptionDone is not None else self.description
        if given is None:
            isPlain = self.build is None or _isOfTexts(self.command)
            given = _quoted(self.command if isPlain else self.build.render(self.command))
        if _isOfTexts(given) and not self.descriptionSuffix:
            return list(given)
        return self.described(given, done)

    def start(self) -> Any:
        """See L{buildbot.process.basestep.BuildStep}."""
        if not self.command:
            raise ValueError(f"step {self.name!r} has no command to run")
        self.startCommand(*self.commandForSlave())

    def commandForSlave(self) -> tuple[RemoteShellCommand, list[str]]:
        """My command for the slave, and lines for its log about what the slave is too old for."""
        warnings = self.checkForOldSlaveAndLogfiles() or []
        kwargs, command, logfiles = self.build.render((self.remote_kwargs, self.command, dict(self.logfiles)))
        if kwargs.get("workdir") is None:
            kwargs["workdir"] = self.build.workdir
        if not SINCE.keys().isdisjoint(kwargs):
            isOlder = partial(self.slaveVersionIsOlderThan, "shell")
            kwargs, missed = fitting(kwargs, isOlder, self.getSlaveName())
            warnings = [*warnings, *missed]
        cmd = RemoteShellCommand(command=self._forSlave(command), logfiles=logfiles, **kwargs)
        self.setupEnvironment(cmd)
        return cmd, warnings

    def _forSlave(self, command: Any) -> Any:
        """The command for this slave. For old slaves, obfuscated arguments become plain ones."""
        if isinstance(command, str):
            return command
        if _isFlat(command):
            return list(command)
        given = list(words(command))
        if any(map(_isHidden, given)) and self.slaveVersionIsOlderThan("shell", HIDES_ARGUMENTS):
            return [each[1] if _isHidden(each) else each for each in given]
        return given

    def setupEnvironment(self, cmd: LoggedRemoteCommand) -> None:
        """Add the variables of C{build.slaveEnvironment}, set by earlier steps, to C{cmd.args["env"]}."""
        ofBuilder = getattr(self.build, "builderEnvironment", None)
        if ofBuilder:
            cmd.args["env"] = {**self.build.render(dict(ofBuilder)), **(cmd.args["env"] or {})}
        inherited = getattr(self.build, "slaveEnvironment", None)
        if inherited:
            cmd.args["env"] = {**(cmd.args["env"] or {}), **inherited}

    def checkForOldSlaveAndLogfiles(self) -> list[str]:
        """Remove log files that the slave is too old to watch.

        @return: lines for the log, if the slave cannot watch files at all.
        """
        if not self.logfiles:
            return []
        if self.slaveVersionIsOlderThan("shell", WATCHES_FILES):
            missed = ", ".join(map(str, self.logfiles))
            self.logfiles = {}
            return [f"slave {self.getSlaveName()} is too old to watch log files; missing: {missed}\n"]
        if self.slaveVersionIsOlderThan("shell", FOLLOWS_FILES):
            self.logfiles = {
                name: where["filename"] if isinstance(where, Mapping) else where
                for name, where in self.logfiles.items()
            }
        return []


def _asWords(words: Any) -> list[Any]:
    return list(words) if type(words) is list else wordList(words)


def _isOfTexts(command: object) -> bool:
    """True if nothing in a command, or in words, has to be rendered."""
    return type(command) is list and all([type(each) is str for each in command])


def _isHidden(argument: object) -> bool:
    return isinstance(argument, tuple) and len(argument) == 3 and argument[0] == "obfuscated"


def _isFlat(command: Any) -> bool:
    """True for a command without lists and secret words in it, as nearly all are."""
    return not any([isinstance(each, (list, tuple)) for each in command])


def _quoted(command: Any) -> list[str]:
    """The first two words of a command, in quotes, with "..." if there are more."""
    if isinstance(command, Renderable):
        return [repr(command)]
    each = command.split() if isinstance(command, str) else command or ()
    each = each if _isFlat(each) else words(each)
    said = [str(one[2] if _isHidden(one) else one) for one in each]
    if not said:
        return ["???"]
    shown = [*said[:2], "..."] if len(said) > 2 else said
    shown[0] = f"'{shown[0]}"
    shown[-1] = f"{shown[-1]}'"
    return shown


class TreeSize(ShellCommand):
    """I measure the size of the build's directory and set the property C{tree-size-KiB}.

    @ivar kb: the size in KiB, once it is known.
    """

    name = "treesize"
    command = ["du", "-s", "-k", "."]
    kb: int | None = None

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}."""
        return self.inSlices(self._measure(cmd))

    def _measure(self, cmd: LoggedRemoteCommand) -> Iterator[None]:
        output = yield from outputOf(cmd, 1024)
        found = re.match(r"\s*(\d{1,18})\b", output)
        if found:
            self.kb = int(found[1])
            self.setProperty("tree-size-KiB", self.kb)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}; a size that cannot be read is a warning."""
        if cmd.rc != 0:
            return FAILURE
        return WARNINGS if self.kb is None else SUCCESS

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The size in words."""
        return ["treesize", "unknown" if self.kb is None else f"{self.kb} kb"]


_PROPERTY = replace(PROPERTY, fits=lambda value: value is None or PROPERTY.fits(value))
_EXTRACTOR = Kind("a function of an exit status, an output and an error output", callable)


class SetProperty(ShellCommand):
    """I set a property to the standard output of my command, if the command succeeds.

    With C{extract_fn}, I set the properties that this function finds in the output.

    If the output exceeds L{LONGEST_PROPERTY} bytes, I fail, and a log gives the reason.
    """

    name = "setproperty"
    _changed: Sequence[str] = ()
    _isTooLong = False

    @arguments(property=_PROPERTY, strip=FLAG, extract_fn=orNone(_EXTRACTOR))
    def __init__(
        self,
        property: Any = None,
        strip: bool = True,
        extract_fn: Extract | None = None,
        **kwargs: Any,
    ) -> None:
        """@param property: the name of the property.
        @param strip: whether to remove white space around the value.
        @param extract_fn: called with the exit status, the standard output and the error output; returns a
            dictionary of properties. It is also called if the command fails.
        """
        super().__init__(**kwargs)
        if property is None and extract_fn is None:
            complain(self, "lacks its argument property, or extract_fn", "property")
        elif property is not None and extract_fn is not None:
            complain(self, "takes property or extract_fn, not both")
        if not kwargs.get("want_stdout", True):
            why = ": want_stdout must be left on: the command's standard output becomes the property"
            complain(self, why, "want_stdout", kwargs["want_stdout"])
        self.property = property
        self.strip = strip
        self.extract_fn = extract_fn

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}."""
        if self.extract_fn is not None:
            return self.inSlices(self._set(extracted(cmd, self.extract_fn)))
        if cmd.rc != 0:
            return None
        return self.inSlices(self._set(valueOf(cmd, self.build.render(self.property), self.strip)))

    def _set(self, finding: Generator[None, None, Mapping[str, Any]]) -> Iterator[None]:
        """Set the properties that are found in the output."""
        try:
            found = yield from finding
        except OutputTooLong as error:
            self._isTooLong = True
            self.addCompleteLog("property", f"{error}\n")
            return
        for name, value in found.items():
            self.setProperty(name, value)
        self._changed = list(found)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}."""
        return FAILURE if self._isTooLong else super().evaluateCommand(cmd)

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The result in words: the property is set or not."""
        if len(self._changed) == 1:
            return [f"property '{self._changed[0]}' set"]
        if self._changed:
            return [f"{len(self._changed)} properties set"]
        return super().getText(cmd, results)


class SetPropertyFromCommand(SetProperty):
    """I am L{SetProperty}, under its name of 0.8.8 and later."""


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
        suppressionFile: Any = None,
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
        try:
            before = self.getProperty("warnings-count")
        except KeyError:
            before = 0
        self.setProperty("warnings-count", before + self.warnCount)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}; warnings are WARNINGS, or worse."""
        results = super().evaluateCommand(cmd)
        if self.maxWarnCount is not None and self.warnCount > self.maxWarnCount:
            return worst(results, FAILURE)
        return worst(results, WARNINGS) if self.warnCount else results


#: The C{start} methods that run C{self.command}.
_STARTS = (ShellCommand.start, WarningCountingShellCommand.start)


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
