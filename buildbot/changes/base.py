# -*- test-case-name: tests.unit.changes.test_changes -*-
"""The base classes of change sources: start, stop and comparison; the rhythm of sources that look regularly.

Subclasses decide what to watch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from random import random
from typing import Any

from twisted.application import service
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot import interfaces
from buildbot.changes.sourcemaster import SourceMaster
from buildbot.config.arguments import arguments
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import FLAG, SECONDS, TEXT, orNone
from buildbot.events.alarm import Alarm

log = Logger()

#: The first look is at a random time within this many seconds, so that not all pollers look at once.
FIRST_WITHIN = 10.0
#: With C{pollAtLaunch} the first look is after this many seconds. A configuration that is refused while its
#: ports are opened has been taken back by then.
AT_LAUNCH = 1.0


@implementer(interfaces.IChangeSource)
class ChangeSource(service.Service, ComparableMixin):
    """I watch for changes: derive from me.

    A subclass overrides C{start} and C{stop} (or, as in 0.7.5, C{startService} and C{stopService}). It passes
    each change to C{self.parent.addChange} (or, as in 0.8, its values to C{self.master.addChange}). Two
    sources are equal if the attributes in C{compare_attrs} are equal.
    """

    _starting: Deferred[Any] | None = None

    @cached_property
    def master(self) -> SourceMaster:
        """The master, for sources of 0.8. C{addChange} takes a change in keywords. False until I join it."""
        return SourceMaster(self)

    def setServiceParent(self, parent: object) -> Deferred[Any] | None:
        """Join the ChangeMaster.

        @return: if the start takes time, a Deferred that fires when I am watching, or fails if I cannot.
        """
        super().setServiceParent(parent)
        return self._starting

    def startService(self) -> None:
        """Start to watch: the master is running."""
        super().startService()
        self._starting = _deferred(self.start())

    def stopService(self) -> Deferred[Any] | None:
        """Stop watching. Returns None, or a Deferred that fires when that is done."""
        super().stopService()
        return _deferred(self.stop())

    def start(self) -> Any:
        """Start to watch. May be C{async}. Any exception means that the source cannot start."""

    def stop(self) -> Any:
        """Stop watching. May be C{async}. Also called if C{start} has failed."""

    def describe(self) -> str:
        """One line for people: the watched place."""
        return type(self).__name__


class PollingChangeSource(ChangeSource):
    """I look for changes regularly: derive from me, and override C{poll}.

    I look first at a random time within the first seconds, or after one second with C{pollAtLaunch}, and then
    once in each C{pollInterval}. I never look twice at the same time: while a look takes longer, the
    looks that are due meanwhile are left out.

    @ivar pollInterval: seconds between two looks; 0 means that only L{doPoll} makes me look.
    @ivar pollAtLaunch: True to look a second after my start.
    @ivar lastPoll: the time of the last look that has ended, in seconds since the epoch; None before.
    @ivar failure: the reason why the last look failed, for people; empty if it succeeded.
    @ivar found: the number of changes that I have passed on since my start; None if I do not count them.
    """

    pollInterval: float = 60
    pollAtLaunch = False
    lastPoll: float | None = None
    failure = ""
    found: int | None = None
    random: Callable[[], float] = staticmethod(random)

    _alarm: Alarm | None = None
    _looking: Deferred[Any] | None = None
    _due = 0.0

    @arguments(name=orNone(TEXT), pollInterval=orNone(SECONDS), pollAtLaunch=FLAG)
    def __init__(
        self, name: str | None = None, pollInterval: float | None = None, pollAtLaunch: bool = False
    ) -> None:
        """Take the arguments of 0.8; a subclass may also set the attributes, or not call me at all.

        @param name: the name of the source; None if it needs none.
        @param pollInterval: see L{pollInterval}; None leaves the attribute of the class.
        """
        if name is not None:
            self.name = name
        if pollInterval is not None:
            self.pollInterval = pollInterval
        if pollAtLaunch:
            self.pollAtLaunch = True

    def poll(self) -> Any:
        """Look once. May be C{async}. An exception is logged and shown in the status; I look again later."""

    @property
    def clock(self) -> Any:
        """The clock of the master, which cannot be set. On a real master it is the reactor."""
        changemaster: Any = self.parent
        return changemaster.parent.botmaster.clock

    def start(self) -> Any:
        """Start the rhythm."""
        self._alarm = Alarm(self._itIsTime)
        if self.pollInterval:
            within = AT_LAUNCH if self.pollAtLaunch else self.random() * min(FIRST_WITHIN, self.pollInterval)
            self._due = self.clock.seconds() + within
            self._alarm.set(self.clock, self._due - self.clock.seconds())

    def stop(self) -> Deferred[None] | None:
        """Stop looking, and cancel a look.

        @return: fires when the look has ended.
        """
        if self._alarm is not None:
            self._alarm.stop()
        looking = self._looking
        if looking is None:
            return None
        ended: Deferred[None] = Deferred()
        looking.addBoth(lambda _: ended.callback(None))
        self.stopPoll(looking)
        return ended

    def stopPoll(self, looking: Deferred[Any]) -> None:
        """End a look early. C{looking} fires when it has ended."""
        looking.cancel()

    def doPoll(self) -> Deferred[None]:
        """Look now, unless a look is running.

        @return: fires when the look has ended, even if it failed.
        """
        if self._looking is not None:
            ended: Deferred[None] = Deferred()
            self._looking.addBoth(lambda _: ended.callback(None))
            return ended
        looking = self._looking = maybeDeferred(self.poll)
        looking.addBoth(self._looked)
        return looking

    def _itIsTime(self) -> None:
        now = self.clock.seconds()
        missed = max(0.0, now - self._due) // self.pollInterval
        self._due += (missed + 1) * self.pollInterval  # no drift, and nothing to catch up with
        assert self._alarm is not None
        self._alarm.set(self.clock, self._due - now)
        if self._looking is None:
            self.doPoll()

    def _looked(self, result: object) -> None:
        self._looking = None
        changemaster: Any = self.parent
        if changemaster is None or not self.running:
            return  # the master is stopping, or the configuration does not have me any more
        self.lastPoll = changemaster.parent.botmaster.now()
        before, self.failure = self.failure, ""
        if isinstance(result, Failure):
            self.failure = self.reasonOf(result)
            if self.failure != before:
                log.error("{source} failed: {reason}", source=self.describe(), reason=self.failure)
        elif before:
            log.info("{source} works again", source=self.describe())

    def reasonOf(self, why: Failure) -> str:
        """The reason of a failed look, in one line for people. An error of the code is logged in full."""
        if why.check(CancelledError):
            return "the look was cancelled"
        log.failure("{source} failed", why, source=self.describe())
        return f"{why.type.__name__ if why.type else 'error'}: {why.getErrorMessage()}"


def _deferred(result: object) -> Deferred[Any] | None:
    if inspect.iscoroutine(result):
        return ensureDeferred(result)
    return result if isinstance(result, Deferred) else None
