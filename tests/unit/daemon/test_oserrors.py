"""Errors of the operating system, in words."""

from __future__ import annotations

import errno
import os

from twisted.trial import unittest

from buildbot.daemon.oserrors import inWords, userName


def refused(number: int, *files: str | None) -> str:
    """The text of an error for the user."""
    return inWords(OSError(number, os.strerror(number), *files))


class InWordsTests(unittest.TestCase):
    """F12: the text is true."""

    def test_file(self) -> None:
        """It has the file and the reason, without a number."""
        self.assertEqual(refused(errno.EROFS, "/a/b"), "/a/b: Read-only file system")
        self.assertEqual(inWords(OSError(errno.EXDEV, "no", "/a", None, "/b")), "/a -> /b: no")

    def test_cure(self) -> None:
        """It has a remedy, if one is known."""
        self.assertEqual(
            refused(errno.ENOSPC, "/a/b"), "/a/b: No space left on device; make room on that disk"
        )
        self.assertIn("ulimit -n", refused(errno.EMFILE))
        self.assertIn("a link leads back to itself", refused(errno.ELOOP, "/a"))

    def test_rights(self) -> None:
        """It has the current user and the owner of the file, or of its nearest directory."""
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
        """A deleted current directory is reported as such."""
        here = self.mktemp()
        os.mkdir(here)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(here)
        self.assertEqual(refused(errno.ENOENT), "No such file or directory")
        os.rmdir(os.getcwd())
        self.assertIn("the current directory has been deleted", refused(errno.ENOENT))

    def test_nothingKnown(self) -> None:
        """An error without a text is named by its class, and a file name cannot move the cursor."""
        self.assertEqual(inWords(OSError()), "OSError")
        self.assertEqual(inWords(OSError("text")), "text")
        self.assertNotIn("\x1b", refused(errno.EIO, "a\x1b[2J"))
