# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""
The master's side of one slave: its attachment, its liveness, its name.

How attachment proceeds is decided by L{buildbot.slaves.attachment}; here its
effects are performed, its deadlines kept, and its outcome told to the status,
the builders and the log.  All slaves together are L{buildbot.slaves.botmaster}.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot.config.model import MasterConfig
from buildbot.process.builder import Builder
from buildbot.slaves.arbitration import Arbiter
from buildbot.slaves.attachment import ABSENT, Attachment, Effect, Event, State, advance
from buildbot.slaves.availability import PROBE_TIME, Availability
from buildbot.status.slave import SlaveStatus
from buildbot.text.plural import counted
from buildbot.wire.callee import Callee, NewCredPerspective
from buildbot.wire.login import LoginRefused
from buildbot.wire.loglimits import Comings
from buildbot.wire.offers import Superseded
from buildbot.wire.peers import Introduction, MalformedAnswer, SlavePeer

log = Logger()

#: Seconds from the login to READY, and from a changed builder list to its acceptance.
ATTACH_TIME = 60.0
#: Seconds that a squabbling newcomer is held before it is hung up on.
SQUABBLE_HOLD = 20.0


class SlaveHolder(Protocol):
    """What a slave needs of the master that holds it: the L{BotMaster} of C{slaves.botmaster}."""

    clock: IReactorTime
    config: MasterConfig
    builders: dict[str, Builder]
    comings: Comings
    reference: Callee

    def slaveLost(self, bot: BotPerspective, /) -> None:
        """The connection of a slave is gone."""


class BotPerspective(Availability, NewCredPerspective):
    """
    I am the master's side of one slave of C{c['bots']}, whether it is connected or not.

    @ivar slavename: its name.
    @ivar botmaster: the L{BotMaster} that holds me; C{service} is the same.
    @ivar slave: the slave's Bot while it is attached, else None.
    @ivar slave_status: what is known of it, a L{SlaveStatus}.
    @ivar slave_commands: its command versions while it is attached, else None.
    @ivar builders: builder name -> L{Builder} for those that it is attached to.
    """

    slave: pb.RemoteReference | None = None
    slave_commands: Mapping[str, str] | None = None
    _attachment: Attachment = ABSENT
    _why = ""
    _arbiter: Arbiter | None = None  # most slaves never need one
    _timer: Any = None
    _probedAt: float | None = None
    _muteUntil = 0.0
    _mutes = 0
    _offers = 0
    _offerAccepted = 0
    _offeredAt = 0.0
    _offered: tuple[tuple[str, str], ...] = ()
    _halfMade: frozenset[str] = frozenset()
    # tuples, since most of the time, for most of the slaves, they are empty
    _waitingForUpdate: tuple[Deferred[None], ...] = ()
    _waitingForLoss: tuple[Deferred[None], ...] = ()
    _pending: tuple[tuple[Event, SlavePeer], ...] = ()
    _working = False

    def __init__(self, name: str, botmaster: SlaveHolder) -> None:
        self.slavename = name
        self.botmaster = self.service = botmaster
        self.slave_status = SlaveStatus(name)
        self.builders: dict[str, Builder] = {}
        self._clock = botmaster.clock
        self._logins: dict[SlavePeer, Deferred[BotPerspective]] = {}

    def __repr__(self) -> str:
        names = ",".join(self.builders) or "none"
        return f"<BotPerspective {self.slavename!r} {self._attachment.state.value}, builders: {names}>"

    @property
    def state(self) -> State:
        """Where the attachment stands."""
        return self._attachment.state

    # what the realm calls

    def attached(self, bot: pb.RemoteReference | None) -> Deferred[BotPerspective]:
        """
        The slave logged in.

        @param bot: its mind, which slaves call their Bot.
        @return: fires with me once the slave is attached to its builders; fails
            with L{LoginRefused} if it never will be.
        """
        if bot is None:
            raise LoginRefused("the client is not a slave: its login has no reference for calls to it")
        peer = SlavePeer(bot, self._halfMade)
        login = self._logins[peer] = Deferred()
        peer.whenLost(partial(self._lost, peer))
        if self._attachment.peer is not None:
            if self._arbiter is None:
                self._arbiter = Arbiter(self._clock, self._judge)
            if self._arbiter.isNeeded():
                self._arbitrate(self._arbiter, peer)
                return login
            self._arbiter.takeover()
            self._why = f"a newer connection came from {peer.address}"
        self._happen(Event.CONNECTED, peer)
        return login

    def detached(self, mind: pb.RemoteReference | None) -> None:
        """The slave logged out: with its connection, or without (then it is cut)."""
        peer = self._attachment.peer
        if peer is not None and peer.mind is mind and not peer.broker.closed:
            self._fail(peer, "the slave logged out")

    def perspective_keepalive(self) -> None:
        """The slave wants to know that we are alive: answering is all that is needed."""

    def perspective_shutdown(self) -> None:
        """The slave (0.8.3 and later) wants to end: nothing of ours holds it up, so it may."""
        peer = self._attachment.peer
        if peer is not None and self._attachment.state is State.READY:
            self.slave_status.happened(time.time(), "asked to be shut down", "shutdown")
            peer.shutdown()

    # builds: what L{Availability} asks

    @property
    def peer(self) -> SlavePeer:
        """The connection that is served."""
        peer: SlavePeer = self._attachment.peer
        return peer

    def isConnected(self) -> bool:
        """See L{Availability}."""
        return self._attachment.peer is not None

    def isReady(self) -> bool:
        """See L{Availability}."""
        # what waits for an answer hears of a loss before I do
        return self._attachment.state is State.READY and self._attachment.peer.isAlive()

    def whenGone(self) -> Deferred[None]:
        """Fires with None once the connection that is served is gone and everything about it taken back."""
        gone: Deferred[None] = Deferred()
        self._waitingForLoss = (*self._waitingForLoss, gone)
        return gone

    def isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        """
        Whether the slave lives.

        @param timeout: seconds for the answer; without any word by then, the slave is disconnected (L4).
        @param fresh: it does if it was heard of within so many seconds; else, and if this is not said, it is
            probed.
        """
        peer = self._attachment.peer
        if peer is None or self._clock.seconds() - peer.lastHeard <= fresh:
            return succeed(peer is not None)
        answered: Deferred[bool] = Deferred()
        asked = self._clock.seconds()

        def late() -> None:
            if peer.lastHeard > asked:  # the answer waits behind what else the slave sends
                answered.callback(True)
                return
            self._fail(peer, f"it did not answer within {timeout:g} s")
            answered.callback(False)

        timeout = max(timeout, self._muteUntil - asked)
        timer = self._clock.callLater(timeout, late)

        def heard(lives: bool) -> None:
            if timer.active():
                timer.cancel()
                answered.callback(lives)

        peer.ping().addCallbacks(lambda answer: heard(True), lambda why: heard(peer.isAlive()))
        return answered

    # what the master calls

    def disconnect(self, reason: str = "disconnected by the master") -> Deferred[None]:
        """
        Forcibly disconnect the slave; it will probably try again in a moment.

        The transport is aborted, so nothing unsent is waited for.

        @return: fires with None once the connection is gone and everything about
            it has been taken back; at once if there is none.
        """
        self._turnAway(self._endArbitration(), reason, "the name is being disconnected: try again")
        peer = self._attachment.peer
        if peer is None:
            return succeed(None)
        gone = self.whenGone()
        self._why = reason
        self._happen(Event.CLOSE, peer)
        return gone

    def sendBuilderList(self) -> Deferred[None]:
        """
        Send the slave the list of its builders, changed or not.

        @return: fires with None when the slave has accepted it, or is gone.
        """
        peer = self._attachment.peer
        if peer is None or self._attachment.state not in (State.OFFERING, State.READY):
            return succeed(None)
        accepted: Deferred[None] = Deferred()
        self._waitingForUpdate = (*self._waitingForUpdate, accepted)
        self._happen(Event.CHANGED, peer)
        return accepted

    def updateSlave(self) -> Deferred[None]:
        """
        Add or remove builders after the slave has connected, if its list has changed or some of them failed.

        @return: fires with None when an attached slave has accepted the new
            builders and released the old ones, or is gone; at once if there is
            nothing to tell.
        """
        isTold = self._offered == self.botmaster.config.builderList(self.slavename)
        if isTold and not self.slave_status.failing:
            return succeed(None)
        return self.sendBuilderList()

    def isPending(self) -> bool:
        """Whether the slave still has to accept a builder list."""
        return self._attachment.state is State.READY and self._offerAccepted != self._offers

    def traffic(self) -> dict[str, int]:
        """Bytes over the present connection: C{in} from the slave, C{out} to it; zeros without one."""
        peer = self._attachment.peer
        broker = None if peer is None else peer.broker
        return {"in": broker.bytesIn if broker else 0, "out": broker.bytesOut if broker else 0}

    def refused(self, address: str, reason: str) -> None:
        """Remember that somebody tried to log in under this name and was refused (O9)."""
        self.slave_status.wasRefused(time.time(), address, reason)

    # the machine and its effects

    def _happen(self, event: Event, peer: SlavePeer) -> None:
        """Let the machine see an event; events that its effects cause come after them."""
        self._pending = (*self._pending, (event, peer))
        if self._working:
            return
        self._working = True
        try:
            while self._pending:
                (event, peer), self._pending = self._pending[0], self._pending[1:]
                before = self._attachment
                self._attachment, effects = advance(before, event, peer)
                for effect in effects:
                    _PERFORM[effect](self, before)
        finally:
            self._working = False

    def _ask(self, before: Attachment) -> None:
        peer = self._attachment.peer
        self._offers = self._offerAccepted = 0
        self._after(ATTACH_TIME)
        peer.ask().addCallbacks(
            lambda _: self._happen(Event.ANSWERED, peer), lambda why: self._misbehaved(peer, why)
        ).addErrback(self._bug, peer)

    def _offer(self, before: Attachment) -> None:
        peer = self._attachment.peer
        self._offers += 1
        offer = self._offers
        if self._offerAccepted == offer - 1:
            self._offeredAt = self._clock.seconds()
        self._offered = self.botmaster.config.builderList(self.slavename)
        if self._attachment.state is State.READY:
            self._after(min(ATTACH_TIME, self._untilIdle()))
        peer.offer(self._offered).addCallbacks(
            lambda introduction: self._accepted(peer, offer, introduction),
            lambda why: self._misbehaved(peer, why),
        ).addErrback(self._bug, peer)

    def _accepted(self, peer: SlavePeer, offer: int, introduction: Introduction) -> None:
        if peer is not self._attachment.peer or offer != self._offers:
            return
        self._offerAccepted = offer
        self._cannotMake(introduction.failing)
        if self._attachment.state is State.READY:
            self._adopt(introduction.builders)
            self._updated()
        elif self._attachment.state is State.OFFERING:
            self._introduction = introduction
            self._happen(Event.ACCEPTED, peer)

    def _cannotMake(self, failing: Mapping[str, str]) -> None:
        """Some builders of the list fail at the slave: it builds for the others, and the admin learns why."""
        known = self.slave_status.failing
        for name in [name for name in failing if failing[name] != known.get(name)]:
            told = f"builder {name} cannot be used there: {failing[name]}"
            self.slave_status.happened(time.time(), told)
            log.error("slave {name}: {told}", name=self.slavename, told=told)
        for name in [name for name in known if name not in failing]:
            log.info("slave {name}: builder {builder} can be used again", name=self.slavename, builder=name)
        if failing or known:
            self.slave_status.failing = failing
            self._halfMade = self._halfMade.union(failing)

    def _attach(self, before: Attachment) -> None:
        peer = self._attachment.peer
        introduction: Introduction = self.__dict__.pop("_introduction")
        self.slave = peer.mind
        self.slave_commands = peer.commands
        self._probedAt = None
        self._why = ""
        self._after(self._keepalive())
        self._publish(peer, introduction)
        self._adopt(introduction.builders)
        self._updated()
        self._log(
            "slave {name} attached from {address}: {generation}, {builders}",
            address=peer.address,
            generation=introduction.generation,
            builders=counted(len(self.builders), "builder"),
        )
        login = self._owed(peer)
        if login is not None:
            login.callback(self)

    def _owed(self, peer: SlavePeer) -> Deferred[BotPerspective] | None:
        """The login of this connection that was not answered yet; whoever asks, answers it."""
        login = self._logins.pop(peer, None)
        if not self._logins:
            self._logins = {}  # an emptied dictionary keeps its size
        return login

    def _publish(self, peer: SlavePeer, introduction: Introduction) -> None:
        status = self.slave_status
        status.setConnected(True, peer.isAlive)
        status.since = time.time()
        status.address = peer.address
        status.generation = str(introduction.generation)
        status.version = introduction.generation.version
        status.setAdmin(introduction.info.get("admin") or None)
        status.setHost(introduction.info.get("host") or None)
        status.note = ""
        status.happened(status.since, f"attached from {peer.address}: {introduction.generation}")

    def _adopt(self, references: Mapping[str, pb.RemoteReference]) -> None:
        """Be attached to exactly the builders of the accepted list."""
        peer = self._attachment.peer
        for name in [name for name in self.builders if name not in references]:
            self.builders.pop(name).detached(self)
        for name, reference in references.items():
            builder = self.botmaster.builders.get(name)
            if builder is None:
                continue  # removed while the list was out: a newer list is on its way
            known = self.builders.get(name)
            if known is not builder:
                if known is not None:
                    known.detached(self)
                self.builders[name] = builder
                builder.attached(self, reference, peer.commands)
                peer.setMaster(reference, self.botmaster.reference)

    def _takeBack(self, before: Attachment) -> None:
        peer = before.peer
        self._stop()
        for builder in self.builders.values():
            builder.detached(self)
        self.builders.clear()
        self.slave = self.slave_commands = None
        self._offered = ()
        if self.slave_status.failing:
            self.slave_status.failing = {}
        self.__dict__.pop("_introduction", None)
        why, self._why = self._why or peer.broker.whyCut or "the connection was lost", ""
        now = time.time()
        status = self.slave_status
        if before.state in (State.READY, State.CLOSING, State.DISPLACING) and status.connected:
            status.since = now
        status.setConnected(False)
        status.happened(now, f"disconnected from {peer.address}: {why}")
        self._log("slave {name} detached from {address}: {why}", address=peer.address, why=why)
        self._updated()
        self.botmaster.slaveLost(self)
        gone, self._waitingForLoss = self._waitingForLoss, ()
        for waiter in gone:
            waiter.callback(None)

    def _log(self, format: str, **fields: object) -> None:
        """A line about my coming or going, unless there were many within the last minute."""
        left = self.botmaster.comings.allow(self.slavename, self._clock.seconds())
        if left is not None:
            more = f" ({left} more like this)" if left else ""
            log.info(format + more, name=self.slavename, **fields)

    def _hangUp(self, before: Attachment) -> None:
        self._stop()
        before.peer.abort()

    def _hangUpWaiting(self, before: Attachment) -> None:
        before.waiting.abort()

    def _updated(self) -> None:
        waiting, self._waitingForUpdate = self._waitingForUpdate, ()
        for waiter in waiting:
            waiter.callback(None)

    # what goes wrong

    def _lost(self, peer: SlavePeer) -> None:
        """A connection of mine is gone, at whatever stage it was."""
        if self._arbiter is not None and peer is self._arbiter.candidate:
            self._arbiter.end()
        self._happen(Event.LOST, peer)
        if self._attachment.peer is None:
            candidate = self._endArbitration()
            if candidate is not None:
                self._happen(Event.CONNECTED, candidate)
        login = self._owed(peer)
        if login is not None:
            login.errback(LoginRefused("the connection was lost during the login"))

    def _misbehaved(self, peer: SlavePeer, why: Failure) -> None:
        """A volley failed; if only because the link is lost, that is told elsewhere."""
        if why.check(pb.PBConnectionLost, pb.DeadReferenceError, Superseded):
            return
        if not why.check(MalformedAnswer):
            log.failure("attaching slave {name} failed", why, name=self.slavename)
        self._fail(peer, why.getErrorMessage())

    def _fail(self, peer: SlavePeer, reason: str) -> None:
        if peer is self._attachment.peer:
            self._why = reason
            self._happen(Event.FAILED, peer)

    def _bug(self, why: Failure, peer: SlavePeer) -> None:
        """Our own code failed in the middle of an attachment: the slave may try again (A3)."""
        log.failure("attaching slave {name} failed", why, name=self.slavename)
        self._fail(peer, "internal error: see the master's log")

    # deadlines and liveness

    def _keepalive(self) -> float:
        slave = self.botmaster.config.slaves.get(self.slavename)
        return slave.keepalive if slave is not None else 120.0

    def _untilIdle(self) -> float:
        heard: float = self._attachment.peer.lastHeard
        return max(0.0, heard + self._keepalive() - self._clock.seconds())

    def _after(self, seconds: float) -> None:
        """Look after this slave again in so many seconds."""
        if self._timer is not None and self._timer.active():
            self._timer.reset(seconds)
        else:
            self._timer = self._clock.callLater(seconds, self._look)

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._probedAt = None
        if self._mutes:
            self._mutes, self._muteUntil = 0, 0.0

    def _look(self) -> None:
        """The timer: is the slave still within its deadlines?"""
        peer, state, now = self._attachment.peer, self._attachment.state, self._clock.seconds()
        if state in (State.ASKING, State.OFFERING):
            self._fail(peer, f"it did not finish attaching within {ATTACH_TIME:g} s")
        elif state is State.READY:
            self._lookAfter(peer, now)

    def _lookAfter(self, peer: SlavePeer, now: float) -> None:
        if now < self._muteUntil:
            self._after(self._muteUntil - now)
            return
        if self.isPending() and now - self._offeredAt >= ATTACH_TIME:
            self._fail(peer, f"it did not accept its builder list within {ATTACH_TIME:g} s")
            return
        if self.slave_status.note and not (self._arbiter is not None and self._arbiter.isNeeded()):
            self.slave_status.note = ""
        idle = self._untilIdle()
        if self._probedAt is not None and peer.lastHeard >= self._probedAt:
            self._probedAt = None
        if self._probedAt is not None:
            if now - self._probedAt >= PROBE_TIME:
                self._fail(peer, f"it did not answer a probe within {PROBE_TIME:g} s")
                return
            idle = min(self._probedAt + PROBE_TIME - now, self._keepalive())
        elif idle <= 0:
            self._probedAt = now
            peer.probe()
            idle = min(PROBE_TIME, self._keepalive())  # the next probe may be due before
        if self.isPending():
            idle = min(idle, self._offeredAt + ATTACH_TIME - now)
        self._after(idle)

    def mayBeMute(self, seconds: float) -> None:
        """See L{Availability}: it is not probed meanwhile. The kernel still watches the link."""
        self._mutes = max(0, self._mutes + (1 if seconds else -1))
        if seconds:
            self._muteUntil = self._clock.seconds() + seconds
        elif not self._mutes:
            self._muteUntil = 0.0
        if self._attachment.state is State.READY:
            self._probedAt = None
            self._after(max(seconds, self._untilIdle()))

    def keepaliveChanged(self) -> None:
        """The configuration gives me another keepalive: it counts from now."""
        if self._attachment.state is State.READY and self._probedAt is None:
            self._after(self._untilIdle())

    # squabbles: two living processes with one name

    def _arbitrate(self, arbiter: Arbiter, newcomer: SlavePeer) -> None:
        """A newcomer while a squabble is on: it gets the name if the one who has it is mute."""
        if arbiter.candidate is None and self._attachment.state is State.READY:
            self._attachment.peer.probe()
        before = arbiter.wait(newcomer)
        self._turnAway(before, "a still newer connection came", "another one took its place: try again")

    def _endArbitration(self) -> SlavePeer | None:
        """There is nothing to judge any more; return the newcomer that waited for it, if any."""
        return None if self._arbiter is None else self._arbiter.end()

    def _judge(self, candidate: SlavePeer, since: float) -> None:
        holder = self._attachment.peer
        if holder is None or holder.lastHeard < since:
            self._why = f"it did not answer while a newer connection from {candidate.address} waited"
            self._happen(Event.CONNECTED, candidate)
            return
        kept = holder.address
        note = (
            f"name conflict: two machines log in as {self.slavename}: "
            f"{kept}, which is connected and answers, and {candidate.address}, which is refused"
        )
        self.slave_status.note = note
        if self._arbiter is not None and self._arbiter.keep(kept, candidate.address):
            self.slave_status.happened(time.time(), note)
            log.warn("slave {name}: {note}", name=self.slavename, note=note)
        self._turnAway(
            candidate,
            f"name conflict with {kept}",
            f"another running slave of this name is connected from {kept}: stop one of the two, or rename it",
        )

    def _turnAway(self, newcomer: SlavePeer | None, reason: str, told: str) -> None:
        login = None if newcomer is None else self._owed(newcomer)
        if login is not None:
            login.errback(LoginRefused(reason, told, SQUABBLE_HOLD))


_PERFORM = {
    Effect.ASK: BotPerspective._ask,
    Effect.OFFER: BotPerspective._offer,
    Effect.ATTACH: BotPerspective._attach,
    Effect.TAKE_BACK: BotPerspective._takeBack,
    Effect.HANG_UP: BotPerspective._hangUp,
    Effect.HANG_UP_WAITING: BotPerspective._hangUpWaiting,
}
