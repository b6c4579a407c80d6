# -*- test-case-name: tests.stories.test_webgrid -*-
"""The grids: builders by revisions, and revisions by builders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from buildbot.model.rows import BuildRow
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import NOTHING, Markup, Template, Value, join, link
from buildbot.web.pages.boxes import lastRowsOf
from buildbot.web.pages.builders import buildLink, chosen, ofBranches
from buildbot.web.pages.changes import revision
from buildbot.web.pages.matrix import Stamp, byStamp, stamps
from buildbot.web.pages.pieces import activity, paragraph
from buildbot.web.routes import Parameter, Route

#: The smallest number of seconds between two reloads.
LEAST_RELOAD = 15
#: The builds of each builder that are looked at, at least and at most.
_LEAST, _MOST = 20, 200

#: It makes a table of the builds by builder, and of the revisions, the newest first.
_Layout = Callable[[Call, Mapping[str, Sequence[BuildRow]], Sequence[Stamp]], Markup]

_GRID = Template(
    '<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table class="Grid grid">'
    "<caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
)
_HEAD = Template('<th scope="col">{text}</th>')
_ROW = Template('<tr><th scope="row">{head}</th>{cells}</tr>')
_CELL = Template("<td>{text}</td>")

_WIDTH = "How many revisions are shown."
PARAMETERS = (
    Parameter("builder", "Show only these builders.", repeated=True),
    Parameter("category", "Show only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Show only builds of these branches; trunk is also no branch.", repeated=True),
    Parameter("width", _WIDTH, "integer", least=1, most=100),
    Parameter("length", _WIDTH, "integer", least=1, most=100),
    Parameter("reload", "Seconds after which the page is loaded again; at least 15.", "integer"),
)


def reloads(call: Call) -> int:
    """The seconds between two reloads of a browser without script; 0: never."""
    return max(LEAST_RELOAD, call.query["reload"]) if call.query["reload"] else 0


async def grid(call: Call) -> Page:
    """A row for each builder, a column for each revision; the newest is on the right."""
    return await _page(call, "Grid", _byBuilder)


async def tgrid(call: Call) -> Page:
    """A row for each revision, a column for each builder."""
    return await _page(call, "Grid by revision", _byRevision)


async def _page(call: Call, title: str, layout: _Layout) -> Page:
    names = chosen(call)
    count = call.query["width"] or call.query["length"] or 5
    found = await lastRowsOf(call).of(call.world, names, min(_MOST, max(_LEAST, 3 * count)))
    rows = {name: ofBranches(found[name], call.query["branch"]) for name in names}
    columns = stamps(rows, count)
    content: Markup = layout(call, rows, columns) if columns else paragraph("There are no builds.")
    return Page(
        title,
        [Part("grid", content)],
        topics=(BUILDERS, BUILDS, QUEUE),
        wide=True,
        refresh=reloads(call),
    )


def _byBuilder(call: Call, rows: Mapping[str, Sequence[BuildRow]], found: Sequence[Stamp]) -> Markup:
    columns = list(reversed(found))
    heads = [_HEAD(text="Builder"), *(_HEAD(text=_stamp(call, each)) for each in columns)]
    lines = []
    for name, builds in rows.items():
        cells = byStamp(builds)
        lines.append(
            _ROW(head=_builder(call, name), cells=join(_cell(call, cells.get(each)) for each in columns))
        )
    return _GRID(caption="Builders by revisions", heads=join(heads), rows=join(lines))


def _byRevision(call: Call, rows: Mapping[str, Sequence[BuildRow]], found: Sequence[Stamp]) -> Markup:
    order = found if call.query["rev_order"] == "desc" else list(reversed(found))
    heads = [_HEAD(text="Revision"), *(_HEAD(text=_builder(call, name)) for name in rows)]
    columns = [byStamp(builds) for builds in rows.values()]
    lines = [
        _ROW(head=_stamp(call, each), cells=join(_cell(call, cells.get(each)) for cells in columns))
        for each in order
    ]
    return _GRID(caption="Revisions by builders", heads=join(heads), rows=join(lines))


def _stamp(call: Call, stamp: Stamp) -> Markup:
    """The head of a revision."""
    shown: Value = revision(call, stamp.revision) if stamp.revision else "latest"
    return join([shown, stamp.branch], " ") if stamp.branch else join([shown])


def _builder(call: Call, name: str) -> Markup:
    """The head of a builder, with its state."""
    state = call.world.status.getBuilder(name).getState()[0]
    return join([link(call.to("builders", name), name), activity(state)], " ")


def _cell(call: Call, row: BuildRow | None) -> Markup:
    return _CELL(text=NOTHING if row is None else buildLink(call, row))


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
