"""The URLs of pages."""

from __future__ import annotations

from dataclasses import replace

from buildbot.model.change import Change
from buildbot.status.master import Status
from buildbot.status.urls import buildPath, changePath, logPath, pathOf, quoted, schedulerPath, stepPath
from tests.unit.process.test_builds import BuildCase, shell


class PathTests(BuildCase):
    """C{getURLForThing}: the canonical paths of 0.7.6 and later."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"))
        self.status = Status(self.botmaster, ".")

    def publish(self, url: str | None) -> None:
        """Set C{c['buildbotURL']}."""
        self.botmaster.config = replace(self.botmaster.config, buildbotURL=url)

    def test_things(self) -> None:
        """Each object that a plug-in meets has the URL of its page."""
        self.publish("http://ci.example.org/bb/")
        self.connect()
        buildset = self.force()
        (build,) = self.status.getBuilder("full").getCurrentBuilds()
        (step,) = build.getSteps()
        (log,) = step.getLogs()
        change = Change("ann", ["a.c"], "words").numbered(7)
        things = (
            (self.status, ""),
            (build.getBuilder(), "builders/full"),
            (build, "builders/full/builds/0"),
            (step, "builders/full/builds/0/steps/shell"),
            (log, "builders/full/builds/0/steps/shell/logs/stdio"),
            (self.status.getSlave("bot1"), "buildslaves/bot1"),
            (buildset.status.getBuildRequests()[0], "builders/full"),
            (change, "changes/7"),
        )
        for thing, path in things:
            self.assertEqual(self.status.getURLForThing(thing), f"http://ci.example.org/bb/{path}")

    def test_none(self) -> None:
        """There is no URL without buildbotURL, and none for an object without a page."""
        self.assertIsNone(self.status.getURLForThing(self.status))
        self.publish("http://ci.example.org")
        self.assertEqual(self.status.getURLForThing(self.status), "http://ci.example.org/")
        self.assertIsNone(self.status.getURLForThing(object()))
        self.assertIsNone(self.status.getURLForThing(Change("ann", [], "not stored yet")))

    def test_quoted(self) -> None:
        """Names with slashes, spaces and other signs stay one segment (row 49)."""
        self.assertEqual(quoted("a/b c?#%é\udcff"), "a%2Fb%20c%3F%23%25%C3%A9%FF")
        self.assertEqual(buildPath("a/b", 3), "builders/a%2Fb/builds/3")
        self.assertEqual(stepPath("b", 3, "x y"), "builders/b/builds/3/steps/x%20y")
        self.assertEqual(logPath("b", 3, "s", "a/b"), "builders/b/builds/3/steps/s/logs/a%2Fb")
        self.assertEqual((changePath(3), schedulerPath("a b")), ("changes/3", "schedulers/a%20b"))
        self.assertIsNone(pathOf(None))
