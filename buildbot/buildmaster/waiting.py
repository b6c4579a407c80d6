# -*- test-case-name: tests.unit.buildmaster.test_waiting -*-
"""A master that waits for its place, and then opens the store.

Its control socket says so, and can stop it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from buildbot import version
from buildbot.buildmaster.standing import ActivePlace
from buildbot.config.model import MasterConfig
from buildbot.control.client import STANDS_BY, ControlError
from buildbot.control.diskuse import uncounted
from buildbot.control.protocol import COMMANDS
from buildbot.control.server import ControlServer
from buildbot.daemon.readiness import notifyState
from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Troubles, reportTroubles
from buildbot.events.eventual import eventual
from buildbot.store.interface import SchemaTooNew, StoreFailed, StoreFenced

#: The seconds between two attempts to open the store.
PAUSE = 5.0
#: The subject of the trouble meanwhile.
_SUBJECT = "takeover"


class WaitingControl:
    """I wait for the place of a master and its store, and answer meanwhile.

    @ivar inThread: calls a function in a thread, as L{deferToThread} does.

    @param config: the configuration that it has loaded.
    @param troubles: its list of troubles.
    """

    def __init__(
        self, basedir: str, reactor: Any, place: ActivePlace, config: MasterConfig, troubles: Troubles
    ) -> None:
        self._basedir = basedir
        self._reactor = reactor
        self._place = place
        self._config = config
        self._troubles = troubles
        self._reason = ""  # why the store could not be opened
        self._isStopped = False
        self._pause: Deferred[None] | None = None
        self._since = time.time()
        self.inThread: Callable[..., Deferred[Any]] = deferToThread
        self._server = ControlServer(basedir, self.handlers(), reactor, COMMANDS)

    async def take(
        self, ready: Callable[[list[str]], object], opens: Callable[[bool], Awaitable[None]]
    ) -> bool:
        """As L{ActivePlace.take}, and listen while the master waits. Then open the store.

        Nobody sees it if a master that has waited cannot open the store. So it tries again.

        @param opens: opens the store, or raises L{StoreFailed}. Its argument is True if this master has
            waited, and so takes over from another one.
        """

        def waits(lines: list[str]) -> None:
            self._server.startService()
            found = [each.symptom for each in self._troubles.current()]  # its disk may be full
            ready([*lines, *(f"warning: {each.what}: {each.why}" for each in found)])

        hasWaited = await self._place.take(waits)
        if hasWaited:
            await self._open(opens)
        else:
            await opens(False)
        await self._listenNoMore()
        return hasWaited

    async def stop(self) -> None:
        """Wait no more, and listen no more."""
        self._isStopped = True
        if self._pause is not None:
            self._pause.cancel()
        await self._listenNoMore()

    async def _open(self, opens: Callable[[bool], Awaitable[None]]) -> None:
        """Open the store, however long that takes. Between two attempts, another master may get the place.

        @raise CancelledError: this master stops.
        @raise StoreFenced: this master has lost its place.
        """
        while True:
            try:
                if self._place.membership is None:
                    await self._place.take(self._waitsAgain)
                await opens(True)
            except StoreFenced:
                raise
            except StoreFailed as why:
                self._tell(why)
            else:
                break
            await self._place.giveWay()
            self._mustRun()
            self._pause = deferLater(self._reactor, PAUSE)
            await self._pause
            self._pause = None
        self._mustRun()
        self._troubles.clear(_SUBJECT)

    def _mustRun(self) -> None:
        if self._isStopped:
            raise CancelledError

    def _tell(self, failed: StoreFailed) -> None:
        """Say why the store cannot be opened."""
        reason = failed.reason
        if reason != self._reason:
            notifyState([f"cannot take over: {reason}"], os.environ)
        self._reason = reason
        cure = f"mend that: this master tries again every {PAUSE:.0f} s"
        if isinstance(failed, SchemaTooNew):
            cure = "install that release here, too, and restart this master; or start one that has it"
        self._troubles.report(
            _SUBJECT, Symptom("this master cannot open the store to take over", reason, cure)
        )

    def _waitsAgain(self, lines: list[str]) -> None:
        """Another master was able to take over."""
        self._reason = ""
        self._troubles.clear(_SUBJECT)
        notifyState(lines, os.environ)

    async def _listenNoMore(self) -> None:
        if self._server.running:
            await maybeDeferred(self._server.stopService)

    def handlers(self) -> Mapping[str, Callable[..., object]]:
        """A handler for each command."""
        known: dict[str, Callable[..., object]] = {
            "status": self.status,
            "shutdown": self.shutdown,
            "cancelshutdown": self.cancelShutdown,
            "reconfig": self.reconfig,
            "disk": self.disk,
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
                "pages": [],
                "slaves": len(self._config.slaves),
                "connected": 0,
                "builders": len(self._config.builders),
                "troubles": reportTroubles(self._troubles),
                "masters": self._place.report(),
            },
            "slaves": [],
        }

    def disk(self, **limits: object) -> Deferred[dict[str, Any]]:
        """What takes room on this machine. The active master knows the limits, and what will be removed."""
        return self.inThread(uncounted, self._basedir)

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
        if self._reason:
            return f"{STANDS_BY}; it takes over, but cannot open the store yet: {self._reason}"
        active = next((each["name"] for each in told.get("others", ()) if each["state"] == "active"), "")
        where = f"{active} is active: ask there" if active else "no master is active now"
        return f"{STANDS_BY}; {where}"
