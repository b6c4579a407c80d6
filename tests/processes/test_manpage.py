"""The man page, as man shows it."""

from __future__ import annotations

import os
import shutil
import subprocess

from twisted.trial import unittest

from tests.manpage import PAGE


class ManTests(unittest.TestCase):
    """C{man buildbot}."""

    def test_warnings(self) -> None:
        """man has nothing to complain about, on a wide and on a narrow terminal."""
        if not shutil.which("man"):
            raise unittest.SkipTest("no man here")
        for width in ("60", "80", "200"):
            done = subprocess.run(
                ["man", "--warnings", "-l", str(PAGE)],
                env={**os.environ, "MANWIDTH": width, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"},
                capture_output=True,
                timeout=300,
            )
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(b"buildbot force [options] DIR BUILDER", done.stdout)
