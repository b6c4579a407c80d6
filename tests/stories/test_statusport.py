"""Status clients, as old as 0.7.5, follow the builds of a master over PB (A12)."""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import ensureDeferred
from twisted.spread import pb

from buildbot.config.arguments import BadArguments
from buildbot.status import remote, visit
from buildbot.status.client import PBListener
from buildbot.statusport import follower
from buildbot.statusport.perspective import StatusClientPerspective
from buildbot.wire import flow
from tests.fakes import Python2Broker
from tests.stories.world import World
from tests.unit.clients.test_sendchange import Cable

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.status.client import PBListener
from buildbot.steps.shell import ShellCommand

c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
c['builders'] = [
    {'name': name, 'slavename': 'bot1', 'builddir': name, 'category': 'main',
     'factory': BuildFactory([ShellCommand(name='compile', command=['make'])])}
    for name in ('full', 'quick')]
c['status'] = [PBListener(9988, passwd='canary')]
"""


class Factory(pb.PBClientFactory):
    """A client of PB on Python 2, which sends bytes."""

    protocol = Python2Broker


class Modern(pb.PBClientFactory):
    """A client on Python 3, which sends text."""


class Client(pb.Referenceable):
    """A status client that notes what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def remoteMessageReceived(self, broker: Any, message: Any, args: Any, kw: Any) -> Any:
        name = message.decode() if isinstance(message, bytes) else message
        self.heard.append((name, *broker.unserialize(args)))
        return broker.serialize(None)

    def names(self) -> list[str]:
        """The names of the calls since the last question."""
        heard, self.heard = self.heard, []
        return [name for name, *_ in heard]


class StatusPortCase(World):
    """A master with a PBListener, and its clients."""

    def setUp(self) -> None:
        super().setUp()
        self.write(CONFIG)
        self.cables: list[Cable] = []
        self.successResultOf(self.start())
        self.slave = self.connect()

    @property
    def port(self) -> Any:
        """The factory of the newest port for status clients."""
        return next(factory for number, factory, *_ in self.reactor.tcpServers[::-1] if number == 9988)

    def login(self, password: bytes = b"canary", factory: Any = None) -> Any:
        """A client logs in. Returns the Deferred of its perspective."""
        factory = factory or Factory()
        cable = Cable(self.reactor, self.port)
        self.cables.append(cable)
        cable.connect(factory)
        answer = factory.login(UsernamePassword(b"statusClient", password))
        self.settle()
        return answer

    def ask(self, reference: Any, message: str, *args: Any) -> Any:
        """The answer of the master."""
        asked = reference.callRemote(message, *args)
        self.settle()
        return self.successResultOf(asked)

    def refused(self, reference: Any, message: str, *args: Any) -> str:
        """The text of an error."""
        asked = reference.callRemote(message, *args)
        self.settle()
        return str(self.failureResultOf(asked).value)

    def follow(self, mode: str | bytes = b"full", interval: Any = 5) -> Client:
        """A client logs in and subscribes."""
        client = Client()
        self.perspective = self.successResultOf(
            self.login(factory=Modern() if isinstance(mode, str) else None)
        )
        self.ask(self.perspective, "subscribe", mode, interval, client)
        return client

    def settle(self) -> None:
        super().settle()
        while any([cable.pump.pump() for cable in self.cables if cable.pump is not None]):
            super().settle()

    def build(self, *output: str, end: bool = True) -> Any:
        """A build with this output runs. Returns its status."""
        ensureDeferred(self.master.commands["force"]("full", reason="why", who="ann"))
        self.settle()
        command = self.slave.commands[-1]
        for each in output:
            command.update(stdout=each)
            self.settle()
        if end:
            command.end(0)
            self.settle()
        return self.master.status.getBuilder("full").getBuild(-1)


class StatusPortTests(StatusPortCase):
    """What the clients of 0.7 are told, what they can ask, and the limits."""

    def test_full(self) -> None:
        """In mode full, a client of 0.7 is told all, with the shapes of 0.7.5 and in bytes."""
        client = self.follow()
        first = client.heard[:]
        added = [each[1] for each in first if each[0] == "builderAdded"]
        self.assertEqual(added, [b"full", b"quick"])
        self.assertIn(("builderChangedState", b"full", b"idle", None), first)
        client.names()
        self.build("all is well\n")
        heard = client.heard[:]
        order = ["buildStarted", "stepStarted", "logStarted", "logChunk", "logFinished"]
        order += ["stepFinished", "buildFinished"]
        names = client.names()
        self.assertEqual(sorted(order, key=names.index), order)
        told = {name: rest for name, *rest in heard}
        self.assertEqual((told["buildFinished"][0], told["buildFinished"][2]), (b"full", 0))
        self.assertEqual((told["stepFinished"][2], told["stepFinished"][4]), (b"compile", (0, [])))
        self.assertEqual((told["logStarted"][2], told["logStarted"][4]), (b"compile", b"stdio"))
        chunks = [tuple(rest[6:]) for name, *rest in heard if name == "logChunk"]
        self.assertIn((0, b"all is well\n"), chunks)

    def test_modes(self) -> None:
        """Each mode includes those before it, and nothing more."""
        news = {
            "builders": {"builderAdded"},
            "builds": {"builderChangedState", "buildStarted", "buildFinished"},
            "steps": {"stepStarted", "stepFinished"},
            "logs": {"stepETAUpdate", "logStarted", "logFinished"},
            "full": {"logChunk"},
        }
        clients = {mode: self.follow(mode) for mode in news}
        self.build("x")
        self.build("x")
        expected: set[str] = set()
        for mode, client in clients.items():
            expected |= news[mode]
            self.assertEqual(set(client.names()) - {"buildETAUpdate"}, expected, mode)

    def test_estimates(self) -> None:
        """While a build runs, estimates come at the interval, at most once a second."""
        self.build("x")
        client = self.follow("steps", 0.001)
        self.build("x", end=False)
        client.names()
        self.wait(3)
        self.assertLessEqual(client.names().count("buildETAUpdate"), 3)
        self.slave.commands[-1].end(0)
        self.settle()
        client.names()
        self.wait(5)
        self.assertEqual(client.names(), [])

    def test_builderGoes(self) -> None:
        """A reconfig that removes and adds builders is told, and the client stays connected."""
        client = self.follow("full")
        client.names()
        self.edit("('full', 'quick')", "('full', 'new')")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIn(("builderRemoved", "quick"), client.heard)
        self.assertIn("new", [each[1] for each in client.heard if each[0] == "builderAdded"])

    # what they ask

    def test_objects(self) -> None:
        """Builders, builds, steps, logs, slaves and changes answer as in 0.7.5; what failed there works."""
        client = self.follow(b"builds")
        self.build("all is well\n")
        found = next(each for each in client.heard if each[0] == "buildFinished")[2]
        self.assertEqual(self.ask(found, "getReason"), b"forced by ann: why")
        self.assertEqual(self.ask(found, "getBuilderName"), b"full")
        self.assertEqual(self.ask(found, "getChanges"), [])
        builder = self.ask(self.perspective, "getBuilder", b"full")
        self.assertEqual(self.ask(builder, "getCategory"), b"main")
        self.assertEqual(self.ask(builder, "getState"), (b"idle", None, []))
        [slave] = self.ask(builder, "getSlaves")
        self.assertEqual((self.ask(slave, "getName"), self.ask(slave, "isConnected")), (b"bot1", True))
        build = self.ask(builder, "getBuild", -1)
        self.assertEqual((self.ask(build, "getNumber"), self.ask(build, "getResults")), (0, 0))
        self.assertEqual(self.ask(self.ask(builder, "getLastFinishedBuild"), "getNumber"), 0)
        self.assertIsNone(self.ask(builder, "getBuild", 7))
        [step] = self.ask(build, "getSteps")
        for owner in (build, step):
            log = self.ask(owner, "getLogs")[0]
            self.assertEqual((self.ask(log, "getName"), self.ask(log, "isFinished")), (b"stdio", True))
            self.assertEqual(self.ask(log, "getText"), b"all is well\n")
            self.assertIn((0, b"all is well\n"), self.ask(log, "getChunks"))
        self.assertEqual(self.ask(self.perspective, "getBuilderNames"), [b"full", b"quick"])
        self.assertEqual(self.ask(self.perspective, "getBuildSets"), [])
        self.assertEqual(self.ask(self.perspective, "ping"), b"pong")

    def test_wrong(self) -> None:
        """A wrong mode or name is told in words, and the client stays connected."""
        self.follow("builds")
        self.assertIn("there is no mode", self.refused(self.perspective, "subscribe", "all", 5, Client()))
        self.assertIn("there is no builder 'none'", self.refused(self.perspective, "getBuilder", "none"))
        self.assertIn("there is no slave 'none'", self.refused(self.perspective, "getSlave", "none"))
        self.assertEqual(self.ask(self.perspective, "ping"), "pong")

    def test_longLog(self) -> None:
        """A log that is too long for PB is refused in words; its pieces come as they are written."""
        self.patch(remote, "LONGEST_LOG", 10)
        client = self.follow("full")
        build = self.build("x" * 250_000)
        pieces = [each[8] for each in client.heard if each[0] == "logChunk" and each[7] == 0]
        self.assertEqual("".join(pieces), "x" * 250_000)
        self.assertLessEqual(max(map(len, pieces)), 100_000)
        self.assertTrue(build.isFinished())
        log = next(each for each in client.heard if each[0] == "logStarted")[6]
        self.assertIn("more than 10 bytes: read it on the web pages", self.refused(log, "getText"))

    # limits

    def test_nothingLeft(self) -> None:
        """When a client unsubscribes or leaves during a build, nothing of it is left in the master."""
        for leaves in (False, True):
            client = self.follow()
            build = self.build("x", end=False)
            log = build.getSteps()[0].getLogs()[0]
            self.assertTrue(log.isWatched())
            if leaves:
                self.cables[-1].pump.client.loseConnection()
                self.settle()
            else:
                self.ask(self.perspective, "unsubscribe")
                self.ask(self.perspective, "unsubscribe")
            self.assertFalse(log.isWatched())
            client.names()
            self.slave.commands[-1].end(0)
            self.settle()
            self.assertEqual(client.names(), [])

    def test_burst(self) -> None:
        """A client that is behind misses output, and is told how much. It stays connected."""
        self.patch(follower, "UNREAD", 3000)
        client, other = self.follow("full"), self.follow("full")
        pump = self.cables[-2].pump
        self.build("one\n", end=False)
        pump.server.protocol.flow.pauseProducing()  # the transport's buffer is full
        for output in ("a" * 4000, "b" * 50, "c" * 50):
            self.slave.commands[-1].update(stdout=output)
            self.settle()
        pump.server.protocol.flow.resumeProducing()  # the client has read all
        self.slave.commands[-1].update(stdout="two\n")
        self.settle()
        pump.server.protocol.flow.pauseProducing()
        for output in ("a" * 4000, "d" * 7):
            self.slave.commands[-1].update(stdout=output)
            self.settle()
        self.slave.commands[-1].end(0)
        self.settle()
        note = "({} characters are left out here: the client reads too slowly)\n".format
        chunks = [tuple(each[7:]) for each in client.heard if each[0] == "logChunk"]
        got = [text for channel, text in chunks if channel == 0 or "left out" in text]
        self.assertEqual(got[:4], ["one\n", "a" * 4000, note(100), "two\n"])
        self.assertIn("left out", got[-1])
        self.assertEqual(client.names()[-2:], ["buildFinished", "builderChangedState"])
        whole = "".join(each[8] for each in other.heard if each[0] == "logChunk" and each[7] == 0)
        self.assertIn("a" * 4000 + "b" * 50 + "c" * 50 + "two\n", whole)

    def test_slow(self) -> None:
        """A client that does not read is cut; the build and the other clients go on."""
        self.patch(flow, "UNREAD_AFTER_LOGIN", 1000)
        slow, other = self.follow(), self.follow("builds")
        pump = self.cables[-2].pump
        pump.server.protocol.flow.pauseProducing()  # the transport's buffer is full
        self.build("x" * 5000)
        self.assertTrue(pump.server.lost)
        self.assertNotIn("buildFinished", slow.names())
        self.assertIn("buildFinished", other.names())

    def test_hoarder(self) -> None:
        """Of a client that keeps every object, the oldest ones are let go: they answer 0. Builders stay."""
        self.patch(visit, "MOST_OBJECTS", 4)
        client = self.follow("logs")
        for _ in range(3):
            self.build("x")
        builds = [each[2] for each in client.heard if each[0] == "buildFinished"]
        self.assertEqual(self.ask(builds[0], "getReason"), 0)
        self.assertEqual(self.ask(builds[2], "getNumber"), 2)
        self.assertEqual(self.ask(client.heard[0][2], "getName"), "full")

    def test_guess(self) -> None:
        """A wrong password is refused and counted, as on other ports, and the right one shown nowhere."""
        self.failureResultOf(self.refusedLogin())
        refused = str(self.status())
        self.assertIn("statusClient (tcp:9988)", refused)
        (receiver,) = self.master.config.status
        self.assertNotIn("canary", f"{receiver!r} {refused}")

    def refusedLogin(self) -> Any:
        """The answer to a login with a wrong password."""
        answer = self.login(b"clientpw")
        self.wait(10)
        return answer

    def test_otherPassword(self) -> None:
        """A reconfig with another password disconnects the clients; then the new one is valid at the port."""
        self.follow()
        self.edit("canary", "canary-2")
        self.assertTrue(self.reconfig()["applied"])
        self.assertTrue(self.cables[-1].pump.client.lost)
        self.successResultOf(self.login(b"canary-2"))

    def test_readOnly(self) -> None:
        """A client has no method that changes anything."""
        methods = {each for each in dir(StatusClientPerspective) if each.startswith("perspective_")}
        names = {"subscribe", "unsubscribe", "ping"}
        names |= {"getBuildSets", "getBuilderNames", "getBuilder", "getSlave"}
        self.assertEqual(methods, {f"perspective_{each}" for each in names})

    # the configuration

    def test_doubt(self) -> None:
        """The password of 0.7.5 is accepted, with a warning, since everybody knows it."""
        [doubt] = PBListener(9988).configurationDoubts
        self.assertIn("default password, which is public", doubt)
        self.assertEqual(PBListener(9988, "me", "other").configurationDoubts, [])

    def test_arguments(self) -> None:
        """Wrong arguments are refused, and the password is not shown."""
        for args in ((70000,), ("nonsense",), (None,), (9988, ""), (9988, "me", "")):
            self.assertRaises(BadArguments, PBListener, *args)
        error = self.assertRaises(BadArguments, PBListener, 70000, "me", "canary")
        self.assertNotIn("canary", str(error))
