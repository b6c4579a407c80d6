"""The planned hand-over, with masters in one process."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from buildbot.buildmaster.handover import FRESH, PATIENCE, HandOver
from buildbot.buildmaster.standing import ActivePlace
from buildbot.control.client import ControlError
from buildbot.process.cleanstop import CleanStop
from buildbot.store.interface import StoreFailed, StoreFenced
from tests.unit.buildmaster.test_standing import DB, LEASE, PlaceCase
from tests.unit.process.test_cleanstop import Engine


class HandOverTests(PlaceCase):
    """The active master is C{one}. It has two running builds."""

    def setUp(self) -> None:
        super().setUp()
        self.engine = Engine()
        self.stopped: list[str] = []
        self.clean = CleanStop(self.reactor, lambda: 7.0, self.engine, lambda: self.stopped.append("stopped"))
        self.one = self.made("one")
        self.handing = HandOver(self.reactor, lambda: self.one.membership, self.engine, self.clean)
        self.successResultOf(self.take(self.one))

    def standby(self, seconds: float = 2.0) -> ActivePlace:
        """Let the master C{two} wait: after one second, the active master hears of it by itself."""
        two = self.made("two", f"{DB}{LEASE}standby = True\n")
        taken = self.take(two)
        self.assertNoResult(taken)
        taken.addErrback(lambda why: None)
        self.pass_(seconds)
        return two

    def ask(self, who: str = "ann", **parameters: Any) -> Any:
        """Ask for a hand-over."""
        return self.successResultOf(Deferred.fromCoroutine(self.handing.handOver(who, **parameters)))

    def refusal(self) -> str:
        """Why a hand-over is refused."""
        asked = Deferred.fromCoroutine(self.handing.handOver("ann"))
        return str(self.failureResultOf(asked, ControlError).value)

    def test_nobody(self) -> None:
        """Without a master that waits, nothing changes."""
        self.assertIn("no other master waits", self.refusal())
        self.assertFalse(self.clean.isOn)

    def test_silent(self) -> None:
        """A master that waits, but is not heard, cannot take over: it is named."""
        self.standby()
        self.workers["two"].isHanging = True
        self.pass_(10)
        self.assertRegex(self.refusal(), r"no master that waits is heard: .*/two \(not heard for 1?\d s\)")

    def test_thisMoment(self) -> None:
        """A master that began to wait a moment ago, and was never heard, takes over."""
        self.standby(0)
        self.assertRegex(self.ask()["to"], "/two$")

    def test_thisMomentWhileAsking(self) -> None:
        """It takes over, too, if the active master was asking the database when it began to wait."""
        worker = self.workers["one"]
        worker.isHanging = True
        self.pass_(5)
        hanging, worker.hanging = worker.hanging, []
        self.assertEqual(len(hanging), 1)
        worker.isHanging = False
        self.standby(0)
        asked = Deferred.fromCoroutine(self.handing.handOver("ann"))
        self.assertNoResult(asked)
        hanging[0].errback(StoreFailed("cut"))
        self.assertRegex(self.successResultOf(asked)["to"], "/two$")

    def test_noAnswer(self) -> None:
        """While the database hangs, the answer comes after a while, from what was heard before."""
        self.standby()
        for worker in self.workers.values():
            worker.isHanging = True
        self.pass_(9)
        asked = Deferred.fromCoroutine(self.handing.handOver("ann"))
        self.assertNoResult(asked)
        self.pass_(FRESH)
        why = str(self.failureResultOf(asked, ControlError).value)
        self.assertRegex(why, r"the database does not answer, .* is heard: no answer for 1\d s")
        self.assertFalse(self.clean.isOn)

    def test_away(self) -> None:
        """A database that is away is the reason, not the master that waits."""
        self.standby()
        self.workers["one"].trouble = StoreFailed("no route to host")
        self.pass_(10)
        why = self.refusal()
        self.assertIn("the database does not answer, so no other master is heard: no route to host", why)

    def test_file(self) -> None:
        """A store in a file has no other masters."""
        self.leave(self.one)
        self.assertIn("no other master can take over", self.refusal())

    def test_lostPlace(self) -> None:
        """A master that wakes after another one has taken its place says so."""
        self.standby()
        self.workers["one"].isHanging = True
        self.pass_(PATIENCE * 10)
        joined = self.one.membership
        assert joined is not None
        joined.buried(StoreFenced("two has taken over"))
        self.assertIn("another one has taken over", self.refusal())

    def test_drains(self) -> None:
        """The running builds end first. Then the master stops, while the other one is heard."""
        self.standby()
        said = self.ask()
        self.assertRegex(said.pop("to"), "/two$")
        self.assertEqual(said, {"running": 2, "since": None})
        self.assertEqual(self.engine.closing, "ann")
        self.pass_(60)
        self.assertEqual(self.stopped, [])
        self.engine.keeping = 0
        self.pass_(1.5)
        self.assertEqual(self.stopped, ["stopped"])

    def test_again(self) -> None:
        """Who asks again learns who has asked before, and can give the builds less time."""
        self.standby()
        self.ask(timeout=100.0)
        self.assertEqual(self.ask("bob")["since"], "ann")
        self.pass_(50)
        self.assertEqual(self.stopped, [])
        self.pass_(60)
        self.assertEqual(self.stopped, ["stopped"])

    def test_now(self) -> None:
        """The builds can be interrupted at once, also later."""
        self.standby()
        self.ask()
        self.pass_(10)
        self.ask(now=True)
        self.pass_(2)
        self.assertEqual(self.stopped, ["stopped"])

    def test_takenBack(self) -> None:
        """Somebody can take it back; it can be asked for again."""
        self.standby()
        self.ask()
        self.clean.cancel()
        self.engine.keeping = 0
        self.pass_(5)
        self.assertEqual(self.stopped, [])
        self.assertIsNone(self.ask("bob")["since"])
        self.pass_(2)
        self.assertEqual(self.stopped, ["stopped"])

    def test_stopsAlready(self) -> None:
        """A clean stop that somebody has asked for is no hand-over."""
        self.standby()
        self.clean.begin("bob")
        self.assertIn("the master stops already", self.refusal())

    def test_goneMeanwhile(self) -> None:
        """If the other master is not heard any more when the builds have ended, this one goes on."""
        two = self.standby()
        to = self.ask()["to"]
        self.assertEqual(self.handing.report(), {"to": to, "givenUp": ""})
        self.pass_(5)
        self.leave(two)
        self.engine.keeping = 0
        self.pass_(PATIENCE - 1)
        self.assertTrue(self.clean.isOn)
        self.pass_(3)
        self.assertEqual((self.stopped, self.clean.isOn, self.engine.started), ([], False, 1))
        self.assertEqual(self.handing.report()["to"], "")
        self.assertIn("no other master waits", self.handing.report()["givenUp"])

    def test_buriedMeanwhile(self) -> None:
        """A master whose place is taken meanwhile ends in its own way."""
        self.standby()
        self.ask()
        self.workers["one"].isHanging = True
        self.pass_(30)
        self.workers["one"].isHanging = False
        with self.database.connect().transaction(True) as connection:
            assert self.one.membership is not None
            self.assertRaises(StoreFenced, self.one.membership.check, connection)
        self.engine.keeping = 0
        self.pass_(5)
        self.assertEqual(self.stopped, [])

    def test_stop(self) -> None:
        """A master that stops for another reason looks no more."""
        self.standby()
        self.ask()
        self.engine.keeping = 0
        self.handing.stop()
        self.pass_(5)
        self.assertEqual(self.stopped, [])
