"""Lines in blocks and sections."""

from __future__ import annotations

import re
from typing import Any

from twisted.trial import unittest

from buildbot.web.logs.folding import blocks
from buildbot.web.logs.sections import Dialect, Section
from buildbot.web.markup import Markup


def lines(count: int) -> list[Markup]:
    """Painted lines."""
    return [Markup(f"<p>{number}</p>") for number in range(count)]


def section(first: int, last: int | None, title: str = "Title", isOpen: bool = False, **more: Any) -> Section:
    return Section(title, first, last, isOpen, Dialect.GITHUB, **more)


class FoldingTests(unittest.TestCase):
    def test_blocks(self) -> None:
        """Blocks end at multiples of 1,000, so that the same lines are always in the same block."""
        found = re.findall(r'data-first="(\d+)" data-last="(\d+)"', blocks(990, lines(1100)))
        self.assertEqual(found, [("990", "1000"), ("1001", "2000"), ("2001", "2089")])
        self.assertEqual(blocks(1, []), "")

    def test_section(self) -> None:
        """A section is closed unless it is open, and tells its lines and seconds."""
        html = blocks(1, lines(5), [section(2, 3, "<Build>", seconds=4)])
        self.assertIn(
            '<details class="section"><summary>&lt;Build&gt; <small>2 lines, 4 s</small></summary>\n'
            "<p>1</p>\n<p>2</p>\n</details>\n<p>3</p>",
            html,
        )
        self.assertIn('<details class="section" open>', blocks(1, lines(5), [section(2, 3, isOpen=True)]))
        self.assertIn('<details class="section" open>', blocks(1, lines(5), [section(2, 4)], shown=3))

    def test_inside(self) -> None:
        """Sections inside each other are closed in the right order."""
        html = blocks(1, lines(4), [section(1, None, "outer"), section(2, 3, "inner", depth=1)])
        self.assertEqual(
            re.findall(r"outer|inner|</details>|<p>\d", html)[:8],
            [
                "outer",
                "<p>0",
                "inner",
                "<p>1",
                "<p>2",
                "</details>",
                "<p>3",
                "</details>",
            ],
        )

    def test_continued(self) -> None:
        """A section that began before the block is told as continued; one that ended is not there."""
        html = blocks(1001, lines(5), [section(1, 900, "old"), section(990, 1002, "now")])
        self.assertNotIn("old", html)
        self.assertIn("continued from line 990", html)
