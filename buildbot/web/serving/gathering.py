# -*- test-case-name: tests.stories.test_webfeeds -*-
"""From the status and the store to the values of feeds, badges and monitors."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from buildbot.model.rows import BuildFilter, BuildRow
from buildbot.status.urls import quoted
from buildbot.web.call import Answer, Call
from buildbot.web.feeds.entries import LINES
from buildbot.web.feeds.views import ALL, CHANGES, FAILURES, GREEN, RED, BuildView, chosen, isDecisive
from buildbot.web.reading import failedLog
from buildbot.web.window import ALWAYS, Window
from buildbot.web.world import World

#: The number of builds in which the feeds search for changes between red and green.
WINDOW = 1000
#: The entries of a feed.
MOST = 25
#: The builds whose last lines are kept.
KEPT = 400
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def baseOf(call: Call) -> str:
    """C{c['buildbotURL']} with a slash at its end; without one, the address that the client has used."""
    known = call.world.config.buildbotURL
    if known:
        return f"{known.rstrip('/')}/"
    host = call.headers.get("host", "")
    return f"http://{host if _HOST.fullmatch(host) else 'localhost'}/"


def addressOf(call: Call) -> str:
    """The whole URL of this request, with its parameters."""
    pairs = [(name, text) for name, texts in call.given.items() for text in texts]
    query = "&".join(f"{quoted(name)}={quoted(text)}" for name, text in pairs)
    path = "/".join(map(quoted, call.segments))
    return f"{baseOf(call)}{path}{f'?{query}' if query else ''}"


def answered(body: bytes, type: bytes, cache: str = "no-cache, max-age=0") -> Answer:
    """The answer with a document for machines."""
    return Answer(body, type.decode("ascii"), cache=cache)


def viewOf(row: BuildRow) -> BuildView:
    """The view of a row."""
    return BuildView(
        row.builder,
        row.number,
        row.results,
        None,
        row.started,
        row.finished,
        tuple(row.text.split()),
        row.reason,
        row.branch,
        row.revision,
        row.slave,
        tuple(row.who.split(", ")) if row.who else (),
    )


async def finished(
    world: World,
    builders: Sequence[str],
    only: str,
    branches: Sequence[str] = (),
    committers: Sequence[str] = (),
    projects: Sequence[str] = (),
    span: Window = ALWAYS,
) -> list[BuildView]:
    """The builds for a feed, sorted by their end, the latest first.

    @param span: the time in which they ended.
    """
    results = {FAILURES: RED, CHANGES: (*GREEN, *RED)}.get(only, ())
    count = MOST if only in (FAILURES, ALL) and not committers and not projects else WINDOW
    found: list[BuildView] = []
    for branch in tuple(dict.fromkeys("" if each == "trunk" else each for each in branches)) or (None,):
        wanted = BuildFilter(
            *(tuple(builders), None, branch), results=results, since=span.first, until=span.last, byEnd=True
        )
        page = await world.store.getBuildRows(wanted, count)
        views = [viewOf(row) for row in page.rows if not projects or row.project in projects]
        found += compared(views, isComplete=not page.next) if only == CHANGES else views
    if committers:
        found = [each for each in found if not set(committers).isdisjoint(each.blame)]
    return chosen(found, only, MOST)


def compared(views: Sequence[BuildView], isComplete: bool) -> list[BuildView]:
    """The builds with C{before}: the result of the green or red build before each.

    @param views: decisive builds, the latest first.
    @param isComplete: False if there are earlier builds: then the earliest of each builder is left out.
    """
    earlier: dict[str, int | None] = {}
    found = []
    for view in reversed(views):
        if view.builder in earlier or isComplete:
            found.append(replace(view, before=earlier.get(view.builder)))
        earlier[view.builder] = view.results
    return found[::-1]


class Tails:
    """I know the last lines of the failed steps of finished builds, which do not change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], tuple[str, tuple[str, ...]]] = OrderedDict()

    async def added(self, world: World, view: BuildView) -> BuildView:
        """The view with its failed step, and the last lines of that step's log."""
        if view.results not in RED:
            return view
        key = (view.builder, view.number)
        if key not in self._kept:
            self._kept[key] = await tailOf(world, view.builder, view.number)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        failed, tail = self._kept[key]
        return replace(view, failed=failed, tail=tail)


async def tailOf(world: World, builder: str, number: int) -> tuple[str, tuple[str, ...]]:
    """The name of the failed step, and the last lines of its log."""
    record = await world.store.getBuild(builder, number)
    found = None if record is None else failedLog(record)
    if found is None:
        return "", ()
    step, log = found
    logs = world.botmaster.resources.logs
    try:
        lines = await logs.views.call(logs.place(log), lambda view: view.last(LINES))
    except OSError:  # the log was deleted
        return step.name, ()
    return step.name, tuple(line.text for line in (*lines.lines, *lines.unnumbered))[-LINES:]


def lastFinished(rows: Sequence[BuildRow], decisive: bool = False) -> BuildView | None:
    """The last finished build among rows, the highest number first."""
    for row in rows:
        if row.finished is not None and (not decisive or isDecisive(row.results)):
            return viewOf(row)
    return None
