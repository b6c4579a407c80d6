# -*- test-case-name: tests.unit.web.feeds.test_badge -*-
"""Badges: the state of a builder as a small SVG, or as values for the endpoint badge of shields.io.

A badge shows the last finished build, and a mark while another one runs.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.status.looks import RUNNING, lookOfResult
from buildbot.text.printable import plainLine
from buildbot.web.feeds.views import BuilderView
from buildbot.web.feeds.xmltext import attribute, text

CONTENT_TYPE = b"image/svg+xml; charset=utf-8"
JSON_TYPE = b"application/json"
STYLES = ("flat", "flat-square")
#: The background of the label, of each result, and of a badge without a result. Text on it is white.
LABEL_COLOR = "#3d4248"
UNKNOWN_COLOR = "#5c6269"
COLORS = {
    SUCCESS: "#17753a",
    WARNINGS: "#8f5200",
    FAILURE: "#b3231b",
    SKIPPED: UNKNOWN_COLOR,
    EXCEPTION: "#7a2da8",
    RETRY: "#7a2da8",
    CANCELLED: "#7a2da8",
}
#: The most characters of a label.
LONGEST = 80
#: The advance of each character from blank to tilde, in hundredths of a pixel at 11 px. They are those of
#: DejaVu Sans, from the tables cmap and hmtx of its file. Viewers with other fonts fit the text to the width.
_ADVANCES = (
    "350 441 506 922 700 1045 858 302 429 429 550 922 350 397 350 371 700 700 700 700 700 700 700 700 "
    "700 700 371 371 922 922 922 584 1100 752 755 768 847 695 633 852 827 324 324 721 613 949 823 866 "
    "663 866 764 698 672 805 752 1088 754 672 754 429 371 429 922 550 550 674 698 605 698 677 387 698 "
    "697 306 306 637 306 1072 697 673 698 698 452 573 431 697 651 900 651 651 577 700 371 700 922"
)
ADVANCES = {chr(32 + at): int(each) for at, each in enumerate(_ADVANCES.split())}
#: The advances of other characters: narrow ones, and those of East Asia.
OTHER, WIDE = 920, 1100


@dataclass(frozen=True)
class Badge:
    """I am the content of a badge.

    @ivar about: the sentence for people who do not see the image.
    """

    label: str
    message: str
    color: str
    about: str
    isError: bool = False


def badgeOf(builder: BuilderView, label: str | None = None, branch: str | None = None) -> Badge:
    """The badge of a builder.

    @param builder: its C{last} is the last finished build of the branch.
    @param label: the text on the left; None: the name of the builder.
    @param branch: the branch that the badge is about; None: all.
    """
    build = builder.last
    words, color, message = "no build yet", UNKNOWN_COLOR, "no build"
    if build is not None and build.results is not None:
        look = lookOfResult(build.results)
        words = f"{look.word} in build {build.number}"
        message = f"{look.symbol} {look.word}"
        color = COLORS.get(build.results, COLORS[EXCEPTION])
    about = f"{builder.name}{f', branch {branch}' if branch else ''}: {words}"
    if builder.state == "building":
        message, about = f"{message} {RUNNING.symbol}", f"{about}; a build is running"
    return Badge(_short(builder.name if label is None else label), message, color, _short(about, 300))


def unknownBadge(name: str, label: str | None = None) -> Badge:
    """The badge of a builder that does not exist."""
    shown = _short(name if label is None else label)
    return Badge(shown, "unknown builder", UNKNOWN_COLOR, _short(f"{name}: unknown builder", 300), True)


def svg(badge: Badge, style: str = "flat") -> bytes:
    """The image. An unknown style is C{"flat"}."""
    left, right = _width(badge.label), _width(badge.message)
    one, both = left + 10 if left else 0, (left + 10 if left else 0) + right + 10
    corner = 0 if style == "flat-square" else 3
    about = text(badge.about)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{both}" height="20" viewBox="0 0 {both} 20" '
        f'role="img" aria-label="{attribute(badge.about)}"><title>{about}</title>'
        f'<clipPath id="box"><rect width="{both}" height="20" rx="{corner}"/></clipPath>'
        f'<g clip-path="url(#box)"><rect width="{one}" height="20" fill="{LABEL_COLOR}"/>'
        f'<rect x="{one}" width="{both - one}" height="20" fill="{badge.color}"/></g>'
        '<g fill="#fff" font-family="DejaVu Sans,Verdana,Geneva,sans-serif" font-size="11">'
        f"{_words(5, left, badge.label)}{_words(one + 5, right, badge.message)}</g></svg>\n"
    ).encode()


def shields(badge: Badge) -> bytes:
    """The values for the endpoint badge of shields.io, as JSON."""
    return json.dumps(
        {
            "schemaVersion": 1,
            "label": badge.label,
            "message": badge.message,
            "color": badge.color,
            **({"isError": True} if badge.isError else {}),
        }
    ).encode()


def _words(x: int, width: int, words: str) -> str:
    if not words:
        return ""
    return f'<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{text(words)}</text>'


def _width(words: str) -> int:
    """The width of a text, in whole pixels."""
    return -(-sum(ADVANCES.get(char) or _other(char) for char in words) // 100)


def _other(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return WIDE if unicodedata.east_asian_width(char) in "WF" else OTHER


def _short(words: str, most: int = LONGEST) -> str:
    line = plainLine(words)
    return line if len(line) <= most else line[: most - 1] + "…"
