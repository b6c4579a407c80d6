"""Permissions of uploaded files."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.files.permissions import directoryMode, fileMode, makeDirectories


class PermissionsTests(unittest.SynchronousTestCase):
    """F11: modes of files and of their directories."""

    def test_files(self) -> None:
        """F11: a file has the requested mode; only a program is executable; setuid is never set."""
        self.assertEqual([fileMode(0o4755, isProgram) for isProgram in (False, True)], [0o644, 0o755])
        self.assertEqual(fileMode(0o044, True), 0o644)

    def test_directories(self) -> None:
        """F11: users who may read a file may enter its directory."""
        modes = [directoryMode(mode) for mode in (0o644, 0o755, 0o600, 0o640, 0o664, 0o4000)]
        self.assertEqual(modes, [0o755, 0o755, 0o700, 0o750, 0o775, 0o700])

    def test_making(self) -> None:
        """F11: users who may read a file may enter the directories made for it, whatever the umask."""
        base = self.mktemp()
        os.mkdir(base, 0o700)
        before = os.umask(0o077)
        try:
            makeDirectories(os.path.join(base, "a", "b"), 0o644)
            makeDirectories(os.path.join(base, "a", "b"), 0o600)
            makeDirectories(os.path.join(base, "c", "d"), None)
        finally:
            os.umask(before)
        modes = [os.stat(os.path.join(base, name)).st_mode & 0o777 for name in ("", "a", "a/b", "c", "c/d")]
        self.assertEqual(modes, [0o700, 0o755, 0o755, 0o700, 0o700])
