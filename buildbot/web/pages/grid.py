# -*- test-case-name: tests.stories.test_webgrid -*-
"""The grids: builders by revisions, and revisions by builders. Both are the same table, once transposed.

A category can be folded. Then one line with numbers replaces the lines of its builders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from buildbot.model.rows import BuildRow
from buildbot.status.looks import lookOfResult
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page, Part
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.markup import Markup, Template, Value, escape, join, link
from buildbot.web.pages.boxes import Boxes
from buildbot.web.pages.builders import chosen, ofBranches
from buildbot.web.pages.changes import revision
from buildbot.web.pages.choice import narrowed
from buildbot.web.pages.folding import PARAMETER, Group, byCategory, foldLink, groupsOf, numbers
from buildbot.web.pages.matrix import Rows, Stamp, byStamp, stamps
from buildbot.web.pages.pieces import activity, paragraph
from buildbot.web.routes import Parameter, Route

#: The smallest number of seconds between two reloads.
LEAST_RELOAD = 15
#: The builds of each builder that are looked at, at least and at most.
_LEAST, _MOST = 20, 200

_GRID = Template(
    '<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table class="Grid grid">'
    "<caption>{caption}</caption><thead>{heads}</thead><tbody>{rows}</tbody></table></div>"
)
_ROW = Template("<tr>{cells}</tr>")
_HEAD = Template('<th scope="col">{text}</th>')
_SIDE = Template('<th scope="row">{text}</th>')
_GROUP = Template('<th scope="{scope}group" colspan="{count}">{text}</th>')
_CELL = Template("<td>{text}</td>")
_NOTHING = _CELL(text="")
_LAST = Template('<td><span class="strip">{text}</span></td>')


@dataclass(frozen=True)
class _Line:
    """A builder, or a folded category.

    @ivar head: the text of its head.
    @ivar last: the cell of its last build.
    @ivar cells: the HTML of its cells by revision: see L{Boxes.cells}.
    """

    head: Markup
    last: Markup
    cells: Sequence[str]


@dataclass(frozen=True)
class _Lines:
    """The lines of one category, with its head. A folded category has one line."""

    head: Markup
    lines: Sequence[_Line]
    isFolded: bool = False


#: A function of the groups and the revisions (newest first). It returns the head rows and the body rows.
_Layout = Callable[[Call, Sequence[_Lines], Sequence[Stamp]], tuple[Sequence[Markup], Sequence[Markup]]]

_WIDTH = "How many revisions are shown."
PARAMETERS = (
    Parameter("builder", "Show only these builders.", repeated=True),
    Parameter("category", "Show only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Show only builds of these branches; trunk is also no branch.", repeated=True),
    Parameter("width", _WIDTH, "integer", least=1, most=100),
    Parameter("length", _WIDTH, "integer", least=1, most=100),
    PARAMETER,
    Parameter("reload", "Seconds after which the page is loaded again; at least 15.", "integer"),
)


def reloads(call: Call) -> int:
    """The seconds between two reloads of a browser without script; 0: never."""
    return max(LEAST_RELOAD, call.query["reload"]) if call.query["reload"] else 0


async def grid(call: Call) -> Page:
    """A row for each builder, a column for each revision; the newest is on the right."""
    return await _page(call, "Grid", "Builders by revisions", _byBuilder, "tgrid")


async def tgrid(call: Call) -> Page:
    """A row for each revision, a column for each builder."""
    return await _page(call, "Grid by revision", "Revisions by builders", _byRevision, "grid")


async def _page(call: Call, title: str, caption: str, layout: _Layout, other: str) -> Page:
    # else an unsorted configuration would have a heading for each builder
    names = [name for group in byCategory(call, chosen(call)).values() for name in group]
    count = call.query["width"] or call.query["length"] or 5
    found = await lastRowsOf(call).of(call.world, names, min(_MOST, max(_LEAST, 2 * count)))
    rows = {name: ofBranches(found[name], call.query["branch"]) for name in names}
    columns = stamps(rows, count)
    only = narrowed(call)
    content: Markup = paragraph("No build meets these conditions." if only else "There are no builds.")
    if columns:
        order = columns if call.query.get("rev_order") == "desc" else list(reversed(columns))
        boxes = Boxes(call)
        groups = [_lines(call, boxes, each, rows, order) for each in groupsOf(call, names)]
        heads, body = layout(call, groups, order)
        content = _GRID(
            caption=caption,
            heads=join(_ROW(cells=each) for each in heads),
            rows=join(_ROW(cells=each) for each in body),
        )
    pairs = [(each.name, text) for each in PARAMETERS for text in call.given.get(each.name, ())]
    turned = link(call.to(other, query=urlencode(pairs)), "The other way round")
    return Page(
        title,
        [only, paragraph(turned), Part("grid", content)],
        topics=(BUILDERS, BUILDS, QUEUE),
        wide=True,
        refresh=reloads(call),
    )


def _lines(call: Call, boxes: Boxes, group: Group, rows: Rows, order: Sequence[Stamp]) -> _Lines:
    """The lines of a category."""
    head = foldLink(call, group.category, call.route.parameters)
    last = {
        name: next((row for row in rows[name] if row.finished is not None), None) for name in group.builders
    }
    placed = {name: byStamp(rows[name]) for name in group.builders}
    if group.isFolded:
        cells = [_counted(placed[name].get(each) for name in group.builders) for each in order]
        text = escape(counted(len(group.builders), "builder"))
        return _Lines(head, [_Line(text, _counted(last.values()), cells)], True)
    return _Lines(
        head,
        [
            _Line(
                _builder(call, name),
                _summary(call, boxes, name, last[name]),
                boxes.cells(name, map(placed[name].get, order)),
            )
            for name in group.builders
        ],
    )


def _byBuilder(
    call: Call, groups: Sequence[_Lines], order: Sequence[Stamp]
) -> tuple[Sequence[Markup], Sequence[Markup]]:
    heads = [_HEAD(text="Builder"), _HEAD(text="Last"), *(_HEAD(text=_stamp(call, each)) for each in order)]
    body: list[Markup] = []
    for group in groups:
        if _hasHeads(groups):
            body.append(_GROUP(scope="row", count=len(heads), text=group.head))
        body += [join([_SIDE(text=each.head), each.last, _glued(each.cells)]) for each in group.lines]
    return [join(heads)], body


def _byRevision(
    call: Call, groups: Sequence[_Lines], order: Sequence[Stamp]
) -> tuple[Sequence[Markup], Sequence[Markup]]:
    lines = [each for group in groups for each in group.lines]
    names = [_HEAD(text=each.head) for each in lines]
    heads = [
        join([_HEAD(text="Revision"), *names]),
        join([_SIDE(text="Last"), *(each.last for each in lines)]),
    ]
    if _hasHeads(groups):
        tops = [_GROUP(scope="col", count=len(each.lines), text=each.head) for each in groups]
        heads.insert(0, join([_NOTHING, *tops]))
    body = [
        join([_SIDE(text=_stamp(call, each)), _glued(line.cells[place] for line in lines)])
        for place, each in enumerate(order)
    ]
    return heads, body


def _glued(cells: Iterable[str]) -> Markup:
    """Several cells, which are HTML already."""
    return Markup("".join(cells))


def _hasHeads(groups: Sequence[_Lines]) -> bool:
    """True if the table names the categories: it has several, or a folded one."""
    return len(groups) > 1 or any(each.isFolded for each in groups)


def _counted(rows: Iterable[BuildRow | None]) -> Markup:
    """A cell with numbers, such as "12 success, 1 failure"."""
    return _CELL(text=numbers(lookOfResult(row.results).word for row in rows if row is not None))


def _summary(call: Call, boxes: Boxes, name: str, row: BuildRow | None) -> Markup:
    """The result of the last finished build, as a link to the builder."""
    return _NOTHING if row is None else boxes.away(row, call.to("builders", name), _LAST)


def _stamp(call: Call, stamp: Stamp) -> Markup:
    """The head of a revision."""
    shown: Value = revision(call, stamp.revision) if stamp.revision else "latest"
    return join([shown, stamp.branch], " ") if stamp.branch else join([shown])


def _builder(call: Call, name: str) -> Markup:
    """The head of a builder, with its state."""
    state = call.world.status.getBuilder(name).getState()[0]
    return join([link(call.to("builders", name), name), activity(state)], " ")


ROUTES = (
    Route("/grid", grid, "The last revisions of all builders: a row for each builder.", PARAMETERS),
    Route(
        "/tgrid",
        tgrid,
        "The last revisions of all builders: a row for each revision.",
        (
            *PARAMETERS,
            Parameter(
                "rev_order",
                "The order of the revisions: desc is the newest first.",
                default="desc",
                choices=("asc", "desc"),
            ),
        ),
    ),
)
