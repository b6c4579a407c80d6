# -*- test-case-name: tests.unit.logs.test_feed -*-
"""Show growing logs to many watchers at once.

A log that nobody watches costs nothing. The new lines of a watched log are read once for all watchers, in a
thread. This module knows nothing of connections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.turns import Turns
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.view import Cursor, Frame, LogView
from buildbot.model.completion import atEnd

_log = Logger()

#: The least seconds between two frames of a log with many watchers, and of one with at most L{FEW}.
PAUSE = 0.1
SHORT_PAUSE = 0.03
FEW = 50
#: The most bytes of lines in a frame, and the most that a slow watcher gets later.
MOST = 1 << 18

#: What a watcher needs to know before its first line, from the view of the log and the place of that line in
#: the output. It is called in a thread, and once for all watchers that begin at the same place.
Before = Callable[[LogView, int], Any]


class Watcher(Protocol):
    """The reader of one log. The methods are called in the reactor's thread."""

    def isReady(self) -> bool:
        """False if the connection takes no more data now. Then L{Watching.resume} is to be called later."""

    def begin(self, before: Any) -> None:
        """Take what the L{Before} of L{LogFeeds.watch} returned. Called once, before the first frame."""

    def frame(self, frame: Frame) -> None:
        """New lines. All watchers that are up to date get the same object."""

    def ended(self, output: int) -> None:
        """The log is finished and everything was told, or its file cannot be read any more.

        @param output: the bytes of output that were told.
        """


class WatchedLog(Protocol):
    """The methods of L{buildbot.logs.live.LogFile} that a feed uses."""

    def place(self) -> Place: ...
    def isFinished(self) -> bool: ...
    def subscribeBytes(self, receiver: object, /) -> None: ...
    def unsubscribe(self, receiver: object, /) -> None: ...
    def waitUntilFinished(self) -> Deferred[Any]: ...


class LogFeeds:
    """I have one L{LogFeed} for each log that is watched."""

    def __init__(self, clock: IReactorTime, views: LogViews) -> None:
        self._clock = clock
        self._views = views
        self._feeds: dict[WatchedLog, LogFeed] = {}

    def __len__(self) -> int:
        """The number of watched logs."""
        return len(self._feeds)

    def watch(
        self, log: WatchedLog, watcher: Watcher, output: int = 0, before: Before | None = None
    ) -> Watching:
        """Tell a watcher all lines of a log, old and new, until the log is finished.

        @param output: the bytes of output that the watcher knows. It gets the line with the next byte first.
        @param before: for L{Watcher.begin}; None: the watcher needs nothing.
        """
        feed = self._feeds.get(log)
        if feed is None:
            feed = self._feeds[log] = LogFeed(log, self._clock, self._views, lambda: self._drop(log))
        return feed.watch(watcher, output, before)

    def _drop(self, log: WatchedLog) -> None:
        self._feeds.pop(log, None)


class Watching:
    """I am the place of one watcher in a log.

    @ivar cursor: the lines before it were told.
    @ivar before: see L{LogFeeds.watch}; None if the watcher has begun.
    @ivar isLate: True if the watcher was up to date once.
    """

    __slots__ = ("_feed", "before", "cursor", "isLate", "isReading", "watcher")

    def __init__(self, feed: LogFeed, watcher: Watcher, cursor: Cursor, before: Before | None) -> None:
        self.watcher = watcher
        self.cursor = cursor
        self.before = before
        self.isLate = False
        self.isReading = False
        self._feed = feed

    def resume(self) -> None:
        """Go on: the connection takes data again."""
        self._feed.catchUp(self)

    def stop(self) -> None:
        """Tell nothing more."""
        self._feed.leave(self)


class LogFeed:
    """I read the new lines of one log, and tell them to its watchers.

    Most watchers are up to date, and get the same frames. For the others I read one after another, when their
    connections take data; those at the same place, such as many that come at once, share one reading.
    """

    def __init__(
        self, log: WatchedLog, clock: IReactorTime, views: LogViews, empty: Callable[[], None]
    ) -> None:
        """@param empty: called when the last watcher has left."""
        self._log = log
        self._clock = clock
        self._views = views
        self._empty = empty
        self._watching: set[Watching] = set()  # all
        self._current: dict[Watching, None] = {}  # those that are up to date
        self._cursor = Cursor(0)  # of the frames for them
        self._isReading = False  # for them
        self._isNew = False
        self._late: dict[_Late, list[Watching]] = {}  # the watchers for whom I shall read
        self._turn = Turns()  # limits me to one reading at a time
        self._last = float("-inf")
        self._timer: IDelayedCall | None = None
        self._forget: Callable[[], None] = lambda: None  # the end of the log

    def watch(self, watcher: Watcher, output: int, before: Before | None) -> Watching:
        """See L{LogFeeds.watch}."""
        if not self._watching:
            self._log.subscribeBytes(self)
            self._forget = atEnd(self._log, self._wake)
        watching = Watching(self, watcher, Cursor(max(0, output)), before)
        self._watching.add(watching)
        self.catchUp(watching)
        return watching

    def leave(self, watching: Watching) -> None:
        """Tell a watcher nothing more. A second call does nothing."""
        if watching not in self._watching:
            return
        self._watching.discard(watching)
        self._current.pop(watching, None)
        if not self._watching:
            self._log.unsubscribe(self)
            self._forget()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._empty()

    def logBytes(self, build: object, step: object, log: object, channel: int, data: bytes) -> None:
        """Read the new output soon."""
        self._isNew = True
        if self._timer is None:
            self._wake()

    def _wake(self) -> None:
        """Read as soon as the last frame is old enough, if anybody is up to date."""
        if self._current and self._timer is None and not self._isReading:
            pause = PAUSE if len(self._current) > FEW else SHORT_PAUSE
            wait = max(0.0, self._last + pause - self._clock.seconds())
            self._timer = self._clock.callLater(wait, self._read)

    def _read(self) -> None:
        self._timer = None
        self._last = self._clock.seconds()
        self._isReading, self._isNew = True, False
        reading = Deferred.fromCoroutine(self._next(_Late(self._cursor, True)))
        reading.addCallbacks(self._tell, self._failed)

    async def _next(self, late: _Late) -> _Read:
        place = self._log.place()

        def read(view: LogView) -> _Read:
            before = late.before(view, late.cursor.output) if late.before is not None else None
            frame, after = view.following(late.cursor, MOST, late.maySkip)
            isEnd = after.output >= view.output
            return _Read(frame, after, isEnd, isEnd and place.isFinished, before)

        return await self._views.call(place, read)

    def _tell(self, read: _Read) -> None:
        """Tell new lines to all watchers that are up to date."""
        self._isReading = False
        self._cursor = read.after
        for watching in list(self._current):
            if watching not in self._current:
                continue
            if self._isReady(watching):
                self._give(watching, read)
            elif watching in self._current:
                del self._current[watching]
                watching.isLate = True
        if self._isNew or not read.isEnd or self._log.isFinished():
            self._wake()

    def _failed(self, why: Failure) -> None:
        """End: the file cannot be read."""
        self._isReading = False
        self._logFailure(why)
        for watching in list(self._current):
            self._end(watching)

    def catchUp(self, watching: Watching) -> None:
        """Tell a watcher the lines that it has missed, as far as its connection takes them."""
        if watching not in self._watching or watching in self._current or watching.isReading:
            return
        if self._isReady(watching):
            watching.isReading = True
            late = _Late(watching.cursor, watching.isLate, watching.before)
            waiting = self._late.setdefault(late, [])
            waiting.append(watching)
            if len(waiting) == 1:
                Deferred.fromCoroutine(self._readFor(late)).addErrback(self._logFailure)

    async def _readFor(self, late: _Late) -> None:
        """Read for all watchers at one place."""
        async with self._turn:
            waiting = self._late.pop(late)
            try:
                read = await self._next(late)
            except PLUGIN_ERRORS:
                self._logFailure(Failure())
                for watching in waiting:
                    watching.isReading = False
                    self._end(watching)
            else:
                for watching in waiting:
                    watching.isReading = False
                    self._caughtUp(read, watching)

    def _caughtUp(self, read: _Read, watching: Watching) -> None:
        if watching not in self._watching:
            return
        self._give(watching, read)
        if watching not in self._watching:
            return
        if read.isEnd:
            if not self._current and not self._isReading:
                self._cursor = watching.cursor
            if watching.cursor.output >= self._cursor.output:
                self._current[watching] = None
                if self._isNew or self._log.isFinished():
                    self._wake()
                return
        self._clock.callLater(0, self.catchUp, watching)

    def _logFailure(self, why: Failure) -> None:
        if why.check(OSError):
            _log.warn("cannot read a log that is watched: {error}", error=why.getErrorMessage())
        else:
            _log.failure("cannot read a log that is watched", why)

    # what watchers do may fail

    def _isReady(self, watching: Watching) -> bool:
        try:
            return watching.watcher.isReady()
        except PLUGIN_ERRORS:
            self._faulty(watching)
            return False

    def _give(self, watching: Watching, read: _Read) -> None:
        """Tell a watcher the new lines, and the end."""
        frame = read.frame.since(watching.cursor.output)
        try:
            if watching.before is not None:
                watching.before = None
                watching.watcher.begin(read.before)
            if frame.lines or frame.skipped is not None:
                watching.watcher.frame(frame)
        except PLUGIN_ERRORS:
            self._faulty(watching)
        if watching.cursor.output <= read.after.output:
            watching.cursor = read.after
        if read.isLast:
            self._end(watching)

    def _end(self, watching: Watching) -> None:
        if watching not in self._watching:
            return
        self.leave(watching)
        try:
            watching.watcher.ended(watching.cursor.output)
        except PLUGIN_ERRORS:
            self._faulty(watching)

    def _faulty(self, watching: Watching) -> None:
        _log.failure("watcher {watcher!r} of a log failed", watcher=watching.watcher)
        self.leave(watching)


@dataclass(frozen=True)
class _Late:
    """A piece of output to read for a watcher. Equal pieces are read once.

    @ivar maySkip: True if older lines are left out when there are too many.
    """

    cursor: Cursor
    maySkip: bool
    before: Before | None = None


@dataclass(frozen=True)
class _Read:
    """Lines that were read.

    @ivar after: the place after them.
    @ivar isEnd: True if nothing more was there.
    @ivar isLast: True if nothing more will come.
    @ivar before: what the watchers need to know before them.
    """

    frame: Frame
    after: Cursor
    isEnd: bool
    isLast: bool
    before: Any
