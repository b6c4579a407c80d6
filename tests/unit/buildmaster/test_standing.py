"""The place of a master among the masters of its store, with a database of its own in memory."""

from __future__ import annotations

import os
from typing import cast

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from buildbot.buildmaster.standing import ActivePlace
from buildbot.cluster.home import ID
from buildbot.cluster.lease import Terms
from buildbot.cluster.places import Places
from buildbot.daemon.readiness import StartFailed
from buildbot.store.interface import StoreFailed
from buildbot.store.postgres import PostgresStore
from buildbot.store.sqlite import SqliteStore
from tests.unit.cluster.doubles import Postgresque
from tests.unit.cluster.test_membership import Reactor, Worker

DB = "db = 'postgresql://me@host/x'\n"
LEASE = "lease = 12\n"


class PlaceCase(unittest.SynchronousTestCase):
    """Masters that share a database and a clock."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.database = Postgresque()
        self.workers: dict[str, Worker] = {}
        self.basedirs: dict[str, str] = {}
        self.over: list[str] = []
        self.doubts: list[bool] = []
        self.waiting: list[list[str]] = []
        self.isTooLate = False  # True: the next master finds that somebody else was quicker

    def made(self, name: str, tac: str = DB + LEASE) -> ActivePlace:
        """The place of a master in a directory with this name."""
        basedir = os.path.abspath(os.path.join(self.mktemp(), name))
        os.makedirs(basedir)
        self.basedirs[name] = basedir
        with open(os.path.join(basedir, "buildbot.tac"), "w", encoding="utf-8") as stream:
            stream.write(tac)

        def works(places: Places) -> Worker:
            worker = self.workers[name] = Worker(self.database.connect(), places)
            if self.isTooLate:
                self.isTooLate = False
                self.patch(places, "take", lambda expected: None)
            return worker

        return ActivePlace(basedir, self.reactor, self.over.append, self.doubts.append, works)

    def take(self, place: ActivePlace) -> Deferred[bool]:
        """Take the place."""
        return Deferred.fromCoroutine(place.take(self.waiting.append))

    def leave(self, place: ActivePlace) -> None:
        """Leave the place."""
        self.successResultOf(Deferred.fromCoroutine(place.leave()))

    def pass_(self, seconds: float) -> None:
        """Let time pass for all masters."""
        self.reactor.pump([0.5] * int(seconds * 2))

    def refused(self, tac: str, isStandby: bool = False) -> list[str]:
        """The lines of a start that fails."""
        place = self.made("refused", tac)
        place.isStandby = isStandby
        error = self.failureResultOf(self.take(place), StartFailed).value
        self.assertIsNone(place.membership)
        return cast(StartFailed, error).lines


class ActivePlaceTests(PlaceCase):
    """Take the place, wait for it, keep it, leave it."""

    def test_file(self) -> None:
        """A store in a file has one master: there is no place to take, and none to wait for."""
        place = self.made("one", "")
        self.assertIsInstance(place.store(), SqliteStore)
        self.assertFalse(self.successResultOf(self.take(place)))
        self.assertIsNone(place.membership)
        self.leave(place)
        for tac, isStandby in (("standby = True\n", False), ("", True)):
            (line,) = self.refused(tac, isStandby)
            self.assertIn("a standby needs a store in PostgreSQL", line)
            self.assertIn("state.sqlite", line)

    def test_first(self) -> None:
        """If nobody is active, a master is at once, also one that would wait."""
        for tac in (DB + LEASE, DB + "standby = True\n"):
            place = self.made("one", tac)
            self.assertIsInstance(place.store(), PostgresStore)
            self.assertFalse(self.successResultOf(self.take(place)))
            self.assertEqual(self.waiting, [])
            assert place.membership is not None
            self.assertTrue(place.membership.isActive)
            self.leave(place)
            self.leave(place)

    def test_refused(self) -> None:
        """A second master is refused with the name of the first one, and the option that lets it wait. It
        leaves nothing behind.
        """
        self.successResultOf(self.take(self.made("one")))
        lines = self.refused(DB + LEASE)
        self.assertRegex(lines[0], "/one is the active master of postgresql://me@host/x")
        self.assertIn("start --standby ", lines[1])
        self.assertIn("takes over after 15 s", lines[1])
        self.assertTrue(self.workers["refused"].isStopped)
        self.assertFalse(self.workers["one"].isStopped)

    def test_identity(self) -> None:
        """A directory whose number cannot be kept is refused with the path."""
        place = self.made("one")
        os.mkdir(os.path.join(self.basedirs["one"], ID))
        error = self.failureResultOf(self.take(place), StartFailed).value
        self.assertIn(os.path.join("one", ID), cast(StartFailed, error).lines[0])

    def test_waits(self) -> None:
        """A standby says who is active, and takes over when that one has left."""
        one, two = self.made("one"), self.made("two", f"{DB}{LEASE}standby = True\n")
        self.successResultOf(self.take(one))
        taken = self.take(two)
        self.pass_(60)
        self.assertNoResult(taken)
        ((line,),) = self.waiting
        self.assertRegex(line, "^standby: .*/one is active; this master takes over when it is gone$")
        self.leave(one)
        self.pass_(1)
        self.assertTrue(self.successResultOf(taken))
        self.assertEqual(self.over, [])

    def test_replacement(self) -> None:
        """A master knows how soon after the begin of a doubt another one may be active, if one waits."""
        one, two = self.made("one"), self.made("two", f"{DB}{LEASE}standby = True\n")
        self.assertIsNone(one.replacement)
        self.successResultOf(self.take(one))
        self.pass_(2)
        self.assertIsNone(one.replacement)
        taken = self.take(two)
        self.pass_(2)
        lease = Terms(one.membership.me.lease if one.membership else 0.0)
        self.assertEqual(one.replacement, lease.patience - lease.trust)
        self.leave(one)
        self.pass_(1)
        self.assertTrue(self.successResultOf(taken))

    def test_takesOver(self) -> None:
        """A standby takes the place of a master that says nothing for the lease and a quarter of it. When
        that one wakes, it is told so.
        """
        one, two = self.made("one"), self.made("two")
        two.isStandby = True
        self.successResultOf(self.take(one))
        taken = self.take(two)
        self.workers["one"].isHanging = True
        self.pass_(14)
        self.assertNoResult(taken)
        self.pass_(4)
        self.assertTrue(self.successResultOf(taken))
        self.assertEqual(self.doubts, [True])
        told, symptom = one.report(), one.symptom()
        assert told is not None and symptom is not None
        self.assertEqual((told["state"], symptom.what), ("doubtful", "another master may take over"))
        self.assertIsNone(two.symptom())
        assert one.membership is not None
        with self.database.connect().transaction(True) as connection:
            self.assertRaises(StoreFailed, one.membership.check, connection)
        (reason,) = self.over
        self.assertRegex(reason, "/two has taken over")

    def test_fresh(self) -> None:
        """A report can be one of this moment: it waits for the database, for a second at most."""
        one = self.made("one", f"{DB}lease = 120\n")

        def told() -> list[str]:
            self.successResultOf(Deferred.fromCoroutine(one.fresh()))
            report = one.report()
            return [] if report is None else [report["trouble"], *(each["name"] for each in report["others"])]

        self.assertEqual(told(), [])
        self.successResultOf(self.take(one))
        self.assertEqual(told(), [""])
        two = self.made("two", f"{DB}{LEASE}standby = True\n")
        self.take(two)
        self.assertEqual(len(told()), 2)
        self.workers["one"].trouble = StoreFailed("no route to host")
        self.assertEqual(told()[0], "no route to host")
        self.workers["one"].trouble = None
        self.assertEqual(told()[0], "")
        self.workers["one"].isHanging = True
        waiting = Deferred.fromCoroutine(one.fresh())
        self.assertNoResult(waiting)
        self.pass_(1)
        self.successResultOf(waiting)

    def test_leftWhileWaiting(self) -> None:
        """A standby that stops does not take over."""
        one, two = self.made("one"), self.made("two")
        two.isStandby = True
        self.successResultOf(self.take(one))
        taken = self.take(two)
        self.leave(two)
        self.failureResultOf(taken)
        self.leave(one)
        self.pass_(20)
        self.assertEqual(self.database.database.execute(ACTIVE).fetchall(), [])

    def test_quicker(self) -> None:
        """Of two masters that start at the same time, the later one is refused, too."""
        self.isTooLate = True
        two = self.take(self.made("two"))
        self.assertNoResult(two)
        self.successResultOf(self.take(self.made("one")))
        self.pass_(2)
        error = self.failureResultOf(two, StartFailed).value
        self.assertIn("/one is the active master", str(error))

    def test_wrongLines(self) -> None:
        """Wrong lines of buildbot.tac are named."""
        for tac, words in (
            (DB + "lease = 1\n", "lease = 1: it must be a number of seconds from 3 to 3600"),
            (DB + "standby = 'yes'\n", "standby = 'yes': it must be True or False"),
            ("db = 'mysql://me@host/x'\n", "cannot be used"),
        ):
            (line,) = self.refused(tac)
            self.assertIn(words, line)
        self.assertRaises(StartFailed, self.made("one", "db = 'mysql://x'\n").store)

    def test_noDatabase(self) -> None:
        """Without an answer of the database there is no start."""
        place = self.made("one")
        self.database.trouble = StoreFailed("no route to host")
        self.failureResultOf(self.take(place), StoreFailed)
        self.assertTrue(self.workers["one"].isStopped)

    def test_fenceOutside(self) -> None:
        """Before the place is taken, and after it was left, nothing can be written."""
        place = self.made("one")
        session = self.database.connect()

        def check() -> None:
            with session.transaction(True) as connection:
                place.check(connection)

        self.assertRaises(StoreFailed, check)
        self.successResultOf(self.take(place))
        check()
        self.leave(place)
        self.assertRaises(StoreFailed, check)


ACTIVE = "SELECT name FROM store_masters WHERE state = 'active'"
