"""Incomplete uploads, and those that a killed master leaves."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial import unittest

from buildbot.files.partial import NAME, Partials, partialPath


class PartialsTests(unittest.SynchronousTestCase):
    """H9: the next start removes incomplete uploads of a killed master, and nothing else."""

    def setUp(self) -> None:
        self.here = os.path.abspath(self.mktemp())
        os.mkdir(self.here)
        self.partials = Partials(os.path.join(self.here, ".partial"))

    def part(self, name: str = "report.txt") -> str:
        """Create an incomplete file."""
        path = partialPath(os.path.join(self.here, name))
        self.partials.note(path)
        Path(path).write_text("half")
        return path

    def test_name(self) -> None:
        """H9: each part has its own name beside its final one, short enough for file systems."""
        one, two = (partialPath(os.path.join(self.here, "x" * 250)) for _ in range(2))
        self.assertNotEqual(one, two)
        self.assertEqual(os.path.dirname(one), self.here)
        self.assertLess(len(os.path.basename(one)), 130)
        self.assertTrue(NAME.fullmatch(os.path.basename(one)))

    def test_killed(self) -> None:
        """H9: noted files and directories that were not completed are removed."""
        self.part()
        directory = partialPath(os.path.join(self.here, "docs"))
        self.partials.note(directory)
        os.makedirs(os.path.join(directory, "a"))
        never = partialPath(os.path.join(self.here, "never made"))
        self.partials.note(never)
        self.assertEqual(Partials(self.partials.directory).sweep(), 2)
        self.assertEqual(os.listdir(self.here), [".partial"])
        self.assertEqual(os.listdir(self.partials.directory), [])
        self.assertEqual(self.partials.sweep(), 0)

    def test_complete(self) -> None:
        """H9: a completed file stays."""
        path = self.part()
        os.rename(path, os.path.join(self.here, "report.txt"))
        self.partials.forget(path)
        self.partials.forget(path)
        self.assertEqual(self.partials.sweep(), 0)
        self.assertIn("report.txt", os.listdir(self.here))

    def test_ofOthers(self) -> None:
        """H9: users' files are never removed, whatever their names, and whatever is among the links."""
        mine = os.path.join(self.here, ".report.0123456789ab.part")
        Path(mine).write_text("of a user")
        self.part()
        os.symlink(mine, os.path.join(self.partials.directory, "other name"))
        os.symlink("/etc/hostname", os.path.join(self.partials.directory, "hostname"))
        Path(self.partials.directory, ".x.0123456789ab.part").write_text("no link")
        self.assertEqual(self.partials.sweep(), 1)
        self.assertTrue(os.path.exists(mine))
        self.assertEqual(len(os.listdir(self.partials.directory)), 3)

    def test_replaced(self) -> None:
        """H9: a symbolic link in the place of a part is not followed."""
        path = self.part()
        os.unlink(path)
        precious = os.path.join(self.here, "precious")
        Path(precious).write_text("text")
        os.symlink(precious, path)
        self.assertEqual(self.partials.sweep(), 0)
        self.assertTrue(os.path.exists(precious))

    def test_cannotNote(self) -> None:
        """H9: an upload works even if it cannot be noted."""
        Path(self.partials.directory).write_text("no directory")
        self.part()
        self.assertEqual(self.partials.sweep(), 0)
