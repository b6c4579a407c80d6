# -*- test-case-name: tests.unit.store.test_actions -*-
"""The record of actions in memory, as a simple model of the record in SQL."""

from __future__ import annotations

import json
from dataclasses import replace

from buildbot.model.audit import Entry, KeptAnswer
from buildbot.store import actions
from buildbot.store.actions import isAbout


class MemoryActions:
    """I am the L{ActionCore<buildbot.store.actions.ActionCore>} of the store in memory."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._answers: dict[str, tuple[KeptAnswer, str]] = {}

    def addEntry(self, entry: Entry) -> None:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        self._entries.append(entry)
        if entry.number % actions.EVERY == 0:
            self._entries = [each for each in self._entries if each.number > entry.number - actions.MOST]

    def getEntries(self, count: int, before: int | None, subject: str | None, who: str | None) -> list[Entry]:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        found = [
            each
            for each in reversed(self._entries)
            if isAbout(each, subject, who) and (before is None or each.number < before)
        ]
        return found[:count]

    def lastEntry(self) -> int:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        return self._entries[-1].number if self._entries else 0

    def keepAnswer(self, name: str, kept: KeptAnswer, text: str, now: float) -> None:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        self._answers[name] = kept, text
        fresh = [each for each in self._answers.items() if each[1][0].until >= now]
        fresh.sort(key=lambda each: each[1][0].until)
        self._answers = dict(fresh[-actions.MOST_ANSWERS :])

    def getAnswer(self, name: str, now: float) -> KeptAnswer | None:
        """See L{ActionCore<buildbot.store.actions.ActionCore>}."""
        kept, text = self._answers.get(name, (None, ""))
        if kept is None or kept.until < now:
            return None
        return replace(kept, answer=json.loads(text))
