"""The command C{disk}."""

from __future__ import annotations

import json
from typing import Any

from buildbot.scripts.disk import diskPage
from buildbot.text.printable import width
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

SAID: dict[str, Any] = {
    **{"store": 120_000_000, "logs": 2_000_000_000, "twistdLog": 12_000, "free": 50_000_000_000},
    "builders": [
        {"builder": "full\x1b[2J", "builds": 500, "withLogs": 200, "logs": 1_500_000_000},
        {"builder": "quick", "builds": 500, "withLogs": 500, "logs": 500_000_000},
    ],
    "keeps": {"builds": 500, "days": 365.0, "logsOf": 200, "logs": 5_000_000_000},
    "goes": {"builds": 3, "changes": 1, "logsOf": 7, "size": 30_000_000, "total": 2e9, "wait": 1380.0},
}
NOTHING = {"builds": 0, "changes": 0, "logsOf": 0, "size": 0, "total": 0, "wait": None}


class DiskTests(AskingTests):
    """What takes room, and what will go."""

    def test_page(self) -> None:
        """The parts are shown with their sizes, then the limits and what goes next."""
        self.answer = SAID
        said = command("disk", self.here)
        self.assertEqual((said.status, said.err), (0, ""))
        parts, builders, limits = said.out.split("\n\n")
        self.assertIn("120 MB  changes, requests and builds (state.sqlite)", parts)
        self.assertIn("2 GB    logs of 700 builds", parts)
        self.assertIn("50 GB   free on the disk", parts)
        self.assertIn("full\\x1b[2J  1.5 GB  75 %   500     200", builders)
        self.assertEqual(
            limits.splitlines(),
            [
                "kept: the last 500 builds of each builder, none older than 365 days",
                "kept: the logs of the last 200 builds of each builder",
                "kept: at most 5 GB of logs",
                "the next removal in 23 min removes 3 builds, 1 change, the logs of 7 further builds: "
                "30 MB of logs",
            ],
        )

    def test_server(self) -> None:
        """A store in a database takes no room here; an old file is named as what it is."""
        lines = diskPage({**SAID, "server": "postgresql://ci@db/ci"}, 20)
        self.assertIn(
            "-       changes, requests and builds: in postgresql://ci@db/ci, not on this disk", lines
        )
        self.assertIn("120 MB  an old state.sqlite, not in use", lines)
        lines = diskPage({**SAID, "server": "postgresql://ci@db/ci", "store": 0}, 20)
        self.assertNotIn("state.sqlite", " ".join(lines))

    def test_away(self) -> None:
        """A master whose database is away tells the rest; a standby knows no limits."""
        server = {"server": "postgresql://ci@db/ci", "storeTrouble": "no route to host", "goes": None}
        builders = [{**SAID["builders"][1], "builds": None}]
        lines = diskPage({**SAID, **server, "builders": builders}, 20)
        self.assertIn("quick    500 MB  25 %   -       500", lines)
        self.assertEqual(
            lines[-1], "the store does not answer, so its builds are not counted: no route to host"
        )
        lines = diskPage({**SAID, **server, "storeTrouble": "", "keeps": None}, 20)
        self.assertEqual(lines[-1], "what is removed is known only to the active master")

    def test_nothing(self) -> None:
        """A new master has no logs, and removes nothing."""
        keeps = {"builds": None, "days": None, "logsOf": None, "logs": None}
        lines = diskPage(
            {**SAID, "logs": 0, "builders": [], "keeps": keeps, "goes": NOTHING, "free": None}, 20
        )
        self.assertEqual(lines[-2:], ["kept: all builds", "nothing is removed at the next removal"])
        self.assertIn("0 B     logs of 0 builds", lines)

    def test_count(self) -> None:
        """--count names the largest builders, and tells how many more there are."""
        self.answer = SAID
        self.assertIn("and 1 more builder\n", command("disk", "-c1", self.here).out)
        self.assertNotIn("full", command("disk", "-c0", self.here).out)
        self.assertEqual(json.loads(command("disk", "-j", self.here).out), SAID)

    def test_tried(self) -> None:
        """A limit that is tried reaches the master; what it would remove is shown."""
        self.answer = SAID
        said = command("disk", "--build-horizon=100", "--build-days=30", self.here)
        self.assertEqual(self.asked[0][2], {"buildHorizon": 100, "buildDays": 30})
        self.assertTrue(
            said.out.endswith(
                "c['buildHorizon'] = 100 and c['buildDays'] = 30 would remove 3 builds, 1 change, "
                "the logs of 7 further builds: 30 MB of logs\n"
            ),
            said.out,
        )
        self.answer = {**SAID, "goes": NOTHING}
        said = command("disk", "--log-horizon=5", self.here)
        self.assertTrue(said.out.endswith("c['logHorizon'] = 5 would remove nothing\n"), said.out)
        self.assertEqual(command("disk", "--log-horizon=0", self.here).status, 2)

    def test_narrow(self) -> None:
        """The tables fit the terminal."""
        builders = [{**SAID["builders"][0], "builder": "名前" * 50}]
        for room in (60, 80, 200):
            lines = diskPage({**SAID, "builders": builders}, 20, room)[:-4]
            self.assertLessEqual(max(map(width, lines)), room)
