"""Slaves attach, stay connected, conflict and are disconnected: real brokers, pumped by the tests."""

from __future__ import annotations

import gc
from itertools import chain, combinations
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred, fail

from buildbot.config.model import BuilderConfig, MasterConfig
from buildbot.process.queue import whyWaiting
from buildbot.slaves.arbitration import ARBITRATION_TIME, CONFLICT_HOLD
from buildbot.slaves.attachment import State
from buildbot.slaves.liveness import ATTACH_TIME
from buildbot.status.report import failingBuilders, reportSlave
from buildbot.wire.login import HOLD
from buildbot.wire.peers import INFO_LIMIT
from tests.fakes import DROP, HANG, KINDS, FakeSlave, Trouble
from tests.garbage import setOthersAside
from tests.slaveport import SlavePortCase, config


class AttachTests(SlavePortCase):
    """Slaves of every generation attach."""

    def test_everyGeneration(self) -> None:
        """A4, A10: a slave of each generation is ready after its login, and gets its perspective."""
        for kind in KINDS:
            slave = self.connect(kind)
            self.assertReady()
            self.assertIsNotNone(slave.perspective)
            self.assertEqual(list(slave.builders), [slave.text("full")])
            self.assertEqual(slave.called.count("setBuilderList"), 1)
            self.assertEqual(slave.called.count("setMaster"), 1)
            slave.broker.transport.abortConnection()
            self.settle()
            self.assertAbsent()

    def test_byteByByte(self) -> None:
        """A login that arrives byte by byte works."""
        for kind in KINDS:
            slave = FakeSlave(kind)
            slave.connect(self.factory, self.clock)
            self.slaves.append(slave)
            slave.pump.pump(1)
            self.assertReady()
            slave.broker.transport.abortConnection()
            self.settle()

    def test_wordsOfEachDialect(self) -> None:
        """A10: a Python 2 slave gets bytes, a Python 3 slave gets text, builder names included."""
        self.use(config(builders={"naïve": "bot1"}))
        for kind, name in (("0.7.12", "naïve".encode()), ("w4.3", "naïve")):
            slave = self.connect(kind)
            sent = next(call[1] for call in slave.heard if call[0] == "setBuilderList")
            self.assertEqual(sent, [(name, slave.text("naïve-dir"))])
            self.assertReady()
            slave.broker.transport.abortConnection()
            self.settle()

    def test_anySubsetOfMethods(self) -> None:
        """A4: any of the info methods may be missing, in any combination."""
        for kind in KINDS:
            optional = [m for m in KINDS[kind].methods if m not in ("print", "setBuilderList")]
            subsets = chain.from_iterable(combinations(optional, n) for n in range(len(optional) + 1))
            for without in subsets:
                slave = self.connect(kind, without=without)
                self.assertReady()
                sent = next(call[1] for call in slave.heard if call[0] == "setBuilderList")
                self.assertEqual(sent[0][0], slave.text("full"), without)
                slave.broker.transport.abortConnection()
                self.settle()

    def test_infoThatRaises(self) -> None:
        """A5: an error of an info method, from Python 2 or 3, counts as an empty answer."""
        for kind in ("0.7.12", "w4.3"):
            calls = ("getSlaveInfo", "getWorkerInfo", "getVersion", "getCommands")
            slave = self.connect(kind, trouble={call: Trouble("no") for call in calls})
            self.assertReady()
            slave.broker.transport.abortConnection()
            self.settle()

    def test_oddInfo(self) -> None:
        """A6: with any content of the info files, the slave attaches, and the valid part is shown."""
        odd = {b"host": b"\xd6\xff\n", b".host.swp": bytes(range(256)) * 64, b"n": [1, {}]}
        self.connect("0.7.12", info=odd)
        self.assertReady()
        self.assertIn("\ufffd", self.bot.slave_status.getHost())

    def test_hugeInfo(self) -> None:
        """H3: very long info is shortened, the last files most."""
        files = ["admin", *(f"file{number}" for number in range(20)), "host"]
        self.connect("0.7.12", info={name: "\x01" * 500_000 for name in files})
        self.assertReady()
        self.assertEqual(len(self.bot.slave_status.getAdmin() or ""), INFO_LIMIT)
        self.assertLess(len(self.bot.slave_status.getHost() or ""), 10_000)

    def test_infoOfAnotherShape(self) -> None:
        """A6: info that is not a dictionary is ignored."""
        for answer in ([1], None, 5, b"x"):
            slave = self.connect("0.7.12", trouble={"getSlaveInfo": lambda answer=answer: answer})
            self.assertReady()
            slave.broker.transport.abortConnection()
            self.settle()

    def test_statusIsPublished(self) -> None:
        """The status shows the slave's address, version and info."""
        self.connect("0.7.12")
        status = self.bot.slave_status
        self.assertEqual((status.getAdmin(), status.getHost()), ("me", "here"))
        self.assertEqual(status.address, f"10.0.0.1:{self.port}")
        self.assertIn("0.7.12", status.generation)

    def test_twoVolleys(self) -> None:
        """An attachment takes two round trips, for any number of builders."""
        self.use(config(builders={f"b{i}": "bot1" for i in range(50)}))
        slave = FakeSlave("0.7.12")
        pump = slave.connect(self.factory, self.clock)
        self.slaves.append(slave)
        trips = 0
        while self.bot.state is not State.READY:
            before = slave.pump.server.written
            while pump.client.deliver():
                pass
            trips += bool(slave.called) and slave.pump.server.written > before
            while pump.server.deliver():
                pass
            self.assertLess(trips, 10)
        # The answer to getCommands starts the second volley; the answers to that make the slave ready.
        self.assertEqual(trips, 2)
        self.settle()

    def test_noBuilders(self) -> None:
        """A slave without builders attaches."""
        self.use(config(builders={}))
        slave = self.connect()
        self.assertEqual(self.bot.state, State.READY)
        self.assertIn(("setBuilderList", []), slave.heard)

    def test_reprIsTotal(self) -> None:
        """A perspective has a repr in every state."""
        self.assertIn("bot1", repr(self.bot))
        self.connect()
        self.assertIn("full", repr(self.bot))

    def test_shutdown(self) -> None:
        """A slave that asks for its own shutdown (0.8.3 and later) is permitted it."""
        slave = self.connect("0.8.14")
        slave.methods.add("shutdown")
        asked: list[str] = []
        slave.trouble["shutdown"] = lambda: asked.append("shutdown")
        slave.perspective.callRemote("shutdown")
        self.settle()
        self.assertEqual(asked, ["shutdown"])

    def test_keepalive(self) -> None:
        """L5: keepalive is answered at once."""
        slave = self.connect()
        answer = slave.perspective.callRemote("keepalive")
        self.settle()
        self.assertIsNone(self.successResultOf(answer))


class TroubleTests(SlavePortCase):
    """A broken slave loses its connection, and its name stays free."""

    calls = ("getCommands", "getSlaveInfo", "getVersion", "setBuilderList")

    def test_hangs(self) -> None:
        """A3: a slave that does not answer a call of the attachment is disconnected within a minute."""
        for call in self.calls:
            slave = self.connect(trouble={call: HANG})
            self.assertNotEqual(self.bot.state, State.READY)
            self.wait(ATTACH_TIME + 1)
            self.assertTrue(slave.pump.client.lost, call)
            self.assertAbsent()
            self.connect()
            self.assertReady()
            self.slaves[-1].broker.transport.abortConnection()
            self.settle()

    def test_drops(self) -> None:
        """A3: a slave that drops the connection during any call leaves its name free."""
        for call in (*self.calls, "print", "setMaster"):
            self.connect(trouble={call: DROP})
            if call != "setMaster":
                self.assertAbsent()
            self.slaves[-1].broker.transport.abortConnection()
            self.settle()
            self.connect()
            self.assertReady()
            self.slaves[-1].broker.transport.abortConnection()
            self.settle()

    def test_malformedAnswers(self) -> None:
        """A3: an invalid answer ends the connection, and the name is free at once."""
        odd: tuple[Any, ...] = (None, [], {}, {b"full": b"text"}, [b"full"], 7, b"x", {b"other": None})
        for call, answers in (("setBuilderList", odd), ("getCommands", (None, [1], 7))):
            for answer in answers:
                slave = self.connect(trouble={call: lambda *args, answer=answer: answer})
                self.assertTrue(slave.pump.client.lost, (call, answer))
                self.assertAbsent()
                self.assertIn(call, self.lastEvent())

    def test_builderListRefused(self) -> None:
        """A slave that accepts no list of builders is disconnected, and the status tells why."""
        slave = self.connect(trouble={"setBuilderList": Trouble("disk full")})
        self.assertTrue(slave.pump.client.lost)
        self.assertIn("disk full", self.lastEvent())

    def test_ghostBuilders(self) -> None:
        """Builders in the answer that were not offered are ignored."""
        slave = FakeSlave()
        ghosts = {b"ghost%d" % i: None for i in range(100)}
        slave.trouble["setBuilderList"] = lambda wanted: ghosts | slave.answer_setBuilderList(wanted)
        slave.connect(self.factory, self.clock)
        self.slaves.append(slave)
        self.settle()
        self.assertReady()

    def test_logsOut(self) -> None:
        """A slave that drops its perspective is logged out: its connection is closed, its name is free."""
        setOthersAside(self)
        slave = self.connect()
        slave.perspective = None
        gc.collect()
        self.settle()
        self.assertTrue(slave.pump.client.lost)
        self.assertAbsent()

    def test_oneBrokenAmongMany(self) -> None:
        """R4: a broken slave does not affect the others."""
        self.use(config({"bot1": "sekrit", "bot2": "sekrit"}, {"full": "bot1 bot2"}))
        good = self.connect(name="bot2")
        heard = list(good.heard)
        self.connect(trouble={"setBuilderList": Trouble("no")})
        self.assertReady("bot2")
        self.assertEqual(good.heard, heard)


class FailingBuilderTests(SlavePortCase):
    """A builder whose directory a slave cannot make does not affect the slave's other builders."""

    def setUp(self) -> None:
        super().setUp()
        self.use(config(builders={"full": "bot1", "docs": "bot1", "quick": "bot1"}))
        self.blocked = {"quick-dir"}

    def connect(self, kind: str = "0.7.12", **kw: Any) -> FakeSlave:
        """Connect a slave with files in the place of some directories."""
        made = FakeSlave(kind)

        def answer(wanted: Any) -> Any:
            for _, directory in wanted:
                name = directory.decode() if isinstance(directory, bytes) else directory
                if name in self.blocked:
                    return fail(Trouble(f"[Errno 17] File exists: '/home/slave/{name}'"))
            return made.answer_setBuilderList(wanted)

        return super().connect(kind, trouble={"setBuilderList": answer})

    def test_everyGeneration(self) -> None:
        """F6: a slave of any generation builds for all builders except the failing one."""
        for kind in KINDS:
            slave = self.connect(kind)
            self.assertEqual(self.bot.state, State.READY)
            self.assertEqual(list(self.bot.builders), ["full", "docs"])
            self.assertEqual(list(self.botmaster.builders["quick"].slaves), [])
            self.assertIsNotNone(slave.perspective)
            slave.broker.transport.abortConnection()
            self.settle()
            self.assertEqual(self.bot.slave_status.failing, {})

    def test_said(self) -> None:
        """F6: status, events and waiting requests name the failing builder, its slave and the reason."""
        self.connect()
        told = "builder quick cannot be used there: [Errno 17] File exists: '/home/slave/quick-dir'"
        self.assertEqual(failingBuilders(self.bot), [f"slave bot1: {told}"])
        self.assertIn(told, [text for _, text in self.bot.slave_status.getEvents()])
        self.assertEqual(reportSlave(self.bot)["failing"], {"quick": told.partition("there: ")[2]})
        sight = self.botmaster.builders["quick"]._view("bot1")
        self.assertIn("cannot use this builder ([Errno 17]", whyWaiting([sight]))

    def test_triedAgain(self) -> None:
        """F6: a reconfig, even of the same file, makes the slave try again; other slaves get no message."""
        slave = self.connect()
        self.blocked.clear()
        self.assertEqual(self.use(self.botmaster.config), ["bot1"])
        self.settle()
        self.assertReady()
        self.assertEqual(self.bot.slave_status.failing, {})
        heard = len(slave.heard)
        self.assertEqual(self.use(self.botmaster.config), [])
        self.settle()
        self.assertEqual(len(slave.heard), heard)

    def test_later(self) -> None:
        """F6: a builder that fails after a reconfig does not affect the attached ones."""
        self.blocked = {"new-dir"}
        self.connect()
        self.assertReady()
        before = dict(self.bot.builders)
        builders = {name: "bot1" for name in ("full", "quick", "docs", "new")}
        self.use(config(builders=builders))
        self.settle()
        self.assertEqual(self.bot.builders, before)
        self.assertEqual(list(self.bot.slave_status.failing), ["new"])

    def test_twoReconfigs(self) -> None:
        """F6: a retried list never undoes a newer one."""
        self.connect()
        self.blocked = {"quick-dir", "new-dir"}
        self.use(config(builders={"full": "bot1", "quick": "bot1", "new": "bot1"}))
        self.use(config(builders={"docs": "bot1"}))
        self.settle()
        self.assertReady()


class LivenessTests(SlavePortCase):
    """The master detects dead slaves without waiting for TCP."""

    def test_deadPeer(self) -> None:
        """L1: a slave that is cut off silently is shown as disconnected within 150 s."""
        slave = self.connect()
        slave.pump.blackhole = True
        self.wait(149)
        self.assertEqual(self.bot.state, State.READY)
        self.wait(2)
        self.assertAbsent()
        self.assertIn("probe", self.lastEvent())

    def test_quietPeer(self) -> None:
        """L1, L5: a slave that sends nothing on its own stays connected: it answers its probes."""
        slave = self.connect()
        self.wait(3600, 10)
        self.assertReady()
        probes = slave.called.count("getCommands") - 1
        self.assertTrue(25 <= probes <= 30, probes)

    def test_deadAfterAnAnswer(self) -> None:
        """L1, L2: a slave that dies after an answer is detected in time, however short its keepalive."""
        self.use(config(keepalive=7.0))
        slave = self.connect()
        self.wait(10)
        self.assertEqual(slave.called.count("getCommands"), 2)
        slave.pump.blackhole = True
        self.wait(7 + 30 + 1)
        self.assertAbsent()
        self.assertIn("probe", self.lastEvent())

    def test_anyByteIsLife(self) -> None:
        """L1: a slave that sends data is not probed."""
        slave = self.connect()
        for _ in range(60):
            slave.perspective.callRemote("keepalive")
            self.wait(60, 60)
        self.assertEqual(slave.called.count("getCommands"), 1)

    def test_keepaliveOption(self) -> None:
        """L2: a slave is probed after the keepalive in the bot's options."""
        self.use(config(keepalive=7.0))
        slave = self.connect()
        self.wait(6)
        self.assertEqual(slave.called.count("getCommands"), 1)
        self.wait(2)
        self.assertEqual(slave.called.count("getCommands"), 2)

    def test_keepaliveChanges(self) -> None:
        """L2: a changed keepalive applies to a connected slave."""
        slave = self.connect()
        self.use(config(keepalive=5.0))
        self.wait(8)
        self.assertEqual(slave.called.count("getCommands"), 2)
        self.assertEqual(slave.called.count("setBuilderList"), 1)

    def test_changedListNotAccepted(self) -> None:
        """A3: a slave that does not accept a changed list is disconnected within a minute, even if it is
        alive.
        """
        slave = self.connect()
        slave.trouble["setBuilderList"] = HANG
        self.use(config(builders={"full": "bot1", "quick": "bot1"}))
        for _ in range(ATTACH_TIME.__int__() + 5):
            if not slave.pump.client.lost:
                slave.perspective.callRemote("keepalive").addErrback(lambda why: None)
            self.wait(1)
        self.assertAbsent()
        self.assertIn("builder list", self.lastEvent())

    def test_tcpKeepalive(self) -> None:
        """L1: the kernel checks the connection too (TCP keepalive)."""
        slave = self.connect()
        self.assertTrue(slave.pump.server.keepalive)


class DisconnectTests(SlavePortCase):
    """An administrator can disconnect a slave in any state."""

    def test_disconnect(self) -> None:
        """L3: disconnect() fires with None when the slave is detached; the slave may reconnect."""
        slave = self.connect()
        gone: Deferred[None] = self.bot.disconnect()
        self.assertNoResult(gone)
        self.settle()
        self.assertIsNone(self.successResultOf(gone))
        self.assertTrue(slave.pump.client.lost)
        self.assertAbsent()
        self.connect()
        self.assertReady()

    def test_disconnectNobody(self) -> None:
        """disconnect() of an absent slave fires at once."""
        self.assertIsNone(self.successResultOf(self.bot.disconnect()))

    def test_twoWaiters(self) -> None:
        """Two simultaneous calls of disconnect() both fire."""
        self.connect()
        first, second = self.bot.disconnect(), self.bot.disconnect()
        self.settle()
        self.successResultOf(first)
        self.successResultOf(second)

    def test_unsentBytes(self) -> None:
        """L3: disconnect() does not wait for unsent data."""
        slave = self.connect()
        slave.pump.client.reading = False
        assert self.bot.slave is not None
        self.bot.slave.callRemote("print", b"x" * 500_000).addErrback(lambda why: None)
        gone = self.bot.disconnect()
        self.settle()
        self.successResultOf(gone)

    def test_whileAttaching(self) -> None:
        """disconnect() during an attachment ends it."""
        slave = self.connect(trouble={"setBuilderList": HANG})
        gone = self.bot.disconnect()
        self.settle()
        self.successResultOf(gone)
        self.assertTrue(slave.pump.client.lost)

    def test_stopService(self) -> None:
        """O3: stopping the master disconnects every slave, silent ones too, and refuses new ones."""
        self.connect()
        stopped = self.botmaster.stopService()
        self.settle()
        self.successResultOf(stopped)
        late = self.connect()
        self.assertIsNone(late.perspective)
        self.wait(HOLD + 1)
        self.assertTrue(late.pump.client.lost)


class RefusalTests(SlavePortCase):
    """A refused slave gets the reason in its own log, and is disconnected, so that it tries again."""

    def refused(self, slave: FakeSlave) -> str:
        self.assertIsNone(slave.perspective)
        self.assertIsNone(slave.error, "a login error strands old slaves")
        self.assertFalse(slave.pump.client.lost, "it should be held a moment")
        self.wait(HOLD + 1)
        self.assertTrue(slave.pump.client.lost)
        if slave.error is not None:
            slave.error.trap("twisted.spread.pb.PBConnectionLost")
        return str(next(call[1] for call in slave.heard if call[0] == "print"))

    def test_wrongPassword(self) -> None:
        """A2: a wrong password leads to disconnection; the status shows it, the peer gets no detail."""
        for kind in KINDS:
            told = self.refused(self.connect(kind, password="wrong"))
            self.assertIn("unknown name or wrong password", told)
        self.assertIn("wrong password", self.lastEvent())

    def test_unknownName(self) -> None:
        """A2: an unknown name is refused with the same message, and the status shows it."""
        told = self.refused(self.connect(name="stranger"))
        self.assertIn("unknown name or wrong password", told)
        self.assertEqual(self.botmaster.unknownLogins.names["stranger"].logins, 1)

    def test_deposed(self) -> None:
        """A slave is sent to the other master while that one may be active, and is welcome when it is not."""
        self.botmaster.resources.deposed = "another master may be active"
        told = self.refused(self.connect())
        self.assertIn("another master may be active: look for another one", told)
        self.botmaster.resources.deposed = ""
        self.connect()
        self.assertReady()

    def test_passwordCorrected(self) -> None:
        """A2, R7: after its password is corrected, the slave attaches at its next try."""
        self.refused(self.connect(password="new"))
        self.use(config({"bot1": "new"}))
        self.connect(password="new")
        self.assertReady()

    def test_passwordChangedUnderALiveLink(self) -> None:
        """R7: a changed password does not affect the open connection, and is required at the next login."""
        self.connect()
        self.use(config({"bot1": "new"}))
        self.assertReady()
        self.slaves[-1].broker.transport.abortConnection()
        self.settle()
        self.refused(self.connect())

    def test_internalError(self) -> None:
        """A3: an internal error during a login also leads to disconnection, and is logged."""
        self.botmaster.config = None  # type: ignore[assignment]
        told = self.refused(self.connect())
        self.assertIn("internal error", told)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.botmaster.config = config()

    def test_withoutAMind(self) -> None:
        """A client without a mind gets UnauthorizedLogin: it can show it to its user."""
        slave = FakeSlave()
        slave.connect(self.factory, self.clock, login=False)
        self.slaves.append(slave)
        failed = slave.broker.factory.login(UsernamePassword(b"bot1", b"wrong"))
        self.settle()
        self.failureResultOf(failed).trap("twisted.cred.error.UnauthorizedLogin")


class DuplicateTests(SlavePortCase):
    """Two connections with one name."""

    def test_newerWins(self) -> None:
        """D1, D4: a slave that reconnects before its dead connection was noticed is attached at once."""
        old = self.connect()
        old.pump.blackhole = True
        new = self.connect()
        self.assertReady()
        self.assertIsNotNone(new.perspective)
        old.pump.blackhole = False
        self.settle()
        self.assertTrue(old.pump.client.lost)
        self.assertReady()

    def test_whileAttaching(self) -> None:
        """D1: a newer connection replaces one whose attachment hangs."""
        self.connect(trouble={"setBuilderList": HANG})
        self.connect()
        self.assertReady()

    def test_fiveAtOnce(self) -> None:
        """D5: of five simultaneous logins exactly one stays, and no transport leaks."""
        slaves = [FakeSlave() for _ in range(4)]
        for number, slave in enumerate(slaves):
            slave.connect(self.factory, self.clock, 41000 + number)
        self.slaves.extend(slaves)
        self.settle()
        self.assertReady()
        self.assertEqual(sum(not slave.pump.client.lost for slave in slaves), 1)
        self.assertEqual(len(self.factory.open), 1)

    def fight(self, times: int) -> FakeSlave:
        holder = self.connect()
        for _ in range(times):
            self.wait(1)
            holder = self.connect()
            self.assertReady()
        return holder

    def test_conflict(self) -> None:
        """D2, D3: after three takeovers, an attached slave that answers keeps the name; the newcomer is
        held.
        """
        holder = self.fight(3)
        self.wait(1)
        intruder = self.connect()
        self.wait(ARBITRATION_TIME)
        self.assertFalse(holder.pump.client.lost)
        self.assertReady()
        self.assertIsNone(intruder.error)
        self.assertIn("name conflict: two machines log in as bot1", self.bot.slave_status.note)
        self.assertIn(str(intruder.pump.client.getHost().port), self.bot.slave_status.note)
        self.wait(CONFLICT_HOLD + 1)
        self.assertTrue(intruder.pump.client.lost)
        self.assertFalse(holder.pump.client.lost)

    def test_conflictWithAMuteHolder(self) -> None:
        """D1: in a name conflict, the newcomer wins within 15 s if the attached slave does not answer."""
        holder = self.fight(3)
        holder.pump.blackhole = True
        self.wait(1)
        self.connect()
        self.wait(15)
        self.assertReady()
        self.assertTrue(holder.pump.server.lost)

    def test_conflictWithALeavingHolder(self) -> None:
        """D1: in a name conflict, the newcomer is attached at once when the attached slave leaves."""
        holder = self.fight(3)
        self.wait(1)
        self.connect()
        holder.broker.transport.abortConnection()
        self.settle()
        self.assertReady()

    def test_conflictAtTheLastMoment(self) -> None:
        """D2: a newcomer just before the verdict does not shorten the time of a living holder."""
        holder = self.fight(3)
        self.wait(1)
        first = self.connect()
        self.wait(ARBITRATION_TIME - 0.2)
        holder.pump.blackhole = True  # a slow connection: the answer comes after the verdict
        second = self.connect()
        self.clock.advance(0.3)
        holder.pump.blackhole = False
        self.settle()
        self.assertFalse(holder.pump.client.lost)
        self.assertReady()
        self.wait(CONFLICT_HOLD + 1)
        self.assertTrue(first.pump.client.lost and second.pump.client.lost)

    def test_oneProbeForManyNewcomers(self) -> None:
        """Row 19: the holder is probed once for any number of newcomers in a name conflict."""
        holder = self.fight(3)
        self.wait(1)
        before = holder.called.count("getCommands")
        for _ in range(20):
            self.connect()
        self.assertEqual(holder.called.count("getCommands"), before + 1)
        self.wait(ARBITRATION_TIME)
        self.assertReady()

    def test_newArbitrationAfterALostOne(self) -> None:
        """D1: the verdict for a newcomer that left does not come too early for the next one."""
        holder = self.fight(3)
        self.wait(1)
        first = self.connect()
        self.wait(ARBITRATION_TIME - 1)
        first.broker.transport.abortConnection()
        self.settle()
        self.wait(0.9)
        holder.pump.blackhole = True
        self.connect()
        self.clock.advance(1)
        holder.pump.blackhole = False
        self.settle()
        self.wait(ARBITRATION_TIME)
        self.assertFalse(holder.pump.client.lost)
        self.assertReady()

    def test_conflictIsOver(self) -> None:
        """The note of a name conflict goes after five minutes without a newcomer."""
        self.test_conflict()
        self.wait(300 + 120, 10)
        self.assertReady()
        self.assertEqual(self.bot.slave_status.note, "")

    def test_conflictOfTheGone(self) -> None:
        """Once neither of the two is connected, the note of the conflict is gone, too."""
        self.test_conflict()
        self.assertNotEqual(self.bot.slave_status.note, "")
        for each in list(self.factory.open):
            each.transport.abortConnection()
        self.settle()
        self.assertFalse(self.bot.slave_status.isConnected())
        self.assertEqual(self.bot.slave_status.note, "")

    def test_removedDuringSquabble(self) -> None:
        """R3: removing a bot during a name conflict closes both connections."""
        holder = self.fight(3)
        self.wait(1)
        intruder = self.connect()
        self.use(config({}, {}))
        self.wait(CONFLICT_HOLD + 1)
        self.assertTrue(holder.pump.client.lost and intruder.pump.client.lost)


class ReconfigTests(SlavePortCase):
    """A reconfig changes only what the configuration changes."""

    def test_noChange(self) -> None:
        """R5: an equal configuration sends no byte to any slave."""
        slave = self.connect()
        before = (slave.pump.server.written, slave.pump.client.written)
        self.assertEqual(self.use(config()), [])
        self.settle()
        self.assertEqual((slave.pump.server.written, slave.pump.client.written), before)

    def test_removedAndAdded(self) -> None:
        """R3: a removed bot is disconnected and refused, and attaches again when it is added again."""
        slave = self.connect()
        self.use(config({}, {}))
        self.settle()
        self.assertTrue(slave.pump.client.lost)
        refused = self.connect()
        self.assertIsNone(refused.perspective)
        self.assertIsNone(refused.error)
        self.use(config())
        self.connect()
        self.assertReady()

    def test_builderMoved(self) -> None:
        """R6: a builder moves from one slave to another without a reconnect."""
        bots = dict.fromkeys(("bot1", "bot2", "bot3"), "sekrit")
        self.use(config(bots, {"full": "bot1", "x": "bot3"}))
        one, two, three = self.connect(), self.connect(name="bot2"), self.connect(name="bot3")
        written = three.pump.server.written
        told = self.use(config(bots, {"full": "bot2", "x": "bot3"}))
        self.assertEqual(sorted(told), ["bot1", "bot2"])
        self.settle()
        for name in ("bot1", "bot2", "bot3"):
            self.assertReady(name)
        self.assertEqual((list(one.builders), list(two.builders)), ([], [b"full"]))
        self.assertEqual(three.pump.server.written, written)
        self.assertEqual(list(self.botmaster.builders["full"].attachedSlaves), ["bot2"])

    def test_sameBuilderObject(self) -> None:
        """R5: a changed builder stays the same object, with its attached slaves."""
        self.connect()
        builder = self.botmaster.builders["full"]
        changed = BuilderConfig("full", ("bot1",), "full-dir", None, "cat")
        self.use(MasterConfig(slaves=config().slaves, builders={"full": changed}))
        self.assertIs(self.botmaster.builders["full"], builder)
        self.assertEqual(builder.setup.category, "cat")
        self.assertReady()

    def test_builderChangesWhileOffering(self) -> None:
        """R2: if the builder list changes during an attachment, the slave ends with the new list."""
        answers: list[Deferred[Any]] = []
        slave = FakeSlave()

        def slowly(wanted: Any) -> Deferred[Any]:
            answer: Deferred[Any] = Deferred()
            answer.addCallback(lambda _: slave.answer_setBuilderList(wanted))
            answers.append(answer)
            return answer

        slave.trouble["setBuilderList"] = slowly
        slave.connect(self.factory, self.clock)
        self.slaves.append(slave)
        self.settle()
        self.use(config(builders={"quick": "bot1"}))
        self.settle()
        for answer in answers:
            answer.callback(None)
            self.settle()
        self.assertEqual(len(answers), 2)
        self.assertReady()
        self.assertEqual(list(self.bot.builders), ["quick"])

    def test_removedBuilderAddedAgain(self) -> None:
        """R3: a builder that was removed and added again is attached like a new one."""
        self.connect()
        self.use(config(builders={}))
        self.use(config())
        self.settle()
        self.assertReady()
        self.use(config(builders={}))
        self.settle()
        self.use(config())
        self.settle()
        self.assertReady()

    def test_removedAddedAndLate(self) -> None:
        """R3, D3: the late loss of a removed bot's connection does not affect the bot added again."""
        old = self.connect()
        self.use(config({}, {"full": "bot1"}))
        self.use(config())
        self.slaves.remove(old)
        self.connect()
        self.assertReady()
        old.pump.pump()
        self.assertTrue(old.pump.client.lost)
        self.assertReady()

    def test_orderOfTheFile(self) -> None:
        """Row 15: after a reconfig, the slaves are in the order of the file, as after a start."""
        self.use(config(dict.fromkeys(("bot0", "bot1", "bot2"), "sekrit")))
        self.assertEqual(list(self.botmaster.slaves), ["bot0", "bot1", "bot2"])
        self.use(config(dict.fromkeys(("bot2", "bot1"), "sekrit")))
        self.assertEqual(list(self.botmaster.slaves), ["bot2", "bot1"])

    def test_updateFires(self) -> None:
        """updateSlave() fires when the slave has accepted the new builders."""
        self.connect()
        new = config(builders={"full": "bot1", "quick": "bot1"})
        self.use(new)
        self.botmaster.config = new
        pending = self.bot.sendBuilderList()
        self.assertNoResult(pending)
        self.settle()
        self.assertIsNone(self.successResultOf(pending))
        self.assertIsNone(self.successResultOf(self.bot.updateSlave()))
