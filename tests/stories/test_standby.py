"""A whole master that waits for its place, takes it, and loses it. The other masters are rows of a table."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import formatEvent

from buildbot.buildmaster import service, waiting
from buildbot.buildmaster.apart import PagesApart
from buildbot.buildmaster.service import BuildMaster
from buildbot.buildmaster.standing import ActivePlace
from buildbot.cluster.places import Me, Places
from buildbot.daemon.readiness import StartFailed
from buildbot.readers.whereabouts import KEY
from buildbot.store.interface import StoreFailed, StoreFenced
from tests.loglisteners import hearLog
from tests.stores import buildset
from tests.stories.world import World
from tests.unit.cluster.doubles import Postgresque
from tests.unit.cluster.test_membership import Worker


class StandbyTests(World):
    """C{self.master} is the second master; C{self.other} is the place of the first one."""

    def setUp(self) -> None:
        super().setUp()
        self.database = Postgresque()
        self.other = Places(Me("other:/srv", "other:/srv", "other 1", 12.0))
        self.inOther(self.other.create)
        self.inOther(lambda: self.other.take(None))
        with open(os.path.join(self.basedir, "buildbot.tac"), "w", encoding="utf-8") as stream:
            stream.write("db = 'postgresql://me@host/x'\nlease = 12\n")

    def inOther(self, work: Any) -> None:
        """Do something as the other master."""
        with self.database.connect().transaction(True) as connection:
            self.other.begin(connection)
            work()

    def begin(self, isStandby: bool = True) -> Deferred[list[str]]:
        """Start the master."""

        def works(places: Places) -> Worker:
            self.worker = Worker(self.database.connect(), places)
            return self.worker

        self.master = BuildMaster(self.basedir, reactor=self.reactor, store=self.store, loading=self.loading)
        self.master.botmaster.now = self.reactor.seconds
        place = self.master.place = ActivePlace(
            self.basedir, self.reactor, self.master._placeLost, self.master._doubts, works
        )
        if isStandby:
            self.master.standBy()
        self.master.troubles.watch("masters", place.symptom)
        self.addCleanup(self.stop)
        ready = self.master.whenReady()
        self.master.startService()
        return ready

    def test_waits(self) -> None:
        """It is ready when it waits, with no port open. It takes over with the file as it is then."""
        lines = self.successResultOf(self.begin())
        self.assertEqual(lines, ["standby: other:/srv is active; this master takes over when it is gone"])
        self.assertEqual(self.reactor.tcpServers, [])
        os.kill(os.getpid(), signal.SIGHUP)
        self.edit("('bot2', 'sekrit')", "('bot2', 'sekrit'), ('bot3', 'sekrit')")
        self.wait(20)
        self.assertTrue(self.reactor.tcpServers)
        said = self.status()
        self.assertEqual(len(said["slaves"]), 3)
        self.assertEqual(said["master"]["masters"]["state"], "active")
        self.assertEqual(said["master"]["masters"]["handOver"], {"to": "", "givenUp": ""})
        self.connect()

    def test_broken(self) -> None:
        """If the file has errors by then, it takes over with what it loaded at its start."""
        self.successResultOf(self.begin())
        self.write("nonsense(")
        self.inOther(self.other.leave)
        self.wait(2)
        self.assertEqual(len(self.status()["slaves"]), 2)

    def test_otherBuilders(self) -> None:
        """Requests for builders that its file does not have are not cancelled by a takeover: the files of the
        masters differ. A restart with those builders builds them.
        """
        self.successResultOf(self.store.open())
        for _ in range(2):
            self.successResultOf(self.store.addBuildset(buildset(), ["full", "slow"]))
        self.successResultOf(self.store.close())
        self.successResultOf(self.begin())
        self.inOther(self.other.leave)
        self.wait(2)
        (trouble,) = self.master.troubles.current()
        self.assertEqual((trouble.symptom.what[:10], trouble.symptom.why), ("2 requests", "slow"))
        waiting = self.successResultOf(self.store.countWaiting())
        self.assertEqual({name: each.count for name, each in waiting.items()}, {"full": 2, "slow": 2})

    def test_refused(self) -> None:
        """Without the option it does not start."""
        failed = self.failureResultOf(self.begin(isStandby=False), StartFailed).value
        self.assertIn("other:/srv is the active master", failed.lines[0])

    def test_stops(self) -> None:
        """It can be stopped while it waits; it takes no place then."""
        self.successResultOf(self.begin())
        self.stop()
        self.assertTrue(self.worker.isStopped)
        self.assertEqual(self.reactor.tcpServers, [])

    def test_loses(self) -> None:
        """When another master has taken its place, the process is told to end, with the reason."""
        self.inOther(self.other.leave)
        self.successResultOf(self.begin())
        over = self.master.whenOver()
        self.assertNoResult(over)
        self.inOther(lambda: self.other.take(None))
        with self.database.connect().transaction(True) as connection:
            connection.execute("UPDATE store_masters SET state = 'ended'")
        self.wait(2)
        (line,) = self.successResultOf(over)
        self.assertIn("not the active one any more", line)
        self.assertIn("changes nothing more, and ends", line)

    def test_losesUnderTwistd(self) -> None:
        """Under a plain twistd it stops the process itself."""
        self.inOther(self.other.leave)
        self.successResultOf(self.begin())
        with self.database.connect().transaction(True) as connection:
            connection.execute("UPDATE store_masters SET state = 'ended'")
        self.wait(2)
        self.assertTrue(self.reactor.stopped)

    def test_failsLater(self) -> None:
        """If it cannot open the store when it takes over, it tries again, also if it had opened it in part.
        systemd is told how it stands.
        """
        states: list[str] = []
        self.patch(service, "notifyState", lambda lines, environ: states.append("; ".join(lines)))
        self.patch(waiting, "notifyState", lambda lines, environ: states.append("; ".join(lines)))
        self.successResultOf(self.begin())
        over = self.master.whenOver()
        self.patch(self.store, "open", lambda: fail(StoreFailed("no room")))
        self.inOther(self.other.leave)
        self.wait(2)
        del vars(self.store)["open"]
        self.patch(self.store, "countWaiting", lambda: fail(StoreFailed("no time")))
        self.wait(10)
        self.assertNoResult(over)
        self.assertEqual(self.reactor.tcpServers, [])
        del vars(self.store)["countWaiting"]
        self.wait(5)
        self.assertEqual(self.status()["master"]["masters"]["state"], "active")
        self.connect()
        self.assertEqual(states[:2], ["cannot take over: no room", "cannot take over: no time"])
        self.assertRegex(states[2], "^slaves: ")
        self.assertEqual(len(states), 3)

    def test_outrun(self) -> None:
        """If another master takes the place while this one opens the store, the process is told to end."""
        self.successResultOf(self.begin())
        over = self.master.whenOver()
        self.patch(self.store, "open", lambda: fail(StoreFenced("three has taken over")))
        self.inOther(self.other.leave)
        self.wait(2)
        lines = self.successResultOf(over)
        self.assertIn("three has taken over", lines[0])
        self.master._placeLost("another one was quicker")  # there is one end only

    def test_doubts(self) -> None:
        """While the database does not answer, the slave whose build holds a MasterLock is cut before another
        master may take over.
        """
        self.inOther(self.other.leave)
        self.edit("c = Build", "from buildbot.process.factory import s\nc = Build")
        self.edit("c = Build", "from buildbot.steps.shell import ShellCommand\nc = Build")
        self.edit("c = Build", "from buildbot.locks import MasterLock\nlock = MasterLock('db')\nc = Build")
        self.edit("BuildFactory()}", "BuildFactory([s(ShellCommand, command='make')]), 'locks': [lock]}")
        self.successResultOf(self.begin())
        commands: list[object] = []
        said: list[str] = []
        hearLog(self, lambda event: said.append(formatEvent(event)))
        slave = self.connect(onCommand=commands.append)
        asked = Deferred.fromCoroutine(self.master.commands["force"]("full", reason="", who="ann"))
        self.wait(1)
        self.successResultOf(asked)
        self.assertEqual(len(commands), 1)
        self.worker.isHanging = True
        self.wait(9)
        self.assertFalse(slave.pump.client.lost)
        self.wait(4)
        self.assertTrue(slave.pump.client.lost)
        self.assertEqual(
            len([each for each in said if "trouble with masters" in each]), 1
        )  # nobody has looked
        (trouble,) = self.status()["master"]["troubles"]
        self.assertEqual(trouble["subject"], "masters")
        assert self.master.place.membership is not None
        self.worker.isHanging = False
        self.master.place.membership._busy = None  # the answer will never come

    def test_cut(self) -> None:
        """With c['whenStoreIsAway'] = "cut", all slaves are cut then."""
        self.inOther(self.other.leave)
        self.edit("Config = {}", "Config = {'whenStoreIsAway': 'cut'}")
        self.successResultOf(self.begin())
        slave = self.connect()
        self.worker.isHanging = True
        self.wait(9)
        self.assertFalse(slave.pump.client.lost)
        self.wait(4)
        self.assertTrue(slave.pump.client.lost)
        assert self.master.place.membership is not None
        self.worker.isHanging = False
        self.master.place.membership._busy = None  # the answer will never come

    def test_pagesAddress(self) -> None:
        """Processes with pages on other machines find the master where buildbot.tac says."""
        self.inOther(self.other.leave)
        with open(os.path.join(self.basedir, "buildbot.tac"), "a", encoding="utf-8") as stream:
            stream.write("pagesAddress = 'http://one.internal:8010/'\n")
        self.successResultOf(self.begin())
        apart = PagesApart(self.master, self.reactor)
        apart.open()
        self.successResultOf(Deferred.fromCoroutine(apart.tell()))
        found: Any = self.successResultOf(self.store.getState(KEY))
        self.assertEqual(found["urls"], ["http://one.internal:8010/readers-link"])
