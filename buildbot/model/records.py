# -*- test-case-name: tests.unit.model.test_records -*-
"""Records of builds, build sets and requests, as frozen values for the store and for reports.

A record is a snapshot: it holds the state at its creation. This module does not read or write files. Source
stamps and properties are plain dicts, from their C{toRecord}; nobody may modify these dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Literal, TypeVar

from zope.interface import implementer

from buildbot.interfaces import ITestResult
from buildbot.model.results import EXCEPTION, worst

#: The text of a build that was interrupted by the end of the master.
INTERRUPTED = "interrupted by a restart of the master"
#: The same, if a master that had waited has taken over then.
TAKEN_OVER = "interrupted when another master took over"

#: The text of the last of several such builds of one request; their number is appended.
GIVEN_UP = "given up: the master was killed or crashed during each of"
#: The number of interrupted builds after which a request is given up.
MOST_INTERRUPTIONS = 3

#: The source of the properties that every build sets itself.
OWN = "build"
#: The usual source of the properties of a request.
REQUEST = "request"

#: The states of a request; it is always in exactly one.
RequestState = Literal["pending", "building", "done"]
#: The kinds of pause: no new builds; or no new builds, and a disconnect once the slave is idle.
PauseKind = Literal["paused", "draining"]

_R = TypeVar("_R", bound="Record")


class BadRecord(ValueError):
    """The input is not a valid record; the message says why."""


@dataclass(frozen=True)
class Record:
    """The base class of records: conversion to a JSON-able dict, and back.

    A field that most records do not need has C{init=False}. L{altered} sets such a field. Only records with a
    set field have it in their dict. L{dataclasses.replace} would lose it.

    The constructor of a frozen dataclass takes three times as long as C{object.__new__} and an update of
    C{vars} with all fields. So the records that every build needs are made in this way.
    """

    def toRecord(self) -> dict[str, Any]:
        """A JSON-able dict of the record. Tuples become lists."""
        return {name: value if type(value) in _ATOMS else _plain(value) for name, value in vars(self).items()}

    def altered(self: _R, **changes: Any) -> _R:
        """A copy with other values of some fields; L{dataclasses.replace} takes five times as long."""
        same = object.__new__(type(self))
        same.__dict__.update(self.__dict__)
        same.__dict__.update(changes)
        return same

    @classmethod
    def fromRecord(cls: type[_R], record: object) -> _R:
        """The record of a dict from L{toRecord}.

        Unknown names are ignored: a later release may have written them.

        @raise BadRecord: a value is missing or of the wrong type.
        """
        if not isinstance(record, Mapping):
            raise BadRecord(f"{cls.__name__}: {type(record).__name__} is not a dict")
        known: Any = cls
        usual, rare = _readersOf(known)
        try:
            made = cls(**{name: read(record[name]) for name, read in usual if name in record})
            more = {name: read(record[name]) for name, read in rare if name in record}
        except TypeError as error:
            raise BadRecord(f"{cls.__name__}: {error}") from None
        return made.altered(**more) if more else made


@dataclass(frozen=True)
class LogRecord(Record):
    """I am one log of a step.

    @ivar name: the name given by the step.
    @ivar filename: the path of the file, relative to the directory of logs.
    @ivar length: the size of the file in bytes; None while it grows.
    @ivar crc: the CRC-32 of the file; None while it grows, or if unknown.
    @ivar trouble: a note on missing output, and the reason; empty if the file is complete.
    @ivar html: True if the text is HTML, to be shown unescaped.
    """

    name: str
    filename: str
    length: int | None = None
    crc: int | None = None
    trouble: str = ""
    html: bool = False


@dataclass(frozen=True)
class StepRecord(Record):
    """I am one step of a build, running or finished.

    @ivar results: one of L{buildbot.model.results}; None while it runs.
    @ivar text: words for its box in a waterfall.
    @ivar urls: its links, name -> URL; None if it has none.
    @ivar hidden: True if pages hide it.
    @ivar statistics: the numbers that it has counted, name -> number; None if it has counted nothing.
    @ivar failurePatterns: regular expressions for the failing lines of its logs.
    """

    name: str
    started: float
    finished: float | None = None
    results: int | None = None
    text: tuple[str, ...] = ()
    logs: tuple[LogRecord, ...] = ()
    urls: dict[str, Any] | None = None
    hidden: bool = False
    statistics: dict[str, Any] | None = field(default=None, init=False)
    failurePatterns: tuple[str, ...] = field(default=(), init=False)


@implementer(ITestResult)
@dataclass(frozen=True)
class TestRecord(Record):
    """I am the result of one test.

    @ivar name: the parts of its full name.
    @ivar results: one of L{buildbot.model.results}.
    @ivar text: the result in words.
    @ivar logs: the beginnings of the reports on it, by name.
    """

    name: tuple[str, ...]
    results: int
    text: tuple[str, ...] = ()
    logs: dict[str, Any] | None = None

    def getName(self) -> tuple[str, ...]:
        """See L{ITestResult}."""
        return self.name

    def getResults(self) -> int:
        """See L{ITestResult}."""
        return self.results

    def getText(self) -> list[str]:
        """See L{ITestResult}."""
        return list(self.text)

    def getLogs(self) -> dict[str, str]:
        """See L{ITestResult}."""
        return dict(self.logs or {})


@dataclass(frozen=True)
class BuildRecord(Record):
    """I am one build, running or finished.

    @ivar number: the number among the builds of C{builder}; None before the store has assigned it.
    @ivar slave: the name of the slave.
    @ivar requests: the IDs of the requests that the build serves.
    @ivar results: one of L{buildbot.model.results}; None while it runs.
    @ivar text: words about the outcome.
    @ivar waits: True while it waits for builds that it has triggered.
    @ivar sources: the source of each property, unless it is L{OWN}; None if no source is known.
    @ivar tests: the results of single tests.
    @ivar moreTests: the number of further results that did not fit into C{tests}.
    """

    builder: str
    number: int | None
    slave: str
    requests: tuple[int, ...]
    started: float
    finished: float | None = None
    results: int | None = None
    text: tuple[str, ...] = ()
    reason: str = ""
    sourcestamp: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    steps: tuple[StepRecord, ...] = ()
    waits: bool = False
    sources: dict[str, Any] | None = field(default=None, init=False)
    tests: tuple[TestRecord, ...] = field(default=(), init=False)
    moreTests: int = field(default=0, init=False)

    def sourceOf(self, name: str) -> str | None:
        """The source of a property, in words for people; None if it is unknown."""
        return None if self.sources is None else str(self.sources.get(name, OWN))

    @property
    def isGivenUp(self) -> bool:
        """True if my requests were given up: the master died during too many of their builds."""
        return len(self.text) == 1 and self.text[0].startswith(GIVEN_UP)

    def logFilenames(self) -> tuple[str, ...]:
        """The files of all my logs."""
        return tuple(log.filename for step in self.steps for log in step.logs)

    def withoutLogs(self, why: str) -> BuildRecord:
        """A copy whose logs have no contents any more, for this reason."""
        return self.altered(
            steps=tuple(
                step.altered(logs=tuple(log.altered(length=0, crc=None, trouble=why) for log in step.logs))
                for step in self.steps
            )
        )


@dataclass(frozen=True)
class BuildsetRecord(Record):
    """I am one build set: requests for the same source on one or several builders.

    @ivar id: the number of the set; 0 before the store has assigned it.
    @ivar scheduler: the name of the scheduler that submitted it; None if a person did.
    @ivar results: the worst result of my requests; None before all of them are done.
    @ivar complete: the time when the last request was done; None before.
    @ivar mergeable: whether one build may serve my requests together with those of other sets.
    @ivar propertySource: the source of my properties, in words for people.
    """

    id: int
    reason: str
    sourcestamp: dict[str, Any]
    submitted: float
    properties: dict[str, Any]
    externalID: str | None = None
    scheduler: str | None = None
    results: int | None = None
    complete: float | None = None
    mergeable: bool = True
    propertySource: str = REQUEST

    def added(
        self, id: int, requests: Iterable[tuple[int, str]]
    ) -> tuple[BuildsetRecord, list[RequestRecord]]:
        """A copy with a number, and its requests, which are pending.

        @param requests: the number and the builder of each request.
        """
        same = self.altered(id=id)
        return same, [RequestRecord.of(same, number, builder) for number, builder in requests]


@dataclass(frozen=True)
class RequestRecord(Record):
    """I am one request: the part of a build set for one builder.

    @ivar attempts: the number of builds started for me and lost with their slave.
    @ivar reason: the reason of the set, like C{sourcestamp} and C{properties} a copy of the set's.
    @ivar interruptions: the number of builds for me that were running when the master was killed or crashed.
    @ivar mergeable: whether one build may serve me together with other requests; copied from the set, like
        C{propertySource}.
    """

    id: int
    buildset: int
    builder: str
    submitted: float
    attempts: int
    state: RequestState
    results: int | None
    reason: str
    sourcestamp: dict[str, Any]
    properties: dict[str, Any]
    interruptions: int = 0
    mergeable: bool = True
    propertySource: str = REQUEST

    @classmethod
    def of(cls, buildset: BuildsetRecord, id: int, builder: str) -> RequestRecord:
        """A new, pending request of a build set."""
        request = object.__new__(cls)  # quicker: see L{Record}
        request.__dict__.update(
            id=id,
            buildset=buildset.id,
            builder=builder,
            submitted=buildset.submitted,
            attempts=0,
            state="pending",
            results=None,
            reason=buildset.reason,
            sourcestamp=buildset.sourcestamp,
            properties=buildset.properties,
            interruptions=0,
            mergeable=buildset.mergeable,
            propertySource=buildset.propertySource,
        )
        return request


@dataclass(frozen=True)
class PauseRecord(Record):
    """I am the pause of one slave: who paused it, when and why."""

    slave: str
    who: str
    when: float
    why: str
    kind: PauseKind = "paused"


def wasInterrupted(text: Iterable[str]) -> bool:
    """True for the text of a build during which the master ended."""
    return any(each in (INTERRUPTED, TAKEN_OVER) for each in text)


def interrupt(build: BuildRecord, when: float, count: int = 1) -> BuildRecord:
    """The unfinished C{build}, closed at C{when}, after the master had ended during the build.

    @param build: its text may say already how it was interrupted.
    @param count: the number of builds of its requests that ended in this way, including this one.
    """
    isGivenUp = count >= MOST_INTERRUPTIONS and not build.waits
    cause = TAKEN_OVER if TAKEN_OVER in build.text else INTERRUPTED
    text = f"{GIVEN_UP} {count} builds" if isGivenUp else cause
    ended = max(when, build.started)
    steps = tuple(
        step
        if step.finished is not None
        else step.altered(
            finished=max(ended, step.started), results=EXCEPTION, text=(*step.text, "interrupted")
        )
        for step in build.steps
    )
    return build.altered(finished=ended, results=EXCEPTION, text=(text,), steps=steps, waits=False)


def overall(results: Iterable[int | None]) -> int | None:
    """The result of a set: the worst result of its requests; None if there are none."""
    total: int | None = None
    for each in results:
        if each is not None:
            total = each if total is None else worst(total, each)
    return total


def _plain(value: object) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, tuple):
        return [each if type(each) in _ATOMS else _plain(each) for each in value]
    return value.toRecord() if isinstance(value, Record) else value


_Readers = tuple[tuple[str, Callable[[Any], Any]], ...]


@lru_cache
def _readersOf(kind: type[Record]) -> tuple[_Readers, _Readers]:
    """The names of a record's usual fields and of its rare ones, each with the function that reads it."""
    usual, rare = (
        tuple((each.name, _READERS[str(each.type)]) for each in fields(kind) if each.init is isUsual)
        for isUsual in (True, False)
    )
    return usual, rare


def _one(*kinds: type) -> Callable[[Any], Any]:
    """A function that returns a value of one of these types, and raises TypeError for any other."""

    def read(value: object) -> Any:
        if not isinstance(value, kinds):
            raise TypeError(f"expected {kinds[0].__name__}, found {type(value).__name__}")
        return value

    return read


def _many(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    isList = _one(list, tuple)
    return lambda value: tuple(map(read, isList(value)))


_NONE = type(None)
_ATOMS = frozenset((str, int, float, bool, dict, _NONE))
#: The reader of a field, by its annotation.
_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _one(str),
    "str | None": _one(str, _NONE),
    "bool": _one(bool),
    "int": _one(int),
    "int | None": _one(int, _NONE),
    "float": _one(float, int),
    "float | None": _one(float, int, _NONE),
    "dict[str, Any]": _one(dict),
    "dict[str, Any] | None": _one(dict, _NONE),
    "RequestState": _one(str),
    "PauseKind": _one(str),
    "tuple[str, ...]": _many(_one(str)),
    "tuple[int, ...]": _many(_one(int)),
    "tuple[LogRecord, ...]": _many(LogRecord.fromRecord),
    "tuple[StepRecord, ...]": _many(StepRecord.fromRecord),
    "tuple[TestRecord, ...]": _many(TestRecord.fromRecord),
}
