# -*- test-case-name: tests.unit.model.test_records -*-
"""What is known of builds and of what asks for them, as frozen values that are saved and rendered.

Nothing here is live, and nothing here reads or writes a file: a record says what was true when it was
made. Sourcestamps and properties are plain dicts here, as their own C{toRecord} makes them; whoever
hands one to a record, or takes one from it, leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

from buildbot.model.results import EXCEPTION, worst

#: What a person reads on a build that was cut short by the end of the master.
INTERRUPTED = "interrupted by a restart of the master"

#: What a person reads on the last of several such builds of one request; how many is added.
GIVEN_UP = "given up: the master was killed or crashed during each of"
#: How often a request may be built when the master ends under the build; then it is given up.
MOST_INTERRUPTIONS = 3

#: Where a request stands; it is in exactly one of these at any time.
RequestState = Literal["pending", "building", "done"]
#: Whether a slave gets no more builds, or gets none and goes once it is idle.
PauseKind = Literal["paused", "draining"]

_R = TypeVar("_R", bound="Record")


class BadRecord(ValueError):
    """What was read does not have the shape of a record; the message says what is wrong."""


@dataclass(frozen=True)
class Record:
    """I am what all records share: a dict that JSON can hold, and the way back."""

    def toRecord(self) -> dict[str, Any]:
        """Me as a dict of what JSON knows; tuples become lists."""
        return {name: value if type(value) in _ATOMS else _plain(value) for name, value in vars(self).items()}

    @classmethod
    def fromRecord(cls: type[_R], record: Any) -> _R:
        """The record that L{toRecord} was called on.

        Names that this release does not know are passed over.

        @raise BadRecord: something is missing or of the wrong type.
        """
        if not isinstance(record, Mapping):
            raise BadRecord(f"{cls.__name__}: {type(record).__name__} is no dict")
        there = [each for each in fields(cls) if each.name in record]
        try:
            return cls(**{each.name: _READERS[str(each.type)](record[each.name]) for each in there})
        except TypeError as error:
            raise BadRecord(f"{cls.__name__}: {error}") from None


@dataclass(frozen=True)
class LogRecord(Record):
    """I am one log of a step.

    @ivar name: as the step calls it.
    @ivar filename: relative to the directory of logs.
    @ivar length: the size of the file in bytes; None as long as it grows.
    @ivar crc: the CRC-32 of the file; None as long as it grows, and where it is not known.
    @ivar trouble: what of the output is not in the file, and why, in words; empty if all of it is.
    @ivar html: whether the text is HTML, to be shown as it is.
    """

    name: str
    filename: str
    length: int | None = None
    crc: int | None = None
    trouble: str = ""
    html: bool = False


@dataclass(frozen=True)
class StepRecord(Record):
    """I am one step of a build, running or over.

    @ivar results: one of L{buildbot.model.results}; None as long as it runs.
    @ivar text: a list of words, as the boxes of a waterfall show them.
    """

    name: str
    started: float
    finished: float | None = None
    results: int | None = None
    text: tuple[str, ...] = ()
    logs: tuple[LogRecord, ...] = ()


@dataclass(frozen=True)
class BuildRecord(Record):
    """I am one build, running or over.

    @ivar number: counts the builds of C{builder}; None before the store has given one.
    @ivar slave: the name of the slave.
    @ivar requests: the numbers of the requests that the build serves.
    @ivar results: one of L{buildbot.model.results}; None as long as it runs.
    @ivar text: a list of words about the outcome.
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

    @property
    def isGivenUp(self) -> bool:
        """Whether the master was killed or crashed too often under builds of my requests."""
        return len(self.text) == 1 and self.text[0].startswith(GIVEN_UP)

    def logFilenames(self) -> tuple[str, ...]:
        """The files of all my logs."""
        return tuple(log.filename for step in self.steps for log in step.logs)


@dataclass(frozen=True)
class BuildsetRecord(Record):
    """I am what was asked for at once: the same source on one builder or several.

    @ivar scheduler: the name of the one that asked; None for a person.
    @ivar results: the worst of my requests' results; None before all of them are done.
    @ivar complete: when the last of them was done; None before.
    @ivar mergeable: whether a build may serve my requests along with those of other sets.
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


@dataclass(frozen=True)
class RequestRecord(Record):
    """I am the part of a buildset that one builder is to build.

    @ivar attempts: how many builds were begun for me and lost with their slave.
    @ivar reason: why the set was asked for; sourcestamp and properties are the set's as well.
    @ivar interruptions: how many builds were running for me when the master was killed or crashed.
    @ivar mergeable: whether a build may serve me along with others, as the set says.
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

    @classmethod
    def of(cls, buildset: BuildsetRecord, id: int, builder: str) -> RequestRecord:
        """A request as it is at first: pending."""
        return cls(
            *(id, buildset.id, builder, buildset.submitted, 0, "pending", None),
            *(buildset.reason, buildset.sourcestamp, buildset.properties),
            mergeable=buildset.mergeable,
        )


@dataclass(frozen=True)
class PauseRecord(Record):
    """I am one slave's being kept from new builds: by whom, since when, why."""

    slave: str
    who: str
    when: float
    why: str
    kind: PauseKind = "paused"


def interrupt(build: BuildRecord, when: float, count: int = 1) -> BuildRecord:
    """The unfinished C{build} as it is closed at C{when}, after the master has ended under it.

    @param count: how many builds of its requests have ended so, this one included.
    """
    text = f"{GIVEN_UP} {count} builds" if count >= MOST_INTERRUPTIONS else INTERRUPTED
    ended = max(when, build.started)
    steps = tuple(
        step
        if step.finished is not None
        else replace(
            step, finished=max(ended, step.started), results=EXCEPTION, text=(*step.text, "interrupted")
        )
        for step in build.steps
    )
    return replace(build, finished=ended, results=EXCEPTION, text=(text,), steps=steps)


def overall(results: Iterable[int | None]) -> int | None:
    """What a set has come to: the worst of its requests' results, None if there are none."""
    total: int | None = None
    for each in results:
        if each is not None:
            total = each if total is None else worst(total, each)
    return total


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, tuple):
        return [each if type(each) in _ATOMS else _plain(each) for each in value]
    return value.toRecord() if isinstance(value, Record) else value


def _one(*kinds: type) -> Callable[[Any], Any]:
    """What passes a value of one of these types, and raises TypeError for any other."""

    def read(value: Any) -> Any:
        if not isinstance(value, kinds):
            raise TypeError(f"{type(value).__name__} where {kinds[0].__name__} belongs")
        return value

    return read


def _many(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    isList = _one(list, tuple)
    return lambda value: tuple(map(read, isList(value)))


_NONE = type(None)
_ATOMS = frozenset((str, int, float, bool, dict, _NONE))
#: How a field is read back, by its annotation.
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
}
