"""Tests of buildbot.text.revlinks."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.revlinks import RevlinkMatch, RevlinkMultiplexer, default_revlink_matcher


class RevlinkTests(unittest.SynchronousTestCase):
    """People of 0.8 link revisions to the pages of their repositories."""

    def test_match(self) -> None:
        """The groups of the first expression that matches are in the address."""
        link = RevlinkMatch([r"git://x/(.*)", r"ssh://x/(.*)"], r"http://x/\1/commit/%s")
        self.assertEqual(link("abc", "ssh://x/fish"), "http://x/fish/commit/abc")
        self.assertIsNone(link("abc", "git://y/fish"))
        self.assertEqual(RevlinkMatch(r"x", "http://x/%s")("1", "x"), "http://x/1")

    def test_several(self) -> None:
        """The first function that knows the repository answers."""
        link = RevlinkMultiplexer(lambda rev, repo: None, lambda rev, repo: rev + repo, lambda rev, repo: "x")
        self.assertEqual(link("1", "r"), "1r")
        self.assertIsNone(RevlinkMultiplexer()("1", "r"))

    def test_default(self) -> None:
        """GitHub and SourceForge are known, whatever the address of the repository looks like."""
        for repository in (
            *("https://github.com/a/b.git", "git://github.com/a/b", "git@github.com:a/b.git"),
            "ssh://git@github.com/a/b.git",
        ):
            self.assertEqual(default_revlink_matcher("1f", repository), "https://github.com/a/b/commit/1f")
        for repository, address in (
            ("git://git.code.sf.net/p/a/code", "https://sourceforge.net/p/a/code/ci/1f/"),
            (
                "git://a.git.sourceforge.net/gitroot/a/b",
                "http://a.git.sourceforge.net/git/gitweb.cgi?p=a/b;a=commit;h=1f",
            ),
            ("https://evil.example/github.com/a/b", None),
            ("", None),
        ):
            self.assertEqual(default_revlink_matcher("1f", repository), address, repository)
