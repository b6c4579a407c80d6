# -*- test-case-name: tests.unit.buildmaster.test_doubts -*-
"""What a master does when another one may take its place soon: it gives up what only one may hold.

A C{MasterLock} may protect something outside. The next master begins without knowing who holds it, so its
holders are cut before that. With C{c['whenStoreIsAway'] = "cut"} all slaves are.

When another master may have taken over, the slaves are let go. The balancer does not know that this one has
lost the database: they would stay here for ever, and the other master could build nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from twisted.logger import Logger

from buildbot.daemon.symptoms import Symptom
from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers
from buildbot.process.locks import MasterLock
from buildbot.text.plural import counted

log = Logger()

#: What C{buildbot status} says meanwhile.
SYMPTOM = Symptom(
    "another master may take over",
    "the database has not answered for most of the lease",
    "mend the way to the database: this master goes on if it answers in time",
)


#: What slaves are told after that, and the log.
DEPOSED = "another master may be active, since this one has lost the database"


class Cuttable(Protocol):
    """The part of a slave that this needs."""

    slavename: str

    def isConnected(self) -> bool:
        """True while it has a connection."""

    def disconnect(self, reason: str) -> object:
        """Close the connection."""


def cutHolders(table: Mapping[tuple[str, str], Any]) -> list[str]:
    """Disconnect the slaves whose builds or steps hold a C{MasterLock}. Returns their names.

    @param table: see L{buildbot.process.sharedlocks.SharedLocks}.
    """
    found: dict[str, Cuttable] = {}
    for (kind, _), real in table.items():
        if kind == MasterLock.__name__:
            found.update({slave.slavename: slave for slave in _slavesOf(real.owners())})
    for name, slave in found.items():
        log.warn("slave {name} is cut: its build holds a MasterLock, and another master may begin", name=name)
        slave.disconnect("another master may take over")
    return list(found)


def cutAll(slaves: Iterable[Cuttable]) -> None:
    """Disconnect all slaves, so that no build goes on: C{c['whenStoreIsAway']} wants it."""
    found = [each for each in slaves if each.isConnected()]
    log.warn(
        "{slaves} cut, as c['whenStoreIsAway'] says: another master may begin their builds anew",
        slaves=counted(len(found), "slave"),
    )
    for each in found:
        each.disconnect("another master may take over")


def _slavesOf(owners: Iterable[Any]) -> Iterable[Cuttable]:
    """The slaves of builds and steps."""
    for owner in owners:
        build = getattr(owner, "build", owner)
        slavebuilder = getattr(build, "slavebuilder", None)
        if slavebuilder is not None and slavebuilder.slave is not None:
            yield slavebuilder.slave


class Bound(Protocol):
    """The part of a slave's availability that this needs."""

    def leave(self, reason: str, atOnce: bool, /) -> object:
        """Disconnect the slave once it is idle."""

    def stay(self) -> object:
        """Do not disconnect it for that reason any more."""


class Parted(Protocol):
    """A slave that can be let go."""

    @property
    def availability(self) -> Bound: ...

    def isConnected(self) -> bool:
        """True while it has a connection."""


class Told(Protocol):
    """The part of the resources that this needs."""

    deposed: str


class Parting:
    """I let the slaves of a master go, once another one may be active.

    Each slave is disconnected when it has no build, and its logins are refused: so it comes to the other
    master. Builds under way go on; if no other one is active after all, their ends are kept later.

    @param slaves: all slaves.
    @param freed: called with each slave that may get builds again.
    """

    def __init__(
        self,
        clock: Timers,
        told: Told,
        slaves: Callable[[], Iterable[Parted]],
        freed: Callable[[Any], object],
    ) -> None:
        self._clock = clock
        self._told = told
        self._slaves = slaves
        self._freed = freed
        self._alarm = Alarm(self._part)

    def expect(self, seconds: float) -> None:
        """Let the slaves go after these seconds."""
        self._alarm.set(self._clock, seconds)

    def cancel(self) -> None:
        """Keep the slaves: this master is the active one."""
        self._alarm.stop()
        if not self._told.deposed:
            return
        self._told.deposed = ""
        log.info("this master is still the active one: slaves are welcome again")
        for each in list(self._slaves()):
            each.availability.stay()
            if each.isConnected():
                self._freed(each)

    def stop(self) -> None:
        """Do nothing more."""
        self._alarm.stop()

    def _part(self) -> None:
        self._told.deposed = DEPOSED
        log.warn("{why}: slaves are let go when they are idle, and refused", why=DEPOSED)
        for each in list(self._slaves()):
            if each.isConnected():
                each.availability.leave(DEPOSED, False)
