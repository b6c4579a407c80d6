# -*- test-case-name: tests.unit.steps.test_steps -*-
"""The step that runs one command on the slave and judges it by its exit status.

L{buildbot.process.remotecommand} sends the command. Steps for a certain program have modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from buildbot.config.arguments import arguments, complain, knownArguments, ofSubclass, warn
from buildbot.config.kinds import FLAG, SECONDS, SIGNAL, oneOf, orNone
from buildbot.config.messages import nearest
from buildbot.model.properties import Renderable
from buildbot.model.properties import WithProperties as WithProperties  # where 0.7.5 had it
from buildbot.process.basestep import BuildStep, wordList
from buildbot.process.commandline import words
from buildbot.process.kinds import COMMAND, DIRECTORY, ENVIRONMENT, INPUT, RESULTS_OF, WORDS
from buildbot.process.loggingstep import LoggingBuildStep
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand
from buildbot.steps.olderslaves import SINCE, fitting
from buildbot.steps.outputs import LONGEST_PROPERTY as LONGEST_PROPERTY

#: A shell's command line, or a program and its arguments.
Command = str | WithProperties | Sequence[Any]
#: One word, or a list of words for a narrow display.
Words = str | Sequence[str]

#: The first version of the slave's shell command that watches log files, that supports C{follow} for them,
#: and that hides obfuscated arguments in its output.
WATCHES_FILES = "2.1"
FOLLOWS_FILES = "2.9"
HIDES_ARGUMENTS = "2.16"


_Start = TypeVar("_Start", bound=Callable[..., Any])


def runsCommand(start: _Start) -> _Start:
    """Mark a method C{start} that runs the attribute C{command}: a class with it is checked for a command."""
    start.runsCommand = True  # type: ignore[attr-defined]
    return start


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
        super().__init__(**self._taken(kwargs))
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

    def _taken(self, given: dict[str, Any]) -> dict[str, Any]:
        """The keyword arguments without those that only a constructor of a site knows.

        Such constructors of 0.7.5 to 0.7.9 pass on all that they get: ShellCommand ignores what it does not
        know.
        """
        surplus = given.keys() - self.parms - {"build", "logfiles", "lazylogfiles"} if given else None
        if not surplus or ofSubclass(self) is None:
            return given
        surplus -= set(knownArguments(LoggingBuildStep))
        named = knownArguments(type(self))
        for name in sorted(surplus.difference(named)):
            hint = nearest(name, [*named, *self.parms])
            warn(self, f"passes the argument {name} on to ShellCommand, which ignores it{hint}")
        return {name: value for name, value in given.items() if name not in surplus}

    def configurationTrouble(self) -> str | None:
        """See L{BuildStep}. A subclass with its own C{start} is not checked: it may set its command there.

        The same is true of C{setBuild} and C{setStepStatus}.
        """
        cls = type(self)
        if (
            not hasattr(cls.start, "runsCommand")
            or cls.setBuild is not BuildStep.setBuild
            or cls.setStepStatus is not BuildStep.setStepStatus
            or cls.run is not BuildStep.run
            or isinstance(cls.command, property)
        ):
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

    @runsCommand
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
