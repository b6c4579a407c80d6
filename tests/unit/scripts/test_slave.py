"""The command C{slave}."""

from __future__ import annotations

import json

from buildbot.control import client
from buildbot.scripts.slave import slaveLines
from buildbot.text.printable import width
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests
from tests.unit.scripts.test_builds import FINISHED, NOW, RUNNING
from tests.unit.scripts.test_status import BOT

EVENT: dict[str, object] = {"when": NOW - 60, "text": "attached\x1b[2J"}


class SlaveTests(AskingTests):
    """One slave."""

    def test_page(self) -> None:
        """A slave is shown with its state, its builds and its events."""
        bot: dict[str, object] = {**BOT, "events": [EVENT]}
        self.answer = {
            "slave": bot,
            "running": [RUNNING],
            "finished": [FINISHED],
        }
        said = command("slave", self.here, "bot1")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(self.asked[0][2], {"slave": "bot1", "count": 10})
        facts, running, finished, events = said.out.split("\n\n")
        self.assertIn("slave:    bot1", facts)
        self.assertIn("full/7", running)
        self.assertIn("full/6", finished)
        self.assertIn("attached\\x1b[2J", events)

    def test_none(self) -> None:
        """A slave without builds and without events says so; a visitor sees no address."""
        bot = {key: value for key, value in BOT.items() if key not in ("address", "refused")}
        lines = slaveLines("bot1", {"slave": bot, "running": [], "finished": []}, NOW)
        self.assertEqual(lines[-4:], ["", "no builds yet", "", "no events since the master started"])

    def test_gone(self) -> None:
        """Of a slave that the master does not know, only the builds are shown."""
        lines = slaveLines("old", {"slave": None, "running": [], "finished": [FINISHED]}, NOW)
        self.assertEqual(lines[0], "slave: old, of which only the builds are stored")
        self.assertIn("full/6", lines[-1])

    def test_json(self) -> None:
        """With --json the answer is printed."""
        self.answer = {"slave": BOT, "running": [], "finished": []}
        self.assertEqual(json.loads(command("slave", "-j", "-c0", self.here, "bot1").out), self.answer)
        self.assertEqual(self.asked[0][2], {"slave": "bot1", "count": 0})

    def test_wrong(self) -> None:
        """An unknown slave is refused by the master; a missing name by the command."""
        self.answer = client.ControlError("no slave 'bot9' in c['bots'] (there: bot1)")
        self.assertIn("there: bot1", self.failure("slave", self.here, "bot9"))
        self.assertEqual(command("slave", self.here).status, 2)

    def test_narrow(self) -> None:
        """The tables fit the terminal."""
        wide = {**FINISHED, "reason": "理由" * 100, "branch": "b" * 100}
        for room in (60, 80, 200):
            lines = slaveLines("bot1", {"slave": BOT, "running": [RUNNING], "finished": [wide]}, NOW, room)
            self.assertLessEqual(max(map(width, lines)), room)
