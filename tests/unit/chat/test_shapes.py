"""The messages for each kind of chat server: nothing in a name becomes a format, a link or a call."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from twisted.trial import unittest

from buildbot.chat.shapes import (
    LONGEST,
    Line,
    Part,
    discord,
    matrix,
    mattermost,
    plainText,
    slack,
    teams,
    withLine,
)
from buildbot.chat.wording import linesOfText
from buildbot.model.results import FAILURE, SUCCESS, Results

URL = "http://ci.example/builders/a_(b)/builds/1?a=1&b=2|3"
EVIL = '<!channel> @all [x](http://evil.example) *bold* <a href="x">&amp;'
LINES: list[Line] = [[Part("a_b #1", URL), Part(": failed")], [Part(EVIL)]]


class Reader(HTMLParser):
    """I collect the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and where it links."""
        self.tags.append((tag, dict(attrs).get("href")))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


class ShapeTests(unittest.SynchronousTestCase):
    """What each server gets."""

    def test_slack(self) -> None:
        """Slack reads only three characters; a link has none of them."""
        (bar,) = slack(LINES, FAILURE)["attachments"]
        first, second = bar["text"].split("\n")
        self.assertEqual(first, "<http://ci.example/builders/a_(b)/builds/1?a=1&amp;b=2%7C3|a_b #1>: failed")
        self.assertNotRegex(second, "[<>]")
        self.assertTrue(second.startswith("&lt;!channel&gt; @all"))
        self.assertEqual((bar["color"], bar["mrkdwn_in"]), ("#cf222e", []))
        self.assertNotRegex(bar["fallback"], "[<>]")

    def test_mattermost(self) -> None:
        """Mattermost shows a name as it is, and calls nobody."""
        (bar,) = mattermost(LINES, FAILURE)["attachments"]
        first, second = bar["text"].split("\n")
        self.assertEqual(first, f"[a\\_b \\#1]({URL.replace('(', '%28').replace(')', '%29')}): failed")
        for harmful in ("@all", "[x](", "*bold*", " <a"):
            self.assertNotIn(harmful, second.replace("\\*bold\\*", "").replace("\\[x\\]\\(", ""))
        self.assertNotIn("@all", bar["fallback"])

    def test_discord(self) -> None:
        """Discord is told that no name is a call."""
        message = discord(LINES, SUCCESS)
        self.assertEqual(message["allowed_mentions"], {"parse": []})
        (bar,) = message["embeds"]
        self.assertEqual(bar["color"], 0x1A7F37)
        self.assertIn("\\[x\\]\\(http://evil\\.example\\) \\*bold\\*", bar["description"])

    def test_teams(self) -> None:
        """Teams gets a card: a block for each line, the first one in the colour of the result."""
        (attachment,) = teams(LINES, FAILURE)["attachments"]
        first, second = attachment["content"]["body"]
        self.assertTrue(first["text"].startswith("[a\\_b \\#1](http"))
        self.assertEqual((first["color"], second.get("color")), ("attention", None))
        self.assertIn("\\[x\\]\\(http://evil\\.example\\)", second["text"])
        self.assertTrue(all(block["type"] == "TextBlock" and block["wrap"] for block in (first, second)))

    def test_matrix(self) -> None:
        """Matrix gets plain text, and the same as HTML with one link."""
        event = matrix(LINES, FAILURE)
        page = Reader(event["formatted_body"])
        self.assertEqual(page.tags, [("a", URL), ("br", None)])
        self.assertEqual(page.text, f"a_b #1: failed{EVIL}")
        self.assertEqual(event["body"], f"a_b #1 {URL}: failed\n{EVIL}")
        self.assertEqual((event["msgtype"], event["m.mentions"]), ("m.notice", {}))

    def test_oneMore(self) -> None:
        """A line can be added to each message; the message before stays."""
        line = "(2 earlier messages had no room)"
        for shape in (slack, mattermost, discord, teams, matrix):
            before = shape(LINES, FAILURE)
            self.assertIn(line, json.dumps(withLine(before, line)))
            self.assertEqual(before, shape(LINES, FAILURE))

    def test_size(self) -> None:
        """The longest text has a size that each server takes, also if each character must be escaped."""
        lines = linesOfText("*" * 10000)
        self.assertEqual(len(plainText(lines)), LONGEST)
        self.assertLess(len(discord(lines, SUCCESS)["embeds"][0]["description"]), 4096)
        self.assertLess(len(json.dumps(matrix(linesOfText("ж" * 10000), SUCCESS))), 65536 / 2)

    def test_results(self) -> None:
        """Each result has a colour; the text of the message says it, too."""
        for results in range(len(Results)):
            self.assertRegex(slack(LINES, results)["attachments"][0]["color"], "^#[0-9a-f]{6}$")
