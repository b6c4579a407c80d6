"""The store in PostgreSQL keeps the promises of all stores, with a real server."""

from __future__ import annotations

import random
import re
import sys
from functools import partial
from typing import Any

from buildbot.store.interface import StoreFailed, StoreFenced
from buildbot.store.pgtables import risksOf
from buildbot.store.postgres import PostgresStore
from buildbot.store.requests import Store
from buildbot.store.seams import Connection
from tests.integration.postgres import PostgresCase
from tests.stores import later
from tests.unit.store import test_actions, test_lists, test_store, test_waiting

_Promises = test_store.PROMISES[0]
_Lists = test_lists.PROMISES[0]
_Actions = test_actions.PROMISES[0]
_Waiting = test_waiting.PROMISES[0]


class ContractTests(PostgresCase, _Promises):  # type: ignore[misc,valid-type]
    """The promises of the store."""

    def make(self) -> Store:
        return self.postgres()


class ListsTests(PostgresCase, _Lists):  # type: ignore[misc,valid-type]
    """The promises of lists and searches."""

    def make(self) -> Store:
        return self.postgres()


class ActionsTests(PostgresCase, _Actions):  # type: ignore[misc,valid-type]
    """The promises of the record of actions."""

    def make(self) -> Store:
        return self.postgres()


class WaitingTests(PostgresCase, _Waiting):  # type: ignore[misc,valid-type]
    """The promises of the requests that wait."""

    def make(self) -> Store:
        return self.postgres()


class SameTests(PostgresCase, test_store.SameTests):
    """The stores in memory, in a file and in PostgreSQL behave alike."""

    def others(self) -> list[Store]:
        return [self.sqlite(self.mktemp()), self.postgres()]

    def test_same(self) -> None:
        """For 2,000 random calls, all three give the same results."""
        for seed in range(20):
            self.compare(random.Random(seed), 100)


class ServerTests(PostgresCase):
    """What a server must be, and what it is told."""

    def refused(self, store: Store) -> str:
        """Why a store is not opened."""
        with self.assertRaises(StoreFailed) as caught:
            self.get(store.open())
        reason: str = caught.exception.reason
        return reason

    def test_tooNew(self) -> None:
        """The tables of a later release are left as they are."""
        newer = self.postgres(schema=later())
        self.get(newer.open())
        self.closed(newer)
        self.assertIn("later release", self.refused(self.postgres(self.schema)))

    def test_foreign(self) -> None:
        """Tables of somebody else are left alone, and so is the database of a later Buildbot."""
        for table, words in (("builds", "another program (builds)"), ("migrate_version", "of 0.8 or later")):
            store = self.postgres()
            self.server.ask(f"CREATE TABLE {self.schema}.{table} (id INT)")
            self.assertIn(words, self.refused(store))

    def test_noSchema(self) -> None:
        """A schema that does not exist, a database that does not exist, and a wrong address are named."""
        self.assertIn("CREATE SCHEMA", self.refused(self.postgres("nowhere")))
        for conninfo, words in (
            (
                self.server.conninfo().replace("dbname=postgres", "dbname=none"),
                'database "none" does not exist',
            ),
            ("host=/nowhere dbname=x", "PostgreSQL database x: connection"),
            ("nonsense=1", "address of the database is not valid"),
        ):
            self.assertIn(words, self.refused(PostgresStore(conninfo, self.turnstile)))

    def test_noPackage(self) -> None:
        """Without psycopg, the error says what to install."""
        name = "buildbot.store.pgdriver"
        before = sys.modules.get(name)
        restored = partial(sys.modules.update, {name: before}) if before else partial(sys.modules.pop, name)
        self.addCleanup(restored)
        sys.modules[name] = None  # type: ignore[assignment]
        self.assertIn("buildbot-classic[postgres]", self.refused(PostgresStore("", self.turnstile)))

    def test_risks(self) -> None:
        """Settings of the server that lose data are told; a session that need not wait for the disk does."""
        store = self.postgres()
        options = self.server.conninfo(self.schema) + "\\ -csynchronous_commit=off"
        store = PostgresStore(options, self.turnstile)
        self.addCleanup(self.closed, store)
        self.get(store.open())
        self.assertEqual(store.risks(), ())
        self.assertEqual(
            risksOf(_Settings(fsync="off", full_page_writes="off"))[0],
            "fsync is off: a crash of the database's machine can destroy the database",
        )

    def test_fence(self) -> None:
        """A fence is asked at the opening, and in each transaction that writes; what it refuses has changed
        nothing.
        """
        asked: list[int] = []

        def fence(connection: Connection) -> None:
            asked.append(connection.execute("SELECT ? + 1", (len(asked),)).fetchone()[0])
            if len(asked) > 3:
                raise StoreFenced("not yours")

        store = self.postgres(fence=fence)
        self.get(store.open())
        self.get(store.setState("a", 1))
        self.get(store.getState("a"))
        self.get(store.setState("a", 2))
        with self.assertRaises(StoreFenced):
            self.get(store.setState("a", 3))
        self.assertEqual((self.get(store.getState("a")), asked), (2, [1, 2, 3, 4]))

    def test_fullDisk(self) -> None:
        """When the disk of the server is full, calls fail and change nothing; with room, all goes on."""
        store = self.postgres()
        self.get(store.open())
        self.server.ask(
            f"CREATE FUNCTION {self.schema}.fill() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        self.get(store.setState("a", 1))
        self.server.ask(
            f"CREATE TRIGGER isFull BEFORE INSERT ON {self.schema}.state"
            f" EXECUTE FUNCTION {self.schema}.fill()"
        )
        with self.assertRaises(StoreFailed) as caught:
            self.get(store.setState("a", 2))
        self.assertIn("No space left on device", caught.exception.reason)
        self.assertEqual(self.get(store.getState("a")), 1)
        self.server.ask(f"DROP TRIGGER isFull ON {self.schema}.state")
        self.get(store.setState("a", 2))
        self.assertEqual(self.get(store.getState("a")), 2)


class _Settings:
    """I am a connection to a server with these settings."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._row: tuple[Any, ...] = ()

    def execute(self, statement: str, values: object = ()) -> Any:
        """See L{Connection}."""
        names = re.findall(r"current_setting\('(\w+)'\)", statement)
        self._row = tuple(self._settings.get(name, "on") for name in names) or (0,)
        return self

    executemany = execute

    def fetchone(self) -> Any:
        """The row."""
        return self._row


del _Promises, _Lists, _Actions, _Waiting  # trial would run them by themselves
