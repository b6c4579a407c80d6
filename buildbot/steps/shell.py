# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Steps that run one command on the slave, and judge it by its exit status and its output.

How a command reaches a slave is in L{buildbot.process.remotecommand}; steps that know one program are in
modules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from buildbot.config.arguments import arguments, complain
from buildbot.config.kinds import FLAG, PATTERN, SECONDS, SIGNAL, oneOf, orNone
from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.logs.live import LogFile
from buildbot.model.properties import WithProperties as WithProperties  # where 0.7.5 had it
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.buildstep import BuildStep, LoggingBuildStep
from buildbot.process.kinds import COMMAND, DIRECTORY, ENVIRONMENT, INPUT, PROPERTY, WORDS
from buildbot.process.logobserver import KeptLines, LogLineObserver
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand

#: A shell's command line, or a program and its arguments.
Command = str | WithProperties | Sequence[Any]
#: One word or several, for a narrow display.
Words = str | Sequence[str]

#: The first version of the slave's command that watches log files, that can wait for a new one of them to
#: appear, and that hides arguments in what it writes.
WATCHES_FILES = "2.1"
FOLLOWS_FILES = "2.9"
HIDES_ARGUMENTS = "2.16"
#: Bytes of memory that warnings may take until they are in their log.
WARNINGS_LIMIT = 4 << 20
#: Bytes that a property may have that a command's output sets.
LONGEST_PROPERTY = 64 * 1024


class ShellCommand(LoggingBuildStep):
    """I run one command on the slave; it fails if its exit status is not 0.

    In the command, the environment, the directory and the log files, properties are filled in. An argument
    that nobody may read is given as C{("obfuscated", real, shown)}.

    @ivar workdir: the directory that I was given, or that of the build I am part of.
    @ivar remote_kwargs: what the slave is told besides the command itself and the log files.
    """

    name = "shell"
    description: Words | None = None
    descriptionDone: Words | None = None
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
        interruptSignal=orNone(SIGNAL, "KILL"),
        sigtermTime=orNone(SECONDS, "no SIGTERM"),
    )
    def __init__(
        self,
        workdir: str | WithProperties | None = None,
        description: Words | None = None,
        descriptionDone: Words | None = None,
        command: Command | None = None,
        env: Mapping[str, Any] | None = None,
        want_stdout: bool = True,
        want_stderr: bool = True,
        timeout: float | None = 1200,
        *,
        maxTime: float | None = None,
        usePTY: bool | str | None = None,
        logEnviron: bool = False,
        initial_stdin: str | bytes | None = None,
        interruptSignal: str | None = None,
        sigtermTime: float | None = None,
        **kwargs: Any,
    ) -> None:
        """@param workdir: below the builder's directory on the slave; None for the build's own.
        @param description: what I am doing, as in C{["compiling"]}.
        @param descriptionDone: what I have done, as in C{["compile"]}.
        @param timeout: seconds without output after which the command is killed; None: never.
        @param maxTime: seconds after which it is killed, whatever it does; None: never.
        @param usePTY: whether it has a terminal; None: as the slave was set up.
        @param logEnviron: whether the slave writes its environment into the log.
        @param interruptSignal: what stops it, as in C{"INT"}; None: C{"KILL"}.
        @param sigtermTime: seconds between SIGTERM and C{interruptSignal}; None: no SIGTERM.
        @raise TypeError: another keyword is none of a step's.
        """
        super().__init__(**kwargs)
        if description:
            self.description = _asWords(description)
        if descriptionDone:
            self.descriptionDone = _asWords(descriptionDone)
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
        # Workers take nothing but True and False for a terminal, and no slave needs to hear a None.
        others = {
            "usePTY": bool(usePTY) if isinstance(usePTY, int) else None,
            "maxTime": maxTime,
            "initial_stdin": initial_stdin,
            "interruptSignal": interruptSignal,
            "sigtermTime": sigtermTime,
        }
        self.remote_kwargs.update({key: value for key, value in others.items() if value is not None})

    def configurationTrouble(self) -> str | None:
        """See L{BuildStep}: a subclass with a C{start} of its own may find its command there."""
        cls = type(self)
        if cls.start not in _STARTS or cls.run is not BuildStep.run or isinstance(cls.command, property):
            return None
        wrong = COMMAND.trouble(self.command)
        if wrong:
            return f": command {wrong}"
        return None if self.command else " has no command to run: give it command="

    def setCommand(self, command: Command) -> None:
        """The command to run, instead of the one that I have."""
        self.command = command

    def describe(self, done: bool = False) -> list[str]:
        """My description, or else the first words of my command, in quotes."""
        if done and self.descriptionDone is not None:
            return _asWords(self.descriptionDone)
        if self.description is not None:
            return _asWords(self.description)
        return _quoted(self.command if self.build is None else self.build.render(self.command))

    def start(self) -> Any:
        """See L{buildbot.process.buildstep.BuildStep}."""
        if not self.command:
            raise ValueError(f"step {self.name!r} has no command to run")
        warnings = self.checkForOldSlaveAndLogfiles() or []
        render = self.build.render
        kwargs = render(self.remote_kwargs)
        if kwargs.get("workdir") is None:
            kwargs["workdir"] = self.build.workdir
        cmd = RemoteShellCommand(
            command=self._forSlave(render(self.command)), logfiles=render(dict(self.logfiles)), **kwargs
        )
        self.setupEnvironment(cmd)
        self.startCommand(cmd, warnings)

    def _forSlave(self, command: Any) -> Any:
        """The command, without what the slave is too old to hide."""
        if isinstance(command, str):
            return command
        if not self.slaveVersionIsOlderThan("shell", HIDES_ARGUMENTS):
            return list(command)
        return [each[1] if _isHidden(each) else each for each in command]

    def setupEnvironment(self, cmd: LoggedRemoteCommand) -> None:
        """Add what earlier steps left in C{build.slaveEnvironment} to C{cmd.args["env"]}."""
        inherited = getattr(self.build, "slaveEnvironment", None)
        if inherited:
            cmd.args["env"] = {**(cmd.args["env"] or {}), **inherited}

    def checkForOldSlaveAndLogfiles(self) -> list[str]:
        """Watch only what the slave can.

        @return: lines for the log, if it cannot watch any file.
        """
        if self.logfiles and self.slaveVersionIsOlderThan("shell", WATCHES_FILES):
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
    return [words] if isinstance(words, (str, WithProperties)) else list(words)


def _isHidden(argument: object) -> bool:
    return isinstance(argument, tuple) and len(argument) == 3 and argument[0] == "obfuscated"


def _quoted(command: Any) -> list[str]:
    """The first two words of a command, in quotes, with a sign if there are more."""
    if isinstance(command, WithProperties):
        return [repr(command)]
    each = command.split() if isinstance(command, str) else command or ()
    words = [str(one[2] if _isHidden(one) else one) for one in each]
    if not words:
        return ["???"]
    shown = [*words[:2], "..."] if len(words) > 2 else words
    shown[0] = f"'{shown[0]}"
    shown[-1] = f"{shown[-1]}'"
    return shown


class TreeSize(ShellCommand):
    """I measure how much the build's directory holds, and set the property C{tree-size-KiB}.

    @ivar kb: the size in KiB, once it is known.
    """

    name = "treesize"
    command = ["du", "-s", "-k", "."]
    kb: int | None = None

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}."""
        return self.inSlices(self._measure(cmd))

    def _measure(self, cmd: LoggedRemoteCommand) -> Iterator[None]:
        output = yield from _output(cmd, 1024)
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
        """The size."""
        return ["treesize", "unknown" if self.kb is None else f"{self.kb} kb"]


class SetProperty(ShellCommand):
    """I set a property to what my command writes to its standard output, if it succeeds.

    More than L{LONGEST_PROPERTY} bytes are no property: then I fail, and my log says so.
    """

    name = "setproperty"
    _changed = False
    _isTooLong = False

    @arguments(property=PROPERTY, strip=FLAG)
    def __init__(self, property: Any, strip: bool = True, **kwargs: Any) -> None:
        """@param property: its name.
        @param strip: whether to leave out the white space around it.
        """
        super().__init__(**kwargs)
        if not kwargs.get("want_stdout", True):
            why = ": want_stdout must be left on: the property is what the command writes there"
            complain(self, why, "want_stdout", kwargs["want_stdout"])
        self.property = property
        self.strip = strip

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}."""
        return self.inSlices(self._set(cmd)) if cmd.rc == 0 else None

    def _set(self, cmd: LoggedRemoteCommand) -> Iterator[None]:
        value = yield from _output(cmd, LONGEST_PROPERTY + 1)
        name = self.build.render(self.property)
        if len(value.encode("utf-8", "surrogatepass")) > LONGEST_PROPERTY:
            self._isTooLong = True
            why = f"the command wrote more than {LONGEST_PROPERTY} bytes: property {name!r} is not set"
            self.addCompleteLog("property", f"{why}\n")
            return
        self.setProperty(name, value.strip() if self.strip else value)
        self._changed = True

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}."""
        return FAILURE if self._isTooLong else super().evaluateCommand(cmd)

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """Whether it was set."""
        if self._changed:
            return [f"property '{self.build.render(self.property)}' set"]
        return super().getText(cmd, results)


def _output(cmd: LoggedRemoteCommand, most: int) -> Generator[None, None, str]:
    """What an ended command wrote to its standard output, no more than so many bytes; for L{inSlices}."""
    found = b""
    for channel, data in cmd.logs["stdio"].getByteChunks():
        if channel == LOG_CHANNEL_STDOUT:
            found += data[: most - len(found)]
            if len(found) == most:
                break
        yield
    return found.decode("utf-8", "replace")


class _WarningCounter(LogLineObserver):
    """I count lines that match, and keep the first of them."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        super().__init__()
        self._matches = pattern.match
        self.found = KeptLines(WARNINGS_LIMIT)

    def outLineReceived(self, line: str) -> None:
        """See L{LogLineObserver}."""
        if self._matches(line):
            self.found.add(line)

    errLineReceived = outLineReceived


class WarningCountingShellCommand(ShellCommand):
    """I count the lines of my output that are warnings.

    They go into the log C{warnings}, their number is added to the property C{warnings-count}.

    @ivar warningPattern: what such a line matches from its beginning on, as a regular expression; None
        counts none.
    @ivar warnCount: how many there were, once the command has ended.
    """

    warningPattern: str | re.Pattern[str] | None = r".*warning[: ].*"
    warnCount = 0
    _counter: _WarningCounter | None = None

    @arguments(warningPattern=orNone(PATTERN, "that of the class"))
    def __init__(
        self,
        workdir: str | WithProperties | None = None,
        description: Words | None = None,
        descriptionDone: Words | None = None,
        command: Command | None = None,
        *,
        warningPattern: str | re.Pattern[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """@raise TypeError: the pattern is none."""
        super().__init__(workdir, description, descriptionDone, command, **kwargs)
        if warningPattern:
            self.warningPattern = re.compile(warningPattern)

    def start(self) -> Any:
        """See L{ShellCommand}."""
        if self.warningPattern:
            self._counter = _WarningCounter(re.compile(self.warningPattern))
            self.addLogObserver("stdio", self._counter)
        return super().start()

    def createSummary(self, log: LogFile) -> None:
        """Tell of the warnings; a subclass that does otherwise has none counted."""
        if self._counter is None:
            return
        self.warnCount = self._counter.found.count
        if self.warnCount:
            self.addCompleteLog("warnings", self._counter.found.text())
        try:
            before = self.getProperty("warnings-count")
        except KeyError:
            before = 0
        self.setProperty("warnings-count", before + self.warnCount)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}; warnings are WARNINGS."""
        if cmd.rc != 0:
            return FAILURE
        return WARNINGS if self.warnCount else SUCCESS


#: Those C{start} methods that run the command that they find.
_STARTS = (ShellCommand.start, WarningCountingShellCommand.start)


class Configure(ShellCommand):
    """I run a configure script."""

    name = "configure"
    haltOnFailure = True
    description = ["configuring"]
    descriptionDone = ["configure"]
    command = ["./configure"]


class Compile(WarningCountingShellCommand):
    """I compile."""

    name = "compile"
    haltOnFailure = True
    description = ["compiling"]
    descriptionDone = ["compile"]
    command = ["make", "all"]


class Test(WarningCountingShellCommand):
    """I run tests."""

    name = "test"
    warnOnFailure = True
    description = ["testing"]
    descriptionDone = ["test"]
    command = ["make", "test"]
