"""Plug-ins of people's own keep values in the store of the master."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.application import service
from twisted.trial import unittest

from buildbot.store.memory import MemoryStore
from buildbot.util.state import StateMixin


class Plugin(service.Service, StateMixin):
    """A plug-in of somebody's own."""

    def __init__(self, name: str | None) -> None:
        self.name = name


class Other(Plugin):
    """Another one."""


class StateTests(unittest.SynchronousTestCase):
    """C{getState} and C{setState}."""

    def setUp(self) -> None:
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        master: Any = service.MultiService()
        master.botmaster = SimpleNamespace(store=self.store)
        self.parts = service.MultiService()
        self.parts.setServiceParent(master)

    def plugin(self, kind: type[Plugin] = Plugin, name: str | None = "mine") -> Plugin:
        """A plug-in that has joined the master."""
        plugin = kind(name)
        plugin.setServiceParent(self.parts)
        return plugin

    def test_kept(self) -> None:
        """What one process has kept, the same plug-in of the next process reads."""
        self.successResultOf(self.plugin().setState("last", {"head": "r7", "seen": [1, 2]}))
        self.assertEqual(
            self.successResultOf(Plugin("mine").getState("last", None).addErrback(lambda why: why.type)),
            RuntimeError,
        )
        again = Plugin("mine")
        again.parent = self.parts
        self.assertEqual(self.successResultOf(again.getState("last")), {"head": "r7", "seen": [1, 2]})

    def test_default(self) -> None:
        """A value that was never kept is the default, and a KeyError without one. None is a value, too."""
        plugin = self.plugin()
        self.assertEqual(self.successResultOf(plugin.getState("last", [])), [])
        self.failureResultOf(plugin.getState("last"), KeyError)
        self.successResultOf(plugin.setState("last", None))
        self.assertIsNone(self.successResultOf(plugin.getState("last", 7)))

    def test_apart(self) -> None:
        """Plug-ins with other names, or of other classes, have other values."""
        self.successResultOf(self.plugin().setState("last", 1))
        others = (self.plugin(name="yours"), self.plugin(Other, "mine-2"), self.plugin(name=None))
        for plugin in others:
            self.assertEqual(self.successResultOf(plugin.getState("last", "none")), "none")

    def test_wrong(self) -> None:
        """A value that JSON cannot express is an error, and the old value stays."""
        plugin = self.plugin()
        self.successResultOf(plugin.setState("last", 1))
        self.failureResultOf(plugin.setState("last", object()), TypeError)
        self.assertEqual(self.successResultOf(plugin.getState("last")), 1)

    def test_noMaster(self) -> None:
        """Without a master, both say so."""
        for asked in (Plugin("mine").getState("last", 1), Plugin("mine").setState("last", 1)):
            self.assertIn("running master", self.failureResultOf(asked, RuntimeError).getErrorMessage())
