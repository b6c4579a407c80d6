# -*- test-case-name: tests.unit.status.test_receivers -*-
"""Telling status receivers what happens, in its order, each in a later turn than it happens.

What there is to tell is for L{buildbot.status.build} and L{buildbot.status.builderstatus}. While nobody has
ever subscribed, all of it costs nothing.
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

#: The most events that are told in one turn of the reactor.
MANY = 50


class Watched(Protocol):
    """What an announcer needs of the status of a builder."""

    def getName(self) -> str: ...
    def isRemoved(self) -> bool: ...
    def subscribe(self, receiver: object, /) -> None: ...


class Announcer:
    """I tell the receivers of one master.

    @ivar isHeard: whether anybody has ever subscribed.
    @ivar watchers: the receivers of what concerns the whole master.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.isHeard = False
        self.watchers: Observers[Any] = NOBODY
        self._events: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._turn: IDelayedCall | None = None

    def later(self, tell: Callable[..., object], *args: object) -> None:
        """Call C{tell(*args)} in a later turn, after all that happened before; not if nobody listens."""
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
        """Tell a receiver of all that happens; C{builders} are the status of those there are."""
        self.isHeard = True
        self.watchers = self.watchers.plus(target)
        for builder in builders:
            self.later(self._tellBuilderAdded, (target,), builder)

    def unsubscribe(self, target: object) -> None:
        """Tell it no more of the whole."""
        self.watchers = self.watchers.without(target)

    def builderAdded(self, builder: Watched) -> None:
        """There is a builder more; who subscribes from now on is told of it in any case."""
        self.later(self._tellBuilderAdded, self.watchers, builder)

    def _tellBuilderAdded(self, targets: tuple[object, ...], builder: Watched) -> None:
        for target in targets:
            if target in self.watchers and not builder.isRemoved():
                receiver = tellOne(target, "builderAdded", builder.getName(), builder)
                if receiver:
                    builder.subscribe(receiver)

    def builderRemoved(self, name: str) -> None:
        """A builder is gone."""
        self.later(self._tellAll, "builderRemoved", name)

    def buildsetSubmitted(self, buildset: IBuildSetStatus) -> None:
        """There is a set of builds more; C{buildset} is its status."""
        self.later(self._tellAll, "buildsetSubmitted", buildset)

    def _tellAll(self, method: str, news: object) -> None:
        for target in self.watchers:
            tellOne(target, method, news)


def tellOne(receiver: object, method: str, *args: object) -> object:
    """What the method of a receiver answers.

    @return: None as well if it has no such method, or raises: that is logged, and hurts nobody else.
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
    """The arguments to subscribe with, by what a receiver has answered.

    @param answer: a receiver, a pair of it and the seconds between two updates, or nothing.
    @return: nothing, if it wants nothing.
    """
    if not answer:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


class Updates:
    """I tell one receiver every so often how long something still takes, at once for the first time."""

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
        """Tell it no more."""
        self._isStopped = True
        self._alarm.stop()
