# -*- test-case-name: tests.unit.scripts.test_stopped -*-
"""Answer questions about a stopped master from its store, which is only read.

Each answer has the shape of the running master's. It tells nothing about slaves and schedulers, which only a
running master knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildbot.control.client import ControlError
from buildbot.control.lookingcommands import changeAnswer, changesAnswer, noChange
from buildbot.daemon import directory, lock
from buildbot.model.rows import MOST_ROWS, ChangeFilter, ChangeRow, fromCursor, pageOf
from buildbot.scripts.output import CommandFailed, complain
from buildbot.store.interface import StoreFailed
from buildbot.store.peek import Peek, hasStore, peeking

Params = Mapping[str, Any]


def canAnswer(here: str) -> bool:
    """True if the directory is that of a stopped master which has run before."""
    isMaster = directory.kindOf(directory.readTac(here)) is not directory.Kind.SLAVE
    return isMaster and lock.holder(here) is None and hasStore(here)


def answer(here: str, verb: str, params: Params) -> object:
    """The answer of a stopped master. Raises L{CommandFailed} if there is none."""
    complain(f"no buildmaster is running in {here}: this is what it has stored")
    try:
        with peeking(here) as store:
            return ANSWERS[verb](store, params)
    except StoreFailed as why:
        raise CommandFailed(why.reason) from None
    except (ControlError, ValueError) as why:
        raise CommandFailed(str(why)) from None


def _changes(store: Peek, params: Params) -> object:
    given = {name: value for name, value in params.items() if name not in ("count", "cursor")}
    count = max(1, min(int(params.get("count", 20)), MOST_ROWS))
    after = fromCursor(str(params.get("cursor", "")), int)
    before = None if after is None else after[0]
    rows = store.lists.getChangeRows(ChangeFilter(**given), count + 1, before)
    return changesAnswer(pageOf(rows, count, ChangeRow.place))


def _change(store: Peek, params: Params) -> object:
    number = params["number"]
    found = store.change(number)
    if found is None:
        (last,) = store.lists.getChangeRows(ChangeFilter(), 1, None) or (None,)
        raise noChange(number, last)
    return changeAnswer(found.toRecord(), store.lists.getRowsOfChanges([number], MOST_ROWS))


#: Each question that a stopped master answers.
ANSWERS: Mapping[str, Callable[[Peek, Params], object]] = {"changes": _changes, "change": _change}
