"""One master among others: it waits, takes over, and ends when its place is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.trial import unittest

from buildbot.cluster.membership import SILENT, Membership
from buildbot.cluster.places import Me, Places
from buildbot.store.interface import StoreFailed, StoreFenced
from buildbot.store.worker import Work
from tests.loglisteners import hearLog
from tests.unit.cluster.doubles import Postgresque, Session

_T = TypeVar("_T")
LEASE = 12.0
PATIENCE = 15.0


class Reactor(Clock):
    """A clock that makes the calls of threads at once."""

    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> None:
        """Make the call."""
        callable(*args)


class Worker:
    """I do work at once, in a session of a database.

    @ivar trouble: fails all work, if set.
    @ivar isHanging: True to answer nothing.
    @ivar hanging: what was asked meanwhile.
    """

    def __init__(self, session: Session, places: Places) -> None:
        self._session = session
        self._places = places
        self.trouble: StoreFailed | None = None
        self.isHanging = False
        self.hanging: list[Deferred[Any]] = []
        self.isStopped = False

    def start(self) -> Deferred[None]:
        """Fail if there is trouble."""
        return succeed(None) if self.trouble is None else fail(self.trouble)

    def stop(self) -> Deferred[None]:
        """Stop."""
        self.isStopped = True
        return succeed(None)

    def submit(self, work: Work[_T]) -> Deferred[_T]:
        """Do the work."""
        if self.trouble is not None:
            return fail(self.trouble)
        if self.isHanging:
            self.hanging.append(Deferred())
            return self.hanging[-1]
        try:
            with self._session.transaction(True) as connection:
                self._places.begin(connection)
                return succeed(work.do())
        except Exception:
            return fail()


class Master:
    """I am one master."""

    def __init__(self, reactor: Reactor, database: Postgresque, home: str, incarnation: str = "1") -> None:
        places = Places(Me(home, f"{home}:/master", f"{home} {incarnation}", LEASE))
        self.session = database.connect()
        self.worker = Worker(self.session, places)
        self.reasons: list[str] = []
        self.doubts: list[bool] = []
        self.membership = Membership(reactor, places, self.worker, self.reasons.append, self.doubts.append)
        self.epochs: list[int] = []
        self.membership.whenActive.addCallback(self.epochs.append)


class MembershipTests(unittest.SynchronousTestCase):
    """Two masters, a and b, with one clock for the test and none between them."""

    def setUp(self) -> None:
        self.reactor, self.database = Reactor(), Postgresque()
        self.a, self.b = (Master(self.reactor, self.database, home) for home in "ab")

    def join(self, *masters: Master) -> None:
        """Let masters join."""
        for each in masters:
            self.successResultOf(ensureDeferred(each.membership.join()))

    def passTime(self, seconds: float) -> None:
        """Let time pass for all masters."""
        self.reactor.pump([0.25] * int(seconds * 4))

    def freeze(self, master: Master) -> None:
        """Stop the process of a master: it does not answer, and does not notice that."""
        master.worker.isHanging = True

    def write(self, master: Master) -> None:
        """Write as the store of a master does."""
        with master.session.transaction(True) as connection:
            master.membership.check(connection)

    def test_first(self) -> None:
        """The first master becomes active at once, and the second one knows it and waits."""
        self.join(self.a, self.b)
        self.assertEqual((self.a.epochs, self.b.epochs), ([1], []))
        active = self.b.membership.active()
        assert active is not None
        self.assertEqual(active.place.name, "a:/master")
        self.passTime(10 * PATIENCE)
        self.assertEqual((self.b.epochs, self.a.reasons), ([], []))

    def test_ready(self) -> None:
        """The active master knows which masters are ready to take over."""
        self.join(self.a, self.b)
        self.passTime(5)
        self.assertEqual([each.place.name for each in self.a.membership.ready()], ["b:/master"])
        self.freeze(self.b)
        self.passTime(20)
        self.assertEqual(self.a.membership.ready(), [])

    def test_killed(self) -> None:
        """A killed master is replaced after its lease and the grace."""
        self.join(self.a, self.b)
        self.freeze(self.a)
        self.passTime(PATIENCE - 1)
        self.assertEqual(self.b.epochs, [])
        self.passTime(2)
        self.assertEqual(self.b.epochs, [2])

    def test_woken(self) -> None:
        """F2: a master that was frozen and wakes writes nothing, and ends once, naming the new one."""
        self.join(self.a, self.b)
        self.freeze(self.a)
        self.passTime(PATIENCE + 1)
        self.a.worker.isHanging = False
        self.assertRaises(StoreFenced, self.write, self.a)
        self.write(self.b)
        self.passTime(5)
        self.assertEqual(len(self.a.reasons), 1)
        self.assertIn("b:/master has taken over", self.a.reasons[0])

    def test_noticedByBeat(self) -> None:
        """A woken master that writes nothing ends too: its next beat is refused."""
        self.join(self.a, self.b)
        self.a.worker.trouble = StoreFailed("away")
        self.passTime(PATIENCE + 1)
        self.a.worker.trouble = None
        self.passTime(2)
        self.assertEqual(len(self.a.reasons), 1)

    def test_leave(self) -> None:
        """After a clean stop, the other master takes over at once."""
        self.join(self.a, self.b)
        self.successResultOf(ensureDeferred(self.a.membership.leave()))
        self.passTime(1)
        self.assertEqual((self.b.epochs, self.a.reasons), ([2], []))
        self.assertTrue(self.a.worker.isStopped)

    def test_leaveWaiting(self) -> None:
        """A master that waits and is stopped is not ready any more."""
        self.join(self.a, self.b)
        self.successResultOf(ensureDeferred(self.b.membership.leave()))
        self.passTime(2)
        self.assertEqual(self.a.membership.others(), [])

    def test_leaveAway(self) -> None:
        """A place that cannot be given up is logged; a master that never had one says nothing about it."""
        said: list[str] = []
        hearLog(self, lambda event: said.append(formatEvent(event)))
        self.join(self.a)
        self.database.trouble = StoreFailed("no route to host")
        self.failureResultOf(ensureDeferred(self.b.membership.join()), StoreFailed)
        self.assertEqual([each for each in said if "could not be given up" in each], [])
        self.successResultOf(ensureDeferred(self.a.membership.leave()))
        self.assertEqual(len([each for each in said if "could not be given up" in each]), 1)

    def test_restarted(self) -> None:
        """A killed master that is started again takes its place at once."""
        self.join(self.a, self.b)
        self.freeze(self.a)
        again = Master(self.reactor, self.database, "a", "2")
        self.join(again)
        self.assertEqual(again.epochs, [2])
        self.passTime(2 * PATIENCE)
        self.assertEqual(self.b.epochs, [])

    def test_databaseAway(self) -> None:
        """F4: an outage of the database for both is no reason for a takeover."""
        self.join(self.a, self.b)
        for each in (self.a, self.b):
            each.worker.trouble = StoreFailed("away")
        self.passTime(10 * PATIENCE)
        self.assertEqual(self.a.membership.trouble, "away")
        self.assertEqual((self.a.doubts, self.b.epochs), ([True], []))
        for each in (self.b, self.a):
            each.worker.trouble = None
        self.passTime(2 * PATIENCE)
        self.assertEqual((self.a.doubts, self.b.epochs, self.a.reasons), ([True, False], [], []))

    def test_doubtWhileHanging(self) -> None:
        """A master whose database does not even refuse doubts its lease in time."""
        self.join(self.a)
        self.freeze(self.a)
        self.passTime(LEASE)
        self.assertEqual(self.a.doubts, [True])

    def test_silence(self) -> None:
        """A database that answers nothing is a trouble of the active master, and of one that waits."""
        self.join(self.a, self.b)
        for each in (self.a, self.b):
            self.freeze(each)
        self.passTime(SILENT - 1)
        self.assertEqual([each.membership.trouble for each in (self.a, self.b)], ["", ""])
        self.passTime(SILENT)
        for each in (self.a, self.b):
            self.assertRegex(each.membership.trouble, r"^no answer for \d s$")

    def test_notThere(self) -> None:
        """A start without the database fails with its reason."""
        self.a.worker.trouble = StoreFailed("no such database")
        joining: Deferred[Any] = ensureDeferred(self.a.membership.join())
        self.assertEqual(self.failureResultOf(joining, StoreFailed).value.reason, "no such database")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_nothingLeft(self) -> None:
        """A master that has left has no more turns."""
        self.join(self.a)
        self.successResultOf(ensureDeferred(self.a.membership.leave()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
