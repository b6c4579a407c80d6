"""C{buildbot try} in working copies of git, without a master."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.clients import tryclient
from buildbot.clients.tryclient import Try, TryFailed
from tests.processes.test_workingcopy import WorkingCopyCase

#: The tree of the package, for the Python of child processes.
ROOT = str(Path(__file__).parent.parent.parent)


class CommandCase(WorkingCopyCase):
    """A working copy of git with a change."""

    def setUp(self) -> None:
        super().setUp()
        self.need("git")
        self.work.mkdir()
        for command in (
            ("init", "-q", "-b", "main"),
            ("config", "user.name", "me"),
            ("config", "user.email", "x"),
        ):
            self.run_("git", *command, where=self.work)
        self.write("f", b"one\n")
        self.write("sub/b", b"\0one")
        self.run_("git", "add", ".", where=self.work)
        self.run_("git", "commit", "-q", "-m", "1", where=self.work)
        self.base = self.run_("git", "rev-parse", "HEAD", where=self.work).strip()
        self.printed = io.StringIO()

    def attempt(self, **more: Any) -> Deferred[int]:
        """Show a job."""
        self.patch(sys, "stdout", self.printed)
        return ensureDeferred(Try({"connect": "pb", "dryrun": True, **more}).go())

    async def said(self, **more: Any) -> list[str]:
        """What is printed about a job."""
        self.assertEqual(await self.attempt(**more), 0)
        lines = self.printed.getvalue().splitlines()
        self.printed.truncate(0)
        self.printed.seek(0)
        return lines

    async def refusal(self, **more: Any) -> str:
        """Why a job cannot be made."""
        try:
            await self.attempt(**more)
        except TryFailed as error:
            return str(error)
        self.fail("it was made")


class DryRunTests(CommandCase):
    """The job is shown, and not sent."""

    def test_command(self) -> None:
        """The command finds the patch of the current directory, and the options in the file for them."""
        self.write("f", b"one\ntwo\n")
        self.write(".buildbot/options", b"try_connect = 'pb'\ntry_builders = ['full', 'quick']\n")
        done = subprocess.run(
            [sys.executable, "-m", "buildbot", "try", "--dryrun"],
            cwd=self.work / "sub",
            env={**os.environ, "PYTHONPATH": ROOT},
            capture_output=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        head, patch = done.stdout.decode().split("Patch, level 1:\n")
        self.assertEqual(head, f"Branch: main\nRevision: {self.base}\nBuilders: full, quick\n")
        self.assertTrue(patch.endswith("@@ -1 +1,2 @@\n one\n+two\n"), patch)

    def test_refused(self) -> None:
        """The command says what it lacks, with the status of an error."""
        for words, status, why in (
            (["--connect=pb"], 2, b"--connect=pb needs --master, --username, --passwd"),
            (["--connect=pb", "--dryrun", "--vc=rcs"], 1, b"--vc must be one of git, hg,"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "buildbot", "try", *words],
                cwd=self.work,
                env={**os.environ, "PYTHONPATH": ROOT},
                capture_output=True,
                check=False,
            )
            self.assertEqual(done.returncode, status)
            self.assertIn(why, done.stderr)

    async def test_top(self) -> None:
        """The top can be given, or a file in it."""
        self.write("f", b"two\n")
        for options in (
            {"topdir": str(self.work / "sub")},
            {"try-topdir": str(self.work), "vc": "git"},
            {"topdir": str(self.work), "branch": "main"},
        ):
            lines = await self.said(**options)
            self.assertEqual(lines[1], f"Revision: {self.base}", options)
            self.assertEqual(lines[-1], "+two", options)
        self.assertIn("there is no NONE-here", await self.refusal(topfile="NONE-here"))

    async def test_warnings(self) -> None:
        """An empty patch is said so, and so are binary files, which are not in it."""
        lines = await self.said(topdir=str(self.work))
        self.assertIn("the patch is empty: the source is built as it is in the repository", lines)
        self.write("sub/b", b"\0two")
        lines = await self.said(topdir=str(self.work))
        self.assertIn("not in the patch: Binary files a/sub/b and b/sub/b differ", lines)

    async def test_file(self) -> None:
        """A patch in a file needs no working copy."""
        path = str(self.here / "p.diff")
        self.assertEqual(
            await self.refusal(diff=path), f"--diff: cannot read {path}: No such file or directory"
        )
        self.write("p.diff", b"+\xe9\n", self.here)
        lines = await self.said(diff=path, patchlevel=2, baserev="r7", branch="br")
        wanted = ["Branch: br", "Revision: r7", "Builders: (all)", "Patch, level 2:", "+\\xe9"]
        self.assertEqual(lines, wanted)
        stdin = io.TextIOWrapper(io.BytesIO(b"+x\n"))
        self.patch(sys, "stdin", stdin)
        lines = await self.said(diff="-")
        self.assertEqual(
            [lines[0], lines[1], lines[-1]], ["Branch: (the main line)", "Revision: (the latest)", "+x"]
        )
        why = await self.refusal(topdir=str(self.work), baserev="r7")
        self.assertIn("--baserev belongs to --diff", why)

    async def test_limits(self) -> None:
        """A patch that is too large is refused before it is sent."""
        self.write("p.diff", b"+x\n", self.here)
        options = {"dryrun": None, "diff": str(self.here / "p.diff"), "host": "h", "jobdir": "d"}
        self.patch(tryclient, "LONGEST_JOB", 3)
        self.assertIn("the job is too large", await self.refusal(connect="ssh", **options))
        self.assertIn("--master: must be HOST:PORT", await self.refusal(master="x", **options))
        self.assertIn("say how to reach", str(self.assertRaises(TryFailed, Try, {"connect": "x"})))
        why = await self.refusal(connect="ssh", **{"get-builder-names": True})
        self.assertEqual(why, "--get-builder-names needs --connect=pb")


class NamesTests(unittest.SynchronousTestCase):
    """Names of 0.7.5."""

    def test_jobfile(self) -> None:
        """A job file is made as in 0.7.5."""
        made = tryclient.createJobfile("1-2", "br", 7, 1, "+x", ["full"])
        self.assertEqual(made, b"1:1,3:1-2,2:br,1:7,1:1,2:+x,4:full,")
