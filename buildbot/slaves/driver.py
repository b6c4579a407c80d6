# -*- test-case-name: tests.unit.slaves.test_attachment_machine -*-
"""Drive the attachment machine of one slave: feed it with events and perform its effects.

L{buildbot.slaves.attachment} has the machine. L{buildbot.slaves.perspective} performs the effects on the
status and on the builders.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot.slaves.arbitration import CONFLICT_HOLD, Arbiter
from buildbot.slaves.attachment import ABSENT, Attachment, Effect, Event, State, advance
from buildbot.slaves.liveness import Liveness
from buildbot.slaves.offers import BuilderOffers
from buildbot.slaves.seams import ShownSlave
from buildbot.wire.login import LoginRefused
from buildbot.wire.offers import Superseded
from buildbot.wire.peers import Introduction, MalformedAnswer, SlavePeer

log = Logger()


class DrivenSlave(ShownSlave, Protocol):
    """The properties and methods of a slave that L{AttachmentDriver} uses."""

    @property
    def keepalive(self) -> float:
        """Seconds of silence before a probe."""

    @property
    def builderList(self) -> tuple[tuple[str, str], ...]:
        """The (builder name, build directory) pairs from the configuration."""

    def attach(self, peer: SlavePeer, introduction: Introduction, /) -> None:
        """Publish that the slave is attached, and attach its builders."""

    def adopt(self, peer: SlavePeer, builders: Mapping[str, pb.RemoteReference], /) -> None:
        """Attach exactly these builders: the slave has accepted a changed builder list."""

    def takeBack(self, before: Attachment[SlavePeer], why: str, /) -> None:
        """Detach its builders: its connection is gone. Publish that if the slave was attached."""


class AttachmentDriver:
    """I drive the attachment of one slave, with all its connections.

    @ivar attachment: the present state of the machine.
    @ivar offers: the builder lists that were sent to the slave.
    @ivar liveness: its deadlines and probes.
    @ivar arbiter: decides which connection gets the name; None until there is a second connection.
    """

    __slots__ = (
        "_clock",
        "_introduction",
        "_isWorking",
        "_logins",
        "_pending",
        "_slave",
        "_waitingForLoss",
        "_why",
        "arbiter",
        "attachment",
        "liveness",
        "offers",
    )

    def __init__(self, clock: IReactorTime, slave: DrivenSlave) -> None:
        self._clock = clock
        self._slave = slave
        self.attachment: Attachment[SlavePeer] = ABSENT
        self.offers = BuilderOffers(clock, slave)
        self.liveness = Liveness(clock, self)
        self.arbiter: Arbiter | None = None
        self._why = ""
        self._introduction: Introduction | None = None
        self._isWorking = False
        # tuples, because for most slaves they are empty most of the time
        self._logins: tuple[tuple[SlavePeer, Deferred[None]], ...] = ()
        self._waitingForLoss: tuple[Deferred[None], ...] = ()
        self._pending: tuple[tuple[Event, SlavePeer], ...] = ()

    @property
    def peer(self) -> SlavePeer | None:
        """The served connection; None without one."""
        return self.attachment.peer

    @property
    def keepalive(self) -> float:
        """Seconds of silence before the slave is probed."""
        return self._slave.keepalive

    # connections that come and go

    def login(self, mind: pb.RemoteReference) -> Deferred[None]:
        """Start the attachment of a slave that logged in with this name.

        @return: fires with None when it is attached; fails with L{LoginRefused} if the login fails.
        """
        peer = SlavePeer(mind, self.offers.halfMade)
        login: Deferred[None] = Deferred()
        self._logins = (*self._logins, (peer, login))
        peer.whenLost(partial(self._lost, peer))
        if self.peer is not None:
            if self.arbiter is None:
                self.arbiter = Arbiter(self._clock, self._slave, self)
            if self.arbiter.isNeeded():
                self.arbiter.wait(peer)
                return login
            self.arbiter.takeover()
            self._why = f"a newer connection came from {peer.address}"
        self._happen(Event.CONNECTED, peer)
        return login

    def close(self, reason: str) -> Deferred[None]:
        """Disconnect; see L{buildbot.slaves.perspective.BotPerspective.disconnect}."""
        if self.arbiter is not None:
            self.arbiter.cancel(reason, "the name is being disconnected: try again")
        peer = self.peer
        if peer is None:
            return succeed(None)
        gone = self.whenGone()
        self._why = reason
        self._happen(Event.CLOSE, peer)
        return gone

    def whenGone(self) -> Deferred[None]:
        """Fires with None when the served connection is gone and its builders are detached."""
        gone: Deferred[None] = Deferred()
        self._waitingForLoss = (*self._waitingForLoss, gone)
        return gone

    def sendBuilderList(self) -> Deferred[None]:
        """Send the builder list. Fires with None when the slave has accepted it, or is gone."""
        peer = self.peer
        if peer is None or self.attachment.state not in (State.OFFERING, State.READY):
            return succeed(None)
        settled = self.offers.whenSettled()
        self._happen(Event.CHANGED, peer)
        return settled

    def fail(self, peer: SlavePeer, reason: str) -> None:
        """Disconnect a connection that failed. Ignored unless it is the served one."""
        if peer is self.peer:
            self._why = reason
            self._happen(Event.FAILED, peer)

    def takeOver(self, newcomer: SlavePeer, why: str) -> None:
        """Serve a newcomer instead of the present connection.

        @param why: the reason, for the log and the status.
        """
        self._why = why
        self._happen(Event.CONNECTED, newcomer)

    def refuse(self, newcomer: SlavePeer, reason: str, told: str) -> None:
        """Refuse the login of a newcomer in a name conflict."""
        login = self._takeLogin(newcomer)
        if login is not None:
            login.errback(LoginRefused(reason, told, CONFLICT_HOLD))

    def onLook(self) -> None:
        """Clear the note of a name conflict if the conflict is over. The liveness timer calls me."""
        status = self._slave.slave_status
        if status.note and not (self.arbiter is not None and self.arbiter.isNeeded()):
            status.note = ""

    def _lost(self, peer: SlavePeer) -> None:
        """Handle the end of a connection, in any state."""
        if self.arbiter is not None and peer is self.arbiter.candidate:
            self.arbiter.end()
        self._happen(Event.LOST, peer)
        if self.peer is None:
            candidate = None if self.arbiter is None else self.arbiter.end()
            if candidate is not None:
                self._happen(Event.CONNECTED, candidate)
        login = self._takeLogin(peer)
        if login is not None:
            login.errback(LoginRefused("the connection was lost during the login"))

    def _takeLogin(self, peer: SlavePeer) -> Deferred[None] | None:
        """Remove and return the login of a connection, to be answered; None if it was answered already."""
        login = next((login for each, login in self._logins if each is peer), None)
        if login is not None:
            self._logins = tuple(item for item in self._logins if item[0] is not peer)
        return login

    # the machine and its effects

    def _happen(self, event: Event, peer: SlavePeer) -> None:
        """Feed an event to the machine. Events that its effects cause are handled after them."""
        self._pending = (*self._pending, (event, peer))
        if self._isWorking:
            return
        self._isWorking = True
        try:
            while self._pending:
                (event, peer), self._pending = self._pending[0], self._pending[1:]
                before = self.attachment
                self.attachment, effects = advance(before, event, peer)
                for effect in effects:
                    _PERFORM[effect](self, before)
        finally:
            self._isWorking = False

    def _ask(self, before: Attachment[SlavePeer]) -> None:
        peer = self.attachment.served
        self.offers.begin()
        self.liveness.loginBegan()
        peer.ask().addCallbacks(
            lambda _: self._happen(Event.ANSWERED, peer), lambda why: self._misbehaved(peer, why)
        ).addErrback(self._bug, peer)

    def _offer(self, before: Attachment[SlavePeer]) -> None:
        peer = self.attachment.served
        builders = self._slave.builderList
        number = self.offers.sent(builders)
        if self.attachment.state is State.READY:
            self.liveness.listSent()
        peer.offer(builders).addCallbacks(
            lambda introduction: self._accepted(peer, number, introduction),
            lambda why: self._misbehaved(peer, why),
        ).addErrback(self._bug, peer)

    def _accepted(self, peer: SlavePeer, number: int, introduction: Introduction) -> None:
        if peer is not self.peer or not self.offers.accept(number, introduction.failing):
            return
        if self.attachment.state is State.READY:
            self._slave.adopt(peer, introduction.builders)
            self.offers.settled()
        elif self.attachment.state is State.OFFERING:
            self._introduction = introduction
            self._happen(Event.ACCEPTED, peer)

    def _attach(self, before: Attachment[SlavePeer]) -> None:
        peer = self.attachment.served
        introduction, self._introduction = self._introduction, None
        assert introduction is not None  # Event.ACCEPTED comes with one
        self._why = ""
        self.liveness.attached()
        self._slave.attach(peer, introduction)
        self.offers.settled()
        login = self._takeLogin(peer)
        if login is not None:
            login.callback(None)

    def _takeBack(self, before: Attachment[SlavePeer]) -> None:
        self.liveness.stop()
        self._introduction = None
        why, self._why = self._why or before.served.broker.whyCut or "the connection was lost", ""
        self._slave.takeBack(before, why)
        self.offers.end()
        self.offers.settled()
        gone, self._waitingForLoss = self._waitingForLoss, ()
        for waiter in gone:
            waiter.callback(None)

    def _hangUp(self, before: Attachment[SlavePeer]) -> None:
        self.liveness.stop()
        before.served.abort()

    def _hangUpWaiting(self, before: Attachment[SlavePeer]) -> None:
        if before.waiting is not None:
            before.waiting.abort()

    # errors

    def _misbehaved(self, peer: SlavePeer, why: Failure) -> None:
        """Disconnect: a volley failed. L{_lost} handles lost connections."""
        if why.check(pb.PBConnectionLost, pb.DeadReferenceError, Superseded):
            return
        if not why.check(MalformedAnswer):
            log.failure("attaching slave {name} failed", why, name=self._slave.slavename)
        self.fail(peer, why.getErrorMessage())

    def _bug(self, why: Failure, peer: SlavePeer) -> None:
        """Disconnect: the master's own code failed during an attachment. The slave may try again (A3)."""
        log.failure("attaching slave {name} failed", why, name=self._slave.slavename)
        self.fail(peer, "internal error: see the master's log")


_PERFORM = {
    Effect.ASK: AttachmentDriver._ask,
    Effect.OFFER: AttachmentDriver._offer,
    Effect.ATTACH: AttachmentDriver._attach,
    Effect.TAKE_BACK: AttachmentDriver._takeBack,
    Effect.HANG_UP: AttachmentDriver._hangUp,
    Effect.HANG_UP_WAITING: AttachmentDriver._hangUpWaiting,
}
