"""The commands that answer questions, on the machine of the master and on another one."""

from __future__ import annotations

import json

from twisted.internet.defer import execute

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
        self.assertNotIn("bob", self.both("changes", "--author", "ANN", "--branch=b", "--since=9999 weeks"))
        self.assertEqual(len(json.loads(self.both("changes", "--json").removesuffix("0"))), 2)
        self.assertIn("no change meets", self.both("changes", "--author", "nobody"))

    def test_change(self) -> None:
        """One change is shown alike; an unknown one is refused."""
        self.assertIn("why", self.both("change", "1"))
        self.both("change", "--json", "1")
        for place in ((self.basedir,), ("--url", URL)):
            self.assertIn("there is no change 99", self.run_("change", *place, "99").lower())

    def test_builds(self) -> None:
        """Builds are chosen by slave, outcome, time, branch and revision, alike."""
        self.force()
        for _ in range(2):
            self.commands[-1].end(1)
            self.wait(2)
        for words in (
            ("--slave=bot1", "--failed", "--since=9999 weeks"),
            ("--branch=", "--json"),
            ("--until", "2100-01-01", "full"),
        ):
            self.assertIn("full", self.both("builds", *words), words)
        self.assertIn("(there: bot1)", self.run_("builds", self.basedir, "--slave=bot9"))
        self.assertIn("Did you mean bot1?", self.run_("builds", "--url", URL, "--slave=bot9"))
        for wrong in (("--revision=r9",), ("--branch=b9",), ("--since=2100-01-01",)):
            self.assertEqual(self.both("builds", *wrong), "no build meets these conditions\n0", wrong)

    def test_show(self) -> None:
        """One build is shown alike, running and finished."""
        self.force()
        self.assertIn("running", self.run_("show", "--url", URL, "full"))
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.assertIn("compile", self.both("show", "full/0"))
        self.both("show", "full", "--json")
        for place in ((self.basedir,), ("--url", URL)):
            self.assertIn("no builder 'nosuch'", self.run_("show", *place, "nosuch"))
            self.assertIn("has no build 99", self.run_("show", *place, "full/99"))

    def test_slave(self) -> None:
        """A slave is shown alike; a misspelt one is refused, with the nearest or all names."""
        self.force()
        self.assertIn("full/0", self.run_("slave", "--url", URL, "bot1"))
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.assertIn("full/0", self.both("slave", "bot1"))
        self.both("slave", "bot1", "--json")
        self.assertIn("(there: bot1", self.run_("slave", self.basedir, "bott1"))
        self.assertIn("Did you mean bot1?", self.run_("slave", "--url", URL, "bott1"))

    def test_schedulers(self) -> None:
        """The schedulers are shown alike."""
        self.assertIn("there are no schedulers", self.both("schedulers"))
        added = "import buildbot.scheduler as s\nc['schedulers'] = [s.Scheduler('q', None, 9, ['full'])]\n"
        self.write(self.config + added)
        self.reconfig()
        self.assertIn("a change of the main line, then for 9 s", self.both("schedulers"))
        self.both("schedulers", "--json")

    def test_disk(self) -> None:
        """What takes room is shown alike."""
        self.force()
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.patch(self.master.botmaster.retention.logs, "inThread", execute)
        for place in ((self.basedir,), ("--url", URL)):
            self.assertIn("kept: the last", self.run_("disk", *place))
            self.assertIn("would remove nothing", self.run_("disk", *place, "--build-horizon=5"))
        said = json.loads(self.run_("disk", "--url", URL, "--json").removesuffix("0"))
        self.assertEqual([each["builder"] for each in said["builders"]], ["full"])
