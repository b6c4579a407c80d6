"""The page about the deliveries of forges."""

from __future__ import annotations

from typing import Any, cast

from twisted.trial import unittest

from buildbot.web.call import Call
from buildbot.web.hooks.changehook import ChangeHook, HookRecord
from buildbot.web.hooks.options import checkedDialects
from buildbot.web.pages.deliveries import ROUTES, deliveries
from buildbot.web.world import Parts, Settings, World


class DeliveriesTests(unittest.SynchronousTestCase):
    """The administrator looks at the last deliveries."""

    def shown(self, dialects: Any, *records: HookRecord) -> str:
        """The content of the page."""
        nothing: Any = None
        hook = ChangeHook(checkedDialects(dialects).dialects, nothing, nothing, lambda: 0.0)
        for each in records:
            (hook.refused if each.status == 401 else hook.recent).append(each)
        world = World(nothing, nothing, nothing, Settings(), Parts(hook))
        page = deliveries(Call(world, ROUTES[0], root="../"))
        return "".join(str(each) for each in cast(Any, page.parts))

    def test_table(self) -> None:
        """Each delivery is a line with its outcome and its changes; texts of senders are escaped."""
        taken = HookRecord(1.0, "github", "push", "<b>", "192.0.2.1", 202, "taken: 1 change: 7", (7,))
        wrong = HookRecord(2.0, "github", "", "", "192.0.2.66", 401, "the signature is wrong", ())
        text = self.shown({"github": {"secret": "canary-1"}}, taken, wrong)
        for said in (
            "&lt;b&gt;",
            '<a href="../changes/7">change 7</a>',
            "192.0.2.66",
            "the signature is wrong",
        ):
            self.assertIn(said, text)
        self.assertNotIn("canary", text)

    def test_none(self) -> None:
        """Without hooks, the page says so."""
        self.assertIn("no hooks", self.shown(None))

    def test_right(self) -> None:
        """S1: only the administrator may look: the texts are of strangers."""
        self.assertEqual([each.action for each in ROUTES], ["admin"])
