"""H6: the limits of every account."""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred
from twisted.spread import pb

from buildbot.wire.accounts import CLIENT, STALLED, UNFINISHED
from buildbot.wire.callee import NewCredPerspective
from buildbot.wire.encoding import encode
from tests.pumped import Pump
from tests.slaveport import SlavePortCase


class Account(NewCredPerspective):
    """An account like that of a change source: every login gets me."""

    def __init__(self) -> None:
        self.owed: list[Deferred[None]] = []

    def getPerspective(self) -> Account:
        return self

    def perspective_wait(self) -> Deferred[None]:
        answer: Deferred[None] = Deferred()
        self.owed.append(answer)
        return answer


class MembersTests(SlavePortCase):
    """Connections after login."""

    def setUp(self) -> None:
        super().setUp()
        self.account = Account()
        self.dispatcher.register("change", self.account, "changepw")
        self.pumps: list[Pump] = []

    def login(self, count: int = 1) -> list[Any]:
        """Log in C{count} clients; return their perspectives."""
        perspectives = []
        for _ in range(count):
            client = pb.PBClientFactory()
            answer = client.login(UsernamePassword(b"change", b"changepw"))
            self.pumps.append(self.pumpTo(client))
            self.pumps[-1].pump()
            perspectives.append(self.successResultOf(answer))
        return perspectives

    def wait(self, seconds: float, step: float = 1.0) -> None:
        while seconds > 0:
            super().wait(step)
            seconds -= step
            self.open()

    def open(self) -> list[bool]:
        """The connections that are open."""
        for pump in self.pumps:
            pump.pump()
        return [not pump.server.lost for pump in self.pumps]

    def tearDown(self) -> None:
        for answer in self.account.owed:
            answer.callback(None)
        for pump in self.pumps:
            pump.client.abortConnection()
        self.open()
        super().tearDown()

    def test_keepalive(self) -> None:
        """H6: the kernel checks the connections of every account (TCP keepalive)."""
        self.login()
        self.assertTrue(self.pumps[0].server.keepalive)

    def test_idle(self) -> None:
        """H6: a client that sends nothing for five minutes is disconnected."""
        self.login()
        self.wait(CLIENT.idle or 0, step=5)
        self.assertEqual(self.open(), [True])
        self.wait(15)
        self.assertEqual(self.open(), [False])

    def test_waitsForAnAnswer(self) -> None:
        """A client that waits for an answer is not idle; its five minutes start with the answer."""
        (perspective,) = self.login()
        perspective.callRemote("wait")
        self.wait(1000, step=5)
        self.account.owed.pop().callback(None)
        self.wait(250, step=5)
        self.assertEqual(self.open(), [True])
        self.wait(70, step=5)
        self.assertEqual(self.open(), [False])

    def test_stalls(self) -> None:
        """H6: a client that stops in the middle of a message is disconnected after half a minute."""
        self.login()
        self.pumps[0].client.write(b"\x02\x80\x04\x82list\x00\x00\x01\x82" + bytes(16_000) + b"x" * 300)
        self.pumps[0].client.write(bytes(350))
        self.wait(STALLED + 15)
        self.assertEqual(self.open(), [False])

    def test_many(self) -> None:
        """H6: of too many connections of one account, idle ones are closed, the oldest first."""
        self.login(40)
        self.assertEqual(self.open(), [True] * 40)
        self.wait(21)
        self.assertEqual(self.open(), [False] * 24 + [True] * 16)

    def test_manyThatWait(self) -> None:
        """A hundred hooks that send at the same time do not disconnect each other."""
        for perspective in self.login(100):
            perspective.callRemote("wait").addErrback(lambda why: None)
        self.wait(100)
        self.assertEqual(self.open(), [True] * 100)

    def test_tooMany(self) -> None:
        """H6: beyond some hundreds of connections, the oldest is closed even if it waits for an answer."""
        for perspective in self.login(CLIENT.most + 3):
            perspective.callRemote("wait").addErrback(lambda why: None)
        self.assertEqual(self.open(), [False] * 3 + [True] * CLIENT.most)

    def test_unfinishedTogether(self) -> None:
        """H6: unfinished messages of all slaves have one limit; the peer with the largest is disconnected."""
        names = [f"bot{n}" for n in range(1, 9)]
        self.use(self.configOf(names))
        slaves = [self.connect(name=name) for name in names]
        piece = encode(bytes(600_000))
        small = slaves[0]
        small.broker.transport.write(b"\x1a\x80" + piece)
        self.settle()
        for slave in slaves[1:]:
            slave.broker.transport.write(b"\x1a\x80" + piece * 24)
        self.settle()
        lost = [slave.pump.server.lost for slave in slaves]
        kept = UNFINISHED // (24 * 600_000)
        self.assertEqual(lost.count(False), 1 + kept, lost)
        self.assertFalse(small.pump.server.lost)

    def configOf(self, names: list[str]) -> Any:
        from tests.slaveport import config

        return config(dict.fromkeys(names, "sekrit"), {})

    def test_slavesThatQueue(self) -> None:
        """H6: of many logins as one slave, few connections stay, and one works."""
        slaves = [self.connect() for _ in range(60)]
        open_ = [not slave.pump.server.lost for slave in slaves]
        self.assertLessEqual(open_.count(True), 10)
        self.wait(40)
        self.assertReady()
