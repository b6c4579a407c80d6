"""Tests of the feeds: buildbot.web.feeds.entries, atom and rss."""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

from twisted.trial import unittest

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.web.feeds.atom import atom
from buildbot.web.feeds.entries import FeedHead, identity, titled
from buildbot.web.feeds.rss import rss
from buildbot.web.feeds.views import BuildView

HEAD = FeedHead("P: failed builds", "http://ci.example.org/bb/", "http://ci.example.org/bb/atom?a=1&b=2", 5.0)
BUILD = BuildView(
    "linux",
    12,
    FAILURE,
    SUCCESS,
    started=1795957100.0,
    finished=1795957200.0,
    text=("failed", "compile"),
    branch="trunk",
    revision="abc",
    slave="bot1",
    blame=("joe", "ann"),
    failed="compile",
    tail=("cc -c a.c", "a.c:1: error"),
)
HOSTILE = "<script>&\"'\x00\x1b]]>\udce9 é/?#"
EVIL = replace(
    BUILD, builder=HOSTILE, text=(HOSTILE,), branch=HOSTILE, blame=(HOSTILE,), tail=(HOSTILE,) * 50
)
ATOM = "{http://www.w3.org/2005/Atom}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")


def atomErrors(document: bytes) -> list[str]:
    """The rules of RFC 4287 that a feed breaks."""
    root = ElementTree.fromstring(document)
    wrong = [] if root.tag == ATOM + "feed" else ["the root is no feed"]
    for place in (root, *root.findall(ATOM + "entry")):
        for tag in ("id", "title", "updated"):
            if len(place.findall(ATOM + tag)) != 1 or not place.findtext(ATOM + tag):
                wrong.append(f"{place.tag} has not one {tag}")
        for date in (*place.findall(ATOM + "updated"), *place.findall(ATOM + "published")):
            if not RFC3339.match(date.text or ""):
                wrong.append(f"{date.text} is no date")
        if not re.match(r"[a-z][a-z0-9+.-]*:[!-~]+\Z", place.findtext(ATOM + "id") or ""):
            wrong.append(f"{place.findtext(ATOM + 'id')} is no IRI")
        links = [(each.get("rel"), each.get("type")) for each in place.findall(ATOM + "link")]
        if len(links) != len(set(links)) or ("alternate", "text/html") not in links:
            wrong.append(f"{place.tag} has wrong links")
    ids = [each.findtext(ATOM + "id") for each in root.findall(ATOM + "entry")]
    if len(ids) != len(set(ids)):
        wrong.append("two entries have one id")
    if "self" not in [each.get("rel") for each in root.findall(ATOM + "link")]:
        wrong.append("the feed has no link to itself")
    if not root.findtext(f"{ATOM}author/{ATOM}name"):
        wrong.append("the feed has no author")
    return wrong


def rssErrors(document: bytes) -> list[str]:
    """The rules of RSS 2.0 that a feed breaks."""
    root = ElementTree.fromstring(document)
    channel = root.find("channel")
    if root.tag != "rss" or root.get("version") != "2.0" or channel is None or len(root) != 1:
        return ["there is not one channel"]
    wrong = [f"no {tag}" for tag in ("title", "link", "description") if not channel.findtext(tag)]
    if channel.find(ATOM + "link") is None:
        wrong.append("the feed has no link to itself")
    for item in channel.findall("item"):
        if not item.findtext("title") and not item.findtext("description"):
            wrong.append("an item has no title")
        guid = item.find("guid")
        if guid is None or guid.get("isPermaLink") != "false":
            wrong.append("an id that is no URL says that it is one")
    for tag in ("pubDate", "lastBuildDate"):
        for date in root.iter(tag):
            if parsedate_to_datetime(date.text or "").tzinfo is None:
                wrong.append(f"{date.text} has no zone")
    guids = [each.text for each in root.iter("guid")]
    return wrong + (["two items have one id"] if len(guids) != len(set(guids)) else [])


class FeedTests(unittest.TestCase):
    """Feeds are valid, whatever the builds are called (table G, row 62)."""

    def test_valid(self) -> None:
        """Feeds with no build, with builds and with hostile builds obey the rules of their formats."""
        for builds in ([], [BUILD, replace(BUILD, number=13), replace(BUILD, builder="b")], [EVIL]):
            self.assertEqual(atomErrors(atom(HEAD, builds)), [])
            self.assertEqual(rssErrors(rss(HEAD, builds)), [])

    def test_checker(self) -> None:
        """The checkers of this test find mistakes."""
        good = atom(HEAD, [BUILD])
        self.assertEqual(len(atomErrors(good.replace(b"13:00:00Z", b"1 pm"))), 3)
        self.assertEqual(atomErrors(atom(HEAD, [BUILD, BUILD])), ["two entries have one id"])
        self.assertEqual(rssErrors(rss(HEAD, [BUILD, BUILD])), ["two items have one id"])

    def test_entry(self) -> None:
        """An entry tells the build, its page, its facts and the end of the log."""
        entry = ElementTree.fromstring(atom(HEAD, [BUILD])).find(ATOM + "entry")
        assert entry is not None
        self.assertEqual(entry.findtext(ATOM + "title"), "linux #12: failed: compile")
        link = entry.find(ATOM + "link")
        assert link is not None
        self.assertEqual(link.get("href"), "http://ci.example.org/bb/builders/linux/builds/12")
        self.assertEqual(
            entry.findtext(ATOM + "summary"),
            "failed: compile; branch trunk; revision abc; changes by joe, ann; slave bot1",
        )
        html = entry.findtext(ATOM + "content") or ""
        self.assertIn("<pre>cc -c a.c\na.c:1: error</pre>", html)

    def test_noMarkup(self) -> None:
        """The HTML of an entry has no tags of a builder or a log, and at most 40 lines of the log."""
        entry = ElementTree.fromstring(atom(HEAD, [EVIL])).findtext(f"{ATOM}entry/{ATOM}content") or ""
        item = ElementTree.fromstring(rss(HEAD, [EVIL])).findtext("channel/item/description") or ""
        for html in (entry, item):
            self.assertNotIn("<script", html)
            self.assertEqual(html.partition("<pre>")[2].count("]]&gt;"), 40)

    def test_identity(self) -> None:
        """An id stays when the master moves to another port or path, and no two builds share one."""
        self.assertEqual(identity(HEAD, BUILD), "tag:ci.example.org,2026-11-29:builders/linux/builds/12")
        moved = replace(HEAD, base="https://ci.example.org:8010/")
        self.assertEqual(identity(moved, BUILD), identity(HEAD, BUILD))
        same = [replace(BUILD, builder=name) for name in ("a/builds/1", "a", "a%2Fbuilds%2F1", "A", "a ")]
        self.assertEqual(len({identity(HEAD, each) for each in same}), 5)

    def test_empty(self) -> None:
        """A feed without builds has the date of the master's start, so it stays the same."""
        self.assertIn(b"<updated>1970-01-01T00:00:05Z</updated>", atom(HEAD, []))

    def test_title(self) -> None:
        """The title of a feed names its filters."""
        self.assertEqual(titled("P", "failures"), "P: failed builds")
        self.assertEqual(
            titled("", "changes", ["a", "b"], branches=["x"]),
            "Buildbot: builds that turned red or green; builders a, b; branches x",
        )
