# -*- test-case-name: tests.unit.latent.test_instance -*-
"""Perform the effects of the machine in L{buildbot.latent.states}: call the slave, and keep the note.

L{buildbot.latent.instance} has the state, and says what is to happen.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.symptoms import Symptom
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.latent.buildslave import RETRY_WAIT
from buildbot.latent.calls import Calls, called
from buildbot.latent.pacing import waitAfter
from buildbot.latent.record import STARTED, STARTING, STOPPING, InstanceRecord, plain
from buildbot.latent.seams import Attachable, KnownInstance, Surroundings
from buildbot.latent.states import Effect, Event, State
from buildbot.text.printable import plainLine

log = Logger()

#: Seconds that a slave which gets no build keeps at least, so that builds can be offered to it.
FIRST_WAIT = 10.0
#: Seconds after the time limit of a method until the master gives it up.
MARGIN = 10.0
_CURE = "it is tried again; if that does not help, stop it by hand, so that its stop succeeds"
_UNKNOWN = "put the slave back into the configuration until it is stopped"
#: The most characters of a reason.
_REASON = 500


class Affected(KnownInstance, Protocol):
    """The instance that the effects change: see L{buildbot.latent.instance.Instance}."""

    record: InstanceRecord | None
    perspective: Attachable | None
    builds: int
    hasBuilt: bool
    failures: int
    stops: int
    why: str
    lateSince: float | None
    nextTry: float

    def happen(self, event: Event, /) -> None:
        """Feed an event to the machine."""

    def ring(self) -> None:
        """The time of the alarm has come."""

    def over(self) -> None:
        """Nothing runs now: tell those who wait for it."""

    def silence(self) -> None:
        """Do nothing more."""


class Effects:
    """I perform the effects for one instance.

    @ivar build: what C{start_instance} gets.
    @ivar alarm: the time limit of the present state.
    @ivar calls: the present call of a method of the slave.
    """

    def __init__(self, instance: Affected, master: Surroundings) -> None:
        self.build: Any = None
        self.alarm = Alarm(instance.ring)
        self.calls = Calls(instance.name)
        self._instance = instance
        self._master = master
        self._before: dict[str, Any] = {}
        self._sureAt: float | None = None  # by the reactor's clock; None: not computed for this start

    def perform(self, effect: Effect) -> None:
        """Perform an effect."""
        _PERFORM[effect](self)

    # for the instance

    def resume(self) -> None:
        """Wait for a slave that the last process has started. Ask whether its instance still runs."""
        assert self._instance.record is not None
        self.alarm.set(self._master.clock, self._missing())
        check = getattr(self._instance.slave, "check_instance", None)
        if check is not None:
            self._called(check).addCallbacks(self._checked, self._checkFailed, (self.calls.turn,))

    def shownId(self) -> str | None:
        """The id of the instance for people; None if it is unknown."""
        given = self._instance.record.given if self._instance.record is not None else None
        return None if given in (None, "") or given is True else self._shown(given)[:200]

    def _begin(self, work: Deferred[Any], well: Callable[[Any], None], badly: Callable[[str], None]) -> None:
        """Handle the end of a call, unless another one begins before."""
        self.calls.begin(work, well, lambda why: badly(self._reason(why)))

    def _reason(self, why: Failure) -> str:
        return self._shown(why.getErrorMessage() or repr(why.value))[:_REASON]

    def _shown(self, value: object) -> str:
        """A value as one line, without passwords."""
        return self._master.masked(self._instance, plainLine(str(value)))

    def _called(self, method: Callable[..., Any], *args: Any) -> Deferred[Any]:
        self._prepare()
        return called(method, *args)

    def _prepare(self) -> None:
        assert self._instance.slave is not None and self._instance.record is not None
        self._instance.slave.environment = self._master.environment(self._instance)
        self._instance.slave.instance_id = self._instance.record.given

    def _keepPhase(self, phase: str) -> Deferred[None]:
        assert self._instance.record is not None
        self._instance.record = replace(self._instance.record, phase=phase)
        return self._master.keep(self._instance.record.key, self._instance.record.toRecord())

    def _missing(self) -> float:
        given = self._instance.slave.missing_timeout if self._instance.slave is not None else None
        return given or 10.0**8

    def idle(self) -> None:
        """Set the time to stop it if no build comes."""
        wait = self._instance.slave.build_wait_timeout if self._instance.slave is not None else 0.0
        if self._instance.builds or wait < 0:
            self.alarm.stop()
        else:
            self.alarm.set(self._master.clock, wait if self._instance.hasBuilt else max(wait, FIRST_WAIT))

    def startFailed(self, why: str) -> None:
        """Count a failed start, and tell why it has failed."""
        self._instance.failures += 1
        self._instance.why = why
        log.warn("slave {name}: the start failed: {why}", name=self._instance.name, why=why)
        self._tell(f"the start failed: {why}")

    def _tell(self, text: str) -> None:
        if self._instance.perspective is not None:
            self._instance.perspective.happened(text)

    # the effects

    def _note(self) -> None:
        slave = self._instance.slave = self._instance.wanted
        assert slave is not None
        began = self._master.now()
        self._instance.record = InstanceRecord(
            self._instance.name,
            STARTING,
            began,
            began + slave.start_timeout + MARGIN if slave.start_timeout else began,
            secrets.token_hex(16) if slave.makesPassword else "",
            None,
            slave.means(),
        )
        self._instance.hasBuilt, self._sureAt = False, None
        kept = self._master.keep(self._instance.record.key, self._instance.record.toRecord())
        latest = (
            self._master.clock.seconds() + MARGIN
        )  # later, the start could go on after the time in the note
        self._begin(
            kept,
            lambda none: self._instance.happen(
                Event.NOTED if self._master.clock.seconds() <= latest else Event.NOT_NOTED
            ),
            lambda why: self._instance.happen(Event.NOT_NOTED),
        )

    def _start(self) -> None:
        assert self._instance.slave is not None
        limit = (
            self._instance.slave.start_timeout + MARGIN
            if self._instance.slave.start_timeout
            else self._missing()
        )
        self.alarm.set(self._master.clock, min(limit, self._missing()))
        self._tell("is being started")
        log.info("slave {name}: starting", name=self._instance.name)
        build, self.build = self.build, None
        self._begin(self._called(self._instance.slave.start_instance, build), self._started, self._notStarted)

    def _started(self, result: Any) -> None:
        if result is False or result is None or result == []:
            self._notStarted(f"start_instance returned {result!r}")
            return
        assert self._instance.record is not None
        self._sureAt = None
        self._instance.record = replace(
            self._instance.record, given=plain(result), sure=self._instance.record.began
        )
        told = "" if result is True else f": {self._shown(result)[:_REASON]}"
        log.info("slave {name}: started{told}", name=self._instance.name, told=told)
        self._tell(f"started{told}")
        self._instance.happen(Event.STARTED)

    def _notStarted(self, why: str) -> None:
        self._sureAt = None
        if self._instance.record is not None:
            self._instance.record = replace(
                self._instance.record, sure=self._instance.record.began
            )  # the start has ended
        if self._instance.state is not State.ABORTING:
            self.startFailed(why)
        self._instance.happen(Event.NOT_STARTED)

    def _keep(self) -> None:
        self._keepPhase(STARTED).addErrback(lambda why: None)  # the first note stays: it is stopped then
        if self._instance.state is State.AWAITED and self._instance.record is not None:
            passed = max(0.0, self._master.now() - self._instance.record.began)
            self.alarm.set(self._master.clock, self._missing() - passed)

    def _admit(self) -> None:
        self._instance.why, self._instance.lateSince = "", None
        self.idle()
        eventual(self._master.clock, self._admitted)

    def _admitted(self) -> None:
        if self._instance.state is State.READY:
            self._master.admit(self._instance)

    def _abort(self) -> None:
        self.alarm.set(self._master.clock, MARGIN)
        work = self.calls.work
        if work is not None and self._instance.slave is not None:
            try:
                self._instance.slave.abort_start(work)
            except PLUGIN_ERRORS:
                log.failure("abort_start of slave {name} failed", name=self._instance.name)
                self.calls.cancel()

    def part(self) -> None:
        """Disconnect the slave."""
        if self._instance.perspective is not None:
            self._instance.perspective.disconnect("its instance is being stopped")

    def _stop(self) -> None:
        self._instance.slave = self._instance.slave or self._instance.wanted
        if self._instance.slave is None:
            self._notStopped("the configuration does not have the slave, so nobody knows how to stop it")
            return
        self._mend()
        self._keepPhase(STOPPING).addErrback(lambda why: None)
        log.info("slave {name}: stopping", name=self._instance.name)
        self.alarm.set(self._master.clock, self._instance.slave.stop_timeout + MARGIN)
        fast = self._master.isOver
        self._before = dict(vars(self._instance.slave))
        self._begin(self._called(self._instance.slave.stop_instance, fast), self._stopped, self._notStopped)

    def _mend(self) -> None:
        """After a failure use the stop of the changed configuration, if it suits: it may be the cure."""
        slave, wanted = self._instance.slave, self._instance.wanted
        if self._instance.stops and slave is not None and wanted is not None and wanted.canStop(slave):
            assert self._instance.record is not None
            self._instance.slave = wanted
            self._instance.record = replace(self._instance.record, means=wanted.means())

    def _stopped(self, result: Any) -> None:
        assert self._instance.record is not None
        left = self._unsure(self._instance.record)
        if left > 0:  # the note stays, also if the master stops now: the next process stops it once more
            self._instance.why = "once more after the start of the last process has surely ended"
            self._instance.nextTry = self._master.now() + left
            self._instance.happen(Event.NOT_STOPPED)
            return
        self._instance.stops = 0
        self._tell("stopped")
        log.info("slave {name}: stopped", name=self._instance.name)
        self._instance.happen(Event.STOPPED)

    def _unsure(self, record: InstanceRecord) -> float:
        """Seconds until the start has surely ended, if the last process was killed during it."""
        seconds = self._master.clock.seconds()
        if self._sureAt is None:
            left = min(
                record.sure - self._master.now(), record.sure - record.began
            )  # a clock may be set back
            self._sureAt = seconds + left
        return self._sureAt - seconds

    def _notStopped(self, why: str) -> None:
        self._instance.stops += 1
        self._instance.why = why
        if self._instance.slave is not None:  # some forget their instance before it is stopped
            vars(self._instance.slave).update(self._before)
        first = self._instance.slave.retry_wait if self._instance.slave is not None else RETRY_WAIT
        self._instance.nextTry = self._master.now() + waitAfter(self._instance.stops, first)
        self._tell(f"could not be stopped: {why}")
        self._instance.happen(Event.NOT_STOPPED)

    def _complain(self) -> None:
        self.alarm.set(self._master.clock, self._instance.nextTry - self._master.now())
        if self._instance.stops:
            given = self.shownId()
            name = f"{self._instance.name} ({given})" if given else self._instance.name
            symptom = Symptom(
                f"slave {name} could not be stopped, and may still run",
                self._instance.why,
                _CURE if self._instance.slave is not None else _UNKNOWN,
            )
            self._master.trouble(self._instance, symptom)
        if self._master.isOver:
            self._instance.silence()

    def _forget(self) -> None:
        record, self._instance.record = self._instance.record, None
        assert record is not None
        kept = self._master.keep(record.key, None)
        done = lambda result: self._instance.happen(Event.FORGOTTEN)  # noqa: E731
        self._begin(kept, done, done)  # when the master stops, the next one stops it once more

    def _rest(self) -> None:
        self._master.trouble(self._instance, None)
        if self._instance.slave is not self._instance.wanted:  # the change may be the cure
            self._instance.failures = 0
        self._instance.slave = None
        if not self._instance.failures:
            self._instance.why = ""
        first = self._instance.wanted.retry_wait if self._instance.wanted is not None else RETRY_WAIT
        wait = waitAfter(self._instance.failures, first)
        self._instance.nextTry = self._master.now() + wait
        if not self._master.isOver:
            self.alarm.set(self._master.clock, wait)
        self._instance.over()

    def _ask(self) -> None:
        self._master.ask(self._instance)

    def _checked(self, runs: Any, turn: int) -> None:
        if not runs and self._instance.state is State.AWAITED and turn == self.calls.turn:
            self._instance.why = "it ended while the master was away"
            self._instance.happen(Event.STOP)

    def _checkFailed(self, why: Failure) -> None:
        log.warn(
            "slave {name}: cannot check its instance: {why}", name=self._instance.name, why=self._reason(why)
        )


_PERFORM: Mapping[Effect, Callable[[Effects], None]] = {
    Effect.NOTE: Effects._note,
    Effect.START: Effects._start,
    Effect.KEEP: Effects._keep,
    Effect.ADMIT: Effects._admit,
    Effect.ABORT: Effects._abort,
    Effect.PART: Effects.part,
    Effect.STOP: Effects._stop,
    Effect.COMPLAIN: Effects._complain,
    Effect.FORGET: Effects._forget,
    Effect.REST: Effects._rest,
    Effect.ASK: Effects._ask,
}
