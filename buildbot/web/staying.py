# -*- test-case-name: tests.stories.test_webstaying -*-
"""The visitors of open streams. A stream ends soon after its visitor has lost the right to it.

The server checks the visitors with each sign of life, and at once when a session or a token ends early.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.web.beats import HEARTBEAT, Beats
from buildbot.web.call import Call, Need, Out, Stream
from buildbot.web.sight import Sight
from buildbot.web.who import Leave, Who

log = Logger()

#: Returns the reason why a visitor loses a stream: see L{buildbot.web.accounts.door.Door.whyOut}.
WhyOut = Callable[[Who, Sight | None, tuple[Need, ...]], Coroutine[Any, Any, Leave | None]]
#: The most seconds of checks in one turn of the reactor. The rest waits for the next turn.
SHARE = 0.005
_FAILED = Leave("The check of the rights failed. The reason is in twistd.log.")
_SLOW = Leave("The check of the rights takes too long.")
_STOPPED = Leave("The web server has stopped, or has a new configuration.", mayReturn=True)


@dataclass(frozen=True)
class _Seat:
    """A visitor, the visible builders, and the needed rights. Equal values are checked once."""

    who: Who
    sight: Sight | None
    needs: tuple[Need, ...]


class _Outs(dict[Out, Callable[[str, bool], bytes]]):
    """The streams of one seat, with the makers of their last bytes.

    They share its value: each stream would otherwise keep its own.
    """

    __slots__ = ("seat",)

    def __init__(self, seat: _Seat) -> None:
        super().__init__()
        self.seat = seat


class Staying:
    """I watch the visitors of all endless streams of one web server."""

    def __init__(self, clock: IReactorTime, whyOut: WhyOut) -> None:
        self._clock = clock
        self._whyOut = whyOut
        self._open: dict[_Seat, _Outs] = {}
        self._due: dict[_Seat, None] = {}
        self._asked: dict[_Seat, float] = {}
        self._beats: Beats[Staying] = Beats(clock)
        self._alarm = Alarm(self._goOn)

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def watched(self, call: Call, stream: Stream) -> Stream:
        """The same stream; it ends when the visitor loses the right to it."""
        last = stream.last
        if last is None:
            return stream
        needs = ((call.route.action, call.values.get("builder")), *stream.needs)
        seat = _Seat(call.who, call.sight, tuple(each for each in dict.fromkeys(needs) if each[0]))

        def begin(out: Out) -> Any:
            outs = self._open.get(seat)
            if outs is None:
                outs = self._open[seat] = _Outs(seat)
            outs[out] = last
            self._beats.add(self)
            out.whenGone(partial(self._gone, outs, out))
            return stream.begin(out)

        return replace(stream, begin=begin)

    def _gone(self, outs: _Outs, out: Out) -> None:
        outs.pop(out, None)
        if not outs and self._open.get(outs.seat) is outs:
            del self._open[outs.seat]
        if not self._open:
            self._beats.remove(self)
            self._alarm.stop()

    def beat(self) -> None:
        """Check all visitors in the next turn of the reactor."""
        if self._open:
            self._due = dict.fromkeys(self._open)
            self._alarm.set(self._clock, 0)

    def _goOn(self) -> None:
        until = time.perf_counter() + SHARE
        while self._due and time.perf_counter() < until:
            seat = next(iter(self._due))
            del self._due[seat]
            self._ask(seat)
        if self._due and self._open:
            self._alarm.set(self._clock, 0)

    def _ask(self, seat: _Seat) -> None:
        now = self._clock.seconds()
        since = self._asked.setdefault(seat, now)
        if since == now:
            ensureDeferred(self._check(seat)).addErrback(self._failed, seat)
        elif now - since >= HEARTBEAT:
            self._end(seat, _SLOW)

    async def _check(self, seat: _Seat) -> None:
        try:
            leave = await self._whyOut(seat.who, seat.sight, seat.needs)
        finally:
            self._asked.pop(seat, None)
        if leave is not None:
            self._end(seat, leave)

    def _failed(self, why: Failure, seat: _Seat) -> None:
        why.trap(*PLUGIN_ERRORS)
        log.failure("the rights of {name} cannot be checked", why, name=seat.who.name or "a visitor")
        self._end(seat, _FAILED)

    def _end(self, seat: _Seat, leave: Leave) -> None:
        for out, last in list(self._open.get(seat, _Outs(seat)).items()):
            out.write(last(leave.why, leave.mayReturn))
            out.finish()

    def stop(self) -> None:
        """End all streams: their clients may come again."""
        self._beats.remove(self)
        self._beats.stop()
        self._alarm.stop()
        for seat in list(self._open):
            self._end(seat, _STOPPED)
