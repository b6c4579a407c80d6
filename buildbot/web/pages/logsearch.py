# -*- test-case-name: tests.stories.test_weblog -*-
"""Search a log on the server: the matching lines, with some lines around them and links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from buildbot.logs.matching import BadPattern, Hit, Query
from buildbot.logs.search import Found, LogSearches, TooManySearches
from buildbot.logs.view import LogView
from buildbot.programs.running import ProgramFailed
from buildbot.text.plural import counted
from buildbot.web.call import Answer, Call, Page, Problem
from buildbot.web.jsonanswers import asJSON
from buildbot.web.logreading import PATH, ShownLog, gone, inThread, logOf
from buildbot.web.logs.ansi import plain
from buildbot.web.markup import NOTHING, Markup, Template, join, link
from buildbot.web.pages.build import sized
from buildbot.web.pages.logframe import pageOf, searchForm, toLog
from buildbot.web.pages.pieces import paragraph
from buildbot.web.routes import Parameter, Route

#: The hits of one page.
HITS = 100
#: The lines shown before and after a hit.
AROUND = 2
#: The most lines that JSON has before and after a hit.
MOST_AROUND = 20
#: The most characters of a line before and after a hit.
_LONGEST = 200


@dataclass(frozen=True)
class _Around:
    """A hit with the lines around it: (number, text) each."""

    hit: Hit
    before: list[tuple[int, str]]
    after: list[tuple[int, str]]


async def searchOf(call: Call) -> Page | Answer:
    """The matching lines of a log."""
    shown = await logOf(call)
    wantsJSON = call.query["format"] == "json"
    if not call.query["q"]:
        if wantsJSON:
            raise Problem(400, "The query is missing", "The parameter q has the text to search.")
        return pageOf(call, shown, f"Search {shown.record.name}", [searchForm(call, shown)], isBelow=True)
    query = Query(call.query["q"], call.query["regex"], not call.query["case"])
    found = await _search(call, shown, query)
    if wantsJSON:
        context = call.query["context"]
        around = (
            await inThread(shown, lambda view: _linesBeside(view, found.hits, context)) if context else []
        )
        return asJSON({**_plain(found), "around": around})
    hits = await inThread(shown, lambda view: _withLines(view, found.hits), found.view)
    parts = [
        searchForm(call, shown),
        paragraph(_outcome(call, shown, found)),
        _HITS(items=join(_item(call, shown, query, each) for each in hits)) if hits else NOTHING,
    ]
    return pageOf(call, shown, f"Search {shown.record.name}", parts, isBelow=True)


async def _search(call: Call, shown: ShownLog, query: Query) -> Found:
    searches = call.world.part(LogSearches)
    try:
        return await searches.search(shown.place(), query, call.query["from"], HITS)
    except BadPattern as why:
        raise Problem(400, "This cannot be searched", str(why)) from None
    except TooManySearches as why:
        raise Problem(503, "Too many searches", str(why), headers=(("Retry-After", "5"),)) from None
    except ProgramFailed as why:
        raise Problem(500, "The search failed", str(why)) from None
    except OSError as why:
        raise gone(shown, why) from None


def _plain(found: Found) -> dict[str, Any]:
    """The result as values for JSON."""
    return {
        "hits": [{"line": hit.line, "text": hit.text, "at": hit.at} for hit in found.hits],
        "searched": found.searched,
        "total": found.total,
        "next": found.next,
        "late": found.isLate,
    }


def _linesBeside(view: LogView, hits: tuple[Hit, ...], count: int) -> list[tuple[int, str]]:
    """The lines before and after hits that are no hits: (number, text) each, in order. Blocks."""
    lines: dict[int, str] = {}
    for hit in hits:
        first = max(1, hit.line - count)
        found = view.lines(first, hit.line + count - first + 1).lines
        lines.update((each.number or 0, each.text[: 2 * _LONGEST]) for each in found)
    for hit in hits:
        lines.pop(hit.line, None)
    return sorted(lines.items())


def _withLines(view: LogView, hits: tuple[Hit, ...]) -> list[_Around]:
    """The hits with the lines around them. Blocks."""
    found = []
    shown = 0  # the last line that the page shows already
    for place, hit in enumerate(hits):
        first = max(1, hit.line - AROUND)
        following = hits[place + 1].line if place + 1 < len(hits) else None
        lines = view.lines(first, hit.line + AROUND - first + 1).lines
        texts = [(line.number or 0, line.text[:_LONGEST]) for line in lines]
        found.append(
            _Around(
                hit,
                [each for each in texts if shown < each[0] < hit.line],
                [each for each in texts if each[0] > hit.line and (following is None or each[0] < following)],
            )
        )
        shown = max([hit.line, *(number for number, _ in found[-1].after)])
    return found


def _outcome(call: Call, shown: ShownLog, found: Found) -> Markup:
    """How much is found and searched, and the link to go on."""
    searched = (
        "The whole log is searched."
        if found.next is None
        else f"Searched so far: {sized(found.searched)} of {sized(found.total)}."
    )
    words = [f"{counted(len(found.hits), 'line')} found.", searched]
    if found.isLate:
        words.append("The time for one search is over.")
    more = NOTHING
    if found.next is not None:
        given = {name: "1" for name in ("regex", "case") if call.query[name]}
        query = urlencode({"q": call.query["q"], **given, "from": str(found.next)})
        more = link(toLog(call, shown, "search", query=query), "Search on")
    return join([" ".join(words), more], " ")


def _item(call: Call, shown: ShownLog, query: Query, around: _Around) -> Markup:
    """One hit."""
    hit = around.hit
    length = 0 if query.isRegex else len(query.text)
    text = join(
        [
            plain(hit.text[: hit.at]),
            _MARK(text=plain(hit.text[hit.at : hit.at + length])) if length else NOTHING,
            plain(hit.text[hit.at + length :]),
        ]
    )
    to = toLog(call, shown, query=f"line={hit.line}", anchor=f"L{hit.line}")
    return _ITEM(
        before=_context(around.before),
        to=to,
        number=hit.line,
        text=text,
        after=_context(around.after),
    )


def _context(lines: list[tuple[int, str]]) -> Markup:
    return join(_CONTEXT(number=number, text=plain(text)) for number, text in lines)


_HITS = Template('<ol class="hits">{items}</ol>')
_ITEM = Template('<li>{before}<div class="found"><a href="{to}">{number}</a> {text}</div>{after}</li>')
_CONTEXT = Template('<div class="soft"><i class="n">{number}</i> {text}</div>')
_MARK = Template("<mark>{text}</mark>")

ROUTES = (
    Route(
        f"{PATH}/search",
        searchOf,
        "The lines of a log with a text, or that match a regular expression.",
        (
            Parameter("q", "The text."),
            Parameter("regex", "True if the text is a regular expression of Python.", "flag", default=False),
            Parameter("case", "True if capital and small letters are different.", "flag", default=False),
            Parameter("from", "The line from which to search.", "integer", default=1, least=1),
            Parameter(
                "context",
                "With JSON: how many lines before and after each to return.",
                "integer",
                default=0,
                least=0,
                most=MOST_AROUND,
            ),
            Parameter("format", "A page, or JSON.", default="html", choices=("html", "json")),
        ),
        action="viewLogs",
    ),
)
