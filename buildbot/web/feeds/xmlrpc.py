# -*- test-case-name: tests.unit.web.feeds.test_xmlrpc -*-
"""The questions of C{/xmlrpc} of Buildbot 0.7.6 to 0.8.1: how they are read, and their answers from values.

XML-RPC has no null: None is "".
"""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from xml.parsers import expat

from buildbot.model.results import EXCEPTION, FAILURE
from buildbot.web.feeds.entries import resultWord
from buildbot.web.feeds.xmltext import possible

CONTENT_TYPE = b"text/xml; charset=utf-8"
#: The most bytes of a question, and the most builds in an answer.
LONGEST, MOST = 65536, 1000
#: The methods, each with the types of its arguments.
METHODS: dict[str, tuple[type, ...]] = {
    "getAllBuilders": (),
    "getLastBuildResults": (str,),
    "getLastBuilds": (str, int),
    "getLastBuildsAllBuilders": (int,),
    "getAllBuildsInInterval": (int, int),
    "getBuild": (str, int),
}
#: Codes of faults, by the list of the XML-RPC servers.
NOT_WELL_FORMED, NO_METHOD, WRONG_ARGUMENTS, FAILED = -32700, -32601, -32602, -32500

Row = list[object]


class Refused(Exception):
    """A question is refused.

    @ivar code: the code of the fault.
    """

    def __init__(self, code: int, words: str) -> None:
        Exception.__init__(self, words)
        self.code = code


@dataclass(frozen=True)
class StepRow:
    """I am one step of a build. Times are seconds since 1970."""

    name: str
    started: float | None
    finished: float | None
    results: int | None
    text: Sequence[str] = ()


@dataclass(frozen=True)
class BuildRow:
    """I am one build. Times are seconds since 1970.

    @ivar steps: its steps. Only L{getBuild} needs C{steps} and C{logs}, the names of its logs.
    @ivar errors: the end of the log of each step that failed, by the name of the step.
    """

    builder: str
    number: int
    started: float
    finished: float | None
    branch: str | None
    revision: str | None
    results: int | None
    text: Sequence[str] = ()
    reason: str = ""
    slave: str = ""
    url: str = ""
    steps: Sequence[StepRow] = ()
    logs: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


def question(body: bytes) -> tuple[str, tuple[object, ...]]:
    """The method and the arguments in a request.

    @raise Refused: it is too long, is no XML-RPC, has a DOCTYPE, or has a wrong method or argument.
    """
    if len(body) > LONGEST:
        raise Refused(NOT_WELL_FORMED, f"the request has {len(body)} bytes; at most {LONGEST} are allowed")
    _refuseDoctype(body)
    try:
        arguments, method = xmlrpc.client.loads(body)
    except Exception as why:  # the parser raises whatever the bad value raises
        raise Refused(NOT_WELL_FORMED, f"the request is no XML-RPC: {type(why).__name__}") from None
    types = METHODS.get(method or "")
    if types is None:
        raise Refused(NO_METHOD, f"no method {str(method)[:60]}: there are {', '.join(METHODS)}")
    values = tuple(map(_whole, arguments))
    if len(values) != len(types) or not all(map(_isOf, values, types)):
        wanted = ", ".join(each.__name__ for each in types)
        raise Refused(WRONG_ARGUMENTS, f"{method} takes ({wanted})")
    return str(method), values


def answer(value: object) -> bytes:
    """The response with a value. None is ""."""
    return xmlrpc.client.dumps((_sent(value),), methodresponse=True, encoding="utf-8").encode()


def fault(refused: Refused) -> bytes:
    """The response to a refused question."""
    told = xmlrpc.client.Fault(refused.code, possible(str(refused)))
    return xmlrpc.client.dumps(told, methodresponse=True, encoding="utf-8").encode()


def getAllBuilders(names: Iterable[str]) -> list[str]:
    """The names of the builders."""
    return list(names)


def getLastBuildResults(last: BuildRow | None) -> str:
    """The result of the last finished build as a word; "" if there is none."""
    return resultWord(last.results) if last else ""


def getLastBuilds(builds: Sequence[BuildRow], number: int) -> list[Row]:
    """The rows of the last C{number} finished builds of a builder, oldest first.

    @param builds: its builds by number, the oldest first.
    """
    done = [each for each in builds if each.finished is not None]
    return [_row(each) for each in done[-min(number, MOST) :]] if number > 0 else []


def getLastBuildsAllBuilders(builders: Iterable[Sequence[BuildRow]], number: int) -> list[Row]:
    """The rows of L{getLastBuilds} of each builder, at most L{MOST} together."""
    return [row for builds in builders for row in getLastBuilds(builds, number)][:MOST]


def getAllBuildsInInterval(builds: Iterable[BuildRow], start: float, stop: float) -> list[Row]:
    """The builds that ended from C{start} to C{stop}, sorted by their end; the newest L{MOST} of them."""
    found = [(each.finished, each) for each in builds if each.finished is not None]
    ended = sorted(
        (pair for pair in found if start <= pair[0] <= stop),
        key=lambda pair: (pair[0], pair[1].builder, pair[1].number),
    )
    return [
        [
            each.builder,
            each.number,
            finished,
            each.branch,
            each.revision,
            resultWord(each.results),
            list(each.text),
        ]
        for finished, each in ended[-MOST:]
    ]


def getBuild(build: BuildRow) -> dict[str, object]:
    """Everything about one build. The text of a log is C{"HUGE"}."""
    return {
        "builder_name": build.builder,
        "url": build.url,
        "reason": build.reason,
        "slavename": build.slave,
        "results": build.results,
        "text": list(build.text),
        "reasons": [list(each.text) for each in build.steps if each.results in (FAILURE, EXCEPTION)],
        "number": build.number,
        "branch": build.branch,
        "revision": build.revision,
        "start": build.started,
        "end": build.finished,
        "steps": [_step(each) for each in build.steps],
        "logs": [{"name": name, "text": "HUGE"} for name in build.logs],
        "full_error": dict(build.errors),
    }


def _step(step: StepRow) -> dict[str, object]:
    return {
        "name": step.name,
        "start": step.started,
        "end": step.finished,
        "results": [step.results, [step.name] if step.results else []],
        "text": list(step.text),
    }


def _row(build: BuildRow) -> Row:
    return [
        build.builder,
        build.number,
        build.started,
        build.finished,
        build.branch,
        build.revision,
        resultWord(build.results),
        list(build.text),
        [],  # the words of the failed steps: rows of builds do not have them
    ]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and isfinite(value) else value


def _isOf(value: object, wanted: type) -> bool:
    return isinstance(value, wanted) and not isinstance(value, bool)


def _refuseDoctype(body: bytes) -> None:
    """Read the XML once without values: entities of a DOCTYPE could make it grow without end."""

    def refuse(*declaration: object) -> None:
        raise Refused(NOT_WELL_FORMED, "the request has a DOCTYPE: send it without one")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as why:
        raise Refused(NOT_WELL_FORMED, f"the request is no XML: {why}") from None


def _sent(value: object) -> Any:
    """A value that XML-RPC can tell; the type that its library takes has no public name."""
    if value is None:
        return ""
    if isinstance(value, str):
        return possible(value)
    if isinstance(value, dict):
        return {possible(str(key)): _sent(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sent(each) for each in value]
    return value
