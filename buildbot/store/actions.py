# -*- test-case-name: tests.unit.store.test_actions -*-
"""The interface of the store for the record of actions and for answers to repeated actions."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import astuple
from typing import TYPE_CHECKING, Protocol, TypeVar

from twisted.internet import defer
from zope.interface import Interface

from buildbot.model.audit import Entry, KeptAnswer
from buildbot.model.rows import Page, checkCount, fromCursor, pageOf

if TYPE_CHECKING:  # only the type checker needs this import
    from twisted.internet.defer import Deferred

_T = TypeVar("_T")

#: The most entries in the store; older ones are deleted.
MOST = 100_000
#: Old entries are deleted after this many new entries.
EVERY = 100
#: The largest number of kept answers.
MOST_ANSWERS = 10_000


class IActions(Interface):
    """I keep the record of actions, and answers to actions.

    Every method returns a Deferred. It fails with L{buildbot.store.interface.StoreFailed}, and with
    ValueError if a count or a cursor is not valid, or a value cannot be stored.
    """

    def addEntry(entry: Entry) -> Deferred[None]:
        """Store an entry. Its number must be higher than all earlier ones. The oldest entries are deleted."""

    def getEntries(
        count: int = 100, cursor: str = "", subject: str | None = None, who: str | None = None
    ) -> Deferred[Page[Entry]]:
        """Fires with entries, the highest number first.

        @param subject: only entries about this subject, or about a part of it.
        """

    def lastEntry() -> Deferred[int]:
        """Fires with the highest number of an entry; 0 without entries."""

    def keepAnswer(name: str, kept: KeptAnswer, now: float) -> Deferred[None]:
        """Store an answer, and delete expired answers."""

    def getAnswer(name: str, now: float) -> Deferred[KeptAnswer | None]:
        """Fires with the answer of this name; None if it does not exist or has expired."""


class ActionCore(Protocol):
    """I do the work of L{IActions} synchronously.

    @cvar getEntries: its C{before} is the number of the last entry of the previous page.
    """

    def addEntry(self, entry: Entry) -> None: ...
    def getEntries(
        self, count: int, before: int | None, subject: str | None, who: str | None
    ) -> list[Entry]: ...
    def lastEntry(self) -> int: ...
    def keepAnswer(self, name: str, kept: KeptAnswer, text: str, now: float) -> None: ...
    def getAnswer(self, name: str, now: float) -> KeptAnswer | None: ...


class Actions:
    """I am the front of L{IActions}: I check arguments."""

    _actions: ActionCore

    @abstractmethod
    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Run work of my core that only reads, after all earlier calls."""

    @abstractmethod
    def _write(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Run work of my core that may write."""

    def addEntry(self, entry: Entry) -> Deferred[None]:
        """See L{IActions}."""
        try:
            for each in astuple(entry):
                if isinstance(each, str):
                    each.encode()
        except UnicodeEncodeError:
            return defer.fail()
        return self._write(lambda: self._actions.addEntry(entry))

    def getEntries(
        self, count: int = 100, cursor: str = "", subject: str | None = None, who: str | None = None
    ) -> Deferred[Page[Entry]]:
        """See L{IActions}."""
        try:
            more, after = checkCount(count) + 1, fromCursor(cursor, int)
            before = None if after is None else after[0]
        except ValueError:
            return defer.fail()
        return self._read(
            lambda: pageOf(self._actions.getEntries(more, before, subject, who), count, _placeOf)
        )

    def lastEntry(self) -> Deferred[int]:
        """See L{IActions}."""
        return self._read(lambda: self._actions.lastEntry())

    def keepAnswer(self, name: str, kept: KeptAnswer, now: float) -> Deferred[None]:
        """See L{IActions}."""
        try:
            text = json.dumps(kept.answer)
        except (TypeError, ValueError):
            return defer.fail()
        return self._write(lambda: self._actions.keepAnswer(name, kept, text, now))

    def getAnswer(self, name: str, now: float) -> Deferred[KeptAnswer | None]:
        """See L{IActions}."""
        return self._read(lambda: self._actions.getAnswer(name, now))


def _placeOf(entry: Entry) -> tuple[int]:
    return (entry.number,)


def isAbout(entry: Entry, subject: str | None, who: str | None) -> bool:
    """True if an entry is about a subject or a part of it, and by a person. None matches everything."""
    isIt = subject is None or entry.subject == subject or entry.subject.startswith(f"{subject}/")
    return isIt and who in (None, entry.who)
