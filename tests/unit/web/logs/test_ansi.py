"""Tests of buildbot.web.logs.ansi."""

from __future__ import annotations

import ast
import re
from html import unescape
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.logs.ansi import MOST_LINKS, Lines, looksAfter, plain, render, renderBlock
from buildbot.web.logs.looks import PLAIN, Looks
from buildbot.web.logs.screen import LONGEST
from buildbot.web.markup import Markup

GOLDEN = Path(__file__).with_name("ansi.golden")
PIECES = st.sampled_from(
    [
        *(
            "a",
            "bc",
            "é",
            "\t",
            " ",
            "<b>",
            "&",
            '"',
            "\n",
            "\r",
            "\r\n",
            "\b",
            "\x07",
            "\u202e",
            "\x1b",
            "\\",
        ),
        *("\x1b[31m", "\x1b[1;4m", "\x1b[m", "\x1b[7m", "\x1b[38;5;208m", "\x1b[K", "\x1b[2K", "\x1b[1K"),
        *(
            "\x1b[3D",
            "\x1b[2C",
            "\x1b[1G",
            "\x1b[3",
            "\x1b]8;;https://x/?a&b\x1b\\",
            "\x1b]8;;\x07",
            "\x1b(B",
        ),
        *("\x1b]0;title\x07", "\x1bP1q\x1b\\", "\x1b]8;;", "m", "[0"),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def textOf(html: str) -> str:
    """The text that a browser shows."""
    return unescape(re.sub("<[^>]*>", "", html))


def whole(text: str) -> list[Markup]:
    """The lines of a text that comes in one piece; also the last, unfinished one."""
    lines = Lines()
    return [*lines.feed(text), lines.partial()]


class GoldenTests(unittest.TestCase):
    """The HTML of known sequences."""

    def test_golden(self) -> None:
        """Each of 200 lines has the HTML that it should have (row 36)."""
        rows = GOLDEN.read_text().splitlines()
        self.assertGreaterEqual(len(rows), 200)
        for row in rows:
            source, html = map(ast.literal_eval, row.split("\t"))
            self.assertEqual(render(source)[0], html, source)


class RenderTests(unittest.TestCase):
    """Lines as HTML and as text."""

    @given(TEXTS)
    def test_splitEverywhere(self, text: str) -> None:
        """A text that comes letter by letter has the same HTML as one that comes at once (row 36)."""
        lines = Lines()
        found = [line for letter in text for line in lines.feed(letter)]
        self.assertEqual([*found, lines.partial()], whole(text))

    @given(TEXTS, st.integers(0, 40))
    def test_splitLongLine(self, text: str, cut: int) -> None:
        """A line that is too long has the same HTML wherever it is cut."""
        text = "x" * (LONGEST - 20) + text + "\x1b[32mend\n"
        at = LONGEST - 20 + cut
        lines = Lines()
        found = lines.feed(text[:at]) + lines.feed(text[at:])
        self.assertEqual(found, whole(text)[:-1])

    @given(TEXTS)
    def test_linesAsOne(self, text: str) -> None:
        """A block has the same HTML as its lines one by one, and an index the same looks."""
        looks, found = PLAIN, []
        for line in (f"{text}\n").removesuffix("\n").split("\n"):
            html, looks = render(line, looks)
            found.append(html)
        self.assertEqual(renderBlock(f"{text}\n"), (found, looks))
        self.assertEqual(looksAfter(f"{text}\n"), looks)

    @given(TEXTS)
    def test_plainIsTheTextOfTheHtml(self, text: str) -> None:
        """The plain text of a line is the text that its HTML shows."""
        for line in text.split("\n"):
            self.assertEqual(plain(line), textOf(render(line)[0]))

    @given(st.text())
    def test_onlyOurTags(self, text: str) -> None:
        """No text of a slave becomes a tag, an attribute or a control character."""
        for html in whole(text):
            tags = re.findall("<[^>]*>", html)
            self.assertLessEqual(set(tags), {'<i class="x">', "</i>"})
            self.assertTrue(html.replace("\t", "").isprintable() or not text.isprintable())

    def test_progressBar(self) -> None:
        """A progress bar shows its last state."""
        self.assertEqual(render("\r 10%\r 50%\x1b[K\r100% done\r")[0], "100% done")
        self.assertEqual(plain("abcdef\rxy"), "xycdef")

    def test_colourGoesOn(self) -> None:
        """A colour that is not reset goes on in the next line, of the same channel."""
        lines = Lines()
        self.assertEqual(
            lines.feed("\x1b[31ma\nb\n"), ['<span class="a31">a</span>', '<span class="a31">b</span>']
        )
        self.assertEqual(lines.looks, Looks(1))
        self.assertEqual(Lines(lines.looks).feed("c\n"), ['<span class="a31">c</span>'])

    def test_linksToTheWebOnly(self) -> None:
        """A link leads to http or https; another one is text."""
        for address in ("javascript:alert(1)", "file:///etc/passwd", "//x", "data:text/html,x", " http://x"):
            self.assertEqual(render(f"\x1b]8;;{address}\x07a\x1b]8;;\x07")[0], "a", address)
        self.assertEqual(
            render('\x1b]8;id=1;https://x/"><b\x1b\\a\x1b]8;;\x1b\\b')[0],
            '<a href="https://x/&quot;&gt;&lt;b" rel="nofollow noreferrer">a</a>b',
        )

    def test_manyLinks(self) -> None:
        """A line with thousands of links has some of them."""
        html = render("\x1b]8;;http://x/\x07a\x1b]8;;\x07b" * 500)[0]
        self.assertEqual(html.count("<a "), MOST_LINKS)
        self.assertEqual(html.count("</a>"), MOST_LINKS)
        self.assertEqual(textOf(html), "ab" * 500)

    def test_trojanSource(self) -> None:
        """Characters that reorder or hide text are shown (trojan source)."""
        self.assertEqual(
            plain("a\u202e\u2066b\u200bc\u200dd\x00\x7f"), "a\\u202e\\u2066b\\u200bc\\u200dd\\x00\\x7f"
        )
        self.assertEqual(render("\u202e")[0], '<i class="x">\\u202e</i>')
        self.assertEqual(plain("\U0001f468\u200d\U0001f469"), "\U0001f468\u200d\U0001f469")

    def test_escapeWithoutEnd(self) -> None:
        """A sequence without an end hides no text."""
        self.assertEqual(plain("\x1b]0;important"), "\\x1b]0;important")
        self.assertEqual(plain("\x1b[" + "1" * 300 + "mtext")[:6], "\\x1b[1")

    def test_partial(self) -> None:
        """The unfinished line is shown without the half of a sequence."""
        lines = Lines()
        lines.feed("ab\x1b[3")
        self.assertEqual(lines.partial(), "ab")
        lines.feed("1mc")
        self.assertEqual(lines.partial(), 'ab<span class="a31">c</span>')

    def test_lineOfMegabytes(self) -> None:
        """A line of megabytes is cut, and says how much is left out; its colours still count."""
        lines = Lines()
        for _ in range(40):
            self.assertEqual(lines.feed("x<" * 25_000), [])
        self.assertLess(len(lines.partial()), 5 * LONGEST)
        (html,) = lines.feed("\x1b[31m\n")
        self.assertTrue(
            html.endswith(f'<i class="cut"> [{2_000_000 - LONGEST:,} more characters]</i>'), html[-60:]
        )
        self.assertEqual(lines.looks, Looks(1))
        self.assertEqual(render("y" * LONGEST * 3 + "\rdone\x1b[K")[0], "done")

    def test_farMovement(self) -> None:
        """A movement to a column far away makes no long line."""
        self.assertLess(len(plain("\x1b[999999999Cx\x1b[99999Gy")), 600)
