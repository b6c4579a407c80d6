# -*- test-case-name: tests.unit.process.test_buildstep -*-
"""One step of a build: what the configuration says of it, and how it runs.

A step written for 0.7.5 overrides L{BuildStep.start} and calls L{BuildStep.finished}; a new one is an
C{async def run(self)} that returns its results.  The order of steps, their locks and their end are the
business of L{buildbot.process.base}.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.arguments import arguments, complain, haveNames, knownArguments, named
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import FLAG
from buildbot.config.messages import nearest
from buildbot.interfaces import BuildSlaveTooOldError
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS, WARNINGS, Results
from buildbot.process.deadline import endTime
from buildbot.process.kinds import LOCKS, LOG_FILES, METRICS, STEP_NAME
from buildbot.process.logobserver import LogLineObserver, LogObserver, OutputProgressObserver
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteCommand, RemoteShellCommand
from buildbot.process.slices import inSlices
from buildbot.status.build import asWords
from buildbot.wire.dialect import versionAtLeast

if TYPE_CHECKING:
    from buildbot.process.seams import SlaveForBuild

__all__ = [
    "BuildStep",
    "LogLineObserver",
    "LogObserver",
    "LoggedRemoteCommand",
    "LoggingBuildStep",
    "OutputProgressObserver",
    "RemoteCommand",
    "RemoteShellCommand",
]

log = Logger()

#: A step that is still to be made: its class, and the arguments to make it with.
StepSpec = tuple[Callable[..., "BuildStep"], dict[str, Any]]


#: So often a step that was stopped is told that it can run no command any more.
MOST_REFUSALS = 10


#: The kinds of the arguments that every step takes.
COMMON = {
    "name": STEP_NAME,
    "locks": LOCKS,
    "haltOnFailure": FLAG,
    "flunkOnWarnings": FLAG,
    "flunkOnFailure": FLAG,
    "warnOnWarnings": FLAG,
    "warnOnFailure": FLAG,
    "alwaysRun": FLAG,
    "progressMetrics": METRICS,
    "useProgress": FLAG,
}


class NoResults(Exception):
    """What a step ended with is none of L{buildbot.model.results}; its build takes it for an exception."""


class StepStopped(Exception):
    """A step that was stopped wants to run another command; caught at its end, where it is no error."""


class BuildStep(ComparableMixin):
    """I am one step of a build, with the arguments that the configuration gives me.

    Equal to another step of the same class with the same arguments. The keywords in C{parms} become
    attributes; for any that is not given, the class's attribute of that name holds.

    @ivar haltOnFailure: a failure ends the build, but for steps that run always.
    @ivar flunkOnFailure: a failure makes the build a failure; so does C{flunkOnWarnings} with warnings.
    @ivar warnOnFailure: a failure gives the build warnings; so does C{warnOnWarnings} with warnings.
    @ivar alwaysRun: whether I run also after a failure that ended the build.
    @ivar locks: the locks that I hold while I run.
    @ivar remote: the L{buildbot.process.slavebuilder.SlaveBuilder} that I run on, while I do.
    @ivar stopped: whether I was interrupted.
    @ivar step_status: my L{buildbot.status.build.BuildStepStatus}, once I am part of a build.
    """

    compare_attrs = ("_arguments",)
    parms: ClassVar[list[str]] = [
        *("build", "name", "locks", "haltOnFailure", "flunkOnWarnings", "flunkOnFailure"),
        *("warnOnWarnings", "warnOnFailure", "alwaysRun", "progressMetrics", "useProgress"),
    ]

    name = "generic"
    locks: list[Any] = []
    haltOnFailure = False
    flunkOnWarnings = False
    flunkOnFailure = False
    warnOnWarnings = False
    warnOnFailure = False
    alwaysRun = False
    progressMetrics: tuple[str, ...] = ()
    useProgress = True
    build: Any = None
    remote: SlaveForBuild = None  # type: ignore[assignment]  # until it runs
    step_status: Any = None
    progress: Any = None
    stopped = False
    _arguments: dict[str, Any]
    _haveNames: bool
    _ending: Deferred[Any] | None = None
    _command: RemoteCommand | None = None
    _observerFailure: Failure | None = None
    _refusals = 0
    _whyStopped: Any = None
    _observers: Sequence[tuple[str, LogObserver]] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> BuildStep:
        self = super().__new__(cls)
        self._arguments = named(cls.__init__, args, kwargs)
        self._haveNames = haveNames(cls.__init__, args)
        self._arguments.pop("build", None)
        return self

    @arguments(**COMMON)
    def __init__(self, build: Any = None, **kwargs: Any) -> None:
        """
        @param build: the build that I am part of; None in a configuration.
        @param kwargs: those in C{parms}; a C{workdir}, which 0.7.5 gives to all steps, is not looked at here.
        @raise TypeError: a keyword is not in C{parms}, or not of its kind; the message names all of them.
        """
        self.build = build
        kwargs.pop("workdir", None)
        for parm in self.parms:
            if parm in kwargs:
                setattr(self, parm, kwargs.pop(parm))
        for name in sorted(kwargs):
            hint = nearest(name, [*knownArguments(type(self)), *self.parms])
            complain(self, f"takes no argument {name}{hint}", name, kwargs[name])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def configurationTrouble(self) -> str | None:
        """Why no build could run me, as in C{" has no command"}; None if one can. Asked once, at load."""
        return None

    def getStepFactory(self) -> StepSpec:
        """
        My class and my arguments, from which a step equal to me can be made for each build.

        @raise TypeError: some of them have no names.
        """
        if not self._haveNames:
            raise TypeError(f"{type(self).__name__} takes *args, which have no names: use addStep(Class, …)")
        return type(self), dict(self._arguments)

    def addFactoryArguments(self, **kwargs: Any) -> None:
        """Steps written for 0.7.6 name their arguments here. I know what I was made with already."""

    # while it runs

    def setStepStatus(self, step_status: Any) -> None:
        """Where I tell what I am doing."""
        self.step_status = step_status

    def start(self) -> Any:
        """
        Begin, in the manner of 0.7.5: subclasses override this, or L{run}.

        May be a coroutine.

        @return: SKIPPED if there is nothing to do; else L{finished} is called later, or L{failed}.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither start() nor run()")

    async def run(self) -> int:
        """
        Do my work; subclasses may override this instead of L{start}.

        @return: one of L{buildbot.model.results}.
        """
        ending = self._ending = Deferred()
        begun = self.start()
        if inspect.iscoroutine(begun):
            begun = await begun
        if begun == SKIPPED:
            return SKIPPED
        results: int = await ending
        return results

    async def perform(self) -> int:
        """
        Run, for the build.

        @return: what L{run} came to; of the pairs of 0.7.5, the words are then worth mentioning with the
            build. EXCEPTION if I was stopped and am in no state to say.
        @raise NoResults: it is none of L{buildbot.model.results}.
        """
        try:
            ended: Any = await self.run()
        except StepStopped:
            self.step_status.setText([self.name, "interrupted"])
            return EXCEPTION
        if self._observerFailure is not None:
            self._observerFailure.raiseException()
        if isinstance(ended, tuple) and len(ended) == 2:
            ended, words = ended
            self.step_status.setText2([*self.step_status.getText2(), *asWords(words)])
        if not isinstance(ended, int) or not 0 <= ended < len(Results):
            raise NoResults(f"step {self.name} ended with {ended!r}, which is no result of a step")
        return int(ended)

    def observerFailed(self, why: Failure) -> None:
        """An observer of one of my logs has raised an exception: so have I, when I end."""
        self._observerFailure = self._observerFailure or why

    def finished(self, results: int | tuple[int, Sequence[str]]) -> None:
        """My work is done; only the first word counts.

        @param results: one of L{buildbot.model.results}, or a pair of it and words that are worth
            mentioning with the build.
        """
        if self._ending is not None and not self._ending.called:
            self._ending.callback(results)

    def failed(self, why: Failure) -> None:
        """My work cannot be done; an errback for the Deferreds of subclasses."""
        if self._ending is not None and not self._ending.called:
            self._ending.errback(why)
        elif not why.check(ConnectionLost, StepStopped):
            log.failure("step {name} failed after its end", why, name=self.name)

    def interrupt(self, reason: Any) -> Deferred[None]:
        """
        Stop: somebody wants the build to end, or the slave is lost.

        Subclasses that do more than run a command override this, and call this one.

        @param reason: words, or a Failure of C{ConnectionLost}.
        @return: fires with None once the command, if any, is asked to end; it may not have ended yet.
        """
        self.stopped = True
        self._whyStopped = reason
        if self._command is not None:
            self._command.interrupt(reason)
        return succeed(None)

    def runCommand(self, c: RemoteCommand) -> Deferred[RemoteCommand]:
        """
        Run a command on my slave; it is interrupted when I am.

        @return: fires with the command when it has ended; fails if it could not run, with L{StepStopped} or
            C{ConnectionLost} if I was interrupted before.
        """
        if self.stopped:
            self._refusals += 1
            if self._refusals > MOST_REFUSALS:
                return Deferred()  # it tries for ever, so it is left behind
            why = self._whyStopped
            return fail(why if isinstance(why, Failure) else StepStopped(f"step {self.name}: {why}"))
        self._command = c

        def ended(result: Any) -> Any:
            self._command = None
            return result

        return c.run(self, self.remote).addBoth(ended)

    def isRunningCommand(self) -> bool:
        """Whether a command of mine runs on the slave."""
        return self._command is not None

    def timeToStop(self) -> float:
        """Seconds that the slave may take to stop the command that runs; a C{sigtermTime} counts."""
        return endTime(getattr(self._command, "args", {}))

    # what subclasses use

    def addLog(self, name: str) -> Any:
        """A new log of mine: a L{buildbot.logs.live.LogFile}."""
        loog = self.step_status.addLog(name)
        for wanted, observer in self._observers:
            if wanted == name:
                observer.setLog(loog)
        return loog

    def addCompleteLog(self, name: str, text: str | bytes) -> None:
        """A log that is finished at once."""
        loog = self.addLog(name)
        loog.addStdout(text)
        loog.finish()

    def addHTMLLog(self, name: str, html: str | bytes) -> None:
        """A log in HTML, which is finished at once."""
        self.step_status.addHTMLLog(name, html)

    def addLogObserver(self, logname: str, observer: LogObserver) -> None:
        """Have an observer see the log of this name grow, whether it is there yet or not."""
        observer.setStep(self)
        self._observers = (*self._observers, (logname, observer))
        for loog in self.step_status.getLogs() if self.step_status is not None else ():
            if loog.getName() == logname:
                observer.setLog(loog)

    def addURL(self, name: str, url: str) -> None:
        """A link to show with me."""
        self.step_status.addURL(name, url)

    def setProgress(self, metric: str, value: float) -> None:
        """How far I am, by one of my progressMetrics."""
        self.step_status.setProgress(metric, value)

    def getProperty(self, propname: str) -> Any:
        """A property of the build; KeyError if there is none of that name."""
        return self.build.getProperty(propname)

    def setProperty(self, propname: str, value: Any) -> None:
        """Set a property of the build."""
        self.build.setProperty(propname, value)

    def getSlaveName(self) -> str:
        """The slave that I run on."""
        name: str = self.build.getSlaveName()
        return name

    def slaveVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a command on the slave; C{oldversion} if it cannot tell; None if it has it not."""
        version: str | None = self.build.getSlaveCommandVersion(command, oldversion)
        return version

    def slaveVersionIsOlderThan(self, command: str, minversion: str) -> bool:
        """Whether the slave's command is older than that, or missing."""
        return not versionAtLeast(self.slaveVersion(command), minversion)

    def checkSlaveHasCommand(self, command: str) -> None:
        """@raise BuildSlaveTooOldError: it has it not."""
        if self.slaveVersion(command, "any") is None:
            raise BuildSlaveTooOldError(f"slave {self.getSlaveName()} does not know the command {command}")


class LoggingBuildStep(BuildStep):
    """I am a step that runs one command on the slave and keeps its output.

    @ivar logfiles: name of the log -> file on the slave, relative to the working directory, that is watched
        while the command runs.
    """

    parms: ClassVar[list[str]] = [*BuildStep.parms, "logfiles"]

    logfiles: Mapping[str, Any] = {}
    progressMetrics: tuple[str, ...] = ("output",)
    _works: tuple[Deferred[None], ...] = ()

    @arguments(logfiles=LOG_FILES)
    def __init__(self, logfiles: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if logfiles:
            self.logfiles = {**self.logfiles, **logfiles}

    def describe(self, done: bool = False) -> list[str]:
        """A few words on what I do, or did."""
        return [self.name]

    def startCommand(self, cmd: LoggedRemoteCommand, errorMessages: Sequence[str] = ()) -> None:
        """
        Run the command, and finish with what L{evaluateCommand} says of it.

        @param errorMessages: lines to put into the log before the output.
        """
        self.cmd = cmd
        self.step_status.setColor("yellow")
        self.step_status.setText(self.describe(False))
        stdio = self.addLog("stdio")
        for message in errorMessages:
            stdio.addHeader(message)
        cmd.useLog(stdio, True)
        self.setupLogfiles(cmd, self.logfiles)
        running: Deferred[Any] = self.runCommand(cmd)
        running.addCallback(lambda cmd: ensureDeferred(self._ended(cmd)))
        running.addErrback(self.checkDisconnect).addErrback(self.failed)

    def interrupt(self, reason: Any) -> Deferred[None]:
        """See L{BuildStep}. Why a person stopped my command is in a log of its own."""
        if self._command is not None and not self.stopped and not isinstance(reason, Failure):
            self.addCompleteLog("interrupt", str(reason))
        return super().interrupt(reason)

    def setupLogfiles(self, cmd: LoggedRemoteCommand, logfiles: Mapping[str, Any]) -> None:
        """Have a log for each watched file."""
        for name in logfiles:
            cmd.useLog(self.addLog(name), True, name)

    def inSlices(self, work: Iterator[object]) -> Deferred[None]:
        """
        Do long work, such as reading a log line by line, so that nobody has to wait for it.

        L{evaluateCommand} waits until it is done, whether or not my caller does.

        @param work: does a small part of it each time that its next item is asked for.
        @return: fires with None when all is done; at once if it is short.
        """
        working = inSlices(work, self.remote.clock, self._checkWanted)
        self._works = (*self._works, working)
        return working

    def _checkWanted(self) -> None:
        if self.stopped:
            why = self._whyStopped
            error = why.value if isinstance(why, Failure) else None
            raise error or StepStopped(f"step {self.name}: {why}")

    async def _worked(self, value: Any) -> None:
        """Wait for what a method answers, and for the long work that it began."""
        await _known(value)
        for each in self._works:
            await each

    async def _ended(self, cmd: LoggedRemoteCommand) -> None:
        await self._worked(self.commandComplete(cmd))
        if cmd.logs.get("stdio") is not None:
            await self._worked(self.createSummary(cmd.logs["stdio"]))
        results = await _known(self.evaluateCommand(cmd))
        await _known(self.setStatus(cmd, results))
        self.finished(results)

    def checkDisconnect(self, f: Failure) -> None:
        """An errback: a lost slave is no exception of mine."""
        f.trap(ConnectionLost)
        self.step_status.setText([*asWords(self.describe(True)), "failed", "slave", "lost"])
        self.step_status.setText2(["failed", "slave", "lost"])
        self.finished(FAILURE)

    # for subclasses; what these answer with may come later, in a Deferred or from a coroutine

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """The command has ended; subclasses read its logs here."""

    def createSummary(self, log: Any) -> Any:
        """Subclasses add logs that sum up the output, C{log}."""

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """What the ended command means; one that never said how it ended did not succeed."""
        return SUCCESS if cmd.rc == 0 else FAILURE

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """A few words on how it went."""
        words = [*asWords(self.describe(True))]
        return {SUCCESS: words, WARNINGS: [*words, "warnings"]}.get(results, [*words, "failed"])

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """What of it is worth mentioning with the build."""
        return [self.name]

    def maybeGetText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """L{getText2}, if my results change those of the build."""
        changed = (
            (self.flunkOnFailure or self.haltOnFailure or self.warnOnFailure)
            if results == FAILURE
            else results == WARNINGS and (self.flunkOnWarnings or self.warnOnWarnings)
        )
        return self.getText2(cmd, results) if changed or results == EXCEPTION else []

    def getColor(self, cmd: LoggedRemoteCommand, results: int) -> str:
        """The colour of 0.7.5's waterfall."""
        return {SUCCESS: "green", WARNINGS: "orange"}.get(results, "red")

    def setStatus(self, cmd: LoggedRemoteCommand, results: int) -> Any:
        """Tell how it went.

        @return: a Deferred, if the words come later.
        """
        self.step_status.setColor(self.getColor(cmd, results))
        words, words2 = self.getText(cmd, results), self.maybeGetText2(cmd, results)
        if type(words) is not list or type(words2) is not list:
            return ensureDeferred(self._tell(words, words2))
        self.step_status.setText(words)
        self.step_status.setText2(words2)
        return None

    async def _tell(self, words: Any, words2: Any) -> None:
        self.step_status.setText(await _known(words))
        self.step_status.setText2(await _known(words2))


async def _known(value: Any) -> Any:
    """What a method of a subclass answers, once it is there."""
    return value if type(value) in _KNOWN or not inspect.isawaitable(value) else await value


#: Nearly all answers have one of these types, and L{inspect.isawaitable} takes long.
_KNOWN = frozenset((type(None), int, list))
