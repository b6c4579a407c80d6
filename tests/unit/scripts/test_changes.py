"""The commands C{changes} and C{change}."""

from __future__ import annotations

import json
from typing import Any

from buildbot.control import client
from buildbot.scripts import changes
from buildbot.text.printable import width
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

NOW = 1_800_000_000.0
SHORT: dict[str, Any] = {
    **{"number": 7, "came": NOW, "who": "Zoë <zoe@example.org>", "branch": None, "revision": "a" * 40},
    **{"project": "", "repository": "", "category": None, "summary": "mend the parser", "files": 2},
}
BUILD: dict[str, Any] = {
    **{"builder": "full", "number": 3, "slave": "bot1", "started": NOW, "finished": NOW + 75},
    **{"result": "failure", "results": 2, "text": ["failed test"]},
}
CHANGE: dict[str, Any] = {
    **{"number": 7, "when": NOW, "who": "Zoë", "branch": "trunk", "revision": "r7", "category": None},
    **{"project": "", "repository": "svn://r", "codebase": "", "revlink": "", "files": ["a.c", "b\x1b.c"]},
    **{"comments": "mend\n\nthe parser", "properties": {"urgent": [True, "Change"]}},
    **{"builds": [BUILD], "waiting": [], "pending": []},
}


class ChangesTests(AskingTests):
    """C{changes}."""

    def test_table(self) -> None:
        """A change is a line: a long hash is shortened."""
        self.answer = {"changes": [SHORT], "next": None}
        said = command("changes", self.here)
        self.assertEqual((said.status, said.err), (0, ""))
        heads, line = said.out.splitlines()
        self.assertTrue(heads.startswith("CHANGE  WHEN"))
        self.assertIn("aaaaaaaaaaaa  ", line)
        self.assertTrue(line.endswith("  -       mend the parser"), line)

    def test_codebases(self) -> None:
        """If a change has a codebase, a column tells it; a master of an earlier version tells none."""
        self.answer = {
            "changes": [{**SHORT, "codebase": "lib"}, {**SHORT, "codebase": ""}, SHORT],
            "next": None,
        }
        heads, *lines = command("changes", self.here).out.splitlines()
        self.assertTrue(heads.endswith("BRANCH  CODEBASE  COMMENTS"), heads)
        self.assertTrue(lines[0].endswith("  -       lib       mend the parser"), lines)
        self.assertTrue(lines[1].endswith("  -                 mend the parser"), lines)
        self.assertEqual(lines[1], lines[2])

    def test_conditions(self) -> None:
        """Each condition reaches the master, the times as seconds; without one it is left out."""
        self.answer = {"changes": [], "next": None}
        said = command("changes", "--branch=", "--author=ann", "--since=1970-01-03", "-c5", self.here)
        self.assertEqual(said.out, "no change meets these conditions\n")
        asked: Any = self.asked[0][2]
        self.assertEqual((asked["branch"], asked["author"], asked["count"]), ("", "ann", 5))
        self.assertAlmostEqual(asked["since"], 2 * 86400, delta=86400)
        self.assertNotIn("until", asked)
        self.assertEqual(command("changes", self.here).out, "no changes yet\n")
        self.assertEqual(self.asked[1][2], {"count": 20})

    def test_many(self) -> None:
        """More than 1,000 are asked for in parts, as JSON too."""
        answers = [{"changes": [SHORT] * 1000, "next": "x"}, {"changes": [SHORT] * 3, "next": None}]
        asked: list[Any] = []

        def request(here: str, verb: str, params: Any, patience: object) -> object:
            asked.append(params)
            return answers[len(asked) - 1]

        self.patch(client, "request", request)
        self.assertEqual(len(json.loads(command("changes", "-j", "-c", "5000", self.here).out)), 1003)
        self.assertEqual(asked, [{"count": 1000}, {"count": 1000, "cursor": "x"}])

    def test_wrong(self) -> None:
        """Wrong values are refused before the master is asked."""
        for words in (("--count=many",), ("--count=-1",), ("--since=soon",), ("--count=" + "9" * 16,)):
            self.assertEqual(command("changes", *words, self.here).status, 2, words)
        self.assertIn("did you mean --author?", command("changes", "--autor=a", self.here).err)
        self.assertEqual(self.asked, [])


class ChangeTests(AskingTests):
    """C{change}."""

    def test_page(self) -> None:
        """A change is shown with its comments, its files and its builds; control characters are escaped."""
        self.answer = CHANGE
        said = command("change", self.here, "#7")
        self.assertEqual(self.asked[0][2], {"number": 7})
        lines = said.out.splitlines()
        self.assertEqual(lines[:2], ["change:           7", "who:              Zoë"])
        self.assertIn("property urgent:  True", lines)
        self.assertEqual(lines[7:], ["", "  mend", "", "  the parser", "", "2 files:", *lines[13:]])
        self.assertEqual(lines[13:16], ["  a.c", "  b\\x1b.c", ""])
        self.assertIn("full/3  failed: test  bot1", said.out)

    def test_waiting(self) -> None:
        """Without a build it is told what waits for it, or that nothing does."""
        nothing = {**CHANGE, "builds": []}
        self.assertEqual(changes.changePage(nothing)[-1], "no build has it")
        waiting = [{"builder": "full", "id": 4, "why": "slave bot1: busy"}]
        lines = changes.changePage({**nothing, "waiting": waiting, "pending": ["quiet"]})
        self.assertEqual(
            lines[-2:],
            ["waits for full (request 4): slave bot1: busy", "the scheduler quiet will build it"],
        )

    def test_wrongClock(self) -> None:
        """A change is shown also if the clock of its author was wrong, and its time can be no date."""
        for when, shown in ((1e18, "9999-12-30"), (float("nan"), "9999-12-30"), (-1e18, "1-01-0")):
            self.answer = {**CHANGE, "when": when}
            said = command("change", self.here, "7")
            self.assertEqual((said.status, said.err), (0, ""))
            self.assertIn(shown, said.out)

    def test_narrow(self) -> None:
        """Facts and tables fit the terminal, also with wide characters."""
        wide = {**CHANGE, "who": "日本語" * 30, "repository": "x" * 300}
        for room in (60, 80, 200):
            lines = changes.changePage(wide, room)
            self.assertLessEqual(max(map(width, lines)), room)

    def test_wrong(self) -> None:
        """A number that is none is refused; one that does not exist, too, by the master."""
        self.assertEqual(command("change", self.here, "r7").status, 2)
        self.assertEqual(command("change", self.here, "9" * 30).status, 2)
        self.answer = client.ControlError("there is no change 99; the newest one is 7")
        self.assertIn("the newest one is 7", self.failure("change", self.here, "99"))
