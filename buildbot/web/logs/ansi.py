# -*- test-case-name: tests.unit.web.logs.test_ansi -*-
"""The text of a log as a terminal would show it: as HTML with classes, or as plain text.

Each line stands alone: only its looks pass on to the next line. A sequence of no use in a log is dropped.
Other control characters, and those that reorder or hide text, are shown as their codes.
One channel of a log needs one state: a program does not know what colours the other channel has.
"""

from __future__ import annotations

import re
from html import escape as _html

from buildbot.text.printable import HARMFUL
from buildbot.web.logs.looks import PLAIN, Looks, after, classes
from buildbot.web.logs.screen import LONGEST, Row, Screen
from buildbot.web.logs.sequences import BODY, isMove, linkOf, unfinished
from buildbot.web.markup import NOTHING, Markup

#: Characters without width that hide in a word. Joiners may stand between letters that are not ASCII.
_HIDDEN = "\u00ad\u180e\u200b\u2060-\u2064\U000e0000-\U000e007f"
_JOINER = "(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
_SHOWN = re.compile(f"(?!\t)[{HARMFUL}{_HIDDEN}]|{_JOINER}")
_SHOWN_IN_BLOCK = re.compile(f"(?![\n\t])[{HARMFUL}{_HIDDEN}\u200c\u200d]")
#: The same for the bytes of ASCII text.
_CONTROLS = bytes({*range(32), 127} - {9, 10})
#: The most links of one line.
MOST_LINKS = 100


def render(line: str, looks: Looks = PLAIN) -> tuple[Markup, Looks]:
    """The HTML of a line without its newline, and the looks of the next line.

    At most L{LONGEST} characters are shown; a note tells how many more there are.
    """
    line = line.rstrip("\r")
    if len(line) <= LONGEST:
        if line.isprintable():
            return _wrapped(_shown(line), looks), looks
        done = _appended(line, looks)
        if done is not None:
            return done
    screen = Screen(looks)
    screen.write(line)
    return _ofRow(screen.row()), screen.looks


def renderBlock(text: str, looks: Looks = PLAIN) -> tuple[list[Markup], Looks]:
    """The HTML of each line of a text, and the looks after it. A newline at its end begins no line."""
    if not text:
        return [], looks
    text = text.replace("\r\n", "\n").removesuffix("\n")
    if _isCalm(text):
        escaped = _html(text).split("\n")
        if len(text) <= LONGEST or max(map(len, escaped)) <= LONGEST:
            return [_wrapped(each, looks) for each in escaped] if looks != PLAIN else _all(escaped), looks
    found = []
    for line in text.split("\n"):
        html, looks = render(line, looks)
        found.append(html)
    return found, looks


def plain(line: str) -> str:
    """A line as L{render} shows it, but without colours and links: for a search, or a plain terminal."""
    line = line.rstrip("\r")
    if len(line) <= LONGEST and not _overwrites(line):
        text = BODY.sub("", line) if "\x1b" in line else line
        return text if text.isascii() and text.isprintable() else _SHOWN.sub(_spelled, text)
    screen = Screen(PLAIN)
    screen.write(line)
    row = screen.row()
    text = _SHOWN.sub(_spelled, "".join(text for _, _, text in row.pieces))
    return f"{text} {_note(row.cut)}" if row.cut else text


def looksAfter(text: str, looks: Looks = PLAIN) -> Looks:
    """The looks after a text of whole lines: quicker than L{renderBlock}, for an index."""
    if "\x1b" not in text:
        return looks
    for body in BODY.findall(text, max(text.rfind("\x1b[0m"), text.rfind("\x1b[m"), 0)):
        if body[0] == "[" and body[-1] == "m":
            looks = after(looks, body[1:-1])
    return looks


class Lines:
    """I render the text of one channel of a log, which comes in pieces cut anywhere."""

    def __init__(self, looks: Looks = PLAIN) -> None:
        """@param looks: those at the beginning of the first line"""
        #: The looks at the beginning of the unfinished line.
        self.looks = looks
        self._pending = ""
        self._screen: Screen | None = None

    def feed(self, text: str) -> list[Markup]:
        """The HTML of the lines that end in the next piece of text."""
        head, newline, rest = text.rpartition("\n")
        if not newline:
            self._keep(text)
            return []
        found = []
        if self._screen is not None:
            first, newline, head = head.partition("\n")
            self._screen.write(self._pending + first)
            found.append(_ofRow(self._screen.row()))
            self.looks, self._screen, self._pending = self._screen.looks, None, ""
            if not newline:
                self._keep(rest)
                return found
        lines, self.looks = renderBlock(f"{self._pending}{head}\n", self.looks)
        self._pending = ""
        self._keep(rest)
        return found + lines

    def partial(self) -> Markup:
        """The HTML of the unfinished line; an incomplete sequence at its end is left out."""
        if self._screen is not None:
            return _ofRow(self._screen.row())
        return render(self._pending[: unfinished(self._pending)], self.looks)[0]

    def _keep(self, text: str) -> None:
        """Keep a piece of the unfinished line; no more text than L{LONGEST}, and a screen for the rest."""
        self._pending += text
        if self._screen is None and len(self._pending) <= LONGEST + 1:
            return
        if self._screen is None:
            self._screen = Screen(self.looks)
        end = unfinished(self._pending)
        self._screen.write(self._pending[:end])
        self._pending = self._pending[end:]


def _isCalm(text: str) -> bool:
    """True if no character of a text needs more than an escape."""
    if text.isascii():
        data = text.encode("ascii")
        return len(data.translate(None, _CONTROLS)) == len(data)
    return "\x1b" not in text and not _SHOWN_IN_BLOCK.search(text)


def _overwrites(line: str) -> bool:
    """True if a part of a line may overwrite or erase an earlier one."""
    if "\r" in line or "\b" in line:
        return True
    return "\x1b" in line and any(map(isMove, BODY.findall(line)))


def _appended(line: str, looks: Looks) -> tuple[Markup, Looks] | None:
    """What L{render} returns, for a line that overwrites nothing; None for another one."""
    if "\r" in line or "\x08" in line:
        return None
    parts = BODY.split(line)
    if len(parts) == 1:
        return _wrapped(_shown(line), looks), looks
    pieces = [(looks, "", parts[0])]
    link = ""
    for body, text in zip(parts[1::2], parts[2::2], strict=True):
        if body[-1] == "m" and body[0] == "[":
            looks = after(looks, body[1:-1])
        elif isMove(body):
            return None
        else:
            link = linkOf(body, link)
        last = pieces[-1]
        if last[0] == looks and last[1] == link:
            pieces[-1] = (looks, link, last[2] + text)
        elif text:
            pieces.append((looks, link, text))
    return _joined(pieces), looks


def _joined(pieces: list[tuple[Looks, str, str]]) -> Markup:
    """The HTML of (looks, link, text) pieces; a link is around all its pieces."""
    html = []
    isOpen, links = "", MOST_LINKS
    for looks, link, text in pieces:
        if not text:
            continue
        if link != isOpen:
            html.append("</a>" if isOpen else "")
            isOpen = link if links else ""
            if isOpen:
                links -= 1
                html.append(f'<a href="{_html(isOpen)}" rel="nofollow noreferrer">')
        shown = _shown(text)
        names = classes(looks)
        html.append(f'<span class="{names}">{shown}</span>' if names else shown)
    if isOpen:
        html.append("</a>")
    return Markup("".join(html))


def _ofRow(row: Row) -> Markup:
    """The HTML of a row of a screen."""
    html = _joined(row.pieces)
    return Markup(f'{html}<i class="cut"> {_note(row.cut)}</i>') if row.cut else html


def _note(cut: int) -> str:
    return f"[{cut:,} more characters]"


def _all(lines: list[str]) -> list[Markup]:
    """Lines of HTML, marked as such."""
    return list(map(Markup, lines))


def _wrapped(shown: str, looks: Looks) -> Markup:
    """Escaped text with the looks of a whole line."""
    if not shown:
        return NOTHING
    names = classes(looks)
    return Markup(f'<span class="{names}">{shown}</span>' if names else shown)


def _shown(text: str) -> str:
    """The HTML of text without looks."""
    escaped = _html(text)
    if text.isascii() and text.isprintable():
        return escaped
    return _SHOWN.sub(lambda match: f'<i class="x">{_spelled(match)}</i>', escaped)


def _spelled(match: re.Match[str]) -> str:
    """A hidden character as its code."""
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
