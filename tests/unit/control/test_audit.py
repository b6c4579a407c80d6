"""The record of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.trial import unittest

from buildbot.control import audit
from buildbot.control.audit import (
    DONE,
    FAILED,
    KEY,
    MASTER,
    REFUSALS,
    REFUSED,
    WINDOW,
    Audit,
    By,
    StoreKeeper,
    aboutBuilder,
    aboutSlave,
)
from buildbot.store.interface import StoreFailed
from tests.stores import SqliteCase

ALICE = By("alice", "session", "192.0.2.1")


class MemoryKeeper:
    """I keep entries for a test, and can be told to fail."""

    def __init__(self) -> None:
        self.chunks: dict[str, list[dict[str, Any]]] = {}
        self.isBroken = False

    def loadAudit(self) -> Deferred[dict[str, list[dict[str, Any]]]]:
        """All chunks."""
        return succeed({KEY + key: chunk for key, chunk in self.chunks.items()})

    def saveChunk(self, key: str, entries: Sequence[dict[str, Any]] | None) -> Deferred[None]:
        """Store a chunk, or delete it."""
        if self.isBroken:
            return fail(StoreFailed("disk is full"))
        if entries is None:
            self.chunks.pop(key, None)
        else:
            self.chunks[key] = list(entries)
        return succeed(None)


class AuditTests(unittest.SynchronousTestCase):
    """A master whose actions are recorded."""

    def setUp(self) -> None:
        self.keeper = MemoryKeeper()
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
        """A restart forgets nothing, and the numbers of the chunks go on."""
        for number in range(audit.CHUNK + 5):
            self.record(ALICE, "rebuild", str(number))
        again = self.restarted()
        self.assertEqual(again.latest(1000), self.audit.latest(1000))
        self.successResultOf(ensureDeferred(again.record(ALICE, "reconfig", MASTER)))
        self.assertEqual(len(self.restarted().latest(1000)), audit.CHUNK + 6)

    def test_bounded(self) -> None:
        """The number of entries is bounded, in memory and in the store."""
        self.patch(audit, "MOST", 20)
        self.patch(audit, "CHUNK", 5)
        self.audit = Audit(self.keeper, lambda: self.now)
        for number in range(100):
            self.record(ALICE, "rebuild", str(number))
        self.assertEqual(len(self.audit.latest(1000)), 20)
        self.assertLessEqual(sum(map(len, self.keeper.chunks.values())), 30)
        self.assertEqual([each.subject for each in self.restarted().latest(2)], ["99", "98"])

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
        self.assertEqual([each.when for each in self.audit.latest(before=1002.0)], [1001.0, 1000.0])

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

    def test_unreadable(self) -> None:
        """Entries of another release do no harm."""
        self.keeper.chunks["0000000000"] = [{"strange": 1}]
        self.assertEqual(self.restarted().latest(), [])


class StoreTests(SqliteCase):
    """The record in the master's store."""

    def test_store(self) -> None:
        """Entries are in the store of the master, and a restart reads them."""
        store = self.opened()
        written = Audit(StoreKeeper(store), lambda: 5.0)
        self.get(ensureDeferred(written.record(ALICE, "stopBuild", "x")))
        self.closed(store)
        read = Audit(StoreKeeper(self.opened(self.directory)), lambda: 6.0)
        self.get(ensureDeferred(read.load()))
        self.assertEqual(read.latest(), written.latest())
