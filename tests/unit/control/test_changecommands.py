"""The command sendchange of the control socket and the API."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.trial import unittest

from buildbot.control.changecommands import ChangeCommands
from buildbot.control.client import ControlError
from buildbot.model.change import Change
from buildbot.store.interface import StoreFailed


class SendChangeTests(unittest.SynchronousTestCase):
    def setUp(self) -> None:
        self.stored: list[Change] = []
        self.failure: Exception | None = None

    def _add(self, change: Change) -> Deferred[Change]:
        if self.failure is not None:
            return fail(self.failure)
        self.stored.append(change)
        return succeed(change.numbered(len(self.stored)))

    def send(self, **said: Any) -> Deferred[dict[str, Any]]:
        """Send a change."""
        return ensureDeferred(ChangeCommands(self._add).handlers()["sendchange"](**said))  # type: ignore[arg-type]

    def test_all(self) -> None:
        """A change has all that is said about it, and the answer is its number."""
        said = {"who": "ann", "files": ["a.c"], "comments": "why", "branch": "x", "revision": 7, "when": 5}
        more = {"category": "docs", "revlink": "http://r", "properties": {"a": [1]}, "links": ["l"]}
        place = {"isdir": True, "repository": "r", "project": "p", "codebase": "c"}
        self.assertEqual(self.successResultOf(self.send(**said, **more, **place)), {"change": 1})
        (change,) = self.stored
        self.assertEqual((change.who, change.files, change.branch, change.revision), ("ann", ["a.c"], "x", 7))
        self.assertEqual((change.repository, change.project, change.codebase), ("r", "p", "c"))
        self.assertEqual(change.properties.getProperty("a"), [1])

    def test_refused(self) -> None:
        """A value that is too large, and a store that fails, are told."""
        why = self.failureResultOf(self.send(who="x" * 5000, files=[], comments=""), ControlError).value
        self.assertIn("who has more than 4096 characters", str(why))
        self.failure = StoreFailed("the disk is full")
        why = self.failureResultOf(self.send(who="ann", files=[], comments=""), ControlError).value
        self.assertIn("the disk is full", str(why))
        self.assertEqual(self.stored, [])
