# -*- test-case-name: tests.stories.test_weblog -*-
"""The page of one log: a first screen of lines, and ways to all others. It needs no script."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.lines import Line
from buildbot.logs.view import LogView
from buildbot.text.plural import counted
from buildbot.web.call import HTML, Answer, Call, Out, Page, Part, Stream
from buildbot.web.followers import Follower, Followers, asEvents, asHTML, endEvent
from buildbot.web.jsonanswers import asJSON
from buildbot.web.layout import document
from buildbot.web.live import EVENTS, closedEvent
from buildbot.web.logreading import (
    CHOICE,
    PATH,
    Painted,
    ShownLog,
    chosen,
    farEnough,
    firstScreen,
    inThread,
    logOf,
    painted,
    stateAt,
)
from buildbot.web.logs.choosing import Wanted, shareOf
from buildbot.web.logs.folding import blocks
from buildbot.web.logs.outline import Outlined
from buildbot.web.logs.painting import State
from buildbot.web.markup import NOTHING, Markup, Template, Value, join, link
from buildbot.web.outlines import Outlines
from buildbot.web.pages.build import sized
from buildbot.web.pages.logfailing import failing
from buildbot.web.pages.logframe import pageOf, searchForm, toLog
from buildbot.web.pages.pieces import facts, paragraph, result
from buildbot.web.routes import Parameter, Route
from buildbot.wire.dialect import collectsOutput

_LOG = Template(
    '<section id="log" class="log" aria-label="Output" data-lines="{lines}" data-follow="{follow}"'
    ' data-times="{times}" data-total="{total}" data-output="{output}" data-part="{part}">'
    "\n{content}</section>"
    '<p class="new-lines"><button type="button" id="new-lines" hidden="">New lines</button></p>'
)
_GOTO = Template(
    '<form class="goto" method="get"><label for="line">Line or percentage</label> '
    '<input id="line" name="line" size="8" required=""> {times}<button>Go</button></form>'
)
_TIMES = Markup('<input type="hidden" name="times" value="1">')
_TOOLS = Template('<div class="tools">{content}</div>')
_NAV = Template('<nav class="parts" aria-label="{label}">{links}</nav>')
# The script writes the addresses again when the page has more lines.
_BESIDE = Template('<a rel="{rel}" href="{to}">{text}</a>')
# The script leaves it out at the end of the log.
_FOLLOW = Template('<a class="follow" href="{to}">Follow without script</a>')
_GAP = Template('<div class="gap"><i class="n">…</i>{text}</div>\n')
_TAIL = Template('<div class="block short" data-tail="">\n{content}</div>\n')
_SHOWN = Template('<span id="shown">{text}</span>')
_HERE = Markup("<!-- lines -->")
#: Seconds until the page of a log without an index loads itself again.
_AGAIN = 1
_CLOSED = Template('<p class="note failed" role="alert">The page ends here. {why}</p>\n')
_FRAME = Template('<iframe sandbox="" class="html-log" title="The log {name}" src="{to}"></iframe>')


async def logPage(call: Call) -> Page | Stream:
    """One log."""
    shown = await logOf(call)
    if call.query["follow"] and not shown.record.html:
        return await _endless(call, shown)
    if shown.record.html:
        return pageOf(
            call,
            shown,
            _title(shown),
            [_facts(call, shown), _FRAME(name=shown.record.name, to=toLog(call, shown, "html"))],
        )

    outlines = call.world.part(Outlines)

    def read(view: LogView) -> tuple[Wanted, Painted, Outlined]:
        wanted = chosen(call.query, view, shown.isShownFromEnd)
        outlined = Outlined() if view.isPart else outlines.of(view, failures=shown.failures)
        return wanted, painted(view, wanted, call.query["times"], shown.failures), outlined

    query = call.query
    isEnough = farEnough(query)
    share = shareOf(query["line"] or "")
    part = (share, query["count"]) if share is not None else None
    isEnd = isEnough is None and (query["end"] or shown.isShownFromEnd)
    wanted, lines, outlined = await firstScreen(shown, read, isEnd, isEnough, part)
    if lines.isPart:
        shown.directory.views.prepare(shown.place())
    elif outlined.searched < 1:
        outlines.goOn(shown.directory.views, shown.place(), shown.failures)
    page = pageOf(
        call,
        shown,
        _title(shown),
        [
            Part("facts", join([_facts(call, shown, lines), _notes(call, shown, lines.isPart)])),
            Part("outline", failing(outlined, shown.isShownFromEnd)),
            _links(call, shown, lines, "Parts of the log"),
            _TOOLS(
                content=join([searchForm(call, shown), _GOTO(times=_TIMES if query["times"] else NOTHING)])
            ),
            _output(call, shown, lines, wanted, outlined),
            _links(call, shown, lines, "More of the log") if len(lines.html) > 50 else NOTHING,
        ],
    )
    return replace(page, refresh=_AGAIN) if lines.isPart else page


async def _endless(call: Call, shown: ShownLog) -> Stream:
    """The page with the last lines of a log, which goes on until the log is finished."""
    followers = call.world.part(Followers)
    followers.check()
    wanted = Wanted(None, call.query["count"])
    begin, state = await inThread(shown, lambda view: _beginning(view, wanted))
    earlier = link(toLog(call, shown, query="first=1"), "First lines")
    live = link(toLog(call, shown), "With script")
    page = pageOf(
        call,
        shown,
        _title(shown),
        [
            _facts(call, shown),
            _notes(call, shown),
            _NAV(label="Parts of the log", links=join([earlier, live], " ")),
            _LOG(content=_HERE, lines="", follow="", times="", total="", output="", part=""),
        ],
    )
    before, after = document(call, page).split(_HERE.encode())

    def start(out: Out) -> None:
        out.write(before + b'<div class="block short">\n')
        follower = Follower(
            followers,
            out,
            asHTML,
            lambda output: b"</div>\n" + after,
            state,
            call.query["times"],
            failures=shown.failures,
        )
        followers.add(follower, shown.directory.feeds, shown.watched(), begin)

    def last(why: str, mayReturn: bool) -> bytes:
        return b"</div>\n" + _CLOSED(why=why).encode("utf-8") + after

    return Stream(start, HTML, last=last)


def _beginning(view: LogView, wanted: Wanted) -> tuple[int, State]:
    """The place of the first of the last lines in the output, and its colours."""
    found = view.last(wanted.count)
    lines = found.lines or found.unnumbered
    begin = lines[0].offset if lines else 0
    return begin, stateAt(view, begin)


async def follow(call: Call) -> Stream:
    """The new lines of a log as server-sent events. The id of an event is a place in the output."""
    shown = await logOf(call)
    followers = call.world.part(Followers)
    followers.check()
    last = call.headers.get("last-event-id", "")
    begin = int(last) if last.isdecimal() and len(last) < 16 else call.query["from"]
    if shown.isFinished:
        await inThread(shown, lambda view: view.output)  # a lost file is a Problem
    log, feeds, failures, times = shown.watched(), shown.directory.feeds, shown.failures, call.query["times"]

    def start(out: Out) -> None:
        out.write(b"retry: 1000\n\n")
        # The colours are found when the request is forgotten already: a crowd of browsers may come at once.
        follower = Follower(followers, out, asEvents, endEvent, {}, times, b": alive\n\n", failures)
        followers.add(follower, feeds, log, begin, stateAt)

    return Stream(start, EVENTS, last=closedEvent)


def _title(shown: ShownLog) -> str:
    return f"{shown.record.name} of {shown.step.name}"


def _facts(call: Call, shown: ShownLog, lines: Painted | None = None) -> Markup:
    step = shown.step
    pairs: list[tuple[str, Value]] = [
        ("Result", join([result(step.results), " ".join(step.text)], " ")),
        (
            "Text",
            join(
                [
                    link(toLog(call, shown, "text"), "text"),
                    link(toLog(call, shown, "text", query="headers=1"), "with headers"),
                    link(toLog(call, shown, "text", query="download=1"), "download"),
                ],
                ", ",
            ),
        ),
    ]
    if lines is not None:
        pairs.insert(1, ("Shown", _SHOWN(text=_amount(lines, call.query["line"]))))
    if shown.record.trouble:
        pairs.append(("Incomplete", shown.record.trouble))
    return facts(*pairs)


def _amount(lines: Painted, asked: str | None) -> str:
    """The numbers of the shown lines, and of all lines of the log.

    @param asked: the line or the percentage that was asked for, if any.
    """
    if not lines.isPart:
        return f"{_span(lines)} of {counted(lines.total, 'line')} ({sized(lines.output)})"
    if lines.tail and asked:
        return f"{counted(len(lines.tail), 'line')} at about {asked.strip()} of the log"
    if lines.tail:
        return f"the last {counted(len(lines.tail), 'line')} of about {sized(lines.output)}"
    return _span(lines)


def _span(lines: Painted) -> str:
    return f"lines {lines.first} to {lines.last}" if lines.html else "no lines"


def _notes(call: Call, shown: ShownLog, isPart: bool = False) -> Markup:
    """The notes about the numbers and the times of a log."""
    notes = []
    if isPart:
        notes.append(
            "The master counts the lines of this long log at the moment. The page loads itself again in a "
            "second, with all line numbers, failing lines and sections."
        )
    if call.query["times"]:
        notes.append(
            f"Times are in the time zone {time.strftime('%Z')}. Lines that arrived in one piece, or within "
            "64 KB, have the same time."
        )
    if not shown.isFinished and _collects(call, shown.build.slave):
        notes.append(
            f"The slave {shown.build.slave} sends its output every 5 seconds, or when it has 64 KB, as do "
            "all slaves from 0.8.1 on, and all workers."
        )
    return join(paragraph(each) for each in notes)


def _collects(call: Call, name: str) -> bool:
    """True if a slave keeps output for some seconds before it sends it."""
    try:
        slave = call.world.status.getSlave(name)
    except KeyError:
        return False
    return collectsOutput(slave.generation, slave.version)


def _links(call: Call, shown: ShownLog, lines: Painted, label: str) -> Markup:
    """Links to the other lines.

    @param label: the name of these links for screen readers, unlike those of others on the page.
    """
    count = call.query["count"]
    more = "&times=1" if call.query["times"] else ""
    links = []
    if lines.isPart and not lines.html:  # their numbers are unknown
        links.append(link(toLog(call, shown, query=f"first=1&count={count}{more}"), "First lines"))
    elif lines.first > 1:
        before = max(1, lines.first - count)
        links.append(link(toLog(call, shown, query=f"first=1&count={count}{more}"), "First lines"))
        older = f"first={before}&count={lines.first - before}{more}"
        to = toLog(call, shown, query=older, anchor=f"L{lines.first - 1}")
        links.append(_BESIDE(rel="prev", to=to, text="Older lines"))
    if not lines.isEnd:
        if lines.html or not lines.isPart:
            newer = f"first={lines.last + 1}&count={count}{more}"
            links.append(_BESIDE(rel="next", to=toLog(call, shown, query=newer), text="Newer lines"))
        links.append(link(toLog(call, shown, query=f"end=1&count={count}{more}"), "Last lines"))
    if not shown.isFinished:
        links.append(_FOLLOW(to=toLog(call, shown, query="follow=1")))
    here = f"first={lines.first}&count={max(1, len(lines.html))}"
    if call.query["times"]:
        links.append(link(toLog(call, shown, query=here), "Without times"))
    else:
        links.append(link(toLog(call, shown, query=f"{here}&times=1"), "With times"))
    return _NAV(label=label, links=join(links, " "))


def _output(call: Call, shown: ShownLog, lines: Painted, wanted: Wanted, outlined: Outlined) -> Markup:
    """The lines."""
    content = blocks(lines.first, lines.html, outlined.sections, wanted.line)
    if not lines.html and not lines.tail:
        content = paragraph("The log has no output." if shown.isFinished else "There is no output yet.")
    follow: Value = ""
    if not shown.isFinished:
        follow = toLog(call, shown, "follow")
    return _LOG(
        content=join([content, tail(lines)]),
        lines=toLog(call, shown, "lines"),
        follow=follow,
        times="1" if call.query["times"] else "",
        total=lines.total,
        output=lines.output if lines.isEnd else "",
        part="1" if lines.isPart else "",
    )


def tail(lines: Painted) -> Markup:
    """The last lines of a log that is too long and still grows."""
    if not lines.tail:
        return NOTHING
    if lines.isPart:
        return _TAIL(content=join(lines.tail, Markup("\n")))
    lacking = f"{counted(lines.dropped, 'byte')} left out until now; " if lines.dropped else ""
    gap = _GAP(text=f"[{lacking}the lines below have no numbers yet]")
    return _TAIL(content=join([gap, join(lines.tail, Markup("\n"))]))


async def linesOf(call: Call) -> Answer:
    """Some lines, as JSON, or as a piece of the page."""
    shown = await logOf(call)
    if call.query["format"] == "html":
        outlines = call.world.part(Outlines)

        def read(view: LogView) -> tuple[Painted, Outlined]:
            wanted = chosen(call.query, view, True)
            lines = painted(view, wanted, call.query["times"], shown.failures)
            return lines, outlines.of(view, 0, shown.failures)

        lines, outlined = await inThread(shown, read)
        content = _FRAGMENT(
            content=join([blocks(lines.first, lines.html, outlined.sections), tail(lines)]),
            first=lines.first,
            last=lines.last,
            total=lines.total,
            output=lines.output if lines.isEnd else "",
        )
        return Answer(content.encode("utf-8"))
    return asJSON(await inThread(shown, lambda view: _plainLines(view, call.query)))


_FRAGMENT = Template(
    '<div data-first="{first}" data-last="{last}" data-total="{total}" data-output="{output}">{content}</div>'
)


def _plainLines(view: LogView, query: Mapping[str, Any]) -> dict[str, Any]:
    """Some lines as values for JSON."""
    wanted = chosen(query, view, True)
    found = view.last(wanted.count) if wanted.first is None else view.lines(wanted.first, wanted.count)
    return {
        "total": found.total,
        "output": found.output,
        "finished": view.isFinished,
        "dropped": found.dropped,
        "lines": [_plainLine(line) for line in (*found.lines, *found.unnumbered)],
    }


def _plainLine(line: Line) -> dict[str, Any]:
    return {
        "number": line.number,
        "offset": line.offset,
        "when": line.when,
        "pieces": [[_CHANNEL_NAMES.get(channel, str(channel)), text] for channel, text in line.pieces],
        "cut": line.cut,
        "complete": line.isWhole,
        "gap": line.isGap,
    }


_CHANNEL_NAMES = {LOG_CHANNEL_STDOUT: "stdout", LOG_CHANNEL_STDERR: "stderr", LOG_CHANNEL_HEADER: "header"}
ROUTES = (
    Route(
        PATH,
        logPage,
        "One log: its lines with colours and numbers, live.",
        (
            *CHOICE,
            Parameter("follow", "True for a page that goes on while the log grows.", "flag", default=False),
        ),
        action="viewLogs",
    ),
    Route(
        f"{PATH}/follow",
        follow,
        "The new lines of a log, as server-sent events.",
        (
            Parameter("from", "The bytes of output that are known.", "integer", default=0, least=0),
            Parameter("times", "True to send the time of each line.", "flag", default=False),
        ),
        action="viewLogs",
        kind="stream",
    ),
    Route(
        f"{PATH}/lines",
        linesOf,
        "Some lines of a log, as JSON.",
        (
            *CHOICE,
            Parameter("format", "JSON, or a piece of the page.", default="json", choices=("json", "html")),
        ),
        action="viewLogs",
        kind="json",
    ),
)
