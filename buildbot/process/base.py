# -*- test-case-name: tests.unit.process.test_builds -*-
"""One build: run its steps in order on one slave.

L{buildbot.process.buildend} drives the end of a build, and L{buildbot.process.stepexception} explains the
exceptions of its steps. L{buildbot.process.attempt} chooses the
slave, and decides if the requests are finished or wait again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.model.properties import Properties, Told, render
from buildbot.model.records import OWN
from buildbot.model.results import EXCEPTION, SUCCESS, fold
from buildbot.model.sourcestamp import PLACE, SourceStamp
from buildbot.process.basestep import BuildStep
from buildbot.process.buildend import LOST_TIME as LOST_TIME
from buildbot.process.buildend import STOP_TIME as STOP_TIME
from buildbot.process.buildend import BuildEnd
from buildbot.process.buildlocks import BuildLocks
from buildbot.process.ending import Event, State
from buildbot.process.hiding import hide
from buildbot.process.locktable import releaseAll
from buildbot.process.request import BuildRequest
from buildbot.process.stepexception import showException
from buildbot.process.stepspec import WORKDIR, stepFor, workdirOf
from buildbot.process.waits import Over, Waits
from buildbot.status.build import BuildStatus
from buildbot.status.step import BuildStepStatus, colorOf
from buildbot.wire.budget import BUILD_MEMORY, Budget

if TYPE_CHECKING:
    from buildbot.process.seams import BuilderForBuild, SlaveForBuild

__all__ = ["Build", "BuildRequest"]

log = Logger()

#: Seconds after which a running step is stored, so that its log can be found after a crash.
SAVED_AFTER = 1.0


@lru_cache(maxsize=4096)  # a join costs more than the rest of a property
def _directory(paths: ModuleType, base: str, name: str) -> str:
    """The directory of a builder on a slave."""
    return str(paths.join(base, name))


@implementer(interfaces.IBuildControl)
class Build:
    """I am one build.

    @ivar requests: the requests that I serve.
    @ivar steps: my steps, until my end is stored.
    @ivar source: the L{SourceStamp} to build, with those of further codebases beside it.
    @ivar slavebuilder: the slave that I run on.
    @ivar build_status: my L{buildbot.status.build.BuildStatus}.
    @ivar results: my result; while I run, the result of the steps so far.
    @ivar whyLost: the reason why the master disconnected the slave; empty if it did not.
    @ivar overtime: a note on a command that exceeded its time limit, if the slave did not end it; else empty.
    @ivar slavename: the name of the slave.
    @ivar isLater: see L{buildbot.config.model.MasterConfig}.
    @ivar ofAll: the properties of all builds from the configuration.
    @ivar ofBuilder: the builder's C{properties} from the configuration.
    @ivar builderEnvironment: the builder's C{env}; the environments of steps count more.
    @ivar slaveEnvironment: variables that shell steps add to the environment of their commands.
    @ivar workdir: the directory of the source on the slave, relative to that of the builder. Before the
        steps are made, it may also be what L{BuildFactory.workdir} may be.
    @ivar given: my properties before the first step.
    """

    workdir: Any = WORKDIR
    useProgress = True
    build_status: BuildStatus = None  # type: ignore[assignment]  # until startBuild
    builder: BuilderForBuild = None  # type: ignore[assignment]  # until setBuilder
    slavebuilder: SlaveForBuild = None  # type: ignore[assignment]  # until startBuild
    currentStep: BuildStep | None = None
    _budget: Budget | None = None
    _claims: BuildLocks | None = None  # until a lock is claimed
    results: int | None = None
    stopReason: str | None = None
    whyLost = overtime = ""
    isLater = False
    ofAll: Mapping[str, Any] = {}
    ofBuilder: Mapping[str, Any] = {}
    builderEnvironment: Mapping[str, Any] = {}

    def __init__(self, requests: Sequence[BuildRequest]) -> None:
        self.requests = list(requests)
        first, *others = self.requests
        self.source: SourceStamp = first.mergeWith(others) if others else first.status.source
        self.reason = first.mergeReasons(others) if others else first.reason or ""
        self.properties = Properties()
        self.given = self.properties
        self.stepFactories: list[Any] = []
        self.steps: list[BuildStep] = []
        self.locks: Sequence[Any] = ()
        self.text: list[str] = []
        self.slaveEnvironment: dict[str, str] = {}
        self._waits = Waits(self._late)
        self._ending = BuildEnd(self, self._waits, self._finish)
        self._done: Deferred[Build] = Deferred()

    def __repr__(self) -> str:
        return f"<Build {getattr(self.build_status, 'number', '?')} of {getattr(self.builder, 'name', '?')}>"

    # for the builder

    def setBuilder(self, builder: BuilderForBuild) -> None:
        """Set the builder."""
        self.builder = builder

    def setSteps(self, steps: Iterable[Any]) -> None:
        """Set the steps: (class, arguments) pairs, as C{s()} makes them, or steps; see L{stepFor}."""
        self.stepFactories = list(steps)

    def setStepFactories(self, step_factories: Iterable[Any]) -> None:
        """The name of 0.7.6 to 0.8 for L{setSteps}."""
        self.setSteps(step_factories)

    def setLocks(self, locks: Sequence[Any]) -> None:
        """Set the builder's locks, which I hold while I run."""
        self.locks = locks

    def startBuild(
        self, build_status: BuildStatus, expectations: Mapping[str, float] | None, slavebuilder: SlaveForBuild
    ) -> Deferred[Build]:
        """Start the build.

        @param expectations: step name -> its usual duration in seconds.
        @return: fires with me when I have ended; never fails.
        """
        self.build_status = build_status
        self.slavebuilder = slavebuilder
        self.slavename: str = slavebuilder.slave.slavename
        self.clock = slavebuilder.clock
        self._expected: Mapping[str, float] = expectations or {}
        ensureDeferred(self._perform()).addErrback(self._exception).addBoth(self._end)
        return self._done

    def _setupStatus(self) -> None:
        status, source = self.build_status, self.source
        status.source, status.reason = source, self.reason
        changes = source.changes if not source.beside else source.allChanges()
        status.changes, status.blamelist = changes, self.blamelist()
        own = {
            "buildername": self.builder.name,
            "buildnumber": status.number,
            "slavename": self.slavename,
        }
        if not source.beside:  # as in 0.8: with several codebases, these would be those of one
            own["branch"], own["revision"] = source.branch, source.wantedRevision()
            for name in PLACE:
                own[name] = getattr(source, name)
        ofSlave = self.slavebuilder.slave.properties
        given = Properties()
        if self.ofAll:
            given.update(self.ofAll, "Global")
        for change in changes:
            given.updateFrom(change.properties)
        for request in self.requests:
            if request.properties:
                given.update(request.properties, request.propertySource)
        if self.ofBuilder:
            given.update(self.ofBuilder, "builder")
        if ofSlave:
            given.update(ofSlave, "slave")
        given.update(own, OWN)
        base = self.slavebuilder.slave.slave_basedir
        if base is not None:  # not in given: these are words of the slave
            directory = _directory(self.slavebuilder.slave.path_module, base, self.builder.builddir)
            self.properties.update({"builddir": directory, "workdir": directory}, "slave")
        self.properties.updateFrom(given)
        self.given = given
        values, status.sources = self.properties.divided(OWN)
        status.properties.update(values)

    async def _perform(self) -> None:
        """Run all steps; sets C{results} and C{text}."""
        self.results = SUCCESS
        self._setupStatus()
        if type(self.workdir) is not str:
            self.workdir = workdirOf(self.workdir, self)
        self.setupBuild(self._expected)
        # A subclass may have added steps, put them in another order, or renamed them.
        self.build_status.steps = [self._statusOf(step) for step in self.steps]
        for step in self.steps:
            if step.step_status.name != step.name:
                step.step_status.setName(step.name)
        self.slavebuilder.peer.startBuild()
        await self.acquireLocks()
        ending = False
        for step in self.steps:
            if self._ending.state is not State.RUNNING or (ending and not step.alwaysRun):
                continue
            results = await self._runStep(step)
            self.results, terminate = fold(self.results, results, step)
            ending = ending or terminate
        if self.results == SUCCESS:
            self.text = ["build", "successful", *self.text]

    def setupBuild(self, expectations: Mapping[str, float]) -> None:
        """Make the steps. Subclasses may add their own."""
        names: dict[str, int] = {}
        for each in self.stepFactories:
            step = stepFor(each, self)
            if type(step).setBuild is not BuildStep.setBuild:
                step.setBuild(self)
            count = names[step.name] = names.get(step.name, 0) + 1
            if count > 1:
                step.name = f"{step.name}_{count}"
            self.steps.append(step)
            self._statusOf(step)

    def _statusOf(self, step: BuildStep) -> BuildStepStatus:
        """The status of a step. A step has one from the beginning of the build."""
        if step.step_status is None:
            status = self.build_status.addStepWithName(step.name)
            status.expected = self._expected.get(step.name)
            status.metrics = tuple(step.progressMetrics)
            step.setStepStatus(status)
        return step.step_status

    async def _runStep(self, step: BuildStep) -> int:
        status = self._statusOf(step)
        step.build = self
        step.remote = self.slavebuilder
        locks = self._locksOf(step) if step.locks and step.doStepIf is not False else ()
        self.currentStep = step
        status.stepStarted()
        saving: Any = None
        try:
            if locks:
                await self._claim(locks, step)
            running = ensureDeferred(step.perform())
            if not running.called:  # not an Alarm: most steps need none
                saving = self.clock.callLater(SAVED_AFTER, self.builder.stepChanged, self)
            results: int = await self._waits.result(running)
        except Over:
            results = EXCEPTION
            status.setText([step.name, "interrupted"])
        except PLUGIN_ERRORS:
            results = EXCEPTION
            showException(step, self, Failure())
        finally:
            self.currentStep = None
            if locks:
                releaseAll(locks, step)
            if saving is not None and saving.active():
                saving.cancel()
        if step.hideStepIf is not False and self._ending.state is State.RUNNING:
            results = await hide(step, self, self._waits, results)
        status.stepFinished(results)
        self.text.extend(status.getText2())
        self.builder.stepChanged(self)
        return results

    def _locksOf(self, step: BuildStep) -> Sequence[Any]:
        """The locks to claim for a step: it may use the locks that I hold."""
        wanted = self.builder.realLocks(step.locks, self.slavebuilder)
        return [lock for lock in wanted if not lock.isHeldBy(self)]

    def _exception(self, why: Failure) -> None:
        """Make an exception outside of any step the result."""
        if why.check(Over):
            return
        log.failure("{build!r} failed outside of its steps", why, build=self)
        self.results = EXCEPTION
        self.text = [why.getErrorMessage()[:200]]

    def fail(self, why: str) -> None:
        """End now with EXCEPTION, because of an error outside of any step. Ignored after the end."""
        if not self.finished:
            self.results = EXCEPTION
            self.text = [why]
            self._end()

    # its end: see L{buildbot.process.buildend}

    @property
    def finished(self) -> bool:
        """True after the end."""
        return self._ending.state is State.OVER

    @property
    def lost(self) -> bool:
        """True if the slave was lost before the build was stopped."""
        return self._ending.state in (State.LOST, State.UNWANTED)

    @property
    def isWaitingForLocks(self) -> bool:
        """True while the build or its step waits for locks."""
        return self._claims is not None and self._claims.isWaiting

    def _end(self, result: object = None) -> None:
        self._ending.happens(Event.END)

    def _finish(self, results: int, text: list[str]) -> None:
        """End, with these results and words. This happens once."""
        self.releaseLocks()
        if self._budget is not None:
            self._budget.close()
        self.results, self.text = results, text
        values, self.build_status.sources = self.properties.divided(OWN)
        self.build_status.properties.update(values)
        try:
            self.buildFinished(self.text, colorOf(results), results)
        except PLUGIN_ERRORS:
            log.failure("buildFinished of {build!r} failed", build=self)
            Build.buildFinished(self, self.text, colorOf(results), results)
        del self._waits  # they refer to me, and the garbage collector would have to free us
        self._done.callback(self)

    def buildFinished(self, text: Sequence[str], color: str, results: int) -> None:
        """Called at the end. Subclasses may override it."""
        self.build_status.setText(text)
        self.build_status.setResults(results)
        self.build_status.buildFinished()

    # early ends

    def stopBuild(self, reason: str = "<no reason given>") -> None:
        """Stop the build: interrupt the current step, and start no other.

        May be called at any time, and repeatedly. A slave that does not react within STOP_TIME seconds plus
        the C{sigtermTime} of its command is disconnected.
        """
        if self.finished:
            return
        if self.stopReason is None:
            self.stopReason = reason
        self._ending.happens(Event.STOP, reason)
        self.build_status.note = "stopping"

    def lostRemote(self, remote: object = None) -> None:
        """End the build because the slave was lost."""
        self._ending.happens(Event.LOSS, Failure(ConnectionLost("the slave is gone")))

    def _late(self, why: Failure) -> None:
        log.info("a step of {build!r} failed after its end: {why}", build=self, why=why.value)

    # locks

    async def acquireLocks(self, res: object = None) -> None:
        """Wait until I hold all my locks."""
        if self.locks:
            await self._claim(self.locks, self)

    async def _claim(self, locks: Sequence[Any], owner: Build | BuildStep) -> None:
        if self._claims is None:
            self._claims = BuildLocks(self._waits)
            self._claims.setTitle(f"{self.builder.name}/{self.build_status.number}")
        await self._claims.claim(locks, owner, self.build_status)

    def releaseLocks(self) -> None:
        """Release all my locks."""
        if self.locks:
            releaseAll(self.locks, self)

    # for steps

    @property
    def remote(self) -> SlaveForBuild:
        """C{slavebuilder} under its 0.7.5 name; see L{SlaveForBuild}."""
        return self.slavebuilder

    def getProperty(self, propname: str, *default: object) -> Any:
        """The value of a property, or else the default.

        Without a default, it is None if the file is in the style of 0.7.6 and later, or asks in C{doStepIf}.

        @raise KeyError: it is not set, and there is no default.
        """
        if default or self._mayBeNone:
            return self.properties.getProperty(propname, *default)
        return self.properties[propname]

    @property
    def _mayBeNone(self) -> bool:
        return self.isLater or (self.currentStep is not None and self.currentStep.isAsked)

    def hasProperty(self, propname: str) -> bool:
        """True if a property is set."""
        return self.properties.hasProperty(propname)

    def getProperties(self) -> Told:
        """My properties, as functions of the configuration get them."""
        return Told(self)

    def setProperty(self, propname: str, value: object, source: str = "step", runtime: bool = True) -> None:
        """Set a property. C{runtime} is of 0.8, and has no effect."""
        self.properties.setProperty(propname, value, source)
        self.build_status.setProperty(propname, value, source)

    @property
    def budget(self) -> Budget:
        """Limits the memory for the messages of the slave. It is released when I end."""
        if self._budget is None:
            what = "the data of a slave that one build keeps"
            self._budget = Budget(what, BUILD_MEMORY, self.slavebuilder.peer.budget)
        return self._budget

    def render(self, value: object) -> Any:
        """Replace each WithProperties in a value by its text."""
        return render(value, self)

    @property
    def path_module(self) -> ModuleType:
        """The module for paths on the slave: C{posixpath} or C{ntpath}."""
        return self.slavebuilder.slave.path_module

    def getSlaveName(self) -> str:
        """The name of the slave."""
        return self.slavename

    def getSlaveCommandVersion(self, command: str, oldversion: str | None = None) -> str | None:
        """The version of a command of the slave; see L{BuildStep.slaveVersion}."""
        return self.slavebuilder.getSlaveCommandVersion(command, oldversion)

    def getSourceStamp(self, codebase: str | None = None) -> Any:
        """The L{SourceStamp} of a codebase; None if I do not have it.

        If I have one codebase, the empty name is good for it, too.

        @param codebase: its name; None for the source: the first one, with the others beside it.
        """
        source = self.source
        if codebase is None:
            return source
        if not source.beside:
            return source if codebase in ("", source.codebase) else None
        return source.of(codebase)

    def getAllSourceStamps(self) -> list[SourceStamp]:
        """The source stamps of all codebases, each alone."""
        return self.source.each()

    @property
    def sources(self) -> list[SourceStamp]:
        """The name of 0.8 for L{getAllSourceStamps}."""
        return self.source.each()

    def getStatus(self) -> BuildStatus:
        """My L{buildbot.status.build.BuildStatus}."""
        return self.build_status

    def allChanges(self) -> list[Change]:
        """The Changes of all codebases."""
        return self.source.allChanges()

    def allFiles(self) -> list[str]:
        """The files of all Changes."""
        return [name for change in self.source.allChanges() for name in change.files]

    def blamelist(self) -> list[str]:
        """The authors of the Changes, without duplicates, in alphabetical order."""
        return self.source.blamelist()

    def changesText(self) -> str:
        """All Changes, as text."""
        return (os.linesep * 2).join(change.asText() for change in self.source.allChanges())
