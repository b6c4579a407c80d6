"""A store in PostgreSQL as commands use it, over a server in memory."""

from __future__ import annotations

import os

from buildbot.model.change import Change
from buildbot.store.direct import held, opened, opening
from buildbot.store.imported import ImportedStore
from buildbot.store.interface import StoreFailed
from buildbot.store.place import Place, placeAt
from buildbot.store.schema import CURRENT
from tests.fakepsycopg import failure
from tests.unit.store.test_pgdriver import FakeCase


class OpenedTests(FakeCase):
    """A command without its master."""

    def setUp(self) -> None:
        super().setUp()
        self.place = Place(".", placeAt(".", "postgresql://ci@db/ci").server)

    def test_what(self) -> None:
        """A database has a store, nothing, or the tables of others."""
        store = opening(self.place)
        self.addCleanup(store.close)
        self.assertEqual((store.version, len(store.tables())), (CURRENT.version, 3))
        options = self.server.sessions[0].options
        self.assertEqual((options["tcp_user_timeout"], options["connect_timeout"]), ("25000", "2"))
        self.server.tables = []
        self.assertEqual((store.version, held(self.place)[:8]), (0, "is empty"))
        self.server.tables = ["theirs"]
        self.assertEqual(store.version, -1)
        with self.assertRaises(StoreFailed) as caught:
            held(self.place)
        self.assertIn("has tables of another program (theirs)", str(caught.exception))
        self.server.tables, self.server.version = ["store"], CURRENT.version + 1
        self.assertRaises(StoreFailed, held, self.place)

    def test_refusal(self) -> None:
        """Why no store can be made: no schema, another encoding."""
        self.server.tables = []
        for name, value, said in (
            ("schema", None, "no schema"),
            ("encoding", "LATIN1", "has the encoding LATIN1"),
        ):
            patched = self.patch(self.server, name, value)
            with self.assertRaises(StoreFailed) as caught:
                held(self.place)
            self.assertIn(said, str(caught.exception))
            patched.restore()

    def test_lock(self) -> None:
        """A master that runs is in the way of a move."""
        store = opening(self.place, True)
        self.addCleanup(store.close)
        store.lock()
        self.server.isTaken = True
        with self.assertRaises(StoreFailed) as caught:
            store.lock()
        self.assertIn("stop it first", str(caught.exception))

    def test_away(self) -> None:
        """The reason has the address, and no hints for programmers."""
        self.server.up = 'connection to "db" failed: refused\n\tIs the server running on that host?'
        with self.assertRaises(StoreFailed) as caught:
            opening(self.place)
        said = 'cannot read postgresql://ci@db/ci: connection to "db" failed: refused'
        self.assertEqual(str(caught.exception), said)

    def test_undone(self) -> None:
        """What fails is undone, and told as a failure."""
        self.server.before = lambda statement: self.refuse() if statement.startswith("DELETE") else None
        with self.assertRaises(StoreFailed) as caught, opened(self.place, True) as store:
            with store.transaction(True) as connection:
                connection.execute("DELETE FROM state")
        self.assertNotIn("not known", str(caught.exception))
        self.assertIn("ROLLBACK", self.server.said)

    def refuse(self) -> None:
        """Fail one statement."""
        raise failure("no permission", "42501")

    def test_unknown(self) -> None:
        """If no answer comes to a COMMIT that writes, the outcome is told as unknown, not as a failure."""
        self.failOnce("COMMIT", failure("server closed the connection"))
        with self.assertRaises(StoreFailed) as caught, opened(self.place, True) as store:
            with store.transaction(True) as connection:
                connection.execute("DELETE FROM state")
        self.assertIn("it is not known whether this was kept", str(caught.exception))
        self.failOnce("COMMIT", failure("server closed the connection"))
        with self.assertRaises(StoreFailed) as caught, opened(self.place) as store:
            with store.transaction(False):
                pass
        self.assertNotIn("not known", str(caught.exception))
        self.failOnce("COMMIT", failure("deferred", "23503"))
        with self.assertRaises(StoreFailed) as caught, opened(self.place, True) as store:
            with store.transaction(True):
                pass
        self.assertNotIn("not known", str(caught.exception))

    def test_import(self) -> None:
        """An import whose COMMIT was not answered says that the same command continues."""
        here = self.mktemp()
        os.mkdir(here)
        with open(os.path.join(here, "buildbot.tac"), "w") as tac:
            tac.write("db = 'postgresql://ci@db/ci'\n")
        self.patch(self.module, "conninfo_to_dict", lambda conninfo: {"dbname": "ci"})
        store = ImportedStore(here)
        self.addCleanup(store.close)
        change = Change("mary", ["a.c"], "mend", when=1.0).numbered(1)
        store.add(changes=[change])
        self.failOnce("INSERT INTO commits", failure("server closed the connection"))
        with self.assertRaises(StoreFailed) as caught:
            store.add(changes=[change])
        self.assertIn("the same command continues", str(caught.exception))


del FakeCase
