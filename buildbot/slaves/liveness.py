# -*- test-case-name: tests.unit.slaves.test_liveness -*-
"""Liveness of a slave: its deadlines, the keepalive timer and the probes.

A slave that misses a deadline fails. L{buildbot.slaves.attachment} decides the consequences.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm
from buildbot.slaves.attachment import Attachment, State
from buildbot.slaves.offers import BuilderOffers
from buildbot.wire.peers import SlavePeer

#: Seconds from the login to READY, and from sending a changed builder list to its acceptance.
ATTACH_TIME = 60.0
#: Seconds for the answer to a probe.
PROBE_TIME = 30.0


class WatchedSlave(Protocol):
    """The properties and methods of a slave that L{Liveness} uses."""

    @property
    def attachment(self) -> Attachment[SlavePeer]:
        """The state of the attachment."""

    @property
    def offers(self) -> BuilderOffers:
        """The builder lists that were sent to it."""

    @property
    def keepalive(self) -> float:
        """Seconds of silence before a probe."""

    def fail(self, peer: SlavePeer, reason: str, /) -> None:
        """Disconnect the slave: it missed a deadline."""

    def onLook(self) -> None:
        """Called when the timer fires and no deadline is missed."""


class Liveness:
    """I watch one connected slave.

    One timer serves all deadlines: L{_look} finds the one that is due.
    """

    __slots__ = ("_alarm", "_clock", "_muteUntil", "_mutes", "_probedAt", "_slave")

    def __init__(self, clock: IReactorTime, slave: WatchedSlave) -> None:
        self._clock = clock
        self._slave = slave
        self._alarm = Alarm(self._look)
        self._probedAt: float | None = None
        self._muteUntil = 0.0
        self._mutes = 0

    def loginBegan(self) -> None:
        """Start the deadline for the attachment: ATTACH_TIME."""
        self._after(ATTACH_TIME)

    def attached(self) -> None:
        """Start the keepalive: the slave is attached."""
        self._probedAt = None
        self._after(self._slave.keepalive)

    def listSent(self) -> None:
        """Start the deadline for an attached slave to accept a builder list: ATTACH_TIME."""
        self._after(min(ATTACH_TIME, self._untilIdle()))

    def keepaliveChanged(self) -> None:
        """Apply a changed keepalive from the configuration now."""
        if self._slave.attachment.state is State.READY and self._probedAt is None:
            self._after(self._untilIdle())

    def stop(self) -> None:
        """Stop watching: the connection is gone or is being closed."""
        self._alarm.stop()
        self._probedAt = None
        self._mutes, self._muteUntil = 0, 0.0

    def isAnswering(self, timeout: float, fresh: float) -> Deferred[bool]:
        """Find out whether the slave is alive; see L{buildbot.slaves.perspective.BotPerspective.isAnswering}.

        @param fresh: do not probe a slave that sent anything within this many seconds.
        """
        peer = self._slave.attachment.peer
        if peer is None or self._clock.seconds() - peer.flow.lastHeard <= fresh:
            return succeed(peer is not None)
        return self._probe(peer, timeout)

    def _probe(self, peer: SlavePeer, timeout: float) -> Deferred[bool]:
        answered: Deferred[bool] = Deferred()
        asked = self._clock.seconds()

        def late() -> None:
            if peer.flow.lastHeard > asked:  # the answer may wait behind other data of the slave
                answered.callback(True)
                return
            self._slave.fail(peer, f"it did not answer within {timeout:g} s")
            answered.callback(False)

        timeout = max(timeout, self._muteUntil - asked)
        alarm = Alarm(late)
        alarm.set(self._clock, timeout)

        def heard(lives: bool) -> None:
            if alarm.isSet:
                alarm.stop()
                answered.callback(lives)

        peer.ping().addCallbacks(lambda answer: heard(True), lambda why: heard(peer.isAlive()))
        return answered

    def mayBeMute(self, seconds: float) -> None:
        """Do not probe the slave for some time: it may be too busy to answer.

        The kernel still watches the connection.

        @param seconds: the time from now; 0 ends an earlier call.
        """
        self._mutes = max(0, self._mutes + (1 if seconds else -1))
        if seconds:
            self._muteUntil = self._clock.seconds() + seconds
        elif not self._mutes:
            self._muteUntil = 0.0
        if self._slave.attachment.state is State.READY:
            self._probedAt = None
            self._after(max(seconds, self._untilIdle()))

    def _untilIdle(self) -> float:
        return max(
            0.0, self._slave.attachment.served.flow.lastHeard + self._slave.keepalive - self._clock.seconds()
        )

    def _after(self, seconds: float) -> None:
        """Set the timer."""
        self._alarm.set(self._clock, seconds)

    def _look(self) -> None:
        now = self._slave.attachment
        if now.state in (State.ASKING, State.OFFERING):
            self._slave.fail(now.served, f"it did not finish attaching within {ATTACH_TIME:g} s")
        elif now.state is State.READY:
            self._lookAfter(now.served, self._clock.seconds())

    def _lookAfter(self, peer: SlavePeer, now: float) -> None:
        """Fail an attached slave, or probe it, or set the timer for its next deadline."""
        if now < self._muteUntil:
            self._after(self._muteUntil - now)
            return
        offers = self._slave.offers
        if offers.isPending and now - offers.sentAt >= ATTACH_TIME:
            self._slave.fail(peer, f"it did not accept its builder list within {ATTACH_TIME:g} s")
            return
        self._slave.onLook()
        if self._probedAt is not None and peer.flow.lastHeard >= self._probedAt:
            self._probedAt = None
        if self._probedAt is not None and now - self._probedAt >= PROBE_TIME:
            self._slave.fail(peer, f"it did not answer a probe within {PROBE_TIME:g} s")
            return
        idle = self._untilNextProbe(peer, now)
        if offers.isPending:
            idle = min(idle, offers.sentAt + ATTACH_TIME - now)
        self._after(idle)

    def _untilNextProbe(self, peer: SlavePeer, now: float) -> float:
        """Probe a silent slave. Return the seconds until the next check."""
        if self._probedAt is not None:
            return min(self._probedAt + PROBE_TIME - now, self._slave.keepalive)
        idle = self._untilIdle()
        if idle > 0:
            return idle
        self._probedAt = now
        peer.probe()
        return min(PROBE_TIME, self._slave.keepalive)  # the keepalive may be shorter
