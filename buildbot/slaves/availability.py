# -*- test-case-name: tests.unit.slaves.test_availability -*-
"""
Availability of a slave for builds: limits, pausing, draining.

Whether the slave is connected is known to L{buildbot.slaves.perspective}.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.model import SlaveConfig
from buildbot.events.eventual import eventual
from buildbot.model.records import PauseRecord
from buildbot.slaves.liveness import PROBE_TIME
from buildbot.slaves.seams import ShownSlave

log = Logger()

#: The event that tells somebody who drains a slave that it has been done.
DRAINED = "drained, safe to switch off"


class LimitedSlave(ShownSlave, Protocol):
    """What L{Availability} needs of its slave."""

    @property
    def setup(self) -> SlaveConfig | None:
        """Its settings in c['bots']; None once it is removed from there."""

    def isConnected(self) -> bool:
        """Whether a connection is served, at whatever stage it is."""

    def isReady(self) -> bool:
        """Whether it is attached, and its connection lives."""

    def isAnswering(self, timeout: float, /) -> Deferred[bool]:
        """Fires with whether the slave lives."""

    def disconnect(self, reason: str, /) -> Deferred[None]:
        """Fires with None once it is gone."""

    def whenGone(self) -> Deferred[None]:
        """Fires with None once the connection that is served is gone."""


class Availability:
    """
    I know whether one slave may be given a build.

    @ivar buildsRunning: how many builds run on it, of all builders.
    @ivar lastUsed: when one last began, by the clock.
    @ivar paused: who keeps it from new builds and why; None if nobody does.
    """

    __slots__ = (
        "_clock",
        "_leaving",
        "_parting",
        "_saidDrained",
        "_slave",
        "buildsRunning",
        "lastUsed",
        "paused",
    )

    def __init__(self, clock: IReactorTime, slave: LimitedSlave) -> None:
        self._clock = clock
        self._slave = slave
        self.buildsRunning = 0
        self.lastUsed = 0.0
        self.paused: PauseRecord | None = None
        self._leaving = ""
        self._parting = False
        self._saidDrained = False

    # builds

    @property
    def maxBuilds(self) -> int | None:
        """How many builds may run on it at a time; None: no limit."""
        setup = self._slave.setup
        return setup.max_builds if setup is not None else None

    def canStartBuild(self) -> bool:
        """Whether a further build may begin on it (B9)."""
        most = self.maxBuilds
        return (
            self._slave.isReady()
            and self.paused is None
            and not self._leaving
            and (most is None or self.buildsRunning < most)
        )

    def buildBegins(self) -> None:
        """A build is about to begin on it."""
        self.buildsRunning += 1
        self.lastUsed = self._clock.seconds()

    def buildEnded(self) -> None:
        """The build has ended, or did not begin."""
        self.buildsRunning -= 1

    # pausing and draining

    def setPause(self, record: PauseRecord | None) -> None:
        """Keep it from new builds; None ends that."""
        if record != self.paused:
            self.paused = record
            self._slave.happened("unpaused" if record is None else f"{record.kind} {_byWhom(record)}")
            self._saidDrained = False
        self.maybeLeave()

    @property
    def isDrained(self) -> bool:
        """Whether somebody drains it and no build runs there any more: it may be switched off."""
        return self.paused is not None and self.paused.kind == "draining" and not self.buildsRunning

    # leaving

    def leave(self, reason: str, atOnce: bool) -> Deferred[None]:
        """
        Disconnect for good, at once or as soon as no build runs there.

        @return: fires with None when the connection is gone.
        """
        if atOnce or not self.buildsRunning:
            return self._slave.disconnect(reason)
        self._leaving = reason
        return self._slave.whenGone()

    def maybeLeave(self) -> None:
        """
        Disconnect a slave that is to leave and is idle, in a moment.

        The slave is probed first: its answer shows that it has received everything it was sent
        before. A worker that is cut off before it has the last message logs an error.
        """
        if self._whyLeave() and not self._parting:
            self._parting = True
            eventual(self._clock, self._part)
        elif not self._slave.isConnected():
            self._sayDrained()

    def _sayDrained(self) -> None:
        if self.isDrained and not self._saidDrained:
            self._saidDrained = True
            self._slave.happened(DRAINED)
            log.info("slave {name}: {drained}", name=self._slave.slavename, drained=DRAINED)

    def _whyLeave(self) -> str:
        """Why it is to be disconnected now; empty if it is not."""
        if self.buildsRunning or not self._slave.isConnected():
            return ""
        if self.paused is not None and self.paused.kind == "draining":
            return self._leaving or f"drained {_byWhom(self.paused)}"
        return self._leaving

    def _part(self) -> None:
        def heard(lives: bool) -> None:
            self._parting = False
            why = self._whyLeave()
            if why:
                self._slave.disconnect(why).addCallback(lambda _: self._sayDrained())

        self._slave.isAnswering(PROBE_TIME).addCallback(heard)


def _byWhom(record: PauseRecord) -> str:
    """Who pauses a slave, and why if that was said."""
    return f"by {record.who}: {record.why}".rstrip(": ")
