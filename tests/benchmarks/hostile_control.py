# -*- test-case-name: tests.integration.test_hostile_control -*-
"""
Scenarios at the control socket: clients that hang, and nonsensical requests.

They are rows of L{tests.benchmarks.hostile}. L{tests.integration.test_hostile_control} asserts the figures.
"""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from buildbot.control.client import ask
from buildbot.control.protocol import COMMANDS
from tests.benchmarks.machine import forgetPeak, peakKiB, rssKiB, settle
from tests.benchmarks.servers import Server

#: The number of clients that never read, and the most requests of each.
CLIENTS, QUESTIONS = 20, 3000
_STATUS = b'{"command": "status"}\n'
#: The values of parameters in nonsensical requests.
_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 5, 2.5, 2**70, "", "nobody", "\ud800", "x" * 5000, "\0\x1b[2J"),
    *([], ["a"], {}, {"a": {"b": []}}),
)
_LINES = (
    b"\n",
    b"[]\n",
    b"null\n",
    b"\xff\xfe\n",
    b"GET / HTTP/1.0\n",
    b"[" * 20000 + b"\n",
    b'{"command": 7}\n',
)


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """A client of the control socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(os.path.join(server.basedir, "control.sock"))
        yield client


@dataclass
class Unread:
    """The cost of clients that send requests and never read the answers.

    @ivar peak: the highest rise of the master's memory, in KiB.
    @ivar slowest: the longest wait of another client for an answer, in seconds.
    """

    peak: int
    slowest: float


def unread(server: Server, seconds: float) -> Unread:
    """Let L{CLIENTS} clients send requests until the master stops reading; meanwhile time another client."""
    settle(server.pid)
    before = rssKiB(server.pid)
    forgetPeak(server.pid)
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            client = stack.enter_context(connected(server))
            client.setblocking(False)
            try:
                for _ in range(QUESTIONS // 100):
                    client.send(_STATUS * 100)
            except BlockingIOError:
                continue  # the master has stopped reading
        end = time.monotonic() + seconds
        slowest = 0.0
        while time.monotonic() < end:
            began = time.monotonic()
            ask(server.basedir, "status", 30)
            slowest = max(slowest, time.monotonic() - began)
        peak = peakKiB(server.pid) - before
    return Unread(peak, slowest)


@dataclass
class Nonsense:
    """The results of nonsensical requests.

    @ivar asked: the number of requests.
    @ivar answered: the number of answers.
    @ivar internal: the number of answers C{internal error}.
    """

    asked: int = 0
    answered: int = 0
    internal: int = 0


def nonsense(server: Server, count: int, seed: int = 1) -> Nonsense:
    """Send requests of every command with random parameters, and invalid lines.

    The names in them do not exist in the master, so no request affects a real builder or slave.
    """
    chance = random.Random(seed)
    came = Nonsense()
    with connected(server) as client, client.makefile("rb") as answers:
        for _ in range(count):
            line = chance.choice(_LINES)
            if chance.random() < 0.9:
                command = chance.choice([name for name in COMMANDS if name not in ("reconfig", "shutdown")])
                names = [*COMMANDS[command], "speed"]
                params = {name: chance.choice(_VALUES) for name in names if chance.random() < 0.7}
                line = json.dumps({**params, "command": command}).encode() + b"\n"
            client.sendall(line)
            came.asked += 1
            said = json.loads(answers.readline() or b"null")
            came.answered += isinstance(said, dict)
            came.internal += "internal error" in str(said)
    return came


def _unread(server: Server, sizes: Any) -> str:
    came = unread(server, sizes.seconds)
    return f"{CLIENTS} clients never read: {came.peak} KiB, others wait {came.slowest:.3f} s at most"


def _nonsense(server: Server, sizes: Any) -> str:
    came = nonsense(server, sizes.guesses)
    return f"{came.asked} requests, {came.answered} answered, {came.internal} as internal errors"


SCENARIOS: dict[str, Callable[[Server, Any], str]] = {
    "control-unread": _unread,
    "control-nonsense": _nonsense,
}
