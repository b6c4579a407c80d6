# -*- test-case-name: tests.unit.buildmaster.test_handover -*-
"""The planned hand-over: the active master lets its builds end, and leaves its place to one that waits.

Slaves stay connected while builds end. The place is left only while a master that waits is heard at that
moment; otherwise the hand-over is given up, and this master goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.cluster.membership import Membership
from buildbot.control.client import ControlError
from buildbot.events.alarm import Alarm
from buildbot.process.cleanstop import LOOK, Busy, CleanStop
from buildbot.text.plural import counted

log = Logger()

#: Seconds without a sign of a master that waits, after which a hand-over is given up.
PATIENCE = 10.0
#: The most seconds for the database to tell who waits: less than the command waits for the answer.
FRESH = 6.0


class HandOver:
    """I hand the place of this master over to one that waits.

    @param membership: returns the part of this master among the masters of its store; None with a store in a
        file.
    """

    def __init__(
        self,
        clock: IReactorTime,
        membership: Callable[[], Membership | None],
        engine: Busy,
        cleanStop: CleanStop,
    ) -> None:
        self._clock = clock
        self._membership = membership
        self._engine = engine
        self._cleanStop = cleanStop
        self._alarm = Alarm(self._look)
        self._who = ""
        self._isOn = False
        self._to = self._givenUp = ""
        self._due: float | None = None  # when builds are interrupted
        self._heard = 0.0  # when a master that waits was heard last
        self._over: float | None = None  # since when no build is waited for

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handler for the control socket."""
        return {"handover": self.handOver}

    def report(self) -> dict[str, str]:
        """C{to}, the name of the master that takes over soon, and C{givenUp}, why the last hand-over was
        given up; both are "" without that.
        """
        return {"to": self._to if self._isOn and self._cleanStop.isOn else "", "givenUp": self._givenUp}

    async def handOver(
        self, who: str = "", timeout: float | None = None, now: bool = False
    ) -> dict[str, Any]:
        """Begin to hand over. Asked again, only the time for the running builds changes, if one is given.

        @param timeout: the seconds until running builds are interrupted; None: they may take any time.
        @param now: True to interrupt them at once.
        @return: C{to}, the name of the master that takes over; C{running}, the number of builds that end
            first; C{since}, who asked before, or None.
        @raise ControlError: nobody can take over, or the master stops already.
        """
        joined = self._membership()
        if joined is None:
            raise ControlError("the store is a file of this master alone: no other master can take over")
        if joined.isActive and not joined.ready():
            await joined.anew(FRESH)  # one may have begun to wait a moment ago
        if not joined.isActive:
            raise ControlError("this master is not the active one any more: another one has taken over")
        ready = joined.ready()
        if not ready:
            raise ControlError(_nobody(joined))
        before = self._who if self._isOn and self._cleanStop.isOn else None
        if before is None and not self._cleanStop.begin(who, looks=False):
            raise ControlError("the master stops already: `buildbot stop --cancel` takes that back")
        if now or timeout is not None:
            self._due = self._clock.seconds() + (0.0 if now else timeout or 0.0)
        elif before is None:
            self._due = None
        running = self._engine.keeping
        to = self._to = ready[0].place.name
        self._givenUp = ""
        if before is None:
            self._isOn, self._who, self._heard, self._over = True, who, self._clock.seconds(), None
            log.info(
                "the master hands over to {name}, as {who} wants, after {running}",
                name=to,
                who=who or "somebody",
                running=counted(running, "running build"),
            )
        joined.refresh()
        self._alarm.set(self._clock, LOOK)
        return {"to": to, "running": running, "since": before}

    def stop(self) -> None:
        """The master stops."""
        self._isOn = False
        self._alarm.stop()

    def _look(self) -> None:
        joined = self._membership()
        if not self._cleanStop.isOn or joined is None or not joined.isActive:
            self._isOn = False  # somebody has taken it back, or another master has taken the place
            return
        now = self._clock.seconds()
        self._heard = max([self._heard, *(now - each.ago for each in joined.ready())])
        if now - self._heard > PATIENCE:
            self._isOn = False
            self._givenUp = _nobody(joined)
            log.warn("the hand-over is given up: {why}", why=self._givenUp)
            self._cleanStop.cancel()
            return
        isDue = self._due is not None and now >= self._due
        if not isDue and self._engine.keeping:
            self._over = None
        elif self._over is None:
            self._over = now
        elif self._heard > self._over:  # it is there now, not only a moment ago
            self._isOn = False
            self._cleanStop.atOnce(self._who)
            return
        joined.refresh()
        self._alarm.set(self._clock, LOOK)


def _nobody(joined: Membership) -> str:
    """Why no other master can take over."""
    if joined.trouble:
        return f"the database does not answer, so no other master is heard: {joined.trouble}"
    others = joined.others()
    if not others:
        return "no other master waits: start one with `buildbot start --standby`"
    told = ", ".join(f"{each.place.name} (not heard for {each.ago:.0f} s)" for each in others)
    return f"no master that waits is heard: {told}"
