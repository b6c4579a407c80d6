# -*- test-case-name: tests.unit.store.test_actions -*-
"""The record of actions and the answers to actions in SQL; the upgrade of the record from earlier schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import Any

from twisted.logger import Logger

from buildbot.model.audit import Entry, KeptAnswer
from buildbot.store import actions
from buildbot.store.seams import Connection, Cursor, Value

_log = Logger()

_COLUMNS = "number, made, who, how, address, action, subject, outcome, detail"
_ADD = f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
#: The keys of the states that held the entries before schema 4.
_OLD = "audit/"


class SqlActions:
    """I am the L{ActionCore<buildbot.store.actions.ActionCore>} of stores that have a database.

    @param execute: runs one statement in the current transaction.
    """

    def __init__(self, execute: Callable[[str, Sequence[Value]], Cursor]) -> None:
        self._execute = execute

    def addEntry(self, entry: Entry) -> None:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        self._execute(_ADD, _valuesOf(entry))
        if entry.number % actions.EVERY == 0:
            self._execute("DELETE FROM audit WHERE number <= ?", (entry.number - actions.MOST,))

    def getEntries(self, count: int, before: int | None, subject: str | None, who: str | None) -> list[Entry]:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        conditions: list[str] = []
        values: list[Value] = []
        for condition, value in (("number < ?", before), ("who = ?", who)):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if subject is not None:
            # "0" is the next character after "/".
            conditions.append("(subject = ? OR (subject > ? AND subject < ?))")
            values += (subject, f"{subject}/", f"{subject}0")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._execute(
            f"SELECT {_COLUMNS} FROM audit{where} ORDER BY number DESC LIMIT ?", (*values, count)
        )
        return [_entryOf(row) for row in rows]

    def lastEntry(self) -> int:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        (number,) = self._execute("SELECT MAX(number) FROM audit", ()).fetchone()
        return number or 0

    def keepAnswer(self, name: str, kept: KeptAnswer, text: str, now: float) -> None:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        self._execute("DELETE FROM answers WHERE until < ? OR name = ?", (now, name))
        self._execute(
            "DELETE FROM answers WHERE name IN (SELECT name FROM answers ORDER BY until DESC"
            " LIMIT 1000 OFFSET ?)",
            (actions.MOST_ANSWERS - 1,),
        )
        self._execute(
            "INSERT INTO answers (name, until, asked, record) VALUES (?, ?, ?, ?)",
            (name, kept.until, kept.asked, text),
        )

    def getAnswer(self, name: str, now: float) -> KeptAnswer | None:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        rows = self._execute(
            "SELECT until, asked, record FROM answers WHERE name = ? AND until >= ?", (name, now)
        )
        found = next(iter(rows), None)
        if found is None:
            return None
        until, asked, text = found
        try:
            return KeptAnswer(until, asked, dict(json.loads(text)))
        except (TypeError, ValueError):
            _log.warn("a kept answer is unreadable")
            return None


def _valuesOf(entry: Entry) -> tuple[Value, ...]:
    return (
        *(entry.number, entry.when, entry.who, entry.how, entry.address),
        *(entry.action, entry.subject, entry.outcome, entry.detail),
    )


def _entryOf(row: Sequence[Any]) -> Entry:
    number, when, who, how, address, action, subject, outcome, detail = row
    return Entry(when, who, how, address, action, subject, outcome, detail, number)


def moveAudit(connection: Connection) -> None:
    """Move the entries from the states of earlier schemas to their table, and number them."""
    found = connection.execute(
        "SELECT value FROM state WHERE substr(name, 1, ?) = ? ORDER BY name", (len(_OLD), _OLD)
    )
    entries = [each for (text,) in list(found) for each in _readable(text)]
    connection.executemany(_ADD, [(number, *each) for number, each in enumerate(entries, 1)])
    connection.execute("DELETE FROM state WHERE substr(name, 1, ?) = ?", (len(_OLD), _OLD))


def _readable(text: str) -> Iterator[tuple[Any, ...]]:
    """The values of the entries of one chunk. Unreadable ones are left out."""
    try:
        chunk = json.loads(text)
    except (ValueError, RecursionError):
        chunk = None
    for each in chunk if isinstance(chunk, list) else ():
        try:
            texts = [each[name] for name in ("who", "how", "address", "action", "subject")]
            texts += [each.get("outcome", "done"), each.get("detail", "")]
            when = float(each["when"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            continue
        if isfinite(when) and all(isinstance(word, str) for word in texts):
            yield (when, *(word.encode("utf-8", "replace").decode() for word in texts))
