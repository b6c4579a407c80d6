# -*- test-case-name: tests.stories.test_webfirst -*-
"""The routes of a web server, and the objects that its requests share. Both are made at the first request.

This module imports all pages. L{buildbot.web.running} uses it at the first request;
L{buildbot.web.warming} imports it earlier, when the master has started and is idle.
"""

from __future__ import annotations

from typing import Any

from buildbot.logs.search import LogSearches
from buildbot.web.api.events import EventStreams
from buildbot.web.api.repeats import Repeats
from buildbot.web.cache import PageCache
from buildbot.web.clicks import Clicks
from buildbot.web.followers import Followers
from buildbot.web.lastforced import LastForced
from buildbot.web.lastrows import LastRows
from buildbot.web.live import Streams
from buildbot.web.outcomes import Outcomes
from buildbot.web.outlines import Outlines
from buildbot.web.pacing import Pacing
from buildbot.web.pages.oldurls import OLD, ofWaterfall
from buildbot.web.pages.waterfall import BoxCache
from buildbot.web.requestcounts import RequestCounts
from buildbot.web.routes import Tables
from buildbot.web.serving.counting import Counting
from buildbot.web.serving.gathering import Tails
from buildbot.web.table import TABLE
from buildbot.web.world import Settings


def tablesOf(settings: Settings) -> Tables:
    """The routes of a web server."""
    return Tables(ofWaterfall(TABLE) if settings.isWaterfall else TABLE, OLD)


def partsOf(master: Any, requests: RequestCounts) -> list[object]:
    """The objects that the requests of a web server share, one of each class.

    @param master: the L{buildbot.buildmaster.service.BuildMaster}.
    """
    clock = master.botmaster.clock
    return [
        LastForced(),
        TABLE,
        Streams(clock),
        Followers(clock),
        EventStreams(clock),
        Outlines(clock),
        LogSearches(clock, master.botmaster.resources.logs.views),
        BoxCache(),
        LastRows(),
        PageCache(master.status.topics, clock),
        Pacing(clock),
        Tails(),
        Counting(clock, requests),
        Repeats(),
        Clicks(),
        Outcomes(clock),
    ]
