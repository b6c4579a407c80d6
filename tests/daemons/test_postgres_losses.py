"""A store in PostgreSQL loses and repeats nothing while connections are cut and servers fail."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from buildbot.model.change import Change
from buildbot.store import worker
from buildbot.store.interface import StoreConflict, StoreFailed, StoreFenced
from buildbot.store.postgres import PostgresStore
from buildbot.store.requests import Store
from buildbot.store.seams import Connection, OutcomeUnknown
from tests.integration.pgproxy import Proxy
from tests.integration.postgres import PostgresCase, Server, missing, server
from tests.loglisteners import hearLog
from tests.stores import build, buildset

if not missing():
    from buildbot.store import pgdriver

_T = TypeVar("_T")

#: Ends the sessions of all masters.
_KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'buildbot %'"
#: The seconds for which a call is tried again.
PATIENCE = 120.0


class LifeCase(PostgresCase):
    """I let builds live, try again what fails as the master does, and look at what is in the store then."""

    def setUp(self) -> None:
        super().setUp()
        if missing():
            self.skipTest(missing())
        self.patch(pgdriver, "PAUSES", (0.01, 0.05))
        self.patch(worker, "PAUSE", 0.01)
        self.conflicts = 0
        self.failures = 0
        self.lives = 0
        hearLog(self, lambda event: None)

    def tried(self, *calls: Callable[[], Deferred[_T]]) -> list[_T]:
        """The results of calls that are made together. What fails is tried again."""
        until = time.monotonic() + PATIENCE
        todo, found, why = dict(enumerate(calls)), {}, None
        while todo:
            asked = {
                number: call().addErrback(lambda failure: failure.value) for number, call in todo.items()
            }
            for number, deferred in asked.items():
                result: Any = self.get(deferred)
                if isinstance(result, StoreConflict):
                    self.conflicts += 1
                elif isinstance(result, StoreFailed) and not isinstance(result, StoreFenced):
                    self.failures += 1
                    why = result
                    continue
                elif isinstance(result, Exception):
                    raise result
                else:
                    found[number] = result
                del todo[number]
            if todo:
                self.assertLess(time.monotonic(), until, f"it never works again: {why}")
                time.sleep(0.01)
        return [found[number] for number in sorted(found)]

    def live(self, store: Store, count: int = 3) -> None:
        """So many builds live: a change, a set, the build and its end."""
        names = [f"life {self.lives + each}" for each in range(count)]
        self.lives += count
        self.tried(*[lambda name=name: store.addChange(Change(name, [], "", when=1.0)) for name in names])
        asked = self.tried(
            *[lambda name=name: store.addBuildset(buildset(reason=name), ["full"]) for name in names]
        )
        begun = self.tried(*[lambda each=each: store.startBuild(build("full", each[1])) for each in asked])
        over = [replace(each, finished=9.0, results=0) for each in begun]
        self.tried(*[lambda each=each: store.finishBuild(each) for each in over])

    def audit(self, store: Store) -> dict[str, int]:
        """What is wrong in the store after all lives; nothing if each happened once."""
        changes = Counter(each.who for each in self.get(store.getChanges(10_000)))
        builds = self.get(store.getBuilds("full", 10_000))
        reasons: Counter[str] = Counter()
        id = 0
        while True:
            found = self.get(store.getBuildsetsOf("quick", id))
            if not found:
                break
            reasons.update(each.reason for each in found)
            id = found[-1].id
        wrong = {
            "changes twice": sum(each - 1 for each in changes.values()),
            "changes lost": self.lives - len(changes),
            "sets twice": sum(each - 1 for each in reasons.values()),
            "sets lost": self.lives - len(reasons),
            "requests never done": len(self.get(store.pendingRequests())),
            "builds nobody runs": sum(each.finished is None for each in builds),
            "builds lost or twice": abs(self.lives - len(builds)),
            "false conflicts": self.conflicts,
        }
        return {name: number for name, number in wrong.items() if number}

    @contextmanager
    def proxied(self) -> Iterator[PostgresStore]:
        """An open store whose connection is cut at every fifth COMMIT or so, before or after it."""
        schema = server().newSchema()
        self.addCleanup(server().ask, f"DROP SCHEMA {schema} CASCADE")
        chance = random.Random(7)
        proxy = self.proxy = Proxy(
            server().home, lambda: chance.choice(("before", "after")) if chance.random() < 0.2 else ""
        )
        self.addCleanup(proxy.close)
        address = server().conninfo(schema).replace(server().home, f"127.0.0.1 port={proxy.port}")
        store = PostgresStore(f"{address} sslmode=disable gssencmode=disable", self.turnstile, pace=0.0)
        self.get(store.open())
        try:
            yield store
        finally:
            proxy.choose = lambda: ""
            self.closed(store)


class CutTests(LifeCase):
    """The answer to a COMMIT is lost (F8)."""

    def test_settled(self) -> None:
        """Each change, set and build happens once, however often a commit or its answer is cut off."""
        with self.proxied() as store:
            for _ in range(12):
                self.live(store)
            self.assertEqual(self.audit(store), {})
            self.assertGreater(self.proxy.cuts, 5)
            self.assertEqual(self.failures, 0)

    def test_mutant(self) -> None:
        """If a lost answer were a failure, the same audit would find changes and sets that happened twice."""

        class Forgetful(pgdriver.PostgresDriver):
            @contextmanager
            def transaction(self, isWriting: bool, /) -> Iterator[Connection]:
                try:
                    with super().transaction(isWriting) as connection:
                        yield connection
                except OutcomeUnknown as unknown:
                    raise StoreFailed(str(unknown)) from unknown

        self.patch(pgdriver, "PostgresDriver", Forgetful)
        with self.proxied() as store:
            for _ in range(12):
                self.live(store)
            self.proxy.choose = lambda: ""
            found = self.audit(store)
            self.assertLess({"changes twice", "sets twice"}, set(found), found)


class OutageTests(LifeCase):
    """The server ends sessions, crashes, restarts, is full, or gives its place to a standby."""

    def test_killedBackends(self) -> None:
        """Sessions that an administrator ends are made anew, and nothing is lost."""
        store = self.postgres()
        self.get(store.open())
        for _ in range(5):
            self.live(store)
            killed = self.server.ask(_KILL)
            self.assertEqual(len(killed), 1)
        self.live(store)
        self.assertEqual((self.audit(store), self.failures), ({}, 0))

    def test_restart(self) -> None:
        """While the server is down, calls fail with its name; after its crash and restart all is there."""
        own = self.own()
        store = self.stored(own)
        self.live(store)
        own.stop("immediate")
        troubles: list[str | None] = []
        store.watch(troubles.append, lambda: troubles.append(None))
        for _ in range(3):
            with self.assertRaises(StoreFailed) as caught:
                self.get(store.setState("a", 1))
            self.assertIn("PostgreSQL database postgres: ", caught.exception.reason)
        self.assertEqual(store.loss(), "")
        own.start()
        self.live(store)
        self.assertEqual(self.audit(store), {})
        self.assertIs(troubles[-1], None)

    def until(self, server: Server, statement: str) -> None:
        """Wait until a server says that a condition holds."""
        late = time.monotonic() + PATIENCE
        while server.ask(statement) != [(True,)]:
            self.assertLess(time.monotonic(), late, statement)
            time.sleep(0.02)

    def own(self, of: Server | None = None, **settings: str) -> Server:
        """A running server of this test."""
        own = Server(of, **settings)
        self.addCleanup(own.remove)
        return own.start()

    def stored(self, own: Server, conninfo: str = "") -> PostgresStore:
        """An open store in that server."""
        store = PostgresStore(conninfo or own.conninfo(), self.turnstile, pace=0.0)
        self.addCleanup(self.closed, store)
        self.get(store.open())
        return store

    def test_failover(self) -> None:
        """The primary is killed, its synchronous standby is promoted: all that was acknowledged is there."""
        primary = self.own()
        standby = self.own(primary)
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.ask("SELECT pg_reload_conf()")
        both = primary.conninfo().replace(primary.home, f"{primary.home},{standby.home}")
        store = self.stored(primary, both)
        self.assertEqual(store.risks(), ())
        for _ in range(3):
            self.live(store)
        late = [store.addChange(Change(f"late {each}", [], "", when=1.0)) for each in range(3)]
        primary.kill()
        standby.promote()
        kept = [each for each in map(self.outcome, late) if each]
        self.live(store)
        changes = {each.who for each in self.get(store.getChanges(100))}
        self.assertLessEqual(set(kept), changes)
        self.lives += len([each for each in changes if each.startswith("late")])
        found = self.audit(store)
        found.pop("sets lost", None), found.pop("builds lost or twice", None)  # the late changes have none
        self.assertEqual(found, {})

    def outcome(self, change: Deferred[Change]) -> str:
        """The author of a change that was kept; "" if it was not."""
        kept = self.get(change.addErrback(lambda reason: reason.trap(StoreFailed) and None))
        return "" if kept is None else str(kept.who)

    def test_asynchronousFailover(self) -> None:
        """If a failover has lost what was acknowledged, the store notices it and says so, once."""
        primary = self.own()
        standby = self.own(primary)
        self.until(primary, "SELECT COUNT(*) = 1 FROM pg_stat_replication")
        both = primary.conninfo().replace(primary.home, f"{primary.home},{standby.home}")
        store = self.stored(primary, both)
        self.assertIn("synchronous_standby_names is empty", " ".join(store.risks()))
        lapses: list[str] = []
        store.watch(lambda reason: None, lambda: None, lapsed=lapses.append)
        self.live(store)
        self.get(store.setState("seen", 1))
        replayed = "replay_lsn >= pg_current_wal_lsn()"  # else the standby may lack the tables
        self.until(primary, f"SELECT COUNT(*) = 1 FROM pg_stat_replication WHERE {replayed}")
        standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
        standby.ask("SELECT pg_reload_conf()")
        self.until(standby, "SELECT COUNT(*) = 0 FROM pg_stat_wal_receiver")
        self.live(store)
        primary.kill()
        standby.promote()
        self.tried(lambda: store.setState("new", 2))
        self.tried(lambda: store.setState("newer", 3))
        self.assertEqual(len(lapses), 1)
        self.assertIn("PostgreSQL database postgres has lost what it had acknowledged", lapses[0])

    def test_otherMaster(self) -> None:
        """A second master is told who uses the store. One that was replaced changes nothing any more."""
        first = self.postgres()
        self.get(first.open())
        self.patch(pgdriver, "PATIENCE", 0.0)
        second = self.postgres(self.schema)
        with self.assertRaises(StoreFailed) as caught:
            self.get(second.open())
        self.assertIn("another master has opened this store (buildbot ", caught.exception.reason)
        self.patch(pgdriver, "PATIENCE", 60.0)
        self.server.ask(_KILL)
        self.get(second.open())
        self.get(second.setState("mine", 2))
        self.closed(second)
        for _ in range(2):
            with self.assertRaises(StoreFenced):
                self.get(first.setState("mine", 1))
        self.assertIn("another master has taken over", first.loss())
        self.get(second.open())
        self.assertEqual(self.get(second.getState("mine")), 2)
