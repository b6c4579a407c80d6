# -*- test-case-name: tests.unit.buildmaster.test_waiting -*-
"""The control socket of a master that waits for its place: it says so, and stops on request."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import maybeDeferred

from buildbot import version
from buildbot.buildmaster.standing import ActivePlace
from buildbot.config.model import MasterConfig
from buildbot.control.client import ControlError
from buildbot.control.protocol import COMMANDS
from buildbot.control.server import ControlServer
from buildbot.events.eventual import eventual


class WaitingControl:
    """I answer while a master waits.

    @param config: the configuration that it has loaded.
    """

    def __init__(self, basedir: str, reactor: Any, place: ActivePlace, config: MasterConfig) -> None:
        self._basedir = basedir
        self._reactor = reactor
        self._place = place
        self._config = config
        self._since = time.time()
        self._server = ControlServer(basedir, self.handlers(), reactor, COMMANDS)

    async def take(self, ready: Callable[[list[str]], object]) -> bool:
        """As L{ActivePlace.take}, and listen while the master waits."""

        def waits(lines: list[str]) -> None:
            self._server.startService()
            ready(lines)

        hasWaited = await self._place.take(waits)
        await self.stop()
        return hasWaited

    async def stop(self) -> None:
        """Listen no more."""
        if self._server.running:
            await maybeDeferred(self._server.stopService)

    def handlers(self) -> Mapping[str, Callable[..., object]]:
        """A handler for each command."""
        known: dict[str, Callable[..., object]] = {
            "status": self.status,
            "shutdown": self.shutdown,
            "cancelshutdown": self.cancelShutdown,
            "reconfig": self.reconfig,
        }
        return {**dict.fromkeys(COMMANDS, self._refuse), **known}

    def reconfig(self, **params: object) -> None:
        """Refuse, and say why none is needed."""
        raise ControlError(
            f"{self._where()}. It needs no reconfig: it loads its file when it takes over;"
            " `buildbot checkconfig` checks the file"
        )

    def status(self, slave: str | None = None) -> dict[str, Any]:
        """As L{buildbot.control.mastercommands.MasterCommands.status}: nothing is connected."""
        if slave is not None:
            self._refuse()
        return {
            "master": {
                "pid": os.getpid(),
                "since": self._since,
                "version": version,
                "basedir": self._basedir,
                "projectName": self._config.projectName,
                "generation": 0,
                "ports": [],
                "slaves": len(self._config.slaves),
                "connected": 0,
                "builders": len(self._config.builders),
                "troubles": [],
                "masters": self._place.report(),
            },
            "slaves": [],
        }

    def shutdown(self, who: str = "") -> dict[str, Any]:
        """Stop: nothing runs here."""
        eventual(self._reactor, self._reactor.stop)
        return {"running": 0}

    def cancelShutdown(self, who: str = "") -> dict[str, Any]:
        """There is nothing to take back."""
        return {"cancelled": False}

    def _refuse(self, **params: object) -> None:
        """Refuse a command that needs the active master."""
        raise ControlError(self._where())

    def _where(self) -> str:
        """That I wait, and who is active."""
        told = self._place.report() or {}
        active = next((each["name"] for each in told.get("others", ()) if each["state"] == "active"), "")
        where = f"{active} is active: ask there" if active else "no master is active now"
        return f"this master waits as a standby; {where}"
