"""What the system refuses, in words."""

from __future__ import annotations

import errno
import os

from twisted.trial import unittest

from buildbot.daemon.oserrors import inWords, userName


def refused(number: int, *files: str | None) -> str:
    """What a user reads of an error of the system."""
    return inWords(OSError(number, os.strerror(number), *files))


class InWordsTests(unittest.TestCase):
    """F12: what is said is so."""

    def test_file(self) -> None:
        """The file and the reason, without a number."""
        self.assertEqual(refused(errno.EROFS, "/a/b"), "/a/b: Read-only file system")
        self.assertEqual(inWords(OSError(errno.EXDEV, "no", "/a", None, "/b")), "/a -> /b: no")

    def test_cure(self) -> None:
        """What can be done about it, where that is known."""
        self.assertEqual(
            refused(errno.ENOSPC, "/a/b"), "/a/b: No space left on device; make room on that disk"
        )
        self.assertIn("ulimit -n", refused(errno.EMFILE))
        self.assertIn("a link leads back to itself", refused(errno.ELOOP, "/a"))

    def test_rights(self) -> None:
        """Who asks, and whose the file is, or the directory that it would be in."""
        here = os.path.abspath(self.mktemp())
        os.mkdir(here, 0o750)
        me = userName(os.geteuid())
        self.assertEqual(
            refused(errno.EACCES, here),
            f"{here}: Permission denied; you are {me}, and it belongs to {me} (mode 0750)",
        )
        self.assertEqual(
            refused(errno.EACCES, f"{here}/x/y"),
            f"{here}/x/y: Permission denied; you are {me}, and {here} belongs to {me} (mode 0750)",
        )

    def test_currentDirectory(self) -> None:
        """A current directory that has been deleted is called that."""
        here = self.mktemp()
        os.mkdir(here)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(here)
        self.assertEqual(refused(errno.ENOENT), "No such file or directory")
        os.rmdir(os.getcwd())
        self.assertIn("the current directory has been deleted", refused(errno.ENOENT))

    def test_nothingKnown(self) -> None:
        """An error without any words is named, and what a file is called cannot move the cursor."""
        self.assertEqual(inWords(OSError()), "OSError")
        self.assertEqual(inWords(OSError("text")), "text")
        self.assertNotIn("\x1b", refused(errno.EIO, "a\x1b[2J"))
