# -*- test-case-name: tests.unit.web.test_cache -*-
"""Finished answers of pages, kept until one of their topics changes: a page is made once for all who ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers
from buildbot.events.turns import Turns
from buildbot.status.topics import Topics
from buildbot.web.call import Answer
from buildbot.web.limited import Limited

#: The most bytes of all kept answers.
ROOM = 32 << 20
#: Seconds for which a page with running durations is kept.
AGING = 1.0
#: Seconds for which any page is kept.
LONGEST = 60.0
#: The most seconds for which the last answer is given out while a page is made again.
SPARE = 10.0
#: Making one costly page again and again takes at most this part of the time.
SHARE = 0.1


@dataclass(frozen=True)
class _Kept:
    answer: Answer
    version: str
    topics: tuple[str, ...]
    until: float
    fresh: float
    spare: float
    began: float


class PageCache:
    """I keep the answers of pages. Those that are too old are forgotten, also when nobody asks any more."""

    def __init__(self, topics: Topics, clock: Timers) -> None:
        self._topics = topics
        self._clock = clock
        self._alarm = Alarm(self._sweep)
        self._isStopped = False
        self._kept: Limited[Hashable, _Kept] = Limited(ROOM)
        self._making: dict[Hashable, Turns] = {}
        self._acted = -inf  # the time of the last action

    def version(self, topics: tuple[str, ...]) -> str:
        """The version of what these topics show. Ask for it before the page is made."""
        return self._topics.etag(*topics)

    def get(self, key: Hashable, now: float) -> Answer | None:
        """The kept answer, if nothing that it shows has changed.

        A costly page is given out for up to a second although something has changed.
        """
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now < kept.fresh and kept.began >= self._acted:
            return kept.answer
        if kept.until < now or self.version(kept.topics) != kept.version:
            if kept.spare < now:
                self._kept.drop(key)
            return None
        self._kept.touch(key)
        return kept.answer

    def meanwhile(self, key: Hashable, now: float) -> Answer | None:
        """The last answer, for those who would wait while somebody makes it again.

        On a busy master that takes long. The answer is given out as long as it took to make it.
        """
        kept = self._kept.get(key) if key in self._making else None
        isRecent = kept is not None and now < kept.spare and kept.began >= self._acted
        return kept.answer if kept is not None and isRecent else None

    def acted(self) -> None:
        """Somebody has done something: from now on, give out no earlier answer that may not show it."""
        self._acted = self._clock.seconds()

    def put(
        self,
        key: Hashable,
        answer: Answer,
        topics: tuple[str, ...],
        version: str,
        until: float,
        fresh: float = 0.0,
        began: float | None = None,
    ) -> None:
        """Keep an answer that was begun at C{version}.

        @param until: the time after which it is made again.
        @param fresh: the time until which it is given out whatever has changed.
        @param began: the time when it was begun; None: now.
        """
        now = self._clock.seconds()
        began = now if began is None else began
        spare = now + min(SPARE, now - began)
        self._kept.put(key, _Kept(answer, version, topics, until, fresh, spare, began), len(answer.body))
        if not self._alarm.isSet and not self._isStopped:
            self._alarm.set(self._clock, LONGEST)

    def _sweep(self) -> None:
        now = self._clock.seconds()
        if self._kept.dropIf(lambda kept: max(kept.until, kept.fresh, kept.spare) < now):
            self._alarm.set(self._clock, LONGEST)

    def stop(self) -> None:
        """Forget no more answers: the web server has stopped."""
        self._isStopped = True
        self._alarm.stop()

    @asynccontextmanager
    async def one(self, key: Hashable) -> AsyncIterator[None]:
        """Wait until nobody else makes the answer with this key. Then look for the kept answer again."""
        turns = self._making.setdefault(key, Turns())
        try:
            async with turns:
                yield
        finally:
            if turns.isFree:
                self._making.pop(key, None)
