"""The commands that answer questions, on the machine of the master and on another one."""

from __future__ import annotations

import json

from tests.stories.test_remotecommands import URL, RemoteCommandCase


class LookingTests(RemoteCommandCase):
    """Each question, asked in both ways."""

    def setUp(self) -> None:
        super().setUp()
        self.sendChange("ann", branch="b", revision="r1")

    def sendChange(self, who: str, **values: object) -> None:
        """Let a change come."""
        self.bySocket("", "sendchange", {"who": who, "files": ["a.c"], "comments": "why", **values}, None)

    def test_changes(self) -> None:
        """The changes are listed alike, and chosen alike."""
        self.sendChange("bob")
        self.assertIn("ann", self.both("changes"))
        self.assertNotIn("bob", self.both("changes", "--author", "ANN", "--branch=b", "--since=2 weeks"))
        self.assertEqual(len(json.loads(self.both("changes", "--json").removesuffix("0"))), 2)
        self.assertIn("no change meets", self.both("changes", "--author", "nobody"))

    def test_change(self) -> None:
        """One change is shown alike; an unknown one is refused."""
        self.assertIn("why", self.both("change", "1"))
        self.both("change", "--json", "1")
        for place in ((self.basedir,), ("--url", URL)):
            self.assertIn("there is no change 99", self.run_("change", *place, "99").lower())
