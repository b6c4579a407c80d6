"""The control socket: requests and answers."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import defer, reactor, task, threads
from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial import unittest

from buildbot.control import client, server
from buildbot.control.client import LONGEST, NoAnswer
from buildbot.control.protocol import SECONDS, TEXT
from buildbot.control.server import (
    LARGEST,
    MOST,
    PATIENCE,
    ControlError,
    ControlServer,
    NotRunning,
    ask,
    request,
)
from buildbot.events.reactors import SocketReactor
from buildbot.files.plain import NotPlain

#: The parameters of the commands below.
COMMANDS = {
    "echo": {"word": TEXT, "timeout": SECONDS.optional()},
    **{name: {} for name in ("later", "watch", "coroutine", "refuse", "break", "unsayable", "long")},
}


class Commands:
    """The commands of a test master."""

    def __init__(self) -> None:
        self.later: defer.Deferred[object] = defer.Deferred()
        self.hungUps: list[bool] = []

    def handlers(self) -> dict[str, Callable[..., object]]:
        """Command -> method, for a L{ControlServer}."""
        return {
            "echo": self.echo,
            "later": lambda: self.later,
            "watch": self.watch,
            "coroutine": self.coroutine,
            "refuse": self.refuse,
            "break": lambda: 1 / 0,
            "unsayable": lambda: {"a set": {1}},
            "long": lambda: "x" * LARGEST,
        }

    def echo(self, word: str = "nothing", timeout: float | None = None) -> dict[str, object]:
        """Answer at once."""
        return {"word": word, "timeout": timeout}

    async def watch(self, hungUp: defer.Deferred[None]) -> object:
        """Answer later; record if the client goes before that."""
        number = len(self.hungUps)
        self.hungUps.append(False)
        hungUp.addCallback(lambda ignored: self.hungUps.__setitem__(number, True))
        return await self.later

    async def coroutine(self) -> object:
        """Answer later."""
        return await self.later

    def refuse(self) -> None:
        """Refuse with a reason."""
        raise ControlError("there is no slave 'x'")


class AnswerTests(unittest.TestCase):
    """One request, one answer."""

    def setUp(self) -> None:
        self.commands = Commands()
        self.server = ControlServer("dir", self.commands.handlers(), MemoryReactorClock(), COMMANDS)

    def answer(self, **request: object) -> dict[str, object]:
        """The immediate answer to a request."""
        return self.answerTo(json.dumps(request).encode())

    def answerTo(self, line: bytes) -> dict[str, object]:
        """The immediate answer to a line."""
        said: dict[str, object] = json.loads(self.successResultOf(self.begin(line)))
        return said

    def begin(self, line: bytes) -> defer.Deferred[bytes]:
        """The future answer to a line."""
        return defer.Deferred.fromCoroutine(self.server.answer(line))

    def test_value(self) -> None:
        """A command is called with its parameters, and its result is the answer."""
        self.assertEqual(self.answer(command="echo", word="x"), {"ok": {"word": "x", "timeout": None}})

    def test_later(self) -> None:
        """A command may answer later, by a Deferred or as a coroutine."""
        for command in ("later", "coroutine"):
            self.commands.later = defer.Deferred()
            asked = self.begin(json.dumps({"command": command}).encode())
            self.assertNoResult(asked)
            self.commands.later.callback([1, 2])
            self.assertEqual(self.successResultOf(asked), b'{"ok": [1, 2]}')

    def test_refused(self) -> None:
        """The client gets the reason of a refusal."""
        self.assertEqual(self.answer(command="refuse"), {"error": "there is no slave 'x'"})

    def test_broken(self) -> None:
        """An unexpected failure is logged, and the client is only told to see the log (S4)."""
        for command, kind in (("break", ZeroDivisionError), ("unsayable", TypeError)):
            self.assertEqual(self.answer(command=command), {"error": "internal error, see twistd.log"})
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_failedLater(self) -> None:
        """A Deferred that fails is a failed command."""
        self.commands.later = defer.fail(ControlError("no more"))
        self.assertEqual(self.answer(command="later"), {"error": "no more"})

    def test_unknown(self) -> None:
        """A command or a parameter of a later release is named and refused."""
        self.assertEqual(self.answer(command="dance"), {"error": "this master knows no command 'dance'"})
        self.assertEqual(self.answer(command=["echo"]), {"error": 'this master knows no command ["echo"]'})
        self.assertEqual(
            self.answer(command="echo", speed=1),
            {"error": "echo: unknown parameter 'speed' (known: word, timeout)"},
        )

    def test_nonsense(self) -> None:
        """An invalid request is refused, and does no harm."""
        for line in (b"", b"\xff", b"GET / HTTP/1.0", b"[]", b"{}", b"null", b"[" * 50000):
            self.assertIn("not a control request", str(self.answerTo(line)["error"]))

    def test_wrongKinds(self) -> None:
        """H10: parameters of wrong types are refused, all in one answer, and the command is not run."""
        said = self.answer(command="echo", word=5, timeout=-1, speed=True)
        self.assertEqual(
            said["error"],
            "echo: unknown parameter 'speed' (known: word, timeout); word must be text, not 5; "
            "timeout must be a number of seconds greater than 0 or null, not -1",
        )

    def test_tooLarge(self) -> None:
        """H10: an answer that is too large is replaced by the reason."""
        said = self.answer(command="long")
        self.assertRegex(str(said["error"]), "^the answer has [0-9]+ bytes, more than [0-9]+: ask for less$")


class ConversationTests(unittest.TestCase):
    """The requests of one connection."""

    def setUp(self) -> None:
        self.here = self.mktemp()
        os.mkdir(self.here)
        self.commands = Commands()
        self.memory = MemoryReactorClock()
        self.server = ControlServer(self.here, self.commands.handlers(), self.memory, COMMANDS)
        self.server.startService()
        ((_, self.factory, _, _, _),) = self.memory.unixServers
        self.client, self.transport = self.connect()

    def connect(self) -> tuple[Any, StringTransport]:
        """Connect a client."""
        protocol, transport = self.factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    @property
    def producer(self) -> IPushProducer:
        """The producer of the client's connection."""
        producer: IPushProducer | None = self.transport.producer
        assert producer is not None
        return producer

    def answers(self) -> list[Any]:
        """The answers since the last call."""
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]

    def test_bytewise(self) -> None:
        """A request may come in pieces."""
        for byte in b'{"command": "echo", "word": "\\u00e9"}\n':
            self.assertEqual(self.answers(), [])
            self.client.dataReceived(bytes([byte]))
        self.assertEqual(self.answers(), [{"ok": {"word": "é", "timeout": None}}])

    def test_inOrder(self) -> None:
        """Requests of one client are answered in order, and do not block other clients."""
        self.client.dataReceived(b'{"command": "later"}\n{"command": "echo"}\n')
        other, transport = self.connect()
        other.dataReceived(b'{"command": "echo"}\n')
        self.assertIn(b"nothing", transport.value())
        self.assertEqual(self.answers(), [])
        self.commands.later.callback(1)
        self.memory.advance(0)
        self.assertEqual(self.answers(), [{"ok": 1}, {"ok": {"word": "nothing", "timeout": None}}])

    def test_gone(self) -> None:
        """An answer to a client that is gone is dropped."""
        self.client.dataReceived(b'{"command": "later"}\n')
        self.client.connectionLost()
        self.commands.later.callback(1)
        self.assertEqual(self.answers(), [])

    def test_endless(self) -> None:
        """F12: a line that is too long is refused, and not kept in memory."""
        self.client.dataReceived(b"x" * 100_000)
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.answers(), [{"error": f"a request has at most {LONGEST} bytes"}])

    def test_turns(self) -> None:
        """H10: of many requests one is answered in each turn, so that other clients get their answers."""
        self.client.dataReceived(b'{"command": "echo"}\n' * 50)
        seen: list[int] = []
        self.memory.callLater(0, lambda: seen.append(len(self.answers())))
        self.memory.advance(0)
        self.assertLess(seen[0], 3)
        self.assertEqual(seen[0] + len(self.answers()), 50)
        self.assertEqual(self.transport.producerState, "producing")

    def test_neverReads(self) -> None:
        """H10: a client that never reads is not read or answered any more, and finally disconnected."""
        self.client.dataReceived(b'{"command": "echo"}\n' * 2)
        self.producer.pauseProducing()
        self.memory.advance(0)
        self.assertEqual(len(self.answers()), 1)
        self.assertEqual(self.transport.producerState, "paused")
        self.producer.resumeProducing()
        self.memory.advance(PATIENCE)
        self.assertEqual(len(self.answers()), 1)
        self.producer.pauseProducing()
        self.memory.advance(PATIENCE - 1)
        self.assertFalse(self.transport.disconnecting)
        self.memory.advance(1)
        self.assertTrue(self.transport.disconnecting)

    def test_halfARequest(self) -> None:
        """H10: a client that sends half a request is disconnected; one that waits or is silent is not."""
        waiting, transport = self.connect()
        waiting.dataReceived(b'{"command": "later"}\n')
        silent, other = self.connect()
        self.client.dataReceived(b'{"command": ')
        self.memory.advance(PATIENCE)
        self.assertEqual(
            (self.transport.disconnecting, transport.disconnecting, other.disconnecting), (True, False, False)
        )
        self.successResultOf(self.server.stopService())
        for each in (waiting, self.client, silent):
            each.connectionLost()
        self.assertEqual(self.memory.getDelayedCalls(), [])

    def test_manyClients(self) -> None:
        """H10: with too many clients an idle one is disconnected, never a busy one."""
        self.client.dataReceived(b'{"command": "later"}\n')
        others = [self.connect() for _ in range(MOST - 1)]
        others[0][0].dataReceived(b'{"command": "echo"}\n')
        newcomer, transport = self.connect()
        newcomer.dataReceived(b'{"command": "echo"}\n')
        self.assertIn(b"nothing", transport.value())
        gone = [number for number, (_, each) in enumerate(others) if each.disconnecting]
        self.assertEqual(gone, [1])
        self.assertIn(b"idle for longest", others[1][1].value())
        for each, _ in [*others, (newcomer, None)]:
            each.dataReceived(b'{"command": "later"}\n')
        self.memory.advance(0)
        _, transport = self.connect()
        self.assertIn(b"try again later", transport.value())
        self.assertTrue(transport.disconnecting)

    def test_hungUp(self) -> None:
        """F12: a command can be notified if its client goes before the answer, and only then."""
        for _ in range(2):
            self.commands.later = defer.Deferred()
            self.client.dataReceived(b'{"command": "watch"}\n')
            self.memory.advance(0)
            self.commands.later.callback(1)
        self.commands.later = defer.Deferred()
        self.client.dataReceived(b'{"command": "watch"}\n')
        self.client.connectionLost()
        self.assertEqual(self.commands.hungUps, [False, False, True])

    def test_notForTheAsker(self) -> None:
        """A client cannot pass the parameters that the socket itself adds."""
        self.client.dataReceived(b'{"command": "watch", "hungUp": 1}\n')
        self.assertIn("unknown parameter 'hungUp'", self.answers()[0]["error"])

    def test_stopping(self) -> None:
        """When the master stops, waiting clients are told so, once."""
        self.client.dataReceived(b'{"command": "later"}\n')
        self.successResultOf(self.server.stopService())
        self.commands.later.callback(1)
        self.assertEqual(self.answers(), [{"error": "the master is stopping"}])
        self.assertTrue(self.transport.disconnecting)

    def test_stoppedBeforeStarted(self) -> None:
        """A server that never listened can be stopped."""
        self.successResultOf(ControlServer(self.here, {}, self.memory, {}).stopService())


class SocketTests(unittest.TestCase):
    """A real socket: its path, its permissions, and the errors of clients."""

    def setUp(self) -> None:
        self.commands = Commands()

    async def served(self, here: str) -> ControlServer:
        """A server in a new directory."""
        os.makedirs(here)
        server = ControlServer(here, self.commands.handlers(), cast(SocketReactor, reactor), COMMANDS)
        server.startService()
        self.addCleanup(lambda: server.stopService() if server.running else None)
        return server

    async def test_ask(self) -> None:
        """A command line gets its answer, or the reason of the failure."""
        here = self.mktemp()
        await self.served(here)
        said = await threads.deferToThread(ask, here, "echo", 120, word="grün")
        self.assertEqual(said, {"word": "grün", "timeout": None})
        with self.assertRaisesRegex(ControlError, "there is no slave 'x'"):
            await threads.deferToThread(ask, here, "refuse")

    async def test_parameterNamedLikeOurs(self) -> None:
        """A command may have a parameter named C{timeout}."""
        here = self.mktemp()
        await self.served(here)
        said = await threads.deferToThread(request, here, "echo", {"timeout": 7.5})
        self.assertEqual(said, {"word": "nothing", "timeout": 7.5})

    async def test_tooLong(self) -> None:
        """F12: a request that is too long is refused with its size, before it is sent."""
        here = self.mktemp()
        await self.served(here)
        with self.assertRaisesRegex(ControlError, r"has 100\d\d\d bytes; .* at most 65536.*word alone has"):
            await threads.deferToThread(ask, here, "echo", 120, word="r" * 100_000)

    async def test_longName(self) -> None:
        """A directory's path may be longer than a socket address; the socket is removed at the end."""
        here = os.path.join(os.path.abspath(self.mktemp()), *["a directory of many words, ünd more"] * 5)
        server = await self.served(here)
        self.assertTrue(os.path.exists(os.path.join(here, "control.sock")))
        self.assertEqual(
            await threads.deferToThread(ask, here, "echo", 120), {"word": "nothing", "timeout": None}
        )
        await server.stopService()
        self.assertEqual(os.listdir(here), [])

    async def test_private(self) -> None:
        """The socket is private to its owner, whatever the umask."""
        self.addCleanup(os.umask, os.umask(0))
        here = self.mktemp()
        await self.served(here)
        mode = os.stat(os.path.join(here, "control.sock")).st_mode
        self.assertEqual((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o600))
        self.assertEqual(os.umask(0), 0)

    async def test_stale(self) -> None:
        """The socket of a killed master is replaced; before that, a client gets the error that no master
        runs.
        """
        here = self.mktemp()
        os.makedirs(here)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(os.path.join(here, "control.sock"))
        self.assertRaises(NotRunning, ask, here, "echo")
        server = ControlServer(here, self.commands.handlers(), cast(SocketReactor, reactor), COMMANDS)
        server.startService()
        self.addCleanup(server.stopService)
        await threads.deferToThread(ask, here, "echo", 120)

    def test_odd(self) -> None:
        """H10: a FIFO in the socket's place is replaced; a directory is refused with a reason."""
        here = self.mktemp()
        os.makedirs(os.path.join(here, "control.sock"))
        server = ControlServer(here, {}, MemoryReactorClock(), {})
        with self.assertRaisesRegex(NotPlain, "control.sock: it is a directory"):
            server.startService()
        os.rmdir(os.path.join(here, "control.sock"))
        os.mkfifo(os.path.join(here, "control.sock"))
        server.startService()
        self.assertEqual(os.listdir(here), [])

    async def test_madeAnew(self) -> None:
        """F5: a socket that is deleted while the master runs is made again after a moment."""
        here = self.mktemp()
        self.patch(server, "LOOK", 0.01)
        await self.served(here)
        path = os.path.join(here, "control.sock")
        for _ in range(2):
            os.unlink(path)
            while not os.path.exists(path) or not stat.S_ISSOCK(os.stat(path).st_mode):
                await task.deferLater(reactor, 0.01)
            await threads.deferToThread(ask, here, "echo", 120)

    async def test_removedMeanwhile(self) -> None:
        """A master whose directory was removed can be stopped."""
        here = self.mktemp()
        server = await self.served(here)
        os.unlink(os.path.join(here, "control.sock"))
        await server.stopService()

    def test_notRunning(self) -> None:
        """Without a socket, or without the directory, the client gets the error that no master runs."""
        here = self.mktemp()
        self.assertRaises(NotRunning, ask, here, "echo")
        os.mkdir(here)
        self.assertRaises(NotRunning, ask, here, "echo")
        with open(os.path.join(here, "file"), "w"):
            pass
        self.assertRaises(NotRunning, ask, os.path.join(here, "file"), "echo")

    async def test_noAnswer(self) -> None:
        """A client waits no longer than its timeout."""
        here = self.mktemp()
        await self.served(here)
        with self.assertRaisesRegex(NoAnswer, r"did not answer within 0.05 s"):
            await threads.deferToThread(ask, here, "later", 0.05)

    async def test_wentAway(self) -> None:
        """If a master ends in the middle of its answer, the client gets an error (O2)."""
        here = self.mktemp()
        os.makedirs(here)
        for said in (b"", b'{"ok": 1'):
            with socket.socket(socket.AF_UNIX) as listener:
                path = os.path.join(here, "control.sock")
                listener.bind(path)
                listener.listen()

                def serve(listener: socket.socket = listener, said: bytes = said) -> None:
                    conversation, _ = listener.accept()
                    with conversation:
                        conversation.recv(1000)
                        conversation.sendall(said)

                served = threads.deferToThread(serve)
                with self.assertRaisesRegex(ControlError, "ended the connection before it answered"):
                    await threads.deferToThread(ask, here, "echo", 120)
                await served
                os.unlink(path)

    def test_pathThatFits(self) -> None:
        """The path of the socket is short enough for every system, and leads to the directory."""
        here = self.mktemp()
        for name in ("x", "y" * 150):
            basedir = os.path.join(os.path.abspath(here), name)
            os.makedirs(basedir)
            with client.socketPath(basedir) as path:
                self.assertLess(len(path), 104)
                self.assertTrue(os.path.samefile(os.path.dirname(path), basedir))
