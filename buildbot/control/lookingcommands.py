# -*- test-case-name: tests.unit.control.test_lookingcommands -*-
"""The commands of the control socket that only look: changes, change, slave, schedulers.

Each answer is made of plain values, and its size is limited. docs/reference/control-socket explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.control.answers import changeAnswer, changeFilter, changesAnswer, noChange
from buildbot.control.buildcommands import BuildCommands
from buildbot.control.client import ControlError
from buildbot.control.refusals import stored
from buildbot.control.waiting import reportAll, waitingOf
from buildbot.model.rows import MOST_ROWS, BuildRow
from buildbot.schedulers.outlook import nameOf, reportSchedulers
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.asking import ask, otherwise
from buildbot.status.report import reportSlave

#: The most builds of a change in one answer.
_BUILDS = 200


class LookingCommands:
    """I answer questions about the changes, slaves and schedulers of one master."""

    def __init__(self, botmaster: BotMaster, schedulers: Callable[[], Iterable[object]] = tuple) -> None:
        """@param schedulers: returns the running schedulers."""
        self._botmaster = botmaster
        self._schedulers = schedulers

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {
            "changes": self.changes,
            "change": self.change,
            "slave": self.slave,
            "schedulers": self.schedulers,
        }

    async def changes(
        self,
        count: int = 20,
        cursor: str = "",
        branch: str | None = None,
        author: str | None = None,
        revision: str | None = None,
        project: str | None = None,
        repository: str | None = None,
        since: float | None = None,
        until: float | None = None,
    ) -> dict[str, Any]:
        """The changes that meet all conditions, the newest first.

        @param count: the most changes, up to L{MOST_ROWS}.
        @param cursor: C{next} of the answer before; "" for the newest.
        @param revision: the whole revision, or the beginning of a hash.
        @param author: a part of the name of the author.
        @param since: the earliest arrival; C{until}: the arrival must be earlier.
        """
        wanted = changeFilter(branch, author, revision, project, repository, since, until)
        try:
            page = await stored(
                self._botmaster.store.getChangeRows(wanted, max(1, min(count, MOST_ROWS)), cursor)
            )
        except ValueError as why:
            raise ControlError(str(why)) from None
        return changesAnswer(page)

    async def change(self, number: int) -> dict[str, Any]:
        """One change, with its builds, its waiting requests, and the schedulers that will build it."""
        found = await stored(self._botmaster.store.getChange(number))
        if found is None:
            (last,) = (await stored(self._botmaster.store.getChangeRows(count=1))).rows or (None,)
            raise noChange(number, last)
        rows, waiting, pending = await self.became(number)
        return changeAnswer(found.toRecord(), rows, waiting, pending)

    async def became(self, number: int) -> tuple[list[BuildRow], list[dict[str, Any]], list[str]]:
        """What became of a change: its builds, its waiting requests, the schedulers that will build it."""
        rows = await stored(self._botmaster.store.getRowsOfChanges([number], _BUILDS))
        waiting = reportAll(await stored(ensureDeferred(waitingOf(self._botmaster, number))))
        pending = [each for each in self._schedulers() if number in otherwise(_numbers(each), ())]
        return rows, waiting, list(map(nameOf, pending))

    async def slave(self, slave: str, count: int = 10) -> dict[str, Any]:
        """One slave, with its running builds, and its latest finished ones, the newest first.

        @param slave: its name; it may be that of a removed slave whose builds are still there.
        """
        builds = await BuildCommands(self._botmaster).builds(slave=slave, count=count)
        perspective = self._botmaster.getPerspective(slave)
        return {
            "slave": None if perspective is None else reportSlave(perspective),
            **{name: builds[name] for name in ("running", "finished")},
        }

    def schedulers(self) -> dict[str, Any]:
        """The schedulers, those that build next first."""
        told = reportSchedulers(self._schedulers(), self._botmaster.config.builders)
        return {"schedulers": sorted(told, key=lambda each: (each["due"] is None, each["due"] or 0.0))}


def _numbers(scheduler: object) -> Any:
    """The numbers of the changes that a scheduler will build; it may come from a plug-in."""
    if not hasattr(type(scheduler), "getPendingBuildsets"):
        return ()
    return ask(
        scheduler,
        "getPendingBuildsets",
        lambda sets: {change.number for each in sets for change in each.getSourceStamp().allChanges()},
    )
