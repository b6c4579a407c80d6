# -*- test-case-name: tests.integration.test_generations -*-
"""The harness itself: real slaves against a master of twenty lines, so that a failure there is theirs.

Whether our own master serves them is asked by the other modules here.
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
        """A slave is alive."""


@implementer(IRealm)
class _ToyMaster:
    """Lets in whoever is known, and makes the calls that no slave works without."""

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
    """What the other modules rely on."""

    async def makeReady(self) -> None:
        """A toy master on a port of its own, and a proxy before it."""
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
        """All four generations install, log in, show their command versions, and say so in their log."""
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
        """A slave that is killed is gone from the master, and attaches again when it is started again."""
        slave = (await self.start(OLD_SLAVE))["0.7.12"]
        await slave.kill()
        await until(lambda: self.toy.lost == ["0.7.12"], 5, "the master to lose the slave")
        self.assertFalse(slave.isAlive())
        slave.start()
        await slave.whenAttached(2)
        await slave.stop()
        self.assertIn("Server Shut Down", slave.text())

    async def test_aFrozenSlaveKeepsItsConnection(self) -> None:
        """A slave that is stopped by SIGSTOP answers nothing until it is thawed, and loses no connection."""
        slave = (await self.start(WORKER))["4.3.0"]
        slave.freeze()
        answer = self.toy.minds["4.3.0"].callRemote("print", "are you there?")
        got: list[object] = []
        answer.addBoth(got.append)
        mark = slave.size()
        await never(lambda: got, 0.7, "an answer of a frozen slave")
        slave.thaw()
        await until(lambda: got, 10, "an answer")
        self.assertEqual((got, self.toy.lost), ([None], []))
        await slave.whenLogged("are you there", after=mark)

    async def test_aResetLinkIsMadeAgain(self) -> None:
        """A slave whose connection is reset on the way dials again by itself."""
        slaves = await self.start(*GENERATIONS)
        for link in self.proxy.links:
            link.reset()
        await together(slave.whenAttached(2) for slave in slaves.values())
        self.assertEqual(len(self.proxy.links), 8)

    async def test_aBlackHoleIsSilent(self) -> None:
        """Behind a black hole nobody notices anything, and bytes are still counted as they come."""
        await self.start(OLD_SLAVE)
        link = self.proxy.links[0]
        self.proxy.setMode(Mode.BLACKHOLE)
        before = link.fromServer
        got: list[object] = []
        self.toy.minds["0.7.12"].callRemote("print", "anybody?").addBoth(got.append)
        await until(lambda: link.fromServer > before, 5, "the call to reach the proxy")
        await never(lambda: got or self.toy.lost, 0.7, "an answer or a loss")
        link.reset()
        await until(lambda: got, 5, "the end of the call")
