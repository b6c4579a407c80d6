# -*- test-case-name: tests.unit.latent.test_instance -*-
"""The instance of one latent slave: performs the effects of the machine in L{buildbot.latent.states}.

L{buildbot.latent.instances} has the instances of all slaves, and knows the configuration.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.symptoms import Symptom
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.latent.buildslave import RETRY_WAIT, AbstractLatentBuildSlave
from buildbot.latent.calls import Calls, called
from buildbot.latent.pacing import waitAfter
from buildbot.latent.record import STARTED, STARTING, STOPPING, InstanceRecord, plain
from buildbot.latent.seams import Attachable, Surroundings
from buildbot.latent.states import COMING, OVER, WELCOME, Effect, Event, State, advance
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
        self._build: Any = None
        self._before: dict[str, Any] = {}
        self._calls = Calls(name)
        self._alarm = Alarm(self._ring)
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
            else f"nobody waits for this slave now: its instance is {self.state.value}"
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
        given = self.record.given if self.record is not None else None
        return {
            "state": self.state.name.lower(),
            "words": self.state.value,
            "since": self.since,
            "id": None if given in (None, "") or given is True else self._shown(given)[:200],
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
                self._happen(Event.AGAIN)
        elif drain:
            self.leave()
        else:
            self._happen(Event.STOP)

    def resume(self) -> None:
        """Continue with the instance of the last process: it may go on if the configuration has the same."""
        if self.slave is not None and self.slave.means() is None:
            log.warn(
                "slave {name}: an instance of the last process may run: {given}",
                name=self.name,
                given=self.toRecord()["id"],
            )
        if self.state is State.AWAITED:
            assert self.record is not None
            self._alarm.set(self._master.clock, self._missing())
            check = getattr(self.slave, "check_instance", None)
            if check is not None:
                self._called(check).addCallbacks(self._checked, self._checkFailed, (self._calls.turn,))
        elif self.state is State.READY:
            self._idle()
        elif self.state is State.STOPPING:
            self._perform(Effect.STOP)

    def want(self, builder: str, build: Any) -> None:
        """Start it, if it can be started now.

        @param build: for C{start_instance}.
        """
        if self.wanted is not None and self.state is State.OFF and not self._master.isOver:
            self.forBuilder, self._build = builder, build
            self._happen(Event.WANTED)

    def leave(self) -> None:
        """Stop it, after its running builds."""
        self._happen(Event.LEAVE if self.builds and self.state is State.READY else Event.STOP)

    def masterStops(self) -> None:
        """The master stops: stop the instance, unless it may go on without the master."""
        goesOn = self.slave is not None and not self.slave.stop_with_master
        if goesOn and self.state in (State.AWAITED, State.READY, State.LEAVING):
            self.silence()
        else:
            self._happen(Event.STOP)
        if self.state in OVER:
            self._alarm.stop()

    def silence(self) -> None:
        """Do nothing more: the next process continues with the note in the store."""
        self._isMute = True
        self._alarm.stop()
        self._calls.drop()
        self._overNow()

    # events of the slave

    def attached(self) -> None:
        """The slave has attached."""
        if self.state not in WELCOME:  # the state has changed during the login
            eventual(self._master.clock, self._part)
        self._happen(Event.ATTACHED)

    def lost(self, why: str) -> None:
        """The connection of the slave is gone."""
        if self.state in (State.READY, State.LEAVING):
            self.why = f"the slave was lost: {why}"
            self.failures += not self.hasBuilt  # else it could start and be lost for ever
        self._happen(Event.LOST)

    def buildBegins(self) -> None:
        """A build is about to begin on the slave."""
        self.builds += 1
        if self.state is State.READY:
            self._alarm.stop()

    def buildEnded(self) -> None:
        """A build has ended on the slave, or did not begin."""
        self.builds -= 1
        if self.state in (State.READY, State.LEAVING):
            self.hasBuilt = True
            self.failures, self.why = 0, ""
        if self.state is State.LEAVING:
            if not self.builds:
                self._happen(Event.STOP)
        elif self.state is State.READY:
            if self.slave is not None and self.slave.build_wait_timeout == 0:
                self.leave()
            else:
                self._idle()

    # the machine

    def _happen(self, event: Event) -> None:
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
                    self._perform(effect)
        finally:
            self._isWorking = False

    def _entered(self, before: State, event: Event) -> None:
        self.since = self._master.now()
        if self.state not in COMING:
            self._alarm.stop()
        if event is Event.LATE:
            if self.lateSince is None and self.record is not None:
                self.lateSince = self.record.began
            late = self.state is State.ABORTING
            self._startFailed("the start takes too long" if late else "the slave did not attach in time")
        self._master.changed(self)

    def _perform(self, effect: Effect) -> None:
        _PERFORM[effect](self)

    def _begin(self, work: Deferred[Any], well: Callable[[Any], None], badly: Callable[[str], None]) -> None:
        """Handle the end of a call, unless another one begins before."""
        self._calls.begin(work, well, lambda why: badly(self._reason(why)))

    def _reason(self, why: Failure) -> str:
        return self._shown(why.getErrorMessage() or repr(why.value))[:_REASON]

    def _shown(self, value: object) -> str:
        """A value as one line, without passwords."""
        return self._master.masked(self, plainLine(str(value)))

    def _called(self, method: Callable[..., Any], *args: Any) -> Deferred[Any]:
        self._prepare()
        return called(method, *args)

    def _prepare(self) -> None:
        assert self.slave is not None and self.record is not None
        self.slave.environment = self._master.environment(self)
        self.slave.instance_id = self.record.given

    def _keepPhase(self, phase: str) -> Deferred[None]:
        assert self.record is not None
        self.record = replace(self.record, phase=phase)
        return self._master.keep(self.record.key, self.record.toRecord())

    def _missing(self) -> float:
        given = self.slave.missing_timeout if self.slave is not None else None
        return given or 10.0**8

    def _ring(self) -> None:
        if self.state in COMING:
            self._happen(Event.LATE)
        elif self.state is State.READY:
            if not self.builds:
                if not self.hasBuilt:
                    self._startFailed("it started, but no build could use it")
                self._happen(Event.STOP)
        elif self.state in (State.STOPPING, State.ABORTING):
            self._calls.cancel()
        else:
            self._happen(Event.AGAIN)

    def _idle(self) -> None:
        """Set the time to stop it if no build comes."""
        wait = self.slave.build_wait_timeout if self.slave is not None else 0.0
        if self.builds or wait < 0:
            self._alarm.stop()
        else:
            self._alarm.set(self._master.clock, wait if self.hasBuilt else max(wait, FIRST_WAIT))

    def _startFailed(self, why: str) -> None:
        self.failures += 1
        self.why = why
        log.warn("slave {name}: the start failed: {why}", name=self.name, why=why)
        self._tell(f"the start failed: {why}")

    def _tell(self, text: str) -> None:
        if self.perspective is not None:
            self.perspective.happened(text)

    # the effects

    def _note(self) -> None:
        slave = self.slave = self.wanted
        assert slave is not None
        began = self._master.now()
        self.record = InstanceRecord(
            self.name,
            STARTING,
            began,
            began + slave.start_timeout + MARGIN if slave.start_timeout else began,
            secrets.token_hex(16) if slave.makesPassword else "",
            None,
            slave.means(),
        )
        self.hasBuilt = False
        kept = self._master.keep(self.record.key, self.record.toRecord())
        self._begin(kept, lambda none: self._happen(Event.NOTED), lambda why: self._happen(Event.NOT_NOTED))

    def _start(self) -> None:
        assert self.slave is not None
        limit = self.slave.start_timeout + MARGIN if self.slave.start_timeout else self._missing()
        self._alarm.set(self._master.clock, min(limit, self._missing()))
        self._tell("is being started")
        log.info("slave {name}: starting", name=self.name)
        build, self._build = self._build, None
        self._begin(self._called(self.slave.start_instance, build), self._started, self._notStarted)

    def _started(self, result: Any) -> None:
        if result is False or result is None or result == []:
            self._notStarted(f"start_instance returned {result!r}")
            return
        assert self.record is not None
        self.record = replace(self.record, given=plain(result), sure=self.record.began)
        told = "" if result is True else f": {self._shown(result)[:_REASON]}"
        log.info("slave {name}: started{told}", name=self.name, told=told)
        self._tell(f"started{told}")
        self._happen(Event.STARTED)

    def _notStarted(self, why: str) -> None:
        if self.record is not None:
            self.record = replace(self.record, sure=self.record.began)  # the start has ended
        if self.state is not State.ABORTING:
            self._startFailed(why)
        self._happen(Event.NOT_STARTED)

    def _keep(self) -> None:
        self._keepPhase(STARTED).addErrback(lambda why: None)  # the first note stays: it is stopped then
        if self.state is State.AWAITED and self.record is not None:
            passed = max(0.0, self._master.now() - self.record.began)
            self._alarm.set(self._master.clock, self._missing() - passed)

    def _admit(self) -> None:
        self.why, self.lateSince = "", None
        self._idle()
        eventual(self._master.clock, self._admitted)

    def _admitted(self) -> None:
        if self.state is State.READY:
            self._master.admit(self)

    def _abort(self) -> None:
        self._alarm.set(self._master.clock, MARGIN)
        work = self._calls.work
        if work is not None and self.slave is not None:
            try:
                self.slave.abort_start(work)
            except PLUGIN_ERRORS:
                log.failure("abort_start of slave {name} failed", name=self.name)
                self._calls.cancel()

    def _part(self) -> None:
        if self.perspective is not None:
            self.perspective.disconnect("its instance is being stopped")

    def _stop(self) -> None:
        self.slave = self.slave or self.wanted
        if self.slave is None:
            self._notStopped("the configuration does not have the slave, so nobody knows how to stop it")
            return
        self._keepPhase(STOPPING).addErrback(lambda why: None)
        log.info("slave {name}: stopping", name=self.name)
        self._alarm.set(self._master.clock, self.slave.stop_timeout + MARGIN)
        fast = self._master.isOver
        self._before = dict(vars(self.slave))
        self._begin(self._called(self.slave.stop_instance, fast), self._stopped, self._notStopped)

    def _stopped(self, result: Any) -> None:
        assert self.record is not None
        sure = self.record.sure
        left = min(sure - self._master.now(), sure - self.record.began)  # a clock may have been set back
        if left > 0 and not self._master.isOver:
            # The last process was killed during the start, which may go on until then.
            self.record = replace(self.record, sure=self.record.began)
            self.why = "once more after the start of the last process has surely ended"
            self.nextTry = self._master.now() + left
            self._happen(Event.NOT_STOPPED)
            return
        self.stops = 0
        self._tell("stopped")
        log.info("slave {name}: stopped", name=self.name)
        self._happen(Event.STOPPED)

    def _notStopped(self, why: str) -> None:
        self.stops += 1
        self.why = why
        if self.slave is not None:  # some forget their instance before it is stopped
            vars(self.slave).update(self._before)
        first = self.slave.retry_wait if self.slave is not None else RETRY_WAIT
        self.nextTry = self._master.now() + waitAfter(self.stops, first)
        self._tell(f"could not be stopped: {why}")
        self._happen(Event.NOT_STOPPED)

    def _complain(self) -> None:
        self._alarm.set(self._master.clock, self.nextTry - self._master.now())
        if self.stops:
            given = self.toRecord()["id"]
            symptom = Symptom(
                f"slave {self.name}{f' ({given})' if given else ''} could not be stopped, and may still run",
                self.why,
                _CURE if self.slave is not None else _UNKNOWN,
            )
            self._master.trouble(self, symptom)
        if self._master.isOver:
            self.silence()

    def _forget(self) -> None:
        record, self.record = self.record, None
        assert record is not None
        kept = self._master.keep(record.key, None)
        done = lambda result: self._happen(Event.FORGOTTEN)  # noqa: E731
        self._begin(kept, done, done)  # when the master stops, the next one stops it once more

    def _rest(self) -> None:
        self._master.trouble(self, None)
        self.slave = None
        if not self.failures:
            self.why = ""
        first = self.wanted.retry_wait if self.wanted is not None else RETRY_WAIT
        wait = waitAfter(self.failures, first)
        self.nextTry = self._master.now() + wait
        if not self._master.isOver:
            self._alarm.set(self._master.clock, wait)
        self._overNow()

    def _ask(self) -> None:
        self._master.ask(self)

    def _overNow(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def _checked(self, runs: Any, turn: int) -> None:
        if not runs and self.state is State.AWAITED and turn == self._calls.turn:
            self.why = "it ended while the master was away"
            self._happen(Event.STOP)

    def _checkFailed(self, why: Failure) -> None:
        log.warn("slave {name}: cannot check its instance: {why}", name=self.name, why=self._reason(why))


_PERFORM: Mapping[Effect, Callable[[Instance], None]] = {
    Effect.NOTE: Instance._note,
    Effect.START: Instance._start,
    Effect.KEEP: Instance._keep,
    Effect.ADMIT: Instance._admit,
    Effect.ABORT: Instance._abort,
    Effect.PART: Instance._part,
    Effect.STOP: Instance._stop,
    Effect.COMPLAIN: Instance._complain,
    Effect.FORGET: Instance._forget,
    Effect.REST: Instance._rest,
    Effect.ASK: Instance._ask,
}
