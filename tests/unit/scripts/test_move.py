"""C{buildbot move-store}. The server is a file that is used like one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from twisted.trial import unittest

from buildbot.daemon import lock
from buildbot.daemon.directory import readTac, storeAddress
from buildbot.daemon.taclines import writeTac
from buildbot.model.records import BuildRecord
from buildbot.scripts import move
from buildbot.store.database import Database
from buildbot.store.direct import OpenedFile, made
from buildbot.store.imported import ImportedStore
from buildbot.store.interface import StoreFailed
from buildbot.store.marks import CREATE, MOVING
from buildbot.store.moving import Move
from buildbot.store.place import Place, placeAt
from buildbot.store.schema import CURRENT
from tests.commandline import Spoken, command, directory

URL = "postgresql://ci@db/ci"


def _lost(self: object) -> None:
    """Fail in the middle of a move."""
    raise StoreFailed("the connection is lost")


def _running(here: str) -> None:
    """A master holds the lock."""
    raise lock.AlreadyRunning(5, 1_700_000_000.0)


class Server(OpenedFile):
    """I am a database."""

    def refusal(self) -> str:
        """Tables of others are in the way."""
        return "has tables of another program" if self.tables() else ""


class MoveTests(unittest.TestCase):
    """Both ways, and everything that is wrong."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.path = os.path.join(self.here, "state.sqlite")
        self.database = os.path.join(self.here, "server")
        self.patch(move, "openedServer", self.connect)
        self.patch(move, "opened", lambda place, patience: closing(self.connect(place, False, 1.0)))
        self.patch(move, "made", self.make)

    def connect(self, place: Place, toWrite: bool, patience: float) -> Server:
        """Connect to the server, or open the file."""
        path = place.path if place.server is None else self.database
        if place.server is not None and not os.path.exists(path):
            sqlite3.connect(path).close()
        return Server(path, toWrite, patience)

    def make(self, place: Place) -> Database:
        """Make the tables."""
        return Database(place.path if place.server is None else self.database, sqlite3.connect, CURRENT)

    def fill(self, count: int = 3) -> None:
        """Make the store of a master."""
        store = ImportedStore(self.here)
        store.add([BuildRecord("full", number, "bot", (), 5.0, 6.5, 0) for number in range(count)])
        store.close()

    def move(self, target: str, *words: str) -> Spoken:
        """Run the command."""
        return command("move-store", *words, self.here, target)

    def refused(self, target: str = URL) -> str:
        """Why nothing was moved: the address stays."""
        before = readTac(self.here)
        said = self.move(target)
        self.assertEqual((said.status, said.out, readTac(self.here)), (1, "", before))
        return said.err

    def builds(self, path: str) -> int:
        """The number of builds in a store."""
        store = OpenedFile(path, False, 1.0)
        with store.transaction(False) as connection:
            found: int = connection.execute("SELECT COUNT(*) FROM builds").fetchone()[0]
        store.close()
        return found

    def test_bothWays(self) -> None:
        """The store moves to the server and back; the old one stays. A second call changes nothing."""
        self.fill()
        said = self.move(URL, "--db-password-file=secret")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertIn(f"moved to {URL}: 3 builds, 0 changes, 0 requests", " ".join(said.out.split()))
        self.assertIn(f"the old store stays as it was: {self.path}", said.out)
        self.assertEqual((storeAddress(readTac(self.here)), self.builds(self.database)), (URL, 3))
        self.assertNotIn(MOVING, self.connect(Place(self.here), False, 1.0).tables())
        self.assertIn("dbPasswordFile = 'secret'", readTac(self.here))
        again = self.move(URL)
        self.assertEqual((again.status, again.out), (0, f"{self.here} has its store in {URL} already\n"))
        self.assertIn("it has a store already: name an empty database", self.refused("sqlite"))
        os.rename(self.path, f"{self.path}.old")
        self.assertEqual(self.move("sqlite").status, 0)
        self.assertEqual((storeAddress(readTac(self.here)), self.builds(self.path)), ("", 3))
        self.assertNotIn("dbPasswordFile", readTac(self.here))
        made(Place(self.here)).close()

    def test_cut(self) -> None:
        """After an end in the middle the old store is in force; the same command continues."""
        self.fill()
        run = Move.run
        self.patch(Move, "run", _lost)
        self.assertEqual(self.refused(), "the connection is lost\n")
        self.assertRaises(StoreFailed, self.make, Place(self.here, placeAt(self.here, URL).server))
        self.assertIs(lock.holder(self.here), None)
        self.patch(Move, "run", run)
        said = self.move(URL)
        self.assertEqual(said.status, 0)
        self.assertIn("continues the move that was ended before its time", said.out)
        self.assertEqual(self.builds(self.database), 3)

    def test_cutAtTheEnd(self) -> None:
        """If only the change of buildbot.tac is missing, the same command makes up for it."""
        self.fill()
        self.patch(
            move, "writeTac", lambda here, text: (_ for _ in ()).throw(OSError(28, "No space left", here))
        )
        self.assertIn("No space left", self.refused())
        self.patch(move, "writeTac", writeTac)
        self.assertEqual(self.move(URL).status, 0)
        self.assertEqual(storeAddress(readTac(self.here)), URL)

    def test_taken(self) -> None:
        """A database with another store, or with tables of others, is refused."""
        self.fill()
        self.make(Place(self.here, placeAt(self.here, URL).server)).close()
        server = Server(self.database, True, 1.0)
        self.addCleanup(server.close)
        with server.transaction(True) as connection:
            connection.execute("INSERT INTO state (name, value) VALUES ('mine', '1')")
        self.assertIn(f"{URL}: it has a store already: name an empty database", self.refused())
        os.unlink(self.database)
        with sqlite3.connect(self.database) as other:
            other.execute("CREATE TABLE other (x)")
        self.assertIn("has tables of another program", self.refused())
        other.close()

    def test_versions(self) -> None:
        """A store of another release is not moved, and nothing is moved into one."""
        self.fill()
        for path, version, words in (
            (self.path, CURRENT.version + 1, f"{self.path} was written by a later release"),
            (self.path, CURRENT.version - 1, "upgrade-master"),
            (self.database, CURRENT.version + 1, f"{URL} was written by a later release"),
        ):
            self.make(Place(self.here, placeAt(self.here, URL).server)).close()
            connection = sqlite3.connect(path)
            connection.execute(f"PRAGMA user_version = {version}")
            self.assertIn(words, self.refused())
            connection.execute(f"PRAGMA user_version = {CURRENT.version}")
            connection.close()

    def test_wrong(self) -> None:
        """A running master, no store, half a store, a slave, and a wrong address each have their words."""
        self.assertIn("unable to open", self.refused())
        sqlite3.connect(self.path).close()
        self.assertIn("has no store yet", self.refused())
        self.fill()
        store = OpenedFile(self.path, True, 1.0)
        with store.transaction(True) as connection:
            connection.execute(CREATE)
            connection.execute(f"INSERT INTO {MOVING} VALUES ('other', '', 'copying')")
        self.assertIn("has only a part of a store", self.refused())
        with store.transaction(True) as connection:
            connection.execute(f"DROP TABLE {MOVING}")
        store.close()
        self.patch(lock, "hold", _running)
        self.assertIn("stop it first", self.refused())
        self.assertEqual(self.move("mysql://me@db/x").status, 2)
        self.assertEqual(self.move("sqlite", "--db-password-file=x").status, 2)
        self.assertEqual(command("move-store", self.here).status, 2)
        slave = directory(self.mktemp(), "buildslave")
        self.assertIn("buildslave's directory", command("move-store", slave, URL).err)
        with open(os.path.join(self.here, "buildbot.tac"), "a") as file:
            file.write("\ndb = f()\n")
        self.assertIn("must say db in one line", self.refused())
