"""The GitPoller, with a real git and real repositories."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from buildbot.changes.gitpoller import GitPoller
from tests.loglisteners import hearLog
from tests.processes.pollercase import PollerCase

_WHO = {
    f"GIT_{who}_{what}": word
    for who in ("AUTHOR", "COMMITTER")
    for what, word in (("NAME", "Zoë"), ("EMAIL", "z@x"))
}


class GitCase(PollerCase):
    """A repository of git."""

    programs = ("git",)

    def setUp(self) -> None:
        super().setUp()
        self.origin = self.here / "o r ü"
        self.environ |= {**_WHO, "GIT_CONFIG_NOSYSTEM": "1"}
        self.git("init", "--quiet", "-b", "master", str(self.origin), where=self.here)
        self.start()

    def git(self, *arguments: str, where: Path | None = None) -> str:
        """Run git, and return its output."""
        return self.run_("git", *arguments, where=where or self.origin)

    def commit(self, file: str = "a.c", comments: str = "because") -> str:
        """Commit a file. Returns the revision."""
        with (self.origin / file).open("a") as stream:
            stream.write("more\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", comments)
        return self.git("rev-parse", "HEAD").strip()

    def start(self, **kw: Any) -> None:
        """Start a new master on the same store, with a poller."""
        self.use(GitPoller(**{"repourl": str(self.origin), "pollInterval": 3600, **kw}))


class LookTests(GitCase):
    """The poller finds new commits."""

    async def test_first(self) -> None:
        """Commits that were there before the first look make no changes."""
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.changes(), self.poller.failure), ([], ""))

    async def test_commits(self) -> None:
        """Each new commit makes one change, in order, with all that is known of it."""
        self.commit()
        await self.poller.doPoll()
        first = self.commit("ü b.c", "one\n\nmore, \x01 ü")
        second = self.commit("c.c")
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [first, second])
        change = self.changes()[0]
        self.assertEqual((change.who, change.files, change.branch), ("Zoë <z@x>", ["ü b.c"], "master"))
        self.assertEqual((change.comments, change.repository), ("one\n\nmore, \x01 ü", str(self.origin)))
        self.assertEqual(change.when, float(self.git("log", "-1", "--format=%ct", first)))

    async def test_merge(self) -> None:
        """A merge makes a change, and so does each commit that it brings, once."""
        self.commit()
        await self.poller.doPoll()
        self.git("checkout", "--quiet", "-b", "side")
        side = self.commit("s.c")
        self.git("checkout", "--quiet", "master")
        own = self.commit()
        self.git("merge", "--quiet", "--no-ff", "-m", "merged", "side")
        await self.poller.doPoll()
        merge = self.git("rev-parse", "HEAD").strip()
        self.assertEqual(sorted(self.revisions()), sorted([side, own, merge]))
        self.assertEqual((self.revisions()[-1], self.changes()[-1].files), (merge, []))

    async def test_branches(self) -> None:
        """All branches are watched; a commit that is on two of them makes one change."""
        self.commit()
        self.start(branches=True)
        await self.poller.doPoll()
        self.git("checkout", "--quiet", "-b", "x/ü")
        one = self.commit()
        self.git("branch", "y")
        await self.poller.doPoll()
        self.assertEqual([(c.revision, c.branch) for c in self.changes()], [(one, "x/ü")])
        self.git("branch", "--quiet", "-D", "y")
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "")

    async def test_function(self) -> None:
        """A function chooses the branches by their full names; one that fails is an error of the look."""
        self.commit()
        self.start(branches=lambda ref: ref.startswith("refs/heads/rel-"))
        await self.poller.doPoll()
        self.commit()
        self.git("checkout", "--quiet", "-b", "rel-1")
        one = self.commit()
        await self.poller.doPoll()
        self.assertEqual(self.revisions()[-1], one)
        self.start(branches=lambda branch: 1 / 0)
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, r"the function branches= failed on '.*': ZeroDivisionError")

    async def test_fullNames(self) -> None:
        """A list of branches may have their full names."""
        self.commit()
        self.start(branches=["refs/heads/master"])
        await self.poller.doPoll()
        one = self.commit()
        await self.poller.doPoll()
        self.assertEqual([(c.revision, c.branch) for c in self.changes()], [(one, "master")])

    async def test_addedBranch(self) -> None:
        """The old commits of a branch that the configuration adds make no changes; its new ones do."""
        self.commit()
        self.git("checkout", "--quiet", "-b", "stable")
        self.commit()
        await self.poller.doPoll()
        self.start(branches=["master", "stable"])
        await self.poller.doPoll()
        self.assertEqual(self.changes(), [])
        new = self.commit()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [new])

    async def test_rewritten(self) -> None:
        """After a branch was rewritten, its new commits make changes."""
        self.commit()
        self.commit()
        await self.poller.doPoll()
        self.git("reset", "--quiet", "--hard", "HEAD~1")
        new = self.commit("other.c")
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [new])


class TroubleTests(GitCase):
    """Repositories that are empty, broken or gone."""

    async def test_empty(self) -> None:
        """An empty repository has no branch; its first commits make no changes, as at every first look."""
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "the repository has no branch 'master'")
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.changes()), ("", []))

    async def test_gone(self) -> None:
        """The look fails while the repository is away: once in the log, and nothing is lost."""
        self.commit()
        await self.poller.doPoll()
        events: list[Any] = []
        hearLog(self, events.append)
        away = self.here / "away"
        self.origin.rename(away)
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "git ls-remote: .*does not appear to be a git repository")
        away.rename(self.origin)
        new = self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.revisions()), ("", [new]))
        told = [event["log_format"] for event in events if "source" in event]
        self.assertEqual(told, ["{source} failed: {reason}", "{source} works again"])

    async def test_ownRepository(self) -> None:
        """The poller's own repository may be deleted at any time."""
        self.commit()
        await self.poller.doPoll()
        one = self.commit()
        await self.poller.doPoll()
        shutil.rmtree(self.here / "gitpoller-work")
        two = self.commit()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [one, two])

    async def test_nonsense(self) -> None:
        """A git that prints nonsense is a failed look, without a traceback in the log."""
        self.commit()
        await self.poller.doPoll()
        fake = self.here / "git"
        fake.write_text(
            '#!/bin/sh\ncase "$*" in *" log "*) echo nonsense ;; '
            f'*) exec {shutil.which("git")} "$@" ;; esac\n'
        )
        fake.chmod(0o755)
        self.commit()
        self.start(gitbin=str(fake))
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "the output of git log ends in the middle")
        self.start()
        await self.poller.doPoll()
        self.assertEqual(len(self.changes()), 1)

    async def test_password(self) -> None:
        """The password of the repository is in no change, no state and no error (S3)."""
        self.start(repourl="http://me:s3cret@127.0.0.1:1/x")
        await self.poller.doPoll()
        self.assertIn("127.0.0.1", self.poller.failure)
        states = self.successResultOf(self.store.getStates(""))
        told = f"{self.poller.failure} {self.poller.describe()} {states}"
        self.assertNotIn("s3cret", told)

    async def test_commandLine(self) -> None:
        """The web server gets the user and the password, and no command line has them (S3)."""
        secret = os.urandom(8).hex()  # in no command line of anybody else
        server, address = self.guarded(secret)
        self.start(repourl=f"http://m%40e:{secret}@{address}/x")
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "403")
        self.assertEqual((set(server.given), server.seen), ({("m@e", secret)}, []))


class RestartTests(GitCase):
    """A restart loses nothing and repeats nothing."""

    async def test_restart(self) -> None:
        """Commits that came while the master was down make changes, once."""
        self.commit()
        await self.poller.doPoll()
        one = self.commit()
        self.start()
        await self.poller.doPoll()
        self.start()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [one])

    async def test_killed(self) -> None:
        """Each commit makes one change, however often the master dies between two of them."""
        self.commit()
        await self.poller.doPoll()
        wanted = []
        for number in range(3):
            wanted.append(self.commit())
            self.git("checkout", "--quiet", "-b", f"side{number}", "HEAD~1")
            wanted.append(self.commit(f"s{number}"))
            self.git("checkout", "--quiet", "master")
            self.git("merge", "--quiet", "--no-ff", "-m", "merged", f"side{number}")
            wanted.append(self.git("rev-parse", "HEAD").strip())
        for _ in range(20):
            self.start()
            if not await self.lookAndDie():
                break
        self.assertEqual(sorted(self.revisions()), sorted(wanted))
        self.assertGreater(len(self.masters), 9)

    async def test_killedOften(self) -> None:
        """Each commit makes one change while the master is killed again and again."""
        await self.killOften()

    async def test_killedAndRewritten(self) -> None:
        """If the rest of a killed look is gone from the repository, the next look goes on without it."""
        self.commit()
        await self.poller.doPoll()
        self.commit()
        self.commit()
        self.start()
        await self.lookAndDie()
        shutil.rmtree(self.here / "gitpoller-work")
        self.git("reset", "--quiet", "--hard", "HEAD~2")
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "--quiet", "--prune=now")
        new = self.commit("other.c")
        self.start()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.revisions()[1:]), ("", [new]))
