# -*- test-case-name: tests.integration.test_generations -*-
"""The harness itself: real slaves and a master of twenty lines, so that a failure here is not our master's.

The other modules test our own master.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, reactor
from twisted.spread import pb
from zope.interface import Interface, implementer

from tests.integration.generations import GENERATIONS, OLD_SLAVE, WORKER
from tests.integration.processes import never, until
from tests.integration.proxy import Mode, Proxy, portOf
from tests.integration.slaves import GenerationsTestCase, RealSlave, together


class _Perspective(pb.Avatar):
    def perspective_keepalive(self) -> None:
        """The keepalive of a slave."""


@implementer(IRealm)
class _ToyMaster:
    """A master that accepts known names, and makes the calls that every slave needs."""

    def __init__(self) -> None:
        self.minds: dict[str, Any] = {}
        self.commands: dict[str, dict[Any, Any]] = {}
        self.lost: list[str] = []

    def requestAvatar(
        self, avatarId: bytes | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> defer.Deferred[tuple[type[Interface], object, Callable[[], None]]]:
        assert isinstance(avatarId, bytes) and isinstance(mind, pb.RemoteReference)
        return defer.ensureDeferred(self._attach(avatarId.decode(), mind))

    async def _attach(
        self, name: str, mind: pb.RemoteReference
    ) -> tuple[type[Interface], object, Callable[[], None]]:
        mind.notifyOnDisconnect(lambda _: self.lost.append(name))
        self.commands[name] = await mind.callRemote("getCommands")
        python2 = any(isinstance(key, bytes) for key in self.commands[name])
        pair = ("full", "full-dir")
        wanted = [tuple(part.encode() for part in pair) if python2 else pair]
        builders = await mind.callRemote("setBuilderList", wanted)
        assert len(builders) == 1
        self.minds[name] = mind
        return pb.IPerspective, _Perspective(), lambda: None


class Harness(GenerationsTestCase):
    """The parts that the other modules use."""

    async def makeReady(self) -> None:
        """Start the toy master on a separate port, and a proxy for it."""
        await super().makeReady()
        self.toy = _ToyMaster()
        checker = InMemoryUsernamePasswordDatabaseDontUse()
        for generation in GENERATIONS:
            checker.addUser(generation.name.encode(), b"sesame")
        factory: Any = pb.PBServerFactory(Portal(self.toy, [checker]))
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(lambda: defer.maybeDeferred(listening.stopListening))
        self.proxy = Proxy(self, portOf(listening))

    async def start(self, *generations: Any) -> dict[str, RealSlave]:
        """Start a slave of each generation behind the proxy and wait until they are attached."""
        slaves = await self.startSlaves(
            self.proxy.port, [(generation, generation.name, "sesame") for generation in generations]
        )
        await together(slave.whenAttached() for slave in slaves.values())
        return slaves

    async def test_everyGenerationAttaches(self) -> None:
        """All four generations install, log in, report their command versions, and log the login."""
        slaves = await self.start(*GENERATIONS)
        self.assertEqual(
            {
                name: commands.get(b"shell", commands.get("shell"))
                for name, commands in self.toy.commands.items()
            },
            {"0.7.12": b"2.9", "0.8.14": b"2.16", "0.9.15": b"3.1", "4.3.0": "3.3"},
        )
        self.assertEqual([slave.attachments() for slave in slaves.values()], [1, 1, 1, 1])
        self.assertEqual(len({link.address for link in self.proxy.links}), 4)

    async def test_aSlaveReconnectsAfterARestart(self) -> None:
        """A killed slave is lost for the master, and attaches again when it is started again."""
        slave = (await self.start(OLD_SLAVE))["0.7.12"]
        await slave.kill()
        await until(lambda: self.toy.lost == ["0.7.12"], 60, "the master to lose the slave")
        self.assertFalse(slave.isAlive())
        slave.start()
        await slave.whenAttached(2)
        await slave.stop()
        self.assertIn("Server Shut Down", slave.text())

    async def test_aFrozenSlaveKeepsItsConnection(self) -> None:
        """A slave that is stopped by SIGSTOP does not answer until it continues, and keeps its connection."""
        slave = (await self.start(WORKER))["4.3.0"]
        slave.freeze()
        answer = self.toy.minds["4.3.0"].callRemote("print", "are you there?")
        got: list[object] = []
        answer.addBoth(got.append)
        mark = slave.size()
        await never(lambda: got, 0.7, "an answer of a frozen slave")
        slave.thaw()
        await until(lambda: got, 60, "an answer")
        self.assertEqual((got, self.toy.lost), ([None], []))
        await slave.whenLogged("are you there", after=mark)

    async def test_aResetLinkIsMadeAgain(self) -> None:
        """A slave whose connection is reset reconnects by itself."""
        slaves = await self.start(*GENERATIONS)
        for link in self.proxy.links:
            link.reset()
        await together(slave.whenAttached(2) for slave in slaves.values())
        self.assertEqual(len(self.proxy.links), 8)

    async def test_aBlackHoleIsSilent(self) -> None:
        """Behind a black hole neither side notices anything, and bytes are still counted."""
        await self.start(OLD_SLAVE)
        link = self.proxy.links[0]
        self.proxy.setMode(Mode.BLACKHOLE)
        before = link.fromServer
        got: list[object] = []
        self.toy.minds["0.7.12"].callRemote("print", "anybody?").addBoth(got.append)
        await until(lambda: link.fromServer > before, 60, "the call to reach the proxy")
        await never(lambda: got or self.toy.lost, 0.7, "an answer or a loss")
        link.reset()
        await until(lambda: got, 60, "the end of the call")
