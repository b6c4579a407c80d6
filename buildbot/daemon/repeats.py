# -*- test-case-name: tests.unit.daemon.test_repeats -*-
"""A log observer that writes each traceback once: repetitions would push other events out of the log.

It filters events before they reach the log file.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, formatEvent
from twisted.python.failure import Failure
from zope.interface import implementer

#: Seconds after which a traceback is written again: the old one may have left the log by then.
ANEW = 24 * 3600.0
#: Seconds between two lines about repetitions of a failure.
EVERY = 60.0
#: The most remembered failures. The oldest are forgotten first.
REMEMBERED = 500
#: The logger that reports every connection when file descriptors have run out.
_TALKATIVE = "twisted.internet."


class _Trouble:
    """The time of the traceback, the time of the last line, and the number of repetitions since then."""

    __slots__ = ("last", "left", "whole")

    def __init__(self) -> None:
        self.whole = self.last = float("-inf")
        self.left = 0


@implementer(ILogObserver)
class Repeats:
    """I pass events on. Equal failures get one traceback, then a line per minute with their number."""

    def __init__(self, observer: ILogObserver, clock: Callable[[], float] = time.monotonic) -> None:
        self._observer = observer
        self._clock = clock
        self._troubles: OrderedDict[tuple[object, ...], _Trouble] = OrderedDict()

    def __len__(self) -> int:
        """The number of remembered failures."""
        return len(self._troubles)

    def __call__(self, event: LogEvent) -> None:
        """See L{ILogObserver}."""
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            self._failed(event, failure)
        elif event.get("log_format") and event.get("log_namespace", "").startswith(_TALKATIVE):
            self._said(event)
        else:
            self._observer(event)

    def _failed(self, event: LogEvent, failure: Failure) -> None:
        now = self._clock()
        trouble = self._trouble((event.get("log_format"), *placeOf(failure)))
        if now - trouble.whole >= ANEW:
            trouble.whole = trouble.last = now
            self._observer(event)
        elif self._due(trouble, now):
            short = {key: value for key, value in event.items() if key not in ("log_failure", "log_format")}
            said = formatEvent(event) or "Unhandled error"
            line = "{said}: {kind}: {why} (its traceback was logged before{more})"
            why = failure.getErrorMessage()[:200]
            kind = getattr(failure.type, "__name__", failure.type)
            self._observer(
                {**short, "log_format": line, "said": said, "kind": kind, "why": why, **self._more(trouble)}
            )

    def _said(self, event: LogEvent) -> None:
        trouble = self._trouble((event["log_format"],))
        if self._due(trouble, self._clock()):
            more = self._more(trouble)
            self._observer(
                {**event, "log_format": event["log_format"] + "{more}", **more} if more["more"] else event
            )

    def _trouble(self, key: tuple[object, ...]) -> _Trouble:
        trouble = self._troubles.get(key)
        if trouble is None:
            trouble = self._troubles[key] = _Trouble()
            if len(self._troubles) > REMEMBERED:
                self._troubles.popitem(last=False)
        self._troubles.move_to_end(key)
        return trouble

    def _due(self, trouble: _Trouble, now: float) -> bool:
        if now - trouble.last < EVERY:
            trouble.left += 1
            return False
        trouble.last = now
        return True

    def _more(self, trouble: _Trouble) -> dict[str, str]:
        left, trouble.left = trouble.left, 0
        return {"more": f"; {left} more like this" if left else ""}


def placeOf(failure: Failure) -> tuple[object, ...]:
    """The key for failures of one cause: the type of error and the line that raised it."""
    traceback = failure.getTracebackObject()
    while traceback is not None and getattr(traceback, "tb_next", None) is not None:
        traceback = traceback.tb_next
    if traceback is None or not hasattr(traceback, "tb_frame"):
        frame = failure.frames[-1] if failure.frames else ("", "", 0)
        return failure.type, frame[1], frame[2]
    return failure.type, traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
