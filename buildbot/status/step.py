# -*- test-case-name: tests.unit.process.test_builds -*-
"""The status of one step of a build, while it runs and afterwards: its words, its logs, its result.

The step sets it, everybody else reads it. L{buildbot.status.build} has the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import isfinite
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast
from weakref import ref

from zope.interface import implementer

from buildbot import interfaces
from buildbot.logs.files import LogLimits
from buildbot.logs.live import HTMLLogFile, LogDirectory, LogFile, Nowhere
from buildbot.model.records import BuildRecord, StepRecord
from buildbot.model.results import SKIPPED
from buildbot.status.announcer import Announcer, tellOne
from buildbot.status.looks import RESULTS, lookOfResult
from buildbot.status.parts import Parts, Remains
from buildbot.status.timeleft import TimeLeft, ofStep
from buildbot.status.watched import Watched

_Log = TypeVar("_Log", bound=LogFile)

#: The most characters of one word or link of a step, and the most words and links that are kept.
LONGEST_WORD = 4096
MOST_WORDS = MOST_URLS = 1000
#: The most statistics of a step in the store.
MOST_STATISTICS = 100
_COLORS = {results: look.color for results, look in RESULTS.items()}

#: Colours of a step before its result is known.
_RUNNING = (None, "yellow")


def colorOf(results: int) -> str:
    """The colour of 0.7.5's waterfall for a result."""
    return _COLORS.get(results) or lookOfResult(results).color


def asWords(text: Any) -> tuple[str, ...]:
    """Convert a step's text to words for the store: one value, or several; None is no word."""
    if text is None:
        return ()
    if type(text) in (list, tuple):
        return tuple(map(word, text[:MOST_WORDS]))
    several: Iterable[Any] = (
        text if isinstance(text, Iterable) and not isinstance(text, (str, bytes)) else [text]
    )
    return tuple(map(word, islice(several, MOST_WORDS)))


def word(value: object) -> str:
    """Convert one value to text. Bytes (from slaves on Python 2) are decoded; others become C{str(value)}."""
    if type(value) is str and len(value) <= LONGEST_WORD:
        return value
    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return cut(said, LONGEST_WORD)


def cut(said: str, most: int) -> str:
    """The text, cut to C{most} characters. An ellipsis replaces the rest."""
    return said if len(said) <= most else f"{said[: most - 1]}…"


def _kept(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Statistics for the store: numbers stay, other values become words."""
    return {
        word(name): value if type(value) is int or (type(value) is float and isfinite(value)) else word(value)
        for name, value in islice(statistics.items(), MOST_STATISTICS)
    }


class BuildOfStep(Protocol):
    """The status of the build, for its steps. This is L{buildbot.status.build.BuildStatus}."""

    ahead: float
    announcer: Announcer
    experience: Mapping[str, Mapping[str, float]]
    finished: float | None
    logs: LogDirectory
    number: int
    record: BuildRecord
    steps: list[BuildStepStatus]

    def tellStepStarted(self, step: BuildStepStatus, /) -> None:
        """Report the start of a step."""

    def tellStepFinished(self, step: BuildStepStatus, /) -> None:
        """Report the end of a step."""


@implementer(interfaces.IBuildStepStatus, interfaces.IStatusEvent)
class BuildStepStatus(Watched):
    """I am one step of a build.

    @ivar metrics: the names of its progress metrics.
    @ivar hidden: True if pages hide it.
    @ivar failurePatterns: see L{buildbot.process.basestep.BuildStep}.
    @ivar statistics: the numbers that it has counted, by their names.
    @ivar logs: its logs; C{remains}: the rest of them after L{lastRecord}.
    """

    __slots__ = ("build",)

    build: BuildOfStep
    logs: list[LogFile] = Parts("step")  # type: ignore[assignment]  # see Parts
    remains: list[Remains]
    name = "?"
    results: int | None = None
    _text: tuple[str, ...] = ()
    _text2: tuple[str, ...] = ()
    color: str | None = None
    hidden = False
    failurePatterns: tuple[str, ...] = ()
    metrics: Sequence[str] = ()
    _progress: Mapping[str, float] = MappingProxyType({})
    statistics: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, build: BuildOfStep) -> None:
        self.build = build
        self.announcer = build.announcer
        self.logs = []
        self.urls: dict[str, str] = {}
        self.expected: float | None = None

    def isRunning(self) -> bool:
        """True from its start to its end."""
        return self.started is not None and not self.isFinished()

    def getName(self) -> str:
        """The step's name in the configuration."""
        return self.name

    def getBuild(self) -> interfaces.IBuildStatus:
        """The build of the step."""
        return cast(interfaces.IBuildStatus, self.build)

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

    def isStarted(self) -> bool:
        """True from its start on."""
        return self.started is not None

    def getStepNumber(self) -> int:
        """Its place among the steps of the build; 0 is the first."""
        return next((place for place, each in enumerate(self.build.steps) if each is self), -1)

    def isHidden(self) -> bool:
        """True if pages hide the step, as its C{hideStepIf} says."""
        return self.hidden

    def isSkipped(self) -> bool:
        """True if the step did not run."""
        return self.results == SKIPPED

    def getResults(self) -> tuple[int | None, list[str]]:
        """The pair (result, words for the build's text)."""
        return self.results, list(self._text2)

    def hasStatistic(self, name: str) -> bool:
        """True if the step has counted this."""
        return name in self.statistics

    def getStatistic(self, name: str, default: Any = None) -> Any:
        """A number that the step has counted."""
        return self.statistics.get(name, default)

    def getStatistics(self) -> dict[str, Any]:
        """All numbers that the step has counted, by their names."""
        return dict(self.statistics)

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
        forecast = self.getTimeLeft()
        return None if forecast is None else forecast.left

    def getTimeLeft(self) -> TimeLeft | None:
        """The time left, and how late it is; None if unknown."""
        return ofStep(self, self.build.logs.clock.seconds() + self.build.ahead)

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

    def _tellText(self, event: str, text: list[str]) -> None:
        for each in self._watchers:
            tellOne(each, event, self.build, self, text)

    def _tellLogFinished(self, log: LogFile) -> None:
        for each in self._watchers:
            tellOne(each, "logFinished", self.build, self, log)

    # calls of the step

    def setName(self, stepname: str) -> None:
        """Set the step's name."""
        self.name = word(stepname)

    def setText(self, text: Sequence[str] | str) -> None:
        """Set the step's text: a list of words, or one text."""
        self._text = asWords(text)
        if self._watchers:
            self.announcer.later(self._tellText, "stepTextChanged", self.getText())

    def setText2(self, text: Sequence[str] | str) -> None:
        """Set the words about the step for the build's text."""
        self._text2 = asWords(text)
        if self._watchers:
            self.announcer.later(self._tellText, "stepText2Changed", self.getText2())

    def setColor(self, color: str) -> None:
        """Set the colour of 0.7.5's waterfall. The store does not keep it."""
        self.color = color

    def setProgress(self, metric: str, value: float) -> None:
        """Set the present value of a metric."""
        self._progress = {**self._progress, metric: value}

    def setStatistic(self, name: str, value: Any) -> None:
        """Set a number that the step has counted, as in 0.8."""
        self.statistics = {**self.statistics, name: value}

    def addURL(self, name: str, url: str) -> None:
        """Add a link to the step."""
        name = word(name)
        if name in self.urls or len(self.urls) < MOST_URLS:
            self.urls[name] = word(url)

    def stepStarted(self) -> None:
        """Mark the step as started and report it."""
        self.started = self.build.logs.clock.seconds() + self.build.ahead
        if self.announcer.isHeard:
            self.announcer.later(self.build.tellStepStarted, self)

    def addLog(self, name: str, limits: LogLimits | None = None) -> LogFile:
        """Add a log and return it, open for output. After the end of the build, its output is dropped.

        @param limits: of the log; None: the usual ones.
        """
        return self._newLog(LogFile, name, limits)

    def addHTMLLog(self, name: str, html: str | bytes) -> HTMLLogFile:
        """Add a finished log of HTML and return it."""
        log = self._newLog(HTMLLogFile, name)
        log.addStdout(html)
        log.finish()
        return log

    def _newLog(self, kind: type[_Log], name: str, limits: LogLimits | None = None) -> _Log:
        name = word(name)
        if self.build.finished is not None:
            late = kind(self, name, "", Nowhere())
            late.finish()
            return late
        taken = {log.filename for step in self.build.steps for log in step.logs}
        log = kind(self, name, *self.build.logs.create(self.build, self.name, name, taken, limits))
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
        self.finished = self.build.logs.clock.seconds() + self.build.ahead
        self.results = results
        if self.color in _RUNNING:  # else the step has set its colour
            self.color = colorOf(results)
        if self._updates:
            self.stopUpdates()
        if self.announcer.isHeard:
            self.announcer.later(self.build.tellStepFinished, self)
        if self._waiting:
            self.tellFinished()

    def toRecord(self) -> StepRecord:
        """The record for the store."""
        assert self.started is not None
        logs = tuple([log.toRecord() for log in self.logs])
        urls = dict(self.urls) if self.urls else None
        record = object.__new__(StepRecord)  # quicker: see L{Record}
        values = vars(record)
        values.update(
            name=self.name,
            started=self.started,
            finished=self.finished,
            results=self.results,
            text=self._text,
            logs=logs,
            urls=urls,
            hidden=self.hidden,
        )
        if self.statistics:
            values["statistics"] = _kept(self.statistics)
        if self.failurePatterns:
            values["failurePatterns"] = self.failurePatterns
        return record

    def lastRecord(self) -> StepRecord:
        """The record for the store, at the end of the build. From now on, my logs are freed with me."""
        record = self.toRecord()
        self.remains = []
        for log in self.logs:
            self.remains.append((type(log), log.__dict__, ref(log)))
        del self.logs
        return record
