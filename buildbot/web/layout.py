# -*- test-case-name: tests.stories.test_web -*-
"""The frame around each page: head, navigation, heading, and the place of messages."""

from __future__ import annotations

from collections.abc import Iterable

from buildbot import version
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import NOTHING, Href, Markup, Template, escape, href, join, link
from buildbot.web.static import ICON, SCRIPT, STYLE

#: The links of the navigation: text, and the segments of the path.
NAVIGATION: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Home", ()),
    ("Waterfall", ("waterfall",)),
    ("Grid", ("grid",)),
    ("Console", ("console",)),
    ("Builders", ("builders",)),
    ("Builds", ("one_line_per_build",)),
    ("Queue", ("queue",)),
    ("Slaves", ("buildslaves",)),
    ("Changes", ("changes",)),
    ("Schedulers", ("schedulers",)),
    ("About", ("about",)),
)

_DOCUMENT = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>{refresh}
<link rel="icon" href="{icon}"><link rel="stylesheet" href="{style}">{styles}{feeds}{head}
<script src="{script}" defer></script></head>
<body class="{body}" data-root="{root}">
<a class="skip" href="#main">Skip to the content</a>
<header><p class="site">{site}</p>
<nav aria-label="Pages"><ul>{navigation}</ul></nav>
<form class="search" role="search" action="{search}" method="get">
<label class="hidden" for="q">Search for</label>
<input id="q" name="q" type="search" autocomplete="off" size="14"><button>Search</button></form>
<div class="who">{who}</div></header>
<main id="main" tabindex="-1" data-live="{live}">{trail}<h1>{heading}</h1>{notice}
{content}</main>
<footer><p>Buildbot {version}. <span id="live-state" role="status"></span></p>
<p id="zone" data-minutes="{minutes}">Times are in the time zone of the master, {zone}.</p></footer>
</body></html>
""")
_REFRESH = Template('\n<noscript><meta http-equiv="refresh" content="{seconds}"></noscript>')
_FEED = Template('\n<link rel="alternate" type="{type}" title="{title}" href="{to}">')
_STYLE = Template('<link rel="stylesheet" href="{to}">')
_CURRENT = Template('<li><a href="{to}" aria-current="page">{text}</a></li>')
_ITEM = Template('<li><a href="{to}">{text}</a></li>')
_PART = Template('<div id="{id}" data-part="">{html}</div>')
_TRAIL = Template('<nav class="trail" aria-label="Where you are">{links}</nav>')


def partOf(part: Part | Markup) -> Markup:
    """The HTML of a part of a page."""
    return _PART(id=part.id, html=part.html) if isinstance(part, Part) else part


def document(
    call: Call,
    page: Page,
    who: Markup = NOTHING,
    own: str = "",
    notice: Markup = NOTHING,
    since: str = "",
) -> bytes:
    """The whole document of a page.

    @param who: who is logged in, and the link to log in or out.
    @param own: the page's path and query, quoted, for the stream of its changes.
    @param notice: what came of the action before this page.
    @param since: the number of the last event that the page shows.
    """
    config, options = call.world.config, call.world.options
    zone, minutes = call.world.zone()
    ownStyle = [_STYLE(to=call.to("buildbot.css"))] if options.hasStyle else []
    site = escape(config.projectName or "Buildbot")
    if config.projectURL:
        site = link(href(config.projectURL), site)
    return _DOCUMENT(
        title=f"{page.title} - {config.projectName or 'Buildbot'}",
        refresh=_REFRESH(seconds=page.refresh) if page.refresh else NOTHING,
        icon=call.to("favicon.ico") if options.hasIcon else Href(ICON.dataUrl),
        style=call.to("static", STYLE.address),
        styles=join([*(_STYLE(to=call.to("static", address)) for address in page.styles), *ownStyle]),
        head=join([*map(Markup, options.headElements), page.head], Markup("\n")),
        script=call.to("static", SCRIPT.address),
        feeds=join(_FEED(type=kind, title=title, to=to) for title, kind, to in page.feeds),
        body="wide" if page.wide else "page",
        root=call.root,
        site=site,
        navigation=_navigation(call),
        search=call.to("search"),
        who=who,
        live=f"{call.root}live?page={own}&since={since}" if page.topics else "",
        trail=_trail(page.trail),
        heading=page.title,
        notice=notice,
        content=join(map(partOf, page.parts), Markup("\n")),
        version=version,
        minutes=minutes,
        zone=_zone(zone, minutes),
    ).encode("utf-8")


def _zone(name: str, minutes: int) -> str:
    """The time zone of the master, such as "CET (UTC+01:00)"."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{name} (UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02})" if minutes else name


def _navigation(call: Call) -> Markup:
    """The links of the navigation; that of the present page is marked."""
    segments = tuple(call.segments)
    items = []
    for text, target in NAVIGATION:
        isHere = segments == target or (segments == ("",) and not target)
        items.append((_CURRENT if isHere else _ITEM)(to=call.to(*target), text=text))
    return join(items)


def _trail(links: Iterable[tuple[str, Href]]) -> Markup:
    """The links to the pages above."""
    items = [link(to, text) for text, to in links]
    return _TRAIL(links=join(items, " › ")) if items else NOTHING
