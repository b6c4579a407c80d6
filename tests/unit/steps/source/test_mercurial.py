"""Source from Mercurial, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.steps.source.mercurial import Mercurial
from tests.unit.steps.source.scripted import OLD_SLAVE, OLDEST_SLAVE, SLAVE, WORKER, SourceCase

THERE: dict[str, Any] = {"stat build/.buildbot": 1, "stat build/.hg": 0, "hg showconfig": "U\n"}


class MercurialTests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """A branch is a part of the URL, or one in the repository."""
        for step, branch, url, name in (
            (Mercurial(baseURL="http://x/", defaultBranch="main"), None, "http://x/main", "default"),
            (Mercurial(baseURL="http://x/", defaultBranch="main"), "b", "http://x/b", "default"),
            (Mercurial("http://x/y", branchType="inrepo"), "b", "http://x/y", "b"),
            (Mercurial("http://x/y", branchType="inrepo"), None, "http://x/y", "default"),
            (Mercurial("http://x/y"), None, "http://x/y", "default"),
        ):
            told = self.own(step, OLD_SLAVE, branch=branch)
            self.assertEqual((told[""], told["repourl"], told["branch"]), ("hg", url, name))
            self.assertTrue(told["clobberOnBranchChange"])

    def test_gates(self) -> None:
        """A slave of 0.7.5 knows no branches in a repository."""
        self.assertEqual(self.play(Mercurial("u"), OLDEST_SLAVE).said[0], "hg")
        played = self.play(Mercurial("u", branchType="inrepo"), OLDEST_SLAVE, {"test": 1})
        self.assertIn("2.9 is needed", played.log)

    def test_new(self) -> None:
        """A new working copy."""
        played = self.play(Mercurial("U", branchType="inrepo"), answers={"hg parents": "abc\n"}, branch="b")
        wanted = [
            "rmdir build",
            "hg clone --noupdate U build @.",
            "hg update --clean --rev b @build",
            "hg parents --template {node}\\n @build",
        ]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, "abc"))

    def test_update(self) -> None:
        """An old working copy is updated to the revision."""
        played = self.play(Mercurial("U"), answers=THERE, revision="abc")
        wanted = ["hg pull U @build", "hg update --clean --rev abc @build"]
        self.assertEqual(played.programs[1:3], wanted)
        played = self.play(Mercurial("OTHER"), answers=THERE)
        self.assertIn("rmdir build", played.programs)

    def test_kept(self) -> None:
        """A URL that Mercurial keeps in other words is that of the working copy, whoever owns that."""
        for url, there, isOurs in (
            ("/a b/../x/", "/x", True),
            ("file:///a%20b", "/a b", True),
            ("http://x/y#side", "http://x/y", True),
            ("http://x/y/", "http://x/y", True),
            ("http://x/z", "http://x/y", False),
        ):
            played = self.play(Mercurial(url), answers={**THERE, "hg showconfig": f"{there}\n"})
            self.assertEqual("rmdir build" not in played.said, isOurs, url)
        self.assertIn("hg showconfig --untrusted paths.default @build", played.said)
        self.assertEqual(played.sent[-1].args["env"]["HGPLAIN"], "1")

    def test_missing(self) -> None:
        """A working copy is kept if the repository does not have the revision."""
        for revision, ask in (("abc", "hg identify --id --rev abc U @."), ("a + b", "hg identify --id U @.")):
            answers = {**THERE, "hg update": 255, "hg identify": 255}
            played = self.play(Mercurial("U"), answers=answers, revision=revision)
            self.assertEqual((played.result, "rmdir build" in played.said), (FAILURE, False))
            self.assertIn(ask, played.said)

    def test_other(self) -> None:
        """A tree that ends with a changeset that the repository has no more is made again."""
        other = "comparing with U\nsearching for changes\n123456789abc\n"
        none = {"stdout": b"comparing with U\nno changes found\n", "rc": 1}
        mq = {"stdout": b"comparing with U\nno changes found (ignored 1 secret changesets)\n", "rc": 1}
        fixed: dict[str, Any] = {"revision": "abc"}
        for outgoing, source, isRight in (
            (1, {}, True),
            (none, {}, True),
            (mq, {}, False),
            (other, {}, False),
            (other, fixed, True),
        ):
            answers: dict[str, Any] = {**THERE, "hg outgoing": outgoing}
            played = self.play(Mercurial("U"), WORKER, answers, **source)
            self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, not isRight))
            answers |= {"hg identify": 0, "hg": {"rc": 0}}
            played = self.play(Mercurial("U"), SLAVE, answers, **source)
            self.assertEqual(played.said.count("hg"), 1 if isRight else 2, played.said)

    def test_branchChange(self) -> None:
        """Another branch gets a new working copy, unless that is not wanted."""
        answers = {**THERE, "hg identify --branch": "a\n"}
        for clobbers in (True, False):
            step = Mercurial("U", branchType="inrepo", clobberOnBranchChange=clobbers)
            played = self.play(step, answers=answers, branch="b")
            self.assertEqual("rmdir build" in played.programs, clobbers)

    def test_clean(self) -> None:
        """Files that are not under version control are purged."""
        for method, flags in (("clean", ""), ("fresh", " --all")):
            played = self.play(Mercurial("U", mode="full", method=method), answers=THERE)
            self.assertIn(f"hg --config extensions.purge= purge{flags} @build", played.programs)

    def test_wrong(self) -> None:
        """One URL is needed, and a known type of branches."""
        wrong: tuple[tuple[dict[str, Any], str], ...] = (
            ({}, "needs repourl or baseURL"),
            ({"repourl": "a", "baseURL": "b"}, "needs repourl or baseURL"),
            ({"repourl": "a", "branchType": "dir"}, "branchType must be 'dirname' or 'inrepo'"),
        )
        for kwargs, words in wrong:
            with self.assertRaises(TypeError) as caught:
                Mercurial(**kwargs)
            self.assertIn(words, str(caught.exception))
