# -*- test-case-name: tests.unit.process.test_builds -*-
"""The status of a build and its steps, while they run and afterwards.

The build sets it, everybody else reads it. The store keeps it as records (L{buildbot.model.records}).
L{buildbot.logs.live} has the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from zope.interface import implementer

from buildbot import interfaces
from buildbot.events.observers import NOBODY, Observers
from buildbot.logs.live import HTMLLogFile, LogDirectory, LogFile, Nowhere
from buildbot.model.completion import Completion
from buildbot.model.records import BuildRecord, StepRecord
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.status.announcer import Announcer, Updates, tellOne, wanted
from buildbot.wire.budget import weigh

_Log = TypeVar("_Log", bound=LogFile)

#: The most characters of one word or link of a step, and the most words and links that are kept.
LONGEST_WORD = 4096
MOST_WORDS = MOST_URLS = 1000
#: The most characters of a property in the record of a build.
LONGEST_PROPERTY = 64 * 1024
#: The most bytes of memory for the results of single tests. The logs have the whole report of a test tool.
TEST_RESULTS_MEMORY = 8 << 20
_COLORS = {SUCCESS: "green", WARNINGS: "orange", FAILURE: "red", SKIPPED: "white", EXCEPTION: "purple"}

#: Colours of a step before its result is known.
_RUNNING = (None, "yellow")


def colorOf(results: int) -> str:
    """The colour of 0.7.5's waterfall for a result."""
    return _COLORS.get(results, "purple")


def asWords(text: Any) -> tuple[str, ...]:
    """Convert a step's text to words for the store: one value, or several; None is no word."""
    if text is None:
        return ()
    if type(text) in (list, tuple):
        return tuple(map(_word, text[:MOST_WORDS]))
    several: Iterable[Any] = (
        text if isinstance(text, Iterable) and not isinstance(text, (str, bytes)) else [text]
    )
    return tuple(map(_word, islice(several, MOST_WORDS)))


def _word(value: object) -> str:
    """Convert one value to text. Bytes (from slaves on Python 2) are decoded; others become C{str(value)}."""
    if type(value) is str and len(value) <= LONGEST_WORD:
        return value
    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return _cut(said, LONGEST_WORD)


def _cut(said: str, most: int) -> str:
    return said if len(said) <= most else f"{said[: most - 1]}…"


class _Watched(Completion):
    """A status to subscribe to and to wait for. Optimized for no subscribers."""

    announcer: Announcer
    _watchers: Observers[object] = NOBODY
    _updates: tuple[Updates, ...] = ()
    started: float | None = None
    finished: float | None = None

    def subscribe(self, receiver: object, updateInterval: float | None = None) -> None:
        """Deliver my events to an L{interfaces.IStatusReceiver}.

        @param updateInterval: the seconds between two ETA reports; None: no reports.
        """
        self.announcer.isHeard = True
        self._watchers = self._watchers.plus(receiver)
        if updateInterval is not None and not self.isFinished():
            updates = Updates(self.announcer.clock, receiver, updateInterval, self._tellETA)
            self._updates = (*self._updates, updates)

    def unsubscribe(self, receiver: object) -> None:
        """Stop the events for this receiver."""
        self._watchers = self._watchers.without(receiver)
        self._stopUpdates(receiver)

    def _stopUpdates(self, receiver: object = None) -> None:
        """Stop the ETA reports to one receiver, or to all."""
        if not self._updates:
            return
        stopped = [each for each in self._updates if receiver is None or each.receiver is receiver]
        self._updates = tuple(each for each in self._updates if each not in stopped)
        for each in stopped:
            each.stop()

    def _tellETA(self, receiver: object) -> None:
        raise NotImplementedError

    def isFinished(self) -> bool:
        """True after its end, with any result."""
        return self.finished is not None

    def getTimes(self) -> tuple[Any, float | None]:
        """The times (started, finished) in seconds since the epoch; None for a time that is still to come."""
        return self.started, self.finished


@implementer(interfaces.IBuildStepStatus, interfaces.IStatusEvent)
class BuildStepStatus(_Watched):
    """I am one step of a build.

    @ivar metrics: the names of its progress metrics.
    """

    name = "?"
    results: int | None = None
    _text: tuple[str, ...] = ()
    _text2: tuple[str, ...] = ()
    color: str | None = None
    metrics: Sequence[str] = ()
    _progress: Mapping[str, float] = MappingProxyType({})

    def __init__(self, build: BuildStatus) -> None:
        self.build = build
        self.announcer = build.announcer
        self.logs: list[LogFile] = []
        self.urls: dict[str, str] = {}
        self.expected: float | None = None

    def isRunning(self) -> bool:
        """True from its start to its end."""
        return self.started is not None and not self.isFinished()

    def getName(self) -> str:
        """The step's name in the configuration."""
        return self.name

    def getBuild(self) -> BuildStatus:
        """The build of the step."""
        return self.build

    def getLogs(self) -> list[LogFile]:
        """Its logs, in the order of their creation."""
        return list(self.logs)

    def getURLs(self) -> dict[str, str]:
        """The step's links: name -> URL."""
        return dict(self.urls)

    def getText(self) -> list[str]:
        """Words that describe the step."""
        return list(self._text)

    @property
    def text(self) -> list[str]:
        """See L{getText}; an attribute of 0.7.5."""
        return self.getText()

    @property
    def text2(self) -> list[str]:
        """See L{getText2}; an attribute of 0.7.5."""
        return self.getText2()

    def getText2(self) -> list[str]:
        """The words about the step for the build's text."""
        return list(self._text2)

    def getColor(self) -> str | None:
        """The colour of 0.7.5's waterfall; None until it is set."""
        return self.color

    def getResults(self) -> tuple[int | None, list[str]]:
        """The pair (result, words for the build's text)."""
        return self.results, list(self._text2)

    def getExpectations(self) -> list[tuple[str, float | None, float | None]]:
        """The progress by each metric: (metric, present value, usual final value); None: unknown."""
        now, usual = self.measured(), self.build.experience.get(self.name, {})
        return [(metric, now.get(metric), usual.get(metric)) for metric in self.metrics]

    def measured(self) -> dict[str, float]:
        """The present value of each measured metric; C{output} is the length of the log C{stdio}."""
        now = dict(self._progress)
        if "output" in self.metrics and "output" not in now:
            for log in self.logs:
                if log.name == "stdio":
                    now["output"] = log.written()
        return now

    def getETA(self) -> float | None:
        """The estimated seconds until its end; None if unknown."""
        if self.started is None or self.expected is None or self.isFinished():
            return None
        return max(0.0, self.started + self.expected - self.build.now())

    def subscribe(self, receiver: object, updateInterval: float | None = 10) -> None:
        """Deliver the events of the step's logs, and ETA reports, to an L{interfaces.IStatusReceiver}."""
        super().subscribe(receiver, updateInterval)

    def _tellETA(self, receiver: object) -> None:
        tellOne(receiver, "stepETAUpdate", self.build, self, self.getETA(), self.getExpectations())

    def _tellLogStarted(self, log: LogFile) -> None:
        for each in self._watchers:
            receiver = tellOne(each, "logStarted", self.build, self, log)
            if receiver:
                log.subscribe(receiver, True)

    def _tellLogFinished(self, log: LogFile) -> None:
        for each in self._watchers:
            tellOne(each, "logFinished", self.build, self, log)

    # calls of the step

    def setName(self, stepname: str) -> None:
        """Set the step's name."""
        self.name = _word(stepname)

    def setText(self, text: Sequence[str] | str) -> None:
        """Set the step's text: a list of words, or one text."""
        self._text = asWords(text)

    def setText2(self, text: Sequence[str] | str) -> None:
        """Set the words about the step for the build's text."""
        self._text2 = asWords(text)

    def setColor(self, color: str) -> None:
        """Set the colour of 0.7.5's waterfall. The store does not keep it."""
        self.color = color

    def setProgress(self, metric: str, value: float) -> None:
        """Set the present value of a metric."""
        self._progress = {**self._progress, metric: value}

    def addURL(self, name: str, url: str) -> None:
        """Add a link to the step."""
        name = _word(name)
        if name in self.urls or len(self.urls) < MOST_URLS:
            self.urls[name] = _word(url)

    def stepStarted(self) -> None:
        """Mark the step as started and report it."""
        self.started = self.build.now()
        if self.announcer.isHeard:
            self.announcer.later(self.build.tellStepStarted, self)

    def addLog(self, name: str) -> LogFile:
        """Add a log and return it, open for output. After the end of the build, its output is dropped."""
        return self._newLog(LogFile, name)

    def addHTMLLog(self, name: str, html: str | bytes) -> HTMLLogFile:
        """Add a finished log of HTML and return it."""
        log = self._newLog(HTMLLogFile, name)
        log.addStdout(html)
        log.finish()
        return log

    def _newLog(self, kind: type[_Log], name: str) -> _Log:
        name = _word(name)
        if self.build.isFinished():
            late = kind(self, name, "", Nowhere())
            late.finish()
            return late
        taken = {log.filename for step in self.build.steps for log in step.logs}
        log = kind(self, name, *self.build.logs.create(self.build, self.name, name, taken))
        self.logs.append(log)
        if self.announcer.isHeard:
            self.announcer.later(self._tellLogStarted, log)
            log.waitUntilFinished().addCallback(
                lambda finished: self.announcer.later(self._tellLogFinished, finished)
            )
        return log

    def stepFinished(self, results: int) -> None:
        """Mark the step and its logs as finished, and report it."""
        for log in self.logs:
            if log.isOpen:
                log.finish()
        self.finished = self.build.now()
        self.results = results
        if self.color in _RUNNING:  # else the step has set its colour
            self.color = colorOf(results)
        self._stopUpdates()
        if self.announcer.isHeard:
            self.announcer.later(self.build.tellStepFinished, self)
        if self._waiting:
            self.tellFinished()

    def toRecord(self) -> StepRecord:
        """The record for the store."""
        assert self.started is not None
        logs = tuple(log.toRecord() for log in self.logs)
        return StepRecord(self.name, self.started, self.finished, self.results, self._text, logs)


def _properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a build converted for JSON."""
    return {
        name if type(name) is str and len(name) <= LONGEST_WORD else _word(name): (
            value
            if value is None or (type(value) is str and len(value) <= LONGEST_PROPERTY)
            else _plain(value)
        )
        for name, value in values.items()
    }


def _plain(value: Any) -> Any:
    """A property's value converted for JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, (int, float, bool, type(None))):
        return value
    return _cut(value if isinstance(value, str) else repr(value), LONGEST_PROPERTY)


@implementer(interfaces.IBuildStatus, interfaces.IStatusEvent)
class BuildStatus(_Watched):
    """I am the status of one build, from its start on.

    @ivar record: the store's record at the start of the build.
    @ivar logs: the L{buildbot.logs.live.LogDirectory} that creates its logs.
    @ivar now: returns the time, in seconds since the epoch.
    @ivar experience: step name -> metric -> its usual final value.
    @ivar waitsFor: returns a note on the locks that the build waits for; empty if it waits for none.
    """

    started: float
    results: int | None = None
    _text: tuple[str, ...] = ()
    waitsFor: Callable[[], str] | None = None
    experience: Mapping[str, Mapping[str, float]] = MappingProxyType({})
    _note = ""

    def __init__(
        self,
        builder: interfaces.IBuilderStatus,
        record: BuildRecord,
        logs: LogDirectory,
        now: Callable[[], float],
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
        self.now = now
        self.steps: list[BuildStepStatus] = []
        self.source: Any = None
        self.reason = record.reason
        self.slavename = record.slave
        self.properties: dict[str, Any] = {}
        self.changes: Sequence[Any] = ()
        self.blamelist: Sequence[str] = ()
        self.testResults: dict[tuple[str, ...], interfaces.ITestResult] = {}
        self._testResultsSize = 0

    @property
    def note(self) -> str:
        """A note for people, such as the locks that the running build waits for; usually empty."""
        return self._note or (self.waitsFor() if self.waitsFor is not None else "")

    @note.setter
    def note(self, note: str) -> None:
        self._note = note

    def getBuilder(self) -> interfaces.IBuilderStatus:
        """The L{buildbot.status.builderstatus.BuilderStatus} of its builder."""
        return self.builder

    def getNumber(self) -> int:
        """The number of the build, counted per builder."""
        return self.number

    def getSourceStamp(self) -> Any:
        """The source stamp of the build."""
        return self.source

    def getReason(self) -> str:
        """The reason for the build, in words."""
        return self.reason

    def getChanges(self) -> list[Any]:
        """The Changes of the build."""
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

    def getProperty(self, propname: str) -> Any:
        """The value of a property. Raises KeyError if it is not set."""
        return self.properties[propname]

    def getETA(self) -> float | None:
        """The estimated seconds until its end; None if unknown."""
        known = [step.expected for step in self.steps]
        if not known or None in known or self.isFinished():
            return None
        return max(0.0, self.started + sum(each or 0.0 for each in known) - self.now())

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

    def setText(self, text: Sequence[str] | str) -> None:
        """Words that describe the result."""
        self._text = asWords(text)

    def setResults(self, results: int) -> None:
        """Set the result of the build."""
        self.results = results

    def setProperty(self, propname: str, value: Any, source: str = "") -> None:
        """Set a property."""
        self.properties[propname] = value

    def buildFinished(self) -> None:
        """Mark the build as finished, and finish logs that a step added after its own end."""
        for step in self.steps:
            for log in step.logs:
                if log.isOpen:
                    log.finish()
        self.finished = self.now()
        self._stopUpdates()
        if self._waiting:
            self.tellFinished()

    def toRecord(self) -> BuildRecord:
        """The record for the store."""
        steps = tuple(step.toRecord() for step in self.steps if step.started is not None)
        return BuildRecord(
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
        )
