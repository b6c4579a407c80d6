"""The control socket of a master that waits."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.buildmaster.waiting import WaitingControl
from buildbot.config.model import MasterConfig
from buildbot.control import server
from buildbot.control.protocol import COMMANDS
from buildbot.scripts.status import masterPage
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
        self.control = WaitingControl(self.basedir, self.reactor, self.two, MasterConfig())

    def listen(self, path: str, factory: object, mode: int) -> Port:
        """Open a port."""
        self.ports.append(Port())
        return self.ports[-1]

    def wait(self) -> Deferred[bool]:
        """Begin to wait."""
        taken = Deferred.fromCoroutine(self.control.take(self.waiting.append))
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
        for command in COMMANDS.keys() - {"status", "shutdown", "cancelshutdown"}:
            with self.subTest(command):
                handler = self.control.handlers()[command]
                error = self.assertRaises(server.ControlError, handler)
                self.assertRegex(str(error), "this master waits as a standby; .*/one is active: ask there")
        self.assertIn("It needs no reconfig: it loads its file when", self.answer("reconfig")["error"])
        self.assertEqual(self.answer("cancelshutdown"), {"ok": {"cancelled": False}})
        self.assertEqual(self.answer("shutdown", who="ann"), {"ok": {"running": 0}})
        self.reactor.advance(0)
        self.assertEqual(self.stops, ["stop"])
