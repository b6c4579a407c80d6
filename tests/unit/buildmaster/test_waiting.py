"""The control socket of a master that waits."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, execute

from buildbot.buildmaster.waiting import PAUSE, WaitingControl
from buildbot.config.model import MasterConfig
from buildbot.control import server
from buildbot.control.protocol import COMMANDS
from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Troubles
from buildbot.scripts.disk import diskPage
from buildbot.scripts.status import masterPage
from buildbot.store.interface import SchemaTooNew, StoreFailed
from tests.unit.buildmaster.test_standing import DB, LEASE, PlaceCase


class Port:
    """An open port."""

    def __init__(self) -> None:
        self.isOpen = True

    def stopListening(self) -> None:
        """Close."""
        self.isOpen = False


class WaitingTests(PlaceCase):
    """C{one} is active, C{two} waits."""

    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = self.made("one"), self.made("two", f"{DB}{LEASE}standby = True\n")
        self.successResultOf(self.take(self.one))
        self.ports: list[Port] = []
        self.stops: list[str] = []
        vars(self.reactor)["listenUNIX"] = self.listen
        vars(self.reactor)["stop"] = lambda: self.stops.append("stop")
        self.basedir = os.path.abspath(self.mktemp())
        os.makedirs(self.basedir)
        self.troubles = Troubles(self.reactor.seconds)
        self.control = WaitingControl(self.basedir, self.reactor, self.two, MasterConfig(), self.troubles)
        self.failure: Exception | None = None  # of each attempt to open the store
        self.opening: Deferred[None] | None = None  # the end of an attempt that lasts
        self.attempts = 0

    def listen(self, path: str, factory: object, mode: int) -> Port:
        """Open a port."""
        self.ports.append(Port())
        return self.ports[-1]

    async def opens(self, hasTakenOver: bool) -> None:
        """Open the store."""
        self.assertEqual(hasTakenOver, bool(self.waiting))
        self.attempts += 1
        if self.opening is not None:
            await self.opening
        if self.failure is not None:
            raise self.failure

    def wait(self) -> Deferred[bool]:
        """Begin to wait."""
        taken = Deferred.fromCoroutine(self.control.take(self.waiting.append, self.opens))
        self.assertNoResult(taken)
        return taken

    def answer(self, command: str, **params: object) -> Any:
        """The answer to a command."""
        answered = self.control._server.answer(json.dumps({"command": command, **params}).encode())
        return json.loads(self.successResultOf(Deferred.fromCoroutine(answered)))

    def test_takes(self) -> None:
        """The socket is open while the master waits."""
        taken = self.wait()
        self.assertEqual((len(self.waiting), [each.isOpen for each in self.ports]), (1, [True]))
        self.leave(self.one)
        self.pass_(1)
        self.assertTrue(self.successResultOf(taken))
        self.assertEqual([each.isOpen for each in self.ports], [False])
        self.successResultOf(Deferred.fromCoroutine(self.control.stop()))

    def test_troubles(self) -> None:
        """The start of a standby warns of troubles that it finds, such as a full disk."""
        self.troubles.report("disk", Symptom("logs will soon be lost", "/srv: its disk is full", "make room"))
        self.wait()
        ((_, warning),) = self.waiting
        self.assertEqual(warning, "warning: logs will soon be lost: /srv: its disk is full")

    def test_disk(self) -> None:
        """A standby tells what takes room on its machine: nobody else can."""
        self.control.inThread = execute
        self.wait()
        with open(os.path.join(self.basedir, "twistd.log"), "w", encoding="utf-8") as stream:
            stream.write("lines\n")
        told = self.answer("disk", buildDays=3)["ok"]
        self.assertEqual((told["twistdLog"], told["builders"], told["keeps"]), (6, [], None))
        self.assertIn("only to the active master", "\n".join(diskPage({**told, "server": "x"}, 20)))

    def test_noStore(self) -> None:
        """A master that takes over, but cannot open the store, says why, and tries again until it can."""
        taken = self.wait()
        self.failure = StoreFailed("too many clients")
        self.leave(self.one)
        self.pass_(PAUSE * 2 + 1)
        self.assertEqual(self.attempts, 3)
        self.assertNoResult(taken)
        self.assertEqual([each.isOpen for each in self.ports], [True])
        (trouble,) = self.answer("status")["ok"]["master"]["troubles"]
        self.assertEqual(trouble["why"], "too many clients")
        self.assertIn("cannot open the store yet: too many clients", self.answer("names")["error"])
        self.failure = None
        self.pass_(PAUSE)
        self.assertTrue(self.successResultOf(taken))
        self.assertEqual((self.attempts, self.troubles.current()), (4, []))
        self.assertEqual([each.isOpen for each in self.ports], [False])

    def test_noDatabase(self) -> None:
        """The same holds if the master has given way, and the database is away from then on."""
        taken = self.wait()
        three = self.take(self.made("three", f"{DB}{LEASE}standby = True\n"))
        self.pass_(1)
        self.failure = StoreFailed("too many clients")
        self.leave(self.one)
        self.pass_(1)
        self.assertTrue(self.successResultOf(three))
        self.assertEqual(self.two.membership, None)
        self.database.trouble = StoreFailed("no route to host")
        self.pass_(PAUSE * 2)
        self.assertNoResult(taken)
        (trouble,) = self.troubles.current()
        self.assertEqual(trouble.symptom.why, "no route to host")
        self.database.trouble = None
        self.pass_(PAUSE)
        self.assertEqual((self.attempts, self.troubles.current()), (1, []))
        self.assertIn("/three is active: ask there", self.answer("names")["error"])
        self.successResultOf(Deferred.fromCoroutine(self.two.leave()))
        self.failureResultOf(taken, CancelledError)

    def test_tooNew(self) -> None:
        """A master that takes over a store of a later release says what to do, and gives the place to one
        that has that release as soon as it waits.
        """
        taken = self.wait()
        self.failure = SchemaTooNew("written by a later release")
        self.leave(self.one)
        self.pass_(1)
        (trouble,) = self.answer("status")["ok"]["master"]["troubles"]
        self.assertEqual(trouble["why"], "written by a later release")
        self.assertIn("install that release here, too, and restart", trouble["cure"])
        self.assertEqual((self.stops, len(self.waiting)), ([], 1))
        three = self.take(self.made("three", f"{DB}{LEASE}standby = True\n"))
        self.pass_(PAUSE * 2 + 1)
        self.assertTrue(self.successResultOf(three))
        self.assertNoResult(taken)
        self.assertIn("three is active: ask there", self.answer("names")["error"])
        self.assertEqual(self.troubles.current(), [])

    def test_atOnce(self) -> None:
        """A master that has not waited fails at once: somebody looks at its start."""
        self.leave(self.one)
        self.failure = StoreFailed("too many clients")
        taken = Deferred.fromCoroutine(self.control.take(self.waiting.append, self.opens))
        self.failureResultOf(taken, StoreFailed)
        self.assertEqual((self.waiting, self.ports), ([], []))

    def test_stopped(self) -> None:
        """A master that tries to open the store can be stopped between two attempts."""
        taken = self.wait()
        self.failure = StoreFailed("too many clients")
        self.leave(self.one)
        self.pass_(1)
        self.successResultOf(Deferred.fromCoroutine(self.control.stop()))
        self.failureResultOf(taken, CancelledError)
        self.assertEqual([each.isOpen for each in self.ports], [False])
        self.pass_(PAUSE)
        self.assertEqual(self.attempts, 1)

    def test_stoppedMeanwhile(self) -> None:
        """It can be stopped during an attempt, too."""
        taken = self.wait()
        self.opening = Deferred()
        self.leave(self.one)
        self.pass_(1)
        self.successResultOf(Deferred.fromCoroutine(self.control.stop()))
        self.opening.callback(None)
        self.failureResultOf(taken, CancelledError)

    def test_status(self) -> None:
        """The status says who is active, and that nothing is connected here."""
        self.wait()
        self.pass_(1)
        said = self.answer("status")["ok"]
        page = "\n".join(masterPage(said["master"], said["slaves"], 0.0))
        self.assertRegex(page, "standby, takes over when the active master is gone: .*/one is active, heard")
        self.assertIn("slaves: no port", page)
        clock, ticks = self.reactor.seconds, count()
        self.patch(self.reactor, "seconds", lambda: clock() + next(ticks) / 1000)  # time never stands still
        told = self.one.report()
        assert told is not None
        ((waits,), state) = told["others"], told["state"]
        self.assertEqual((state, waits["state"], waits["isReady"]), ("active", "standby", True))
        self.assertIn("waits as a standby", self.answer("status", slave="bot")["error"])

    def test_noneActive(self) -> None:
        """While nobody is active, the status and the refusals say so."""
        self.wait()
        self.leave(self.one)
        self.workers["two"].isHanging = True
        self.assertIn("/one is active: ask there", self.answer("names")["error"])
        self.workers["two"].isHanging = False
        with self.database.connect().transaction(True) as connection:
            connection.execute("DELETE FROM store_masters")
        assert self.two.membership is not None
        self.two.membership._rows.clear()
        self.assertIn("no master is active now", self.answer("names")["error"])
        page = "\n".join(masterPage(self.answer("status")["ok"]["master"], [], 0.0))
        self.assertIn("no master is active", page)

    def test_others(self) -> None:
        """All other commands are refused with the name of the active master; a stop is carried out."""
        self.wait()
        for command in COMMANDS.keys() - {"status", "disk", "shutdown", "cancelshutdown"}:
            with self.subTest(command):
                handler = self.control.handlers()[command]
                error = self.assertRaises(server.ControlError, handler)
                self.assertRegex(str(error), "this master waits as a standby; .*/one is active: ask there")
        self.assertIn("It needs no reconfig: it loads its file when", self.answer("reconfig")["error"])
        self.assertEqual(self.answer("cancelshutdown"), {"ok": {"cancelled": False}})
        self.assertEqual(self.answer("shutdown", who="ann"), {"ok": {"running": 0}})
        self.reactor.advance(0)
        self.assertEqual(self.stops, ["stop"])
