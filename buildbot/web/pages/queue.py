# -*- test-case-name: tests.stories.test_webqueue -*-
"""The queue: all waiting requests, in the order of age, each with the reason and the requests ahead of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from buildbot.process.builder import Builder
from buildbot.process.request import BuildRequest
from buildbot.status.looks import Look
from buildbot.status.topics import BUILDERS, BUILDS, QUEUE, SLAVES
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Href, Markup, Value, join, link
from buildbot.web.pages.builders import chosen
from buildbot.web.pages.changes import revision
from buildbot.web.pages.pieces import looks, paragraph, since, table, when, whole, withoutEmpty
from buildbot.web.routes import Parameter, Route

#: The most requests of one page.
MOST = 100
#: A request that no slave can ever build, one that waits, and one whose build is about to start.
_NEVER = Look("impossible", "exclamation", "!", "purple", "exception")
_WAITS = Look("waiting", "quarter of a circle", "◔", "yellow", "waiting")
_STARTS = Look("starting", "triangle to the right", "▶", "yellow", "running")


@dataclass(frozen=True)
class _Waiting:
    """One request. C{ahead} is the number of older requests of its builder; None: it is starting."""

    builder: Builder
    request: BuildRequest
    ahead: int | None


async def queue(call: Call) -> Page:
    """All waiting requests of the chosen builders."""
    waiting = _waiting(call, chosen(call))
    first = call.query["skip"]
    shown = waiting[first : first + MOST]
    content: list[Value] = [paragraph(_numbers(waiting))]
    if shown:
        names = {each.builder.name for each in shown}
        mayCancel = {name for name in names if await call.may("cancelRequest", name)}
        content.append(_table(call, shown, mayCancel))
    links = []
    if first:
        links.append(link(_pageAt(call, max(0, first - MOST)), "Older requests"))
    if first + MOST < len(waiting):
        links.append(link(_pageAt(call, first + MOST), "Newer requests"))
    if links:
        content.append(paragraph(join(links, " · ")))
    return Page("Queue", [Part("queue", join(content))], topics=(QUEUE, SLAVES, BUILDS, BUILDERS), ages=True)


def _waiting(call: Call, names: Sequence[str]) -> list[_Waiting]:
    """The waiting requests, oldest first."""
    builders = call.world.botmaster.builders
    found = []
    for name in names:
        builder = builders[name]
        found += [_Waiting(builder, each, None) for each in builder.starting]
        found += [_Waiting(builder, each, ahead) for ahead, each in enumerate(builder.pending)]
    return sorted(found, key=lambda each: each.request.id or 0)


def _numbers(waiting: Sequence[_Waiting]) -> str:
    """The numbers of requests, in one line."""
    if not waiting:
        return "Nothing waits."
    hopeless = [each for each in {each.builder for each in waiting} if each.isHopeless()]
    impossible = sum(len(each.pending) for each in hopeless)
    builders = counted(len({each.builder for each in waiting}), "builder")
    line = f"{counted(len(waiting), 'request')} of {builders} waiting"
    return f"{line}; no slave can ever build {impossible} of them" if impossible else line


def _pageAt(call: Call, first: int) -> Href:
    kept = "".join(
        f"&{name}={quote(each)}" for name in ("builder", "category", "tag") for each in call.query[name]
    )
    return call.to("queue", query=f"skip={first}{kept}")


def _table(call: Call, waiting: Sequence[_Waiting], mayCancel: Collection[str]) -> Markup:
    """The requests; those of builders whose requests the visitor may cancel have a link for that."""
    reasons: dict[str, tuple[Look, str]] = {}
    rows: list[list[Value]] = []
    for each in waiting:
        name, request = each.builder.name, each.request
        if each.ahead is None:
            look, why = _STARTS, "its build is about to start"
        else:
            look, why = reasons.get(name) or reasons.setdefault(name, _why(each.builder))
        source = request.source
        rows.append(
            [
                request.id,
                link(call.to("builders", name), name),
                looks(look),
                why,
                each.ahead,
                request.reason,
                revision(call, source.revision or (source.changes[-1].revision if source.changes else None)),
                source.branch,
                when(request.submitted),
                since(request.submitted, call.world.now()),
                "" if each.ahead is None or name not in mayCancel else _cancel(call, name, request.id or 0),
            ]
        )
    heads = (
        *("Request", "Builder", "State", "Why it waits", "Ahead", "Reason", "Revision", "Branch"),
        *("Since", "For", "Action"),
    )
    return table("Waiting requests, oldest first", *withoutEmpty(heads, rows, ("Revision", "Branch")))


def _cancel(call: Call, builder: str, number: int) -> Markup:
    """A link to the form that cancels a request."""
    return link(call.to("builders", builder, "cancelbuild", query=f"id={number}"), whole(f"Cancel {number}"))


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
        ),
    ),
)
