"""What tells the directory of one master from those of all others."""

from __future__ import annotations

import os
import shutil

from twisted.trial import unittest

from buildbot.cluster.home import ID, homeOf


class HomeTests(unittest.SynchronousTestCase):
    """The text for a directory."""

    def setUp(self) -> None:
        self.here = self.mktemp()
        os.mkdir(self.here)

    def test_same(self) -> None:
        """A directory keeps its text, whatever the way to it."""
        home = homeOf(self.here, "ci")
        os.symlink(os.path.abspath(self.here), "link")
        self.addCleanup(os.unlink, "link")
        self.assertEqual(homeOf("link", "ci"), home)
        self.assertTrue(home.startswith(f"ci:{os.path.realpath(self.here)} "))

    def test_twins(self) -> None:
        """Directories with one path, on machines with one name, differ: so do two containers."""
        home = homeOf(self.here, "ci")
        shutil.rmtree(self.here)
        os.mkdir(self.here)
        self.assertNotEqual(homeOf(self.here, "ci"), home)

    def test_copy(self) -> None:
        """A copy of the directory at its old path is another one."""
        home = homeOf(self.here, "ci")
        os.rename(self.here, f"{self.here}-old")
        shutil.copytree(f"{self.here}-old", self.here)
        self.assertNotEqual(homeOf(self.here, "ci"), home)

    def test_damaged(self) -> None:
        """A damaged number is replaced, and kept from then on."""
        homeOf(self.here, "ci")
        with open(os.path.join(self.here, ID), "w", encoding="ascii") as stream:
            stream.write("0123")
        home = homeOf(self.here, "ci")
        self.assertNotIn(" 0123 ", home)
        self.assertEqual(homeOf(self.here, "ci"), home)
        self.assertEqual(os.listdir(self.here), [ID])

    def test_unusable(self) -> None:
        """A directory in place of the file is an error."""
        os.mkdir(os.path.join(self.here, ID))
        self.assertRaises(OSError, homeOf, self.here, "ci")
