# -*- test-case-name: tests.unit.control.test_buildcommands,tests.stories.test_admin -*-
"""The commands of the control socket about slaves: disconnect, pause, drain, unpause.

Each answer is made of plain values. docs/reference/control-socket explains them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from buildbot.control.refusals import noSlave, stored
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective

log = Logger()


class SlaveCommands:
    """I carry out the commands about the slaves of one master."""

    def __init__(self, botmaster: BotMaster) -> None:
        self._botmaster = botmaster

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {
            "disconnect": self.disconnect,
            "pause": self.pause,
            "drain": self.drain,
            "unpause": self.unpause,
        }

    async def disconnect(self, slave: str) -> dict[str, Any]:
        """Disconnect a slave. It will usually reconnect."""
        perspective = self._slave(slave)
        address = perspective.slave_status.address
        connected = perspective.slave is not None
        await perspective.disconnect("disconnected by the administrator")
        return {"disconnected": connected, "address": address if connected else None}

    async def pause(self, slave: str, who: str = "", why: str = "") -> dict[str, Any]:
        """Start no further builds on a slave, until C{unpause}."""
        return await self._pause(slave, who, why, "paused")

    async def drain(self, slave: str, who: str = "", why: str = "") -> dict[str, Any]:
        """Pause a slave, and disconnect it once it is idle."""
        return await self._pause(slave, who, why, "draining")

    async def _pause(self, slave: str, who: str, why: str, kind: str) -> dict[str, Any]:
        perspective = self._slave(slave)
        record = await stored(self._botmaster.pauses.pause(slave, who, why, kind))
        because = f": {why}" if why else ""
        log.info("slave {slave} is {kind}, by {who}{why}", slave=slave, kind=kind, who=who, why=because)
        return {**record.toRecord(), "running": perspective.availability.buildsRunning}

    async def unpause(self, slave: str) -> dict[str, Any]:
        """End a pause. C{unpaused} is False if the slave was not paused."""
        self._slave(slave)
        unpaused = await stored(self._botmaster.pauses.unpause(slave))
        if unpaused:
            log.info("slave {slave} is unpaused", slave=slave)
        return {"slave": slave, "unpaused": unpaused}

    def _slave(self, name: str) -> BotPerspective:
        """The slave of this name. Raises L{ControlError} if there is none."""
        found = self._botmaster.getPerspective(name)
        if found is None:
            raise noSlave(name, self._botmaster.slaves)
        return found
