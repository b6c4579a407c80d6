# -*- test-case-name: tests.unit.web.feeds.test_entries -*-
"""A feed of builds as RSS 2.0."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.web.feeds import entries
from buildbot.web.feeds.entries import FeedHead
from buildbot.web.feeds.views import BuildView
from buildbot.web.feeds.xmltext import DECLARATION, element, empty, rfc822

CONTENT_TYPE = b"application/rss+xml; charset=utf-8"


def rss(head: FeedHead, builds: Sequence[BuildView]) -> bytes:
    """The feed of finished builds, in the order of L{buildbot.web.feeds.views.chosen}."""
    parts = [
        DECLARATION,
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>\n',
        element("title", head.title),
        element("link", head.base),
        element("description", f"{head.title} of {head.base}"),
        element("lastBuildDate", rfc822(max((each.finished or 0 for each in builds), default=head.made))),
        empty("atom:link", rel="self", type="application/rss+xml", href=head.address),
        "\n",
        *(_item(head, build) for build in builds),
        "</channel></rss>\n",
    ]
    return "".join(parts).encode()


def _item(head: FeedHead, build: BuildView) -> str:
    return "".join(
        (
            "<item>",
            element("title", entries.title(build)),
            element("link", entries.address(head, build)),
            element("guid", entries.identity(head, build), isPermaLink="false"),
            element("pubDate", rfc822(build.finished or 0)),
            element("category", entries.resultWord(build.results)),
            element("description", entries.content(build)),
            "</item>\n",
        )
    )
