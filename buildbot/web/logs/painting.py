# -*- test-case-name: tests.unit.web.logs.test_painting -*-
"""Lines of a log as HTML: one element a line, with its number, colours, channel, time and marks.

The number of a line is a link to a page around it. A line with an error or a warning is marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR
from buildbot.logs.format import Chunk
from buildbot.logs.lines import Line
from buildbot.text.plural import counted
from buildbot.web.logs.ansi import looksAfter, render
from buildbot.web.logs.failures import KNOWN, Failures, Kind
from buildbot.web.logs.looks import PLAIN, Looks
from buildbot.web.markup import Href, Markup

#: The characters of a line in which a mark of an error is looked for.
_HEAD = 1000
#: The CSS class and the words of each channel but standard output.
_CHANNELS = {
    LOG_CHANNEL_STDERR: ("stderr", "standard error"),
    LOG_CHANNEL_HEADER: ("header", "note of the master or the slave"),
}
_MARKS = {
    Kind.ERROR: ("bad", '<i class="k" title="error">✗</i>'),
    Kind.WARNING: ("odd", '<i class="k" title="warning">▲</i>'),
}

_HERE = Href("")

#: The looks at some place, by channel.
State = dict[int, Looks]


class Painter:
    """I paint consecutive lines of a log. The colours of a line go on in the next one, for each channel.

    @ivar state: the looks at the beginning of the next line, by channel.
    """

    def __init__(
        self,
        state: Mapping[int, Looks] | None = None,
        clock: Callable[[float], str] | None = None,
        failures: Failures = KNOWN,
        base: Href = _HERE,
    ) -> None:
        """@param clock: makes the text of a time; None: lines have no times.
        @param base: the address of the log's page; empty on that page itself.
        """
        self._base = base
        self.state: State = dict(state or {})
        self._clock = clock
        self._failures = failures

    def paint(self, lines: Sequence[Line]) -> list[Markup]:
        """The HTML of each line. An incomplete line does not change the colours of the next one."""
        text = "\n".join("" if _isNote(line) else line.text[:_HEAD] for line in lines)
        kinds = dict(self._failures.find(text, 0))
        return [self._line(line, kinds.get(place)) for place, line in enumerate(lines)]

    def _line(self, line: Line, kind: Kind | None) -> Markup:
        names = []
        if line.isGap:
            names.append("gap")
        if not line.isWhole:
            names.append("open")
        mark = ""
        if kind is not None:
            name, mark = _MARKS[kind]
            names.append(name)
        number = line.number
        shown = f' class="{" ".join(names)}"' if names else ""
        if number is None:
            head = f'<div id="B{line.offset}"{shown}><i class="n">…</i>'
        else:
            to = f"{self._base}?line={number}#L{number}"
            head = f'<div id="L{number}"{shown}><a href="{to}" tabindex="-1">{number}</a>'
        content = self._content(line) or "\n"  # so that a copy of the page has the empty line
        return Markup(f"{head}{self._time(line)}{mark}{content}</div>")

    def _time(self, line: Line) -> str:
        if self._clock is None:
            return ""
        text = "?" if line.when is None else self._clock(line.when)
        return f'<i class="t">{escape(text)}</i>'

    def _content(self, line: Line) -> str:
        found = []
        state = self.state if line.isWhole else dict(self.state)
        for channel, text in line.pieces:
            html, looks = render(text, state.get(channel, PLAIN))
            if looks is not PLAIN or channel in state:
                state[channel] = looks
            if channel in _CHANNELS:
                name, title = _CHANNELS[channel]
                html = Markup(f'<span class="{name}" title="{title}">{html}</span>')
            found.append(html)
        if line.cut:
            found.append(Markup(f'<i class="cut"> [{counted(line.cut, "more byte")}]</i>'))
        return "".join(found)


def _isNote(line: Line) -> bool:
    """True if all of a line is on the header channel."""
    return all(channel == LOG_CHANNEL_HEADER for channel, _ in line.pieces)


def stateAfter(chunks: Iterable[Chunk]) -> State:
    """The looks after some chunks that end with a line, by channel."""
    texts: dict[int, list[bytes]] = {}
    for channel, data in chunks:
        texts.setdefault(channel, []).append(data)
    return {
        channel: looksAfter(b"".join(pieces).decode("utf-8", "replace")) for channel, pieces in texts.items()
    }
