"""The SVNPoller, with a real svn and real repositories."""

from __future__ import annotations

from typing import Any

from buildbot.changes.svnpoller import SVNPoller, split_file_branches
from tests.processes.pollercase import PollerCase


class SVNCase(PollerCase):
    """A repository of svn with trunk and branches."""

    programs = ("svn", "svnadmin")

    def setUp(self) -> None:
        super().setUp()
        self.environ["LC_ALL"] = "C.UTF-8"
        self.run_("svnadmin", "create", "repo", where=self.here)
        self.url = (self.here / "repo").as_uri()
        self.work = self.here / "work"
        self.run_("svn", "checkout", "--quiet", self.url, "work", where=self.here)
        for name in ("p ü/trunk", "p ü/branches/1.x", "other"):
            (self.work / name).mkdir(parents=True)
        self.commit("p ü/trunk/a.c")
        self.start()

    def commit(self, *files: str, comments: str = "because") -> str:
        """Commit some files as one revision, and return it."""
        for name in files or ("p ü/trunk/a.c",):
            with (self.work / name).open("a") as stream:
                stream.write("more\\n")
        self.run_("svn", "add", "--quiet", "--force", ".", where=self.work)
        self.run_("svn", "commit", "--quiet", "--username", "zoë", "-m", comments, where=self.work)
        return self.run_("svnlook", "youngest", "repo", where=self.here).strip()

    def start(self, below: str = "/p%20%C3%BC", **kw: Any) -> None:
        """Start a new master on the same store, with a poller."""
        options = {"split_file": split_file_branches, "pollInterval": 3600, **kw}
        self.use(SVNPoller(self.url + below, **options))


class LookTests(SVNCase):
    """The poller finds new revisions."""

    async def test_revisions(self) -> None:
        """Each revision makes a change, with all that is known of it; the first look makes none."""
        await self.poller.doPoll()
        self.commit("p ü/trunk/b ü@1.c", comments="one\n\n<two> ü")
        self.commit("other/x")
        self.commit("p ü/trunk/a.c")
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["2", "4"], ""))
        change = self.changes()[0]
        self.assertEqual((change.who, change.files, change.branch), ("zoë", ["b ü@1.c"], None))
        self.assertEqual((change.comments, change.repository), ("one\n\n<two> ü", self.url + "/p%20%C3%BC"))

    async def test_branches(self) -> None:
        """A revision on two branches makes two changes, a new branch one, a deleted branch none."""
        await self.poller.doPoll()
        self.commit("p ü/trunk/a.c", "p ü/branches/1.x/b.c", "p ü/notes")
        top = f"{self.url}/p%20%C3%BC"
        copy = ["svn", "copy", "--quiet", "-m", "copied", f"{top}/trunk", f"{top}/branches/2.x"]
        self.run_(*copy, where=self.work)
        self.run_("svn", "delete", "--quiet", "-m", "away", f"{top}/branches/2.x", where=self.work)
        await self.poller.doPoll()
        found = [(each.revision, each.branch, each.files) for each in self.changes()]
        self.assertEqual(sorted(found[:2], key=str), [("2", "branches/1.x", ["b.c"]), ("2", None, ["a.c"])])
        self.assertEqual(found[2:], [("3", "branches/2.x", [])])

    async def test_many(self) -> None:
        """More revisions than one command reads are all found, in order."""
        self.start(histmax=2)
        await self.poller.doPoll()
        for _ in range(5):
            self.commit("p ü/trunk/a.c")
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), ["2", "3", "4", "5", "6"])

    async def test_ofEight(self) -> None:
        """The poller takes what one of 0.8 takes, and goes on from the file of its last revision."""
        (self.here / "cache").write_text("1\n")
        options: dict[str, Any] = {"revlinktmpl": "http://x/?r=%s", "project": "pr", "cachepath": "cache"}
        options["split_file"] = lambda path: {"branch": "b", "path": path, "codebase": "cb"}
        self.start(category=lambda change: "c" + change.revision, **options)
        self.commit("p ü/trunk/a.c")
        await self.poller.doPoll()
        (change,) = self.changes()
        self.assertEqual((change.branch, change.files, change.codebase), ("b", ["trunk/a.c"], "cb"))
        self.assertEqual((change.revlink, change.category, change.project), ("http://x/?r=2", "c2", "pr"))


class TroubleTests(SVNCase):
    """Repositories that are gone, and splits that fail."""

    async def test_gone(self) -> None:
        """The look fails while the repository is away, and nothing is lost."""
        await self.poller.doPoll()
        away = self.here / "away"
        (self.here / "repo").rename(away)
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "svn info: svn: E170013: Unable to connect to a repository")
        away.rename(self.here / "repo")
        self.commit("p ü/trunk/a.c")
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["2"], ""))

    async def test_split(self) -> None:
        """A split_file that fails is an error of the look, and loses nothing."""
        await self.poller.doPoll()
        self.commit("p ü/trunk/a.c")
        self.start(split_file=lambda path: 1 / 0)
        await self.poller.doPoll()
        self.assertEqual(
            self.poller.failure, "split_file failed on 'trunk/a.c': ZeroDivisionError('division by zero')"
        )
        self.start()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), ["2"])

    async def test_nonsense(self) -> None:
        """An svn that prints nonsense is a failed look, without a traceback in the log."""
        fake = self.here / "svn"
        fake.write_text("#!/bin/sh\necho nonsense\n")
        fake.chmod(0o755)
        self.start(svnbin=str(fake))
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "^svn printed XML that cannot be read: syntax error")

    async def test_another(self) -> None:
        """Another repository under the same URL, with fewer revisions, is an error."""
        await self.poller.doPoll()
        self.commit("p ü/trunk/a.c")
        await self.poller.doPoll()
        (self.here / "repo").rename(self.here / "away")
        self.run_("svnadmin", "create", "repo", where=self.here)
        self.run_("svn", "mkdir", "--quiet", "-m", "x", self.url + "/p%20%C3%BC", where=self.here)
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "the last revision is 1, but 2 was there before")


class RestartTests(SVNCase):
    """A restart loses nothing and repeats nothing."""

    async def test_killed(self) -> None:
        """Each branch of each revision makes one change, however often the master dies between two."""
        await self.poller.doPoll()
        for _ in range(3):
            self.commit("p ü/trunk/a.c", "p ü/branches/1.x/b.c")
        for _ in range(20):
            self.start()
            if not await self.lookAndDie():
                break
        self.assertEqual(self.revisions(), ["2", "2", "3", "3", "4", "4"])
        self.assertGreater(len(self.masters), 6)

    async def test_killedOften(self) -> None:
        """20 commits make 20 changes while the master is killed 10 times."""
        await self.killOften()
