# -*- test-case-name: tests.unit.process.test_buildstep -*-
"""The base class of steps: their arguments, and the methods for running them.

A step in the style of 0.7.5 overrides L{BuildStep.start} and calls L{BuildStep.finished}. A new step
overrides C{async def run(self)} and returns its result. L{buildbot.process.base} runs the steps in order
and manages their locks. Configurations import all classes of steps from C{buildbot.process.buildstep}.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.arguments import arguments, complain, haveNames, knownArguments, named
from buildbot.config.compare import ComparableMixin
from buildbot.config.messages import nearest
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.interfaces import BuildSlaveTooOldError
from buildbot.logs.files import LogLimits
from buildbot.logs.live import LogFile
from buildbot.model.properties import NoProperty, Told, isRenderable
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, Results
from buildbot.process.conditions import isWanted
from buildbot.process.deadline import endTime
from buildbot.process.kinds import COMMON, DESCRIPTIONS
from buildbot.process.logobserver import LogObserver
from buildbot.process.remotecommand import RemoteCommand
from buildbot.status.step import BuildStepStatus, asWords
from buildbot.wire.dialect import versionAtLeast

if TYPE_CHECKING:
    from buildbot.process.seams import BuildForStep, SlaveForBuild, SlaveForBuilder

log = Logger()

#: The specification of a step: its class and its arguments.
StepSpec = tuple[Callable[..., "BuildStep"], dict[str, Any]]


#: How many further commands of a stopped step are refused with an exception; later ones are ignored.
MOST_REFUSALS = 10


def wordList(words: Any) -> list[Any]:
    """Words of a configuration as a list: one text, or several."""
    return [words] if isinstance(words, str) or isRenderable(words) else list(words)


def _startsInStead(cls: type) -> bool:
    """True if a subclass overrides C{start} of a step whose class has C{run}: it then has the say."""
    having = next(each for each in cls.__mro__ if "start" in vars(each) or "run" in vars(each))
    return "run" not in vars(having)


class NoResults(Exception):
    """The result of a step is not one of L{buildbot.model.results}; the build treats this as an exception."""


class BuildStepFailed(Exception):
    """A step raises this to end as a failure."""


class StepStopped(Exception):
    """A stopped step runs another command. Caught at the end of the step, where it is not an error."""


class BuildStep(ComparableMixin):
    """I am one step of a build, with the arguments of the configuration.

    I am equal to a step of the same class with the same arguments. The keywords in C{parms} become
    attributes; the class's attributes are the defaults.

    @ivar haltOnFailure: a failure ends the build, except for steps with C{alwaysRun}.
    @ivar flunkOnFailure: a failure makes the build a failure; C{flunkOnWarnings}: warnings do.
    @ivar warnOnFailure: a failure gives the build warnings; C{warnOnWarnings}: warnings do.
    @ivar alwaysRun: whether I also run after a failure that ended the build.
    @ivar doStepIf: whether I run: True or False, a function of the step, or a value with properties in it.
    @ivar hideStepIf: whether pages hide me: the same, but a function gets my result and the step.
    @ivar description: words for the running step; C{descriptionDone}: for the finished one. None: my own.
    @ivar descriptionSuffix: words behind both.
    @ivar logMaxSize: the bytes that are kept of the beginning of each log; None: all of it.
    @ivar logMaxTailSize: about the bytes that are kept of the end of a longer log.
    @ivar failurePatterns: regular expressions. A line of my logs that matches one is a failing line.
    @ivar renderables: the attributes that get their values with properties before I run. Those of all base
        classes count.
    @ivar locks: the locks that I hold while I run.
    @ivar remote: the L{buildbot.process.slavebuilder.SlaveBuilder} that I run on.
    @ivar stopped: True after an interrupt.
    @ivar step_status: my L{buildbot.status.step.BuildStepStatus}, once I am part of a build.
    """

    compare_attrs = ("_arguments",)
    parms: ClassVar[list[str]] = [
        *("build", "name", "locks", "haltOnFailure", "flunkOnWarnings", "flunkOnFailure"),
        *("warnOnWarnings", "warnOnFailure", "alwaysRun", "progressMetrics", "useProgress"),
        *("doStepIf", "hideStepIf", "description", "descriptionDone", "descriptionSuffix"),
        *("logMaxSize", "logMaxTailSize", "failurePatterns"),
    ]

    renderables: ClassVar[Sequence[str]] = []  # a list: subclasses add to it
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
    description: Any = None
    descriptionDone: Any = None
    descriptionSuffix: Any = None
    doStepIf: Any = True
    hideStepIf: Any = False
    logMaxSize: int | None = LogLimits.head
    logMaxTailSize: int = LogLimits.tail
    failurePatterns: Sequence[str] = ()
    build: BuildForStep = None  # type: ignore[assignment]  # until it is part of a build
    remote: SlaveForBuild = None  # type: ignore[assignment]  # until it runs
    step_status: BuildStepStatus = None  # type: ignore[assignment]  # until it is part of a build
    progress: Any = None
    stopped = False
    _arguments: dict[str, Any]
    _haveNames: bool
    _ending: Deferred[Any] | None = None
    _command: RemoteCommand | None = None
    _observerFailure: Failure | None = None
    _refusals = 0
    isAsked = False  #: True while doStepIf is asked
    _whyStopped: str | Failure | None = None
    _observers: Sequence[tuple[str, LogObserver]] = ()

    def __new__(cls, *args: object, **kwargs: Any) -> BuildStep:
        self = super().__new__(cls)
        self._arguments = named(cls.__init__, args, kwargs) if args else dict(kwargs)
        self._haveNames = not args or haveNames(cls.__init__, args)
        self._arguments.pop("build", None)
        return self

    @arguments(**COMMON, **DESCRIPTIONS)
    def __init__(self, build: BuildForStep | None = None, **kwargs: Any) -> None:
        """@param build: the build of the step; None in a configuration.
        @param kwargs: the keywords in C{parms}. C{workdir}, which 0.7.5 gives to all steps, is ignored.
        @raise TypeError: a keyword is unknown or not of its kind; the message names all such keywords.
        """
        self.build = build  # type: ignore[assignment]
        kwargs.pop("workdir", None)
        for parm in self.parms:
            if parm in kwargs:
                setattr(self, parm, kwargs.pop(parm))
        known = [*knownArguments(type(self)), *self.parms] if kwargs else []
        for name in sorted(kwargs):
            isItsOwn = name in known  # its constructor has taken it, and has passed it on all the same
            told = f"passes {name} on to its base class, which takes no such argument"
            complain(
                self,
                told if isItsOwn else f"takes no argument {name}{nearest(name, known)}",
                name,
                kwargs[name],
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def configurationTrouble(self) -> str | None:
        """The reason why no build could run me, as in C{" has no command"}; or None. Called once, at load."""
        return None

    def getStepFactory(self) -> StepSpec:
        """My class and my arguments, from which each build makes an equal step.

        @raise TypeError: some arguments have no names.
        """
        if not self._haveNames:
            raise TypeError(f"{type(self).__name__} takes *args, which have no names: use addStep(Class, …)")
        return type(self), dict(self._arguments)

    def addFactoryArguments(self, **kwargs: Any) -> None:
        """Do nothing: steps in the style of 0.7.6 pass their arguments here, but they are known already."""

    # during the build

    def setBuild(self, build: BuildForStep) -> None:
        """Set the build, before the first step runs. Subclasses for 0.8 prepare themselves here."""
        self.build = build

    def describe(self, done: bool = False) -> list[str]:
        """Words that describe the step, running or done."""
        return self.described([self.name], done)

    def described(self, otherwise: Sequence[str], done: bool = False) -> list[Any]:
        """The words of the configuration that describe the step, else these; with the suffix, if it has one.

        @param done: True for the finished step.
        """
        given = self.descriptionDone if done and self.descriptionDone is not None else self.description
        words = [*(otherwise if given is None else wordList(given))]
        if self.descriptionSuffix:
            words += wordList(self.descriptionSuffix)
        if self.build is None or not any(map(isRenderable, words)):
            return words
        try:
            said: list[Any] = self.build.render(words)
        except NoProperty:  # it may be set later
            return words
        return said

    def setStepStatus(self, step_status: BuildStepStatus) -> None:
        """Set my status object."""
        self.step_status = step_status
        if self.failurePatterns:
            step_status.failurePatterns = tuple(self.failurePatterns)

    def start(self) -> Any:
        """Start the work, in the style of 0.7.5: subclasses override this, or L{run}.

        May be a coroutine. A subclass of a step that has L{run} may override it, too, and call this one.

        @return: SKIPPED if there is nothing to do. Otherwise, the step calls L{finished} or L{failed} later.
        """
        if type(self).run is BuildStep.run:
            raise NotImplementedError(f"{type(self).__name__} has neither start() nor run()")
        ensureDeferred(self.run()).addCallbacks(self.finished, self.failed)

    async def run(self) -> int:
        """Do the work; subclasses may override this instead of L{start}.

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
        """Run the step, unless C{doStepIf} says no; called by the build.

        @return: the result of L{run}; EXCEPTION if the step was stopped and has no result. The words of a
            0.7.5 pair (result, words) are added to the build's text.
        @raise ConditionFailed: C{doStepIf} raised an exception.
        @raise Exception: a value of C{renderables} cannot be rendered.
        @raise NoResults: the result is not one of L{buildbot.model.results}.
        """
        try:
            if self.doStepIf is not True and not await self._isWanted():
                return SKIPPED
            if self.renderables:
                self._render()
            ended: Any = await (BuildStep.run(self) if _startsInStead(type(self)) else self.run())
        except StepStopped:
            self.step_status.setText([self.name, "interrupted"])
            return EXCEPTION
        except BuildStepFailed:
            self.step_status.setText([self.name, "failed"])
            self.step_status.setText2([self.name])
            return FAILURE
        finally:
            self._letGo()
        if self._observerFailure is not None:
            self._observerFailure.raiseException()
        if isinstance(ended, tuple) and len(ended) == 2:
            ended, words = ended
            self.step_status.setText2([*self.step_status.getText2(), *asWords(words)])
        if not isinstance(ended, int) or not 0 <= ended < len(Results):
            raise NoResults(f"step {self.name} ended with {ended!r}, which is not a result of a step")
        return int(ended)

    def _render(self) -> None:
        """Put the values in the build into the attributes that C{renderables} of my classes name."""
        names = [name for each in type(self).__mro__ for name in vars(each).get("renderables", ())]
        for name in dict.fromkeys([*names, *self.renderables]):
            setattr(self, name, self.build.render(getattr(self, name)))

    def _letGo(self) -> None:
        """Break the cycles with my command and my observers, so that all are freed without the collector."""
        self._observers = ()
        command = getattr(self, "cmd", None)
        if isinstance(command, RemoteCommand) and not command.active:
            command.step = None

    async def _isWanted(self) -> bool:
        """Ask C{doStepIf}; set the words of a step that is skipped."""
        self.isAsked = True
        try:
            wanted = await isWanted(self)
        finally:
            self.isAsked = False
        if self.stopped:
            raise StepStopped(f"step {self.name}: {self._whyStopped}")
        if not wanted:
            try:
                words = self.describe(True)
            except PLUGIN_ERRORS:  # its description may be known only if it runs
                words = [self.name]
            self.step_status.setText([*asWords(words), "skipped"])
        return wanted

    def observerFailed(self, why: Failure) -> None:
        """Note an exception of a log observer, so that the step fails with it at its end."""
        self._observerFailure = self._observerFailure or why

    def finished(self, results: int | tuple[int, Sequence[str]]) -> None:
        """End the step with a result. Later calls do nothing.

        @param results: one of L{buildbot.model.results}, or a pair (result, words for the build's text).
        """
        if self._ending is not None and not self._ending.called:
            self._ending.callback(results)

    def failed(self, why: Failure) -> None:
        """End the step with an exception: an errback for the Deferreds of subclasses."""
        if self._ending is not None and not self._ending.called:
            self._ending.errback(why)
        elif not why.check(ConnectionLost, StepStopped):
            log.failure("step {name} failed after its end", why, name=self.name)

    def interrupt(self, reason: str | Failure) -> Deferred[None]:
        """Stop the step, because the build was stopped or the slave was lost.

        Subclasses that do more than run a command override this, and call this one.

        @param reason: words, or a Failure of C{ConnectionLost}.
        @return: fires with None after the running command, if any, was asked to end; it may still be running.
        """
        self.stopped = True
        self._whyStopped = reason
        if self._command is not None:
            self._command.interrupt(reason)
        return succeed(None)

    def runCommand(self, c: RemoteCommand) -> Deferred[RemoteCommand]:
        """Run a command on the slave. An interrupt of the step interrupts the command.

        @return: fires with the command when it has ended. Fails if it could not run; with L{StepStopped} or
            C{ConnectionLost} if the step was interrupted before.
        """
        if self.stopped:
            self._refusals += 1
            if self._refusals > MOST_REFUSALS:
                return Deferred()  # the step retries forever: never answer
            why = self._whyStopped
            return fail(why if isinstance(why, Failure) else StepStopped(f"step {self.name}: {why}"))
        self._command = c

        def ended(result: object) -> Any:
            self._command = None
            return result

        return c.run(self, self.remote).addBoth(ended)

    def isRunningCommand(self) -> bool:
        """True while a command of the step runs on the slave."""
        return self._command is not None

    def timeToStop(self) -> float:
        """The seconds for the slave to stop the running command, including its C{sigtermTime}."""
        return endTime(getattr(self._command, "args", {}))

    # for subclasses

    def addLog(self, name: str) -> LogFile:
        """Add a log and return it: a L{buildbot.logs.live.LogFile}."""
        if self.logMaxSize == LogLimits.head and self.logMaxTailSize == LogLimits.tail:
            logfile = self.step_status.addLog(name)
        else:
            logfile = self.step_status.addLog(name, LogLimits(self.logMaxSize, self.logMaxTailSize))
        for wanted, observer in self._observers:
            if wanted == name:
                observer.setLog(logfile)
        return logfile

    def addCompleteLog(self, name: str, text: str | bytes) -> None:
        """Add a finished log with a text."""
        logfile = self.addLog(name)
        logfile.addStdout(text)
        logfile.finish()

    def addHTMLLog(self, name: str, html: str | bytes) -> None:
        """Add a finished log of HTML."""
        self.step_status.addHTMLLog(name, html)

    def addLogObserver(self, logname: str, observer: LogObserver) -> None:
        """Attach an observer to the log of this name, now or when the log is added."""
        observer.setStep(self)
        self._observers = (*self._observers, (logname, observer))
        for logfile in self.step_status.getLogs() if self.step_status is not None else ():
            if logfile.getName() == logname:
                observer.setLog(logfile)

    def getLog(self, name: str) -> LogFile:
        """The log of this name. Raises KeyError if the step has none."""
        for logfile in self.step_status.getLogs():
            if logfile.getName() == name:
                found: LogFile = logfile
                return found
        raise KeyError(f"step {self.name} has no log {name}")

    def addURL(self, name: str, url: str) -> None:
        """Add a link to the step."""
        self.step_status.addURL(name, url)

    def setProgress(self, metric: str, value: float) -> None:
        """Set the present value of one of the progressMetrics."""
        self.step_status.setProgress(metric, value)

    def setStatistic(self, name: str, value: object) -> None:
        """Set a number that the step has counted, such as C{tests-failed}."""
        self.step_status.setStatistic(name, value)

    def getStatistic(self, name: str, default: object = None) -> Any:
        """A number that the step has counted before."""
        return self.step_status.getStatistic(name, default)

    def hasStatistic(self, name: str) -> bool:
        """True if the step has counted this before."""
        return self.step_status.hasStatistic(name)

    def getStatistics(self) -> dict[str, Any]:
        """All numbers that the step has counted, by their names."""
        return self.step_status.getStatistics()

    def getProperty(self, propname: str, *default: object) -> Any:
        """The value of a property of the build; see L{buildbot.process.base.Build.getProperty}."""
        return self.build.getProperty(propname, *default)

    def hasProperty(self, propname: str) -> bool:
        """True if a property of the build is set."""
        return self.getProperties().hasProperty(propname)

    def getProperties(self) -> Told:
        """The properties of the build, as functions of the configuration get them."""
        return self.build.getProperties()

    def setProperty(self, propname: str, value: object, source: str = "step", runtime: bool = True) -> None:
        """Set a property of the build.

        @param source: its origin, in words.
        @param runtime: of 0.8; it has no effect.
        """
        self.build.setProperty(propname, value, source)

    @property
    def buildslave(self) -> SlaveForBuilder:
        """The slave, while a build runs."""
        return self.remote.slave

    def getSlaveName(self) -> str:
        """The name of the slave."""
        name: str = self.build.getSlaveName()
        return name

    def slaveVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a slave's command; C{oldversion} if the slave cannot tell; None if it lacks it."""
        version: str | None = self.build.getSlaveCommandVersion(command, oldversion)
        return version

    def slaveVersionIsOlderThan(self, command: str, minversion: str) -> bool:
        """True if the slave's command is older than C{minversion}, or missing."""
        return not versionAtLeast(self.slaveVersion(command), minversion)

    def checkSlaveHasCommand(self, command: str) -> None:
        """Raise L{BuildSlaveTooOldError} if the slave lacks the command."""
        if self.slaveVersion(command, "any") is None:
            raise BuildSlaveTooOldError(f"slave {self.getSlaveName()} does not know the command {command}")
