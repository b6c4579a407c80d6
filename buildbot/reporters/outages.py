# -*- test-case-name: tests.stories.test_mail -*-
"""Outages of builders: the failed builds in a row, so that all mails about them are one thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from buildbot.reporters.broken import BROKEN, NEUTRAL
from buildbot.status.build import BuildStatus

#: The builds that are read at a time, and how many at most for one outage.
PAGE = 20
MOST = 400

#: Reads finished builds of a builder: (name, count, only builds before this number), newest first.
Fetch = Callable[[str, int, "int | None"], Awaitable[list[BuildStatus]]]


class Outages:
    """I find the build before another one, and the first build of an outage."""

    def __init__(self, fetch: Fetch) -> None:
        """@param fetch: reads finished builds; see L{Fetch}."""
        self._fetch = fetch
        self._first: dict[str, BuildStatus] = {}
        self._last: dict[str, BuildStatus] = {}  # the last build of each builder that says something

    async def before(self, build: BuildStatus) -> BuildStatus | None:
        """The finished build before another one, without those that say nothing; None if there is none."""
        name = build.getBuilder().getName()
        last = self._last.get(name)
        if last is None or last.number != build.number - 1:
            last = await self._read(build)
        if build.getResults() not in NEUTRAL:
            self._last[name] = build
        return last

    async def _read(self, build: BuildStatus) -> BuildStatus | None:
        place: int | None = build.number
        for _ in range(MOST // PAGE):
            page = await self._fetch(build.getBuilder().getName(), PAGE, place)
            for each in page:
                if each.getResults() not in NEUTRAL:
                    return each
            if not page:
                return None
            place = page[-1].number
        return None

    async def first(self, build: BuildStatus, before: BuildStatus | None) -> BuildStatus | None:
        """The first failed build of the outage that a build goes on with, ends or begins.

        @param before: the build before it; see L{before}.
        @return: None if neither the build nor the one before has failed.
        """
        name = build.getBuilder().getName()
        isBroken = build.getResults() in BROKEN
        if before is None or before.getResults() not in BROKEN:
            self._first.pop(name, None)
            if isBroken:
                self._first[name] = build
                return build
            return None
        known = self._first.get(name)
        if known is None or known.number > before.number:
            known = await self._walked(before)
        if isBroken:
            self._first[name] = known
        else:
            self._first.pop(name, None)
        return known

    async def _walked(self, build: BuildStatus) -> BuildStatus:
        first = build
        for _ in range(MOST):
            before = await self.before(first)
            if before is None or before.getResults() not in BROKEN:
                break
            first = before
        return first
