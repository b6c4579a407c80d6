"""The HgPoller, with a real hg and real repositories."""

from __future__ import annotations

import os
import shutil
from typing import Any

from buildbot.changes.hgpoller import HgPoller
from tests.processes.pollercase import PollerCase


class HgCase(PollerCase):
    """A repository of hg."""

    programs = ("hg",)

    def setUp(self) -> None:
        super().setUp()
        self.patch(os, "environ", {**os.environ, "HGRCPATH": ""})
        self.environ |= {"HGRCPATH": "", "HGPLAIN": "1", "HGENCODING": "UTF-8", "HGUSER": "Zoë <z@x>"}
        self.origin = self.here / "o r ü"
        self.run_("hg", "init", str(self.origin), where=self.here)
        self.start()

    def hg(self, *arguments: str) -> str:
        """Run hg, and return its output."""
        return self.run_("hg", *arguments, where=self.origin)

    def commit(self, file: str | bytes = "a.c", comments: str = "because") -> str:
        """Commit a file. Returns the revision."""
        with open(os.path.join(os.fsencode(self.origin), os.fsencode(file)), "a") as stream:
            stream.write("more\n")
        said = self.hg("commit", "--debug", "--addremove", "-m", comments)
        return said.rpartition(":")[2].strip()  # "committed changeset NUMBER:REVISION"

    def start(self, **kw: Any) -> None:
        """Start a new master on the same store, with a poller."""
        self.use(HgPoller(**{"repourl": str(self.origin), "pollInterval": 3600, **kw}))


class LookTests(HgCase):
    """The poller finds new commits."""

    async def test_commits(self) -> None:
        """Each new commit makes one change, in order, with all that is known of it; old ones make none."""
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.changes(), self.poller.failure), ([], ""))
        first = self.commit("ü b.c", "one\n\nmore, \x01 ü")
        second = self.commit(b"\xe9.c")
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), ([first, second], ""))
        change, other = self.changes()
        self.assertEqual((change.who, change.files, change.branch), ("Zoë <z@x>", ["ü b.c"], "default"))
        self.assertEqual((change.comments, change.repository), ("one\n\nmore, \x01 ü", str(self.origin)))
        self.assertEqual(change.when, float(self.hg("log", "-r", first, "-T", "{date}").split("-")[0]))
        self.assertEqual(other.files, ["\udce9.c"])

    async def test_merge(self) -> None:
        """A merge of two heads makes a change, and so does each commit that it brings, once."""
        self.commit()
        await self.poller.doPoll()
        one = self.commit("b.c")
        self.hg("update", "--quiet", "0")
        two = self.commit("c.c")
        await self.poller.doPoll()
        self.hg("merge", "--quiet")
        three = self.commit("d.c")
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [one, two, three])

    async def test_branches(self) -> None:
        """Only commits on watched branches make changes; a new branch makes changes of all its commits."""
        self.commit()
        self.start(branches=lambda branch: branch.startswith("rel-"))
        await self.poller.doPoll()
        self.commit()
        self.hg("branch", "--quiet", "rel-ü")
        one = self.commit()
        await self.poller.doPoll()
        self.assertEqual([(c.revision, c.branch) for c in self.changes()], [(one, "rel-ü")])
        self.start(branches=True, name="all")
        await self.poller.doPoll()
        two = self.commit()
        self.hg("update", "--quiet", "default")
        three = self.commit()
        await self.poller.doPoll()
        self.assertEqual(self.revisions()[1:], [two, three])

    async def test_addedBranch(self) -> None:
        """The old commits of a branch that the configuration adds make no changes; its new ones do."""
        self.commit()
        self.hg("branch", "--quiet", "stable")
        self.commit()
        await self.poller.doPoll()
        self.start(branches=["default", "stable"])
        await self.poller.doPoll()
        self.assertEqual(self.changes(), [])
        new = self.commit()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [new])

    async def test_options(self) -> None:
        """A change has the project, the category, the codebase and the link that the configuration gives."""
        self.start(project="p", category=lambda c: c.branch, codebase="cb", revlink="http://x/{}/{}".format)
        self.commit()
        await self.poller.doPoll()
        revision = self.commit()
        await self.poller.doPoll()
        (change,) = self.changes()
        self.assertEqual((change.project, change.category, change.codebase), ("p", "default", "cb"))
        self.assertEqual(change.revlink, f"http://x/default/{revision}")

    async def test_functions(self) -> None:
        """A function of the configuration that fails is an error of the look, and loses nothing."""
        self.commit()
        await self.poller.doPoll()
        one = self.commit()
        for name in ("category", "revlink", "branches"):
            self.start(**{name: lambda *arguments: 1 / 0})
            await self.poller.doPoll()
            self.assertRegex(self.poller.failure, f"the function {name}= failed on .*: ZeroDivisionError")
        self.start()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [one])


class TroubleTests(HgCase):
    """Repositories that are empty, broken or gone."""

    async def test_empty(self) -> None:
        """An empty repository has no branch; its first commits make no changes, as at every first look."""
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "the repository has no branch 'default'")
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.changes()), ("", []))
        self.start(branch="nope")
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "the repository has no branch 'nope'")

    async def test_gone(self) -> None:
        """The look fails while the repository is away, and nothing is lost."""
        self.commit()
        await self.poller.doPoll()
        away = self.here / "away"
        self.origin.rename(away)
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "^hg pull: abort: repository .* not found")
        away.rename(self.origin)
        new = self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.revisions()), ("", [new]))

    async def test_ownRepository(self) -> None:
        """The poller's own repository may be deleted at any time."""
        self.commit()
        await self.poller.doPoll()
        one = self.commit()
        await self.poller.doPoll()
        shutil.rmtree(self.here / "hgpoller-work")
        two = self.commit()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [one, two])

    async def test_another(self) -> None:
        """Another repository under the same URL is an error, even if the poller's own one is gone."""
        self.commit()
        await self.poller.doPoll()
        shutil.rmtree(self.origin)
        self.run_("hg", "init", str(self.origin), where=self.here)
        self.commit("other.c")
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "hg pull: abort: repository is unrelated")
        shutil.rmtree(self.here / "hgpoller-work")
        for _ in range(2):
            await self.poller.doPoll()
            self.assertRegex(self.poller.failure, "is this another repository")
        self.assertEqual(self.changes(), [])

    async def test_killedPull(self) -> None:
        """A pull that was killed in the middle is rolled back."""
        self.commit()
        await self.poller.doPoll()
        (own,) = (self.here / "hgpoller-work").iterdir()
        (own / ".hg" / "store" / "journal").touch()
        new = self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.revisions()), ("", [new]))

    async def test_password(self) -> None:
        """The password of the repository is in no change, no state and no error (S3)."""
        self.start(repourl="http://me:s3cret@127.0.0.1:1/x")
        await self.poller.doPoll()
        self.assertIn("hg pull: abort: error: Connection refused", self.poller.failure)
        states = self.successResultOf(self.store.getStates(""))
        self.assertNotIn("s3cret", f"{self.poller.failure} {self.poller.describe()} {states}")

    async def test_commandLine(self) -> None:
        """The web server gets the user and the password, and no command line has them (S3)."""
        secret = os.urandom(8).hex()  # in no command line of anybody else
        server, address = self.guarded(secret)
        self.start(repourl=f"http://m%40e:{secret}@{address}/x")
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "403")
        self.assertEqual((set(server.given), server.seen), ({("m@e", secret)}, []))


class RestartTests(HgCase):
    """A restart loses nothing and repeats nothing."""

    async def test_killedOften(self) -> None:
        """20 commits make 20 changes while the master is killed 10 times."""
        await self.killOften()

    async def test_killed(self) -> None:
        """Each commit of a history with merges makes one change, however often the master dies."""
        before = self.commit()
        await self.poller.doPoll()
        wanted = []
        for number in range(3):
            wanted.append(self.commit())
            self.hg("update", "--quiet", before)
            wanted.append(self.commit(f"s{number}"))
            self.hg("merge", "--quiet")
            before = self.commit(f"m{number}")
            wanted.append(before)
        for _ in range(20):
            self.start()
            if not await self.lookAndDie():
                break
            shutil.rmtree(self.here / "hgpoller-work")
        self.assertEqual(self.revisions(), wanted)
        self.assertGreater(len(self.masters), 9)
