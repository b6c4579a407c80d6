# -*- test-case-name: tests.integration.test_hostile -*-
"""Hostile and broken clients of a slave port, thousands at a time, each with a script.

They run in this process and talk to a server in another. They only record the fate of their connections; the
tests and L{tests.benchmarks.hostile} judge it.
"""

from __future__ import annotations

import os
import random
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import bombs, rawpb
from tests.benchmarks.generations import GENERATIONS, MIND, Bot

#: The most bytes sent at a time, to measure what the server reads before it disconnects.
_CHUNK = 65536


class Script:
    """I am the script of one connection: its data, and when it leaves.

    @ivar received: the first bytes from the server, up to C{KEPT}.
    @ivar receiveBuffer: size of the kernel's receive buffer; 0 for the default.
    """

    KEPT = 65536
    receiveBuffer = 0

    def __init__(self) -> None:
        self.received = b""
        self.sent = 0
        self.began = 0.0
        self.took = 0.0
        self.hungUp = False

    def heard(self, data: bytes) -> bytes | None:
        """The server sent C{data}. Return the data to send next; None disconnects."""
        return b""

    def reads(self) -> bool:
        """True if this client reads now."""
        return True


class Bomb(Script):
    """I send C{data} to a server that has greeted me, and wait for the end."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def heard(self, data: bytes) -> bytes | None:
        data, self._data = self._data, b""
        return data


class Leave(Script):
    """I disconnect when the server greets me."""

    def heard(self, data: bytes) -> bytes | None:
        return None


class Talk(Script):
    """I decode the server's data, one expression at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._pending = b""

    def heard(self, data: bytes) -> bytes | None:
        batch = self._pending + data
        out = []
        at = 0
        while (found := rawpb.decodeAt(batch, at)) is not None:
            expression, at = found
            said = self.told(expression)
            if said is None:
                return None
            out.append(said)
        self._pending = batch[at:]
        return b"".join(out)

    def told(self, expression: Any) -> bytes | None:
        """One expression from the server. Return the data to send next; None disconnects."""
        raise NotImplementedError


class Guess(Talk):
    """I try C{password} for C{name}, several times on one challenge if asked to, and go on after any
    answer.
    """

    def __init__(self, name: str, password: bytes, guesses: int = 1) -> None:
        super().__init__()
        self._name = name
        self._password = password
        self._guesses = guesses
        self.refused = 0

    def told(self, expression: Any) -> bytes | None:
        if expression[0] == b"pb":
            return rawpb.opening(self._name)
        if expression[0] == b"error":
            self.refused += 1
            return b"" if self.refused < self._guesses else None
        if expression[0] != b"answer":
            return b""
        if expression[1] != 1:
            return None
        challenge, challenger = rawpb.challengeIn(expression[2])
        first = rawpb.response(challenge, challenger, self._password, rawpb.NONE)
        more = [
            rawpb.message(request, challenger, b"respond", b"a guess, no digest", rawpb.NONE)
            for request in range(3, 2 + self._guesses)
        ]
        return first + b"".join(more)


class Slave(Talk):
    """I log in like a slave, and answer like one except for C{answers}.

    C{answers} maps a method (of the mind or a builder) to a function from the number of the call to bytes.
    Once attached I send C{then(perspective's number, number of the last call)}, and read no more if C{mute};
    or I C{leave}.
    """

    def __init__(
        self,
        name: str,
        password: str,
        generation: str = "4.3.0",
        answers: dict[bytes, Callable[[int], bytes]] | None = None,
        then: Callable[[int, int], bytes] | None = None,
        mute: bool = False,
        leave: bool = False,
    ) -> None:
        super().__init__()
        self.attached = False
        self.attachedAfter = 0.0
        self.refused = False
        self.printed: list[Any] = []
        self.answersHeard = 0
        self._name = name
        self._password = password.encode()
        self._bot = Bot(GENERATIONS[generation])
        self._answers = answers or {}
        self._then = then
        self._mute = mute
        self._leave = leave
        self.receiveBuffer = 4096 if mute else 0
        self._lastCall = 0

    def reads(self) -> bool:
        return not (self._mute and self.attached)

    def told(self, expression: Any) -> bytes | None:
        head = expression[0]
        if head == b"pb":
            return rawpb.opening(self._name.encode())
        if head == b"answer":
            return self._answered(expression[1], expression[2])
        if head == b"error":
            self.refused = self.refused or not self.attached
        if head != b"message":
            return b""
        self._lastCall = expression[1]
        if expression[3] == b"print":
            self.printed.append(expression[5][1])
        wrong = self._answers.get(expression[3])
        return wrong(expression[1]) if wrong is not None else self._bot.answer(expression)[0]

    def _answered(self, request: int, value: Any) -> bytes | None:
        if request == 1:
            challenge, challenger = rawpb.challengeIn(value)
            return rawpb.response(challenge, challenger, self._password, rawpb.remote(MIND))
        if request != 2:
            self.answersHeard += 1
            return b""
        self.attached = True
        self.attachedAfter = time.monotonic() - self.began
        if self._leave:
            return None
        return self._then(rawpb.numberIn(value), self._lastCall) if self._then else b""


def addresses(count: int, net: int) -> list[str]:
    """C{count} addresses of this machine, different for each C{net} (1 to 255)."""
    return [f"127.{net}.{number >> 8}.{number & 255}" for number in range(1, count + 1)]


@dataclass(frozen=True)
class Outcome:
    """The fate of many connections: the numbers that connected, were disconnected, left, or were given up as
    held.
    """

    connections: int
    hungUp: int
    left: int
    held: int
    sent: int
    seconds: float


class _Connection:
    __slots__ = ("script", "sock", "unsent", "until")

    def __init__(self, script: Script, sock: socket.socket, until: float) -> None:
        self.script = script
        self.sock = sock
        self.until = until
        self.unsent = memoryview(b"")


class Crowd:
    """I run scripts against a server, some at a time, from several addresses in turn."""

    def __init__(
        self, port: int, sources: list[str] | None = None, inFlight: int = 100, patience: float = 10.0
    ):
        """@param patience: seconds after which a connection without an end counts as held."""
        self._port = port
        self._sources = sources or ["127.0.0.1"]
        self._inFlight = inFlight
        self._patience = patience
        self._poll = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._nextLook = 0.0
        self._number = self._hungUp = self._left = self._held = self._sent = 0

    def run(self, scripts: Iterable[Script], seconds: float = 120.0) -> Outcome:
        """Run all of C{scripts}, or those that can start within C{seconds}."""
        began = time.monotonic()
        waiting: Iterator[Script] = iter(scripts)
        more = True
        try:
            while more or self._open:
                while more and len(self._open) < self._inFlight:
                    script = next(waiting, None)
                    more = script is not None and time.monotonic() - began < seconds
                    if script is not None and more:
                        self._connect(script)
                self._turn()
        finally:
            for connection in self._open.values():
                connection.sock.close()
            self._poll.close()
        took = time.monotonic() - began
        return Outcome(self._number, self._hungUp, self._left, self._held, self._sent, took)

    def _connect(self, script: Script) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if script.receiveBuffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, script.receiveBuffer)
        sock.bind((self._sources[self._number % len(self._sources)], 0))
        self._number += 1
        script.began = time.monotonic()
        connection = _Connection(script, sock, script.began + self._patience)
        self._open[sock.fileno()] = connection
        try:
            sock.connect(("127.0.0.1", self._port))
        except BlockingIOError:
            pass
        except OSError:
            self._hungUp += 1
            self._end(connection)
            return
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _turn(self) -> None:
        for fileno, event in self._poll.poll(0.2):
            connection = self._open.get(fileno)
            if connection is None:
                continue  # ended by its data in this turn
            try:
                if event & select.EPOLLOUT:
                    self._send(connection)
                if event & ~select.EPOLLOUT:
                    self._read(connection)
            except BlockingIOError:
                continue
            except OSError:
                self._lost(connection)
        now = time.monotonic()
        if now < self._nextLook:
            return
        self._nextLook = now + 0.2
        for connection in [each for each in self._open.values() if each.until < now]:
            self._held += 1
            self._end(connection)

    def _read(self, connection: _Connection) -> None:
        script = connection.script
        data = connection.sock.recv(_CHUNK)
        if not data:
            self._lost(connection)
            return
        if len(script.received) < script.KEPT:
            script.received += data
        said = script.heard(data)
        if said is None:
            self._left += 1
            self._end(connection)
            return
        if said:
            connection.unsent = memoryview(bytes(connection.unsent) + said)
        self._watch(connection)
        if said:
            self._send(connection)

    def _send(self, connection: _Connection) -> None:
        while connection.unsent:
            sent = connection.sock.send(connection.unsent[:_CHUNK])
            connection.script.sent += sent
            self._sent += sent
            connection.unsent = connection.unsent[sent:]
        self._watch(connection)

    def _watch(self, connection: _Connection) -> None:
        reading = select.EPOLLIN if connection.script.reads() else 0
        writing = select.EPOLLOUT if connection.unsent else 0
        self._poll.modify(connection.sock.fileno(), reading | writing)

    def _lost(self, connection: _Connection) -> None:
        connection.script.hungUp = True
        self._hungUp += 1
        self._end(connection)

    def _end(self, connection: _Connection) -> None:
        connection.script.took = time.monotonic() - connection.script.began
        self._open.pop(connection.sock.fileno(), None)
        connection.sock.close()


def alone(port: int, script: Script, patience: float = 10.0, source: str = "127.0.0.1") -> Outcome:
    """Run one script; see its attributes for the results."""
    return Crowd(port, [source], patience=patience).run([script])


def randomScripts(seed: int, count: int) -> Iterator[Script]:
    """C{count} connections that send random bytes or random structure, equal for equal C{seed}."""
    chance = random.Random(seed)
    for _ in range(count):
        if chance.random() < 0.5:
            yield Bomb(bombs.randomBytes(chance))
        else:
            said = [rawpb.encode(bombs.randomExpression(chance)) for _ in range(chance.randrange(1, 6))]
            yield Bomb(bombs.READY + b"".join(said))


def tripwire(directory: str) -> str:
    """Write a module into C{directory} that no genuine slave names. The returned file appears when it is
    imported.
    """
    mark = os.path.join(directory, "imported")
    with open(os.path.join(directory, bombs.TRIPWIRE + ".py"), "w") as module:
        module.write(f"open({mark!r}, 'w').close()\nclass Thing: pass\n")
    return mark
