# -*- test-case-name: tests.unit.web.feeds.test_entries -*-
"""A feed of builds as Atom 1.0 (RFC 4287)."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.web.feeds import entries
from buildbot.web.feeds.entries import FeedHead
from buildbot.web.feeds.views import BuildView
from buildbot.web.feeds.xmltext import DECLARATION, element, empty, rfc3339

CONTENT_TYPE = b"application/atom+xml; charset=utf-8"


def atom(head: FeedHead, builds: Sequence[BuildView]) -> bytes:
    """The feed of finished builds, in the order of L{buildbot.web.feeds.views.chosen}."""
    parts = [
        DECLARATION,
        '<feed xmlns="http://www.w3.org/2005/Atom">\n',
        element("id", head.address),
        element("title", head.title),
        element("updated", rfc3339(max((each.finished or 0 for each in builds), default=head.made))),
        empty("link", rel="self", type="application/atom+xml", href=head.address),
        empty("link", rel="alternate", type="text/html", href=head.base),
        "<author><name>Buildbot</name></author>\n",
        *(_entry(head, build) for build in builds),
        "</feed>\n",
    ]
    return "".join(parts).encode()


def _entry(head: FeedHead, build: BuildView) -> str:
    return "".join(
        (
            "<entry>",
            element("id", entries.identity(head, build)),
            element("title", entries.title(build)),
            element("updated", rfc3339(build.finished or 0)),
            element("published", rfc3339(build.finished or 0)),
            empty("link", rel="alternate", type="text/html", href=entries.address(head, build)),
            empty("category", term=entries.resultWord(build.results)),
            element("summary", entries.summary(build)),
            element("content", entries.content(build), type="html"),
            "</entry>\n",
        )
    )
