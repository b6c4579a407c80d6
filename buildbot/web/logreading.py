# -*- test-case-name: tests.stories.test_weblog -*-
"""The log that a request names, running or stored, and its lines as HTML."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from buildbot.logs.firstscreen import Enough
from buildbot.logs.index import Block
from buildbot.logs.live import LogDirectory, LogFile
from buildbot.logs.mounts import InNoPlace
from buildbot.logs.reading import Place
from buildbot.logs.view import Lines, LogView
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.model.results import EXCEPTION, FAILURE
from buildbot.status.build import BuildStatus
from buildbot.store.place import serverOf
from buildbot.web.call import Call, Problem, missing
from buildbot.web.logs.choosing import MOST, SCREEN, Wanted, around, lineOf, shareOf
from buildbot.web.logs.failures import KNOWN, Failures, failuresOf
from buildbot.web.logs.painting import Painter, State, stateAfter
from buildbot.web.markup import Markup
from buildbot.web.reading import buildOf, stepOf
from buildbot.web.routes import Parameter

_Result = TypeVar("_Result")

#: Why a log is gone, most often.
_DELETED = "Old logs are deleted after some time."
#: The path of the page of a log.
PATH = "/builders/{builder}/builds/{number:int}/steps/{step}/logs/{log}"
#: The bytes of output after a place that have the lines of a page.
_ROOM = 1 << 20
#: The parameters that choose lines.
CHOICE = (
    Parameter("first", "The number of the first line.", "integer", least=1),
    Parameter("count", "How many lines.", "integer", default=SCREEN, least=1, most=MOST),
    Parameter("from", "Lines from the one with this byte of output on.", "integer", least=0),
    Parameter("line", "Lines around this one: a number, or a percentage such as 50%."),
    Parameter("end", "The last lines.", "flag", default=False),
    Parameter("times", "True to show the time of each line.", "flag", default=False),
)


@dataclass(frozen=True)
class ShownLog:
    """I am a log in its step and build.

    @ivar live: the log's own object while its build runs.
    """

    build: BuildRecord
    status: BuildStatus | None
    step: StepRecord
    record: LogRecord
    directory: LogDirectory
    live: LogFile | None

    def place(self) -> Place:
        """The log as it is now."""
        return self.live.place() if self.live is not None else self.directory.place(self.record)

    @property
    def isFinished(self) -> bool:
        """True when the log is complete."""
        return self.live is None or self.live.isFinished()

    @property
    def segments(self) -> tuple[str | int, ...]:
        """The segments of the path of my page."""
        build = ("builders", self.build.builder, "builds", self.build.number or 0)
        return *build, "steps", self.step.name, "logs", self.record.name

    @property
    def isShownFromEnd(self) -> bool:
        """True if the end of the log tells the most: the step runs, or has failed."""
        return self.step.results in (None, FAILURE, EXCEPTION)

    @property
    def failures(self) -> Failures:
        """The patterns that find the failing lines of the log."""
        return failuresOf(self.step.failurePatterns)

    def watched(self) -> LogFile | KeptLog:
        """The log, to follow it to its end."""
        return self.live if self.live is not None else KeptLog(self.place())


class KeptLog:
    """I am a finished log, in the form for followers of logs."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def place(self) -> Place:
        """The log as it is."""
        return self._place

    def isFinished(self) -> bool:
        """True."""
        return True

    def subscribeBytes(self, receiver: object) -> None:
        """Do nothing: there is no new output."""

    def unsubscribe(self, receiver: object) -> None:
        """Do nothing."""

    def waitUntilFinished(self) -> Deferred[Any]:
        """Never fires: the log was finished before anybody asked."""
        return Deferred()


async def logOf(call: Call) -> ShownLog:
    """The log of the path, by its name or by its position from 0. Raises L{Problem}."""
    build, status = await buildOf(call)
    if not await call.may("viewLogs", build.builder):
        raise Problem(403, "You may not read this log", f"It belongs to the builder {build.builder}.")
    step = stepOf(call, build)
    record = _recordOf(step, call.values["log"])
    directory = call.world.botmaster.resources.logs
    return ShownLog(build, status, step, record, directory, liveOf(status, record))


def _recordOf(step: StepRecord, wanted: str) -> LogRecord:
    for log in step.logs:
        if log.name == wanted:
            return log
    if wanted.isdecimal() and int(wanted) < len(step.logs):
        return step.logs[int(wanted)]
    names = ", ".join(log.name for log in step.logs)
    problem = missing("log", f"{wanted} of the step {step.name}")
    raise Problem(404, problem.title, hint=f"It has {names}." if names else "It has no logs.")


def liveOf(status: BuildStatus | None, record: LogRecord) -> LogFile | None:
    """The object of a log while its build runs."""
    for step in () if status is None else status.steps:
        for log in step.logs:
            if log.filename == record.filename:
                return log
    return None


def gone(shown: ShownLog, why: OSError) -> Problem:
    """The problem that a log's file cannot be read."""
    reason = why.strerror or type(why).__name__
    hint = _DELETED if isinstance(why, FileNotFoundError) else ""
    if isinstance(why, InNoPlace):
        hint = why.cure
    elif hint and serverOf(os.path.dirname(shown.directory.directory)):
        hint = f"{_DELETED} If another master ran the build, its log is on the machine of that one."
    if hint and shown.record.trouble:  # such as: removed, since only so many are kept
        reason = f"{reason} ({shown.record.trouble})"
    return Problem(
        404 if hint else 503, f"The log {shown.record.name} cannot be read", f"Its file: {reason}.", hint
    )


@dataclass(frozen=True)
class Painted:
    """Some lines as HTML.

    @ivar html: one element a line.
    @ivar first: the number of the first one.
    @ivar last: the number of the last one; lower than C{first} without lines.
    @ivar total: all lines of the log.
    @ivar output: all bytes of output.
    @ivar tail: the HTML of the last lines of a log that is too long and still grows: they have no numbers.
    @ivar dropped: the bytes of output between the numbered lines and C{tail}.
    @ivar state: the colours after the last line.
    @ivar isPart: True if the index of the log is not made yet: C{total} is unknown.
    """

    html: list[Markup]
    first: int
    last: int
    total: int
    output: int
    tail: list[Markup]
    dropped: int
    state: State
    isPart: bool = False

    @property
    def isEnd(self) -> bool:
        """True if the last line of the log is among them."""
        return self.last >= self.total and not self.isPart


def chosen(query: Mapping[str, Any], view: LogView, isShownFromEnd: bool) -> Wanted:
    """The lines that a query asks for. Raises L{Problem}."""
    count = query["count"]
    if query["line"]:
        line = lineOf(query["line"], view.total)
        if line is None:
            raise Problem(400, "This is no line", "Give a number such as 1234, or a percentage such as 50%.")
        if view.isPart and shareOf(query["line"]) is not None:
            return Wanted(1 if view.total else None, count)
        return around(line, view.total, count)
    if query["first"] is not None:
        return Wanted(query["first"], count)
    if query["from"] is not None:
        return Wanted(view.lineAt(query["from"]), count)
    return Wanted(None, count) if query["end"] or isShownFromEnd else Wanted(1, count)


def painted(view: LogView, wanted: Wanted, times: bool = False, failures: Failures = KNOWN) -> Painted:
    """The wanted lines as HTML. Blocks: call it in a thread.

    @param failures: finds the failing lines.
    @raise OSError: the log's file is gone, or the disk is broken.
    """
    found = view.last(wanted.count) if wanted.first is None else view.lines(wanted.first, wanted.count)
    lines = found.lines
    first = lines[0].number or 1 if lines else max(1, min(wanted.first or 1, found.total))
    last = first + len(lines) - 1
    if wanted.first is not None and last >= found.total and view.output > view.index.end.output:
        end = view.last(wanted.count)
        found = Lines(lines, found.total, found.output, end.unnumbered, end.dropped)
    clock = timeOfDay if times else None
    painter = Painter(stateAfter(view.before(first)) if first > 1 else None, clock, failures)
    html = painter.paint(lines)
    tail = Painter(None, clock, failures).paint(found.unnumbered)
    return Painted(
        *(html, first, last, found.total, found.output, tail, found.dropped, painter.state, view.isPart)
    )


def stateAt(view: LogView, output: int) -> State:
    """The colours of the line with this byte of output. Blocks."""
    line = view.lineAt(output)
    if output >= view.index.end.output and not view.index.end.isInLine:
        line = view.total + 1
    return stateAfter(view.before(line)) if line > 1 else {}


def timeOfDay(seconds: float) -> str:
    """A time in the time zone of the server."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


async def inThread(
    shown: ShownLog, read: Callable[[LogView], _Result], view: LogView | None = None
) -> _Result:
    """Call a function with a view of a log, in a thread. A lost file is a L{Problem}.

    @param view: if it is open already.
    """
    try:
        if view is not None:
            return await shown.directory.views.again(view, read)
        return await shown.directory.views.call(shown.place(), read)
    except OSError as why:
        raise gone(shown, why) from None


async def firstScreen(
    shown: ShownLog,
    read: Callable[[LogView], _Result],
    isEnd: bool,
    isEnough: Enough | None = None,
    part: tuple[float, int] | None = None,
) -> _Result:
    """Call a function with a view of a part of a log, before its index is made.

    @param isEnough: see L{farEnough}.
    @param part: the share of the log at which the lines are, and how many; None for its beginning or end.
    """
    try:
        return await shown.directory.views.soon(shown.place(), read, isEnd, isEnough, part)
    except OSError as why:
        raise gone(shown, why) from None


def farEnough(query: Mapping[str, Any]) -> Enough | None:
    """Tells whether a log is read far enough to have the lines that a query asks for by a number.

    None: the query asks for no number, or for a percentage: only the whole log tells which line that is.
    """
    count, output = query["count"], query["from"]
    first = query["first"]
    if query["line"]:
        first = None if "%" in query["line"] else lineOf(query["line"], 0)
    elif output is not None and first is None:
        return lambda end: end.output > output + _ROOM
    return None if first is None else _Reading(first, count).isEnough


class _Reading:
    """I tell whether a log is read far enough for some lines, or for as many as one page can have."""

    def __init__(self, first: int, count: int) -> None:
        self._first = first
        self._count = count
        self._begun: int | None = None  # the output soon after the beginning of the first one

    def isEnough(self, end: Block) -> bool:
        """See L{buildbot.logs.firstscreen.beginningOf}."""
        if self._begun is None and end.lines >= self._first:
            self._begun = end.output
        return end.lines >= self._first + self._count or (
            self._begun is not None and end.output > self._begun + _ROOM
        )
