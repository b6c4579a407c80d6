"""The changes in databases of 0.8, of any version, are read."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing.database import OldDatabase
from buildbot.importing.reader import Unreadable
from tests.oldhistory import SAMPLES


class DatabaseTests(SynchronousTestCase):
    """One file."""

    def made(self, script: str) -> OldDatabase:
        path = self.mktemp()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        opened = OldDatabase(path)
        self.addCleanup(opened.close)
        return opened

    def test_sample(self) -> None:
        """The changes of 0.8.14 have everything, and the file stays alone and unchanged."""
        path = SAMPLES / "0.8.14" / "state.sqlite"
        before = path.read_bytes(), sorted(path.parent.iterdir())
        opened = OldDatabase(str(path))
        self.addCleanup(opened.close)
        self.assertEqual((opened.version, opened.changeNumbers(), opened.waiting()), (24, [1, 2], 0))
        change = opened.change(1)
        self.assertEqual((change.who, change.files), ("Anné <ann0@example.org>", ["README", "src/0.c"]))
        self.assertEqual((change.project, change.repository), ("p", "git://example.org/r"))
        self.assertEqual(
            change.properties.asList(), [("weight", 0, "Change"), ("words", ["a", "ü"], "Change")]
        )
        self.assertEqual((path.read_bytes(), sorted(path.parent.iterdir())), before)

    def test_firstVersion(self) -> None:
        """The tables of 0.8.0 have fewer columns, and links."""
        opened = self.made(
            "CREATE TABLE version (version INTEGER); INSERT INTO version VALUES (1);"
            "CREATE TABLE changes (changeid INTEGER, author, comments, is_dir, branch, revision, revlink,"
            " when_timestamp, category);"
            "INSERT INTO changes VALUES (7, 'ann', 'c', 0, NULL, '12', NULL, 5, NULL);"
            "CREATE TABLE change_files (changeid, filename); INSERT INTO change_files VALUES (7, 'a');"
            "CREATE TABLE change_links (changeid, link); INSERT INTO change_links VALUES (7, 'http://x/');"
            "CREATE TABLE change_properties (changeid, property_name, property_value);"
            "INSERT INTO change_properties VALUES (7, 'p', 'no json');"
        )
        change = opened.change(7)
        self.assertEqual((opened.version, change.number, change.links), (1, 7, ["http://x/"]))
        self.assertEqual(change.properties.asList(), [("p", "no json", "unknown")])

    def test_wrongValues(self) -> None:
        """A change with an impossible number is unreadable; values that no page can show are replaced."""
        opened = self.made(
            "CREATE TABLE changes (changeid INTEGER, author);"
            "INSERT INTO changes VALUES (-4, 'ann'), (0, 'bob'), (3, 'eve');"
            "CREATE TABLE change_properties (changeid, property_name, property_value);"
            """INSERT INTO change_properties VALUES (3, 'half', '["a\\ud800", "Change"]'),"""
            "  (3, 'odd', '[NaN, \"Change\"]');"
        )
        self.assertEqual(opened.changeNumbers(), [-4, 0, 3])
        for number in (-4, 0):
            self.assertRaises(Unreadable, opened.change, number)
        self.assertEqual(
            opened.change(3).properties.asList(), [("half", "a?", "Change"), ("odd", None, "Change")]
        )

    def test_odd(self) -> None:
        """A database without changes has none; one that is damaged is unreadable."""
        self.assertEqual(self.made("CREATE TABLE x (y)").changeNumbers(), [])
        path = Path(self.mktemp())
        path.write_bytes(b"no database" * 1000)
        self.assertRaises(Unreadable, OldDatabase, str(path))
        self.assertRaises(Unreadable, OldDatabase, str(path) + "-none")

    def test_notPlain(self) -> None:
        """A named pipe in place of the file is unreadable: nobody waits for it."""
        path = self.mktemp()
        os.mkfifo(path)
        self.assertRaises(Unreadable, OldDatabase, path)

    def test_little(self) -> None:
        """Tables without a version, or without the parts of a change, do no harm."""
        opened = self.made(
            "CREATE TABLE changes (changeid INTEGER, author); INSERT INTO changes VALUES (3, 'ann');"
        )
        self.assertEqual((opened.version, opened.waiting()), (None, 0))
        change = opened.change(3)
        self.assertEqual((change.who, change.files, change.links), ("ann", [], []))
        self.assertEqual(change.properties.asList(), [])
        self.assertIn("gone", str(self.assertRaises(Unreadable, opened.change, 4)))

    def test_oddVersion(self) -> None:
        """A version that is no number, or is missing in its table, is not known."""
        for row in ("", "INSERT INTO version VALUES ('new');"):
            self.assertIsNone(self.made(f"CREATE TABLE version (version); {row}").version)

    def test_ends(self) -> None:
        """A file that is cut short while it is read is unreadable."""
        opened = self.made("CREATE TABLE changes (changeid INTEGER, author)")
        opened.close()
        self.assertRaises(Unreadable, opened.changeNumbers)
