# -*- test-case-name: tests.unit.slaves.test_arbitration -*-
"""
Judges who gets a name that two living processes log in with.

The newcomer waits while the holder of the name is probed. A holder that answers keeps the name, and the
newcomer is refused. A holder that does not answer loses the name to the newcomer. The rule that tells when a
judgement is necessary is in L{buildbot.slaves.conflict}.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.events.alarm import Alarm
from buildbot.slaves.attachment import Attachment, State
from buildbot.slaves.conflict import NameConflict
from buildbot.slaves.seams import ShownSlave
from buildbot.wire.peers import SlavePeer

log = Logger()

#: Seconds that the holder of a name may take to answer while a newcomer waits (D1).
ARBITRATION_TIME = 10.0
#: Seconds that a newcomer is held, once it is refused in a name conflict, before it is hung up on.
CONFLICT_HOLD = 20.0


class Contest(Protocol):
    """What L{Arbiter} needs to carry out its verdict."""

    @property
    def attachment(self) -> Attachment[SlavePeer]:
        """Where the attachment stands; its peer holds the name."""

    def takeOver(self, newcomer: SlavePeer, why: str, /) -> None:
        """Serve the newcomer instead of the connection that holds the name."""

    def refuse(self, newcomer: SlavePeer, reason: str, told: str, /) -> None:
        """
        Refuse the login of a newcomer, and hang up on it after CONFLICT_HOLD.

        @param reason: for the log; C{told} is for the newcomer.
        """


class Arbiter:
    """
    I hold back the newcomers of one name, one at a time, and judge who gets the name.

    @ivar candidate: the newcomer that waits for the verdict; None if there is none.
    """

    __slots__ = ("_alarm", "_began", "_clock", "_conflict", "_contest", "_slave", "candidate")

    def __init__(self, clock: IReactorTime, slave: ShownSlave, contest: Contest) -> None:
        self._clock = clock
        self._slave = slave
        self._contest = contest
        self._conflict = NameConflict()
        self._alarm: Alarm | None = None  # most slaves never need one
        self._began = 0.0
        self.candidate: SlavePeer | None = None

    def isNeeded(self) -> bool:
        """Whether there is a name conflict: one takeover more would be too many."""
        return self._conflict.isOn(self._clock.seconds())

    def takeover(self) -> None:
        """A newcomer has displaced a connection that was not lost yet."""
        self._conflict = self._conflict.takeover(self._clock.seconds())

    def wait(self, newcomer: SlavePeer) -> None:
        """
        Let a newcomer wait for the verdict.

        A still newer one takes its place and shares its verdict: the holder has the whole of
        ARBITRATION_TIME to answer, however many come.
        """
        before, self.candidate = self.candidate, newcomer
        if before is not None:
            self._contest.refuse(
                before, "a still newer connection came", "another one took its place: try again"
            )
            return
        holder = self._contest.attachment
        if holder.state is State.READY:
            holder.served.probe()
        self._began = self._clock.seconds()
        self._alarm = Alarm(self._late)
        self._alarm.set(self._clock, ARBITRATION_TIME)

    def end(self) -> SlavePeer | None:
        """There is nothing to judge any more; return the newcomer that waited for the verdict, if any."""
        candidate, self.candidate = self.candidate, None
        if self._alarm is not None:
            self._alarm.stop()
            self._alarm = None
        return candidate

    def cancel(self, reason: str, told: str) -> None:
        """Refuse the newcomer that waits, if any, without a verdict."""
        candidate = self.end()
        if candidate is not None:
            self._contest.refuse(candidate, reason, told)

    def _late(self) -> None:
        candidate, began = self.end(), self._began
        if candidate is not None:
            self._judge(candidate, began)

    def _judge(self, candidate: SlavePeer, since: float) -> None:
        holder = self._contest.attachment.peer
        if holder is None or holder.lastHeard < since:
            why = f"it did not answer while a newer connection from {candidate.address} waited"
            self._contest.takeOver(candidate, why)
        else:
            self._keep(holder, candidate)

    def _keep(self, holder: SlavePeer, newcomer: SlavePeer) -> None:
        """The holder keeps the name: say so, though not too often, and refuse the newcomer."""
        name, kept = self._slave.slavename, holder.address
        note = (
            f"name conflict: two machines log in as {name}: "
            f"{kept}, which is connected and answers, and {newcomer.address}, which is refused"
        )
        self._slave.slave_status.note = note
        self._conflict, due = self._conflict.mention(self._clock.seconds(), kept, newcomer.address)
        if due:
            self._slave.happened(note)
            log.warn("slave {name}: {note}", name=name, note=note)
        self._contest.refuse(
            newcomer,
            f"name conflict with {kept}",
            f"another running slave of this name is connected from {kept}: stop one of the two, or rename it",
        )
