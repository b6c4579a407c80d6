# -*- test-case-name: tests.stories.test_webblame -*-
"""Since when is a builder broken, and by which changes: those between its last good and first bad build."""

from __future__ import annotations

from dataclasses import dataclass

from buildbot.model.rows import BuildRow, ChangeFilter, ChangeRow, toCursor
from buildbot.store.interface import IStore
from buildbot.web.pages.standing import isRed

#: The most changes that are listed.
MOST = 100


@dataclass(frozen=True)
class Broken:
    """How a builder was broken.

    @ivar good: its last good build; None: there was none.
    @ivar red: its first bad build after that.
    @ivar changes: the changes that the bad build has and the good one has not, newest first; at most L{MOST}.
    """

    good: BuildRow | None
    red: BuildRow
    changes: tuple[ChangeRow, ...]

    def middle(self) -> ChangeRow | None:
        """The change whose build halves the suspects; None if there is nothing between good and bad."""
        older = self.changes[1:]
        middle = older[(len(older) - 1) // 2] if older else None
        return middle if middle is not None and middle.revision else None


async def brokenSince(store: IStore, builder: str) -> Broken | None:
    """How a builder was broken; None if its last finished build is not red."""
    standing = (await store.getStandings([builder]))[builder]
    if standing.red is None or standing.last is None or not isRed(standing.last):
        return None
    good, red = standing.good, standing.red
    return Broken(good, red, tuple(await _between(store, good, red)))


async def _between(store: IStore, good: BuildRow | None, red: BuildRow) -> list[ChangeRow]:
    """The changes after the good build, up to those of the bad one. Of a builder that was never good, the
    changes of the bad build.
    """
    newest = await _newest(store, red)
    oldest = min(red.changes, default=newest or 0) - 1 if good is None else await _newest(store, good)
    if newest is None or oldest is None:
        return []
    wanted = ChangeFilter(
        branch=red.branch or "", project=red.project or None, repository=red.repository or None
    )
    page = await store.getChangeRows(wanted, MOST, toCursor(newest + 1))
    return [each for each in page.rows if each.number > oldest]


async def _newest(store: IStore, row: BuildRow) -> int | None:
    """The number of the newest change in a build; None if it is not known."""
    if row.changes:
        return row.changes[-1]
    if not row.revision:
        return None
    found = (await store.getChangeRows(ChangeFilter(revision=row.revision), 1)).rows
    return found[0].number if found else None
