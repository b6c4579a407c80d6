"""Weaker protocols for the masters of L{tests.benchmarks.failover}: its audit must find each of them.

The buildbot.tac of such a master calls L{install}, which replaces parts of the package in that process alone.

  - C{fence}: a write does not look whether another master has taken over, and the end of a build and of a
    request asks for its number alone
  - C{row}: a write looks, but does not hold the row that it has seen
  - C{sequence}: changes get their numbers from a sequence of the database
  - C{answer}: a COMMIT without an answer counts as a failure

C{hold} weakens nothing. It lets a directed schedule stop a master at L{POINTS}.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from buildbot.cluster import fence, membership, places
from buildbot.store import sql
from buildbot.store.columns import changeValues
from buildbot.store.interface import StoreFailed
from buildbot.store.seams import Connection, OutcomeUnknown

#: The files of a directed schedule, in the directory of a master: one asks it to stop at a point, the other
#: one says that it has stopped.
WANTED, STOPPED = "stop-at-{point}", "stopped-at-{point}"
#: Before the commit of a transaction that keeps a change, or begins a build; before a beat; and in a
#: takeover, after the sessions of the old master were ended.
POINTS = ("addChange", "startBuild", "beat", "takeover")


def install(names: Sequence[str], basedir: str) -> None:
    """Weaken this process. Raises KeyError for an unknown name."""
    for each in names:
        WEAKENINGS[each](basedir)


def _withoutFence(basedir: str) -> None:
    from buildbot.store import pgdriver

    def pass_(self: fence.Fence, connection: Connection) -> None:
        """Anybody may write."""

    weak: Any = fence.Fence
    weak.__call__ = pass_
    driver: Any = pgdriver.PostgresDriver
    driver._mustBeMine = lambda self, session: None
    strings: Any = pgdriver
    strings._SETTLE = pgdriver._SETTLE.replace("FROM store WHERE opened = $2 FOR SHARE", "WHERE $2 > 0")
    ends: Any = sql
    for name in ("_SAVE_OUTCOME", "_END_BUILD"):
        setattr(sql, name, getattr(sql, name).replace(" AND finished IS NULL", ""))
    ends._SERVED = "builder = ? AND ? >= 0"


def _withoutRow(basedir: str) -> None:
    weak: Any = fence
    weak.FENCE = places.FENCE.replace(" FOR KEY SHARE", "")


def _withSequence(basedir: str) -> None:
    def addChange(
        self: sql.SqlCore, change: Any, came: float | None, text: str, state: dict[str, str]
    ) -> Any:
        row = self._execute("SELECT nextval('change_numbers')", ()).fetchone()
        number = int(row[0])
        when = change.when if came is None else came
        self._changeOne(sql._ADD_CHANGE, (number, when, *changeValues(change), text))
        for key, value in state.items():
            self.setState(key, value)
        return change.numbered(number, came)

    weak: Any = sql.SqlCore
    weak.addChange = addChange


def _withoutAnswer(basedir: str) -> None:
    from buildbot.store import pgdriver

    sound = pgdriver.PostgresDriver.transaction

    @contextmanager
    def transaction(self: Any, isWriting: bool) -> Iterator[Connection]:
        try:
            with sound(self, isWriting) as connection:
                yield connection
        except OutcomeUnknown as unknown:
            raise StoreFailed(str(unknown)) from unknown

    weak: Any = pgdriver.PostgresDriver
    weak.transaction = transaction


def _hold(basedir: str) -> None:
    """Stop at the points that a directed schedule wants, until it does not want them any more."""
    core: Any = sql.SqlCore
    reached: set[str] = set()  # in the present transaction

    def watched(name: str) -> Callable[..., Any]:
        sound = getattr(core, name)

        def method(self: sql.SqlCore, *values: Any) -> Any:
            reached.add(name)
            return sound(self, *values)

        return method

    for name in ("addChange", "startBuild"):
        setattr(core, name, watched(name))
    soundEnd = core.end

    def end(self: sql.SqlCore) -> None:
        soundEnd(self)
        for name in sorted(reached):
            _stopAt(basedir, name)
        reached.clear()

    core.end = end
    taking: Any = places.Places
    soundBegin, soundBeat = taking.begin, taking.beat

    def begin(self: places.Places, connection: Connection, isPostponing: bool = True) -> None:
        soundBegin(self, _Holding(connection, basedir), isPostponing)

    def beat(self: places.Places, epoch: int) -> Any:
        _stopAt(basedir, "beat")
        return soundBeat(self, epoch)

    taking.begin, taking.beat = begin, beat
    member: Any = membership.Membership
    soundOverdue = member._overdue

    def overdue(self: Any) -> None:
        if os.path.exists(os.path.join(basedir, WANTED.format(point="beat"))):
            self._late.set(self._reactor, self._lease.terms.beat)  # it has not noticed yet
        else:
            soundOverdue(self)

    member._overdue = overdue


class _Holding:
    """I am the connection of a takeover."""

    def __init__(self, connection: Connection, basedir: str) -> None:
        self._connection = connection
        self._basedir = basedir
        self.executemany = connection.executemany

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        """Run a statement, and stop after the one that ends sessions."""
        cursor = self._connection.execute(statement, values)
        if "pg_terminate_backend" in statement:
            _stopAt(self._basedir, "takeover")
        return cursor


def _stopAt(basedir: str, point: str) -> None:
    wanted, stopped = (os.path.join(basedir, each.format(point=point)) for each in (WANTED, STOPPED))
    if os.path.exists(wanted):
        with open(stopped, "w"):
            pass
        while os.path.exists(wanted):
            time.sleep(0.01)
        os.unlink(stopped)


WEAKENINGS: dict[str, Callable[[str], None]] = {
    "fence": _withoutFence,
    "row": _withoutRow,
    "sequence": _withSequence,
    "answer": _withoutAnswer,
    "hold": _hold,
}
