"""Lines of a log as HTML."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.lines import Line
from buildbot.web.logs.looks import Looks
from buildbot.web.logs.painting import Painter, stateAfter


def line(number: int | None, text: str, channel: int = LOG_CHANNEL_STDOUT, **more: Any) -> Line:
    """A line of one channel."""
    return Line(number, 10, ((channel, text),) if text else ())._replace(**more)


class PaintingTests(unittest.TestCase):
    def test_number(self) -> None:
        """A line has its number as id and as a link to a page around it."""
        self.assertEqual(
            Painter().paint([line(7, "a < b")]),
            ['<div id="L7"><a href="?line=7#L7" tabindex="-1">7</a>a &lt; b</div>'],
        )

    def test_channels(self) -> None:
        """Each piece that is no standard output tells its channel by class and words."""
        mixed = Line(1, 0, ((LOG_CHANNEL_STDOUT, "out"), (LOG_CHANNEL_STDERR, "err")))
        self.assertIn(
            'out<span class="stderr" title="standard error">err</span>', Painter().paint([mixed])[0]
        )
        header = Painter().paint([line(1, "make", LOG_CHANNEL_HEADER)])[0]
        self.assertIn('<span class="header"', header)

    def test_colours(self) -> None:
        """A colour goes on in the next line of its channel only; an incomplete line changes nothing."""
        painter = Painter()
        red, other, next = painter.paint(
            [line(1, "\x1b[31mred"), line(2, "plain", LOG_CHANNEL_STDERR), line(3, "more")]
        )
        self.assertIn('<span class="a31">red</span>', red)
        self.assertIn(">plain</span>", other)
        self.assertIn('<span class="a31">more</span>', next)
        before = dict(painter.state)
        painter.paint([line(4, "\x1b[0mhalf", isWhole=False)])
        self.assertEqual(painter.state, before)

    def test_stateAfter(self) -> None:
        """The colours at a line follow from the chunks before it."""
        chunks = [
            (LOG_CHANNEL_STDOUT, b"\x1b[3"),
            (LOG_CHANNEL_STDERR, b"x"),
            (LOG_CHANNEL_STDOUT, b"2mgo\n"),
        ]
        self.assertEqual(stateAfter(chunks).get(LOG_CHANNEL_STDOUT), Looks(2))

    def test_marks(self) -> None:
        """An error and a warning are marked by a sign and a word; a note of the master is neither."""
        bad, odd, note = Painter().paint(
            [
                line(1, "main.c:3: error: no"),
                line(2, "main.c:4: warning: hm"),
                line(3, "x.c:1: error: not me", LOG_CHANNEL_HEADER),
            ]
        )
        self.assertIn('class="bad"', bad)
        self.assertIn('title="error"', bad)
        self.assertIn('title="warning"', odd)
        self.assertNotIn('class="bad"', note)

    def test_special(self) -> None:
        """A gap, a cut line, an empty one, an incomplete one and one without a number can be told apart."""
        self.assertIn('class="gap"', Painter().paint([line(1, "[5 bytes lost]", isGap=True)])[0])
        self.assertIn("[3 more bytes]", Painter().paint([line(1, "abc", cut=3)])[0])
        self.assertTrue(Painter().paint([line(1, "")])[0].endswith("</a>\n</div>"))
        self.assertIn('class="open"', Painter().paint([line(1, "ab", isWhole=False)])[0])
        self.assertIn('<div id="B10">', Painter().paint([line(None, "ab")])[0])

    def test_times(self) -> None:
        """On demand each line has the time of its arrival, or a question mark."""
        painter = Painter(clock=lambda when: f"at {when:g}")
        known, unknown = painter.paint([line(1, "a", when=5.0), line(2, "b")])
        self.assertIn('<i class="t">at 5</i>a', known)
        self.assertIn('<i class="t">?</i>b', unknown)

    @given(st.text(), st.booleans())
    def test_hostile(self, text: str, isError: bool) -> None:
        """Whatever a program prints, it becomes text in known elements, and nothing is lost but sequences."""
        text = text.replace("\n", " ")
        html = Painter().paint([line(1, f"error: {text}" if isError else text)])[0]
        tags = re.findall(r"<(/?\w+)((?: [\w-]+=\"[^\"<>]*\")*)>", html)
        self.assertEqual(len(tags), html.count("<"))
        self.assertLessEqual({name.strip("/") for name, _ in tags}, {"div", "a", "i", "span"})
        self.assertNotRegex(html, r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]")
