"""The hook of 0.8 for Mercurial's own process, without Mercurial."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.changes.hgbuildbot import hook
from buildbot.clients import hgbuildbot, hghook
from buildbot.clients.hgbuildbot import Settings
from buildbot.clients.hookdelivery import Change, HookFailed, Master, change


class UI:
    """I have the values of hgrc, as Mercurial's C{ui} gives them."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def config(self, section: bytes, name: bytes, default: Any = None) -> Any:
        """A value of the section [hgbuildbot]."""
        return self._values.get(name.decode(), default) if section == b"hgbuildbot" else default

    configlist = configbool = config


class SettingsTests(unittest.SynchronousTestCase):
    """The section [hgbuildbot]."""

    def test_places(self) -> None:
        """The repository is the URL and the rest of the path; the branch is that of the changeset, or not."""
        made = change("ann", ["a"], "x", branch="default", revision="1")
        for settings, branch, repository in (
            (Settings(), "default", "tool"),
            (Settings(strip=2, baseurl="http://hg/"), "default", "http://hg/hg/tool"),
            (Settings(branchtype="dirname"), "tool", "tool"),
            (Settings(branchtype="dirname", branch="x"), "x", "tool"),
        ):
            said = settings.changed(made, "/srv/hg/tool")
            self.assertEqual((said["branch"], said["repository"]), (branch, repository))
            self.assertEqual((said["category"], said["revision"]), (None, "1"))


class HookTests(unittest.SynchronousTestCase):
    """The hook itself."""

    def setUp(self) -> None:
        self.sent: list[tuple[str, Master, Sequence[Change]]] = []
        self.asked: list[Any] = []
        sent, asked = self.sent, self.asked

        class Delivery:
            """I remember what I am to send."""

            def __init__(self, directory: str, master: Master, again: str) -> None:
                self._place = directory, master

            def hook(self, read: Callable[[], Sequence[Change]]) -> int:
                """Send changes."""
                sent.append((*self._place, read()))
                return 0

        def added(environ: Any, root: str) -> list[Any]:
            asked.append((environ["HG_NODE"], environ.get("HG_NODE_LAST"), environ["HG_HOOKTYPE"], root))
            return [change("ann", ["a"], "x", branch="default", revision="1")]

        self.patch(hgbuildbot, "Delivery", Delivery)
        self.patch(hghook, "added", added)
        self.patch(os, "mkdir", lambda path: None)
        self.patch(sys, "stderr", io.StringIO())

    def run_(self, ui: UI, hooktype: bytes = b"changegroup", **more: Any) -> str:
        """Run the hook. Returns its messages."""
        hook(ui, SimpleNamespace(root=b"/srv/tool"), hooktype, b"a1", b"push", **more)
        said = sys.stderr
        assert isinstance(said, io.StringIO)
        return said.getvalue()

    def test_masters(self) -> None:
        """Each master gets the changes from a directory of its own, with the account of the section."""
        ui = UI(master=[b"h:1", b"h:2"], auth=b"u:p", category=b"c", strip=b"many")
        self.assertEqual(self.run_(ui, node_last=b"b2"), "")
        self.assertEqual(self.asked, [("a1", "b2", "changegroup", "/srv/tool")])
        places = [(directory, master.address, master.account) for directory, master, _ in self.sent]
        first, second = "/srv/tool/.hg", "/srv/tool/.hg/buildbot-2"
        self.assertEqual(places, [(first, "h:1", "u:p"), (second, "h:2", "u:p")])
        self.assertEqual([changes[0]["category"] for *_, changes in self.sent], ["c", "c"])

    def test_default(self) -> None:
        """Without an account, the default one is used; the command is C{buildbot} of this package."""
        self.patch(os, "environ", {})
        self.run_(UI(master=["h:1"]), b"commit")
        ((_, master, _),) = self.sent
        self.assertEqual((master.account, master.command[1]), ("change:changepw", "-c"))
        self.assertEqual(self.asked[0][:3], ("a1", None, "commit"))

    def test_nothing(self) -> None:
        """Without a master, in another hook, and after an error, there is a message, and no exception."""
        self.assertIn("there is no master in the section", self.run_(UI()))
        self.assertIn("nothing to send in the hook tag", self.run_(UI(master=[b"h:1"]), b"tag"))

        def fails(environ: Any, root: str) -> Any:
            raise HookFailed("hg log failed")

        self.patch(hghook, "added", fails)
        self.assertIn("the hook has failed: hg log failed", self.run_(UI(master=[b"h:1"])))
        self.assertEqual(self.sent, [])
