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
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.view import Cursor, Frame, LogView

_log = Logger()

#: The least seconds between two frames of a log with many watchers, and of one with at most L{FEW}.
PAUSE = 0.1
SHORT_PAUSE = 0.03
FEW = 50
#: The most bytes of lines in a frame, and the most that a slow watcher gets later.
MOST = 1 << 18


class Watcher(Protocol):
    """The reader of one log. The methods are called in the reactor's thread."""

    def isReady(self) -> bool:
        """False if the connection takes no more data now. Then L{Watching.resume} is to be called later."""

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

    def watch(self, log: WatchedLog, watcher: Watcher, output: int = 0) -> Watching:
        """Tell a watcher all lines of a log, old and new, until the log is finished.

        @param output: the bytes of output that the watcher knows. It gets the line with the next byte first.
        """
        feed = self._feeds.get(log)
        if feed is None:
            feed = self._feeds[log] = LogFeed(log, self._clock, self._views, lambda: self._drop(log))
        return feed.watch(watcher, output)

    def _drop(self, log: WatchedLog) -> None:
        self._feeds.pop(log, None)


class Watching:
    """I am the place of one watcher in a log.

    @ivar cursor: the lines before it were told.
    @ivar isLate: True if the watcher was up to date once.
    """

    __slots__ = ("_feed", "cursor", "isLate", "isReading", "watcher")

    def __init__(self, feed: LogFeed, watcher: Watcher, cursor: Cursor) -> None:
        self.watcher = watcher
        self.cursor = cursor
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

    Most watchers are up to date, and get the same frames. I read for each of the others alone, when its
    connection takes data.
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
        self._last = float("-inf")
        self._timer: IDelayedCall | None = None

    def watch(self, watcher: Watcher, output: int) -> Watching:
        """See L{LogFeeds.watch}."""
        if not self._watching:
            self._log.subscribeBytes(self)
            self._log.waitUntilFinished().addCallback(lambda log: self._wake())
        watching = Watching(self, watcher, Cursor(max(0, output)))
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
        reading = Deferred.fromCoroutine(self._next(self._cursor, True))
        reading.addCallbacks(self._tell, self._failed)

    async def _next(self, cursor: Cursor, maySkip: bool) -> _Read:
        place = self._log.place()

        def read(view: LogView) -> _Read:
            frame, after = view.following(cursor, MOST, maySkip)
            isEnd = after.output >= view.output
            return _Read(frame, after, isEnd, isEnd and place.isFinished)

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
            reading = Deferred.fromCoroutine(self._next(watching.cursor, watching.isLate))
            reading.addCallbacks(self._caughtUp, self._cannot, (watching,), errbackArgs=(watching,))

    def _caughtUp(self, read: _Read, watching: Watching) -> None:
        watching.isReading = False
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

    def _cannot(self, why: Failure, watching: Watching) -> None:
        watching.isReading = False
        self._logFailure(why)
        self._end(watching)

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
class _Read:
    """Lines that were read.

    @ivar after: the place after them.
    @ivar isEnd: True if nothing more was there.
    @ivar isLast: True if nothing more will come.
    """

    frame: Frame
    after: Cursor
    isEnd: bool
    isLast: bool
