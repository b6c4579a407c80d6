# -*- test-case-name: tests.stories.test_webgrid -*-
"""The console: a row for each revision with its author and comment, the builders grouped by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from buildbot.model.rows import BuildRow, ChangeFilter, ChangeRow
from buildbot.status.looks import lookOfResult
from buildbot.status.topics import BUILDERS, BUILDS, CHANGES
from buildbot.web.call import Call, Page, Part
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.markup import Markup, Template, Value, join, link
from buildbot.web.pages.boxes import Boxes
from buildbot.web.pages.builders import chosen, ofBranches
from buildbot.web.pages.changes import revision
from buildbot.web.pages.choice import NAMES, narrowed
from buildbot.web.pages.folding import PARAMETER, byCategory, foldLink, numbers
from buildbot.web.pages.grid import reloads
from buildbot.web.pages.matrix import Commit, Places, commits
from buildbot.web.pages.pieces import paragraph, when
from buildbot.web.routes import Parameter, Route

#: The builds of each builder that are looked at, at most.
_BUILDS = 60

_TABLE = Template(
    '<div class="scroll" tabindex="0" role="region" aria-label="Console"><table class="ConsoleTable console">'
    "<caption>Revisions, newest first</caption>"
    '<thead><tr><th scope="col">Revision</th><th scope="col">Author</th>{heads}</tr>'
    '<tr><th scope="row">Last builds</th><td></td>{last}</tr></thead><tbody>{rows}</tbody></table></div>'
)
_HEAD = Template('<th scope="col">{name}</th>')
_ROW = Template(
    '<tr><th scope="row">{revision}</th><td class="who" title="{whole}">{who}</td>{cells}</tr>'
    '<tr><td colspan="{width}" class="soft">{words}</td></tr>'
)
_CELL = Template('<td><span class="strip">{boxes}</span></td>')
#: A cell whose width is known without its boxes. The browser lays them out when they come into sight.
_FULL = Template('<td><span class="strip full">{boxes}</span></td>')
#: The boxes in one line of a cell.
_IN_A_LINE = 10
_NONE = Template('<span title="{name}">·</span>')

PARAMETERS = (
    Parameter("builder", "Show only these builders.", repeated=True),
    Parameter("category", "Show only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Show only this branch; trunk is no branch."),
    Parameter("name", "Show only revisions of these authors.", repeated=True),
    Parameter("revs", "How many revisions are shown.", "integer", default=40, least=1, most=200),
    Parameter("repository", "Show only revisions of this repository."),
    Parameter("project", "Show only revisions of this project."),
    Parameter("codebase", "It has no effect; old addresses have it."),
    PARAMETER,
    Parameter("reload", "Seconds after which the page is loaded again; at least 15.", "integer"),
)


async def console(call: Call) -> Page:
    """The newest revisions, with the results of all builders."""
    found = commits(await _changes(call))
    names = chosen(call)
    count = min(_BUILDS, len(found) + 10)
    rows = await lastRowsOf(call).of(call.world, names, count) if found else {}
    branches = [call.query["branch"]] if call.query["branch"] else []
    filters = (*NAMES, "name", "repository", "project")
    only = narrowed(call, filters)
    content: Markup = paragraph("No change meets these conditions." if only else "There are no changes.")
    if found:
        builds = {name: ofBranches(each, branches) for name, each in rows.items()}
        content = _Console(call, found, builds).table()
    return Page(
        "Console",
        [only, Part("console", content)],
        topics=(CHANGES, BUILDERS, BUILDS),
        wide=True,
        refresh=reloads(call),
    )


async def _changes(call: Call) -> list[ChangeRow]:
    """The changes of the query, the newest first."""
    branch = call.query["branch"]
    wanted = ChangeFilter(
        branch="" if branch == "trunk" else branch,
        who=call.query["name"][0] if len(call.query["name"]) == 1 else None,
        project=call.query["project"],
        repository=call.query["repository"],
    )
    people = set(call.query["name"])
    count = 1000 if len(people) > 1 else call.query["revs"]
    page = await call.world.store.getChangeRows(wanted, count)
    return [each for each in page.rows if not people or each.who in people][: call.query["revs"]]


class _Console:
    """I am the table of one console."""

    def __init__(
        self, call: Call, commits: Sequence[Commit], builds: Mapping[str, Sequence[BuildRow]]
    ) -> None:
        self._call = call
        self._commits = commits
        self._builds = builds
        places = Places(commits)
        self._placed = {name: places.of(rows) for name, rows in builds.items()}
        self._to = {name: call.to("builders", name) for name in builds}
        self._none = {name: _NONE(name=name) for name in builds}
        self._boxes = Boxes(call, "builder")
        self._groups = byCategory(call, builds)
        self._folded = set(call.query["fold"])

    def table(self) -> Markup:
        """The whole table."""
        return _TABLE(
            heads=join(_HEAD(name=foldLink(self._call, group, PARAMETERS)) for group in self._groups),
            last=join(self._last(group, names) for group, names in self._groups.items()),
            rows=join(self._row(place, each) for place, each in enumerate(self._commits)),
        )

    def _last(self, group: str, names: Sequence[str]) -> Markup:
        """The summary: the last finished build of each builder, as a link to the builder."""
        last = [
            (name, next((row for row in self._builds[name] if row.finished is not None), None))
            for name in names
        ]
        if group in self._folded:
            return _numbers([row for _, row in last if row is not None])
        return _boxed(
            [self._none[name] if row is None else self._boxes.away(row, self._to[name]) for name, row in last]
        )

    def _row(self, place: int, commit: Commit) -> Markup:
        change = commit.change
        first: Value = revision(self._call, change.revision) or link(
            self._call.to("changes", change.number), f"#{change.number}"
        )
        return _ROW(
            revision=first,
            who=change.who.partition(" <")[0] or change.who,
            whole=change.who,
            cells=join(self._cell(place, group, names) for group, names in self._groups.items()),
            width=2 + len(self._groups),
            words=join([change.summary, when(change.came)], " · "),
        )

    def _cell(self, place: int, group: str, names: Sequence[str]) -> Markup:
        if group in self._folded:
            found = [self._placed[name].get(place) for name in names]
            return _numbers([row for row in found if row is not None])
        boxes = []
        for name in names:
            row = self._placed[name].get(place)
            if row is None:
                boxes.append(self._none[name])
            else:
                boxes.append(self._boxes.box(row))
        return _boxed(boxes)


def _boxed(boxes: Sequence[Markup]) -> Markup:
    """A cell with the boxes of a category."""
    return (_FULL if len(boxes) >= _IN_A_LINE else _CELL)(boxes=join(boxes))


def _numbers(rows: Sequence[BuildRow]) -> Markup:
    """A cell with numbers, such as "12 success, 1 failure"."""
    return _CELL(boxes=numbers(lookOfResult(row.results).word for row in rows))


ROUTES = (
    Route(
        "/console",
        console,
        "The newest revisions with author and comment, and the results of all builders by category.",
        PARAMETERS,
    ),
)
