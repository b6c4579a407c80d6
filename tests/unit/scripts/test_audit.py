"""The command C{audit}."""

from __future__ import annotations

import json
from typing import Any

from buildbot.control.client import NoAnswer
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

ENTRY: dict[str, Any] = {
    "when": 1_700_000_000.0,
    "who": "ann",
    "how": "session",
    "address": "192.0.2.7",
    "action": "forceBuild",
    "subject": "builder/full",
    "outcome": "done",
    "detail": "a \x1b[2J try",
}


class AuditTests(AskingTests):
    """A person asks who has done what."""

    def test_lines(self) -> None:
        """Each action is a line with the user, the place, the action, the subject and the outcome."""
        self.answer = {"entries": [ENTRY, {**ENTRY, "who": "", "how": "anonymous", "outcome": "refused"}]}
        said = command("audit", self.here)
        head, first, second = said.out.splitlines()
        self.assertEqual((said.status, head.split()[:2]), (0, ["when", "who"]))
        for word in ("ann", "session 192.0.2.7", "forceBuild", "builder/full", "done"):
            self.assertIn(word, first)
        self.assertIn("nobody", second)
        self.assertNotIn("\x1b", said.out)

    def test_asked(self) -> None:
        """The options choose the actions; without them the latest 100 are shown."""
        self.answer = {"entries": []}
        self.assertEqual(command("audit", self.here).out, "no action is recorded\n")
        command("audit", "--who=ann", "--subject=slave/bot1", "--count=5", self.here)
        first, second = (each[2] for each in self.asked)
        self.assertEqual(first, {"count": 100, "who": None, "subject": None})
        self.assertEqual(second, {"count": 5, "who": "ann", "subject": "slave/bot1"})

    def test_since(self) -> None:
        """--since ends the list, without questions about older actions."""
        new, old = {**ENTRY, "when": 2e9}, {**ENTRY, "when": 1e9}
        self.answer = {"entries": [new, old], "next": "x"}
        said = command("audit", "--json", "--since=2020-01-01", self.here)
        self.assertEqual(json.loads(said.out), [new])
        self.assertEqual(len(self.asked), 1)
        said = command("audit", "--since=2040-01-01", self.here)
        self.assertEqual(said.out, "no action meets these conditions\n")

    def test_json(self) -> None:
        """With --json, the actions are a JSON list."""
        self.answer = {"entries": [ENTRY]}
        self.assertEqual(json.loads(command("audit", "--json", self.here).out), [ENTRY])

    def test_silent(self) -> None:
        """A master that does not answer is an error; nothing could be carried out later."""
        self.answer = NoAnswer("the master does not answer")
        self.assertNotIn("later", self.failure("audit", self.here))
