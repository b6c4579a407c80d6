"""Source from Monotone, Arch and Bazaar, on scripted slaves: the exact commands; and from GitHub."""

from __future__ import annotations

from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process import step as oldNames
from buildbot.steps import source
from buildbot.steps.source.arch import Arch, Bazaar
from buildbot.steps.source.gerrit import Gerrit
from buildbot.steps.source.github import GitHub
from buildbot.steps.source.mtn import Monotone
from tests.unit.steps.source.scripted import ANCIENT_SLAVE, OLD_SLAVE, WORKER, Scripted, SourceCase, change


class MonotoneTests(SourceCase):
    """Source from Monotone."""

    def test_own(self) -> None:
        """The slave's command gets all that it demands."""
        told = self.own(Monotone("host", "net.x"), OLD_SLAVE)
        wanted = ("monotone", "host", "net.x", "monotone.db", "monotone", None)
        names = ("", "server_addr", "branch", "db_path", "monotone", "revision")
        self.assertEqual(tuple(told[name] for name in names), wanted)

    def test_driven(self) -> None:
        """A database, a pull and a checkout; later a pull and an update."""
        played = self.play(Monotone("host", "net.x", monotone="mtn"), answers={"mtn automate": "abc\n"})
        wanted = [
            "rmdir build",
            "mtn --db monotone.db db init @.",
            "mtn --db monotone.db pull host net.x @.",
            "mtn --db monotone.db checkout --branch net.x build @.",
            "mtn automate get_base_revision_id @build",
        ]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, "abc"))
        there = {"stat build/.buildbot": 1, "stat": 0}
        played = self.play(Monotone("host", "net.x"), answers=there, revision="abc")
        self.assertEqual(played.programs[1], "monotone update --revision abc @build")


class ArchTests(SourceCase):
    """Source from Arch and Bazaar 1."""

    def test_own(self) -> None:
        """The branch is the version, and the revision the last patch."""
        changes = [change("patch-9", "x--y--1"), change("patch-10", "x--y--1")]
        told = self.own(Arch("http://a", "x--y--0"), OLD_SLAVE, changes=changes)
        wanted = ("arch", "http://a", "x--y--1", None, "patch-10")
        self.assertEqual(tuple(told[n] for n in ("", "url", "version", "archive", "revision")), wanted)
        told = self.own(Bazaar("http://a", "x--y--0", "me@x"), OLD_SLAVE)
        self.assertEqual((told[""], told["archive"]), ("bazaar", "me@x"))

    def test_gates(self) -> None:
        """An old slave does not change branches."""
        self.assertEqual(self.play(Arch("u", "v"), ANCIENT_SLAVE).said, ["arch"])
        self.assertNotIn("arch", self.play(Arch("u", "v"), ANCIENT_SLAVE, {"test": 1}, branch="w").said)

    def test_driven(self) -> None:
        """The archive is registered, and the version got; later it is replayed."""
        answers = {"tla logs": "me@x/x--y--1--patch-7\n"}
        played = self.play(Arch("http://a", "x--y--1", "me@x"), answers=answers, revision="patch-7")
        wanted = [
            "rmdir build",
            "tla register-archive --force http://a @.",
            "tla get --archive me@x --no-pristine x--y--1--patch-7 build @.",
            "tla logs --full --reverse @build",
        ]
        self.assertEqual((played.programs, played.got()), (wanted, "patch-7"))
        there = {"stat build/.buildbot": 1, "stat": 0, "baz tree-version": "a/v\n"}
        played = self.play(Bazaar("u", "v", "a"), answers=there)
        self.assertEqual(played.programs[1], "baz replay @build")
        played = self.play(Bazaar("u", "v", "a"), answers=there, branch="w")
        self.assertEqual(played.programs[1], "rmdir build")


class GitHubTests(SourceCase):
    """Source from GitHub."""

    def test_merge(self) -> None:
        """The merge of a pull request is built, not the revision of its branch."""
        played = self.play(GitHub("URL"), branch="refs/pull/12/merge", revision="abc")
        self.assertIn("git fetch -f -t URL refs/pull/12/merge @build", played.programs)
        self.assertIn("git reset --hard FETCH_HEAD -- @build", played.programs)
        played = self.play(GitHub("URL"), branch="main", revision="abcdef1")
        self.assertIn("git reset --hard abcdef1 -- @build", played.programs)


class GerritTests(SourceCase):
    """Source from Gerrit."""

    def test_patchSet(self) -> None:
        """The patch set of an event or of a property is built; without one, the branch."""
        for name, value, wanted in (
            ("event.patchSet.ref", "refs/changes/34/1234/5", "refs/changes/34/1234/5"),
            ("gerrit_change", "1203/5", "refs/changes/03/1203/5"),
            ("other", "x", "main"),
        ):
            running = self.prepare(Gerrit("URL"), commands=WORKER)
            running.build.source = SourceStamp(branch="main")
            running.build.properties.setProperty(name, value, "test")
            played = Scripted(running, lambda words: 1 if words.startswith("stat") else None)
            self.assertIn(f"git fetch -f -t URL {wanted} @build", played.programs)


class NameTests(SourceCase):
    """Names of 0.7.5."""

    def test_oldNames(self) -> None:
        """Each step is found under both names of 0.7.5, and under its name of 0.8."""
        for name in (
            "Arch",
            "Bazaar",
            "CVS",
            "Darcs",
            "Git",
            "Mercurial",
            "Monotone",
            "P4",
            "P4Sync",
            "SVN",
            "Source",
        ):
            self.assertIs(getattr(source, name), getattr(oldNames, name))
        for module, name in (("git", "Git"), ("svn", "SVN"), ("mercurial", "Mercurial"), ("cvs", "CVS")):
            self.assertIs(getattr(getattr(source, module), name), getattr(source, name))
