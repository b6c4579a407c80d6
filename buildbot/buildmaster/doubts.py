# -*- test-case-name: tests.unit.buildmaster.test_doubts -*-
"""What a master does when another one may take its place soon: it gives up what only one may hold.

A C{MasterLock} may protect something outside. The next master begins without knowing who holds it, so its
holders are cut before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from twisted.logger import Logger

from buildbot.daemon.symptoms import Symptom
from buildbot.process.locks import MasterLock

log = Logger()

#: What C{buildbot status} says meanwhile.
SYMPTOM = Symptom(
    "another master may take over",
    "the database has not answered for most of the lease",
    "mend the way to the database: this master goes on if it answers in time",
)


class Cuttable(Protocol):
    """The part of a slave that this needs."""

    slavename: str

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


def _slavesOf(owners: Iterable[Any]) -> Iterable[Cuttable]:
    """The slaves of builds and steps."""
    for owner in owners:
        build = getattr(owner, "build", owner)
        slavebuilder = getattr(build, "slavebuilder", None)
        if slavebuilder is not None and slavebuilder.slave is not None:
            yield slavebuilder.slave
