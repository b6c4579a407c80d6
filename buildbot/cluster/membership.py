# -*- test-case-name: tests.unit.cluster.test_membership -*-
"""One master's part among the masters of a store: it waits, takes the active place, and shows that it lives.

L{buildbot.cluster.lease} decides; I ask the database in a thread of my own, and perform the effects.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.cluster.fence import Fence
from buildbot.cluster.lease import Effect, Event, Lease, News, Seen, Standing, Terms, advance
from buildbot.cluster.places import ACTIVE, ENDED, Me, Place, Places
from buildbot.events.alarm import Alarm
from buildbot.store.interface import StoreFailed, StoreFenced
from buildbot.store.seams import Connection
from buildbot.store.worker import Work

log = Logger()
#: The seconds after which a database that keeps the connection and answers nothing is a trouble.
SILENT = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Heard:
    """I am what is known about another master.

    @ivar place: its row, as it was read last.
    @ivar ago: the seconds since its row changed last, or since it was read first.
    """

    place: Place
    ago: float


class Reactor(Protocol):
    """The part of the reactor that a L{Membership} uses. Its clock must be monotonic."""

    def seconds(self) -> float: ...
    def callLater(self, delay: float, callable: Callable[..., object], /, *args: object) -> Any: ...
    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> object: ...


class Works(Protocol):
    """The part of a L{Worker<buildbot.store.worker.Worker>} that a L{Membership} uses."""

    def start(self) -> Deferred[None]: ...
    def submit(self, work: Work[_T]) -> Deferred[_T]: ...
    def stop(self) -> Deferred[None]: ...


class Membership:
    """I am one master among the masters of a store, from L{join} to L{leave}.

    @ivar whenActive: fires with the epoch when this master has become the active one.

    @param places: the table of the masters, which the worker uses.
    @param worker: has a connection of its own to the database.
    @param ended: called once with the reason when another master has taken the place of this one.
    @param doubts: called with True when the database has not answered for so long that another master may
        take the place soon, and with False when that is over.
    """

    def __init__(
        self,
        reactor: Reactor,
        places: Places,
        worker: Works,
        ended: Callable[[str], object],
        doubts: Callable[[bool], object] = lambda isSo: None,
    ) -> None:
        self._reactor = reactor
        self._me = me = places.me
        self._ended = ended
        self._doubts = doubts
        self._places = places
        self._worker = worker
        self._lease = Lease(me.home, me.incarnation, Terms(me.lease))
        self._rows: dict[str, tuple[Place, float]] = {}  # by home, with the time of the last change
        self._next = Alarm(self._turn)
        self._late = Alarm(self._overdue)
        self._fence: Fence | None = None
        self._busy: Deferred[None] | None = None
        self._asked = 0.0  # when the turn that runs now began
        self._waiting: list[Deferred[None]] = []  # each fires at the end of the turn that runs now
        self._epoch = 0
        self.whenActive: Deferred[int] = Deferred()
        self._failed = ""  # why the last turn failed

    # what others ask

    @property
    def me(self) -> Me:
        """What this master says about itself."""
        return self._me

    @property
    def trouble(self) -> str:
        """Why the database does not answer me now; "" if it does."""
        waits = 0.0 if self._busy is None else self._reactor.seconds() - self._asked
        return self._failed or (f"no answer for {waits:.0f} s" if waits >= SILENT else "")

    @property
    def epoch(self) -> int:
        """The number of the takeover that made this master active; 0 before it."""
        return self._epoch

    @property
    def isActive(self) -> bool:
        """True while this master has the active place, as far as it knows."""
        return self._lease.standing in (Standing.ACTIVE, Standing.DOUBTFUL)

    @property
    def isDoubtful(self) -> bool:
        """True if the database has not answered for so long that another master may take the place soon."""
        return self._lease.standing is Standing.DOUBTFUL

    def active(self) -> Heard | None:
        """The active master, if it is another one."""
        return next((each for each in self.others() if each.place.state == ACTIVE), None)

    def others(self) -> list[Heard]:
        """The other masters that have not ended, by name."""
        now = self._reactor.seconds()
        return [
            Heard(place, now - when)
            for place, when in self._rows.values()
            if place.home != self._me.home and place.state != ENDED
        ]

    def ready(self) -> list[Heard]:
        """The masters that wait and were heard lately: one of them takes the place when this one leaves."""
        patience = max(3.0, Terms(self._me.lease).beat * 2.5)
        return [each for each in self.others() if each.place.state != ACTIVE and each.ago <= patience]

    def check(self, connection: Connection) -> None:
        """The fence of the store: see L{Fence}. Called in the store's thread, once I am active."""
        assert self._fence is not None, "not active"
        self._fence(connection)

    # from the start to the end

    async def join(self) -> None:
        """Connect, and look who is active.

        When this returns, either another master is active, or this one takes the place now.

        @raise StoreFailed: the database cannot be used.
        """
        await self._worker.start()
        try:
            await self._do(self._places.create)
            await self._look()
        except BaseException:
            await self.leave()
            raise

    async def leave(self) -> None:
        """Give up my place, and close my connection. Call it once; it never fails."""
        self._advance(News(Event.LEAVE, *self._moment()))
        self._next.stop()
        self._late.stop()
        if self._busy is not None:
            await self._busy
        try:
            await self._do(self._places.leave)
        except Exception as error:
            if self._rows or self._epoch:  # else it never had one
                log.info("the place of this master could not be given up: {error}", error=error)
        await self._worker.stop()

    def refresh(self) -> None:
        """Look or beat now, not at the next turn: to know at once who else lives."""
        if self._busy is None and self._next.isSet:
            self._next.stop()
            self._turn()

    async def anew(self, patience: float) -> None:
        """Look or beat now, and wait until it has ended: L{others} and L{ready} then tell of this moment.

        It never fails: without an answer of the database within C{patience} seconds, they tell what was known
        before.
        """
        with suppress(TimeoutError):
            await ensureDeferred(self._askedAnew()).addTimeout(patience, cast(IReactorTime, self._reactor))

    async def _askedAnew(self) -> None:
        if self._busy is not None:
            await self._turnEnds()  # what it asks may have been asked too early
        self.refresh()
        if self._busy is not None:
            await self._turnEnds()

    def _turnEnds(self) -> Deferred[None]:
        ends: Deferred[None] = Deferred()
        self._waiting.append(ends)
        return ends

    # turns

    def _turn(self) -> None:
        """Look or beat, once."""
        self._asked = self._reactor.seconds()
        self._busy = ensureDeferred(self._looked() if self._isWaiting() else self._beaten())
        self._late.set(self._reactor, self._lease.terms.beat)
        self._busy.addBoth(self._turned)

    def _turned(self, result: object) -> None:
        self._busy = None
        self._late.stop()
        if self._lease.standing is not Standing.ENDED:
            terms = self._lease.terms
            self._next.set(self._reactor, terms.look if self._isWaiting() else terms.beat)
        waiting, self._waiting = self._waiting, []
        for ends in waiting:
            ends.callback(None)

    def _overdue(self) -> None:
        """No answer came since the last turn."""
        self._advance(News(Event.SILENCE, *self._moment()))
        if self._lease.standing is not Standing.ENDED:
            self._late.set(self._reactor, self._lease.terms.beat)

    async def _looked(self) -> None:
        try:
            await self._look()
        except Exception as error:
            self._silent(error)

    async def _look(self) -> None:
        sent = self._reactor.seconds()
        seen, rows = await self._do(self._places.look)
        self._heard(rows)
        await self._follow(News(Event.LOOKED, sent, self._reactor.seconds(), seen))

    async def _beaten(self) -> None:
        sent = self._reactor.seconds()
        try:
            rows = await self._do(partial(self._places.beat, self._epoch))
        except StoreFenced as error:
            self.buried(error)
        except Exception as error:
            self._silent(error)
        else:
            self._heard(rows)
            self._advance(News(Event.BEATEN, sent, self._reactor.seconds()))

    async def _follow(self, news: News) -> None:
        for effect in self._advance(news):
            if effect is Effect.TAKE:
                await self._take()
        if not self._next.isSet and self._busy is None:
            self._turned(None)

    async def _take(self) -> None:
        seen = self._lease.seen
        if seen is not None and seen.home != self._me.home:
            name = self._nameOf(seen)
            log.warn(
                "{name} was not heard for {seconds:.0f} s: taking over",
                name=name,
                seconds=self._reactor.seconds() - self._lease.since,
            )
        sent = self._reactor.seconds()
        try:
            epoch = await self._do(partial(self._places.take, seen))
        except Exception as error:
            self._silent(error)
            return
        if epoch is not None:
            self._epoch = epoch
        event = Event.REFUSED if epoch is None else Event.TAKEN
        self._advance(News(event, sent, self._reactor.seconds()))

    def buried(self, error: StoreFailed) -> None:
        """Another master has taken the place of this one."""
        if Effect.END in self._advance(News(Event.BURIED, *self._moment())):
            self._next.stop()
            self._late.stop()
            self._ended(error.reason)

    def _advance(self, news: News) -> tuple[Effect, ...]:
        self._lease, effects = advance(self._lease, news)
        if Effect.SERVE in effects:
            self._serve(news.seen)
        if Effect.DOUBT in effects:
            log.warn("the database has not answered for most of the lease: another master may take over")
            self._doubts(True)
        if Effect.TRUST in effects:
            log.info("the database answers again, and this master is still the active one")
            self._doubts(False)
        return effects

    def _serve(self, seen: Seen | None) -> None:
        if seen is not None:
            self._epoch = seen.epoch
        self._fence = Fence(self._me.incarnation, self._epoch, self._buriedInThread)
        log.info("{name} is the active master, in epoch {epoch}", name=self._me.name, epoch=self._epoch)
        self.whenActive.callback(self._epoch)

    def _buriedInThread(self, error: StoreFenced) -> None:
        self._reactor.callFromThread(self.buried, error)

    def _silent(self, error: Exception) -> None:
        if not isinstance(error, StoreFailed):
            log.info("the table of the masters could not be used: {error}", error=error)
        self._failed = getattr(error, "reason", str(error))
        self._advance(News(Event.SILENCE, *self._moment()))

    def _heard(self, rows: list[Place]) -> None:
        now = self._reactor.seconds()
        before, self._rows = self._rows, {}
        for place in rows:
            known = before.get(place.home)
            isSame = known is not None and known[0] == place
            self._rows[place.home] = (place, known[1] if known is not None and isSame else now)
        self._failed = ""

    def _nameOf(self, seen: Seen) -> str:
        found = self._rows.get(seen.home)
        return seen.home if found is None else found[0].name

    def _isWaiting(self) -> bool:
        return self._lease.standing in (Standing.WAITING, Standing.TAKING)

    def _moment(self) -> tuple[float, float]:
        now = self._reactor.seconds()
        return now, now

    async def _do(self, work: Callable[[], _T]) -> _T:
        return await self._worker.submit(Work(work))
