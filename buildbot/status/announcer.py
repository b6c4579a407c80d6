# -*- test-case-name: tests.unit.status.test_receivers -*-
"""Deliver events to status receivers in order, each in a later reactor turn.

L{buildbot.status.build} and L{buildbot.status.builderstatus} create the events. Before the first
subscription, events are dropped at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.events.observers import NOBODY, Observers
from buildbot.interfaces import IBuildSetStatus

log = Logger()

#: The most events delivered in one reactor turn.
MANY = 50


class Watched(Protocol):
    """The part of a builder's status that an announcer uses."""

    def getName(self) -> str: ...
    def isRemoved(self) -> bool: ...
    def subscribe(self, receiver: object, /) -> None: ...


class Announcer:
    """I deliver the events of one master.

    @ivar isHeard: True after the first subscription.
    @ivar watchers: the receivers of events about the whole master.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.isHeard = False
        self.watchers: Observers[Any] = NOBODY
        self._events: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._turn: IDelayedCall | None = None

    def later(self, tell: Callable[..., object], *args: object) -> None:
        """Call C{tell(*args)} in a later turn, after all earlier events. Dropped before any subscription."""
        if self.isHeard:
            self._events.append((tell, args))
            self._arm()

    def _arm(self) -> None:
        if self._turn is None and self._events:
            self._turn = eventual(self.clock, self._tellSome)

    def _tellSome(self) -> None:
        self._turn = None
        try:
            for _ in range(min(len(self._events), MANY)):
                tell, args = self._events.popleft()
                tell(*args)
        finally:
            self._arm()

    # the whole master

    def subscribe(self, target: object, builders: Iterable[Watched]) -> None:
        """Deliver all events to a receiver, beginning with C{builderAdded} for each of C{builders}.

        One that has subscribed already stays as it is: the base class of a receiver may do it, too.
        """
        if any(each is target for each in self.watchers):
            return
        self.isHeard = True
        self.watchers = self.watchers.plus(target)
        for builder in builders:
            self.later(self._tellBuilderAdded, (target,), builder)

    def unsubscribe(self, target: object) -> None:
        """Stop the events about the whole master for this receiver."""
        self.watchers = self.watchers.without(target)

    def builderAdded(self, builder: Watched) -> None:
        """Report a new builder to the present receivers. Later receivers learn of it from L{subscribe}."""
        self.later(self._tellBuilderAdded, self.watchers, builder)

    def _tellBuilderAdded(self, targets: tuple[object, ...], builder: Watched) -> None:
        for target in targets:
            if target in self.watchers and not builder.isRemoved():
                receiver = tellOne(target, "builderAdded", builder.getName(), builder)
                if receiver:
                    builder.subscribe(receiver)

    def builderRemoved(self, name: str) -> None:
        """Report a removed builder."""
        self.later(self._tellAll, "builderRemoved", name)

    def buildsetSubmitted(self, buildset: IBuildSetStatus) -> None:
        """Report a new build set; C{buildset} is its status."""
        self.later(self._tellAll, "buildsetSubmitted", buildset)

    def report(self, event: str, *news: object) -> None:
        """Report an event of the whole master: a method of L{interfaces.IMasterReceiver}, and its arguments.

        A part that reports often asks L{isHeard} first, which costs it no call.
        """
        self.later(self._tellAll, event, *news)

    def _tellAll(self, method: str, *news: object) -> None:
        for target in self.watchers:
            tellOne(target, method, *news)


def tellOne(receiver: object, method: str, *args: object) -> object:
    """Call a method of a receiver and return its result.

    @return: None if the receiver lacks the method or it raises; an exception is logged.
    """
    call = getattr(receiver, method, None)
    if call is None:
        return None
    try:
        return call(*args)
    except PLUGIN_ERRORS:
        log.failure("status receiver {receiver!r} failed in {method}", receiver=receiver, method=method)
        return None


def wanted(answer: object) -> tuple[Any, ...]:
    """The arguments for C{subscribe}, from the answer of a receiver.

    @param answer: a receiver, a pair (receiver, seconds between two updates), or None.
    @return: the arguments as a tuple; empty for None.
    """
    if not answer:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


class Updates:
    """I report the ETA of a build or step to one receiver: at once, and then at an interval."""

    def __init__(
        self, clock: IReactorTime, receiver: object, interval: float, tell: Callable[[Any], object]
    ) -> None:
        self.receiver = receiver
        self._clock = clock
        self._interval = interval
        self._tell = tell
        self._isStopped = False
        self._alarm = Alarm(self._tick)
        self._tick()

    def _tick(self) -> None:
        self._tell(self.receiver)
        if not self._isStopped:
            self._alarm.set(self._clock, self._interval)

    def stop(self) -> None:
        """Stop the reports."""
        self._isStopped = True
        self._alarm.stop()
