"""The patch and the base revision of working copies, with the real programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial import unittest

from buildbot.clients import workingcopy
from buildbot.clients.workingcopy import (
    NoSource,
    PerforceExtractor,
    findWorkingCopy,
    getSourceStamp,
    getTopdir,
)
from buildbot.model.sourcestamp import SourceStamp

#: The content of the file f, in the repository and in the working copy.
OLD, NEW = b"one\ntwo\n", b"one\ntwo \xe9\n"


class WorkingCopyCase(unittest.TestCase):
    """A repository, a working copy of it with changes, and a new checkout that gets the patch."""

    def setUp(self) -> None:
        self.here = Path(self.mktemp()).resolve()
        self.here.mkdir()
        self.work = self.here / "work"
        own = {
            "HOME": str(self.here),
            "EMAIL": "me@x",
            "LC_ALL": "C.UTF-8",
            "HGRCPATH": "",
            "BRZ_EMAIL": "me",
        }
        # Programs in Python must not find the library of the test runner's Python.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.patch(os, "environ", {**inherited, **own, "GIT_CONFIG_NOSYSTEM": "1"})

    def need(self, *programs: str) -> None:
        for program in programs:
            if shutil.which(program) is None:
                raise unittest.SkipTest(f"there is no {program}")

    def run_(self, *command: str, where: Path | None = None) -> str:
        """Run a program, and return its output."""
        where = where or self.here
        done = subprocess.run(command, cwd=where, env=os.environ, check=False, capture_output=True)
        self.assertEqual(done.returncode, 0, f"{command}: {done.stderr.decode()}")
        return done.stdout.decode()

    def write(self, name: str, content: bytes, where: Path | None = None) -> None:
        path = (where or self.work) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    async def extract(self, system: str, branch: str | None = None) -> SourceStamp:
        """Find the source stamp from below the top of the working copy."""
        below = self.work / "sub"
        self.assertEqual(findWorkingCopy(str(below)), (system, str(self.work)))
        return await getSourceStamp(system, str(self.work), branch, None, reactor)

    def applied(self, stamp: SourceStamp, checkout: Path) -> None:
        """The patch makes the checkout equal to the working copy."""
        assert stamp.patch is not None
        level, diff = stamp.patch
        subprocess.run(
            ["patch", f"-p{level}", "--force"],
            cwd=checkout,
            input=diff.encode("utf-8", "surrogateescape"),
            check=True,
            capture_output=True,
        )
        for name in ("f", "sub/new"):
            self.assertEqual((checkout / name).read_bytes(), (self.work / name).read_bytes(), name)

    def change(self) -> None:
        """Change the working copy."""
        self.write("f", NEW)
        self.write("sub/new", b"new\n")


class SystemsTests(WorkingCopyCase):
    """Each system: the patch for the base makes the working copy."""

    def git(self, *words: str, where: Path | None = None) -> str:
        return self.run_(
            "git", "-c", "user.name=me", "-c", "user.email=me@x", *words, where=where or self.work
        )

    async def test_git(self) -> None:
        """Git: commits that were not pushed are in the patch, and those of others are not taken back."""
        self.need("git", "patch")
        self.run_("git", "init", "-q", "--bare", "-b", "main", "repo")
        self.run_("git", "clone", "-q", "repo", "work")
        self.write("f", OLD)
        self.write("sub/old", b"")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "1")
        self.git("push", "-q", "-u", "origin", "HEAD:main")
        self.git("branch", "-q", "-m", "topic")
        self.git("branch", "-q", "-u", "origin/main")
        base = self.git("rev-parse", "HEAD").strip()
        self.write("f", b"zero\n" + OLD)
        self.git("commit", "-q", "-a", "-m", "mine")
        self.change()
        self.git("add", "-N", "sub/new")
        self.run_("git", "clone", "-q", "repo", "other")
        self.write("theirs", b"x", self.here / "other")
        self.git("add", ".", where=self.here / "other")
        self.git("commit", "-q", "-m", "2", where=self.here / "other")
        self.git("push", "-q", where=self.here / "other")
        self.git("fetch", "-q")
        for branch in (None, "origin/main"):
            stamp = await self.extract("git", branch)
            self.assertEqual((stamp.branch, stamp.revision), ("main", base))
        self.git("checkout", "-q", base, where=self.here / "other")
        self.applied(stamp, self.here / "other")
        self.git("branch", "--unset-upstream")
        self.git("remote", "set-head", "origin", "-d")
        last = self.git("rev-parse", "HEAD").strip()
        stamp = await self.extract("git")
        self.assertEqual((stamp.branch, stamp.revision), ("topic", last))

    async def test_gitLocalBranch(self) -> None:
        """Git: a branch that follows none is for that of its name on the server, else for the default one."""
        self.need("git")
        self.run_("git", "init", "-q", "--bare", "-b", "main", "repo")
        self.run_("git", "clone", "-q", "repo", "work")
        self.git("commit", "-q", "--allow-empty", "-m", "1")
        self.git("push", "-q", "origin", "HEAD:main")
        self.git("remote", "set-head", "origin", "main")
        base = self.git("rev-parse", "HEAD").strip()
        self.git("checkout", "-q", "-b", "topic")
        self.git("commit", "-q", "--allow-empty", "-m", "2")
        pushed = self.git("rev-parse", "HEAD").strip()
        stamp = await self.extract("git")
        self.assertEqual((stamp.branch, stamp.revision), ("main", base))
        self.git("push", "-q", "origin", "topic")
        self.git("commit", "-q", "--allow-empty", "-m", "3")
        stamp = await self.extract("git")
        self.assertEqual((stamp.branch, stamp.revision), ("topic", pushed))
        self.git("checkout", "-q", "--detach")
        stamp = await self.extract("git")
        self.assertEqual((stamp.branch, stamp.revision), (None, self.git("rev-parse", "HEAD").strip()))

    async def test_hg(self) -> None:
        """Mercurial: commits that were not pushed are in the patch."""
        self.need("hg", "patch")
        repo = self.here / "repo"
        self.run_("hg", "init", "repo")
        self.write("f", OLD, repo)
        self.write("sub/old", b"", repo)
        self.run_("hg", "commit", "-q", "-A", "-m", "1", "-u", "me", where=repo)
        self.run_("hg", "clone", "-q", "repo", "work")
        self.run_("hg", "clone", "-q", "repo", "other")
        base = self.run_("hg", "log", "-r", ".", "--template", "{node}", where=self.work)
        self.write("f", b"zero\n" + OLD)
        self.run_("hg", "commit", "-q", "-m", "mine", "-u", "me", where=self.work)
        self.change()
        self.run_("hg", "add", "-q", "sub/new", where=self.work)
        stamp = await self.extract("hg")
        self.assertEqual((stamp.branch, stamp.revision), (None, base))
        self.applied(stamp, self.here / "other")

    async def test_svn(self) -> None:
        """Subversion: the base is the newest revision, which the working copy need not have."""
        self.need("svn", "svnadmin", "patch")
        url = (self.here / "repo").as_uri()
        self.run_("svnadmin", "create", "repo")
        for name in ("work", "other"):
            self.run_("svn", "checkout", "-q", url, name)
        self.write("f", OLD)
        self.write("sub/old", b"")
        self.run_("svn", "add", "-q", "f", "sub", where=self.work)
        self.run_("svn", "commit", "-q", "-m", "1", where=self.work)
        other = self.here / "other"
        self.run_("svn", "update", "-q", where=other)
        self.write("f", b"zero\n" + OLD, other)
        self.run_("svn", "commit", "-q", "-m", "2", where=other)
        self.change()
        self.run_("svn", "add", "-q", "sub/new", where=self.work)
        stamp = await self.extract("svn")
        self.assertEqual((stamp.branch, stamp.revision), (None, 2))
        self.applied(stamp, other)

    async def test_cvs(self) -> None:
        """CVS: the base is now."""
        self.need("cvs", "patch")
        root = str(self.here / "repo")
        self.run_("cvs", "-d", root, "init")
        for name in ("module", "module/sub"):
            (self.here / "repo" / name).mkdir()
        for name in ("work", "other"):
            self.run_("cvs", "-Q", "-d", root, "checkout", "-d", name, "module")
        self.write("f", OLD)
        self.write("sub/old", b"x\n")
        self.run_("cvs", "-Q", "add", "f", "sub/old", where=self.work)
        self.run_("cvs", "-Q", "commit", "-m", "1", where=self.work)
        self.run_("cvs", "-Q", "update", "-d", where=self.here / "other")
        self.change()
        self.run_("cvs", "-Q", "add", "sub/new", where=self.work)
        stamp = await self.extract("cvs")
        self.assertRegex(str(stamp.revision), r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$")
        self.applied(stamp, self.here / "other")
        with self.assertRaisesRegex(NoSource, "main line"):
            await getSourceStamp("cvs", str(self.work), "branch", None, reactor)

    async def test_bzr(self) -> None:
        """Bazaar: commits that were not pushed are in the patch."""
        self.need("bzr", "patch")
        repo = self.here / "repo"
        self.run_("bzr", "init", "-q", "repo")
        self.write("f", OLD, repo)
        self.write("sub/old", b"", repo)
        self.run_("bzr", "add", "-q", where=repo)
        self.run_("bzr", "commit", "-q", "-m", "1", where=repo)
        base = self.run_("bzr", "revision-info", where=repo).split()[1]
        for name in ("work", "other"):
            self.run_("bzr", "branch", "-q", "repo", name)
        self.write("f", b"zero\n" + OLD)
        self.run_("bzr", "commit", "-q", "-m", "mine", where=self.work)
        self.change()
        self.run_("bzr", "add", "-q", where=self.work)
        stamp = await self.extract("bzr")
        self.assertEqual(stamp.revision, f"revid:{base}")
        self.applied(stamp, self.here / "other")
        self.work = repo
        self.assertEqual((await self.extract("bzr")).revision, f"revid:{base}")

    async def test_darcs(self) -> None:
        """Darcs: the base is the context of the working copy."""
        self.need("darcs", "patch")
        repo = self.here / "repo"
        repo.mkdir()
        self.run_("darcs", "initialize", where=repo)
        self.write("f", OLD, repo)
        self.write("sub/old", b"", repo)
        self.run_("darcs", "record", "-q", "-a", "-l", "-A", "me", "-m", "1", where=repo)
        for name in ("work", "other"):
            self.run_("darcs", "get", "-q", "repo", name)
        self.change()
        self.run_("darcs", "add", "-q", "sub/new", where=self.work)
        stamp = await self.extract("darcs")
        self.assertEqual(stamp.revision, self.run_("darcs", "log", "--context", where=repo))
        self.applied(stamp, self.here / "other")

    async def test_p4(self) -> None:
        """Perforce: the names in the patch are below the branch."""
        said = {
            "changes": "Change 4711 on 2026/11/29 by me@x 'fix'\n",
            "diff": (
                "==== //depot/main/sub/f.c#3 - /home/me/main/sub/f.c ====\n"
                "--- /home/me/main/sub/f.c\t2026-11-29\n+++ /home/me/main/sub/f.c\t2026-11-29\n"
                "@@ -1 +1 @@\n-old\n+new\n"
            ),
        }

        async def dovc(self: Any, cmd: list[str], good: Any = (0,)) -> str:
            return said[cmd[0]]

        self.patch(PerforceExtractor, "dovc", dovc)
        stamp = await getSourceStamp("p4", str(self.here), "main", None, reactor)
        self.assertEqual(stamp.revision, "4711")
        self.assertEqual(stamp.patch, (0, "--- sub/f.c#3\n+++ sub/f.c\n@@ -1 +1 @@\n-old\n+new\n"))
        for branch, why in ((None, "p4 needs --branch"), ("other", "not below the branch 'other'")):
            with self.assertRaisesRegex(NoSource, why):
                await getSourceStamp("p4", str(self.here), branch, None, reactor)


class ErrorsTests(WorkingCopyCase):
    """What cannot be found is said so."""

    def test_nowhere(self) -> None:
        """A directory outside of any working copy, and an unknown system."""
        self.patch(workingcopy, "_upwards", lambda start: [start])
        why = self.assertRaises(NoSource, findWorkingCopy, str(self.here))
        self.assertIn("is in no working copy that is recognized", str(why))
        why = self.assertRaises(NoSource, getSourceStamp, "rcs", str(self.here))
        self.assertIn("--vc must be one of git, hg,", str(why))

    def test_topfile(self) -> None:
        """The top is found by a file in it."""
        self.write("sub/sub/x", b"")
        self.write("README", b"")
        self.assertEqual(getTopdir("README", str(self.work / "sub" / "sub")), str(self.work))
        why = self.assertRaises(NoSource, getTopdir, "NONE-here", str(self.work))
        self.assertIn("there is no NONE-here in", str(why))

    async def test_failure(self) -> None:
        """The words of a failed program are passed on."""
        self.need("git")
        self.work.mkdir()
        self.run_("git", "init", "-q", where=self.work)
        with self.assertRaisesRegex(NoSource, "git rev-parse"):
            await getSourceStamp("git", str(self.work), None, None, reactor)

    async def test_noProgram(self) -> None:
        """A missing program is said so."""
        self.patch(workingcopy.MonotoneExtractor, "vcexe", "no-such-program")
        with self.assertRaisesRegex(NoSource, "no-such-program automate: No such file"):
            await getSourceStamp("mtn", str(self.here), None, None, reactor)
