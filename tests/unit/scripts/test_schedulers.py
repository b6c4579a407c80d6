"""The command C{schedulers}."""

from __future__ import annotations

import json
from typing import Any

from buildbot.scripts import schedulers
from buildbot.text.printable import width
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

NOW = 1_800_000_000.0
NIGHT: dict[str, Any] = {
    **{"name": "night", "kind": "Nightly", "builders": ["full"], "due": NOW + 7200, "times": [NOW + 7200]},
    **{"waitsFor": "its time", "pending": 0},
}
QUICK: dict[str, Any] = {
    **{"name": "quick", "kind": "Scheduler", "builders": [f"b{each}" for each in range(8)], "due": None},
    **{"times": [], "waitsFor": "a change of the main line", "pending": 3},
}


class SchedulersTests(AskingTests):
    """What fires next."""

    def test_order(self) -> None:
        """The next one is first; those without a time are last, with the changes that wait."""
        sooner = {**NIGHT, "name": "often", "due": NOW + 60}
        lines = schedulers.schedulersPage([QUICK, NIGHT, sooner, {**NIGHT, "due": NOW - 1}], NOW)
        self.assertIn(" (now)", lines[1])
        self.assertIn(" (in 1 min)", lines[2])
        self.assertIn(" (in 2 h)", lines[3])
        self.assertEqual(lines[4].split()[:2], ["-", "quick"])
        self.assertTrue(lines[4].endswith("a change of the main line  3        b0, b1, b2, b3, b4, 3 more"))

    def test_answer(self) -> None:
        """The command prints the table, JSON, or that there is none."""
        self.answer = {"schedulers": [NIGHT]}
        self.assertIn("night", command("schedulers", self.here).out)
        self.assertEqual(json.loads(command("schedulers", "-j", self.here).out), self.answer)
        self.answer = {"schedulers": []}
        self.assertEqual(command("schedulers", self.here).out, "there are no schedulers\n")

    def test_plugin(self) -> None:
        """A class of a plug-in is named in place of what it waits for; names cannot control the terminal."""
        (_, line) = schedulers.schedulersPage([{**QUICK, "waitsFor": "", "name": "a\x1b[2Jb"}], NOW)
        self.assertIn("a\\x1b[2Jb  Scheduler", line)

    def test_triggered(self) -> None:
        """A scheduler that steps trigger is shown with the builders of these steps."""
        told = {**QUICK, "waitsFor": "a step that triggers it", "triggeredBy": ["full", "docs"]}
        (_, line) = schedulers.schedulersPage([told], NOW)
        self.assertIn("a step that triggers it (of full, docs)", line)

    def test_narrow(self) -> None:
        """The table fits the terminal."""
        for room in (60, 80, 200):
            lines = schedulers.schedulersPage([QUICK, NIGHT, {**QUICK, "name": "日本" * 40}], NOW, room)
            self.assertLessEqual(max(map(width, lines)), room)
