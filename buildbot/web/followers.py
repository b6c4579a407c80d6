# -*- test-case-name: tests.stories.test_weblog -*-
"""The browsers that follow growing logs. A frame of lines is made once for all that follow a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.interfaces import IReactorTime

from buildbot.logs.feed import Before, LogFeeds, WatchedLog, Watching
from buildbot.logs.lines import Line
from buildbot.logs.view import Frame
from buildbot.text.plural import counted
from buildbot.web.beats import Beats
from buildbot.web.call import Out, Problem
from buildbot.web.live import event
from buildbot.web.logreading import timeOfDay
from buildbot.web.logs.failures import KNOWN, Failures
from buildbot.web.logs.painting import Painter, State
from buildbot.web.logs.sections import Marks
from buildbot.web.markup import Markup

#: The most browsers that follow logs.
MOST = 3000

_Key = tuple[object, ...]


class Followers:
    """I have all followers of one web server."""

    def __init__(self, clock: IReactorTime) -> None:
        self._open: Beats[Follower] = Beats(clock)
        self._made: WeakKeyDictionary[Frame, dict[_Key, _Made]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._open)

    def check(self) -> None:
        """Raise L{Problem} if there are too many followers."""
        if len(self._open) >= MOST:
            hint = "Close some pages, or load this one without following."
            raise Problem(503, "Too many browsers follow logs", hint=hint, headers=(("Retry-After", "60"),))

    def add(
        self,
        follower: Follower,
        feeds: LogFeeds,
        log: WatchedLog,
        output: int,
        before: Before | None = None,
    ) -> None:
        """Tell a follower the lines from a byte of output on.

        @param before: finds the colours of the first line; None: the follower knows them.
        """
        self._open.add(follower)
        follower.start(feeds.watch(log, follower, output, before))
        if self._open.isStopped:
            follower.stop()

    def left(self, follower: Follower) -> None:
        """Forget a follower."""
        self._open.remove(follower)

    def made(self, frame: Frame, way: Way, state: State, times: bool, failures: Failures) -> _Made:
        """The bytes of a frame, and the colours after it: made once for equal followers."""
        key: _Key = way, times, *sorted(state.items())
        made = self._made.setdefault(frame, {})
        if key not in made:
            painter = Painter(state, timeOfDay if times else None, failures)
            html = painter.paint(frame.lines)
            made[key] = _Made(*way(frame, html), painter.state)
        return made[key]

    def stop(self) -> None:
        """End all streams."""
        self._open.stop()


#: It makes the bytes of a frame, from the frame and the HTML of its lines; and the bytes to send after it, if
#: no other frame follows.
Way = Callable[[Frame, list[Markup]], tuple[bytes, bytes]]


@dataclass(frozen=True)
class _Made:
    """The bytes of a frame, those to send if it is the last one, and the colours after it."""

    data: bytes
    rest: bytes
    state: State


class Follower:
    """I send the lines of one log to one browser: see L{buildbot.logs.feed.Watcher}."""

    __slots__ = (
        *(
            "_all",
            "_endOf",
            "_failures",
            "_heartbeat",
            "_out",
            "_rest",
            "_state",
            "_times",
            "_watching",
            "_way",
        ),
    )

    def __init__(
        self,
        all: Followers,
        out: Out,
        way: Way,
        end: Callable[[int], bytes],
        state: State,
        times: bool = False,
        heartbeat: bytes = b"",
        failures: Failures = KNOWN,
    ) -> None:
        """@param way: makes the bytes of new lines.
        @param end: makes the last bytes, from the number of sent bytes of output.
        @param state: the colours of the first line.
        @param heartbeat: a sign of life; b"": none.
        @param failures: the patterns that find the failing lines of the log.
        """
        self._all = all
        self._out = out
        self._way = way
        self._endOf = end
        self._state = state
        self._times = times
        self._heartbeat = heartbeat
        self._failures = failures
        self._rest = b""
        self._watching: Watching

    def start(self, watching: Watching) -> None:
        """Go on until the browser goes away."""
        self._watching = watching
        self._out.whenReady(watching.resume)
        self._out.whenGone(self._gone)

    def _gone(self) -> None:
        self._watching.stop()
        self._all.left(self)

    def isReady(self) -> bool:
        """See L{buildbot.logs.feed.Watcher}."""
        return not self._out.isFull()

    def begin(self, before: State) -> None:
        """See L{buildbot.logs.feed.Watcher}."""
        self._state = before

    def frame(self, frame: Frame) -> None:
        """See L{buildbot.logs.feed.Watcher}."""
        made = self._all.made(frame, self._way, self._state, self._times, self._failures)
        self._state, self._rest = made.state, made.rest
        self._out.write(made.data)

    def ended(self, output: int) -> None:
        """See L{buildbot.logs.feed.Watcher}."""
        self._out.write(self._rest + self._endOf(output))
        self._out.finish()

    def beat(self) -> None:
        """Send a sign of life."""
        if self._heartbeat and not self._out.isFull():
            self._out.write(self._heartbeat)

    def stop(self) -> None:
        """End the answer."""
        self._out.finish()


def asEvents(frame: Frame, html: list[Markup]) -> tuple[bytes, bytes]:
    """New lines as server-sent events, whose id is the place in the output."""
    id = str(frame.end)
    events = []
    if frame.skipped is not None:
        start, end = frame.skipped
        events.append(event("skipped", json.dumps({"from": start, "to": end}), "" if html else id))
    if html:
        events.append(event("lines", "\n".join(html), id))
    marks = marksOf(frame.lines)
    if marks:
        events.append(event("marks", json.dumps(marks).replace("<", "\\u003c"), ""))
    return b"".join(events), b""


def marksOf(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The section markers in new lines, for a page that shows these lines: see L{Marks}."""
    found = Marks()
    for line in lines:
        if line.number is not None and line.isWhole and not line.isGap:
            found.feed(line.number, line.text)
    found.finish()
    return found.marks


def endEvent(output: int) -> bytes:
    """The event that the log is finished."""
    return event("end", json.dumps({"output": output}), str(output))


def asHTML(frame: Frame, html: list[Markup]) -> tuple[bytes, bytes]:
    """New lines for a page that goes on while the log grows. Such a page cannot change an incomplete line."""
    gap = ""
    if frame.skipped is not None:
        start, end = frame.skipped
        gap = f'<div class="gap"><i class="n">…</i>[{counted(end - start, "byte")} not shown here]</div>\n'
    isOpen = bool(html) and not frame.lines[-1].isWhole
    whole, rest = (html[:-1], html[-1]) if isOpen else (html, "")
    return (gap + "".join(f"{each}\n" for each in whole)).encode("utf-8"), rest.encode("utf-8")
