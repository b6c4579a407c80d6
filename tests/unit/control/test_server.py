"""The control socket: what a command line asks, and what it is answered."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from typing import Any

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
from buildbot.files.plain import NotPlain

#: What the commands below take.
COMMANDS = {
    "echo": {"word": TEXT, "timeout": SECONDS.optional()},
    **{name: {} for name in ("later", "watch", "coroutine", "refuse", "break", "unsayable", "long")},
}


class Commands:
    """The commands of a master that does as it is told."""

    def __init__(self) -> None:
        self.later: defer.Deferred[object] = defer.Deferred()
        self.hungUps: list[bool] = []

    def handlers(self) -> dict[str, Callable[..., object]]:
        """By command, as a L{ControlServer} takes them."""
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
        """Answer later; note whether the asker goes before that."""
        number = len(self.hungUps)
        self.hungUps.append(False)
        hungUp.addCallback(lambda ignored: self.hungUps.__setitem__(number, True))
        return await self.later

    async def coroutine(self) -> object:
        """Answer later."""
        return await self.later

    def refuse(self) -> None:
        """Answer that it cannot be done."""
        raise ControlError("there is no slave 'x'")


class AnswerTests(unittest.TestCase):
    """One request in, one answer out."""

    def setUp(self) -> None:
        self.commands = Commands()
        self.server = ControlServer("dir", self.commands.handlers(), MemoryReactorClock(), COMMANDS)

    def answer(self, **request: object) -> dict[str, object]:
        """What the server says at once to a request."""
        return self.answerTo(json.dumps(request).encode())

    def answerTo(self, line: bytes) -> dict[str, object]:
        """What the server says at once to a line."""
        said: dict[str, object] = json.loads(self.successResultOf(self.begin(line)))
        return said

    def begin(self, line: bytes) -> defer.Deferred[bytes]:
        """What the server will say to a line."""
        return defer.Deferred.fromCoroutine(self.server.answer(line))

    def test_value(self) -> None:
        """A command is called with its parameters, and its value comes back."""
        self.assertEqual(self.answer(command="echo", word="x"), {"ok": {"word": "x", "timeout": None}})

    def test_later(self) -> None:
        """A command may take its time, as a Deferred or as a coroutine."""
        for command in ("later", "coroutine"):
            self.commands.later = defer.Deferred()
            asked = self.begin(json.dumps({"command": command}).encode())
            self.assertNoResult(asked)
            self.commands.later.callback([1, 2])
            self.assertEqual(self.successResultOf(asked), b'{"ok": [1, 2]}')

    def test_refused(self) -> None:
        """What a command says of why it cannot is what the user reads."""
        self.assertEqual(self.answer(command="refuse"), {"error": "there is no slave 'x'"})

    def test_broken(self) -> None:
        """An unexpected failure is logged, and the client is told nothing but where (S4)."""
        for command, kind in (("break", ZeroDivisionError), ("unsayable", TypeError)):
            self.assertEqual(self.answer(command=command), {"error": "internal error, see twistd.log"})
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_failedLater(self) -> None:
        """A Deferred that fails is a command that fails."""
        self.commands.later = defer.fail(ControlError("no more"))
        self.assertEqual(self.answer(command="later"), {"error": "no more"})

    def test_unknown(self) -> None:
        """A command of a later release, or a parameter of one, is named and refused."""
        self.assertEqual(self.answer(command="dance"), {"error": "this master knows no command 'dance'"})
        self.assertEqual(self.answer(command=["echo"]), {"error": 'this master knows no command ["echo"]'})
        self.assertEqual(
            self.answer(command="echo", speed=1),
            {"error": "echo: there is no parameter 'speed' (there: word, timeout)"},
        )

    def test_nonsense(self) -> None:
        """What is no request is refused, and does no harm."""
        for line in (b"", b"\xff", b"GET / HTTP/1.0", b"[]", b"{}", b"null", b"[" * 50000):
            self.assertIn("not a control request", str(self.answerTo(line)["error"]))

    def test_wrongKinds(self) -> None:
        """H10: a parameter of a wrong kind is refused with all that is wrong, and the command is not run."""
        said = self.answer(command="echo", word=5, timeout=-1, speed=True)
        self.assertEqual(
            said["error"],
            "echo: there is no parameter 'speed' (there: word, timeout); word is text, not 5; "
            "timeout is a number of seconds greater than 0 or null, not -1",
        )

    def test_tooLarge(self) -> None:
        """H10: an answer that nobody could want is replaced by the reason."""
        said = self.answer(command="long")
        self.assertRegex(str(said["error"]), "^the answer has [0-9]+ bytes, more than [0-9]+: ask for less$")


class ConversationTests(unittest.TestCase):
    """What goes through one connection."""

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
        """One more client."""
        protocol, transport = self.factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        return protocol, transport

    @property
    def producer(self) -> IPushProducer:
        """Whoever writes to the client."""
        producer: IPushProducer | None = self.transport.producer
        assert producer is not None
        return producer

    def answers(self) -> list[Any]:
        """What the client has been told since it was last asked."""
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
        """Two requests of one client are answered in their order, and do not hold up another client."""
        self.client.dataReceived(b'{"command": "later"}\n{"command": "echo"}\n')
        other, transport = self.connect()
        other.dataReceived(b'{"command": "echo"}\n')
        self.assertIn(b"nothing", transport.value())
        self.assertEqual(self.answers(), [])
        self.commands.later.callback(1)
        self.memory.advance(0)
        self.assertEqual(self.answers(), [{"ok": 1}, {"ok": {"word": "nothing", "timeout": None}}])

    def test_gone(self) -> None:
        """An answer to somebody who has gone is dropped."""
        self.client.dataReceived(b'{"command": "later"}\n')
        self.client.connectionLost()
        self.commands.later.callback(1)
        self.assertEqual(self.answers(), [])

    def test_endless(self) -> None:
        """F12: a line that is too long is answered with that, and not collected for ever."""
        self.client.dataReceived(b"x" * 100_000)
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.answers(), [{"error": f"a request has at most {LONGEST} bytes"}])

    def test_turns(self) -> None:
        """H10: of many requests at once one is answered in a turn, so that others have theirs."""
        self.client.dataReceived(b'{"command": "echo"}\n' * 50)
        seen: list[int] = []
        self.memory.callLater(0, lambda: seen.append(len(self.answers())))
        self.memory.advance(0)
        self.assertLess(seen[0], 3)
        self.assertEqual(seen[0] + len(self.answers()), 50)
        self.assertEqual(self.transport.producerState, "producing")

    def test_neverReads(self) -> None:
        """H10: of a client that asks on and never reads no more is read or answered; in the end it is cut."""
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
        """H10: who sends only half a request is cut; who waits, or says nothing, is not."""
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
        """H10: one client too many takes the place of one that is idle; the busy stay."""
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
        """F12: a command that wants to know is told when its asker goes before the answer; only then."""
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
        """What the socket tells a command, an asker cannot."""
        self.client.dataReceived(b'{"command": "watch", "hungUp": 1}\n')
        self.assertIn("there is no parameter 'hungUp'", self.answers()[0]["error"])

    def test_stopping(self) -> None:
        """Whoever still waits when the master stops is told so, once."""
        self.client.dataReceived(b'{"command": "later"}\n')
        self.successResultOf(self.server.stopService())
        self.commands.later.callback(1)
        self.assertEqual(self.answers(), [{"error": "the master is stopping"}])
        self.assertTrue(self.transport.disconnecting)

    def test_stoppedBeforeStarted(self) -> None:
        """A server that never came to listen can be stopped."""
        self.successResultOf(ControlServer(self.here, {}, self.memory, {}).stopService())


class SocketTests(unittest.TestCase):
    """A real socket: where it is, who may use it, and what a client makes of a missing one."""

    timeout = 20

    def setUp(self) -> None:
        self.commands = Commands()

    async def served(self, here: str) -> ControlServer:
        """A server in a directory that is made for it."""
        os.makedirs(here)
        server = ControlServer(here, self.commands.handlers(), reactor, COMMANDS)
        server.startService()
        self.addCleanup(lambda: server.stopService() if server.running else None)
        return server

    async def test_ask(self) -> None:
        """A command line gets its answer, or the reason why there is none."""
        here = self.mktemp()
        await self.served(here)
        said = await threads.deferToThread(ask, here, "echo", 10, word="grün")
        self.assertEqual(said, {"word": "grün", "timeout": None})
        with self.assertRaisesRegex(ControlError, "there is no slave 'x'"):
            await threads.deferToThread(ask, here, "refuse")

    async def test_parameterNamedLikeOurs(self) -> None:
        """A command's own C{timeout} is not that of asking."""
        here = self.mktemp()
        await self.served(here)
        said = await threads.deferToThread(request, here, "echo", {"timeout": 7.5})
        self.assertEqual(said, {"word": "nothing", "timeout": 7.5})

    async def test_tooLong(self) -> None:
        """F12: a request that is too long for a master is refused with its size, before it is sent."""
        here = self.mktemp()
        await self.served(here)
        with self.assertRaisesRegex(ControlError, r"has 100\d\d\d bytes, .* at most 65536.*word alone has"):
            await threads.deferToThread(ask, here, "echo", 10, word="r" * 100_000)

    async def test_longName(self) -> None:
        """A directory may have a name that is longer than a socket address, and its socket is put away."""
        here = os.path.join(os.path.abspath(self.mktemp()), *["a directory of many words, ünd more"] * 5)
        server = await self.served(here)
        self.assertTrue(os.path.exists(os.path.join(here, "control.sock")))
        self.assertEqual(
            await threads.deferToThread(ask, here, "echo", 10), {"word": "nothing", "timeout": None}
        )
        await server.stopService()
        self.assertEqual(os.listdir(here), [])

    async def test_private(self) -> None:
        """The socket is its owner's alone, whatever the umask is."""
        self.addCleanup(os.umask, os.umask(0))
        here = self.mktemp()
        await self.served(here)
        mode = os.stat(os.path.join(here, "control.sock")).st_mode
        self.assertEqual((stat.S_ISSOCK(mode), stat.S_IMODE(mode)), (True, 0o600))
        self.assertEqual(os.umask(0), 0)

    async def test_stale(self) -> None:
        """A socket that a killed master left is replaced; before that, nobody runs there."""
        here = self.mktemp()
        os.makedirs(here)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(os.path.join(here, "control.sock"))
        self.assertRaises(NotRunning, ask, here, "echo")
        server = ControlServer(here, self.commands.handlers(), reactor, COMMANDS)
        server.startService()
        self.addCleanup(server.stopService)
        await threads.deferToThread(ask, here, "echo", 10)

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
        """F5: a socket that somebody has deleted under a running master is there again after a moment."""
        here = self.mktemp()
        self.patch(server, "LOOK", 0.01)
        await self.served(here)
        path = os.path.join(here, "control.sock")
        for _ in range(2):
            os.unlink(path)
            while not os.path.exists(path) or not stat.S_ISSOCK(os.stat(path).st_mode):
                await task.deferLater(reactor, 0.01)
            await threads.deferToThread(ask, here, "echo", 10)

    async def test_removedMeanwhile(self) -> None:
        """A master whose directory was removed under it stops all the same."""
        here = self.mktemp()
        server = await self.served(here)
        os.unlink(os.path.join(here, "control.sock"))
        await server.stopService()

    def test_notRunning(self) -> None:
        """Where there is no socket, and no directory either, nobody runs."""
        here = self.mktemp()
        self.assertRaises(NotRunning, ask, here, "echo")
        os.mkdir(here)
        self.assertRaises(NotRunning, ask, here, "echo")
        with open(os.path.join(here, "file"), "w"):
            pass
        self.assertRaises(NotRunning, ask, os.path.join(here, "file"), "echo")

    async def test_noAnswer(self) -> None:
        """A master that takes too long is not waited for longer than was said."""
        here = self.mktemp()
        await self.served(here)
        with self.assertRaisesRegex(NoAnswer, r"has not answered within 0.05 s"):
            await threads.deferToThread(ask, here, "later", 0.05)

    async def test_wentAway(self) -> None:
        """A master that ends in the middle of its answer is not taken to have given one (O2)."""
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
                    await threads.deferToThread(ask, here, "echo", 10)
                await served
                os.unlink(path)

    def test_pathThatFits(self) -> None:
        """The name of the socket is short enough for every system, and leads to the directory."""
        here = self.mktemp()
        for name in ("x", "y" * 150):
            basedir = os.path.join(os.path.abspath(here), name)
            os.makedirs(basedir)
            with client.socketPath(basedir) as path:
                self.assertLess(len(path), 104)
                self.assertTrue(os.path.samefile(os.path.dirname(path), basedir))
