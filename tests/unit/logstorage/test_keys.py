"""The keys of objects."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logs.files import logFilename
from buildbot.logs.names import indexPath
from buildbot.logstorage.keys import Name, keyOf, nameOf, nameOfFile, nameOfKey


class KeyTests(SynchronousTestCase):
    def test_backAndForth(self) -> None:
        """Every builder has a key of its own, of harmless letters, and the key tells the build."""
        keys = set()
        for builder in ("full", "a b", "zweig/größe-☃", "..", "a!b", "A~b", "x" * 300, "%41", "A"):
            name = nameOf(builder, 12)
            key = keyOf("p/id/", name)
            self.assertRegex(key, r"\Ap/id/[A-Za-z0-9_.!-]+/12\.logs\Z")
            self.assertEqual(nameOfKey("p/id/", key), name)
            keys.add(key)
        self.assertEqual(len(keys), 9)

    def test_others(self) -> None:
        """Objects of other programs and masters are left alone."""
        for key in ("q/id/full/1.logs", "p/id/full", "p/id/full/1", "p/id/full/x.logs", "p/id/1.logs"):
            self.assertIsNone(nameOfKey("p/id/", key), key)

    def test_files(self) -> None:
        """A log file and its index belong to their build; a mark does not."""
        path = logFilename("full", 7, "compile", "stdio")
        for each in (path, indexPath(path), f"/var/logs/{path}"):
            self.assertEqual(nameOfFile(each), Name("full", 7))
        self.assertIsNone(nameOfFile("full/7-stored"))
