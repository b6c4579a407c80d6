# -*- test-case-name: tests.unit.slaves.test_arbitration -*-
"""Decide which of two running slave processes keeps a name.

The newcomer waits while the holder of the name is probed. A holder that answers keeps the name, and the
newcomer is refused. A holder that does not answer loses the name to the newcomer. L{buildbot.slaves.conflict}
has the rule for when this is necessary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.events.alarm import Alarm
from buildbot.slaves.attachment import Attachment, State
from buildbot.slaves.conflict import NameConflict
from buildbot.wire.peers import SlavePeer

if TYPE_CHECKING:
    from buildbot.slaves.seams import ShownSlave

log = Logger()

#: Seconds for the holder of a name to answer while a newcomer waits (D1).
ARBITRATION_TIME = 10.0
#: Seconds between the refusal of a newcomer in a name conflict and its disconnection.
CONFLICT_HOLD = 20.0


class Contest(Protocol):
    """The operations that L{Arbiter} needs to carry out its verdict."""

    @property
    def attachment(self) -> Attachment[SlavePeer]:
        """The state of the attachment. Its peer holds the name."""

    def takeOver(self, newcomer: SlavePeer, why: str, /) -> None:
        """Serve the newcomer instead of the connection that holds the name.

        @param why: the reason, for the log and the status.
        """

    def refuse(self, newcomer: SlavePeer, reason: str, told: str, /) -> None:
        """Refuse the login of a newcomer, and disconnect it after CONFLICT_HOLD.

        @param reason: for the log.
        @param told: for the newcomer.
        """


class Arbiter:
    """I let newcomers of one name wait, one at a time, and decide who gets the name.

    @ivar candidate: the newcomer that waits for the verdict; None if there is none.
    """

    __slots__ = ("_alarm", "_began", "_clock", "_conflict", "_contest", "_slave", "candidate")

    def __init__(self, clock: IReactorTime, slave: ShownSlave, contest: Contest) -> None:
        self._clock = clock
        self._slave = slave
        self._contest = contest
        self._conflict = NameConflict()
        self._alarm: Alarm | None = None  # most slaves need none
        self._began = 0.0
        self.candidate: SlavePeer | None = None

    def isNeeded(self) -> bool:
        """True if there is a name conflict: one more takeover would be too many."""
        return self._conflict.isOn(self._clock.seconds())

    def takeover(self) -> None:
        """Count a takeover: a newcomer displaced a connection that had not been lost."""
        self._conflict = self._conflict.takeover(self._clock.seconds())

    def wait(self, newcomer: SlavePeer) -> None:
        """Let a newcomer wait for the verdict.

        A newcomer that came before is refused. The new one gets the verdict at the same time: the holder has
        ARBITRATION_TIME in all to answer, however many newcomers come.
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
        """Stop waiting for the verdict. Return the waiting newcomer, if any."""
        candidate, self.candidate = self.candidate, None
        if self._alarm is not None:
            self._alarm.stop()
            self._alarm = None
        return candidate

    def cancel(self, reason: str, told: str) -> None:
        """Refuse the waiting newcomer, if any, without a verdict."""
        candidate = self.end()
        if candidate is not None:
            self._contest.refuse(candidate, reason, told)

    def _late(self) -> None:
        candidate, began = self.end(), self._began
        if candidate is not None:
            self._judge(candidate, began)

    def _judge(self, candidate: SlavePeer, since: float) -> None:
        holder = self._contest.attachment.peer
        if holder is None or holder.flow.lastHeard < since:
            why = f"it did not answer while a newer connection from {candidate.address} waited"
            self._contest.takeOver(candidate, why)
        else:
            self._keep(holder, candidate)

    def _keep(self, holder: SlavePeer, newcomer: SlavePeer) -> None:
        """Refuse the newcomer. Log the conflict, but not too often, and show it in the status."""
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
