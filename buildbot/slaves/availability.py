# -*- test-case-name: tests.unit.process.test_builds -*-
"""
What a slave may be given to do: whether a build may begin there, and how one leaves whose work is done.

Whether it is there at all is the business of L{buildbot.slaves.perspective}.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.model.records import PauseRecord
from buildbot.status.slave import SlaveStatus

log = Logger()

#: What somebody who drains a slave waits to hear.
DRAINED = "drained, safe to switch off"
#: Seconds that a slave may take to answer a probe.
PROBE_TIME = 30.0


class Availability:
    """
    I am the part of a BotPerspective that has to do with builds.

    @ivar buildsRunning: how many builds run here, of all builders.
    @ivar lastUsed: when one last began, by the clock.
    @ivar paused: why none may begin, if somebody has said so.
    """

    slavename: str
    botmaster: Any
    slave_status: SlaveStatus
    _clock: IReactorTime

    buildsRunning = 0
    lastUsed = 0.0
    paused: PauseRecord | None = None
    _leaving = ""
    _parting = False
    _saidDrained = False

    # what the rest of the perspective knows

    def isConnected(self) -> bool:
        """Whether a connection is served, at whatever stage it is."""
        raise NotImplementedError

    def isReady(self) -> bool:
        """Whether it is attached, and its connection lives."""
        raise NotImplementedError

    def isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        """Fires with whether the slave lives."""
        raise NotImplementedError

    def mayBeMute(self, seconds: float) -> None:
        """
        It may be too busy to answer for so long, from now on.

        @param seconds: 0 ends what an earlier call began.
        """
        raise NotImplementedError

    def disconnect(self, reason: str) -> Deferred[None]:
        """Fires with None once it is gone."""
        raise NotImplementedError

    def whenGone(self) -> Deferred[None]:
        """Fires with None once the connection that is served is gone."""
        raise NotImplementedError

    # builds

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties that the configuration gives builds on this slave."""
        slave = self.botmaster.config.slaves.get(self.slavename)
        return slave.properties if slave is not None else {}

    @property
    def maxBuilds(self) -> int | None:
        """How many builds may run here at a time; None: no limit."""
        slave = self.botmaster.config.slaves.get(self.slavename)
        return slave.max_builds if slave is not None else None

    def canStartBuild(self) -> bool:
        """Whether a further build may begin here (B9)."""
        most = self.maxBuilds
        return (
            self.isReady()
            and self.paused is None
            and not self._leaving
            and (most is None or self.buildsRunning < most)
        )

    def setPause(self, record: PauseRecord | None) -> None:
        """It is kept from new builds, or no more: see L{buildbot.process.pauses.Pauses.pause}."""
        if record != self.paused:
            self.paused = record
            said = (
                "unpaused" if record is None else f"{record.kind} by {record.who}: {record.why}".rstrip(": ")
            )
            self.slave_status.happened(time.time(), said)
            self._saidDrained = False
        self.maybeLeave()

    @property
    def isDrained(self) -> bool:
        """Whether somebody drains it, and it builds nothing any more: it may be switched off."""
        return self.paused is not None and self.paused.kind == "draining" and not self.buildsRunning

    # leaving

    def leave(self, reason: str, atOnce: bool) -> Deferred[None]:
        """
        Disconnect for good, at once or as soon as no build runs here.

        @return: fires with None when the connection is gone.
        """
        if atOnce or not self.buildsRunning:
            return self.disconnect(reason)
        self._leaving = reason
        return self.whenGone()

    def maybeLeave(self) -> None:
        """
        If it was only waited for the last build, disconnect, in a moment.

        The slave is asked for a sign of life first: when that has come, so has all that it was told
        before. A worker that had to guess whether its last words were heard would log an error.
        """
        if self._whyLeave() and not self._parting:
            self._parting = True
            self._clock.callLater(0, self._part)
        elif not self.isConnected():
            self._sayDrained()

    def _sayDrained(self) -> None:
        if self.isDrained and not self._saidDrained:
            self._saidDrained = True
            self.slave_status.happened(time.time(), DRAINED)
            log.info("slave {name}: {drained}", name=self.slavename, drained=DRAINED)

    def _whyLeave(self) -> str:
        """Why it is to be disconnected now, if it is."""
        if self.buildsRunning or not self.isConnected():
            return ""
        if self.paused is not None and self.paused.kind == "draining":
            return self._leaving or f"drained by {self.paused.who}: {self.paused.why}".rstrip(": ")
        return self._leaving

    def _part(self) -> None:
        def heard(lives: bool) -> None:
            self._parting = False
            why = self._whyLeave()
            if why:
                self.disconnect(why).addCallback(lambda _: self._sayDrained())

        self.isAnswering(PROBE_TIME).addCallback(heard)
