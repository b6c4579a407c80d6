# -*- test-case-name: tests.unit.process.test_builds -*-
"""Paused and draining slaves, which start no builds (O7).

A pause survives a restart. L{buildbot.slaves.availability} applies it to a slave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from buildbot.model.records import PauseRecord
from buildbot.process.readable import statesOf
from buildbot.process.resources import Resources


class PausableAvailability(Protocol):
    """The availability of a slave that can be paused."""

    @property
    def paused(self) -> PauseRecord | None:
        """The pause, or None."""

    def setPause(self, record: PauseRecord | None, /) -> None:
        """Set the pause; None ends it."""


class Pausable(Protocol):
    """A slave that can be paused."""

    @property
    def availability(self) -> PausableAvailability: ...


_Slave = TypeVar("_Slave", bound=Pausable)


class Pauses:
    """I pause the slaves of one master.

    @ivar records: slave name -> its pause.
    """

    def __init__(
        self, resources: Resources, slaves: Mapping[str, _Slave], freed: Callable[[_Slave], object]
    ) -> None:
        """@param slaves: the live mapping of the configuration's slaves, by name.
        @param freed: called with a slave after its pause has ended.
        """
        self._resources = resources
        self._slaves: Mapping[str, Pausable] = slaves
        self._freed: Callable[..., object] = freed
        self.records: dict[str, PauseRecord] = {}

    async def load(self) -> None:
        """Read the pauses from the store."""
        self.records = await statesOf(self._resources.store, "pause", PauseRecord.fromRecord)

    async def pause(self, slavename: str, who: str, why: str, kind: str = "paused") -> PauseRecord:
        """Start no further builds on a slave until L{unpause}. Running builds continue.

        @param why: the reason; "" keeps that of a pause which lasts already.
        @param kind: C{"paused"}; or C{"draining"}, which disconnects the slave once it is idle.
        @raise KeyError: there is no such slave.
        """
        slave = self._slaves[slavename]
        before = slave.availability.paused
        why = why or (before.why if before is not None else "")
        record = PauseRecord(slavename, who, self._resources.now(), why, kind)  # type: ignore[arg-type]
        await self._resources.store.setState(f"pause/{slavename}", record.toRecord())
        self.records[slavename] = record
        slave.availability.setPause(record)
        self._resources.announcer.report("slavePaused", slavename)
        return record

    async def unpause(self, slavename: str) -> bool:
        """End the pause of a slave.

        @return: True if it was paused.
        @raise KeyError: there is no such slave.
        """
        slave = self._slaves[slavename]
        if slave.availability.paused is None:
            return False
        await self._resources.store.setState(f"pause/{slavename}", None)
        self.records.pop(slavename, None)
        slave.availability.setPause(None)
        self._resources.announcer.report("slaveUnpaused", slavename)
        self._freed(slave)
        return True
