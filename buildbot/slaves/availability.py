# -*- test-case-name: tests.unit.slaves.test_availability -*-
"""Availability of a slave for builds: limits, pausing, draining.

L{buildbot.slaves.perspective} knows whether the slave is connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.model import SlaveConfig
from buildbot.events.eventual import eventual
from buildbot.model.records import PauseRecord
from buildbot.slaves.liveness import PROBE_TIME
from buildbot.slaves.seams import ShownSlave

if TYPE_CHECKING:
    from buildbot.latent.instance import Instance

log = Logger()

#: The event of a drained slave: the administrator may switch it off.
DRAINED = "drained, safe to switch off"


class LimitedSlave(ShownSlave, Protocol):
    """The properties and methods of a slave that L{Availability} uses."""

    @property
    def setup(self) -> SlaveConfig | None:
        """Its settings in c['bots']; None after it was removed from there."""

    def isConnected(self) -> bool:
        """True while a connection is served, in any state."""

    def isReady(self) -> bool:
        """True while it is attached and its connection is open."""

    def isAnswering(self, timeout: float, /) -> Deferred[bool]:
        """Fires with True if the slave is alive."""

    def disconnect(self, reason: str, /) -> Deferred[None]:
        """Disconnect it. Fires with None when the connection is gone."""

    def whenGone(self) -> Deferred[None]:
        """Fires with None when the served connection is gone."""


class Availability:
    """I decide whether one slave may get a build.

    @ivar buildsRunning: the number of builds on it, of all builders.
    @ivar lastUsed: the start of its last build, by the clock.
    @ivar paused: the pause (who and why) that keeps new builds away; None without one.
    @ivar instance: its instance, if it is a latent slave.
    """

    __slots__ = (
        "_clock",
        "_leaving",
        "_parting",
        "_saidDrained",
        "_slave",
        "buildsRunning",
        "instance",
        "lastUsed",
        "paused",
    )

    def __init__(self, clock: IReactorTime, slave: LimitedSlave) -> None:
        self._clock = clock
        self._slave = slave
        self.buildsRunning = 0
        self.lastUsed = 0.0
        self.paused: PauseRecord | None = None
        self.instance: Instance | None = None
        self._leaving = ""
        self._parting = False
        self._saidDrained = False

    # builds

    @property
    def maxBuilds(self) -> int | None:
        """The most builds on it at a time; None: no limit."""
        setup = self._slave.setup
        return setup.max_builds if setup is not None else None

    def canStartBuild(self) -> bool:
        """True if another build may start on it (B9)."""
        most = self.maxBuilds
        return (
            self._slave.isReady()
            and self.paused is None
            and not self._leaving
            and (most is None or self.buildsRunning < most)
        )

    def buildBegins(self) -> None:
        """Count a build that is about to start on it."""
        self.buildsRunning += 1
        self.lastUsed = self._clock.seconds()
        if self.instance is not None:
            self.instance.buildBegins()

    def buildEnded(self) -> None:
        """Uncount a build that has ended or did not start."""
        self.buildsRunning -= 1
        if self.instance is not None:
            self.instance.buildEnded()

    # pausing and draining

    def setPause(self, record: PauseRecord | None) -> None:
        """Pause the slave: no new builds start on it. None ends the pause."""
        if record != self.paused:
            self.paused = record
            self._slave.happened("unpaused" if record is None else f"{record.kind} {_pausedBy(record)}")
            self._saidDrained = False
        self.maybeLeave()

    @property
    def isDrained(self) -> bool:
        """True if the slave is being drained and no build runs on it: it may be switched off."""
        return self.paused is not None and self.paused.kind == "draining" and not self.buildsRunning

    # leaving

    def leave(self, reason: str, atOnce: bool) -> Deferred[None]:
        """Disconnect for good: now, or when its running builds have ended.

        @param atOnce: disconnect now, even if builds are running.
        @return: fires with None when the connection is gone.
        """
        if atOnce or not self.buildsRunning:
            return self._slave.disconnect(reason)
        self._leaving = reason
        return self._slave.whenGone()

    def stay(self) -> None:
        """Do not disconnect for good any more: the reason is over."""
        self._leaving = ""

    def maybeLeave(self) -> None:
        """Disconnect the slave soon if it is leaving and idle.

        The slave is probed first: its answer shows that it has received all earlier messages. A worker that
        loses the connection before the last message logs an error.
        """
        mustLeave = not self._parting and bool(self._whyLeave())
        if not mustLeave and self.paused is None:
            return
        if not self._slave.isConnected():
            self._sayDrained()
        elif mustLeave:
            self._parting = True
            eventual(self._clock, self._part)

    def _sayDrained(self) -> None:
        if self.isDrained and not self._saidDrained:
            self._saidDrained = True
            self._slave.happened(DRAINED)
            log.info("slave {name}: {drained}", name=self._slave.slavename, drained=DRAINED)

    def _whyLeave(self) -> str:
        """The reason to disconnect it now, while it is connected; empty if there is none."""
        if self.buildsRunning:
            return ""
        if self.paused is not None and self.paused.kind == "draining":
            return self._leaving or f"drained {_pausedBy(self.paused)}"
        return self._leaving

    def _part(self) -> None:
        def heard(lives: bool) -> None:
            self._parting = False
            why = self._whyLeave()
            if why and self._slave.isConnected():
                self._slave.disconnect(why).addCallback(lambda _: self._sayDrained())

        self._slave.isAnswering(PROBE_TIME).addCallback(heard)


def _pausedBy(record: PauseRecord) -> str:
    """The person who paused a slave, and the reason if there is one."""
    return f"by {record.who or 'somebody'}: {record.why}".rstrip(": ")
