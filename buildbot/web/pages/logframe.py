# -*- test-case-name: tests.stories.test_weblog -*-
"""What all pages about a log share: their frame, their addresses and the search box."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.web.call import Call, Page, Part
from buildbot.web.logreading import ShownLog
from buildbot.web.markup import Href, Markup, Template
from buildbot.web.static import LOG_STYLE

_SEARCH = Template(
    '<form class="goto" method="get" role="search" action="{to}" aria-label="Search the log">'
    '<label for="log-q">Search the log</label> '
    '<input id="log-q" name="q" type="search" size="24" required="" maxlength="500" value="{text}"> '
    "<label>{regex} regular expression</label> <label>{case} capitals matter</label> "
    "<button>Search</button></form>"
)
_BOXES = {
    (name, isOn): Markup(f'<input type="checkbox" name="{name}" value="1"{" checked" if isOn else ""}>')
    for name in ("regex", "case")
    for isOn in (True, False)
}


def toLog(call: Call, shown: ShownLog, *more: str, query: str = "", anchor: str = "") -> Href:
    """The address of the page of a log, or of one below it. C{query} and C{anchor} are already quoted."""
    return call.to(*shown.segments, *more, query=query, anchor=anchor)


def pageOf(
    call: Call, shown: ShownLog, title: str, parts: Sequence[Part | Markup], isBelow: bool = False
) -> Page:
    """A page about a log.

    @param isBelow: True for a page below that of the log.
    """
    build, step = shown.build, shown.step
    name, number = build.builder, build.number or 0
    trail = [
        ("Builders", call.to("builders")),
        (name, call.to("builders", name)),
        (f"Build {number}", call.to("builders", name, "builds", number)),
        (step.name, call.to("builders", name, "builds", number, "steps", step.name)),
    ]
    if isBelow:
        trail.append((shown.record.name, toLog(call, shown)))
    return Page(title, parts, trail=trail, wide=True, styles=(LOG_STYLE.address,))


def searchForm(call: Call, shown: ShownLog) -> Markup:
    """The box to search a log."""
    query = call.query
    return _SEARCH(
        to=toLog(call, shown, "search"),
        text=query.get("q") or "",
        regex=_BOXES["regex", bool(query.get("regex"))],
        case=_BOXES["case", bool(query.get("case"))],
    )
