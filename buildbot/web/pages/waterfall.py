# -*- test-case-name: tests.stories.test_waterfall -*-
"""The waterfall: time runs upward, one column for the changes and one for each builder.

The boxes of a finished build never change. They are made once, and kept while there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from operator import itemgetter

from buildbot.events.coroutines import together
from buildbot.model.records import BuildRecord, StepRecord
from buildbot.model.rows import MOST_ROWS, BuildFilter, BuildRow
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.looks import Look, lookOfActivity, lookOfResult
from buildbot.status.report import runningBuilds
from buildbot.status.topics import BUILDERS, BUILDS, CHANGES, QUEUE, SLAVES
from buildbot.text.plural import counted
from buildbot.web import window
from buildbot.web.call import Call, Page, Part
from buildbot.web.lastrows import lastRowsOf
from buildbot.web.limited import Limited
from buildbot.web.markup import NOTHING, Markup, Template, Value, escape, join, link, path
from buildbot.web.pages import folding
from buildbot.web.pages.builders import isOnBranch, storedBranches
from buildbot.web.pages.choice import pointIn
from buildbot.web.pages.columns import UNIT, Box, Newest, Row, layout
from buildbot.web.pages.folding import Group
from buildbot.web.pages.matrix import Rows
from buildbot.web.pages.pieces import clock, paragraph, timeLeft
from buildbot.web.routes import Parameter, Route
from buildbot.web.serving import feeds
from buildbot.web.window import ALWAYS, Window

#: The most boxes' characters that are kept.
ROOM = 16_000_000
#: About this many builds are shown, over all builders.
MANY = 1200
#: A finished build fills at least about this many rows: so many fewer builds than rows are read at a time.
ROWS_A_BUILD = 4
#: The most logs in the box of a step.
LOGS = 4
#: The longest build, in seconds: the page looks for builds that began this long before its time.
LONGEST_BUILD = 86400
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
    *window.PARAMETERS,
    Parameter("until", "Show nothing newer than this time, such as 2h, yesterday or 2026-11-30 14:05."),
    Parameter("num_events", "The most rows.", "integer", least=1),
    Parameter("show_events", "Show events of slaves.", "flag", default=False),
    Parameter("failures_only", "Show only builders that are offline or red.", "flag", default=False),
    folding.PARAMETER,
    Parameter("reload", "Seconds after which the page is loaded again; at least 15.", "integer"),
    Parameter("nobubble", "It has no effect; old addresses have it."),
    Parameter("phase", "It has no effect; old addresses have it."),
)

_HEAD = Template('<th scope="col" class="Builder"><a href="{to}">{name}</a></th>')
_GROUPS = Template("<tr><td></td><td></td>{groups}</tr>")
_GROUP = Template('<th scope="colgroup" colspan="{count}">{name}</th>')
_FOLDED = Template('<th scope="col" class="Builder">{text}</th>')
_NUMBERS = Template("<td>{text}</td>")
_CURRENT = Template('<td class="Activity {kind}"><span aria-hidden="true">{symbol}</span> {text}</td>')
_LAST = Template('<td class="LastBuild box {kind}"><span aria-hidden="true">{symbol}</span> {text}</td>')
_STEP = Template('<a href="{to}"><span aria-hidden="true">{symbol}</span> {name}</a> {text}')
_START = Template('<a href="{to}">Build {number}</a>')
_TABLE = Template(
    '<div class="scroll" tabindex="0" role="region" aria-label="Waterfall"><table class="waterfall">'
    "<caption>Newest first; the time is that of the server ({zone})</caption>"
    '<thead>{groups}<tr><th scope="col">Time</th><th scope="col">Changes</th>{heads}</tr>'
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
            self._kept.put(key, boxes, sum(box.size for box in boxes))

    def forget(self) -> None:
        """Forget all boxes."""
        self._kept.clear()


async def waterfall(call: Call) -> Page:
    """The waterfall."""
    query = call.query
    names = await _chosen(call)
    groups = folding.groupsOf(call, names)
    shown = [name for group in groups if not group.isFolded for name in group.builders]
    until = pointIn(call, "until")
    span = Window.of(query if until is None else {**query, "last_time": until}, call.world.now())
    count = max(5, min(100, MANY // max(1, len(names))))
    recent = await lastRowsOf(call).of(call.world, names, count) if names else {}
    rows = await _rows(call, shown, span) if _isFiltered(call, span) else recent
    columns = [_within(span, await _changes(call))]
    most = query["num_events"] or call.world.options.numEvents
    if call.world.options.numEventsMax is not None:
        most = min(most, call.world.options.numEventsMax)
    most = min(most, 2000)
    found = await _found(call, {name: rows.get(name, ()) for name in shown}, span, most)
    for group in groups:
        columns += [[]] if group.isFolded else [found[name] for name in group.builders]
    reload = max(LEAST_RELOAD, query["reload"]) if query["reload"] else 0
    lines = layout(columns, most)
    return Page(
        "Waterfall",
        [
            Part("links", paragraph(_links(call, span, lines))),
            Part("waterfall", _table(call, groups, recent, lines)),
        ],
        topics=() if span.last is not None else (BUILDERS, BUILDS, QUEUE, SLAVES, CHANGES),
        ages=True,
        wide=True,
        feeds=feeds.links(call),
        refresh=reload,
    )


def _links(call: Call, span: Window, rows: Sequence[Row]) -> Markup:
    """The links to the form, and to the time before and after."""
    oldest = rows[-1].time if rows else None
    given = {name: texts for name, texts in call.given.items() if name != "until"}
    links = [link(call.to("waterfall", "help", query=span.query(given)), "Choose what is shown")]
    for text, other in (("Older", span.older(oldest)), ("Newer", span.newer(oldest, call.world.now()))):
        if other is not None:
            links.append(link(call.to(*call.segments, query=other.query(given)), text))
    return join(links, " · ")


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
        standings = await lastRowsOf(call).standings(call.world, names)
        names = [name for name in names if _isBad(status.getBuilder(name), standings[name].red is not None)]
    return names


def _isBad(builder: BuilderStatus, wasRed: bool) -> bool:
    """True if a builder is offline, was red, or has a red step now."""
    if wasRed or builder.getState()[0] == "offline":
        return True
    return any(
        step.getResults()[0] in (2, 4) for build in builder.getCurrentBuilds() for step in build.getSteps()
    )


async def _rows(call: Call, names: Sequence[str], span: Window) -> dict[str, list[BuildRow]]:
    """The builds of each builder that the filters let through, the newest first."""
    since = None if span.first is None else span.first - LONGEST_BUILD
    chosen = BuildFilter(
        builders=tuple(names), until=span.last, since=since, branches=storedBranches(call.query["branch"])
    )
    found: dict[str, list[BuildRow]] = {name: [] for name in names}
    for row in (await call.world.store.getBuildRows(chosen, MOST_ROWS)).rows:
        if _matches(call, row):
            found[row.builder].append(row)
    return found


def _isFiltered(call: Call, span: Window) -> bool:
    """True if the page shows other builds than the last ones of each builder."""
    return span != ALWAYS or any(call.query[name] for name in ("branch", "committer", "project"))


def _matches(call: Call, row: BuildRow) -> bool:
    """True if the filters of people and projects let a build through."""
    people, projects = call.query["committer"], call.query["project"]
    if people and not any(each in row.who for each in people):
        return False
    return not projects or row.project in projects


async def _found(
    call: Call, rows: Mapping[str, Iterable[BuildRow]], span: Window, most: int
) -> dict[str, list[Box]]:
    """The boxes of each builder. Of the builds that would be below the newest C{most} rows, few are read."""
    newest = Newest(most)
    running = {(each.record.builder, each.number): each for each in runningBuilds(call.world.botmaster)}
    hasEvents = call.query["show_events"]
    found = {name: _within(span, _events(call, name) if hasEvents else ()) for name in rows}
    builds = [(_endOf(row), name, row) for name, some in rows.items() for row in some]
    builds.sort(key=itemgetter(0), reverse=True)
    start, size = 0, max(1, most // ROWS_A_BUILD)
    while start < len(builds) and not newest.isBelow(builds[start][0]):
        some = builds[start : start + size]
        start, size = start + size, 2 * size  # each read waits for a turn of a busy store
        made = await _boxes(call, [(name, row) for _, name, row in some], running)
        for (end, name, _), all in zip(some, made, strict=True):
            if newest.isBelow(end):
                break
            boxes = _within(span, all)
            newest.add(boxes)
            found[name].extend(boxes)
    return found


def _endOf(row: BuildRow) -> float:
    return inf if row.finished is None else row.finished


def _within(span: Window, boxes: Iterable[Box]) -> list[Box]:
    """The boxes that a window shows."""
    return [box for box in boxes if span.touches(box.begins / UNIT, box.ends / UNIT)]


async def _boxes(
    call: Call, builds: Sequence[tuple[str, BuildRow]], running: Mapping[tuple[str, int], BuildStatus]
) -> list[tuple[Box, ...]]:
    """The boxes of each of these builds. Those that are not kept are read together: one by one, each would
    wait for a turn of a busy master."""
    kept, store = call.world.part(BoxCache), call.world.store
    made = [None if row.finished is None else kept.get(name, row.number) for name, row in builds]
    keys = [(name, row.number) for (name, row), boxes in zip(builds, made, strict=True) if boxes is None]
    read = await together(store.getBuild(*key) for key in keys if key not in running)
    records = {(each.builder, each.number): each for each in read if each is not None}
    found: list[tuple[Box, ...]] = []
    for (name, row), boxes in zip(builds, made, strict=True):
        if boxes is None:
            build = running.get((name, row.number))
            record = records.get((name, row.number)) if build is None else build.toRecord()
            boxes = () if record is None else boxesOf(record, call.world.now())
            if record is not None and record.finished is not None:
                kept.put(record, boxes)
        found.append(boxes)
    return found


def boxesOf(build: BuildRecord, now: float) -> tuple[Box, ...]:
    """The boxes of a build: its start, and one for each step."""
    here = ("builders", build.builder, "builds", build.number or 0)
    start = Box(
        build.started - 0.01, build.started, "BuildStep start", _START(to=path(*here), number=build.number)
    )
    boxes = [start]
    over = now if build.finished is None else build.finished
    for step in build.steps:
        if step.hidden:
            continue
        look = lookOfResult(step.results)
        html = _STEP(
            to=path(*here, "steps", step.name),
            symbol=look.symbol,
            name=step.name,
            text=join([*_words(step), *_logs(here, step)], " "),
        )
        boxes.append(
            Box(step.started, over if step.finished is None else step.finished, f"BuildStep {look.css}", html)
        )
    return tuple(boxes)


def _words(step: StepRecord) -> list[Value]:
    """The text of a step, without its name."""
    text = " ".join(step.text)
    return [*([text] if text and text != step.name else []), *(["running"] if step.results is None else [])]


def _logs(here: tuple[str | int, ...], step: StepRecord) -> list[Markup]:
    """Links to the logs of a step."""
    links = [link(path(*here, "steps", step.name, "logs", log.name), log.name) for log in step.logs[:LOGS]]
    return [*links, *([escape(f"{len(step.logs) - LOGS} more logs")] if len(step.logs) > LOGS else [])]


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


def _table(call: Call, groups: Sequence[Group], recent: Rows, rows: Sequence[Row]) -> Markup:
    zone, lines, told = clock(call.world.now())[1], [], ""
    for row in rows:
        text = clock(row.time)[0]
        cells = join(row.cells)
        lines.append(_SAME_TIME(cells=cells) if text == told else _ROW(time=text, cells=cells))
        told = text
    heads = [_heads(call, group, recent) for group in groups]
    return _TABLE(
        groups=_groups(call, groups),
        heads=join(head for head, _, _ in heads),
        zone=zone,
        last=join(last for _, last, _ in heads),
        current=join(current for _, _, current in heads),
        rows=join(lines),
    )


def _groups(call: Call, groups: Sequence[Group]) -> Markup:
    """The row of the categories; empty with only one category."""
    if len({each.category for each in groups}) < 2 and not any(each.isFolded for each in groups):
        return NOTHING
    heads = [
        _GROUP(
            count=1 if each.isFolded else len(each.builders),
            name=folding.foldLink(call, each.category, PARAMETERS),
        )
        for each in groups
    ]
    return _GROUPS(groups=join(heads))


def _heads(call: Call, group: Group, recent: Rows) -> tuple[Markup, Markup, Markup]:
    """The three rows above some columns: names, last builds and activities."""
    builders = [call.world.status.getBuilder(name) for name in group.builders]
    last = [next((row for row in recent[name] if row.finished is not None), None) for name in group.builders]
    if not group.isFolded:
        return (
            join(_HEAD(to=call.to("builders", name), name=name) for name in group.builders),
            join(_last(call, row) for row in last),
            join(_current(call, builder) for builder in builders),
        )
    return (
        _FOLDED(text=counted(len(builders), "builder")),
        _NUMBERS(text=folding.numbers(lookOfResult(row.results).word for row in last if row)),
        _NUMBERS(text=folding.numbers(builder.getState()[0] for builder in builders)),
    )


def _last(call: Call, row: BuildRow | None) -> Markup:
    """The last finished build of a builder."""
    if row is None:
        return _LAST(kind="", symbol="", text="none")
    look = lookOfResult(row.results)
    to = call.to("builders", row.builder, "builds", row.number)
    return _LAST(kind=look.css, symbol=look.symbol, text=join([link(to, f"#{row.number}"), look.word], " "))


def _current(call: Call, builder: BuilderStatus) -> Markup:
    state, running = builder.getState()
    waiting = builder.countPendingBuilds()
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


ROUTES = (Route("/waterfall", waterfall, "Time runs upward, with one column for each builder.", PARAMETERS),)
