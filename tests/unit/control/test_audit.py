"""The record of actions."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.trial import unittest

from buildbot.control import audit
from buildbot.control.audit import (
    DONE,
    FAILED,
    LONGEST,
    MASTER,
    REFUSALS,
    REFUSED,
    WINDOW,
    Audit,
    By,
    aboutBuilder,
    aboutSlave,
)
from buildbot.model.audit import Entry
from buildbot.model.rows import Page
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from tests.stores import SqliteCase

ALICE = By("alice", "session", "192.0.2.1")


class Keeper(MemoryStore):
    """A store that can be told to fail."""

    isBroken = False

    def addEntry(self, entry: Entry) -> Deferred[None]:
        """See L{MemoryStore}."""
        return fail(StoreFailed("disk is full")) if self.isBroken else super().addEntry(entry)

    def lastEntry(self) -> Deferred[int]:
        """See L{MemoryStore}."""
        return fail(StoreFailed("disk is full")) if self.isBroken else super().lastEntry()


class AuditTests(unittest.SynchronousTestCase):
    """A master whose actions are recorded."""

    def setUp(self) -> None:
        self.keeper = Keeper()
        self.successResultOf(self.keeper.open())
        self.now = 1000.0
        self.audit = Audit(self.keeper, lambda: self.now)

    def record(self, *args: Any) -> None:
        """Record an action."""
        self.successResultOf(ensureDeferred(self.audit.record(*args)))
        self.now += 1

    def restarted(self) -> Audit:
        """The record after a restart."""
        found = Audit(self.keeper, lambda: self.now)
        self.successResultOf(ensureDeferred(found.load()))
        return found

    def test_record(self) -> None:
        """Row 50: an entry says who did what to what, from where, when, and with which outcome."""
        self.record(ALICE, "forceBuild", aboutBuilder("full"), DONE, "build 7")
        (entry,) = self.audit.latest()
        self.assertEqual(
            (entry.when, entry.who, entry.how, entry.address, entry.action, entry.subject, entry.outcome),
            (1000.0, "alice", "session", "192.0.2.1", "forceBuild", "builder/full", "done"),
        )
        self.assertEqual(entry.detail, "build 7")

    def test_restart(self) -> None:
        """A restart forgets nothing, and the numbers of the entries go on."""
        for number in range(5):
            self.record(ALICE, "rebuild", str(number))
        again = self.restarted()
        self.assertEqual(again.latest(), self.audit.latest())
        self.successResultOf(ensureDeferred(again.record(ALICE, "reconfig", MASTER)))
        self.assertEqual([each.number for each in self.restarted().latest()], [6, 5, 4, 3, 2, 1])

    def found(self, *args: Any, **kw: Any) -> Page[Entry]:
        """A page of entries."""
        return self.successResultOf(ensureDeferred(self.audit.find(*args, **kw)))

    def test_pages(self) -> None:
        """All entries can be read page by page, more than are in memory; each is there once."""
        self.patch(audit, "MOST", 20)
        self.audit = Audit(self.keeper, lambda: self.now)
        for number in range(50):
            self.record(ALICE if number % 2 else By("bob"), "rebuild", f"builder/full/build/{number}")
        numbers, cursor = [], ""
        while True:
            page = self.found(7, cursor)
            numbers += [each.number for each in page.rows]
            cursor = page.next
            if not cursor:
                break
        self.assertEqual(numbers, list(range(50, 0, -1)))
        self.assertEqual(len(self.found(100, who="bob").rows), 25)
        self.assertEqual(len(self.audit.latest(100)), 20)
        self.assertEqual(len(self.found(1, subject="builder/full/build/3").rows), 1)
        self.failureResultOf(ensureDeferred(self.audit.find(7, "x")), ValueError)

    def test_small(self) -> None:
        """If all entries are in memory, the store is not asked."""
        self.record(ALICE, "rebuild", "builder/full/build/1")
        self.audit = self.restarted()
        self.successResultOf(self.keeper.close())
        self.assertEqual(len(self.found().rows), 1)
        self.assertEqual(self.found(subject="slave/x"), Page(()))

    def test_late(self) -> None:
        """An action while the store fails is in memory; later ones are stored again."""
        self.keeper.isBroken = True
        self.record(ALICE, "stopBuild", "x")
        self.keeper.isBroken = False
        self.record(ALICE, "stopBuild", "y")
        self.assertEqual([each.number for each in self.audit.latest()], [1, 0])
        self.assertEqual([each.subject for each in self.restarted().latest()], ["y"])

    def test_choice(self) -> None:
        """The page of a builder lists what was done to it and to its builds; others do not mix in."""
        self.record(ALICE, "forceBuild", aboutBuilder("full"))
        self.record(By("bob"), "stopBuild", aboutBuilder("full", 7))
        self.record(ALICE, "forceBuild", aboutBuilder("full2"))
        self.record(ALICE, "forceBuild", aboutBuilder("full/x"))
        self.record(ALICE, "pauseSlave", aboutSlave("full"))
        self.assertEqual(
            [each.action for each in self.audit.latest(subject=aboutBuilder("full"))],
            ["stopBuild", "forceBuild"],
        )
        self.assertEqual([each.who for each in self.audit.latest(who="bob")], ["bob"])
        self.assertEqual(len(self.audit.latest(2)), 2)

    def told(self, **outcome: object) -> str:
        """The details of a reconfig with this outcome."""

        async def work() -> object:
            return {"applied": True, "generation": 5, "changes": [], "errors": [], **outcome}

        self.successResultOf(ensureDeferred(self.audit.carriedOut(ALICE, "reconfig", MASTER, work())))
        return self.audit.latest(1)[0].detail

    def test_reconfig(self) -> None:
        """Of a reconfig, as many changes are recorded as there is room for, and the number of the rest."""
        self.assertEqual(self.told(), "generation 5: nothing has changed")
        two = ["+ bot b7", "~ builder full: factory"]
        self.assertEqual(self.told(changes=two), "generation 5: + bot b7; ~ builder full: factory")
        many = self.told(changes=[f"+ builder builder{number}" for number in range(100)])
        self.assertTrue(many.startswith("generation 5: + builder builder0; + builder builder1; "))
        self.assertRegex(many, "; and [0-9]+ more changes$")
        self.assertLessEqual(len(many), LONGEST)
        self.assertEqual(many.count(";") + int(many.split()[-3]), 100)
        long = self.told(changes=["x" * 1000, "y"])
        self.assertTrue(long.startswith("generation 5: xxx") and long.endswith("x and 1 more change"), long)
        self.assertEqual(self.told(changes=["x" * 1000]), f"generation 5: {'x' * (LONGEST - 14)}")
        self.assertEqual(self.told(applied=False, errors=["line 7: wrong"]), "line 7: wrong")

    def test_carriedOut(self) -> None:
        """An action is recorded with its outcome, whether it succeeds or fails."""

        async def work() -> int:
            return 7

        async def broken() -> int:
            raise ZeroDivisionError("by zero")

        does = self.audit.carriedOut
        self.assertEqual(
            self.successResultOf(ensureDeferred(does(ALICE, "forceBuild", "x", work(), "build 7"))), 7
        )
        self.failureResultOf(ensureDeferred(does(ALICE, "reconfig", MASTER, broken())), ZeroDivisionError)
        self.assertEqual(
            [(each.outcome, each.detail) for each in self.audit.latest()],
            [(FAILED, "by zero"), (DONE, "build 7")],
        )

    def test_refused(self) -> None:
        """Refused attempts are recorded; of a flood only the first ones, and then how many there were."""
        for _ in range(REFUSALS + 500):
            self.successResultOf(
                ensureDeferred(self.audit.refused(By(address="x"), "shutdown", MASTER, "no"))
            )
        self.assertEqual(len(self.audit.latest(10_000)), REFUSALS)
        self.now += WINDOW
        self.successResultOf(ensureDeferred(self.audit.refused(By(), "shutdown", MASTER, "no")))
        latest = self.audit.latest()[0]
        self.assertEqual(
            (latest.outcome, latest.detail), (REFUSED, "no (and 500 more refused attempts before it)")
        )

    def test_brokenStore(self) -> None:
        """If the disk is full, the action goes on, and the entry is in memory."""
        self.keeper.isBroken = True
        self.record(ALICE, "stopBuild", "x")
        self.assertEqual(len(self.audit.latest()), 1)

    def test_long(self) -> None:
        """Long texts of visitors are shortened."""
        self.record(By("a" * 9999, "basic", "x" * 9999), "view", "s" * 9999, REFUSED, "d" * 9999)
        self.assertLess(len(repr(self.audit.latest())), 2000)


class StoreTests(SqliteCase):
    """The record in the master's store."""

    def test_store(self) -> None:
        """Entries are in the store of the master, and a restart reads them."""
        store = self.opened()
        written = Audit(store, lambda: 5.0)
        self.get(ensureDeferred(written.record(ALICE, "stopBuild", "x")))
        self.closed(store)
        read = Audit(self.opened(self.directory), lambda: 6.0)
        self.get(ensureDeferred(read.load()))
        self.assertEqual(read.latest(), written.latest())
