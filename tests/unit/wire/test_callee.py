"""Objects that are called over PB."""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod
from twisted.trial import unittest
from zope.interface import implementer

from buildbot.wire.callee import NewCredPerspective, WrongArguments
from buildbot.wire.reconnecting import ReconnectingPBClientFactory
from tests.slaveport import SlavePortCase


class Echo:
    """A broker that sends and changes nothing."""

    def unserialize(self, value: Any, perspective: Any = None) -> Any:
        return value

    def serialize(self, value: Any, *args: Any) -> Any:
        return value


class Someone(NewCredPerspective):
    """A perspective with some methods."""

    def perspective_add(self, one: int, two: int = 0) -> int:
        return one + two

    def perspective_broken(self) -> None:
        raise TypeError("from within")

    async def perspective_later(self) -> str:
        return "later"


class DispatchTests(unittest.SynchronousTestCase):
    """The dispatch of a peer's call to a method."""

    def call(self, method: str, *args: Any, **kw: Any) -> Any:
        return Someone().perspectiveMessageReceived(Echo(), method, args, kw)

    def test_keywordsInBytes(self) -> None:
        """Keywords as bytes, from Python 2 clients, are accepted (wire-protocol 1.2)."""
        result = Someone().perspectiveMessageReceived(Echo(), "add", (), {b"one": 2, b"two": 3})
        self.assertEqual(result, 5)

    def test_unknownMethod(self) -> None:
        """A call of a missing method raises NoSuchMethod."""
        self.assertRaises(NoSuchMethod, self.call, "nothing")

    def test_wrongArguments(self) -> None:
        """A call with invalid arguments raises an error that does not repeat the arguments."""
        for args, kw in (((), {}), ((1, 2, 3), {}), ((1,), {"three": 3})):
            error = self.assertRaises(WrongArguments, self.call, "add", *args, **kw)
            self.assertNotIn("3", str(error).replace("from 1 to 3", ""))

    def test_errorsFromWithin(self) -> None:
        """A TypeError raised inside the method is passed on."""
        self.assertEqual(str(self.assertRaises(TypeError, self.call, "broken")), "from within")

    def test_coroutine(self) -> None:
        """A method may be a coroutine; its result is the answer."""
        self.assertEqual(self.successResultOf(self.call("later")), "later")


@implementer(IConnector)
class FakeConnector:
    """A connector that counts its connect calls."""

    connects = 0

    def connect(self) -> None:
        self.connects += 1

    def disconnect(self) -> None:
        raise NotImplementedError

    def stopConnecting(self) -> None:
        raise NotImplementedError

    def getDestination(self) -> IAddress:
        raise NotImplementedError


class ReconnectingTests(unittest.SynchronousTestCase):
    """The reconnecting client factory of 0.7.5."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = ReconnectingPBClientFactory()
        self.patch(self.factory, "clock", self.clock)
        self.factory.noisy = False
        self.factory.startLogin(UsernamePassword(b"me", b"secret"))
        self.connector = FakeConnector()
        self.lost = Failure(pb.PBConnectionLost())

    def test_connectsAgain(self) -> None:
        """A lost connection and a failed one are retried after a delay."""
        for told in (self.factory.clientConnectionLost, self.factory.clientConnectionFailed):
            before = self.connector.connects
            told(self.connector, self.lost)
            self.assertEqual(self.connector.connects, before)
            self.clock.advance(3600)
            self.assertEqual(self.connector.connects, before + 1)

    def test_oneShotNames(self) -> None:
        """The one-shot logins of PBClientFactory raise an error with a hint."""
        for wrong in (self.factory.login, self.factory.getPerspective):
            self.assertIn("startLogin", str(self.assertRaises(RuntimeError, wrong)))

    def test_logsInEachTime(self) -> None:
        """Each connection logs in; a refused login drops the connection, to retry later."""
        base = SlavePortCase("setUp")
        base.setUp()
        for password, dropped in ((b"wrong", True), (b"sekrit", False)):
            got: list[Any] = []
            self.patch(self.factory, "gotPerspective", got.append)
            self.factory.startLogin(UsernamePassword(b"debug", password))
            base.dispatcher.register("debug", Account(), "sekrit")
            pump = base.pumpTo(self.factory)
            pump.pump()
            self.assertEqual((pump.client.closing, bool(got)), (dropped, not dropped))
            pump.client.abortConnection()
            pump.pump()


class Account(NewCredPerspective):
    """An account with its own perspective."""

    def getPerspective(self) -> Account:
        return self
