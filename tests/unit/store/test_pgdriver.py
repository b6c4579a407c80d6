"""The connection of a store to PostgreSQL, over a server in memory that fails as it is told."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from buildbot import store
from buildbot.store.address import MISSING
from buildbot.store.direct import held, made, opening
from buildbot.store.interface import SchemaTooNew, StoreFailed, StoreFenced
from buildbot.store.place import placeAt
from buildbot.store.postgres import PostgresStore
from buildbot.store.schema import CURRENT
from buildbot.store.seams import OutcomeUnknown
from tests import fakepsycopg
from tests.fakepsycopg import FakeServer, failure
from tests.loglisteners import hearLog
from tests.stores import Turnstile

#: The modules that import psycopg.
MODULES = tuple(f"buildbot.store.{each}" for each in ("pgdriver", "pgopened", "pgreading", "pgsession"))


def parsed(conninfo: str) -> dict[str, str]:
    """The settings in the words of libpq."""
    if "=" not in conninfo:
        raise fakepsycopg.Error("missing =")
    return dict(each.split("=", 1) for each in conninfo.split())


class FakeCase(SynchronousTestCase):
    """I import the drivers anew, with a psycopg that speaks to my server.

    @ivar module: L{buildbot.store.pgdriver}.
    """

    def setUp(self) -> None:
        self.server = FakeServer()
        fake: Any = ModuleType("psycopg")
        for name in ("Error", "OperationalError", "InterfaceError", "RawCursor"):
            setattr(fake, name, getattr(fakepsycopg, name))
        fake.Connection = dict  # only for annotations
        fake.ConnectionInfo = dict
        fake.connect = self.server.connect
        words: Any = ModuleType("psycopg.conninfo")
        words.conninfo_to_dict = parsed
        fake.conninfo = words
        modules = mock.patch.dict(sys.modules, {"psycopg": fake, "psycopg.conninfo": words})
        modules.start()
        self.addCleanup(modules.stop)
        for each in MODULES:
            sys.modules.pop(each, None)
            self.addCleanup(vars(store).pop, each.rpartition(".")[2], None)
        self.module: Any = importlib.import_module("buildbot.store.pgdriver")
        self.patch(self.module, "PATIENCE", 0.0)
        self.patch(self.module, "PAUSES", (0.0, 0.0))
        self.events: list[str] = []
        hearLog(self, lambda event: self.events.append(event.get("log_format") or ""))

    def driver(self, conninfo: str = "dbname=ci", **options: Any) -> Any:
        """An open driver."""
        driver = self.module.PostgresDriver(conninfo, CURRENT, **options)
        self.addCleanup(driver.close)
        return driver

    def write(self, driver: Any, statement: str = "INSERT INTO x VALUES (?, ?)") -> None:
        """One group that writes."""
        with driver.transaction(True) as connection:
            connection.execute(statement, (1, 2))

    def refusal(self, driver: Any) -> str:
        """Why a write fails."""
        with self.assertRaises(StoreFailed) as caught:
            self.write(driver)
        reason: str = caught.exception.reason
        return reason

    def failOnce(self, words: str, error: Exception, isAfter: bool = False) -> None:
        """Let the next statement with these words fail, before it is done or after it."""

        def check(statement: str) -> None:
            if words in statement:
                self.server.before = self.server.after = lambda statement: None
                raise error

        setattr(self.server, "after" if isAfter else "before", check)


class OpenTests(FakeCase):
    """The connection is made."""

    def test_open(self) -> None:
        """An opening takes the lock and the next epoch, and knows the server in words."""
        driver = self.driver()
        self.assertEqual((self.server.opened, driver.loss(), driver.risks), (1, "", ()))
        self.assertEqual(driver.server, "PostgreSQL 15.4, database ci at db:5432")
        options = self.server.sessions[0].options
        self.assertEqual(
            (options["target_session_attrs"], options["tcp_user_timeout"]), ("read-write", "25000")
        )

    def test_values(self) -> None:
        """A statement gets numbers for its question marks; many rows go with one."""
        driver = self.driver()
        with driver.transaction(True) as connection:
            connection.executemany("INSERT INTO x VALUES (?, ?)", iter([(1, 2), (3, 4)]))
        self.assertEqual(self.server.said.count("INSERT INTO x VALUES ($1, $2)"), 2)
        with driver.transaction(False) as connection:
            self.assertEqual(list(connection.execute("SELECT 1")), [])
        self.assertEqual(self.server.said[-1], "COMMIT")

    def test_badAddress(self) -> None:
        """An address that libpq does not take is told as that."""
        with self.assertRaises(StoreFailed) as caught:
            self.driver("nonsense")
        self.assertEqual(str(caught.exception), "the address of the database is not valid: missing =")

    def test_away(self) -> None:
        """No server: the name of the database and the first line of the reason."""
        self.server.up = "connection refused\nIs it running?"
        with self.assertRaises(StoreFailed) as caught:
            self.driver()
        self.assertEqual(str(caught.exception), "PostgreSQL database ci: connection refused")

    def test_locked(self) -> None:
        """Another master has the store: who, from where and since when."""
        self.server.isTaken = True
        with self.assertRaises(StoreFailed) as caught:
            self.driver()
        self.assertIn(
            "another master has opened this store (buildbot other:1, from ::1", str(caught.exception)
        )
        self.server.holder = None
        with self.assertRaises(StoreFailed) as caught:
            self.driver()
        self.assertIn("(somebody, from somewhere", str(caught.exception))
        self.assertTrue(all(each.closed for each in self.server.sessions))

    def test_unfit(self) -> None:
        """A server that is too old, another encoding, a missing schema and a later release are refused."""
        for name, value, said in (
            ("release", 110000, "PostgreSQL 12 or newer is needed, this is 11"),
            ("encoding", "LATIN1", "its encoding is LATIN1"),
            ("schema", None, "no schema of the search_path exists"),
            ("tables", ["changes"], "has tables of another program (changes)"),
            ("tables", ["migrate_version"], "is the database of a Buildbot of 0.8 or later"),
        ):
            patched = self.patch(self.server, name, value)
            with self.assertRaises(StoreFailed) as caught:
                self.driver()
            self.assertIn(said, str(caught.exception))
            patched.restore()
        self.patch(self.server, "version", CURRENT.version + 1)
        self.assertRaises(SchemaTooNew, self.driver)

    def test_new(self) -> None:
        """An empty schema gets the tables, with numbers of 64 bits."""
        self.server.tables, self.server.version = [], 0
        self.driver()
        made = [each for each in self.server.said if each.startswith("CREATE TABLE")]
        self.assertGreater(len(made), 5)
        self.assertNotIn("INTEGER", " ".join(made))
        self.assertIn("ALTER TABLE builds SET (fillfactor = 70)", self.server.said)

    def test_risks(self) -> None:
        """Settings that can lose data are told, one sentence each."""
        self.server.settings = ["off", "off", "remote_write", "*"]
        self.assertEqual(len(self.driver().risks), 3)
        self.server.settings, self.server.standbys = ["on", "on", "on", ""], 1
        self.assertIn("synchronous_standby_names is empty", self.driver().risks[0])

    def test_fence(self) -> None:
        """With a fence, it is asked in each group that writes, before anything else."""
        asked: list[str] = []
        driver = self.driver(fence=lambda connection: asked.append(self.server.said[-1]))
        asked.clear()
        self.write(driver)
        with driver.transaction(False):
            pass
        self.assertEqual(asked, ["BEGIN"])


class LostTests(FakeCase):
    """The connection is lost at some moment."""

    def test_idle(self) -> None:
        """A session that ended while nobody used it is made anew, and one line says so."""
        driver = self.driver()
        self.failOnce("BEGIN", failure("terminated", "57P01"))
        self.write(driver)
        self.assertEqual(len(self.server.sessions), 2)
        self.assertEqual(self.events.count("{database}: connected again"), 1)

    def test_twice(self) -> None:
        """A new session that fails at once is a failure."""
        driver = self.driver()
        driver.close()
        self.failOnce("BEGIN", failure("terminated"))
        self.assertEqual(self.refusal(driver), "PostgreSQL database ci: terminated")
        self.write(driver)

    def test_pause(self) -> None:
        """While the server is away, attempts to connect have pauses; the reason is told meanwhile. The end of
        the trouble is told by whoever told of it, so not here.
        """
        self.patch(self.module, "PAUSES", (100.0, 100.0))
        driver = self.driver()
        driver.close()
        self.server.up = "connection refused"
        reason = self.refusal(driver)
        self.server.up = ""
        self.assertEqual(self.refusal(driver), reason)
        self.patch(self.module.time, "monotonic", lambda: float("inf"))
        self.write(driver)
        self.assertNotIn("{database}: connected again", self.events)

    def test_statement(self) -> None:
        """An error of a statement undoes the group; one that says that the server is away is a failure."""
        driver = self.driver()
        self.failOnce("INSERT INTO x", failure("duplicate", "23505"))
        with self.assertRaises(fakepsycopg.Error):
            self.write(driver)
        self.assertEqual(self.server.said[-1], "ROLLBACK")
        self.assertEqual(len(self.server.sessions), 1)
        self.failOnce("INSERT INTO x", failure("only reading", "25006"))
        self.assertEqual(self.refusal(driver), "PostgreSQL database ci: only reading")
        self.write(driver)
        self.assertEqual(len(self.server.sessions), 2)

        def cut(statement: str) -> None:
            if "INSERT INTO x" in statement or statement == "ROLLBACK":
                raise failure("gone")

        self.server.before = cut
        self.assertEqual(self.refusal(driver), "PostgreSQL database ci: gone")

    def test_kinds(self) -> None:
        """Outages and damage are known by their codes."""
        driver = self.driver()
        outages = [
            failure("x"),
            fakepsycopg.InterfaceError(),
            *(failure("x", each) for each in ("25006", "42501")),
        ]
        self.assertTrue(all(map(driver.isOutage, outages)))
        self.assertFalse(driver.isOutage(failure("x", "23505")) or driver.isOutage(ValueError()))
        self.assertTrue(driver.isDamage(failure("x", "XX001")))
        self.assertFalse(driver.isDamage(failure("x", "23505")))

    def test_settled(self) -> None:
        """A lost answer to a COMMIT: what was committed is found, what was not never will be."""
        driver = self.driver()
        for isAfter in (True, False):
            self.failOnce("INSERT INTO commits", failure("cut"), isAfter)
            self.assertRaises(OutcomeUnknown, self.write, driver)
            self.assertIs(driver.settle(), isAfter)
        self.write(driver)

    def test_refusedCommit(self) -> None:
        """An error that answers the COMMIT is no lost answer."""
        driver = self.driver()
        self.failOnce("INSERT INTO commits", failure("deferred constraint", "23503"))
        with self.assertRaises(fakepsycopg.Error):
            self.write(driver)
        self.write(driver)

    def test_oldTokens(self) -> None:
        """Old tokens go from time to time."""
        self.patch(self.module, "_EVERY", 2)
        driver = self.driver()
        for _ in range(2):
            self.write(driver)
        self.assertTrue(self.server.said[-1].startswith("DELETE FROM commits WHERE n < 0;"))

    def test_fenced(self) -> None:
        """If another master has opened the store meanwhile, nothing succeeds any more."""
        driver = self.driver()
        driver.close()
        self.server.opened += 1
        for _ in range(2):
            self.assertRaises(StoreFenced, self.write, driver)
        self.assertIn("another master has taken over", driver.loss())

    def test_fencedWhileUnknown(self) -> None:
        """The same, found when an outcome is asked for."""
        driver = self.driver()
        self.failOnce("INSERT INTO commits", failure("cut"))
        self.assertRaises(OutcomeUnknown, self.write, driver)
        self.server.after = lambda statement: (
            setattr(self.server, "opened", 9)
            if "COUNT" in statement or "SELECT opened" in statement
            else None
        )
        self.assertRaises(StoreFenced, driver.settle)

    def test_lapse(self) -> None:
        """If the last acknowledged group is not there any more, that is told once."""
        told: list[str] = []
        driver = self.driver(lapsed=told.append)
        self.write(driver)
        driver.close()
        self.server.commits.clear()
        self.write(driver)
        driver.close()
        self.write(driver)
        self.assertEqual(len(told), 1)
        self.assertIn("PostgreSQL database ci has lost what it had acknowledged: a failover", told[0])

    def test_lapsedBeforeOpening(self) -> None:
        """A database that has lost the opening itself is a lapse, and not another master. Nothing is written
        to it before a restart.
        """
        told: list[str] = []
        driver = self.driver(lapsed=told.append)
        driver.close()
        self.server.opened = 0
        for _ in range(2):
            with self.assertRaises(StoreFenced) as caught:
                self.write(driver)
            self.assertIn("has lost what it had acknowledged", caught.exception.reason)
            self.assertIn("restart the master", driver.loss())
        self.assertEqual(len(told), 1)

    def test_ownSession(self) -> None:
        """An earlier session of this master that still holds the lock is not called another master."""
        driver = self.driver()
        driver.close()
        self.server.isTaken = True
        self.server.holder = (self.server.sessions[0].options["application_name"], "::1", "today")
        self.assertIn("an earlier connection of this master has not ended", self.refusal(driver))

    def test_cut(self) -> None:
        """A cut ends the connection under whoever waits for it; before and after that it does nothing."""
        driver = self.driver()
        (session,) = self.server.sessions
        driver.cut()
        self.assertEqual(session.ours.recv(1), b"")
        driver.close()
        driver.cut()


class StoreTests(FakeCase):
    """The store over the driver."""

    def test_server(self) -> None:
        """A store knows its server once it was open, tells a lapse in the thread of the reactor, and can be
        cut.
        """
        get = (turnstile := Turnstile()).result
        store = PostgresStore("dbname=ci", turnstile, pace=0.0)
        store.cut()
        self.assertEqual((store.server(), store.risks()), ("", ()))
        told: list[str] = []
        store.watch(lambda reason: None, lambda: None, lapsed=told.append)
        get(store.open())
        self.assertEqual((store.server()[:15], store.risks()), ("PostgreSQL 15.4", ()))
        get(store.setState("a", 1))
        store.cut()
        self.assertEqual(self.server.sessions[0].ours.recv(1), b"")
        self.server.commits.clear()
        self.failOnce("BEGIN", failure("cut"))
        get(store.setState("a", 2))
        self.assertEqual(len(told), 1)
        get(store.close())

    def test_withoutPsycopg(self) -> None:
        """Without psycopg, an opening says which package to install."""
        sys.modules["psycopg"] = None  # type: ignore[assignment]
        for each in MODULES:
            sys.modules.pop(each, None)
        turnstile = Turnstile()
        store = PostgresStore("dbname=ci", turnstile)
        for open in (store.open, store.forReading().open):
            with self.assertRaises(StoreFailed) as caught:
                turnstile.result(open())
            self.assertIn("pip install 'buildbot-classic[postgres]'", str(caught.exception))
            self.assertIn(MISSING.split("{", maxsplit=1)[0], str(caught.exception))
        place = placeAt(".", "postgresql://ci@db/ci")
        for ask in (made, held, opening):
            with self.assertRaises(StoreFailed) as caught:
                ask(place)
            self.assertIn("pip install 'buildbot-classic[postgres]'", str(caught.exception))
