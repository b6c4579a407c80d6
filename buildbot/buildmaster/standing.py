# -*- test-case-name: tests.unit.buildmaster.test_standing,tests.integration.test_standby -*-
"""The place of a master among the masters of its store: it waits for it, keeps it, and leaves it.

A store in a file has one master, and none of this. L{buildbot.cluster} has the rules.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from buildbot import version
from buildbot.buildmaster.doubts import SYMPTOM
from buildbot.cluster.home import homeOf
from buildbot.cluster.lease import Terms
from buildbot.cluster.membership import Heard, Membership, Works
from buildbot.cluster.places import ACTIVE, STANDBY, Me, Places
from buildbot.daemon import directory
from buildbot.daemon.commandline import command
from buildbot.daemon.oserrors import inWords
from buildbot.daemon.readiness import StartFailed
from buildbot.daemon.symptoms import Symptom
from buildbot.store.address import MISSING, BadAddress
from buildbot.store.interface import StoreFailed
from buildbot.store.place import Place, placeOf
from buildbot.store.requests import Store
from buildbot.store.seams import Connection, Driver
from buildbot.store.stores import storeAt
from buildbot.store.worker import Worker

log = Logger()

#: Seconds between two looks of a start at a place that somebody else has just taken.
_LOOK = 0.1
#: The most seconds for an answer about the masters.
_FRESH = 1.0


class ActivePlace:
    """I get the active place for one master, and keep it.

    @ivar isStandby: True to wait while another master is active.
    @ivar isUsed: False with a store of another kind: then there is no place to take.
    @ivar membership: my part among the masters; None with a store in a file, and before L{take}.

    @param over: called once with the reason when another master has taken the place of this one.
    @param doubts: see L{Membership}.
    @param works: makes the worker of the membership; None: one with a connection to PostgreSQL.
    """

    def __init__(
        self,
        basedir: str,
        reactor: Any,
        over: Callable[[str], object],
        doubts: Callable[[bool], object],
        works: Callable[[Places], Works] | None = None,
    ) -> None:
        self._basedir = basedir
        self._reactor = reactor
        self._over = over
        self._doubts = doubts
        self._works = works or self._worker
        self.isStandby = False
        self.isUsed = True
        self.membership: Membership | None = None

    def store(self) -> Store:
        """The store of the directory, not open yet, with the fence that its place needs.

        @raise StartFailed: its address cannot be used.
        """
        try:
            return storeAt(self._where(), self._reactor, self.check)
        except BadAddress as why:
            raise StartFailed([str(why)]) from None

    async def take(self, waits: Callable[[list[str]], object]) -> bool:
        """Return when this master is the active one of its store.

        @param waits: called with lines for the user when this master waits for another one.
        @return: True if it has waited.
        @raise StartFailed: another master is active, and this one does not wait; or its settings are wrong.
        @raise StoreFailed: the database cannot be used.
        """
        if not self.isUsed:
            return False
        try:
            where = self._where()
            tac = directory.readTac(self._basedir)
            isStandby = self.isStandby or directory.standsBy(tac)
            lease = directory.leaseOf(tac) or Terms().lease
        except (BadAddress, directory.Unusable) as why:
            raise StartFailed([str(why)]) from None
        if where.server is None:
            if isStandby:
                raise StartFailed([_FILE.format(path=where.path)])
            return False
        try:
            me = self._me(lease)
        except OSError as why:
            raise StartFailed([inWords(why)]) from None
        places = Places(me)
        joined = Membership(self._reactor, places, self._works(places), self._over, self._doubts)
        await joined.join()
        self.membership = joined
        while not joined.isActive and joined.active() is None:
            await deferLater(self._reactor, _LOOK)  # somebody was quicker, and is not known yet
        active = joined.active()
        if joined.isActive or active is None:
            return False
        if not isStandby:
            await self.leave()
            raise StartFailed(refusal(active, where.shown, self._basedir))
        line = f"standby: {active.place.name} is active; this master takes over when it is gone"
        log.info("{line}", line=line)
        waits([line])
        await joined.whenActive
        return True

    async def leave(self) -> None:
        """Give up the place: another master can take it at once. Never fails."""
        joined, self.membership = self.membership, None
        if joined is not None:
            joined.whenActive.addErrback(lambda why: why.trap(CancelledError)).cancel()
            await joined.leave()

    async def giveWay(self) -> None:
        """Give up the place if another master waits for it, since this one cannot work. Never fails."""
        if self.membership is not None and self.membership.ready():
            log.info("the place is given up: another master waits, and may be able to work")
            await self.leave()

    async def fresh(self) -> None:
        """Ask the database about the masters, so that L{report} is of this moment. Returns after a second
        without an answer, too.
        """
        if self.membership is not None:
            await self.membership.anew(_FRESH)

    @property
    def replacement(self) -> float | None:
        """The seconds from the begin of a doubt until another master may be active; None if none waits."""
        joined = self.membership
        if joined is None or not joined.others():
            return None
        terms = Terms(joined.me.lease)
        return terms.patience - terms.trust

    def symptom(self) -> Symptom | None:
        """The trouble of this place: see L{Troubles<buildbot.daemon.troubles.Troubles>}."""
        return SYMPTOM if self.membership is not None and self.membership.isDoubtful else None

    def report(self) -> dict[str, Any] | None:
        """The masters of the store, for C{buildbot status}; None with a store in a file.

        Each of the others has the seconds since it was C{heard}.
        """
        joined = self.membership
        if joined is None:
            return None
        ready = {each.place.home for each in joined.ready()}
        return {
            "name": joined.me.name,
            "state": ("doubtful" if joined.isDoubtful else ACTIVE) if joined.isActive else STANDBY,
            "epoch": joined.epoch,
            "release": joined.me.release,
            "trouble": joined.trouble,
            "others": [
                {
                    "name": each.place.name,
                    "state": each.place.state,
                    "heard": each.ago,
                    "isReady": each.place.home in ready,
                    "release": each.place.release,
                }
                for each in joined.others()
            ],
        }

    def _where(self) -> Place:
        return placeOf(self._basedir)

    def check(self, connection: Connection) -> None:
        """The fence of the store, see L{Membership.check}; called in its thread."""
        joined = self.membership
        if joined is None:
            raise StoreFailed("this master has left its place")
        joined.check(connection)

    def _me(self, lease: float) -> Me:
        host = socket.gethostname()
        home = homeOf(self._basedir, host)
        return Me(home, f"{host}:{os.path.realpath(self._basedir)}", uuid4().hex, lease, version)

    def _worker(self, places: Places) -> Worker:
        """A worker with a connection of its own to the database."""
        seconds = max(2, round(places.me.lease / 4))

        def open() -> Driver:
            try:
                from buildbot.store.pgsession import PostgresSession
            except ImportError as error:
                raise StoreFailed(MISSING.format(error=error)) from None
            # A connection that hangs must be given up well within the lease.
            return PostgresSession(
                self._where().conninfo(),
                connect_timeout=str(seconds),
                tcp_user_timeout=str(1000 * seconds),
                application_name=f"buildbot {socket.gethostname()}:{os.getpid()}",
            )

        return Worker(self._reactor, open, places, 0.0)


def refusal(active: Heard, shown: str, basedir: str) -> list[str]:
    """Why a master cannot be started while another one is active.

    @param shown: the address of the store.
    """
    again = command("start", "--standby", basedir)
    return [
        f"{active.place.name} is the active master of {shown}",
        f"stop that one first, or let this one wait for its place: `{again}`; if that one is gone for good,"
        f" this one takes over after {Terms(active.place.lease).patience:.0f} s",
    ]


_FILE = (
    "a standby needs a store in PostgreSQL, which two masters can reach: the store of this one is the file"
    " {path}, see `buildbot move-store`"
)
