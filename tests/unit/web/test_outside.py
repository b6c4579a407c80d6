"""Links of changes to other sites, by the arguments of WebStatus of 0.8."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.markup import escape
from buildbot.web.pages.outside import COMMENT_LINK, NAME_LINK, REVLINK, linked, named, revisionAddress

SITE = "http://s/%s"


class OutsideTests(unittest.SynchronousTestCase):
    """Rules of links."""

    def test_revisions(self) -> None:
        """A revision has the address of a text, of the text of its repository, or of a function."""
        self.assertEqual(revisionAddress(SITE, "a/b", ""), "http://s/a%2Fb")
        self.assertEqual(revisionAddress({"r": SITE}, "1", "r"), "http://s/1")
        self.assertIsNone(revisionAddress({"r": SITE}, "1", "q"))
        self.assertEqual(revisionAddress(lambda rev, repo: f"http://{repo}/{rev}", "1", "r"), "http://r/1")
        self.assertIsNone(revisionAddress(None, "1", "r"))

    def test_harmful(self) -> None:
        """An address with script becomes no link to it; a function that raises makes no link."""
        self.assertEqual(revisionAddress("javascript:%s", "1", ""), "#")
        self.assertIsNone(revisionAddress(lambda rev, repo: 1 / 0, "1", ""))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_comments(self) -> None:
        """What matches in a comment is a link; all else is escaped."""
        rule = (r"#(\d+)", r"http://bugs/\1", r"Bug \1")
        said = linked(rule, "<b> see #12 & #3", "p")
        self.assertEqual(
            said,
            '&lt;b&gt; see <a href="http://bugs/12" title="Bug 12">#12</a> &amp; '
            '<a href="http://bugs/3" title="Bug 3">#3</a>',
        )
        self.assertEqual(linked({"p": rule[:2]}, "#1", "p"), '<a href="http://bugs/1">#1</a>')
        self.assertEqual(linked({"p": rule[:2]}, "#1", "q"), "#1")
        self.assertEqual(linked(lambda html, project: f"<i>{html}</i>", "<", "p"), "<i>&lt;</i>")

    def test_oddHTML(self) -> None:
        """HTML that no page could be sent with is mended, and too long HTML or addresses are left out."""
        self.assertEqual(linked(lambda html, project: "\ud800<i>x</i>", "x", "p"), "?<i>x</i>")
        self.assertEqual(linked(lambda html, project: "<i>" + "x" * 1_000_000, "<x", "p"), "&lt;x")
        self.assertEqual(named(lambda name: "http://" + "x" * 1_000_000, "q"), "q")

    def test_names(self) -> None:
        """A project is a link if the dict or the function knows it."""
        self.assertEqual(named({"p": "http://p/"}, "p"), '<a href="http://p/">p</a>')
        self.assertEqual(named({"p": "http://p/"}, "q"), "q")
        self.assertEqual(named(lambda name: None, "q"), "q")

    def test_passwords(self) -> None:
        """A page shows the URL of a repository without its password, with a link or without."""
        url, told = "https://me:sekrit@h/r", "https://me:XXXX@h/r"
        self.assertEqual(escape(named(None, url)), told)
        self.assertEqual(named({url: "http://h/"}, url), f'<a href="http://h/">{told}</a>')

    def test_kinds(self) -> None:
        """A wrong argument is found when the file is loaded."""
        self.assertTrue(all(map(REVLINK.fits, (None, SITE, {"r": SITE}, max))))
        self.assertFalse(any(map(REVLINK.fits, ("http://s", "%s%s", {"r": 1}, 3))))
        self.assertTrue(all(map(COMMENT_LINK.fits, (None, ("a", "b"), {"p": ("a", "b", "c")}, max))))
        self.assertFalse(any(map(COMMENT_LINK.fits, ("a", ("(", "b"), ("a",), {"p": "a"}))))
        self.assertTrue(all(map(NAME_LINK.fits, (None, {"a": "b"}, max))))
        self.assertFalse(any(map(NAME_LINK.fits, ("a", {"a": 1}))))
