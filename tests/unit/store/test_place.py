"""The place of the store of a directory."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.store.address import BadAddress
from buildbot.store.place import Place, placeOf


class PlaceTests(unittest.SynchronousTestCase):
    """The lines in buildbot.tac say where the store is."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)

    def write(self, name: str, text: str, mode: int = 0o600) -> str:
        """Make a file in the directory."""
        path = os.path.join(self.here, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def place(self, *lines: str) -> Place:
        """The place that a buildbot.tac with these lines names."""
        self.write("buildbot.tac", "\n".join(lines))
        return placeOf(self.here)

    def refusal(self, *lines: str) -> str:
        """Why the place of a buildbot.tac with these lines cannot be used."""
        self.write("buildbot.tac", "\n".join(lines))
        return str(self.assertRaises(BadAddress, lambda: placeOf(self.here).conninfo()))

    def test_file(self) -> None:
        """A directory without a buildbot.tac, or without an address in it, has its store in a file."""
        path = os.path.join(self.here, "state.sqlite")
        self.assertEqual((placeOf(self.here).server, placeOf(self.here).shown), (None, path))
        for lines in (["configfile = 'master.cfg'"], ["db = ''"], ["db = None"], ["db ="], ["other = f(db)"]):
            self.assertIs(self.place(*lines).server, None)
            self.assertEqual(self.place(*lines).shown, path)

    def test_server(self) -> None:
        """An address names a server; it is shown without the password that a file has."""
        self.write("db.password", "sEcret\n")
        place = self.place("db = 'postgresql://me@db/x'", "dbPasswordFile = 'db.password'")
        self.assertEqual(place.shown, "postgresql://me@db/x")
        self.assertEqual(place.conninfo(), "user='me' host='db' dbname='x' password='sEcret'")
        self.assertNotIn("sEcret", repr(place))

    def test_paths(self) -> None:
        """Files in an address are found from every directory."""
        place = self.place("db = 'postgresql://db/x?sslrootcert=ca.pem&sslkey=/k.pem'")
        self.assertIn(f"sslrootcert='{self.here}/ca.pem' sslkey='/k.pem'", place.conninfo())
        self.assertIn(
            "sslrootcert='system'", self.place("db = 'postgresql://db/x?sslrootcert=system'").conninfo()
        )

    def test_computed(self) -> None:
        """An address that the file computes, or says twice, is refused: commands could not know it."""
        for lines in (
            ["import os", "db = os.environ['DB']"],
            ["db = 'postgresql://a/x'", "db = 'postgresql://b/x'"],
            ["if True:", "    db = 'postgresql://a/x'"],
            ["db, x = 'postgresql://a/x', 1"],
            ["for db in ['postgresql://a/x']: pass"],
            ["db = 'postgresql://a/x'", "db += 'y'"],
            ["db = 7"],
        ):
            self.assertIn("must say db in one line", self.refusal(*lines))
        self.assertIn(
            "must say dbPasswordFile", self.refusal("db = 'postgresql://a/x'", "dbPasswordFile = f()")
        )

    def test_wrong(self) -> None:
        """A wrong address is told with the file to mend."""
        self.assertEqual(
            self.refusal("db = 'mysql://me@db/x'"),
            "buildbot.tac: the address of the store (db) cannot be used: MySQL cannot hold the store: use"
            " postgresql://, or delete the line to use a file",
        )

    def test_passwordFile(self) -> None:
        """A file with a password must be there, private, and hold one line."""
        lines = ("db = 'postgresql://me@db/x'", "dbPasswordFile = 'secret'")
        self.assertIn("No such file", self.refusal(*lines))
        self.write("secret", "sEcret\n", 0o644)
        self.assertIn("chmod 600", self.refusal(*lines))
        for text in ("", "\n", "one\ntwo\n", "x" * 5000, "a\0b"):
            self.write("secret", text, 0o600)
            self.assertIn("one line, the password", self.refusal(*lines))
        os.unlink(os.path.join(self.here, "secret"))
        os.mkfifo(os.path.join(self.here, "secret"), 0o600)
        self.assertIn("a FIFO", self.refusal(*lines))
