# -*- test-case-name: tests.unit.control.test_diskuse -*-
"""The command C{disk} of the control socket: what takes room, and what will be removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildbot.control.diskuse import diskUse
from buildbot.slaves.botmaster import BotMaster
from buildbot.store.interface import StoreFailed


class DiskCommands:
    """I answer questions about the directory of one master."""

    def __init__(self, basedir: str, botmaster: BotMaster) -> None:
        self._basedir = basedir
        self._botmaster = botmaster

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {"disk": self.disk}

    async def disk(
        self, buildHorizon: int | None = None, buildDays: float | None = None, logHorizon: int | None = None
    ) -> dict[str, Any]:
        """The room that each part takes, the limits, and what the next removal will remove.

        The logs are measured in a thread. While the store does not work, C{storeTrouble} says so, and what it
        would tell is None.

        @param buildHorizon, buildDays, logHorizon: limits to try, in place of those of the configuration.
        """
        retention, config = self._botmaster.retention, self._botmaster.config
        usage = await retention.logs.usage()
        health, counts, goes = self._botmaster.health, None, None
        trouble = health.trouble if health.server else ""  # a file can be read while its disk is full
        if not trouble:
            try:
                counts = await self._botmaster.store.countBuilds()
                goes = await retention.forecast(usage, buildHorizon, buildDays, logHorizon)
            except StoreFailed as why:
                trouble, goes = why.reason, None
        found: dict[str, Any] = await retention.logs.inThread(diskUse, self._basedir, usage, counts, trouble)
        keeps = {
            "builds": retention.horizon,
            "days": retention.days,
            "logsOf": config.logHorizon,
            "logs": config.logMaxTotalSize,
        }
        return {**found, "keeps": keeps, "goes": None if goes is None else goes.toRecord()}
