"""The table of the masters: one is active, and whoever takes its place shuts it out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from twisted.trial import unittest

from buildbot.cluster.fence import Fence
from buildbot.cluster.lease import Seen
from buildbot.cluster.places import ACTIVE, STANDBY, Me, Places
from buildbot.store.interface import StoreFailed, StoreFenced
from tests.unit.cluster.doubles import Postgresque, Session

_T = TypeVar("_T")


class Master:
    """I am one master with its session."""

    def __init__(self, database: Postgresque, home: str, incarnation: str = "1") -> None:
        name = f"{home}:/master"
        self.me = Me(
            home, name, f"{home} {incarnation}", lease=12.0, release="0.9", address=f"http://{home}/"
        )
        self.places = Places(self.me)
        self.driver: Session = database.connect()
        self.do(lambda: self.places.create())

    def do(self, work: Callable[[], _T]) -> _T:
        """Do this work in one transaction."""
        with self.driver.transaction(True) as connection:
            self.places.begin(connection)
            done = work()
            self.places.end()
            return done

    def look(self) -> Seen | None:
        """The active place."""
        return self.do(self.places.look)[0]

    def takeSeen(self) -> int | None:
        """Take the place that I see now."""
        seen = self.look()
        return self.do(lambda: self.places.take(seen))

    def states(self) -> dict[str, str]:
        """The state of each master."""
        return {each.home: each.state for each in self.do(self.places.look)[1]}


class PlacesTests(unittest.SynchronousTestCase):
    """Two masters and their table."""

    def setUp(self) -> None:
        self.database = Postgresque()
        self.a, self.b = Master(self.database, "a"), Master(self.database, "b")

    def test_first(self) -> None:
        """The first master of an empty database becomes active, in epoch 1."""
        self.assertIsNone(self.a.look())
        self.assertEqual(self.a.takeSeen(), 1)
        seen = self.b.look()
        assert seen is not None
        self.assertEqual((seen.home, seen.epoch, seen.lease), ("a", 1, 12.0))
        self.assertEqual(self.b.states(), {"a": ACTIVE, "b": STANDBY})

    def test_waitingShows(self) -> None:
        """The row of a master that waits beats with each look."""
        self.a.takeSeen()
        beats = []
        for _ in range(3):
            self.b.look()
            rows = self.a.do(lambda: self.a.places.beat(1))
            beats.append(next(each.beats for each in rows if each.home == "b"))
        self.assertEqual(beats, sorted(set(beats)))

    def test_takeover(self) -> None:
        """After a takeover the old master is refused, with the name of the new one."""
        self.a.takeSeen()
        self.assertEqual(self.b.takeSeen(), 2)
        error = self.assertRaises(StoreFenced, self.a.do, lambda: self.a.places.beat(1))
        self.assertIn("b:/master has taken over", str(error))
        self.assertIsInstance(error, StoreFailed)
        self.assertEqual(self.b.states(), {"b": ACTIVE})

    def test_beatMeanwhile(self) -> None:
        """A takeover is refused if the active master has beaten since it was seen."""
        self.a.takeSeen()
        seen = self.b.look()
        self.a.do(lambda: self.a.places.beat(1))
        self.assertIsNone(self.b.do(lambda: self.b.places.take(seen)))
        self.assertEqual(self.b.states()["a"], ACTIVE)

    def test_twoWait(self) -> None:
        """Of two masters that take a free place, one gets it."""
        self.assertEqual(self.a.do(lambda: self.a.places.take(None)), 1)
        self.assertIsNone(self.b.do(lambda: self.b.places.take(None)))

    def test_onlyOne(self) -> None:
        """The database itself refuses a second active row."""
        self.a.takeSeen()
        self.b.look()
        with self.assertRaises(sqlite3.IntegrityError):
            self.database.database.execute("UPDATE store_masters SET state = 'active' WHERE home = 'b'")

    def test_leave(self) -> None:
        """A master that leaves frees its place, and the epochs go on."""
        self.a.takeSeen()
        self.a.do(self.a.places.leave)
        self.assertIsNone(self.b.look())
        self.assertEqual(self.b.takeSeen(), 2)

    def test_restarted(self) -> None:
        """A restarted master takes the place of its earlier process, whatever was seen."""
        self.a.takeSeen()
        again = Master(self.database, "a", "2")
        self.assertEqual(again.takeSeen(), 2)
        self.assertRaises(StoreFenced, self.a.do, lambda: self.a.places.beat(1))

    def test_leaveLate(self) -> None:
        """A master whose place was taken changes nothing when it leaves."""
        self.a.takeSeen()
        self.b.takeSeen()
        self.a.do(self.a.places.leave)
        self.assertEqual(self.b.states(), {"b": ACTIVE})

    def test_sessionsEnded(self) -> None:
        """A takeover ends the sessions in which the old master hangs, and no others."""
        self.a.takeSeen()
        self.database.hang("buildbot a 1")
        self.database.hang("buildbot b 1")
        self.b.takeSeen()
        self.assertEqual(self.database.ended, ["buildbot a 1"])

    def test_otherSession(self) -> None:
        """A look shows whether the connection and the database are the same as before."""
        self.a.takeSeen()
        first, same = self.b.look(), self.b.look()
        self.assertEqual(first, same)
        self.database.started = "tuesday"
        self.assertNotEqual(self.b.look(), same)


class FenceTests(unittest.SynchronousTestCase):
    """The store of a master whose place was taken."""

    def setUp(self) -> None:
        self.database = Postgresque()
        self.a, self.b = Master(self.database, "a"), Master(self.database, "b")
        self.database.database.execute("CREATE TABLE kept (text TEXT)")
        self.buried: list[StoreFenced] = []
        epoch = self.a.takeSeen()
        assert epoch is not None
        self.driver = self.database.connect()
        self.fence = Fence(self.a.me.incarnation, epoch, self.buried.append)

    def keep(self, text: str) -> None:
        """Write a row."""
        with self.driver.transaction(True) as connection:
            self.fence(connection)
            connection.execute("INSERT INTO kept VALUES (?)", (text,))

    def kept(self) -> list[str]:
        """Read all rows."""
        with self.driver.transaction(False) as connection:
            return [row[0] for row in connection.execute("SELECT text FROM kept")]

    def test_active(self) -> None:
        """The active master writes."""
        self.keep("one")
        self.assertEqual((self.kept(), self.buried), (["one"], []))

    def test_buried(self) -> None:
        """F2: a master that was frozen and wakes cannot write any more, and is told once for each attempt."""
        self.b.takeSeen()
        self.assertRaises(StoreFenced, self.keep, "late")
        self.assertEqual((self.kept(), len(self.buried)), ([], 1))

    def test_earlierProcess(self) -> None:
        """An earlier process of the same directory cannot write either."""
        Master(self.database, "a", "2").takeSeen()
        self.assertRaises(StoreFenced, self.keep, "late")
