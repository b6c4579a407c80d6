# -*- test-case-name: tests.unit.process.test_builds -*-
"""Drive the end of one build: feed the state machine with events, and perform its effects.

L{buildbot.process.ending} has the machine. L{buildbot.process.base} has the build.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.model.results import SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.process.deadline import END_TIME
from buildbot.process.ending import Effect, Event, State, advance, resultsOf
from buildbot.process.waits import Waits

if TYPE_CHECKING:
    from buildbot.process.seams import SlaveForBuild

log = Logger()

#: Seconds that an interrupted step may take to end; then its slave is disconnected (B2).
STOP_TIME = 30.0
#: Seconds that a step may take to end after its slave is gone; then the build goes on without it.
LOST_TIME = 5.0


class EndingBuild(Protocol):
    """The part of a build that its end uses."""

    clock: IReactorTime
    currentStep: BuildStep | None
    slavebuilder: SlaveForBuild
    results: int | None
    text: list[str]
    stopReason: str | None
    whyLost: str
    overtime: str

    @property
    def isWaitingForLocks(self) -> bool:
        """True while the build or its step waits for locks."""


class BuildEnd:
    """I know how far one build is from its end.

    @ivar state: its state.
    """

    __slots__ = ("_alarm", "_build", "_finish", "_waits", "state")

    def __init__(self, build: EndingBuild, waits: Waits, finish: Callable[[int, list[str]], object]) -> None:
        """@param waits: the waits of the build, to abandon.
        @param finish: called once, at the end, with the final result of the build and its text.
        """
        self.state = State.RUNNING
        self._build = build
        self._waits = waits
        self._finish = finish
        self._alarm: Alarm | None = None

    def happens(self, event: Event, reason: str | Failure = "") -> None:
        """Perform the effects of an event, by L{advance}.

        @param reason: the reason for the step, if it is interrupted.
        """
        before = self.state
        self.state, effects = advance(before, event)
        for effect in effects:
            if effect is Effect.STOP_TIME:
                self._allow(STOP_TIME + self._timeToStop())
            elif effect is Effect.LOSS_TIME:
                self._allow(LOST_TIME)
            elif effect is Effect.INTERRUPT:
                self._interrupt(reason)
            elif effect is Effect.CUT_OFF:
                seconds = STOP_TIME + self._timeToStop()
                self._build.slavebuilder.slave.disconnect(f"a build did not stop within {seconds:g} s")
            elif effect is Effect.ABANDON:
                self._waits.giveUp()
            elif effect is Effect.FINISH:
                if self._alarm is not None:
                    self._alarm.stop()
                build, finish = self._build, self._finish
                del self._build, self._waits, self._finish, self._alarm  # a cycle otherwise
                finish(
                    *resultsOf(
                        before,
                        build.results or SUCCESS,
                        build.text,
                        build.stopReason,
                        build.whyLost,
                        build.overtime,
                    )
                )

    def _allow(self, seconds: float) -> None:
        """Set the time limit, from now."""
        if self._alarm is None:
            self._alarm = Alarm(self._isOverdue)
        self._alarm.set(self._build.clock, seconds)

    def _timeToStop(self) -> float:
        """The extra seconds for the current step to stop, beyond those for every step."""
        step = self._build.currentStep
        return 0.0 if step is None else step.timeToStop() - END_TIME

    def _isOverdue(self) -> None:
        step = self._build.currentStep
        isRunningThere = step is not None and step.isRunningCommand()
        self.happens(Event.SLAVE_OVERDUE if isRunningThere else Event.OVERDUE)

    def _interrupt(self, reason: str | Failure) -> None:
        step = self._build.currentStep
        if step is None or self._build.isWaitingForLocks:
            self._waits.giveUp()
            return
        try:
            interrupting: Any = step.interrupt(reason)
            if isinstance(interrupting, Deferred):
                interrupting.addErrback(
                    lambda why: log.failure("interrupting step {step!r} failed", why, step=step)
                )
        except PLUGIN_ERRORS:
            log.failure("interrupting step {step!r} failed", step=step)
