"""The queue of messages for one target: what arrives, in which order, and what is said about the rest."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.daemon.troubles import Troubles
from buildbot.outgoing import sender as module
from buildbot.outgoing.senders import Senders
from buildbot.outgoing.target import NotNow, Refused, TargetBusy, TargetDown
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from tests.unit.outgoing.sinks import Sink

NAME = "mail to localhost"
HOUR, DAY = 3600, 86400


class Resources:
    """The resources of a master: a clock, and a store that outlives it."""

    def __init__(self, clock: Clock, store: MemoryStore) -> None:
        self.clock: Any = clock
        self.now = clock.seconds
        self.store: Any = store
        self.troubles = Troubles(self.now)


class SenderCase(unittest.SynchronousTestCase):
    """A master with one target, that can be killed and started again."""

    def setUp(self) -> None:
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        self.sink = Sink()
        self.clock = Clock()
        self.clock.advance(10**6)
        self.begin()

    def begin(self) -> None:
        """Start a master."""
        self.resources = Resources(self.clock, self.store)
        self.senders = Senders(self.resources, chance=lambda: 0.5)
        self.sender = self.senders.sender(NAME)
        self.sender.use(self.sink)
        self.run_()

    def kill(self) -> None:
        """Kill the master: its process does nothing more."""
        for call in self.clock.getDelayedCalls():
            call.cancel()

    def run_(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(3000):
            if not any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
                break
            self.clock.advance(0)

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds // 10):
            self.clock.advance(10)
            self.run_()

    def add(self, *numbers: int, group: str = "full") -> None:
        """Queue messages, and let them be delivered if they can be."""
        for n in numbers:
            self.successResultOf(self.sender.add(f"id{n}", {"n": n}, f"mail {n}", group))
        self.run_()

    def kept(self) -> int:
        """The number of messages in the store."""
        return len(self.successResultOf(self.store.getStates(module.PREFIX)))

    def tearDown(self) -> None:
        stopped = ensureDeferred(self.senders.stop())
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class DeliveryTests(SenderCase):
    """A target that works, and one that does not."""

    def test_delivered(self) -> None:
        """Messages are delivered once, in order, and leave the store."""
        self.add(1, 2, 3)
        self.assertEqual((self.sink.got, self.kept(), self.sender.delivered), ([1, 2, 3], 0, 3))
        self.assertGreater(self.sink.rests, 0)

    def test_sameId(self) -> None:
        """A message that waits is not queued a second time."""
        self.sink.trouble = TargetDown("refused")
        self.add(1, 1)
        self.assertEqual(len(self.sender), 1)

    def test_downForAnHour(self) -> None:
        """What is queued while the target is down for an hour arrives once, in order, when it is back."""
        self.sink.trouble = TargetDown("connection refused", "start the relay")
        for n in range(6):
            self.add(n)
            self.wait(HOUR // 6)
        self.assertLess(len(self.sink.tried), 12)  # it is left in peace meanwhile
        self.sink.trouble = None
        self.wait(HOUR)
        self.assertEqual((self.sink.got, self.kept()), ([0, 1, 2, 3, 4, 5], 0))

    def test_trouble(self) -> None:
        """Several failures in a row are a trouble of the master, until the target works."""
        self.sink.trouble = TargetDown("connection refused", "start the relay")
        self.add(1)
        self.assertEqual(self.resources.troubles.current(), [])
        self.wait(HOUR)
        (trouble,) = self.resources.troubles.current()
        self.assertEqual((trouble.subject, trouble.symptom.why), (NAME, "connection refused"))
        self.assertEqual(trouble.symptom.cure, "start the relay")
        self.sink.trouble = None
        self.wait(HOUR)
        self.assertEqual((self.resources.troubles.current(), self.sink.got), ([], [1]))

    def test_downForADay(self) -> None:
        """After a day a message is given up, and the log and the status name it with the reason."""
        self.sink.trouble = TargetDown("connection refused")
        self.add(1)
        self.wait(DAY - 2 * HOUR)
        self.assertEqual(self.sender.dropped, 0)
        self.add(2)
        self.wait(3 * HOUR)
        said = self.sender.toRecord()
        self.assertEqual((said["dropped"], said["lastDropped"]), (1, "mail 1: connection refused"))
        self.sink.trouble = None
        self.wait(2 * HOUR)
        self.assertEqual((self.sink.got, self.kept()), ([2], 0))

    def test_askedToWait(self) -> None:
        """A target that asks for half an hour is not asked before."""
        self.sink.trouble = TargetDown("429", after=1800)
        self.add(1)
        self.sink.trouble = None
        self.wait(1790)
        self.assertEqual(self.sink.tried, [1])
        self.wait(20)
        self.assertEqual(self.sink.got, [1])

    def test_busy(self) -> None:
        """A server that takes a message now and then gets all, in order, and is not called down."""
        taken: list[float] = []

        def once(message: Any) -> Exception | None:
            now = self.clock.seconds()
            if taken and now < taken[-1] + 2:
                return TargetBusy("it answered 429", taken[-1] + 2 - now)
            taken.append(now)
            return None

        self.sink.trouble = once
        self.add(*range(9))
        self.wait(100)
        self.assertEqual(self.sink.got, list(range(9)))
        self.assertEqual(self.sender.toRecord()["failures"], 0)
        self.assertEqual(self.resources.troubles.current(), [])

    def test_refusedForNow(self) -> None:
        """A message that is refused for now holds back its own group only."""
        self.sink.trouble = lambda message: NotNow("greylisted") if message["n"] == 1 else None
        self.add(1, 2, group="full")
        self.add(3, group="quick")
        self.assertEqual(self.sink.got, [3])
        self.sink.trouble = None
        self.wait(120)
        self.assertEqual(self.sink.got, [3, 1, 2])

    def test_rest(self) -> None:
        """After a part of a message was delivered, only the rest is tried again."""
        self.sink.trouble = lambda message: NotNow("mailbox full", {"n": 10}) if message["n"] == 1 else None
        self.add(1)
        self.wait(120)
        self.assertEqual((self.sink.got, self.kept()), ([10], 0))

    def test_failsWithOne(self) -> None:
        """A server that fails with one message gets those of other builders, and then of the same one."""
        self.sink.trouble = lambda message: TargetDown("500") if message["n"] == 1 else None
        self.add(1, group="full")
        self.add(2, group="quick")
        self.wait(HOUR)
        self.assertEqual(self.sink.got, [2])
        self.add(3, group="full")
        self.add(4, group="quick")
        self.wait(2 * HOUR)
        self.assertEqual(self.sink.got, [2, 4])
        self.assertLess(len(self.sink.tried), 20)
        self.wait(DAY)
        self.assertEqual((self.sink.got, self.sender.dropped), ([2, 4, 3], 1))

    def test_refused(self) -> None:
        """A message that is refused for good is given up; the next one is delivered."""
        self.sink.trouble = lambda message: Refused("no such user") if message["n"] == 1 else None
        self.add(1, 2)
        self.assertEqual((self.sink.got, self.kept()), ([2], 0))
        self.assertEqual(self.sender.lastDropped, "mail 1: no such user")

    def test_tooSlow(self) -> None:
        """A target that does not answer counts as down."""
        self.sink.slow = []
        self.add(1)
        self.wait(310)
        self.assertEqual(self.sender.health.reason, "it did not answer within 300 seconds")
        self.sink.slow = None
        self.wait(120)
        self.assertEqual(self.sink.got, [1])

    def test_bug(self) -> None:
        """An error of the program is logged, and the message stays."""
        self.sink.trouble = ZeroDivisionError("oops")
        self.add(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.sink.trouble = None
        self.wait(120)
        self.assertEqual(self.sink.got, [1])


class KeptTests(SenderCase):
    """Messages on disk: over a kill, a stop, a reconfig, and a store that fails."""

    def test_killed(self) -> None:
        """What was queued before the master was killed is delivered by the next one, in order."""
        self.sink.trouble = TargetDown("refused")
        self.add(1, 2, 3)
        self.kill()
        self.sink.trouble = None
        self.begin()
        self.add(4)
        self.assertEqual(self.sink.got, [1, 2, 3, 4])

    def test_stopped(self) -> None:
        """A clean stop waits a moment for a delivery; the rest waits for the next start."""
        self.sink.slow = []
        self.add(1, 2)
        stopping = ensureDeferred(self.senders.stop())
        self.assertNoResult(stopping)
        self.sink.slow.pop().callback(None)
        self.successResultOf(stopping)
        self.assertEqual((self.sink.got, self.kept()), ([1], 1))
        self.sink.slow = None
        self.begin()
        self.assertEqual(self.sink.got, [1, 2])

    def test_stoppedWhileSlow(self) -> None:
        """A clean stop does not wait long; the message is tried again at the next start."""
        self.sink.slow = []
        self.add(1)
        stopping = ensureDeferred(self.senders.stop())
        self.clock.advance(6)
        self.successResultOf(stopping)
        self.sink.slow = None
        self.begin()
        self.assertEqual(self.sink.got, [1])

    def test_reconfig(self) -> None:
        """Another target of the same name takes over what waits, and is tried at once."""
        self.sink.trouble = TargetDown("wrong password")
        self.add(1)
        other = Sink()
        self.sender.use(other)
        self.sender.release(self.sink)
        self.run_()
        self.assertEqual((self.sink.got, other.got), ([], [1]))

    def test_reconfigMeanwhile(self) -> None:
        """A delivery that goes on over a reconfig, and fails later, does not hold back the new target."""
        self.sink.slow = []
        self.add(1)
        other = Sink()
        self.sender.use(other)
        self.sender.release(self.sink)
        self.sink.slow.pop().errback(TargetDown("wrong password"))
        self.run_()
        self.assertEqual((other.got, self.sender.health.failures), ([1], 0))

    def test_stopMany(self) -> None:
        """A clean stop waits for all targets at the same time, not for one after the other."""
        for n in range(5):
            slow = Sink()
            slow.slow = []
            sender = self.senders.sender(f"mail to relay{n}")
            sender.use(slow)
            self.run_()
            self.successResultOf(sender.add("id", {"n": n}, "mail"))
            self.run_()
        stopping = ensureDeferred(self.senders.stop())
        self.clock.advance(6)
        self.successResultOf(stopping)

    def test_strange(self) -> None:
        """A record that is no message costs that record only: the others go out, and the master starts."""
        self.sink.trouble = TargetDown("refused")
        self.add(1)
        self.kill()
        for strange in (7, {"place": "x"}, {"place": 1}):
            self.successResultOf(self.store.setState(f"{module.keyOf(NAME, str(strange))}", strange))
        self.sink.trouble = None
        self.begin()
        self.assertEqual(self.sink.got, [1])
        self.successResultOf(ensureDeferred(Senders(self.resources).sweep()))
        self.assertEqual(self.kept(), 0)

    def test_clockSetBack(self) -> None:
        """A message goes out though the system clock is set back by days while it waits."""
        self.sink.trouble = lambda message: NotNow("greylisted") if message["n"] == 1 else TargetDown("no")
        self.add(1, group="full")
        self.add(2, group="quick")
        self.resources.now = lambda: self.clock.seconds() - 10 * DAY
        self.sink.trouble = None
        self.wait(120)
        self.assertEqual(sorted(self.sink.got), [1, 2])

    def test_two(self) -> None:
        """Two status targets may use one server; when one of them goes, the other one still delivers."""
        for first, second in ((0, 1), (1, 0)):
            sinks = [Sink(), Sink()]
            for each in sinks:
                self.sender.use(each)
            self.sender.release(self.sink)
            self.sender.release(sinks[first])
            self.add(1)
            self.assertEqual(sinks[second].got, [1])
            self.sender.release(sinks[second])

    def test_nobody(self) -> None:
        """Without a target, messages wait; those older than a day are swept at a later start."""
        self.sink.trouble = TargetDown("refused")
        self.add(1)
        self.sender.release(self.sink)
        self.successResultOf(ensureDeferred(self.senders.stop()))
        self.senders = Senders(self.resources, chance=lambda: 0.5)
        self.successResultOf(ensureDeferred(self.senders.sweep()))
        self.assertEqual(self.kept(), 1)
        self.clock.advance(2 * DAY)
        self.successResultOf(ensureDeferred(self.senders.sweep()))
        self.assertEqual(self.kept(), 0)

    def test_refusedForNow(self) -> None:
        """A message that the server does not want yet is shown with its words, until it is delivered."""
        self.sink.trouble = NotNow("451 greylisted")
        self.add(1)
        record = self.sender.toRecord()
        self.assertEqual((record["failures"], record["reason"]), (0, "refused for now: 451 greylisted"))
        self.assertGreater(record["retryAt"], self.clock.seconds())
        self.sink.trouble = None
        self.wait(HOUR)
        self.assertEqual((self.sender.toRecord()["reason"], self.sink.got), ("", [1]))

    def test_corrected(self) -> None:
        """What waits for a wrong address goes to the one that corrects it, and the trouble ends."""
        self.sink.trouble = TargetDown("unknown host")
        self.add(1, 2)
        self.wait(3 * HOUR)
        self.assertEqual(len(self.resources.troubles.current()), 1)
        self.sender.release(self.sink)
        self.assertEqual(self.resources.troubles.current(), [])
        self.assertEqual(self.sender.toRecord()["reason"], "nothing in the configuration uses this address")
        self.sink.trouble = None
        other, hook = self.senders.sender("mail to mail.example.org"), self.senders.sender("webhook to x")
        for each in (hook, other):
            each.use(self.sink)
            self.successResultOf(ensureDeferred(self.senders.inherit(each, "mail to ")))
            self.run_()
        self.assertEqual((self.sink.got, len(self.sender), self.kept()), ([1, 2], 0, 0))

    def test_correctedDuringAnAttempt(self) -> None:
        """A message that is being delivered is not delivered again; one that hangs is, after a moment."""
        for hangs, wanted in ((False, [1, 2, 3]), (True, [2, 3, 4])):
            self.sink.slow = []
            self.add(1 + hangs, 2 + hangs, 3 + hangs)
            self.sender.release(self.sink)
            other, found = self.senders.sender(f"mail to {hangs}"), Sink()
            other.use(found)
            moved = ensureDeferred(self.senders.inherit(other, "mail to "))
            self.run_()
            self.assertEqual(found.tried, [])
            if hangs:
                self.clock.advance(module.PATIENCE)
            else:
                self.sink.slow[0].callback(None)
            self.run_()
            self.successResultOf(moved)
            self.assertEqual((self.sink.got[-1:] if not hangs else []) + found.got, wanted)
            self.assertEqual((len(self.sender), self.kept()), (0, 0))
            self.sender.use(self.sink)

    def test_takenOut(self) -> None:
        """What waited for an address that was taken out earlier stays, for a day."""
        self.sink.trouble = TargetDown("unknown host")
        self.add(1)
        self.sender.release(self.sink)
        self.wait(HOUR)
        other = self.senders.sender("mail to mail.example.org")
        other.use(self.sink)
        self.successResultOf(ensureDeferred(self.senders.inherit(other, "mail to ")))
        self.assertEqual((len(other), len(self.sender)), (0, 1))

    def test_takenOutForADay(self) -> None:
        """What waits for an address that was taken out is dropped after a day, also without a restart."""
        self.sink.trouble = TargetDown("unknown host")
        self.add(1)
        self.wait(HOUR)
        self.add(2)
        self.sender.release(self.sink)
        self.wait(DAY - HOUR + 60)
        self.assertEqual((len(self.sender), self.kept()), (1, 1))
        self.wait(2 * HOUR)
        self.assertEqual((len(self.sender), self.kept(), self.sender.dropped), (0, 0, 2))
        self.assertIn("nothing in the configuration uses this address", self.sender.lastDropped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_takenOutDuringAnAttempt(self) -> None:
        """An attempt that fails after the address was taken out is no trouble any more."""
        attempt: Deferred[None] = Deferred()
        self.patch(self.sink, "deliver", lambda message: attempt)
        self.add(1)
        self.sender.release(self.sink)
        attempt.errback(TargetDown("unknown host"))
        self.run_()
        self.assertEqual(self.sender.health.failures, 0)

    def test_storeFails(self) -> None:
        """While the disk is full, a message is not acknowledged; it goes out when there is room."""
        works = self.store.setState
        self.patch(self.store, "setState", lambda key, value: fail(StoreFailed("disk full")))
        added: Deferred[None] = self.sender.add("id1", {"n": 1}, "mail 1")
        self.run_()
        self.assertNoResult(added)
        self.assertEqual(self.sink.tried, [])
        self.patch(self.store, "setState", works)
        self.wait(120)
        self.successResultOf(added)
        self.assertEqual((self.sink.got, self.kept()), ([1], 0))

    def test_unreadable(self) -> None:
        """A store that cannot be read for a while delays the start of the deliveries."""
        self.sink.trouble = TargetDown("refused")
        self.add(1)
        self.kill()
        self.sink.trouble = None
        works = self.store.getStates
        self.patch(self.store, "getStates", lambda prefix: fail(StoreFailed("broken")))
        self.begin()
        self.add(2)
        self.assertEqual(self.sink.got, [])
        self.patch(self.store, "getStates", works)
        self.wait(120)
        self.assertEqual(self.sink.got, [1, 2])


class RoomTests(SenderCase):
    """The queue is bounded."""

    def test_many(self) -> None:
        """Beyond the limit, the oldest message of the same builder is dropped, not that of another one."""
        self.patch(module, "MOST", 3)
        self.sink.trouble = TargetDown("refused")
        self.add(1, group="quick")
        self.add(2, 3, 4, 5, group="full")
        self.sink.trouble = None
        self.wait(120)
        self.assertEqual((self.sink.got, self.sender.dropped), ([1, 4, 5], 2))
        self.assertEqual(self.sender.lastDropped, "mail 3: too many messages wait")
        self.assertEqual(self.sink.omitted, {4: 2})

    def test_manyOfOne(self) -> None:
        """If all messages of a builder are dropped for those of others, the new one says how many."""
        self.patch(module, "MOST", 2)
        self.sink.trouble = TargetDown("refused")
        self.add(1, 2, group="full")
        self.add(3, group="quick")
        self.add(4, group="docs")
        self.sink.trouble = None
        self.wait(120)
        self.assertEqual((self.sink.got, self.sink.omitted), ([3, 4], {4: 2}))

    def test_large(self) -> None:
        """The size of all messages is bounded, too."""
        self.patch(module, "MOST_CHARACTERS", 30)
        self.sink.trouble = TargetDown("refused")
        self.add(1, 2, 3, 4, 5)
        self.assertLess(len(self.sender), 5)
        self.assertEqual(self.kept(), len(self.sender))

    def test_thousand(self) -> None:
        """A thousand messages in a second are all delivered, once."""
        self.add(*range(1000))
        self.assertEqual((self.sink.got, self.kept(), self.sender.dropped), (list(range(1000)), 0, 0))

    def test_onlyOne(self) -> None:
        """The message that is being delivered is never dropped, even if there is room for only one."""
        self.patch(module, "MOST", 1)
        self.sink.slow = []
        self.add(1, 2)
        self.assertEqual((len(self.sender), self.sender.dropped), (2, 0))
        slow, self.sink.slow = self.sink.slow, None
        slow[0].callback(None)
        self.run_()
        self.assertEqual((self.sink.got, len(self.sender)), ([1, 2], 0))


class OddTests(SenderCase):
    """A store that fails or was replaced, and messages that belong to no group."""

    def test_storeFailsMeanwhile(self) -> None:
        """A message that cannot be read for a while is delivered later, and the status tells why."""
        works = self.store.getState
        self.patch(self.store, "getState", lambda key: fail(StoreFailed("broken")))
        self.add(1)
        self.assertEqual((self.sink.tried, self.sender.health.reason), ([], "the store fails: broken"))
        self.patch(self.store, "getState", works)
        self.wait(120)
        self.assertEqual(self.sink.got, [1])

    def test_replaced(self) -> None:
        """A message that is no longer in the store, as it was replaced, is forgotten."""
        self.sink.trouble = TargetDown("refused")
        self.add(1, 2)
        self.successResultOf(self.store.setState(module.keyOf(NAME, "id1"), None))
        self.sink.trouble = None
        self.wait(120)
        self.assertEqual((self.sink.got, len(self.sender)), ([2], 0))

    def test_noGroups(self) -> None:
        """Messages of no group do not wait for each other, and none of those that failed is left behind."""
        self.sink.trouble = lambda message: TargetDown("500") if message["n"] < 3 else None
        self.add(1, 2, group="")
        self.wait(3 * HOUR)
        self.assertEqual(set(self.sink.tried), {1, 2})
        self.add(3, group="")
        self.wait(2 * HOUR)
        self.assertEqual(self.sink.got, [3])
        self.sink.trouble = None
        self.wait(2 * HOUR)
        self.assertEqual((sorted(self.sink.got), self.kept()), ([1, 2, 3], 0))

    def test_unreadableAtSweep(self) -> None:
        """A store that cannot be read at the start does not keep the master from starting."""
        self.patch(self.store, "getStates", lambda prefix: fail(StoreFailed("broken")))
        self.successResultOf(ensureDeferred(self.senders.sweep()))

    def test_stoppedWhileUnreadable(self) -> None:
        """A stop while a store cannot be read leaves nothing running."""
        reading: Deferred[Any] = Deferred()
        self.patch(self.store, "getStates", lambda prefix: reading)
        self.kill()
        self.begin()
        stopping = ensureDeferred(self.senders.stop())
        reading.errback(StoreFailed("broken"))
        self.successResultOf(stopping)

    def test_text(self) -> None:
        """The text about a queue has its target, and how much waits."""
        self.sink.trouble = TargetDown("refused")
        self.add(1)
        self.assertEqual(repr(self.sender), "<Sender mail to localhost: 1 message>")
