"""The database server of the store goes away, falls silent, or comes back with less than it had."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.logger import formatEvent

from buildbot.model.results import EXCEPTION
from buildbot.process.storehealth import CUT, LATE, LOOK_EVERY
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.store.outbox import RETRY_AFTER
from tests.loglisteners import hearLog
from tests.stories.test_webpages import BuildingCase

_T = TypeVar("_T")
WHY = "PostgreSQL database ci: connection refused"


class ServerStore(MemoryStore):
    """I am the store on a server that a test can stop.

    @ivar away: why the server cannot be reached; "" if it can.
    @ivar isFrozen: True if it answers nothing. A cut connection ends that with an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.away = ""
        self.isFrozen = False
        self.cuts = 0
        self._asked: list[Deferred[Any]] = []

    def server(self) -> str:
        """See IStore."""
        return "PostgreSQL 15.4, database ci"

    def cut(self) -> None:
        """See IStore."""
        self.cuts += 1
        asked, self._asked = self._asked, []
        for each in asked:
            self._failed(WHY)
            each.errback(StoreFailed(WHY))

    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        if self.isFrozen:
            silent: Deferred[_T] = Deferred()
            self._asked.append(silent)
            return silent
        if self.away:
            self._failed(self.away)
            return fail(StoreFailed(self.away))
        return super()._read(work)

    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        done = self._read(work)
        if not self.away and not self.isFrozen:
            self._works()
        return done

    def lapse(self) -> None:
        """Lose something that was acknowledged."""
        self._lapsed("PostgreSQL database ci has lost what it had acknowledged: a failover")


class AwayTests(BuildingCase):
    """A master with a slave and pages."""

    def setUp(self) -> None:
        super().setUp()
        self.said: list[str] = []
        hearLog(self, lambda event: self.said.append(formatEvent(event)))

    def start(self) -> Deferred[list[str]]:
        """Start the master on a server."""
        if not isinstance(self.store, ServerStore):
            self.store = self.database = ServerStore()
        return super().start()

    def end(self) -> None:
        """Let both steps of the running build end."""
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)

    def told(self, word: str) -> list[str]:
        """The log lines with a word."""
        return [each for each in self.said if word in each]

    def troubles(self) -> list[dict[str, Any]]:
        """The troubles in the status."""
        found: list[dict[str, Any]] = self.status()["master"]["troubles"]
        return found

    def test_risks(self) -> None:
        """A start warns of settings of the database that can lose data. About shows no version of SQLite."""
        self.stop()
        self.patch(self.database, "risks", lambda: ["fsync is off"])
        lines = self.successResultOf(self.start())
        self.assertEqual(lines[2:], ["warning: the database can lose data: fsync is off"])
        self.assertNotIn("SQLite", self.ask("/about").text)

    def test_idle(self) -> None:
        """An idle master notices by itself that the database is away. Readiness, status, metrics and pages
        say why; one line of the log says that it went, one that it is back.
        """
        self.assertEqual(self.ask("/readyz").status, 200)
        self.database.away = WHY
        self.wait(int(LOOK_EVERY))
        ready = self.ask("/readyz")
        self.assertEqual(
            (ready.status, ready.json["checks"]["store"]), (503, f"the store does not work: {WHY}")
        )
        (trouble,) = self.troubles()
        self.assertEqual(trouble["why"], WHY)
        self.assertIn("look at the database server", trouble["cure"])
        metrics = self.ask("/metrics")
        self.assertEqual(metrics.status, 200)
        self.assertIn("buildbot_store_failing 1", metrics.text)
        self.assertIn('buildbot_slave_connected{slave="bot1"} 1', metrics.text)
        self.assertIn(f"cannot be written: {WHY}", self.ask("/about").text)
        home = self.ask("/")
        self.assertEqual(home.status, 503)
        self.assertIn(WHY, home.text)
        self.assertIn("Running builds go on", home.text)
        self.wait(30)
        self.database.away = ""
        self.wait(int(RETRY_AFTER))
        self.assertEqual((self.ask("/readyz").status, self.troubles()), (200, []))
        self.assertIn("works: PostgreSQL 15.4, database ci", self.ask("/about").text)
        self.assertEqual(len(self.told(WHY)), 1, self.said)
        self.assertEqual(len(self.told("no more trouble with store")), 1)
        self.assertEqual(self.told("connected again") + self.told("written") + self.told("stored"), [])

    def test_known(self) -> None:
        """The first page, once it was looked at, shows what is known while the database is away. It says that
        it may be old, until the database is back.
        """
        self.force("one")
        self.end()
        self.ask("/")
        self.force("two")
        self.force("three")
        self.database.away = WHY
        for _ in range(2):
            self.commands[-1].end(2)
            self.wait(2)
        home = self.ask("/")
        self.assertEqual(home.status, 200)
        for words in ("shown as they were known before", WHY, "0 of 1 builder broken"):
            self.assertIn(words, home.text)
        self.database.away = ""
        self.wait(int(RETRY_AFTER) + 2)
        home = self.ask("/")
        self.assertNotIn("known before", home.text)
        self.assertIn("1 of 1 builder broken", home.text)
        self.end()

    def test_open(self) -> None:
        """An open page loads itself again when the database goes away, and when it is back."""
        self.force("one")
        self.end()
        open = self.dial()
        open.send(b"GET /live?page=%2F HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n")
        self.wait(1)
        self.force("two")
        self.database.away = WHY
        self.commands[-1].end(1)
        self.wait(3)
        self.assertEqual(open.received().count(b"event: reload"), 1)
        self.database.away = ""
        self.wait(8)
        self.assertEqual(open.received().count(b"event: reload"), 2)

    def test_fresh(self) -> None:
        """C{buildbot status} looks at once: it tells a loss, and a return, of this moment. A server that
        answers nothing makes it wait for a second.
        """

        def asked() -> Deferred[bytes]:
            return ensureDeferred(self.master.control.answer(b'{"command": "status"}'))

        def whys(said: bytes) -> list[str]:
            return [each["why"] for each in json.loads(said)["ok"]["master"]["troubles"]]

        for away in ("", WHY, ""):
            self.database.away = away
            self.assertEqual(whys(self.successResultOf(asked())), [away] if away else [])
        self.database.isFrozen = True
        waiting = asked()
        self.assertNoResult(waiting)
        self.wait(1)
        self.assertEqual(whys(self.successResultOf(waiting)), [])
        self.wait(int(LATE))
        waiting = asked()
        self.wait(1)
        self.assertIn("has not answered", whys(self.successResultOf(waiting))[0])
        self.database.isFrozen = False
        self.database.cut()

    def test_build(self) -> None:
        """A running build goes on while the database is away; its end is kept later, and then the next build
        begins.
        """
        self.force("one")
        self.force("two")
        self.database.away = WHY
        self.end()
        self.assertEqual(len(self.commands), 2)
        self.assertEqual(self.status()["master"]["troubles"][0]["why"], WHY)
        self.database.away = ""
        self.wait(int(RETRY_AFTER) + 2)
        build = self.successResultOf(self.store.getBuild("full", 0))
        assert build is not None
        self.assertIsNotNone(build.finished)
        self.end()
        build = self.successResultOf(self.store.getBuild("full", 1))
        assert build is not None
        self.assertIsNotNone(build.finished)

    def test_silent(self) -> None:
        """A server that accepts everything and answers nothing is a trouble after a while. The connection is
        cut, so that the master can go on when the server does.
        """
        self.database.isFrozen = True
        self.wait(int(LOOK_EVERY + LATE))
        (trouble,) = self.troubles()
        self.assertEqual(trouble["why"], "PostgreSQL 15.4, database ci has not answered for 10 seconds")
        self.assertEqual(self.ask("/readyz").status, 503)
        self.wait(int(CUT - LATE))
        self.assertEqual(self.database.cuts, 1)
        self.wait(int(LATE + CUT) + 20)
        self.assertEqual(self.database.cuts, 2)
        self.database.isFrozen = False
        self.database.cut()
        self.wait(int(RETRY_AFTER) + 1)
        self.assertEqual(self.troubles(), [])

    def test_stopWhileSilent(self) -> None:
        """A master whose database is silent can stop: it does not wait for an answer for ever."""
        closed: Deferred[None] = Deferred()
        self.patch(self.database, "close", lambda: closed)
        stopping = ensureDeferred(self.master.stopService())
        self.wait(2)
        self.assertNoResult(stopping)
        self.wait(int(LATE))
        self.assertEqual(self.database.cuts, 1)
        closed.callback(None)
        self.wait(1)
        self.successResultOf(stopping)
        self.patch(self.master, "running", False)

    def test_stopWhileAway(self) -> None:
        """A build whose end could not be kept before the master stopped is begun anew at the next start."""
        self.force()
        self.database.away = WHY
        self.end()
        stopping = ensureDeferred(self.master.stopService())
        self.wait(3)
        self.successResultOf(stopping)
        self.database.away = ""
        self.successResultOf(self.start())
        self.connect(onCommand=self.commands.append)
        self.wait(1)
        first, again = (self.successResultOf(self.store.getBuild("full", each)) for each in range(2))
        assert first is not None and again is not None
        self.assertEqual((first.results, again.finished), (EXCEPTION, None))
        self.end()
        self.assertEqual(len(self.successResultOf(self.store.pendingRequests())), 0)

    def test_lapse(self) -> None:
        """If the database has lost what it had acknowledged, no build begins before a restart. The running
        one goes on; status, readiness, metrics and the reason of waiting say it.
        """
        self.force()
        self.database.lapse()
        self.end()
        build = self.successResultOf(self.store.getBuild("full", 0))
        assert build is not None
        self.assertIsNotNone(build.finished)
        ensureDeferred(self.master.commands["force"]("full", reason="new", who="ann"))
        self.wait(2)
        self.assertIs(self.successResultOf(self.store.getBuild("full", 1)), None)
        self.assertIn("before a restart of the master", self.master.botmaster.builders["full"].whyWaiting())
        (trouble,) = self.troubles()
        self.assertIn("has lost what it had acknowledged", trouble["why"])
        self.assertIn("buildbot restart", trouble["cure"])
        self.assertIn("has lost", self.status()["master"]["storeLapse"])
        ready = self.ask("/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn("has lost", ready.json["checks"]["store"])
        self.assertIn("buildbot_store_lapsed 1", self.ask("/metrics").text)
        self.assertIn("has lost what it had", self.ask("/about").text)
        self.stop()
        self.successResultOf(self.start())
        self.assertEqual(self.ask("/readyz").status, 200)


del BuildingCase
