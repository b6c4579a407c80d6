"""No call reaches up a layer past a seam while a master builds, is reconfigured and loses a slave."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from buildbot.config import messages
from buildbot.model.results import SUCCESS
from buildbot.process.resources import Resources
from tests.callsup import CallsUp, Contracts
from tests.layers import ROOT, layersOf, modules, placeOf
from tests.stories.changes import ChangeCase


class CallsUpTests(ChangeCase):
    """Every call up a layer goes through a callback, a contract or an overridden method."""

    def setUp(self) -> None:
        """Read the table of layers."""
        super().setUp()
        layers = layersOf((ROOT / "docs" / "architecture" / "layers.rst").read_text())

        def place(module: str) -> int | None:
            return placeOf(module, layers) if module.startswith("buildbot.") else None

        self.calls = CallsUp(place, Contracts(list(modules()), place))

    def test_none(self) -> None:
        """From the start to the stop of a master, no call reaches up."""
        with self.calls.counted():
            self.begin()
            self.wait(2)
            self.successResultOf(self.send())
            self.wait(62)
            self.assertEqual([build.results for build in self.builds()], [SUCCESS])
            forced = ensureDeferred(self.master.commands["force"]("full", reason="again", who="me"))
            self.wait(2)
            self.successResultOf(forced)
            self.successResultOf(self.send())
            self.edit("60, ['full']", "30, ['full']")
            self.reconfig()
            self.slaves[0].pump.client.loseConnection()
            self.wait(2)
            self.connect(onCommand=lambda command: command.end(0))
            self.wait(62)
            self.stop()
        self.assertGreater(self.calls.allowed, 100)  # calls up are seen
        self.assertEqual(self.calls.reaching, {}, self.calls)

    def test_found(self) -> None:
        """A call of a method that only the upper folder declares is counted; a callback is not."""
        names: dict[str, Any] = {}
        source = "def reach(it): it.sleep(0)\ndef callBack(given): given(0)"
        exec(compile(source, messages.__file__, "exec"), names)
        resources = Resources(Clock())
        with self.calls.counted():
            names["callBack"](resources.sleep)
        self.assertEqual((self.calls.allowed, self.calls.reaching.total()), (1, 0))
        with self.calls.counted():
            names["reach"](resources)
        self.assertEqual((self.calls.allowed, self.calls.reaching.total()), (1, 1))
