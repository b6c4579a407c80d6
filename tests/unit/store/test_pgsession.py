"""The connections to PostgreSQL beside that of the store, over a server in memory."""

from __future__ import annotations

import importlib
from typing import Any

from buildbot.store.interface import StoreFailed
from buildbot.store.postgres import PostgresStore
from buildbot.store.schema import CURRENT
from tests import fakepsycopg
from tests.fakepsycopg import failure
from tests.stores import Turnstile
from tests.unit.store.test_pgdriver import FakeCase


class SessionTests(FakeCase):
    """Short transactions of a master about its place, and reads of another process."""

    def setUp(self) -> None:
        super().setUp()
        self.session: Any = importlib.import_module("buildbot.store.pgsession").PostgresSession("dbname=ci")
        self.reader: Any = importlib.import_module("buildbot.store.pgreading").PostgresReader("dbname=ci")
        self.addCleanup(self.session.close)
        self.addCleanup(self.reader.close)

    def read(self, driver: Any) -> None:
        """One transaction."""
        with driver.transaction(False) as connection:
            connection.execute("SELECT 1")

    def refusal(self, driver: Any) -> str:
        """Why a transaction fails."""
        with self.assertRaises(StoreFailed) as caught:
            self.read(driver)
        return str(caught.exception)

    def test_connects(self) -> None:
        """The first transaction connects; the next ones use the connection, until it is closed."""
        for driver in (self.session, self.reader):
            for _ in range(2):
                self.read(driver)
            self.assertEqual((driver.loss(), driver.settle()), ("", False))
            driver.close()
            driver.close()
        self.assertEqual(len(self.server.sessions), 2)

    def test_lost(self) -> None:
        """An idle connection that was ended is made anew. One that is lost in a transaction is a failure."""
        self.read(self.session)
        self.failOnce("BEGIN", failure("terminated"))
        self.read(self.session)
        self.failOnce("SELECT 1", failure("gone"))
        self.assertEqual(self.refusal(self.session), "PostgreSQL database ci: gone")
        self.read(self.session)
        self.assertEqual(len(self.server.sessions), 3)
        with self.assertRaises(ValueError), self.session.transaction(True):
            raise ValueError
        self.assertEqual(self.server.said[-1], "ROLLBACK")

    def test_away(self) -> None:
        """While the server is away, attempts have pauses, and the reason is told meanwhile."""
        for name in ("buildbot.store.pgsession",):
            self.patch(importlib.import_module(name), "PAUSES", (100.0, 100.0))
        self.server.up = "connection refused"
        reason = self.refusal(self.session)
        self.assertEqual(reason, "PostgreSQL database ci: connection refused")
        self.server.up = ""
        self.assertEqual(self.refusal(self.session), reason)
        self.assertEqual(self.server.sessions, [])

    def test_kinds(self) -> None:
        """Outages and damage are known by their kinds and codes."""
        wrong = failure("x", "23505")
        self.assertEqual((self.session.isOutage(wrong), self.reader.isOutage(wrong)), (True, False))
        self.assertTrue(self.reader.isOutage(fakepsycopg.InterfaceError()))
        damage = failure("x", "XX001")
        self.assertEqual((self.session.isDamage(damage), self.reader.isDamage(damage)), (False, True))

    def test_whatIsRead(self) -> None:
        """A store that no master has used yet, and one of another release, are refused in words."""
        self.server.tables = []
        self.assertIn("no master has used this store yet", self.refusal(self.reader))
        self.server.tables = ["store"]
        for step, word in ((1, "later release"), (-1, "earlier release")):
            self.server.version = CURRENT.version + step
            self.assertIn(word, self.refusal(self.reader))

    def test_store(self) -> None:
        """The store of another process reads, and refuses to write."""
        get = (turnstile := Turnstile()).result
        reading = PostgresStore("dbname=ci", turnstile).forReading()
        get(reading.open())
        self.assertIs(get(reading.getState("a")), None)
        self.assertRaises(StoreFailed, get, reading.setState("a", 1))
        self.failOnce("BEGIN", failure("terminated"))
        get(reading.getState("a"))
        get(reading.close())


del FakeCase
