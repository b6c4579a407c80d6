# -*- test-case-name: tests.unit.process.test_builds -*-
"""
Slaves that may begin no builds, because somebody has paused or drains them (O7).

A pause lasts beyond a restart. What a slave does about it is its own affair.
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
        """Why no build may begin there."""

    def setPause(self, record: PauseRecord | None, /) -> None:
        """Begin no build there; with None: begin builds again."""


class Pausable(Protocol):
    """A slave that can be paused."""

    @property
    def availability(self) -> PausableAvailability:
        """Whether it may be given a build."""


_Slave = TypeVar("_Slave", bound=Pausable)


class Pauses:
    """
    I pause the slaves of one master.

    @ivar records: slave name -> its pause.
    """

    def __init__(
        self, resources: Resources, slaves: Mapping[str, _Slave], freed: Callable[[_Slave], object]
    ) -> None:
        """
        @param slaves: the slaves of the configuration, by name; read anew each time.
        @param freed: is called with a slave that may build again.
        """
        self._resources = resources
        self._slaves: Mapping[str, Pausable] = slaves
        self._freed: Callable[..., object] = freed
        self.records: dict[str, PauseRecord] = {}

    async def load(self) -> None:
        """Read from the store which slaves are paused."""
        self.records = await statesOf(self._resources.store, "pause", PauseRecord.fromRecord)

    async def pause(self, slavename: str, who: str, why: str, kind: str = "paused") -> PauseRecord:
        """
        Begin no further builds on a slave; running ones go on. Only L{unpause} ends it.

        @param kind: C{"paused"}, or C{"draining"}: then it is disconnected once it is idle.
        @raise KeyError: there is no such slave.
        """
        slave = self._slaves[slavename]
        record = PauseRecord(slavename, who, self._resources.now(), why, kind)  # type: ignore[arg-type]
        await self._resources.store.setState(f"pause/{slavename}", record.toRecord())
        self.records[slavename] = record
        slave.availability.setPause(record)
        return record

    async def unpause(self, slavename: str) -> bool:
        """
        Let a slave build again.

        @return: whether it was paused.
        @raise KeyError: there is no such slave.
        """
        slave = self._slaves[slavename]
        if slave.availability.paused is None:
            return False
        await self._resources.store.setState(f"pause/{slavename}", None)
        self.records.pop(slavename, None)
        slave.availability.setPause(None)
        self._freed(slave)
        return True
