"""The builders and builds of an old master are found."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing.oldmaster import NoOldMaster, OldMaster, look
from tests.oldhistory import RELEASES, SAMPLES, InThisProcess


class LookTests(SynchronousTestCase):
    """Directories."""

    def look(self, path: object) -> OldMaster:
        reader: Any = InThisProcess()
        return look(str(path), reader)

    def test_samples(self) -> None:
        """The builders of each release are found under their own names, not those of their directories."""
        for release in RELEASES:
            found = self.look(SAMPLES / release)
            self.assertEqual([each.name for each in found.builders], ["full", "odd name (x86)/%"])
            self.assertEqual([(each.numbers, each.next) for each in found.builders], [((0, 1), 2)] * 2)
        self.assertIsNone(self.look(SAMPLES / "0.7.12").database)
        self.assertIsNone(self.look(SAMPLES / "0.8.14").changes)

    def test_twice(self) -> None:
        """If two directories name one builder, the one with the latest builds has the name."""
        top = Path(self.mktemp())
        shutil.copytree(SAMPLES / "0.7.12", top)
        shutil.copytree(top / "b0", top / "old-full")
        for name in os.listdir(top / "old-full"):
            os.utime(top / "old-full" / name, (5, 5))
        found = {each.name: os.path.basename(each.directory) for each in self.look(top).builders}
        self.assertEqual(found, {"full": "b0", "old-full": "old-full", "odd name (x86)/%": "b1"})

    def test_noName(self) -> None:
        """A builder whose pickle is damaged has the name of its directory, and the reason is told."""
        for data in (b"x", b"", pickle.dumps({"no": "name"}, 2)):
            top = Path(self.mktemp())
            (top / "b0").mkdir(parents=True)
            (top / "b0" / "builder").write_bytes(data)
            (found,) = self.look(top).builders
            self.assertEqual(found.name, "b0")
            self.assertTrue(found.trouble)

    def test_none(self) -> None:
        """Another directory is refused."""
        empty = Path(self.mktemp())
        empty.mkdir()
        self.assertIn("not the directory", str(self.assertRaises(NoOldMaster, self.look, empty)))
        self.assertIn("No such file", str(self.assertRaises(NoOldMaster, self.look, empty / "x")))

    def test_sameNames(self) -> None:
        """However many directories name one builder, each one has a name of its own."""
        top = Path(self.mktemp())
        named = pickle.dumps({"name": "y"}, 2)
        for directory in ("x", "y", "z"):
            (top / directory).mkdir(parents=True)
            (top / directory / "builder").write_bytes(named)
        names = [each.name for each in self.look(top).builders]
        self.assertEqual((len(names), len(set(names)), "y" in names), (3, 3, True))

    def test_directoryAsPickle(self) -> None:
        """A directory in place of the pickle of a builder is told, and its builds are found."""
        top = Path(self.mktemp())
        (top / "b0" / "builder").mkdir(parents=True)
        (top / "b0" / "7").write_bytes(b"")
        (found,) = self.look(top).builders
        self.assertEqual((found.name, found.numbers, found.next, bool(found.trouble)), ("b0", (7,), 8, True))
