# -*- test-case-name: tests.stories.test_weblog -*-
"""The outlines of the logs that people look at, made in threads, and kept in memory while there is room."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.events.sleep import sleep
from buildbot.events.turns import Turns
from buildbot.logs.naps import Naps
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.view import LogView
from buildbot.web.logs.failures import KNOWN, Failures
from buildbot.web.logs.outline import FailingLine, Outline, Outlined

log = Logger()

#: The most bytes of all outlines, and the most outlines.
ROOM = 16 << 20
MOST = 500
#: The seconds of one turn in a thread, and the pause between two turns.
TURN, PAUSE = 0.02, 0.08
#: The seconds that a page waits for its outline.
PATIENCE = 0.03
#: The blocks that are read at once. A thread that reads more often keeps Python's lock from the reactor.
_BLOCKS = 8
#: The bytes at the end of a log that are searched at once, if the log is too long for that.
_END = 1 << 18
#: The most failing lines from there.
_LAST = 50


class Outlines:
    """I have the outlines of one web server."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = time.monotonic) -> None:
        """@param now: the time for limits."""
        self._clock = clock
        self._now = now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = Lock()
        self._turns = Turns()
        self._waiting: set[str] = set()

    def of(self, view: LogView, seconds: float = PATIENCE, failures: Failures = KNOWN) -> Outlined:
        """The outline of a log, as far as it is found in some seconds. Blocks: call it in a thread.

        @param failures: finds its failing lines.
        @raise OSError: the log's file is gone, or the disk is broken.
        """
        isBusy = view.path in self._waiting  # the rest is being found already
        return self._found(view, None if isBusy else self._now() + seconds, failures)

    def _found(self, view: LogView, end: float | None, failures: Failures) -> Outlined:
        with self._lock:
            kept = self._kept.pop(view.path, None) or _Kept(failures)
            self._kept[view.path] = kept
        with kept.lock:
            found = kept.extend(view, end, self._now)
        with self._lock:
            self._forget()
        return found

    def goOn(self, views: LogViews, place: Place, failures: Failures = KNOWN) -> None:
        """Find the rest of the outline of a log, as far as it is written now, a little at a time."""
        if place.path not in self._waiting:
            self._waiting.add(place.path)
            working = ensureDeferred(self._rest(views, place, failures))
            working.addErrback(lambda why: log.failure("cannot find the outline of a log", why))

    async def _rest(self, views: LogViews, place: Place, failures: Failures) -> None:
        def turn(view: LogView) -> Outlined:
            return self._found(view, self._now() + TURN, failures)

        try:
            async with self._turns:
                while (await views.call(place, turn)).searched < 1:
                    await sleep(self._clock, PAUSE)
        except OSError:
            pass  # the log was deleted
        finally:
            self._waiting.discard(place.path)

    def _forget(self) -> None:
        total = sum(each.weight for each in self._kept.values())
        while len(self._kept) > 1 and (total > ROOM or len(self._kept) > MOST):
            _, gone = self._kept.popitem(last=False)
            total -= gone.weight


class _Kept:
    """I am the outline of one log, and how far it is.

    @ivar at: the bytes of data that were read.
    """

    def __init__(self, failures: Failures) -> None:
        self.lock = Lock()
        self.outline = Outline(1, failures)
        self.failures = failures
        self.at = 0
        self.last: tuple[FailingLine, ...] | None = None
        self.weight = 1000

    def extend(self, view: LogView, end: float | None, now: Callable[[], float]) -> Outlined:
        """Read more blocks until the time C{end}: at least some, if there are any. None: read nothing."""
        index = view.index
        total = index.end.data
        naps = Naps()
        with view.reading(headers=False) as read:
            while self.at < total and end is not None:
                place = index.ofData(self.at)
                begin = index.block(place).data
                data = read(place, min(len(index), place + _BLOCKS))
                self.outline.feed(data[self.at - begin :])
                self.at = max(self.at + 1, begin + len(data))
                if now() >= end:
                    break
                naps.mayNap()
        isAll = self.at >= total
        isOver = isAll and view.isFinished
        if isOver:
            self.outline.finish()
        if not isAll and self.last is None:
            self.last = _lastOf(view, self.failures)
        outline = self.outline
        self.weight = outline.weight()
        return Outlined(
            tuple(outline.failing),
            outline.count,
            tuple(outline.sections(view.total if isOver else None)),
            1.0 if isAll else self.at / total,
            () if isAll or self.last is None else self.last,
        )


def _lastOf(view: LogView, failures: Failures) -> tuple[FailingLine, ...]:
    """The failing lines near the end of a log."""
    place = view.index.ofData(max(0, view.index.end.data - _END))
    outline = Outline(view.index.block(place).lines + 1, failures)
    with view.reading(headers=False) as read:
        outline.feed(read(place, len(view.index)))
    outline.finish()
    return tuple(outline.failing[-_LAST:])
