"""Tests of buildbot.web.markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.markup import Href, Markup, Template, escape, href, join, link, path


class _Texts(HTMLParser):
    """I collect the tags, attributes and texts of HTML."""

    def __init__(self) -> None:
        HTMLParser.__init__(self)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> _Texts:
    """The parts of some HTML."""
    parser = _Texts()
    parser.feed(html)
    parser.close()
    return parser


class MarkupTests(unittest.TestCase):
    """Text of others never becomes markup."""

    @given(st.text(), st.text())
    def test_anyText(self, name: str, why: str) -> None:
        """Whatever the text is, a page has the tags of its template and no others."""
        html = Template('<b title="{why}">{name}</b>')(name=name, why=why)
        seen = parsed(html)
        self.assertEqual([tag for tag, attrs in seen.tags], ["b"])
        self.assertEqual([key for key, value in seen.tags[0][1]], ["title"])

    def test_isEscapedOnce(self) -> None:
        """Finished HTML stays; text is escaped; None is nothing."""
        self.assertEqual(escape("<&>"), "&lt;&amp;&gt;")
        self.assertEqual(escape(escape("<")), "&lt;")
        self.assertEqual(escape(None), "")
        self.assertEqual(join(["<", Markup("<br>"), 3], Markup(", ")), "&lt;, <br>, 3")

    def test_hiddenCharacters(self) -> None:
        """A character that reorders text is shown as its code."""
        self.assertEqual(escape("a\u202eb"), "a\\u202eb")

    def test_unquotedField(self) -> None:
        """A template with a field outside of quotes is refused when it is made."""
        for text in ("<b title={why}>", "<{tag}>", "<b {attribute}>"):
            self.assertRaises(ValueError, Template, text)
        Template('<b>{text}</b> <i class="a {kind}" id="{id}">{text}</i> 100%')

    def test_addresses(self) -> None:
        """An address of a foreign scheme becomes no link."""
        for bad in (
            "javascript:alert(1)",
            "JavaScript:x",
            " javascript:x",
            "java\nscript:x",
            "data:text/html,x",
        ):
            self.assertEqual(href(bad), "#", bad)
        self.assertEqual(href("https://h/?a=1&b=2"), "https://h/?a=1&amp;b=2")
        self.assertRaises(TypeError, Template('<a href="{to}">'), to="javascript:x")
        self.assertEqual(link(Href("builders"), "<all>"), '<a href="builders">&lt;all&gt;</a>')

    def test_paths(self) -> None:
        """A name in an address is quoted whole, a slash too."""
        self.assertEqual(path("builders", "a/b c", 3, root="../"), "../builders/a%2Fb%20c/3")
        self.assertEqual(path("javascript:x"), "javascript%3Ax")
        self.assertEqual(path(), "./")
