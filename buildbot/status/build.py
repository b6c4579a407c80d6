# -*- test-case-name: tests.unit.process.test_builds -*-
"""The status of a build, while it runs and afterwards.

The build sets it, everybody else reads it. The store keeps it as records (L{buildbot.model.records}).
L{buildbot.status.step} has the steps, and L{buildbot.logs.live} their output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any
from weakref import ref

from zope.interface import implementer

from buildbot import interfaces
from buildbot.logs.live import LogDirectory, LogFile
from buildbot.model.change import Change
from buildbot.model.properties import Properties
from buildbot.model.records import OWN, BuildRecord, StepRecord
from buildbot.model.rows import BuildRow
from buildbot.model.sourcestamp import SourceStamp
from buildbot.status.announcer import Announcer, tellOne, wanted
from buildbot.status.parts import Parts, Remains
from buildbot.status.step import LONGEST_WORD, asWords, colorOf, cut, word
from buildbot.status.step import BuildStepStatus as BuildStepStatus
from buildbot.status.tests import keptTests
from buildbot.status.timeleft import TimeLeft, ofBuild
from buildbot.status.watched import Watched
from buildbot.wire.budget import weigh

#: The most characters of a property in the record of a build.
LONGEST_PROPERTY = 64 * 1024
#: The most codebases whose revisions are kept as a dictionary. Of more, there is only the text of it.
MOST_CODEBASES = 200
#: The most bytes of memory for the results of single tests. The logs have the whole report of a test tool.
TEST_RESULTS_MEMORY = 8 << 20


def _properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a build converted for JSON."""
    found = {
        name if type(name) is str and len(name) <= LONGEST_WORD else word(name): (
            value
            if value is None or (type(value) is str and len(value) <= LONGEST_PROPERTY)
            else _plain(value)
        )
        for name, value in values.items()
    }
    got = values.get("got_revision")
    if isinstance(got, Mapping) and len(got) <= MOST_CODEBASES:
        found["got_revision"] = {word(name): _revision(revision) for name, revision in got.items()}
    return found


def _revision(value: Any) -> str | None:
    """The revision of a codebase; None if a step has set none."""
    return None if value is None else word(value)


def _words(sources: Mapping[str, Any]) -> dict[str, str]:
    """The sources of properties for JSON."""
    return {
        name if type(name) is str and len(name) <= LONGEST_WORD else word(name): (
            source if type(source) is str and len(source) <= LONGEST_WORD else word(source)
        )
        for name, source in sources.items()
    }


def _plain(value: Any) -> Any:
    """A property's value converted for JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, (int, float, bool, type(None))):
        return value
    return cut(value if isinstance(value, str) else repr(value), LONGEST_PROPERTY)


@implementer(interfaces.IBuildStatus, interfaces.IStatusEvent)
class BuildStatus(Watched):
    """I am the status of one build, from its start on.

    @ivar record: the store's record at the start of the build.
    @ivar logs: the L{buildbot.logs.live.LogDirectory} that creates its logs.
    @ivar ahead: the seconds between the clock of the logs and the time of the build. The clock cannot be set,
        so the time of a build never goes back.
    @ivar experience: step name -> metric -> its usual final value.
    @ivar waitsFor: returns a note on the locks that the build waits for; empty if it waits for none.
    @ivar waits: True while it waits for builds that it has triggered.
    @ivar sources: the source of each property, unless it is L{OWN}; None if no source is known.
    @ivar steps: its steps; C{remains}: the rest of them after L{lastRecord}.
    """

    steps: list[BuildStepStatus] = Parts("build")  # type: ignore[assignment]  # see Parts
    remains: list[Remains]
    started: float
    results: int | None = None
    _text: tuple[str, ...] = ()
    waitsFor: Callable[[], str] | None = None
    waits = False
    experience: Mapping[str, Mapping[str, float]] = MappingProxyType({})
    _note = ""

    def __init__(
        self,
        builder: interfaces.IBuilderStatus,
        record: BuildRecord,
        logs: LogDirectory,
        announcer: Announcer | None = None,
    ) -> None:
        """@param builder: the L{buildbot.status.builderstatus.BuilderStatus}."""
        assert record.number is not None
        self.builder = builder
        self.announcer = announcer or Announcer(logs.clock)
        self.record = record
        self.number = record.number
        self.started = record.started
        self.logs = logs
        self.ahead = record.started - logs.clock.seconds()
        self.steps = []
        self.source: SourceStamp = None  # type: ignore[assignment]  # until the build sets it
        self.reason = record.reason
        self.slavename = record.slave
        self.properties: dict[str, Any] = {}
        self.sources: dict[str, str] | None = {}
        self.changes: Sequence[Change] = ()
        self.blamelist: Sequence[str] = ()
        self.testResults: dict[tuple[str, ...], interfaces.ITestResult] = {}
        self._testResultsSize = 0

    @property
    def master(self) -> Any:
        """The L{buildbot.buildmaster.service.BuildMaster}, for functions of the configuration, as in 0.8."""
        builder: Any = self.builder
        return builder.master

    @property
    def note(self) -> str:
        """A note for people, such as the locks that the running build waits for; usually empty."""
        return self._note or (self.waitsFor() if self.waitsFor is not None else "")

    @note.setter
    def note(self, note: str) -> None:
        self._note = note

    def now(self) -> float:
        """The present time within the build, in seconds since the epoch."""
        return self.logs.clock.seconds() + self.ahead

    def getBuilder(self) -> interfaces.IBuilderStatus:
        """The L{buildbot.status.builderstatus.BuilderStatus} of its builder."""
        return self.builder

    def getNumber(self) -> int:
        """The number of the build, counted per builder."""
        return self.number

    def getSourceStamp(self, absolute: bool = False) -> SourceStamp:
        """The source stamp of the build, with those of further codebases beside it.

        @param absolute: with the revisions that the slave checked out, if a step has told them.
        """
        got = self.properties.get("got_revision") if absolute else None
        if got is None:
            return self.source
        if not isinstance(got, Mapping):
            return self.source.getAbsoluteSourceStamp(str(got))
        found = {name: None if each is None else str(each) for name, each in got.items()}
        return self.source.getAbsoluteSourceStamp(found)

    # names of 0.8

    def getSourceStamps(self, absolute: bool = False) -> list[SourceStamp]:
        """The source stamps of all codebases, each alone; see L{getSourceStamp}."""
        return self.getSourceStamp(absolute).each()

    def getAllGotRevisions(self) -> dict[str, Any]:
        """The revision that the slave checked out, by the name of the codebase; empty before it is known."""
        got = self.properties.get("got_revision")
        if isinstance(got, Mapping):
            return dict(got)
        return {} if got is None else {self.source.codebase: got}

    def getProperties(self) -> Properties:
        """A copy of the properties, with their sources."""
        found = Properties()
        for name, value in self.properties.items():
            found.setProperty(name, value, self.sourceOf(name))
        return found

    def sourceOf(self, name: str) -> str:
        """The source of a property, in words for people."""
        return self.sources.get(name, OWN) if self.sources is not None else "unknown"

    def getTestResultsOrd(self) -> list[interfaces.ITestResult]:
        """The results of single tests, in the order of their names."""
        return [result for _, result in sorted(self.testResults.items())]

    def getRequestIds(self) -> tuple[int, ...]:
        """The IDs of the requests that the build serves."""
        return self.record.requests

    def getReason(self) -> str:
        """The reason for the build, in words."""
        return self.reason

    def getChanges(self) -> list[Change]:
        """The Changes of the build, of all codebases."""
        return list(self.changes)

    def getResponsibleUsers(self) -> list[str]:
        """The authors of those Changes."""
        return list(self.blamelist)

    def getInterestedUsers(self) -> list[str]:
        """The users to notify: the authors of the Changes."""
        return list(self.blamelist)

    def getPreviousBuild(self) -> interfaces.IBuildStatus | None:
        """The previous build of the builder; None if it is only in the store."""
        return self.builder.getBuild(self.number - 1) if self.number else None

    def getTestResults(self) -> dict[tuple[str, ...], interfaces.ITestResult]:
        """The results of single tests, as added by steps: test name -> result."""
        return dict(self.testResults)

    def addTestResult(self, result: interfaces.ITestResult) -> None:
        """Add one test's L{interfaces.ITestResult}. It is dropped if it would exceed TEST_RESULTS_MEMORY."""
        size = weigh(result.getName()) + weigh(result.getLogs()) + weigh(result.getText())
        if self._testResultsSize + size <= TEST_RESULTS_MEMORY:
            self._testResultsSize += size
            self.testResults[result.getName()] = result

    def getSlavename(self) -> str:
        """The name of the slave."""
        return self.slavename

    def getSteps(self) -> list[BuildStepStatus]:
        """Its steps, including those not yet started."""
        return list(self.steps)

    def getSummaryStatistic(
        self, name: str, summary_fn: Callable[[Any, Any], Any], initial_value: Any = None
    ) -> Any:
        """One number, made of the numbers that the steps have counted; None if no step has counted it.

        @param summary_fn: makes one number of two, as C{operator.add} does.
        @param initial_value: the number before that of the first step; None: begin with that one.
        """
        counted = [step.getStatistic(name) for step in self.steps if step.hasStatistic(name)]
        first = [] if initial_value is None else [initial_value]
        return reduce(summary_fn, [*first, *counted]) if first or counted else None

    def getCurrentStep(self) -> BuildStepStatus | None:
        """The running step, or None."""
        return next((step for step in self.steps if step.isRunning()), None)

    @property
    def text(self) -> list[str]:
        """See L{getText}; an attribute of 0.7.5."""
        return self.getText()

    @property
    def color(self) -> str | None:
        """See L{getColor}; an attribute of 0.7.5."""
        return self.getColor()

    @property
    def currentStep(self) -> BuildStepStatus | None:
        """The running step, or None."""
        return self.getCurrentStep()

    def getLogs(self) -> list[LogFile]:
        """The logs of all steps."""
        return [log for step in self.steps for log in step.logs]

    def getText(self) -> list[str]:
        """Words that describe the result."""
        return list(self._text)

    def getColor(self) -> str | None:
        """The colour of 0.7.5's waterfall for the result; None while it runs."""
        return None if self.results is None else colorOf(self.results)

    def getResults(self) -> int | None:
        """The result of the build; None while it runs."""
        return self.results

    def getProperty(self, propname: str, *default: object) -> Any:
        """The value of a property, or else the default.

        Without a default, it is None if the file is in the style of 0.7.6 and later, else a KeyError.
        """
        if default or getattr(self.builder, "isLater", False):
            return self.properties.get(propname, *default)
        return self.properties[propname]

    def hasProperty(self, propname: str) -> bool:
        """True if a property is set."""
        return propname in self.properties

    def getETA(self) -> float | None:
        """The estimated seconds until its end; None if unknown."""
        forecast = self.getTimeLeft()
        return None if forecast is None else forecast.left

    def getTimeLeft(self) -> TimeLeft | None:
        """The time left, and how late it is; None if unknown."""
        return None if self.isFinished() else ofBuild(self.steps, self.started, self.now())

    def _tellETA(self, receiver: object) -> None:
        tellOne(receiver, "buildETAUpdate", self, self.getETA())

    def unsubscribe(self, receiver: object) -> None:
        """Stop all events for this receiver, also those about steps and logs."""
        super().unsubscribe(receiver)
        for step in self.steps:
            if not step.isFinished():
                step.unsubscribe(receiver)
                for log in step.logs:
                    log.unsubscribe(receiver)

    def tellStepStarted(self, step: BuildStepStatus) -> None:
        """Report the start of a step."""
        for each in self._watchers:
            subscription = wanted(tellOne(each, "stepStarted", self, step))
            if subscription:
                step.subscribe(*subscription)

    def tellStepFinished(self, step: BuildStepStatus) -> None:
        """Report the end of a step."""
        for each in self._watchers:
            tellOne(each, "stepFinished", self, step, step.getResults())

    # calls of the build

    def addStepWithName(self, name: str) -> BuildStepStatus:
        """Add a step that is not started yet, and return its status."""
        step = BuildStepStatus(self)
        step.setName(name)
        self.steps.append(step)
        return step

    def setSourceStamp(self, sourceStamp: SourceStamp) -> None:
        """Set the source stamp of the build, and its Changes."""
        self.source = sourceStamp
        self.changes = sourceStamp.allChanges()

    def setReason(self, reason: str) -> None:
        """Set the reason for the build."""
        self.reason = reason

    def setBlamelist(self, blamelist: Sequence[str]) -> None:
        """Set the authors of the Changes."""
        self.blamelist = list(blamelist)

    def setSlavename(self, slavename: str) -> None:
        """Set the name of the slave."""
        self.slavename = slavename

    def setText(self, text: Sequence[str] | str) -> None:
        """Words that describe the result."""
        self._text = asWords(text)

    def setResults(self, results: int) -> None:
        """Set the result of the build."""
        self.results = results

    def setProperty(self, propname: str, value: Any, source: str = "") -> None:
        """Set a property."""
        self.properties[propname] = value
        if self.sources is not None:
            self.sources[propname] = source or "unknown"

    def buildFinished(self) -> None:
        """Mark the build as finished, and finish logs that a step added after its own end."""
        for step in self.steps:
            for log in step.logs:
                if log.isOpen:
                    log.finish()
        self.finished = self.logs.clock.seconds() + self.ahead
        if self._updates:
            self.stopUpdates()
        if self._waiting:
            self.tellFinished()

    def toRecord(self) -> BuildRecord:
        """The record for the store."""
        return self._record(tuple([step.toRecord() for step in self.steps if step.started is not None]))

    def toRow(self) -> BuildRow:
        """The line of the build in lists, as the store has it after its start and after its end."""
        return BuildRow.of(self._record(()), self.number)

    def lastRecord(self) -> BuildRecord:
        """The record for the store, at the end. From now on, my steps are freed with me: see L{Parts}."""
        steps = self.steps
        record = self._record(tuple([step.lastRecord() for step in steps if step.started is not None]))
        self.remains = [(type(step), step.__dict__, ref(step)) for step in steps]
        del self.steps
        return record

    def _record(self, steps: tuple[StepRecord, ...]) -> BuildRecord:
        record = object.__new__(BuildRecord)  # quicker: see L{Record}
        values = vars(record)
        values.update(
            builder=self.record.builder,
            number=self.number,
            slave=self.slavename,
            requests=self.record.requests,
            started=self.record.started,
            finished=self.finished,
            results=self.results,
            text=self._text,
            reason=self.reason,
            sourcestamp=self.record.sourcestamp,
            properties=_properties(self.properties),
            steps=steps,
            waits=self.waits and self.finished is None,
        )
        if self.sources is not None:
            values["sources"] = _words(self.sources)
        if self.testResults:
            tests = keptTests(self.testResults.values())
            values.update(tests=tests, moreTests=len(self.testResults) - len(tests))
        return record
