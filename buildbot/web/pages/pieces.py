# -*- test-case-name: tests.stories.test_web -*-
"""Pieces that several pages share: times, states, tables and lists of facts."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from buildbot.status.looks import Look, lookOfActivity, lookOfResult
from buildbot.status.timeleft import TimeLeft
from buildbot.text.lasting import lasting, tellable
from buildbot.web.markup import NOTHING, Href, Markup, Template, Value, join

_STATE = Template('<span class="state {kind}"><span aria-hidden="true">{symbol}</span> {text}</span>')
_STATE_LINK = Template(
    '<span class="state {kind}"><span aria-hidden="true">{symbol}</span> <a href="{to}">{text}</a></span>'
)
_WORD = Template('<span class="word">{word}</span>')
_WHEN = Template('<time datetime="{iso}">{text}</time>')
_SINCE = Template('<time data-since="{since}">{text}</time>')
_FACT = Template("<dt>{name}</dt><dd>{value}</dd>")
_FACTS = Template('<dl class="facts">{rows}</dl>')
_TABLE = Template(
    '<table class="{kind}"><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
    "<tbody>{rows}</tbody></table>"
)
_HEAD = Template('<th scope="col">{text}</th>')
_ROW = Template("<tr>{cells}</tr>")
_LIVE_ROW = Template('<tr id="{id}">{cells}</tr>')
_CELL = Template('<td data-label="{label}">{value}</td>')
_SECTION = Template('<section aria-labelledby="{id}"><h2 id="{id}">{title}</h2>{content}</section>')
_WHOLE = Template('<span class="whole">{text}</span>')
_PARAGRAPH = Template("<p>{text}</p>")
#: A table with so many columns does not fit a tablet; there its rows become cards too.
MANY = 6
#: The most characters of a text that is not broken: those of an address with a port.
_UNBROKEN = 22
#: Seconds after which an open page with the time left of builds is made again.
RENEWAL = 15.0


def looks(look: Look, text: Value = None, to: Href | None = None) -> Markup:
    """A state as word, symbol and colour; with an address it is a link. C{text} is shown for the word."""
    if text is not None and text != look.word:
        text = join([text, _WORD(word=look.word)], " ")
    values: dict[str, Value] = {"kind": look.css, "symbol": look.symbol, "text": text or look.word}
    return _STATE(**values) if to is None else _STATE_LINK(to=to, **values)


def result(results: int | None, text: Value = None, to: Href | None = None) -> Markup:
    """The result of a build or step; None is that of a running one."""
    return looks(lookOfResult(results), text, to)


@lru_cache(50)
def activity(name: str) -> Markup:
    """The state of a builder, such as "idle"."""
    return looks(lookOfActivity(name))


def when(seconds: float | None) -> Markup:
    """A time, in the time zone of the server, which is named."""
    if seconds is None:
        return NOTHING
    seconds = tellable(seconds)
    there = time.localtime(seconds)
    iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return _WHEN(iso=iso, text=time.strftime("%Y-%m-%d %H:%M:%S %Z", there))


def clock(seconds: float) -> tuple[str, str]:
    """The day and time to the minute, and the time zone, both of the server."""
    there = time.localtime(seconds)
    return time.strftime("%d %b %H:%M", there), time.strftime("%Z", there)


def since(seconds: float, now: float) -> Markup:
    """The time that has passed; the script of the page lets it run."""
    return _SINCE(since=f"{seconds:.0f}", text=lasting(now - seconds))


def timeLeft(forecast: TimeLeft | None) -> str:
    """The time left, such as "2 min 0 s", and how late it is; "" if unknown."""
    if forecast is None:
        return ""
    if not forecast.late:
        return lasting(forecast.left)
    late = f"{lasting(forecast.late)} later than usual"
    return late if forecast.left < 1 else f"{lasting(forecast.left)}, {late}"


def facts(*pairs: tuple[str, Value]) -> Markup:
    """A list of names and values; None and "" are left out."""
    rows = [_FACT(name=name, value=value) for name, value in pairs if value is not None and value != ""]
    return _FACTS(rows=join(rows))


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[Value]], prefix: str | None = None
) -> Markup:
    """A table; on a narrow screen, each row becomes a card.

    @param prefix: unique in the page. With it, each row is exchanged by itself while the page is open.
    """
    cells = [
        join(_CELL(label=label, value=value) for label, value in zip(heads, row, strict=True)) for row in rows
    ]
    if prefix is None:
        lines = [_ROW(cells=each) for each in cells]
    else:
        lines = [_LIVE_ROW(id=f"{prefix}-{number}", cells=each) for number, each in enumerate(cells)]
    kind = "cards many" if len(heads) >= MANY else "cards"
    return _TABLE(
        kind=kind, caption=caption, heads=join(_HEAD(text=text) for text in heads), rows=join(lines)
    )


_BAR = Template(
    '<svg class="bar" width="60" height="8" aria-hidden="true"><rect width="{width}" height="8"/></svg>'
)


def bar(value: float, most: float) -> Markup:
    """A bar whose length shows a value, compared with the largest one."""
    return _BAR(width=round(60 * value / most) if most > 0 else 0)


def section(id: str, title: str, content: Value) -> Markup:
    """A part of a page with a heading."""
    return _SECTION(id=id, title=title, content=content)


def whole(text: Value) -> Markup:
    """A few words that stay in one line."""
    return _WHOLE(text=text)


def unbroken(text: str | None) -> Value:
    """An address or a name that stays in one line if it is not long."""
    return whole(text) if text and len(text) <= _UNBROKEN else text


def withoutEmpty(
    heads: Sequence[str], rows: Sequence[Sequence[Value]], may: Collection[str]
) -> tuple[list[str], list[list[Value]]]:
    """The heads and rows of a table without its empty columns.

    @param may: the heads of the columns that may be left out.
    """
    kept = [n for n, head in enumerate(heads) if head not in may or any(row[n] for row in rows)]
    return [heads[n] for n in kept], [[row[n] for n in kept] for row in rows]


def paragraph(text: Value) -> Markup:
    """A paragraph."""
    return _PARAGRAPH(text=text)
