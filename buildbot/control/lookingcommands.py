# -*- test-case-name: tests.unit.control.test_lookingcommands -*-
"""The commands of the control socket that only look: changes, change.

Each answer is made of plain values, and its size is limited. docs/reference/control-socket explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from buildbot.control.client import ControlError
from buildbot.control.refusals import stored
from buildbot.model.rows import MOST_ROWS, BuildRow, ChangeFilter, ChangeRow, Page
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.asking import ask, otherwise, text
from buildbot.status.report import reportRequest, reportRow

#: The most builds of a change in one answer.
_BUILDS = 200
#: The keys of a change, as the API has them.
_CHANGE = (
    *("number", "who", "branch", "revision", "project", "repository", "category", "when", "comments"),
    *("files", "revlink", "codebase", "properties"),
)


class LookingCommands:
    """I answer questions about the changes of one master."""

    def __init__(self, botmaster: BotMaster, schedulers: Callable[[], Iterable[object]] = tuple) -> None:
        """@param schedulers: returns the running schedulers."""
        self._botmaster = botmaster
        self._schedulers = schedulers

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {"changes": self.changes, "change": self.change}

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
        rows = await stored(self._botmaster.store.getRowsOfChanges([number], _BUILDS))
        waiting = [
            {**reportRequest(request), "why": builder.whyWaiting() or "its build is about to start"}
            for builder in self._botmaster.getBuilders()
            for request in (*builder.starting, *builder.pending)
            if any(each.number == number for each in request.source.changes)
        ]
        pending = [each for each in self._schedulers() if number in otherwise(_numbers(each), ())]
        names = [otherwise(ask(each, "name", text), "") or type(each).__name__ for each in pending]
        return changeAnswer(found.toRecord(), rows, waiting, names)


def _numbers(scheduler: object) -> Any:
    """The numbers of the changes that a scheduler will build; it may come from a plug-in."""
    if not hasattr(type(scheduler), "getPendingBuildsets"):
        return ()
    return ask(
        scheduler,
        "getPendingBuildsets",
        lambda sets: {change.number for each in sets for change in each.getSourceStamp().changes},
    )


def changeFilter(
    branch: str | None = None,
    author: str | None = None,
    revision: str | None = None,
    project: str | None = None,
    repository: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> ChangeFilter:
    """The filter of C{changes}, by its parameters."""
    return ChangeFilter(
        branch=branch,
        project=project,
        repository=repository,
        author=author,
        since=since,
        until=until,
        abbreviated=revision,
    )


def changesAnswer(page: Page[ChangeRow]) -> dict[str, Any]:
    """A part of the list of changes."""
    return {"changes": [asdict(row) for row in page.rows], "next": page.next or None}


def changeAnswer(
    record: Mapping[str, Any],
    rows: Sequence[BuildRow],
    waiting: Sequence[Mapping[str, Any]] = (),
    pending: Sequence[str] = (),
) -> dict[str, Any]:
    """A change, from its record as a dict."""
    texts = ("project", "repository", "codebase", "who", "comments")
    return {
        **{key: record.get(key) for key in _CHANGE},
        **{key: record.get(key) or "" for key in texts},
        "files": list(record.get("files") or ()),
        "properties": record.get("properties") or {},
        "builds": [reportRow(row) for row in rows],
        "waiting": list(waiting),
        "pending": list(pending),
    }


def noChange(number: int, last: ChangeRow | None) -> ControlError:
    """The error for an unknown change."""
    there = "; there is no change yet" if last is None else f"; the newest one is {last.number}"
    return ControlError(f"there is no change {number}{there}")
