"""Tests of buildbot.web.followers."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.logs.lines import Line
from buildbot.logs.view import Frame
from buildbot.web.followers import asEvents, asHTML, endEvent
from buildbot.web.markup import Markup

LINE = Line(1, 0, ((0, "a"),))
HTML = [Markup("<b>a</b>")]


class FrameTests(unittest.SynchronousTestCase):
    """New lines of a log, for browsers with and without script."""

    def test_events(self) -> None:
        """Lines are an event whose id is the place in the output; left out output is told."""
        self.assertEqual(
            asEvents(Frame((LINE,), 0, 2), HTML), (b"id: 2\nevent: lines\ndata: <b>a</b>\n\n", b"")
        )
        both, _ = asEvents(Frame((LINE,), 0, 9, (2, 7)), HTML)
        self.assertIn(b'event: skipped\ndata: {"from": 2, "to": 7}', both)
        self.assertEqual(both.count(b"id: "), 1)
        alone, _ = asEvents(Frame((), 0, 9, (2, 7)), [])
        self.assertIn(b"id: 9", alone)
        self.assertEqual(asEvents(Frame((), 0, 0), []), (b"", b""))
        self.assertIn(b"event: end", endEvent(5))

    def test_html(self) -> None:
        """Without script, left out output is a line of its own, and an incomplete line waits for its end."""
        whole, rest = asHTML(Frame((LINE,), 0, 9, (2, 7)), HTML)
        self.assertIn("5 bytes not shown here", whole.decode())
        self.assertIn(b"<b>a</b>", whole)
        self.assertEqual(rest, b"")
        part, rest = asHTML(Frame((LINE._replace(isWhole=False),), 0, 1), HTML)
        self.assertNotIn(b"<b>a</b>", part)
        self.assertIn(b"<b>a</b>", rest)
