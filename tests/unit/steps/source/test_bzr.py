"""Source from Bazaar, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import SUCCESS
from buildbot.steps.source.bzr import Bzr
from tests.unit.steps.source.scripted import OLD_SLAVE, OLDEST_SLAVE, SLAVE, SourceCase, change


class BzrTests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """The slave's command gets the URL of the branch."""
        step = Bzr(baseURL="http://x/", defaultBranch="trunk", forceSharedRepo=True)
        told = self.own(step, OLD_SLAVE, changes=[change(3, "b"), change(2, "b")])
        self.assertEqual((told[""], told["repourl"], told["revision"]), ("bzr", "http://x/b", 3))
        self.assertTrue(told["forceSharedRepo"])

    def test_driven(self) -> None:
        """Slaves without the command get commands of the master."""
        played = self.play(Bzr("U"), OLDEST_SLAVE, {"test": 1, "bzr revno": "7\n"}, revision=7)
        wanted = ["rm -rf build @.", "bzr branch --revision 7 U build @.", "bzr revno @build"]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, "7"))
        there = {"stat build/.buildbot": 1, "stat build/.bzr": 0}
        played = self.play(Bzr("U", mode="full", method="clean"), answers=there)
        wanted = [
            "bzr clean-tree --unknown --force @build",
            "bzr revert --no-backup @build",
            "bzr pull --overwrite U @build",
            "bzr update @build",
        ]
        self.assertEqual(played.programs[:4], wanted)

    def test_more(self) -> None:
        """A shared store of revisions, and an export."""
        played = self.play(Bzr("U", forceSharedRepo=True))
        self.assertIn("bzr init-repo . @.", played.programs)
        played = self.play(Bzr("U", mode="export"), answers={"bzr revno": "7"})
        wanted = ["rmdir build", "bzr export build U @.", "bzr revno U @."]
        self.assertEqual((played.programs, played.got()), (wanted, "7"))

    def test_other(self) -> None:
        """A tree that the slave's own command leaves with a merge or a conflict is made again."""
        for status, times in (
            (" M  a\n", 1),
            ("P   me 2026-11-30 2\n", 2),
            (" M  a\nC   Text conflict in a\n", 2),
        ):
            answers: dict[str, Any] = {"bzr status": status, "bzr revno": "7", "stat build/.bzr": 0}
            answers["bzr"] = {"rc": 0}
            played = self.play(Bzr("U"), SLAVE, answers)
            self.assertEqual((played.result, played.said.count("bzr")), (SUCCESS, times))
        self.assertNotIn("bzr status", " ".join(self.play(Bzr("U")).said))
