# -*- test-case-name: tests.stories.test_admin,tests.unit.control.test_protocol -*-
"""The commands of the control socket about the master as a whole: status, reconfig, progress.

Each answer is made of plain values. docs/reference/control-socket explains them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.control.refusals import noSlave
from buildbot.process.cleanstop import CleanStop
from buildbot.reconfig.reconfigurer import Reconfigurer
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective
from buildbot.status.happenings import LONGEST
from buildbot.status.report import failingBuilders, reportSlave
from buildbot.status.topics import MASTER, QUEUE, Topics

#: Seconds that C{buildbot reconfig} waits for slaves to accept their new builder lists.
ACCEPT_TIME = 1.0
#: Seconds between two checks of the slaves during that time.
_LOOK = 0.05


class MasterCommands:
    """I carry out the commands about one master."""

    def __init__(
        self,
        report: Callable[[], dict[str, Any]],
        botmaster: BotMaster,
        reconfigurer: Reconfigurer[Any],
        cleanStop: CleanStop,
        topics: Topics,
    ) -> None:
        """@param report: the state of the master; see L{buildbot.status.report.reportMaster}."""
        self._cleanStop = cleanStop
        self._topics = topics
        self._report = report
        self._botmaster = botmaster
        self._reconfigurer = reconfigurer

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {
            "status": self.status,
            "reconfig": self.reconfig,
            "progress": self._reconfigurer.progress,
            "shutdown": self.shutdown,
            "cancelshutdown": self.cancelShutdown,
        }

    def status(self, slave: str | None = None) -> dict[str, Any]:
        """The state of the master and of all slaves, or of one."""
        return {"master": self._report(), "slaves": [reportSlave(each) for each in self._chosen(slave)]}

    def _chosen(self, name: str | None) -> list[BotPerspective]:
        """One slave, or all of them. Raises L{ControlError} if there is no such slave."""
        if name is None:
            return list(self._botmaster.slaves.values())
        perspective = self._botmaster.getPerspective(name)
        if perspective is None:
            raise noSlave(name, self._botmaster.slaves)
        return [perspective]

    async def reconfig(
        self,
        dryRun: bool = False,
        timeout: float | None = None,
        drain: bool = False,
        who: str = "",
        hungUp: Deferred[None] | None = None,
    ) -> dict[str, Any]:
        """Reconfigure; see L{Reconfigurer.request}.

        @param hungUp: fires if the client disconnects before the answer.
        @return: the outcome. C{pending} lists the slaves that have not accepted their new builder list within
            ACCEPT_TIME seconds (R10).
        """
        asked = self._reconfigurer.request(dryRun, timeout, drain, who=str(who))
        if hungUp is not None:
            hungUp.addCallback(lambda ignored: asked.cancel())
        outcome = await asked
        outcome["pending"] = await self._stillPending(outcome["pending"])
        if outcome["applied"]:
            for perspective in self._botmaster.failing():
                outcome["warnings"] += failingBuilders(perspective)
        return outcome

    async def shutdown(self, who: str = "") -> dict[str, Any]:
        """Start no further builds, and stop after the running builds. A second request changes nothing.

        @return: C{running}, the number of builds that the master waits for.
        """
        running = self._botmaster.engine.keeping
        if self._cleanStop.begin(who):
            self._happened("shutdownBegan", who)
        return {"running": running}

    async def cancelShutdown(self, who: str = "") -> dict[str, Any]:
        """Cancel a L{shutdown}.

        @return: C{cancelled}: False without a shutdown to cancel.
        """
        cancelled = self._cleanStop.cancel()
        if cancelled:
            self._happened("shutdownCancelled", who)
        return {"cancelled": cancelled}

    def _happened(self, event: str, who: str) -> None:
        self._topics.happened(event, (MASTER, QUEUE), {"who": who[:LONGEST]})

    async def _stillPending(self, names: list[str]) -> list[str]:
        """The slaves that have not accepted their new builder lists after ACCEPT_TIME seconds."""
        patience = ACCEPT_TIME
        while names and patience > 0:
            await self._botmaster.resources.sleep(_LOOK)
            patience -= _LOOK
            slaves = self._botmaster.slaves
            told = [slaves[name] for name in names if name in slaves]
            names = [slave.slavename for slave in told if slave.isPending()]
        return names
