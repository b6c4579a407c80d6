"""A fake service that runs in a daemon instead of a master, and behaves as its options say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import cast

from twisted.application import service
from twisted.internet import defer, reactor, task
from twisted.logger import Logger
from zope.interface import implementer

from buildbot.control.protocol import COMMANDS
from buildbot.control.server import ControlError, ControlServer
from buildbot.daemon.readiness import IReadiness, StartFailed
from buildbot.events.reactors import SocketReactor

log = Logger()

#: The text of a directory's buildbot.tac; C{before} is Python text.
TAC = """\
import os
from twisted.application import service
from tests.integration.fakeservice import FakeMaster

basedir = os.path.dirname(os.path.abspath(__file__))
{before}
application = service.Application('buildmaster')
FakeMaster(basedir, **{options!r}).setServiceParent(application)
"""


@implementer(IReadiness)
class FakeMaster(service.MultiService):
    """I become ready after a time, or fail; and I stop, or do not."""

    def __init__(
        self,
        basedir: str,
        readyAfter: float = 0.0,
        fails: tuple[str, ...] = (),
        raises: str = "",
        neverStops: bool = False,
        blocksOnStop: float = 0.0,
        prints: str = "",
    ) -> None:
        """@param readyAfter: seconds.
        @param fails: the lines to fail with, instead of becoming ready.
        @param raises: the message of an exception in startService.
        @param neverStops: True if stopService never ends.
        @param blocksOnStop: seconds for which the reactor is blocked by a stop.
        @param prints: text written to descriptor 2 on each C{status}, not through Python.
        """
        super().__init__()
        self.setName("fake")
        self.readyAfter = readyAfter
        self.fails = fails
        self.raises = raises
        self.neverStops = neverStops
        self.blocksOnStop = blocksOnStop
        self.prints = prints
        handlers: dict[str, Callable[..., object]] = {
            "status": self.status,
            "reconfig": self.reconfig,
            "disconnect": self.disconnect,
        }
        commands = {name: COMMANDS[name] for name in handlers}
        ControlServer(basedir, handlers, cast(SocketReactor, reactor), commands).setServiceParent(self)

    async def _ready(self) -> list[str]:
        await task.deferLater(reactor, self.readyAfter)
        if self.fails:
            raise StartFailed(self.fails)
        return ["slaves: none at all"]

    def whenReady(self) -> defer.Deferred[list[str]]:
        """See L{IReadiness}."""
        return defer.Deferred.fromCoroutine(self._ready())

    def startService(self) -> None:
        """Start, or raise."""
        if self.raises:
            raise ValueError(self.raises)
        super().startService()

    def stopService(self) -> defer.Deferred[object]:
        """Stop, or not."""
        time.sleep(self.blocksOnStop)
        stopped = defer.maybeDeferred(super().stopService)
        return defer.Deferred() if self.neverStops else stopped

    def status(self, slave: str | None = None) -> dict[str, object]:
        """A master without slaves."""
        if slave is not None:
            raise ControlError(f"no slave {slave!r} in c['bots']")
        log.info("asked for the status")
        os.write(2, self.prints.encode())
        master = {"pid": os.getpid(), "since": 0.0, "version": "0", "basedir": "/", "projectName": None}
        counts = {"generation": 1, "ports": [], "slaves": 0, "connected": 0, "builders": 0}
        return {"master": {**master, **counts}, "slaves": []}

    async def reconfig(
        self, dryRun: bool = False, timeout: float | None = None, who: str = ""
    ) -> dict[str, object]:
        """Take C{timeout} seconds."""
        log.info("a reconfig takes {seconds} s", seconds=timeout)
        await task.deferLater(reactor, timeout or 0.0)
        lists = dict.fromkeys(("changes", "warnings", "errors", "pending"), ())
        return {"generation": 2, "applied": True, "output": "", **lists}

    def disconnect(self, slave: str) -> dict[str, object]:
        """Do nothing: no client is connected."""
        return {"disconnected": False, "address": None}
