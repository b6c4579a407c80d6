"""When people are told that a slave is missing: once an outage, over restarts of the master (O6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.mails.missing import MissingSlaves, Watch
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore

HOUR = 3600
DAY = 24 * HOUR
OWNER = Watch(("owner@example.com",), HOUR)


class MissingTests(unittest.SynchronousTestCase):
    """See L{MissingSlaves}."""

    def setUp(self) -> None:
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        self.clock = Clock()
        self.clock.advance(10**6)
        self.watched = {f"bot{n}": OWNER for n in range(20)}
        self.here: set[str] = set()
        self.told: list[tuple[str, float]] = []
        self.back: list[tuple[str, float]] = []
        self.writing: Callable[[str], Awaitable[None]] | None = None
        self.start()

    def start(self) -> None:
        """Start a master; no slave is connected yet."""
        self.here = set()
        self.missing = MissingSlaves(
            *(self.store, self.clock, self.clock.seconds, "own"),
            lambda: self.watched,
            self.here.__contains__,
            self.tell,
            self.tellBack,
        )
        self.missing.start()

    def restart(self) -> None:
        """Stop or kill the master, and start it again."""
        self.missing.stop()
        self.start()

    async def tell(self, name: str, lost: float, watch: Watch) -> None:
        if self.writing is not None:
            await self.writing(name)
        self.told.append((name, self.clock.seconds() - lost))

    async def tellBack(self, name: str, lost: float, watch: Watch) -> None:
        self.back.append((name, self.clock.seconds() - lost))

    def connect(self, *names: str) -> None:
        """These slaves connect."""
        self.here.update(names)
        for name in names:
            self.missing.connected(name)

    def lose(self, *names: str) -> None:
        """These slaves are lost."""
        self.here.difference_update(names)
        for name in names:
            self.missing.lost(name)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds // 60):
            self.clock.advance(60)

    def tearDown(self) -> None:
        self.missing.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def names(self) -> list[str]:
        """The slaves about which mails were sent, one entry for each mail."""
        return [name for name, _ in self.told]

    def test_once(self) -> None:
        """One mail tells that a slave is away for longer than its time; the next outage has another one."""
        self.connect("bot1", "bot2")
        self.lose("bot1")
        self.wait(HOUR - 60)
        self.assertEqual(self.told, [])
        self.wait(DAY)
        self.assertEqual(self.told, [("bot1", HOUR)])
        self.connect("bot1")
        self.lose("bot1")
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1", "bot1"])

    def test_restart(self) -> None:
        """Restarts of the master send no second mail about a loss: 20 slaves, one gone for three days."""
        self.connect(*self.watched)
        self.lose("bot7")
        self.wait(3 * DAY)
        self.assertEqual(self.names(), ["bot7"])
        for _ in range(3):
            self.restart()
            self.connect(*(name for name in self.watched if name != "bot7"))
            self.wait(DAY)
        self.assertEqual(self.names(), ["bot7"])
        self.lose("bot3")
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot7", "bot3"])

    def test_back(self) -> None:
        """A slave that is back in time is not told."""
        self.connect("bot1")
        self.lose("bot1")
        self.wait(HOUR - 120)
        self.connect("bot1")
        self.wait(DAY)
        self.assertEqual((self.told, self.back), ([], []))

    def test_backAfterwards(self) -> None:
        """Who was told that a slave is missing is told when it is back, once, also after a restart."""
        self.connect("bot1", "bot2")
        self.lose("bot1", "bot2")
        self.wait(2 * HOUR)
        self.connect("bot1")
        self.assertEqual(self.back, [("bot1", 2 * HOUR)])
        self.restart()
        self.connect("bot1", "bot2")
        self.assertEqual(self.back, [("bot1", 2 * HOUR), ("bot2", 2 * HOUR)])
        self.restart()
        self.connect("bot1", "bot2")
        self.wait(DAY)
        self.assertEqual(len(self.back), 2)

    def test_backUnwatched(self) -> None:
        """If nobody watches a slave any more, nobody is told that it is back."""
        self.connect("bot1")
        self.lose("bot1")
        self.wait(2 * HOUR)
        del self.watched["bot1"]
        self.connect("bot1")
        self.assertEqual((self.names(), self.back), (["bot1"], []))

    def test_lostWhileDown(self) -> None:
        """A slave that does not come back after a restart is told, after its time."""
        self.connect("bot1")
        self.restart()
        self.wait(HOUR)
        self.assertEqual(self.names(), ["bot1"])

    def test_restartMeanwhile(self) -> None:
        """A restart during an outage does not begin its time anew; but slaves have ten minutes to come."""
        self.connect("bot1", "bot2")
        self.lose("bot1", "bot2")
        self.wait(HOUR - 120)
        self.restart()
        self.wait(540)
        self.assertEqual(self.told, [])
        self.connect("bot2")
        self.wait(120)
        self.assertEqual(self.names(), ["bot1"])

    def test_neverSeen(self) -> None:
        """A slave that was never here is not missing."""
        self.wait(DAY)
        self.restart()
        self.wait(DAY)
        self.assertEqual(self.told, [])

    def test_notWatched(self) -> None:
        """Nobody gets a mail about a slave that nobody watches, until a reconfig adds somebody."""
        del self.watched["bot1"]
        self.connect("bot1")
        self.lose("bot1")
        self.connect("bot1")
        self.wait(DAY)
        self.watched["bot1"] = OWNER
        self.missing.reconfigured()
        self.lose("bot1")
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1"])
        del self.watched["bot1"]
        self.missing.reconfigured()

    def test_nobodyWatches(self) -> None:
        """If nobody watches a slave at the start, a reconfig can change that."""
        self.watched.clear()
        self.restart()
        self.connect("bot1")
        self.watched["bot1"] = OWNER
        self.missing.reconfigured()
        self.lose("bot1")
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1"])

    def test_storeFails(self) -> None:
        """While the store fails nobody is told twice, and a loss is told when it works."""
        works = self.store.setState
        self.connect("bot1")
        self.patch(self.store, "setState", lambda key, value: fail(StoreFailed("disk full")))
        self.lose("bot1")
        self.wait(2 * HOUR)
        self.patch(self.store, "setState", works)
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1"])
        self.restart()
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1"])

    def test_backWhileNoted(self) -> None:
        """A slave that comes back just while its loss is written is here, also for the next process."""
        works = self.store.setState
        self.connect("bot1")
        self.lose("bot1")
        written: list[Deferred[None]] = []

        def slow(key: str, value: Any) -> Deferred[None]:
            written.append(works(key, value).addCallback(lambda result: Deferred()))
            return written[-1]

        self.patch(self.store, "setState", slow)
        self.wait(60)
        self.connect("bot1")
        self.patch(self.store, "setState", works)
        self.assertEqual(len(written), 2)
        self.assertEqual(
            self.successResultOf(self.store.getState("missing/own/bot1")), {"lost": None, "told": False}
        )

    def test_notNoted(self) -> None:
        """That a slave is back is written when the store works again."""
        works = self.store.setState
        self.connect("bot1")
        self.lose("bot1")
        self.wait(2 * HOUR)
        self.patch(self.store, "setState", lambda key, value: fail(StoreFailed("disk full")))
        self.connect("bot1")
        self.patch(self.store, "setState", works)
        self.wait(HOUR)
        self.restart()
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1", "bot1"])

    def test_unreadable(self) -> None:
        """A store that cannot be read at the start is read later."""
        works = self.store.getStates
        self.patch(self.store, "getStates", lambda prefix: fail(StoreFailed("broken")))
        self.restart()
        self.here.add("bot1")
        self.patch(self.store, "getStates", works)
        self.wait(120)
        self.lose("bot1")
        self.wait(DAY)
        self.assertEqual(self.names(), ["bot1"])

    def test_tellFails(self) -> None:
        """If a mail cannot be written, that is logged; it is written when another slave is lost."""
        self.connect("bot1", "bot2")

        async def broken(name: str) -> None:
            raise KeyError(name)

        self.writing = broken
        self.lose("bot1")
        self.wait(2 * HOUR)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.writing = None
        self.lose("bot2")
        self.wait(2 * HOUR)
        self.assertEqual(sorted(self.names()), ["bot1", "bot2"])

    def test_stopped(self) -> None:
        """After a stop, neither a late error of the store nor a reconfig begins anything."""
        self.missing.stop()
        reading: Deferred[Any] = Deferred()
        self.patch(self.store, "getStates", lambda prefix: reading)
        self.start()
        self.missing.stop()
        reading.errback(StoreFailed("broken"))
        self.missing.reconfigured()
        self.connect("bot1")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_backWhileTold(self) -> None:
        """A slave that comes back while the mail about it is written is here, and its next loss is told."""
        held: list[Deferred[None]] = []

        async def slow(name: str) -> None:
            held.append(Deferred())
            await held[-1]

        self.writing = slow
        self.connect("bot1", "bot2")
        self.lose("bot1", "bot2")
        self.wait(2 * HOUR)
        self.connect("bot1", "bot2")
        held[0].callback(None)
        self.assertEqual(self.names(), ["bot1"])
        self.writing = None
        self.lose("bot2")
        self.wait(2 * HOUR)
        self.assertEqual(self.names(), ["bot1", "bot2"])
