"""Plug-ins that fail or return nonsense: each page shows a sentence in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.model.change import Change
from buildbot.web.routes import Route
from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories import odd
from tests.stories.web import WebWorld

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.status import html
from tests.stories.odd import *
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(OddStep, name='odd')
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}]
c['schedulers'] = [OddScheduler('odd', None, 120, ['full'])]
c['change_source'] = [OddSource(), OddPoller()]
link = odd(lambda *args: 'http://there/')
c['status'] = [html.WebStatus(http_port=8010, revlink=lambda *args: link(None, *args),
    changecommentlink=lambda *args: link(None, *args), projects=lambda *args: link(None, *args),
    repositories=lambda *args: link(None, *args)), OddReceiver()]
"""
VALUES = {
    **{"builder": "full", "number": "0", "slave": "bot1", "step": "odd", "log": "None"},
    **{"scheduler": "odd", "revision": "r1", "badge": "full.svg", "path": "builders", "file": "none"},
}


class Trouble(Exception):
    """A plug-in fails."""


def fail() -> Any:
    """Fail."""
    raise Trouble("no")


class Nonsense:
    """I fail when I am asked for a text or a truth value."""

    def __str__(self) -> str:
        raise Trouble("no text")

    def __bool__(self) -> bool:
        raise Trouble("no truth")


def leave() -> Any:
    """Do what ends a program."""
    raise SystemExit(1)


#: What a method may do instead of its work.
WAYS = (
    fail,
    leave,
    lambda: None,
    lambda: object(),
    Nonsense,
    lambda: float("nan"),
    lambda: "\ud800<b>",
    lambda: b"\xff",
    lambda: [None],
    lambda: [Nonsense()],
    lambda: ["x"] * 100_000,
    lambda: "x" * 1_000_000,
    lambda: 10**400,
)


class OddTests(WebWorld):
    """A site has plug-ins of all kinds, and they break."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(CONFIG)
        self.addCleanup(setattr, odd.Ways, "way", None)
        self.successResultOf(self.start())
        self.connect(name="bot1")
        for _ in range(2):
            change = Change("ann", ["a.c"], "words", revision="r1", branch=None)
            change.project = change.repository = "p"
            self.successResultOf(self.master.addChange(change))
        ensureDeferred(self.master.commands["force"]("full", reason="r", who="ann"))
        self.wait(2)

    def pages(self) -> Iterator[tuple[Route, str]]:
        """The routes that read, and an address of each."""
        for route in TABLE:
            if route.method == "GET" and route.kind != "stream":
                yield route, re.sub(r"\{(\w+)(:\w+)?\}", lambda match: VALUES[match.group(1)], route.path)

    def test_eachWay(self) -> None:
        """Whatever the plug-ins do, no page and no answer of the API fails."""
        for way in WAYS:
            odd.Ways.way = way
            self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "no page is kept")))
            self.wait(1)
            for route, path in sample(self.pages(), 12):
                answer = self.ask(path)
                self.assertLess(answer.status, 500, f"way {WAYS.index(way)}, {path}: {answer.text}")
                self.assertLess(len(answer.body), 400_000, path)
                # A function for comments may return HTML.
                text = answer.text.replace(">?<b><", "") if route.kind == "page" else ""
                self.assertNotIn("<b>", text, f"way {WAYS.index(way)}, {path}")
            self.flushLoggedErrors()

    def test_sentences(self) -> None:
        """A broken scheduler or source has a sentence in its place. The log has each reason once."""
        odd.Ways.way = fail
        self.wait(2)
        for _ in range(3):
            self.reactor.advance(2)
            page = self.ask("/schedulers").text
        for question in ("listBuilderNames", "getPendingBuildTimes", "waitingChanges"):
            self.assertIn(f"OddScheduler.{question} failed: the reason is in twistd.log.", page)
        self.assertIn("OddSource.describe failed", page)
        self.assertIn("OddPoller.describe failed", page)
        self.assertIn("OddScheduler.listBuilderNames failed", self.ask("/schedulers/odd").text)
        poller = self.master.commands["status"]()["master"]["pollers"][0]
        self.assertIn("OddPoller.describe failed", poller["source"])
        self.assertLessEqual(len(self.flushLoggedErrors(Trouble)), 20)
        self.reactor.advance(2)
        self.ask("/schedulers")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_works(self) -> None:
        """While they work, they are shown."""
        page = self.ask("/schedulers").text
        self.assertIn("an odd poller", page)
        self.assertIn("then for 2 min without another one", page)
        self.assertEqual(self.ask("/api/v1/schedulers").json["schedulers"][0]["builders"], ["full"])
        self.assertIn("http://there/", self.ask("/changes/1").text)
