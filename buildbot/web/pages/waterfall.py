# -*- test-case-name: tests.stories.test_waterfall -*-
"""The waterfall: time runs upward, one column for the changes and one for each builder.

The boxes of a finished build never change. They are made once, and kept while there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from buildbot.model.records import BuildRecord
from buildbot.model.rows import BuildFilter, BuildRow
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.looks import Look, lookOfActivity, lookOfResult
from buildbot.status.report import runningBuilds
from buildbot.status.topics import BUILDERS, BUILDS, CHANGES, QUEUE, SLAVES
from buildbot.web.call import Call, Page, Part
from buildbot.web.limited import Limited
from buildbot.web.markup import NOTHING, Markup, Template, escape, join, link, path
from buildbot.web.pages.boxes import lastRowsOf
from buildbot.web.pages.builders import isOnBranch
from buildbot.web.pages.columns import Box, Row, layout
from buildbot.web.pages.pieces import clock, paragraph, timeLeft
from buildbot.web.routes import Parameter, Route
from buildbot.web.serving import feeds

#: The most boxes' characters that are kept.
ROOM = 16_000_000
#: About this many builds are shown, over all builders.
MANY = 1200
#: The smallest number of seconds between two reloads.
LEAST_RELOAD = 15

PARAMETERS = (
    Parameter("builder", "Show only these builders, in this order.", repeated=True),
    Parameter("show", "The old name of builder.", repeated=True),
    Parameter("category", "Show only builders of these categories or tags.", repeated=True),
    Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
    Parameter("branch", "Show only builds of these branches; trunk is also no branch.", repeated=True),
    Parameter("committer", "Show only builds with changes of these people.", repeated=True),
    Parameter("project", "Show only builds of these projects.", repeated=True),
    Parameter("first_time", "Show nothing older, in seconds since the epoch.", "time"),
    Parameter("last_time", "Show nothing newer, in seconds since the epoch.", "time"),
    Parameter("show_time", "Show this many seconds; it wins over first_time.", "number", least=1),
    Parameter("num_events", "The most rows.", "integer", least=1),
    Parameter("show_events", "Show events of slaves.", "flag", default=False),
    Parameter("failures_only", "Show only builders that are offline or red.", "flag", default=False),
    Parameter("reload", "Seconds after which the page is loaded again; at least 15.", "integer"),
    Parameter("nobubble", "Does nothing; for old addresses."),
    Parameter("phase", "Does nothing; for old addresses."),
)

_HEAD = Template('<th scope="col" class="Builder"><a href="{to}">{name}</a></th>')
_CURRENT = Template('<td class="Activity {kind}"><span aria-hidden="true">{symbol}</span> {text}</td>')
_LAST = Template('<td class="LastBuild box {kind}"><span aria-hidden="true">{symbol}</span> {text}</td>')
_STEP = Template('<a href="{to}"><span aria-hidden="true">{symbol}</span> {name}</a> {text}')
_START = Template('<a href="{to}">Build {number}</a>')
_TABLE = Template(
    '<div class="scroll" tabindex="0" role="region" aria-label="Waterfall"><table class="waterfall">'
    "<caption>Newest first; the time is that of the server ({zone})</caption>"
    '<thead><tr><th scope="col">Time</th><th scope="col">Changes</th>{heads}</tr>'
    '<tr><th scope="row">last build</th><td></td>{last}</tr>'
    '<tr><th scope="row">now</th><td></td>{current}</tr></thead><tbody>{rows}</tbody></table></div>'
)
_ROW = Template('<tr><th scope="row" class="Time">{time}</th>{cells}</tr>')
_SAME_TIME = Template('<tr><td class="Time"></td>{cells}</tr>')
_CHANGE = Template('<a href="{to}">{who}</a>')


class BoxCache:
    """I keep the boxes of finished builds."""

    def __init__(self, room: int = ROOM) -> None:
        self._kept: Limited[tuple[str, int], tuple[Box, ...]] = Limited(room)

    def get(self, builder: str, number: int) -> tuple[Box, ...] | None:
        """The boxes of a build, or None."""
        kept = self._kept.get((builder, number))
        if kept is not None:
            self._kept.touch((builder, number))
        return kept

    def put(self, build: BuildRecord, boxes: tuple[Box, ...]) -> None:
        """Keep the boxes of a finished build."""
        key = build.builder, build.number or 0
        if self._kept.get(key) is None:
            self._kept.put(key, boxes, sum(len(box.html) + 100 for box in boxes))


async def waterfall(call: Call) -> Page:
    """The waterfall."""
    query = call.query
    names = await _chosen(call)
    rows = await _rows(call, names)
    boxes = call.world.part(BoxCache)
    columns = [await _changes(call)]
    running = {(each.record.builder, each.number): each for each in runningBuilds(call.world.botmaster)}
    for name in names:
        columns.append(await _column(call, name, rows.get(name, ()), running, boxes))
    most = query["num_events"] or call.world.options.numEvents
    if call.world.options.numEventsMax is not None:
        most = min(most, call.world.options.numEventsMax)
    since, until = _window(call)
    shown = [[box for box in column if _isIn(box, since, until)] for column in columns]
    reload = max(LEAST_RELOAD, query["reload"]) if query["reload"] else 0
    return Page(
        "Waterfall",
        [
            Part("waterfall", _table(call, names, layout(shown, min(most, 2000)))),
            paragraph(
                join([link(call.to("waterfall", "help"), "Choose what is shown"), _older(call, shown)], " · ")
            ),
        ],
        topics=() if until is not None else (BUILDERS, BUILDS, QUEUE, SLAVES, CHANGES),
        ages=True,
        wide=True,
        feeds=feeds.links(call),
        refresh=reload,
    )


def _isIn(box: Box, since: float | None, until: float | None) -> bool:
    return (since is None or box.end >= since) and (until is None or box.start <= until)


def _window(call: Call) -> tuple[float | None, float | None]:
    """The earliest and the latest time of the page."""
    first, last, span = (call.query[name] for name in ("first_time", "last_time", "show_time"))
    if span is not None:
        first = (call.world.now() if last is None else last) - span
    return first, last


def _older(call: Call, columns: Sequence[Sequence[Box]]) -> Markup:
    """A link to the time before."""
    starts = [box.start for column in columns for box in column]
    if not starts:
        return NOTHING
    return link(call.to("waterfall", query=f"last_time={int(min(starts))}"), "Older")


async def _chosen(call: Call) -> list[str]:
    """The builders of the page, in their order."""
    status, query = call.world.status, call.query
    names = status.getBuilderNames((*query["category"], *query["tag"]) or call.world.options.categories)
    if call.world.options.categories is not None:
        own = set(status.getBuilderNames(call.world.options.categories))
        names = [name for name in names if name in own]
    wanted = query["builder"] or query["show"]
    if wanted:
        names = [name for name in wanted if name in names]
    if query["failures_only"]:
        standings = await call.world.store.getStandings(names)
        names = [name for name in names if _isBad(status.getBuilder(name), standings[name].red is not None)]
    return names


def _isBad(builder: BuilderStatus, wasRed: bool) -> bool:
    """True if a builder is offline, was red, or has a red step now."""
    if wasRed or builder.getState()[0] == "offline":
        return True
    return any(
        step.getResults()[0] in (2, 4) for build in builder.getCurrentBuilds() for step in build.getSteps()
    )


async def _rows(call: Call, names: Sequence[str]) -> dict[str, list[BuildRow]]:
    """The builds of each builder that the page shows, the newest first."""
    if not names:
        return {}
    since, until = _window(call)
    if since is None and until is None:
        count = max(5, min(100, MANY // len(names)))
        found = await lastRowsOf(call).of(call.world, names, count)
    else:
        chosen = BuildFilter(
            builders=tuple(names), until=until, since=None if since is None else since - 86400
        )
        page = await call.world.store.getBuildRows(chosen, 1000)
        found = {name: [] for name in names}
        for row in page.rows:
            found[row.builder].append(row)
    return {name: [row for row in rows if _matches(call, row)] for name, rows in found.items()}


def _matches(call: Call, row: BuildRow) -> bool:
    """True if the filters of the page let a build through."""
    query = call.query
    branches, people, projects = query["branch"], query["committer"], query["project"]
    if not isOnBranch(row.branch, branches):
        return False
    if people and not any(each in row.who for each in people):
        return False
    return not projects or row.project in projects


async def _column(
    call: Call,
    name: str,
    rows: Iterable[BuildRow],
    running: Mapping[tuple[str, int], BuildStatus],
    kept: BoxCache,
) -> list[Box]:
    """The boxes of one builder."""
    boxes: list[Box] = []
    for row in rows:
        known = None if row.finished is None else kept.get(name, row.number)
        if known is None:
            build = running.get((name, row.number))
            record = await call.world.store.getBuild(name, row.number) if build is None else build.toRecord()
            if record is None:
                continue
            known = boxesOf(record, call.world.now())
            if record.finished is not None:
                kept.put(record, known)
        boxes.extend(known)
    if call.query["show_events"]:
        boxes.extend(_events(call, name))
    return boxes


def boxesOf(build: BuildRecord, now: float) -> tuple[Box, ...]:
    """The boxes of a build: its start, and one for each step."""
    here = ("builders", build.builder, "builds", build.number or 0)
    start = Box(
        build.started - 0.01, build.started, "BuildStep start", _START(to=path(*here), number=build.number)
    )
    boxes = [start]
    for step in build.steps:
        if step.hidden:
            continue
        look = lookOfResult(step.results)
        html = _STEP(
            to=path(*here, "steps", step.name),
            symbol=look.symbol,
            name=step.name,
            text=join([" ".join(step.text), "" if step.results is not None else "running"], " "),
        )
        boxes.append(
            Box(step.started, now if step.finished is None else step.finished, f"BuildStep {look.css}", html)
        )
    return tuple(boxes)


def _events(call: Call, name: str) -> list[Box]:
    """The events of the builder's slaves."""
    return [
        Box(when, when, "Event", escape(f"{slave.getName()}: {text}"))
        for slave in call.world.status.getBuilder(name).getSlaves()
        for when, text in slave.getEvents()
    ]


async def _changes(call: Call) -> list[Box]:
    """The column of the newest changes."""
    page = await call.world.store.getChangeRows(count=200)
    branches = call.query["branch"]
    return [
        Box(row.came, row.came, "Change", _CHANGE(to=path("changes", row.number), who=row.who))
        for row in page.rows
        if isOnBranch(row.branch, branches)
    ]


def _table(call: Call, names: Sequence[str], rows: Sequence[Row]) -> Markup:
    heads = join(_HEAD(to=call.to("builders", name), name=name) for name in names)
    builders = [call.world.status.getBuilder(name) for name in names]
    zone, lines, told = clock(call.world.now())[1], [], ""
    for row in rows:
        text = clock(row.time)[0]
        cells = join(row.cells)
        lines.append(_SAME_TIME(cells=cells) if text == told else _ROW(time=text, cells=cells))
        told = text
    return _TABLE(
        heads=heads,
        zone=zone,
        last=join(_last(call, builder) for builder in builders),
        current=join(_current(call, builder) for builder in builders),
        rows=join(lines),
    )


def _last(call: Call, builder: BuilderStatus) -> Markup:
    build = builder.getLastFinishedBuild()
    if build is None:
        return _LAST(kind="", symbol="", text="none")
    look = lookOfResult(build.getResults())
    to = call.to("builders", builder.getName(), "builds", build.getNumber())
    return _LAST(
        kind=look.css, symbol=look.symbol, text=join([link(to, f"#{build.getNumber()}"), look.word], " ")
    )


def _current(call: Call, builder: BuilderStatus) -> Markup:
    state, running = builder.getState()
    waiting = len(builder.getPendingBuilds())
    look: Look = lookOfActivity("waiting" if state == "idle" and waiting else state)
    words: list[str] = [look.word]
    for build in running:
        forecast = build.getTimeLeft()
        if forecast is not None:
            left = timeLeft(forecast)
            words.append(left if forecast.left < 1 and forecast.late else f"{left} left")
    if waiting:
        words.append(f"{waiting} waiting")
    return _CURRENT(kind=look.css, symbol=look.symbol, text=", ".join(words))


_HELP = Template(
    '<form action="{to}" method="get"><fieldset><legend>Builders</legend>{builders}</fieldset>'
    "<fieldset><legend>Builds</legend>"
    '<p><label for="branch">Branch</label> <input id="branch" name="branch"></p>'
    '<p><label for="committer">Changes by</label> <input id="committer" name="committer"></p>'
    '<p><label for="num_events">Rows</label> <input id="num_events" name="num_events" type="number" min="1" '
    'value="{rows}"></p>'
    '<p><label for="reload">Load again after seconds</label> <input id="reload" name="reload" type="number" '
    'min="15"></p>'
    '<p><label><input type="checkbox" name="failures_only" value="true"> Only broken builders</label></p>'
    '<p><label><input type="checkbox" name="show_events" value="true"> Events of slaves</label></p>'
    "</fieldset><p><button>Show</button></p></form>"
)
_CHOICE = Template('<p><label><input type="checkbox" name="builder" value="{name}"> {name}</label></p>')


def waterfallHelp(call: Call) -> Page:
    """A form that makes the address of a waterfall."""
    names = call.world.status.getBuilderNames()
    form = _HELP(
        to=call.to("waterfall"),
        builders=join(_CHOICE(name=name) for name in names),
        rows=call.world.options.numEvents,
    )
    return Page("Choose what the waterfall shows", [form], trail=(("Waterfall", call.to("waterfall")),))


ROUTES = (
    Route("/waterfall", waterfall, "Time runs upward, with one column for each builder.", PARAMETERS),
    Route("/waterfall/help", waterfallHelp, "A form that makes the address of a waterfall."),
)
