# -*- test-case-name: tests.stories.test_webqueue -*-
"""The queue: all waiting requests, in the order of age, each with the reason and the requests ahead of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import quote, urlencode

from buildbot.control.waiting import WaitingRequest, someWaiting
from buildbot.process.builder import Builder
from buildbot.status.looks import Look
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE, SLAVES
from buildbot.text.plural import counted
from buildbot.web.accounts.redirects import CAME_FROM, pageOf
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Href, Markup, Value, join, link
from buildbot.web.pages.builders import chosen
from buildbot.web.pages.changes import revision
from buildbot.web.pages.choice import narrowed
from buildbot.web.pages.pieces import looks, paragraph, since, table, when, whole, withoutEmpty
from buildbot.web.pages.sources import branchIn, revisionIn
from buildbot.web.routes import Parameter, Route

#: The most requests of one page.
MOST = 100
#: The most requests that C{skip} leaves out; from there on, C{after} tells the place.
MOST_SKIPPED = 10_000
#: A request that no slave can ever build, one that waits, and one whose build is about to start.
_NEVER = Look("impossible", "exclamation", "!", "purple", "exception")
_WAITS = Look("waiting", "quarter of a circle", "◔", "yellow", "waiting")
_STARTS = Look("starting", "triangle to the right", "▶", "yellow", "running")


async def queue(call: Call) -> Page:
    """All waiting requests of the chosen builders."""
    builders = [call.world.botmaster.builders[name] for name in chosen(call)]
    first, after = min(call.query["skip"], MOST_SKIPPED), call.query["after"]
    found = await someWaiting(call.world.store, builders, after, first + MOST + 1)
    shown, isMore = found[first : first + MOST], len(found) > first + MOST
    content: list[Value] = [paragraph(_numbers(builders))]
    if shown:
        names = {each.builder.name for each in shown}
        mayCancel = {name for name in names if await call.may("cancelRequest", name)}
        content.append(_table(call, shown, mayCancel))
    links = []
    if after:
        links.append(link(_pageAt(call, "skip=0"), "Oldest requests"))
    elif first:
        links.append(link(_pageAt(call, f"skip={max(0, first - MOST)}"), "Older requests"))
    if isMore:
        isFar = after or first + MOST > MOST_SKIPPED
        place = f"after={shown[-1].number}" if isFar else f"skip={first + MOST}"
        links.append(link(_pageAt(call, place), "Newer requests"))
    if links:
        content.append(paragraph(join(links, " · ")))
    parts: list[Part | Markup] = [narrowed(call), Part("queue", join(content))]
    return Page("Queue", parts, topics=(QUEUE, SLAVES, BUILDS, BUILDERS), ages=True)


def _numbers(builders: Sequence[Builder]) -> str:
    """The numbers of requests, in one line."""
    waiting = {each: len(each.starting) + each.waiting for each in builders if each.starting or each.waiting}
    if not waiting:
        return "Nothing waits."
    impossible = sum(each.waiting for each in waiting if each.isHopeless())
    count = counted(sum(waiting.values()), "request")
    line = f"{count} of {counted(len(waiting), 'builder')} waiting"
    return f"{line}; no slave can ever build {impossible} of them" if impossible else line


def _pageAt(call: Call, place: str) -> Href:
    kept = "".join(
        f"&{name}={quote(each)}" for name in ("builder", "category", "tag") for each in call.query[name]
    )
    return call.to("queue", query=f"{place}{kept}")


def _table(call: Call, waiting: Sequence[WaitingRequest], mayCancel: Collection[str]) -> Markup:
    """The requests; those of builders whose requests the visitor may cancel have a link for that."""
    reasons: dict[str, tuple[Look, str]] = {}
    ahead = {
        each.id: count
        for builder in {each.builder for each in waiting}
        for count, each in enumerate(builder.pending)
        if builder.backlog.isDue(each)
    }
    rows: list[list[Value]] = []
    for each in waiting:
        name, request = each.builder.name, each.request
        if each.isStarting:
            look, why = _STARTS, "its build is about to start"
        else:
            look, why = reasons.get(name) or reasons.setdefault(name, _why(each.builder))
        source = request.source
        record = source.toRecord() if source.beside else {"branch": source.branch}
        rows.append(
            [
                request.id,
                link(call.to("builders", name), name),
                looks(look),
                why,
                ahead.get(request.id),
                request.reason,
                revisionIn(call, record, None, isShort=True)
                if source.beside
                else revision(
                    call, source.revision or (source.changes[-1].revision if source.changes else None)
                ),
                branchIn(record),
                when(request.submitted),
                since(request.submitted, call.world.now()),
                "" if each.isStarting or name not in mayCancel else _cancel(call, name, request.id or 0),
            ]
        )
    heads = (
        *("Request", "Builder", "State", "Why it waits", "Ahead", "Reason", "Revision", "Branch"),
        *("Since", "For", "Action"),
    )
    return table(
        "Waiting requests, oldest first", *withoutEmpty(heads, rows, ("Revision", "Branch", "Action"))
    )


def _cancel(call: Call, builder: str, number: int) -> Markup:
    """A link to the form that cancels a request."""
    query = urlencode({"id": number, CAME_FROM: pageOf(call.segments, call.given)})
    return link(call.to("builders", builder, "cancelbuild", query=query), whole(f"Cancel {number}"))


def _why(builder: Builder) -> tuple[Look, str]:
    """The state of a builder's waiting requests, and the reason in words."""
    if builder.isHopeless():
        return _NEVER, f"no slave can ever build this: {builder.whyWaiting()}"
    return _WAITS, builder.whyWaiting()


ROUTES = (
    Route(
        "/queue",
        queue,
        "All waiting requests: since when, why, and how many are ahead.",
        (
            Parameter("builder", "Show only requests for these builders.", repeated=True),
            Parameter("category", "Show only builders of these categories or tags.", repeated=True),
            Parameter("tag", "Show only builders of these categories or tags.", repeated=True),
            Parameter("skip", "Leave out this many of the oldest.", "integer", default=0, least=0),
            Parameter("after", "Show only requests with a higher number.", "integer", default=0, least=0),
        ),
    ),
)
