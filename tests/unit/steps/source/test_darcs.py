"""Source from Darcs, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.steps.source.darcs import Darcs
from tests.unit.steps.source.scripted import ANCIENT_SLAVE, SLAVE, WORKER, SourceCase, change


class DarcsTests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """A change has no context: the latest is built."""
        told = self.own(Darcs(baseURL="http://x/", defaultBranch="main"), changes=[change("abc", "b")])
        self.assertEqual((told[""], told["repourl"], told["revision"]), ("darcs", "http://x/b", None))

    def test_gates(self) -> None:
        """Old slaves neither change branches nor get a revision."""
        step = Darcs(baseURL="http://x/", defaultBranch="main")
        self.assertEqual(self.play(step, ANCIENT_SLAVE).programs[0], "darcs")
        for source in ({"branch": "b"}, {"revision": "context"}):
            self.assertNotIn("darcs", self.play(step, ANCIENT_SLAVE, {"test": 1}, **source).said)
        self.assertEqual(self.play(step, SLAVE, branch="b").said[0], "darcs")

    def test_driven(self) -> None:
        """A tree is updated, but a context takes a new one; its revision is a context, too."""
        there = {"stat build/.buildbot": 1, "stat build/_darcs": 0, "cat": "U\n", "darcs changes": "context"}
        played = self.play(Darcs("U"), answers=there)
        wanted = ["darcs revert --all @build", "darcs pull --all --verbose U @build"]
        self.assertEqual(played.programs[1:3], wanted)
        self.assertEqual(played.got(), "context")
        played = self.play(Darcs("U"), answers=there, revision="[context\n]")
        wanted = [
            "rmdir build",
            "downloadFile . .darcs-context",
            "darcs get --verbose --lazy --context .darcs-context U build @.",
        ]
        self.assertEqual(played.programs[:3], wanted)
        self.assertNotIn("rmdir build", self.play(Darcs("U/"), answers=there).said)
        for method in (None, "clean"):
            played = self.play(Darcs("U", mode="full", method=method), answers=there)
            self.assertEqual(played.programs[0], "rmdir build")

    def test_patched(self) -> None:
        """A patched tree is made again: darcs does not remove the new files of a patch."""
        played = self.play(Darcs("U"), answers={"stat": 0, "cat": "U\n"})
        self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, True))
        self.assertIn("has been patched: it is made again", played.log)

    def test_away(self) -> None:
        """A tree is kept while the repository does not answer."""
        there = {"stat build/.buildbot": 1, "stat build/_darcs": 0, "cat": "U\n", "darcs pull": 1}
        for asked, result in ((0, SUCCESS), (2, FAILURE)):
            played = self.play(Darcs("U"), answers={**there, "darcs changes --last 1": asked})
            self.assertEqual((played.result, "rmdir build" in played.said), (result, result == SUCCESS))
            self.assertIn("darcs changes --last 1 --repo U @.", played.said)

    def test_lost(self) -> None:
        """Files that a build has removed are got again, without a new working copy."""
        answers: dict[str, Any] = {"stat build/.buildbot": 1, "stat build/_darcs": 0, "cat": "U\n"}
        answers |= {"darcs revert": 0, "darcs push": 0, "darcs changes": 0}
        for mode, after, times in (("update", "", 1), ("update", "R ./a\n", 2), ("copy", "", 2)):
            answers["darcs whatsnew"] = ["R ./a\nM ./b -1\nR ./c/d\n", after]
            played = self.play(Darcs("U", mode=mode), SLAVE, {**answers, "stat": 0, "darcs": {"rc": 0}})
            self.assertEqual((played.result, played.said.count("darcs")), (SUCCESS, times))
            self.assertEqual("darcs revert --all ./a ./c/d @build" in played.said, mode == "update")

    def test_kept(self) -> None:
        """A working copy gets the URL that it comes from, if the defaults of a user keep darcs from it."""
        for told, isWritten in ((1, True), ("U\n", False)):
            played = self.play(Darcs("U"), answers={"cat": told})
            self.assertEqual("downloadFile build _darcs/prefs/defaultrepo" in played.said, isWritten)
        played = self.play(Darcs("U"), answers={"cat": 1})
        reader = next(each for each in played.sent if each.name == "downloadFile").args["reader"]
        self.assertEqual(reader.remote_read(99), b"U\n")

    def test_other(self) -> None:
        """A tree with patches that the repository has no more, or without some files, is made again."""
        push, lost = {"darcs push": "Would push the following changes:\n"}, {"darcs whatsnew": "R ./a\n"}
        patched = {"patch": (1, "diff")}
        for more, source, isRight in (
            ({}, {}, True),
            ({"darcs whatsnew": "M ./R b -1 +1\n"}, {}, True),
            (push, {}, False),
            (lost, {}, False),
            (lost, patched, True),
            (push, patched, False),
        ):
            there: dict[str, Any] = {"stat build/.buildbot": 1, "stat build/_darcs": 0, "cat": "U\n"} | more
            played = self.play(Darcs("U"), WORKER, there, **source)
            self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, not isRight))
            there["darcs"] = {"rc": 0}
            played = self.play(Darcs("U"), SLAVE, there, **source)
            self.assertEqual(played.said.count("darcs"), 1 if isRight else 2, played.said)
