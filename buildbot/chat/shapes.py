# -*- test-case-name: tests.unit.chat.test_shapes -*-
"""The JSON that each kind of chat server takes. Pure.

Names of builders, people and branches may have any characters. None of them may become a link, a format or a
call to all members of a room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from html import escape
from typing import Any

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS

#: The most characters of a message. Discord takes the least: 4,096 with the characters that escape others.
LONGEST = 1800
#: The bar beside a message; its text says the result, too.
_COLORS = {
    SUCCESS: "1a7f37",
    WARNINGS: "bf8700",
    FAILURE: "cf222e",
    SKIPPED: "6e7781",
    EXCEPTION: "8250df",
    RETRY: "8250df",
    CANCELLED: "6e7781",
}
#: The words of Adaptive Cards for colours.
_MOODS = {SUCCESS: "good", WARNINGS: "warning", FAILURE: "attention", EXCEPTION: "attention"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|>~<])")


@dataclass(frozen=True)
class Part:
    """I am a piece of a line: a text, and perhaps the address to which it links."""

    text: str
    url: str | None = None


#: One line of a message.
Line = Sequence[Part]


def plainText(lines: Sequence[Line]) -> str:
    """A message without formats; an address follows its text."""
    return _joined(lines, lambda text: text, lambda text, url: f"{text} {url}")


def colorOf(results: int | None) -> str:
    """The colour of a result, as six hexadecimal digits."""
    return _COLORS.get(SUCCESS if results is None else results, "6e7781")


def slack(lines: Sequence[Line], results: int | None) -> dict[str, Any]:
    """The message for an incoming webhook of Slack."""
    said = _joined(lines, _forSlack, lambda text, url: f"<{_inLink(url)}|{text}>")
    bar = {"color": f"#{colorOf(results)}", "fallback": _forSlack(plainText(lines)), "text": said}
    return {"attachments": [{**bar, "mrkdwn_in": []}]}


def mattermost(lines: Sequence[Line], results: int | None) -> dict[str, Any]:
    """The message for an incoming webhook of Mattermost."""
    said = _joined(lines, lambda text: _forMarkdown(text).replace("@", "@\u200b"), _markdownLink)
    fallback = plainText(lines).replace("@", "@\u200b")
    return {"attachments": [{"color": f"#{colorOf(results)}", "fallback": fallback, "text": said}]}


def discord(lines: Sequence[Line], results: int | None) -> dict[str, Any]:
    """The message for a webhook of Discord."""
    said = _joined(lines, _forMarkdown, _markdownLink)
    bar = {"description": said, "color": int(colorOf(results), 16)}
    return {"embeds": [bar], "allowed_mentions": {"parse": []}}


def teams(lines: Sequence[Line], results: int | None) -> dict[str, Any]:
    """The message for a workflow of Microsoft Teams: an Adaptive Card with a block for each line."""
    said = _joined(lines, _forMarkdown, _markdownLink).split("\n")
    mood = {"color": _MOODS.get(SUCCESS if results is None else results, "default"), "weight": "bolder"}
    blocks = [{"type": "TextBlock", "text": text, "wrap": True} for text in said]
    blocks[0] = {**blocks[0], **mood}
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def matrix(lines: Sequence[Line], results: int | None) -> dict[str, Any]:
    """The event for a room of Matrix: a notice, to which no bot answers."""
    html = _joined(lines, escape, lambda text, url: f'<a href="{escape(url)}">{text}</a>', "<br>")
    return {
        "msgtype": "m.notice",
        "body": plainText(lines),
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        "m.mentions": {},
    }


def withLine(body: dict[str, Any], line: str) -> dict[str, Any]:
    """A message with one more line, which has only letters, digits and brackets.

    @param body: what one of the functions above returned.
    """
    made = deepcopy(body)
    (bar,) = made.get("attachments") or made.get("embeds") or [{}]
    for holder, key in ((bar, "text"), (bar, "fallback"), (bar, "description"), (made, "body")):
        if key in holder:
            holder[key] += f"\n{line}"
    if "formatted_body" in made:
        made["formatted_body"] += f"<br>{line}"
    if "content" in bar:
        bar["content"]["body"].append({"type": "TextBlock", "text": line, "wrap": True})
    return made


def _joined(
    lines: Sequence[Line],
    shown: Callable[[str], str],
    linked: Callable[[str, str], str],
    end: str = "\n",
) -> str:
    """Lines with formats.

    @param shown: escapes a text.
    @param linked: makes a link of an escaped text and an address.
    """
    return end.join(
        "".join(shown(each.text) if each.url is None else linked(shown(each.text), each.url) for each in line)
        for line in lines
    )


def _forSlack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inLink(url: str) -> str:
    return _forSlack(url).replace("|", "%7C")


def _forMarkdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _markdownLink(text: str, url: str) -> str:
    return f"[{text}]({url.replace('(', '%28').replace(')', '%29')})"
