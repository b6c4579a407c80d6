# -*- test-case-name: tests.stories.test_websearch -*-
"""The page of a revision: all builds of it, on every builder, and its changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from buildbot.model.rows import (
    MOST_ROWS,
    SHORTEST_PREFIX,
    BuildFilter,
    BuildRow,
    ChangeFilter,
    ChangeRow,
    checkText,
)
from buildbot.status.looks import lookOfResult
from buildbot.status.topics import BUILDS, CHANGES
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page, Part, Problem
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.pages.builders import rowTable
from buildbot.web.pages.changes import revision as shortly
from buildbot.web.pages.outside import revisionLink, revlinkOf
from buildbot.web.pages.pieces import paragraph, section, table, when, withoutEmpty
from buildbot.web.routes import Route
from buildbot.web.world import World


async def matching(world: World, text: str, count: int) -> tuple[list[BuildRow], list[ChangeRow]]:
    """The builds and the changes of a revision, given whole or as its first characters.

    Longer revisions count only if no build and no change has exactly this one.
    """
    try:
        checkText(text)
    except ValueError:
        return [], []
    store = world.store
    builds = (await store.getBuildRows(BuildFilter(revision=text), count)).rows
    changes = (await store.getChangeRows(ChangeFilter(revision=text), count)).rows
    if not builds and not changes and len(text) >= SHORTEST_PREFIX:
        builds = (await store.getBuildRows(BuildFilter(prefix=text), count)).rows
        changes = (await store.getChangeRows(ChangeFilter(prefix=text), count)).rows
    return list(builds), list(changes)


def revisionsOf(builds: Iterable[BuildRow], changes: Iterable[ChangeRow]) -> list[str]:
    """The different revisions of these, sorted."""
    every = [*(each.revision for each in builds), *(each.revision for each in changes)]
    return sorted({each for each in every if each})


async def revisionPage(call: Call) -> Page:
    """All builds and changes of one revision."""
    asked = call.values["revision"]
    builds, changes = await matching(call.world, asked, MOST_ROWS)
    found = revisionsOf(builds, changes)
    if not found:
        raise Problem(
            404,
            f"There is no build and no change of the revision {asked}",
            hint=f"The first {SHORTEST_PREFIX} characters of a revision are enough.",
        )
    if len(found) > 1:
        links = join([shortly(call, each) for each in found], ", ")
        return Page(
            f"Revisions {asked}…",
            [Part("revisions", paragraph(join(["These revisions begin so: ", links])))],
            topics=(BUILDS, CHANGES),
        )
    also = await _alsoWith(call, builds, changes)
    included = rowTable(call, also, "Builds of other revisions that include these changes")
    places = (*(each.repository for each in changes), *(each.repository for each in builds))
    repository = next(filter(None, places), "")
    outside = revisionLink(revlinkOf(call.world), found[0], repository)
    parts = [
        Part("outside", paragraph(outside) if outside else NOTHING),
        Part("builds", section("builds-title", "Builds", _builds(call, builds))),
        Part("changes", section("changes-title", "Changes", _changes(call, changes))),
        Part("also", section("also-title", "Also included in", included) if also else NOTHING),
    ]
    return Page(f"Revision {found[0]}", parts, topics=(BUILDS, CHANGES), ages=True)


async def _alsoWith(call: Call, builds: Sequence[BuildRow], changes: Sequence[ChangeRow]) -> list[BuildRow]:
    """The builds of other revisions that include these changes."""
    known = {(each.builder, each.number) for each in builds}
    rows = await call.world.store.getRowsOfChanges([each.number for each in changes], 200)
    return [each for each in rows if (each.builder, each.number) not in known]


def _builds(call: Call, builds: Sequence[BuildRow]) -> Markup:
    """The builds, builder by builder in the order of the configuration, the newest try first."""
    if not builds:
        return paragraph("There are no builds of this revision.")
    order = {name: place for place, name in enumerate(call.world.status.getBuilderNames())}
    rows = sorted(builds, key=lambda row: (order.get(row.builder, len(order)), row.builder, -row.number))
    numbers = Counter(lookOfResult(row.results).word for row in rows)
    words = ", ".join(f"{count} {word}" for word, count in numbers.most_common())
    builders = counted(len({row.builder for row in rows}), "builder")
    line = paragraph(f"{counted(len(rows), 'build')} on {builders}: {words}.")
    return join([line, rowTable(call, rows, "Builds of this revision")])


def _changes(call: Call, changes: Sequence[ChangeRow]) -> Markup:
    return changeRows(call, changes, "Changes") if changes else paragraph("No change has this revision.")


def changeRows(call: Call, changes: Iterable[ChangeRow], caption: str) -> Markup:
    """A table of changes, given as rows."""
    rows: list[list[Value]] = [
        [
            link(call.to("changes", each.number), f"#{each.number}"),
            each.who,
            shortly(call, each.revision),
            each.branch,
            each.codebase,
            each.summary,
            each.files,
            when(each.came),
        ]
        for each in changes
    ]
    heads = ("Change", "Who", "Revision", "Branch", "Codebase", "Comments", "Files", "Arrived")
    return table(caption, *withoutEmpty(heads, rows, ("Codebase",)))


ROUTES = (
    Route(
        "/revision/{revision}",
        revisionPage,
        "All builds of one revision on every builder, and its changes; its first four characters are enough.",
    ),
)
