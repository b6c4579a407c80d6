# -*- test-case-name: tests.unit.process.test_builds -*-
"""A build as it happens, and its steps: what they are doing, and how it went.

They are told by the build and asked by everybody else; what is kept of them
are records (L{buildbot.model.records}). Output is in L{buildbot.logs.live}.
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

#: Characters of one word that a step shows, or of a link, and how many of them are kept.
LONGEST_WORD = 4096
MOST_WORDS = MOST_URLS = 1000
#: Characters of a property that are kept in the record of a build.
LONGEST_PROPERTY = 64 * 1024
#: Bytes of memory that the results of single tests may take; all that a test tool says is in the logs.
TEST_RESULTS_MEMORY = 8 << 20
_COLORS = {SUCCESS: "green", WARNINGS: "orange", FAILURE: "red", SKIPPED: "white", EXCEPTION: "purple"}

#: Colours that say nothing of how a step went.
_RUNNING = (None, "yellow")


def colorOf(results: int) -> str:
    """The colour of what came to this."""
    return _COLORS.get(results, "purple")


def asWords(text: Any) -> tuple[str, ...]:
    """Words that can be kept, whatever a step took for some: one alone, or several; None is no word."""
    if text is None:
        return ()
    if type(text) in (list, tuple):
        return tuple(map(_word, text[:MOST_WORDS]))
    several: Iterable[Any] = (
        text if isinstance(text, Iterable) and not isinstance(text, (str, bytes)) else [text]
    )
    return tuple(map(_word, islice(several, MOST_WORDS)))


def _word(value: object) -> str:
    """Slaves on Python 2 send bytes; what else steps show, such as a WithProperties, is shown as it is."""
    if type(value) is str and len(value) <= LONGEST_WORD:
        return value
    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return _cut(said, LONGEST_WORD)


def _cut(said: str, most: int) -> str:
    return said if len(said) <= most else f"{said[: most - 1]}…"


class _Watched(Completion):
    """What can be subscribed to and waited for; nobody does most of the time."""

    announcer: Announcer
    _watchers: Observers[object] = NOBODY
    _updates: tuple[Updates, ...] = ()
    started: float | None = None
    finished: float | None = None

    def subscribe(self, receiver: object, updateInterval: float | None = None) -> None:
        """Tell an L{interfaces.IStatusReceiver} what happens.

        @param updateInterval: tell it every so many seconds, too, how long it still takes; None: do not.
        """
        self.announcer.isHeard = True
        self._watchers = self._watchers.plus(receiver)
        if updateInterval is not None and not self.isFinished():
            updates = Updates(self.announcer.clock, receiver, updateInterval, self._tellETA)
            self._updates = (*self._updates, updates)

    def unsubscribe(self, receiver: object) -> None:
        """Tell it no more."""
        self._watchers = self._watchers.without(receiver)
        self._stopUpdates(receiver)

    def _stopUpdates(self, receiver: object = None) -> None:
        """Of all, or of one receiver."""
        if not self._updates:
            return
        stopped = [each for each in self._updates if receiver is None or each.receiver is receiver]
        self._updates = tuple(each for each in self._updates if each not in stopped)
        for each in stopped:
            each.stop()

    def _tellETA(self, receiver: object) -> None:
        raise NotImplementedError

    def isFinished(self) -> bool:
        """Whether it is over."""
        return self.finished is not None

    def getTimes(self) -> tuple[Any, float | None]:
        """When it began and when it ended, in seconds since the epoch; None for what has not happened yet."""
        return self.started, self.finished


@implementer(interfaces.IBuildStepStatus, interfaces.IStatusEvent)
class BuildStepStatus(_Watched):
    """I am one step of a build.

    @ivar metrics: by what its progress is measured.
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
        """Whether it has begun and is not over."""
        return self.started is not None and not self.isFinished()

    def getName(self) -> str:
        """What the configuration calls it."""
        return self.name

    def getBuild(self) -> BuildStatus:
        """The build that it is part of."""
        return self.build

    def getLogs(self) -> list[LogFile]:
        """Its logs, the one of its command first."""
        return list(self.logs)

    def getURLs(self) -> dict[str, str]:
        """Links: what they are called -> where they lead."""
        return dict(self.urls)

    def getText(self) -> list[str]:
        """A few words on what it does or did."""
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
        """What of it is worth mentioning with the build."""
        return list(self._text2)

    def getColor(self) -> str | None:
        """The colour of 0.7.5's waterfall; None until somebody has said which."""
        return self.color

    def getResults(self) -> tuple[int | None, list[str]]:
        """How it went, and what is worth mentioning with the build."""
        return self.results, list(self._text2)

    def getExpectations(self) -> list[tuple[str, float | None, float | None]]:
        """What is known of its progress: (metric, now, usually in the end); None for what is not known."""
        now, usual = self.measured(), self.build.experience.get(self.name, {})
        return [(metric, now.get(metric), usual.get(metric)) for metric in self.metrics]

    def measured(self) -> dict[str, float]:
        """How far it is, by each metric that was measured; C{output} is the length of its output."""
        now = dict(self._progress)
        if "output" in self.metrics and "output" not in now:
            for log in self.logs:
                if log.name == "stdio":
                    now["output"] = log.written()
        return now

    def getETA(self) -> float | None:
        """Seconds until it will probably be over; None if nothing is known."""
        if self.started is None or self.expected is None or self.isFinished():
            return None
        return max(0.0, self.started + self.expected - self.build.now())

    def subscribe(self, receiver: object, updateInterval: float | None = 10) -> None:
        """Tell an L{interfaces.IStatusReceiver} of its logs, and how long it still takes."""
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

    # what the step tells

    def setName(self, stepname: str) -> None:
        """What the configuration calls it."""
        self.name = _word(stepname)

    def setText(self, text: Sequence[str] | str) -> None:
        """A few words, or one."""
        self._text = asWords(text)

    def setText2(self, text: Sequence[str] | str) -> None:
        """What is worth mentioning with the build."""
        self._text2 = asWords(text)

    def setColor(self, color: str) -> None:
        """The colour of 0.7.5's waterfall; not kept."""
        self.color = color

    def setProgress(self, metric: str, value: float) -> None:
        """How far it is, by one metric."""
        self._progress = {**self._progress, metric: value}

    def addURL(self, name: str, url: str) -> None:
        """A link to show with it."""
        name = _word(name)
        if name in self.urls or len(self.urls) < MOST_URLS:
            self.urls[name] = _word(url)

    def stepStarted(self) -> None:
        """It begins."""
        self.started = self.build.now()
        self.announcer.later(self.build.tellStepStarted, self)

    def addLog(self, name: str) -> LogFile:
        """A new log, which grows from now on; after the end of the build it is kept nowhere."""
        return self._newLog(LogFile, name)

    def addHTMLLog(self, name: str, html: str | bytes) -> HTMLLogFile:
        """A new log that is HTML, and finished at once."""
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
        log = kind(self, name, *self.build.logs.create(self.build, self.name, name))
        self.logs.append(log)
        if self.announcer.isHeard:
            self.announcer.later(self._tellLogStarted, log)
            log.waitUntilFinished().addCallback(
                lambda finished: self.announcer.later(self._tellLogFinished, finished)
            )
        return log

    def stepFinished(self, results: int) -> None:
        """It is over; so are its logs."""
        for log in self.logs:
            log.finish()
        self.finished = self.build.now()
        self.results = results
        if self.color in _RUNNING:  # else the step has said which
            self.color = colorOf(results)
        self._stopUpdates()
        self.announcer.later(self.build.tellStepFinished, self)
        self.tellFinished()

    def toRecord(self) -> StepRecord:
        """What is kept of it."""
        assert self.started is not None
        logs = tuple(log.toRecord() for log in self.logs)
        return StepRecord(self.name, self.started, self.finished, self.results, self._text, logs)


def _plain(value: Any) -> Any:
    """A property as JSON can hold it."""
    if value is None or (type(value) is str and len(value) <= LONGEST_PROPERTY):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, (int, float, bool, type(None))):
        return value
    return _cut(value if isinstance(value, str) else repr(value), LONGEST_PROPERTY)


@implementer(interfaces.IBuildStatus, interfaces.IStatusEvent)
class BuildStatus(_Watched):
    """I am one build, from its beginning on.

    @ivar record: what the store knew of it at its beginning.
    @ivar logs: where its logs are made: a L{buildbot.logs.live.LogDirectory}.
    @ivar now: tells the time, in seconds since the epoch.
    @ivar experience: step name -> metric -> what it usually comes to.
    @ivar waitsFor: says what it waits for, if it waits for locks.
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
        """What it does while it runs, if it does not just build."""
        return self._note or (self.waitsFor() if self.waitsFor is not None else "")

    @note.setter
    def note(self, note: str) -> None:
        self._note = note

    def getBuilder(self) -> interfaces.IBuilderStatus:
        """The L{buildbot.status.builderstatus.BuilderStatus} of the builder that builds it."""
        return self.builder

    def getNumber(self) -> int:
        """Counts the builds of its builder."""
        return self.number

    def getSourceStamp(self) -> Any:
        """What it builds."""
        return self.source

    def getReason(self) -> str:
        """Why, in words."""
        return self.reason

    def getChanges(self) -> list[Any]:
        """The Changes that it builds."""
        return list(self.changes)

    def getResponsibleUsers(self) -> list[str]:
        """Who made them."""
        return list(self.blamelist)

    def getInterestedUsers(self) -> list[str]:
        """Who wants to know of it: who made the Changes."""
        return list(self.blamelist)

    def getPreviousBuild(self) -> interfaces.IBuildStatus | None:
        """The build before it; None if that is in the store only."""
        return self.builder.getBuild(self.number - 1) if self.number else None

    def getTestResults(self) -> dict[tuple[str, ...], interfaces.ITestResult]:
        """What test steps have told: test name -> result."""
        return dict(self.testResults)

    def addTestResult(self, result: interfaces.ITestResult) -> None:
        """One test's result, an L{interfaces.ITestResult}; kept as far as TEST_RESULTS_MEMORY allows."""
        size = weigh(result.getName()) + weigh(result.getLogs()) + weigh(result.getText())
        if self._testResultsSize + size <= TEST_RESULTS_MEMORY:
            self._testResultsSize += size
            self.testResults[result.getName()] = result

    def getSlavename(self) -> str:
        """The slave that builds it."""
        return self.slavename

    def getSteps(self) -> list[BuildStepStatus]:
        """Its steps, those that have not begun yet included."""
        return list(self.steps)

    def getCurrentStep(self) -> BuildStepStatus | None:
        """The step that runs."""
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
        """The step that runs."""
        return self.getCurrentStep()

    def getLogs(self) -> list[LogFile]:
        """The logs of all steps."""
        return [log for step in self.steps for log in step.logs]

    def getText(self) -> list[str]:
        """A few words on how it went."""
        return list(self._text)

    def getColor(self) -> str | None:
        """The colour of 0.7.5's waterfall; None while it runs."""
        return None if self.results is None else colorOf(self.results)

    def getResults(self) -> int | None:
        """How it went; None while it runs."""
        return self.results

    def getProperty(self, propname: str) -> Any:
        """One of its properties; KeyError if there is none of that name."""
        return self.properties[propname]

    def getETA(self) -> float | None:
        """Seconds until it will probably be over; None if nothing is known."""
        known = [step.expected for step in self.steps]
        if not known or None in known or self.isFinished():
            return None
        return max(0.0, self.started + sum(each or 0.0 for each in known) - self.now())

    def _tellETA(self, receiver: object) -> None:
        tellOne(receiver, "buildETAUpdate", self, self.getETA())

    def unsubscribe(self, receiver: object) -> None:
        """Tell it no more, of the steps and their logs neither."""
        super().unsubscribe(receiver)
        for step in self.steps:
            if not step.isFinished():
                step.unsubscribe(receiver)
                for log in step.logs:
                    log.unsubscribe(receiver)

    def tellStepStarted(self, step: BuildStepStatus) -> None:
        """A step began."""
        for each in self._watchers:
            subscription = wanted(tellOne(each, "stepStarted", self, step))
            if subscription:
                step.subscribe(*subscription)

    def tellStepFinished(self, step: BuildStepStatus) -> None:
        """A step is over."""
        for each in self._watchers:
            tellOne(each, "stepFinished", self, step, step.getResults())

    # what the build tells

    def addStepWithName(self, name: str) -> BuildStepStatus:
        """A step that is about to begin."""
        step = BuildStepStatus(self)
        step.setName(name)
        self.steps.append(step)
        return step

    def setText(self, text: Sequence[str] | str) -> None:
        """A few words on how it went."""
        self._text = asWords(text)

    def setResults(self, results: int) -> None:
        """How it went."""
        self.results = results

    def setProperty(self, propname: str, value: Any, source: str = "") -> None:
        """One of its properties."""
        self.properties[propname] = value

    def buildFinished(self) -> None:
        """It is over; so are the logs that a step added after its own end."""
        for log in self.getLogs():
            log.finish()
        self.finished = self.now()
        self._stopUpdates()
        self.tellFinished()

    def toRecord(self) -> BuildRecord:
        """What is kept of it."""
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
            properties={_word(name): _plain(value) for name, value in self.properties.items()},
            steps=steps,
        )
