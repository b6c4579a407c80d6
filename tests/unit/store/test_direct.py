"""A store without its master."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from twisted.trial import unittest

from buildbot.store.direct import hasStore, made, opened, reading
from buildbot.store.files import FILE
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.place import placeOf
from buildbot.store.schema import CURRENT


class DirectTests(unittest.SynchronousTestCase):
    """The file in a directory."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, FILE)

    def version(self, number: int) -> None:
        """Give the file another version."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA user_version = {number}")

    def why(self) -> str:
        """Why the store cannot be read."""
        with self.assertRaises(StoreFailed) as caught, reading(self.here):
            pass
        return str(caught.exception)

    def test_made(self) -> None:
        """A store that was made is there, has the version of this release, and can be read."""
        self.assertFalse(hasStore(self.here))
        self.assertIn("unable to open", self.why())
        made(placeOf(self.here)).close()
        self.assertTrue(hasStore(self.here))
        with opened(placeOf(self.here)) as store:
            self.assertEqual(store.version, CURRENT.version)
        with reading(self.here) as connection:
            self.assertEqual(connection.execute("SELECT COUNT(*) FROM builds").fetchone(), (0,))

    def test_onlyRead(self) -> None:
        """Whoever only reads cannot write; whoever writes loses everything with a failure in the middle."""
        made(placeOf(self.here)).close()
        insert = "INSERT INTO state (name, value) VALUES ('a', '1')"
        with self.assertRaises(StoreFailed), reading(self.here) as connection:
            connection.execute(insert)
        with opened(placeOf(self.here), toWrite=True) as store:
            with self.assertRaises(ZeroDivisionError), store.transaction(True) as connection:
                connection.execute(insert)
                raise ZeroDivisionError
            with self.assertRaises(StoreFailed), store.transaction(True) as connection:
                connection.execute(insert)
                connection.execute(insert)
            with store.transaction(True) as connection:
                connection.execute(insert)
        with reading(self.here) as connection:
            self.assertEqual(connection.execute("SELECT COUNT(*) FROM state").fetchone(), (1,))

    def test_otherRelease(self) -> None:
        """A store of another release is not read, and which one it is is told."""
        made(placeOf(self.here)).close()
        self.version(CURRENT.version + 1)
        with self.assertRaises(SchemaTooNew), reading(self.here):
            pass
        self.version(CURRENT.version - 1)
        self.assertIn("is of an earlier release: a start of the master upgrades it", self.why())

    def test_foreign(self) -> None:
        """A file of another program, and a damaged one, are there, and are told."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE other (x)")
        self.assertTrue(hasStore(self.here))
        self.assertIn("earlier release", self.why())
        with open(self.path, "wb") as file:
            file.write(b"x" * 5000)
        self.assertTrue(hasStore(self.here))
        self.assertEqual(self.why(), f"cannot read {self.path}: file is not a database")

    def test_badAddress(self) -> None:
        """A wrong address in buildbot.tac is told by everything that reads the store."""
        with open(os.path.join(self.here, "buildbot.tac"), "w") as file:
            file.write("db = 'mysql://me@db/x'\n")
        self.assertTrue(hasStore(self.here))
        self.assertIn("MySQL cannot hold the store", self.why())
