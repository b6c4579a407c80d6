# -*- test-case-name: tests.unit.latent.test_instance -*-
"""The instance of one latent slave: its state, and the events that change it.

L{buildbot.latent.effects} performs the effects of the machine in L{buildbot.latent.states}.
L{buildbot.latent.instances} has the instances of all slaves, and knows the configuration.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from buildbot.events.eventual import eventual
from buildbot.latent.buildslave import AbstractLatentBuildSlave
from buildbot.latent.effects import Effects
from buildbot.latent.record import STARTED, InstanceRecord
from buildbot.latent.seams import Attachable, Surroundings
from buildbot.latent.states import COMING, OVER, WELCOME, Effect, Event, State, advance

log = Logger()


class Instance:
    """I am the instance of one latent slave, running or not.

    @ivar name: the name of the slave.
    @ivar state: see L{State}; C{since}: its time, in seconds since the epoch.
    @ivar wanted: the slave of the configuration; None after it was removed, or if it is no latent slave now.
    @ivar slave: the slave that started the present instance; a reconfig may have brought another one.
    @ivar record: the note in the store; None if nothing runs.
    @ivar perspective: the slave of the configuration in force.
    @ivar builds: the number of builds on it.
    @ivar forBuilder: the builder that it was started for.
    @ivar failures: the failed starts in a row; C{stops}: the failed stops.
    @ivar why: the reason of the last failure; empty after a success.
    @ivar lateSince: the first start after which the slave did not attach in time, in seconds since the epoch;
        None if it has attached after the last one.
    @ivar nextTry: the time of the next attempt, in seconds since the epoch.
    """

    def __init__(self, name: str, master: Surroundings, record: InstanceRecord | None = None) -> None:
        self.name = name
        self.wanted: AbstractLatentBuildSlave | None = None
        self.slave: AbstractLatentBuildSlave | None = None
        self.record = record
        self.perspective: Attachable | None = None
        self.builds = self.failures = self.stops = 0
        self.hasBuilt = record is not None
        self.forBuilder = self.why = ""
        self.nextTry = 0.0
        self.lateSince: float | None = None
        self._master = master
        self._effects = Effects(self, master)
        self._pending: list[Event] = []
        self._isWorking = self._isMute = False
        self._waiters: list[Deferred[None]] = []
        self.state = State.OFF
        if record is not None:
            self.state = State.AWAITED if record.phase == STARTED else State.STOPPING
        self.since = master.now()

    # for those who ask

    @property
    def isUsable(self) -> bool:
        """True if builds may start on the slave."""
        return self.state is State.READY

    @property
    def isComing(self) -> bool:
        """True while the master waits for the slave."""
        return self.state in COMING

    @property
    def password(self) -> str | None:
        """The password made for this instance; None if there is none now."""
        return (self.record.password or None) if self.record is not None else None

    @property
    def refusal(self) -> str:
        """The reason why the slave may not log in now; empty if it may."""
        return (
            ""
            if self.state in WELCOME
            else f"nobody waits for this slave now (state of its instance: {self.state.value})"
        )

    def words(self) -> str:
        """The state in words, with the reason of a failure."""
        words = self.state.value
        if self.state is State.OFF and self.why:
            return f"{words} again; the last start failed: {self.why}"
        if self.why and self.state in (State.RESTING, State.UNSTOPPED, State.STOPPING):
            words += f" ({self.why})"
        return words

    def toRecord(self) -> dict[str, Any]:
        """The state for C{buildbot status} and programs."""
        return {
            "state": self.state.name.lower(),
            "words": self.state.value,
            "since": self.since,
            "id": self._effects.shownId(),
            "why": self.why,
            "failures": self.failures + self.stops,
            "nextTry": self.nextTry if self.state in (State.RESTING, State.UNSTOPPED) else None,
        }

    def whenOver(self) -> Deferred[None]:
        """Fires with None when nothing runs; now if that is so."""
        if self.state in OVER or self._isMute:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        return waiter

    # orders

    def configure(self, wanted: AbstractLatentBuildSlave | None, drain: bool = True) -> None:
        """Use another slave of the configuration: stop the present instance, after its builds.

        @param drain: False: do not wait for its builds.
        """
        self.wanted = wanted
        if self.state in OVER:
            self.failures = 0
            if self.state is State.RESTING:
                self.happen(Event.AGAIN)
        elif drain:
            self.leave()
        else:
            self.happen(Event.STOP)

    def resume(self) -> None:
        """Continue with the instance of the last process: it may go on if the configuration has the same."""
        if self.slave is not None and self.slave.means() is None:
            log.warn(
                "slave {name}: an instance of the last process may run: {given}",
                name=self.name,
                given=self.toRecord()["id"],
            )
        if self.state is State.AWAITED:
            self._effects.resume()
        elif self.state is State.READY:
            self._effects.idle()
        elif self.state is State.STOPPING:
            self._effects.perform(Effect.STOP)

    def want(self, builder: str, build: Any) -> None:
        """Start it, if it can be started now.

        @param build: for C{start_instance}.
        """
        if self.wanted is not None and self.state is State.OFF and not self._master.isOver:
            self.forBuilder, self._effects.build = builder, build
            self.happen(Event.WANTED)

    def leave(self) -> None:
        """Stop it, after its running builds."""
        isBuilding = self.builds and self.state in (State.READY, State.LEAVING)
        self.happen(Event.LEAVE if isBuilding else Event.STOP)

    def masterStops(self) -> None:
        """The master stops: stop the instance, unless it may go on without the master."""
        goesOn = self.slave is not None and not self.slave.stop_with_master
        if goesOn and self.state in (State.AWAITED, State.READY, State.LEAVING):
            self.silence()
        else:
            self.happen(Event.STOP)
        if self.state in OVER:
            self._effects.alarm.stop()

    def silence(self) -> None:
        """Do nothing more: the next process continues with the note in the store."""
        self._isMute = True
        self._effects.alarm.stop()
        self._effects.calls.drop()
        self.over()

    # events of the slave

    def attached(self) -> None:
        """The slave has attached."""
        if self.state not in WELCOME:  # the state has changed during the login
            eventual(self._master.clock, self._effects.part)
        self.happen(Event.ATTACHED)

    def lost(self, why: str) -> None:
        """The connection of the slave is gone."""
        if self.state in (State.READY, State.LEAVING):
            self.why = f"the slave was lost: {why}"
            self.failures += not self.hasBuilt  # else it could start and be lost for ever
        self.happen(Event.LOST)

    def buildBegins(self) -> None:
        """A build is about to begin on the slave."""
        self.builds += 1
        if self.state is State.READY:
            self._effects.alarm.stop()

    def buildEnded(self) -> None:
        """A build has ended on the slave, or did not begin."""
        self.builds -= 1
        if self.state in (State.READY, State.LEAVING):
            self.hasBuilt = True
            self.failures, self.why = 0, ""
        if self.state is State.LEAVING:
            if not self.builds:
                self.happen(Event.STOP)
        elif self.state is State.READY:
            if self.slave is not None and self.slave.build_wait_timeout == 0:
                self.leave()
            else:
                self._effects.idle()

    # the machine

    def happen(self, event: Event) -> None:
        """Feed an event to the machine. Events that its effects cause are handled after them."""
        self._pending.append(event)
        if self._isWorking:
            return
        self._isWorking = True
        try:
            while self._pending:
                before, now = self.state, self._pending.pop(0)
                if self._isMute:
                    continue
                self.state, effects = advance(before, now)
                if self.state is not before:
                    self._entered(before, now)
                for effect in effects:
                    self._effects.perform(effect)
        finally:
            self._isWorking = False

    def _entered(self, before: State, event: Event) -> None:
        self.since = self._master.now()
        if self.state not in COMING:
            self._effects.alarm.stop()
        if event is Event.LATE:
            if self.lateSince is None and self.record is not None:
                self.lateSince = self.record.began
            late = self.state is State.ABORTING
            self._effects.startFailed(
                "the start takes too long" if late else "the slave did not attach in time"
            )
        if before in COMING and self.state not in COMING and self.state is not State.READY:
            eventual(self._master.clock, self._master.ask, self)  # another slave may be free for its build
        self._master.changed(self)

    def ring(self) -> None:
        """The time of the alarm has come."""
        if self.state in COMING:
            self.happen(Event.LATE)
        elif self.state is State.READY:
            if not self.builds:
                if not self.hasBuilt:
                    self._effects.startFailed("it started, but no build could use it")
                self.happen(Event.STOP)
        elif self.state in (State.STOPPING, State.ABORTING):
            self._effects.calls.cancel()
        else:
            self.happen(Event.AGAIN)

    def over(self) -> None:
        """Nothing runs now: tell those who wait for it."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)
