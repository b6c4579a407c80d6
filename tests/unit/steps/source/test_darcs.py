"""Source from Darcs, on scripted slaves."""

from __future__ import annotations

from buildbot.steps.source.darcs import Darcs
from tests.unit.steps.source.scripted import ANCIENT_SLAVE, SLAVE, SourceCase, change


class DarcsTests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """A change has no context: the latest is built."""
        told = self.own(Darcs(baseURL="http://x/", defaultBranch="main"), changes=[change("abc", "b")])
        self.assertEqual((told[""], told["repourl"], told["revision"]), ("darcs", "http://x/b", None))

    def test_gates(self) -> None:
        """Old slaves neither change branches nor get a revision."""
        step = Darcs(baseURL="http://x/", defaultBranch="main")
        self.assertEqual(self.play(step, ANCIENT_SLAVE).said, ["darcs"])
        for source in ({"branch": "b"}, {"revision": "context"}):
            self.assertNotIn("darcs", self.play(step, ANCIENT_SLAVE, {"test": 1}, **source).said)
        self.assertEqual(self.play(step, SLAVE, branch="b").said, ["darcs"])

    def test_driven(self) -> None:
        """A tree is updated, but a context takes a new one; its revision is a context, too."""
        there = {"stat build/.buildbot": 1, "stat build/_darcs": 0, "cat": "U\n", "darcs changes": "context"}
        played = self.play(Darcs("U"), answers=there)
        self.assertEqual(played.programs[1], "darcs pull --all --verbose U @build")
        self.assertEqual(played.got(), "context")
        played = self.play(Darcs("U"), answers=there, revision="[context\n]")
        wanted = [
            "rmdir build",
            "downloadFile . .darcs-context",
            "darcs get --verbose --lazy --context .darcs-context U build @.",
        ]
        self.assertEqual(played.programs[:3], wanted)
        for method in (None, "clean"):
            played = self.play(Darcs("U", mode="full", method=method), answers=there)
            self.assertEqual(played.programs[0], "rmdir build")
