"""The import of the pages while the master is idle."""

from __future__ import annotations

import sys
from importlib import import_module

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.web import warming
from buildbot.web.warming import PAUSE, REST, Warming, modules

#: The module that imports all that is missing; a test replaces its name.
ALL = warming._ALL


class WarmingTests(unittest.SynchronousTestCase):
    """A web server that has just started."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.imported: list[str] = []
        self.broken = ""
        self.patch(warming, "import_module", self._import)
        self.patch(warming, "_ALL", "buildbot.web.notthere")
        self.warming = Warming(self.clock, ["buildbot.a", "sys", "buildbot.b"])

    def _import(self, name: str) -> None:
        if name == self.broken:
            raise SyntaxError("a hole")
        self.imported.append(name)

    def test_oneByOne(self) -> None:
        """The modules that are missing are imported in turns of their own, some seconds after the start."""
        self.warming.start()
        self.clock.advance(REST - 0.1)
        self.assertEqual(self.imported, [])
        self.clock.advance(0.1)
        self.assertEqual(self.imported, ["buildbot.a"])
        self.clock.pump([PAUSE] * 5)
        self.assertEqual(self.imported, ["buildbot.a", "buildbot.b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_wake(self) -> None:
        """The web server itself is woken before the first import, in a turn of its own."""
        warming = Warming(self.clock, ["buildbot.a"], wake=lambda: self.imported.append("awake"))
        warming.start()
        self.clock.advance(REST)
        self.assertEqual(self.imported, ["awake"])
        self.clock.pump([PAUSE] * 5)
        self.assertEqual(self.imported, ["awake", "buildbot.a"])

    def test_stop(self) -> None:
        """A web server that is stopped imports no more; a second stop does nothing."""
        self.warming.start()
        self.clock.advance(REST)
        self.warming.stop()
        self.warming.stop()
        self.assertEqual((self.clock.getDelayedCalls(), self.imported), ([], ["buildbot.a"]))

    def test_broken(self) -> None:
        """A broken module is told in the log soon after the start, and not only to the first visitor."""
        self.broken = "buildbot.a"
        self.warming.start()
        self.clock.advance(REST)
        self.assertEqual(len(self.flushLoggedErrors(SyntaxError)), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """A web server of a new configuration has nothing to import."""
        self.patch(warming, "_ALL", "sys")
        self.warming.start()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_all(self) -> None:
        """Every module of the pages can be imported, and after them nothing of the pages is missing."""
        names = list(modules())
        self.assertEqual(names.pop(), warming._ALL)
        for name in [*names, ALL]:
            import_module(name)
        self.assertIn("buildbot.web.table", sys.modules)
