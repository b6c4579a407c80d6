"""An admin starts a master, edits c['bots'], and reconfigures."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

from incremental import Version
from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.spread import pb

from buildbot.buildmaster.service import BuildMaster
from buildbot.buildmaster.standing import ActivePlace
from buildbot.config.model import ConfigError
from buildbot.control.server import ControlError
from buildbot.daemon import lock
from buildbot.daemon.readiness import StartFailed
from buildbot.reconfig.childload import LoadReport
from buildbot.reconfig.loading import Loading
from buildbot.store.interface import StoreFailed
from buildbot.web import service
from tests.pumped import Pump
from tests.stories.world import CONFIG, World, check, load


class StartTests(World):
    """The master starts, or reports why it does not."""

    def test_start(self) -> None:
        """A master that starts reports its slave ports and the number of its slaves."""
        (line,) = self.successResultOf(self.start())
        self.assertIn("1 builder, 0 of 2 slaves connected", line)
        self.assertEqual([server[0] for server in self.reactor.tcpServers], [9989])

    def test_pages(self) -> None:
        """A master with pages reports where they are, when it starts and in its status."""
        self.patch(service, "OLDEST_TWISTED", Version("Twisted", 22, 10, 0))  # the oldest of the tests
        self.add("from buildbot.status.html import WebStatus; c['status'] = [WebStatus(http_port=8010)]")
        self.add("c['buildbotURL'] = 'http://ci.example.org/'")
        lines = self.successResultOf(self.start())
        self.assertEqual(lines[1:], ["pages: http://ci.example.org/, tcp 8010"])
        self.assertEqual(self.status()["master"]["pages"], ["http://ci.example.org/", "tcp 8010"])

    def test_portOpensLast(self) -> None:
        """A1: while a plug-in starts slowly, the slave port is not open yet."""
        self.add("from tests.stories.plugins import Slow; c['status'] = [Slow()]")
        ready = self.start()
        self.assertNoResult(ready)
        self.assertEqual(self.reactor.tcpServers, [])
        self.reactor.advance(5)
        self.successResultOf(ready)
        self.connect()
        self.assertEqual(self.connected(), ["bot1"])

    def test_errors(self) -> None:
        """O1: a broken master.cfg fails the start with every error, and opens no port."""
        self.edit("'full'", "'_full'")
        self.edit("('bot2', 'sekrit')", "('bot2',)")
        failed = self.failureResultOf(self.start(), StartFailed).value
        self.assertGreaterEqual(len(failed.lines), 2)
        self.assertTrue(all(line.startswith("master.cfg:") for line in failed.lines), failed.lines)
        self.assertEqual(self.reactor.tcpServers, [])

    def test_brokenAtTakeover(self) -> None:
        """A standby whose master.cfg has errors when it takes over uses the one of its start, and tells the
        errors until a reconfig succeeds.
        """

        async def take(place: ActivePlace, waits: object) -> bool:
            self.add("missing")  # it is called twice
            return True

        self.patch(ActivePlace, "take", take)
        (line, _) = self.successResultOf(self.start())
        self.assertIn("1 builder", line)
        self.assertFalse(self.reconfig()["applied"])
        (trouble,) = self.master.troubles.current()
        self.assertIn("master.cfg:", trouble.symptom.why)
        self.assertIn("buildbot reconfig", trouble.symptom.cure)
        self.edit("missing", "")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.master.troubles.current(), [])

    def test_firstTimeOnly(self) -> None:
        """A master.cfg that loads here, but not in a fresh process, fails the start with the errors there."""
        error = ConfigError("AssertionError", "once.py", 2)
        self.check = lambda *args: succeed(LoadReport(False, (error,), (), ""))
        failed = self.failureResultOf(self.start(), StartFailed).value
        self.assertEqual(failed.lines, ["once.py:2: AssertionError"])
        self.assertEqual(self.reactor.tcpServers, [])

    def test_plainTwistd(self) -> None:
        """A failed start under a plain twistd, which waits for no service to be ready, ends the process."""
        self.edit("'full'", "'_full'")
        self.master = BuildMaster(self.basedir, reactor=self.reactor, store=self.store, loading=self.loading)
        self.master.startService()
        self.addCleanup(self.stop)
        self.reactor.advance(0)
        self.assertTrue(self.reactor.stopped)

    def test_hangupWhileStarting(self) -> None:
        """SIGHUP during a start: the file is read again as soon as the start is over."""
        self.add("from tests.stories.plugins import Slow; c['status'] = [Slow()]")
        ready = self.start()
        os.kill(os.getpid(), signal.SIGHUP)
        self.edit("('bot2', 'sekrit')", "('bot2', 'sekrit'), ('bot3', 'sekrit')")
        self.assertNoResult(ready)
        self.reactor.advance(5)
        self.successResultOf(ready)
        self.reactor.advance(5)
        self.assertEqual([slave["name"] for slave in self.status()["slaves"]], ["bot1", "bot2", "bot3"])

    def test_noFile(self) -> None:
        """A missing master.cfg fails the start in one line."""
        os.unlink(os.path.join(self.basedir, "master.cfg"))
        failed = self.failureResultOf(self.start(), StartFailed).value
        self.assertEqual(len(failed.lines), 1)
        self.assertIn("master.cfg", failed.lines[0])

    def test_fullDisk(self) -> None:
        """F5: a start that cannot open the store reports what is lost, why, and what to do."""
        self.patch(self.store, "open", lambda: fail(StoreFailed("/m/state.sqlite: database or disk is full")))
        failed = self.failureResultOf(self.start(), StartFailed).value
        self.assertEqual(
            failed.lines,
            [
                "changes, requests and builds cannot be kept: /m/state.sqlite: database or disk is full",
                "make sure that the disk has room and is writable, and start again",
            ],
        )
        self.assertEqual(self.reactor.tcpServers, [])

    def test_stop(self) -> None:
        """O3: a stopped master has disconnected all slaves, silent ones too, and released its directory."""
        self.successResultOf(self.start())
        slave, mute = self.connect(), self.connect(name="bot2")
        mute.pump.client.reading = False
        self.assertIsNotNone(lock.holder(self.basedir))
        self.stop()
        self.assertTrue(slave.pump.client.lost)
        self.assertIsNone(lock.holder(self.basedir))

    def test_stopWhileStarting(self) -> None:
        """O3: if a master is stopped while it starts, the child process ends, and no port is opened."""
        checking: Deferred[LoadReport] = Deferred()
        loading = Loading(lambda *args: checking, load)
        self.master = BuildMaster(self.basedir, reactor=self.reactor, loading=loading)
        ready = self.master.whenReady()
        self.master.startService()
        self.successResultOf(ensureDeferred(self.master.stopService()))
        self.assertIn("stopping", self.failureResultOf(ready, StartFailed).value.lines[0])
        self.assertTrue(checking.called, "the child is left running")
        self.assertEqual((self.reactor.tcpServers, self.master.control.running), ([], 0))

    def test_stopWhileAPluginStarts(self) -> None:
        """O3: the same while a slow plug-in starts: neither port nor plug-in is left."""
        self.add("from tests.stories.plugins import Slow; c['status'] = [Slow()]")
        ready = self.start()
        stopped = ensureDeferred(self.master.stopService())
        self.reactor.advance(5)
        self.failureResultOf(ready, StartFailed)
        self.successResultOf(stopped)
        self.assertEqual((self.reactor.tcpServers, self.master.control.running), ([], 0))
        self.assertIsNone(lock.holder(self.basedir))

    def test_restart(self) -> None:
        """L7: after a restart no slave is shown as connected before it reconnects."""
        self.successResultOf(self.start())
        self.connect()
        self.assertEqual(self.connected(), ["bot1"])
        self.stop()
        self.successResultOf(self.start())
        self.assertEqual(self.connected(), [])


class EditTests(World):
    """The admin edits the file while slaves are connected."""

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.start())
        self.one, self.two = self.connect(), self.connect(name="bot2")

    def written(self, slave: Any) -> tuple[int, int]:
        return slave.pump.server.written, slave.pump.client.written

    def test_otherFiles(self) -> None:
        """R9: two reconfigs with other files at once: each is loaded, and a refused one is forgotten."""
        self.start()
        for name, port in (("a.cfg", 9990), ("b.cfg", 9991), ("bad.cfg", -1)):
            with open(os.path.join(self.basedir, name), "w", encoding="utf-8") as file:
                file.write(CONFIG.replace("9989", str(port)))
        checks: list[Deferred[None]] = []

        def slow(path: str, basedir: str, timeout: float) -> Deferred[LoadReport]:
            checks.append(Deferred())
            return checks[-1].addCallback(lambda ignored: check(path, basedir, timeout))

        self.check = slow
        asked = [self.master.loadTheConfigFile(name) for name in ("a.cfg", "bad.cfg", "b.cfg", "bad.cfg")]
        for number in range(4):
            checks[number].callback(None)
        outcomes = [self.successResultOf(each) for each in asked]
        self.check = check
        self.assertEqual([each["applied"] for each in outcomes], [True, False, True, False])
        self.assertEqual(self.master.configFileName, "b.cfg")
        self.assertEqual(self.reconfig()["changes"], [])

    def test_removeAndAdd(self) -> None:
        """R3: a removed bot is disconnected and refused; when it is added again, it attaches again."""
        before = self.written(self.one)
        self.edit("('bot2', 'sekrit')", "")
        self.edit("['bot1', 'bot2']", "['bot1']")
        outcome = self.reconfig()
        self.assertTrue(outcome["applied"], outcome)
        self.assertIn("- bot bot2", outcome["changes"])
        self.assertTrue(self.two.pump.client.lost)
        self.assertEqual(self.written(self.one), before)
        refused = self.connect(name="bot2")
        self.assertIsNone(refused.perspective)
        self.assertEqual(self.status()["master"]["refused"][0]["name"], "bot2")
        self.edit("('bot1', 'sekrit')", "('bot1', 'sekrit'), ('bot2', 'sekrit')")
        self.edit("['bot1']", "['bot1', 'bot2']")
        self.reconfig()
        self.connect(name="bot2")
        self.assertEqual(self.connected(), ["bot1", "bot2"])
        self.assertEqual(self.status()["master"]["refused"], [])

    def test_sameFile(self) -> None:
        """R5: reading the same file again sends nothing to slaves."""
        before = self.written(self.one), self.written(self.two)
        for _ in range(20):
            self.assertEqual(self.reconfig()["changes"], [])
        self.assertEqual((self.written(self.one), self.written(self.two)), before)

    def test_brokenFile(self) -> None:
        """R1: a broken file changes nothing, and its errors are reported with their locations."""
        before, state = self.status(), (self.written(self.one), self.written(self.two))
        self.edit("c['slavePortnum']", "oops(")
        outcome = self.reconfig()
        self.assertFalse(outcome["applied"])
        self.assertIn("master.cfg:", outcome["errors"][0])
        self.assertEqual(self.status(), before)
        self.assertEqual((self.written(self.one), self.written(self.two)), state)

    def test_dryRun(self) -> None:
        """A dry run reports the change and changes nothing."""
        before = self.status()
        self.edit("('bot2', 'sekrit')", "('bot2', 'new')")
        outcome = self.reconfig(dryRun=True)
        self.assertEqual(outcome["changes"], ["~ bot bot2: new password"])
        self.assertEqual(self.status(), before)

    def test_newPassword(self) -> None:
        """R7, S2: a new password applies to the next login; no output has either password."""
        self.edit("('bot2', 'sekrit')", "('bot2', 'canary-7')")
        outcome = self.reconfig()
        self.assertFalse(self.two.pump.client.lost)
        self.assertNotIn("canary-7", repr((outcome, self.status(), self.master.config)))
        self.two.broker.transport.abortConnection()
        self.settle()
        self.connect(name="bot2")
        self.assertEqual(self.connected(), ["bot1"])
        self.connect(name="bot2", password="canary-7")
        self.assertEqual(self.connected(), ["bot1", "bot2"])

    def test_muteSlave(self) -> None:
        """R10: a silent slave does not delay a reconfig; the outcome names it."""
        self.two.pump.client.reading = False
        self.add("c['builders'].append(dict(c['builders'][0], name='x', builddir='x'))")
        outcome = self.reconfig()
        self.assertTrue(outcome["applied"])
        self.assertEqual(outcome["pending"], ["bot1", "bot2"])
        self.assertEqual([s["name"] for s in self.status()["slaves"] if s["pending"]], ["bot2"])

    def test_pending(self) -> None:
        """R10: the command line names only slaves that have not accepted their list after a second."""
        self.two.pump.client.reading = False
        self.add("c['builders'].append(dict(c['builders'][0], name='x', builddir='x'))")
        answer = ensureDeferred(self.master.commands["reconfig"]())
        for _ in range(25):
            self.settle()
            self.reactor.advance(0.05)
        self.assertEqual(self.successResultOf(answer)["pending"], ["bot2"])

    def test_goneMeanwhile(self) -> None:
        """An admin who interrupts a reconfig ends it: nothing is changed, and the next one works."""
        waiting: Deferred[LoadReport] = Deferred()
        self.check = lambda *args: waiting
        self.edit("('bot2', 'sekrit')", "('bot2', 'other')")
        hungUp: Deferred[None] = Deferred()
        answer = ensureDeferred(self.master.commands["reconfig"](hungUp=hungUp))
        self.assertNoResult(answer)
        hungUp.callback(None)
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(self.master.config.slaves["bot2"].password, "sekrit")
        self.check = check
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.master.config.slaves["bot2"].password, "other")

    def test_unknownSlave(self) -> None:
        """The status of a slave that is not in c['bots'] is an error that names it."""
        error = self.assertRaises(ControlError, self.status, "bot9")
        self.assertIn("no slave 'bot9' in c['bots']", str(error))

    def test_port(self) -> None:
        """A second slave port is opened beside the first; slaves stay connected."""
        self.edit("9989", "[9989, 'tcp:9990']")
        self.assertIn("+ port tcp:9990", self.reconfig()["changes"])
        self.assertEqual([server[0] for server in self.reactor.tcpServers], [9989, 9990])
        self.assertEqual(self.connected(), ["bot1", "bot2"])

    def test_pluginFails(self) -> None:
        """R1: if a status target cannot start, the old ones keep running, and the ports stay."""
        self.add("from tests.stories.plugins import Slow, Broken; c['status'] = [Slow()]")
        waiting = self.master.reconfigurer.request()
        self.reactor.advance(5)
        self.assertTrue(self.successResultOf(waiting)["applied"])
        before, children = self.status(), list(self.master)
        self.edit("[Slow()]", "[Broken()]")
        self.edit("9989", "9990")
        waiting = self.master.reconfigurer.request()
        self.reactor.advance(5)  # the old one, which restarts, is slow again
        outcome = self.successResultOf(waiting)
        self.assertIn("cannot start Broken", outcome["errors"][0])
        self.assertEqual((self.status(), list(self.master)), (before, children))
        self.assertTrue(children[0].running)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_portTaken(self) -> None:
        """R1: if a port is taken, the whole file is refused, with its plug-ins."""
        self.add("from tests.stories.plugins import Quick; c['status'] = [Quick()]")
        self.edit("9989", "[9989, 'tcp:6']")
        self.edit("('bot2', 'sekrit')", "('bot2', 'new')")
        before, children = self.status(), list(self.master)
        self.reactor.taken = 6
        outcome = self.reconfig()
        self.assertIn("cannot listen on tcp:6: address already in use", outcome["errors"][0])
        self.assertEqual((self.status(), list(self.master)), (before, children))

    def test_twiceAndThenChanged(self) -> None:
        """F1: after a reconfig without a change, a later one can replace the running plug-ins."""
        self.add("from buildbot.scheduler import Scheduler, Dependent, Periodic")
        self.add("from buildbot.changes.pb import PBChangeSource")
        self.add("c['sources'] = [PBChangeSource(passwd='old')]")
        self.add("q = Scheduler('q', None, 60, ['full'])")
        self.add("c['schedulers'] = [q, Dependent('d', q, ['full']), Periodic('p', ['full'], 60)]")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.reconfig()["changes"], [])
        self.edit("None, 60, ['full']", "None, 30, ['full']")
        self.edit(", Periodic('p', ['full'], 60)]", "]")
        self.edit("passwd='old'", "passwd='new'")
        outcome = self.reconfig()
        self.assertEqual((outcome["errors"], outcome["applied"]), ([], True))
        running = self.master.allSchedulers()
        self.assertEqual([each.name for each in running], ["q", "d"])
        self.assertEqual(running[0].treeStableTimer, 30)
        self.assertIs(running[1].upstream, running[0])
        (source,) = self.master.change_svc
        self.assertEqual((source.passwd, self.master.dispatcher.names["change"]), ("new", source))

    def test_portPassedOn(self) -> None:
        """F1: a source may take over a port that slaves used before."""
        self.add("from buildbot.changes.pb import PBChangeSource")
        self.add("c['sources'] = [PBChangeSource(port=9989)]")
        self.edit("c['slavePortnum'] = 9989", "c['slavePortnum'] = 9990")
        self.reactor.listenTCP = self.once(self.reactor.listenTCP)  # type: ignore[method-assign]
        outcome = self.reconfig()
        self.assertEqual((outcome["errors"], outcome["applied"]), ([], True))
        self.assertEqual([str(port) for port in self.master.describePorts()], ["tcp 9990"])

    def once(self, listen: Any) -> Any:
        """The first attempt to listen fails: the port is in use."""
        tries: list[int] = []

        def listenTCP(port: int, *args: Any, **kw: Any) -> Any:
            tries.append(port)
            if len(tries) == 1:
                raise CannotListenError("", port, OSError(errno.EADDRINUSE, "Address already in use"))
            return listen(port, *args, **kw)

        return listenTCP

    def test_hangup(self) -> None:
        """SIGHUP reads the file again, as in 0.7.5."""
        self.edit("('bot2', 'sekrit')", "('bot3', 'sekrit')")
        self.edit("'bot2'", "'bot3'")
        os.kill(os.getpid(), signal.SIGHUP)
        self.settle()
        self.assertIn("bot3", self.master.config.slaves)

    def test_hangups(self) -> None:
        """Row 13: ten thousand SIGHUPs cause a few reconfigs, and the last file wins."""
        self.edit("('bot2', 'sekrit')", "('bot2', 'last')")
        later: list[Any] = []
        self.patch(self.reactor, "callFromThread", later.append)
        for _ in range(10_000):
            os.kill(os.getpid(), signal.SIGHUP)
        for call in later:
            call()
        self.assertEqual(len(later), 1)
        self.assertEqual(self.master.config.slaves["bot2"].password, "last")

    def test_disconnect(self) -> None:
        """An admin disconnects a slave; its name is free again; an unknown name is an error."""
        cut = ensureDeferred(self.master.commands["disconnect"]("bot2"))
        self.settle()
        self.assertTrue(self.successResultOf(cut)["disconnected"])
        self.assertEqual(self.connected(), ["bot1"])
        self.assertIn("administrator", self.status("bot2")["slaves"][0]["events"][-1]["text"])
        self.failureResultOf(ensureDeferred(self.master.commands["disconnect"]("bot9")), ControlError)

    def test_debugAccount(self) -> None:
        """S1: the debug account exists while debugPassword is set, and can reload."""
        self.add("c['debugPassword'] = 'canary-8'")
        self.reconfig()
        client = pb.PBClientFactory()
        login = client.login(UsernamePassword(b"debug", b"canary-8"))
        server = self.master.slavePort.buildProtocol(None)
        pump = Pump(server, client.buildProtocol(None), self.reactor)
        pump.pump()
        debug = self.successResultOf(login)
        self.edit("('bot2', 'sekrit')", "('bot2', 'new')")
        answer = debug.callRemote("reload")
        pump.pump()
        self.assertIs(self.successResultOf(answer), True)
        self.assertEqual(self.master.config.slaves["bot2"].password, "new")
        pump.client.abortConnection()
        pump.pump()
