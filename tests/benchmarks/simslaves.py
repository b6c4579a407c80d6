"""Many slaves in one process, each much cheaper than its master: C{python -m tests.benchmarks.simslaves}.

Every slave logs in and answers like a real one of its generation. It runs no build (see C{buildslaves}) and
never reconnects. It works with any PB server that attaches slaves.

It prints one line of JSON when all slaves are attached or lost, and holds the connections. Each line on its
standard input is a command, answered by one line of JSON:

  - C{mark}: forget the bytes received so far
  - C{count}: the bytes received since the mark, and the number of connected slaves
  - C{keepalive}: every slave calls C{keepalive} at once; the answer is the time until all are answered
  - C{quit}, or the end of the input: close everything
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
import time
from collections import deque
from enum import Enum
from typing import Any

from tests.benchmarks import rawpb
from tests.benchmarks.generations import GENERATIONS, MIND, Bot
from tests.benchmarks.machine import raiseFileLimit
from tests.benchmarks.rawpb import Expression

_READ = 65536
_MEMORY = 4096


class Stage(Enum):
    """The stages of a slave's login."""

    CONNECTING = "connecting"
    GREETED = "asked to log in"
    PROVING = "answered the challenge"
    ATTACHED = "attached"
    REFUSED = "refused"
    LOST = "lost"


class SimSlave:
    """I am one slave: a bot, its socket, and the received part of an incomplete message."""

    __slots__ = (
        "asking", "avatar", "began", "bot", "challenger", "name", "number", "pending", "received", "request",
        "sock", "stage", "took", "unsent", "writing",
    )  # fmt: skip

    def __init__(self, name: str, number: int, bot: Bot, sock: socket.socket) -> None:
        self.name = name
        self.number = number
        self.bot = bot
        self.sock = sock
        self.stage = Stage.CONNECTING
        self.pending = b""
        self.unsent = b""
        self.writing = False
        self.received = 0
        self.request = 2
        self.challenger = 0
        self.avatar = 0
        self.asking = False
        self.began = 0.0
        self.took = 0.0


class Farm:
    """
    I run the slaves named C{pattern % number} over one epoll.

    If the answers to a batch of calls depend on its bytes alone, I remember the batch with its answers. All
    slaves of one farm get the same calls under the same request numbers, so most batches are parsed once.

    @cvar noise: bytes that masters send often and that need no answer; they are not parsed.
    """

    slaveClass: type[SimSlave] = SimSlave
    noise = b""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._address = (options.host, options.port)
        self._password = options.password.encode()
        self._generations = [GENERATIONS[release] for release in options.generation.split(",")]
        self._poll = select.epoll()
        self._slaves: dict[int, SimSlave] = {}
        self._all: list[SimSlave] = []
        self._waiting = deque(range(options.first, options.first + options.count))
        self._settled = 0
        self._answers: dict[tuple[str, bytes], bytes] = {}

    # connecting

    def attachAll(self) -> dict[str, Any]:
        """Attach every slave; return the report with the outcome of each."""
        inFlight = self._options.in_flight or len(self._waiting)
        total = len(self._waiting)
        for _ in range(min(inFlight, total)):
            self._prepare(self._waiting.popleft())
        began = time.monotonic()
        cpu = time.process_time()
        for slave in self._all:
            self._connect(slave)
        deadline = began + self._options.timeout
        last = began
        while self._settled < total and time.monotonic() < deadline:
            before = self._settled
            self.turn(0.5)
            for _ in range(self._settled - before):
                last = time.monotonic()
                if self._waiting:
                    self.dial(self._waiting.popleft())
        return self._report(last - began, time.process_time() - cpu)

    def dial(self, number: int) -> None:
        """Connect one more slave."""
        self._prepare(number)
        self._connect(self._all[-1])

    def _prepare(self, number: int) -> None:
        generation = self._generations[number % len(self._generations)]
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        if self._options.sources > 1:
            # many addresses, so that neither ports nor limits per address run out
            source = 2 + number % self._options.sources
            sock.bind((f"127.0.{source >> 8}.{source & 255}", 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._all.append(self.slaveClass(self._options.pattern % number, number, Bot(generation), sock))

    def _connect(self, slave: SimSlave) -> None:
        slave.began = time.monotonic()
        fileno = slave.sock.fileno()
        self._slaves[fileno] = slave
        try:
            slave.sock.connect(self._address)
        except BlockingIOError:
            pass
        except OSError:
            self.end(slave, Stage.LOST)
            return
        self._poll.register(fileno, select.EPOLLIN)

    def _report(self, seconds: float, cpu: float) -> dict[str, Any]:
        took = sorted(slave.took for slave in self._all if slave.stage is Stage.ATTACHED)
        stages = [slave.stage for slave in self._all]
        report: dict[str, Any] = {
            "attached": len(took),
            "refused": stages.count(Stage.REFUSED),
            "lost": stages.count(Stage.LOST),
            "stuck": len(stages) - len(took) - stages.count(Stage.REFUSED) - stages.count(Stage.LOST),
            "seconds": round(seconds, 4),
            "perSecond": round(len(took) / seconds, 1) if seconds else 0.0,
            "clientCpuMs": round(cpu * 1000 / max(1, len(stages)), 4),
            "builders": sum(len(slave.bot.builders) for slave in self._all),
        }
        if took:
            report["median"] = round(took[len(took) // 2], 4)
            report["p99"] = round(took[len(took) * 99 // 100], 4)
            report["worst"] = round(took[-1], 4)
        if self._options.times:
            report["times"] = [round(each, 5) for each in took]
        return report

    # one turn of the loop

    def turn(self, timeout: float) -> bool:
        """Handle one batch of events; True if standard input (when watched) is ready."""
        commanded = False
        for fileno, event in self._poll.poll(timeout):
            slave = self._slaves.get(fileno)
            if slave is None:
                commanded = True
            else:
                if event & select.EPOLLOUT and slave.writing:
                    self.writable(slave)
                if event & ~select.EPOLLOUT and slave.sock.fileno() == fileno:
                    self._read(slave)
        return commanded

    def _read(self, slave: SimSlave) -> None:
        try:
            data = slave.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end(slave, Stage.LOST)
            return
        slave.received += len(data)
        if self.noise:
            data = data.replace(self.noise, b"")
            if not data:
                return
        if not slave.pending:
            known = self._answers.get((slave.bot.generation.release, data))
            if known is not None:
                self.send(slave, known)
                return
        batch = slave.pending + data if slave.pending else data
        self._serve(slave, batch, fresh=not slave.pending)

    def _serve(self, slave: SimSlave, batch: bytes, fresh: bool) -> None:
        out: list[bytes] = []
        at = 0
        memorable = fresh
        while True:
            found = rawpb.decodeAt(batch, at)
            if found is None:
                break
            expression, at = found
            memorable = self.heard(slave, expression, out) and memorable
        slave.pending = batch[at:]
        answers = b"".join(out)
        if memorable and not slave.pending and len(self._answers) < _MEMORY:
            self._answers[slave.bot.generation.release, batch] = answers
        if answers:
            self.send(slave, answers)

    def writable(self, slave: SimSlave) -> None:
        """A socket is writable again, and its slave has bytes to send."""
        self.send(slave, b"")

    def hasMore(self, slave: SimSlave) -> bool:
        """True if the slave has more to send as soon as its socket is writable."""
        return bool(slave.unsent)

    def send(self, slave: SimSlave, data: bytes) -> None:
        """Send bytes, after those that wait to be sent."""
        data = slave.unsent + data if slave.unsent else data
        try:
            sent = slave.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end(slave, Stage.LOST)
            return
        slave.unsent = data[sent:]
        writing = self.hasMore(slave)
        if writing != slave.writing:
            slave.writing = writing
            self._poll.modify(slave.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if writing else 0))

    def end(self, slave: SimSlave, stage: Stage) -> None:
        """Forget a slave whose connection is gone."""
        if slave.stage not in (Stage.ATTACHED, Stage.REFUSED):
            self._settled += 1
        if slave.stage is not Stage.REFUSED:
            slave.stage = stage
        slave.asking = False
        self._slaves.pop(slave.sock.fileno(), None)
        slave.sock.close()

    # the conversation

    def heard(self, slave: SimSlave, expression: Expression, out: list[bytes]) -> bool:
        """Append the answer to C{expression} to C{out}; True if every slave would give the same answer."""
        if not isinstance(expression, list):
            return False
        head: Any = expression[0]
        if head == b"message":
            answer, memorable = slave.bot.answer(expression)
            out.append(answer)
            return memorable
        if head == b"answer":
            self._answered(slave, expression, out)
        elif head == b"error" and slave.stage is not Stage.ATTACHED:
            self._settled += 1
            slave.stage = Stage.REFUSED
        elif slave.stage is Stage.CONNECTING:
            # the greeting
            slave.stage = Stage.GREETED
            out.append(rawpb.opening(slave.name.encode()))
        return False

    def _answered(self, slave: SimSlave, answer: Any, out: list[bytes]) -> None:
        _, request, value = answer
        if slave.stage is Stage.GREETED:
            challenge, slave.challenger = rawpb.challengeIn(value)
            out.append(rawpb.response(challenge, slave.challenger, self._password, rawpb.remote(MIND)))
            slave.stage = Stage.PROVING
        elif slave.stage is Stage.PROVING and request == 2:
            # a real client now releases the challenger
            out.append(rawpb.encode([b"decref", slave.challenger]))
            slave.avatar = rawpb.numberIn(value)
            slave.took = time.monotonic() - slave.began
            slave.stage = Stage.ATTACHED
            self._settled += 1
        else:
            slave.asking = False

    # after the attachment

    def close(self) -> None:
        """Close all connections."""
        for slave in self._slaves.values():
            slave.sock.close()
        self._poll.close()

    def hold(self) -> None:
        """Serve the slaves and the commands on standard input until told to quit."""
        self._poll.register(0, select.EPOLLIN)
        commands = b""
        while True:
            if not self.turn(-1):
                continue
            read = os.read(0, _READ)
            commands += read
            while b"\n" in commands:
                command, commands = commands.split(b"\n", 1)
                if command == b"quit":
                    return
                say(self.obey(command))
            if not read:
                return

    def obey(self, command: bytes) -> dict[str, Any]:
        """The answer to one line of standard input."""
        if command == b"mark":
            for slave in self._all:
                slave.received = 0
            return {}
        if command == b"count":
            received = [slave.received for slave in self._all]
            return {
                "received": sum(received),
                "most": max(received, default=0),
                "slavesThatReceived": sum(1 for each in received if each),
                "connected": len(self._slaves),
            }
        if command == b"keepalive":
            return self._keepalive()
        return {"error": f"unknown command {command!r}"}

    def _keepalive(self) -> dict[str, Any]:
        began = time.monotonic()
        asked = list(self._slaves.values())
        for slave in asked:
            slave.request += 1
            slave.asking = True
            self.send(slave, rawpb.message(slave.request, slave.avatar, b"keepalive"))
        while any(slave.asking for slave in asked) and time.monotonic() < began + self._options.timeout:
            self.turn(0.5)
        return {"asked": len(asked), "seconds": round(time.monotonic() - began, 4)}


def say(report: dict[str, Any]) -> None:
    """Print one line of JSON, and flush it."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def makeParser(module: str) -> argparse.ArgumentParser:
    """Make the parser with the options of all such modules."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.{module}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first slave")
    parser.add_argument("--pattern", default="bot%05d", help="name of a slave, from its number")
    parser.add_argument("--password", default="secret")
    releases = ",".join(GENERATIONS)
    parser.add_argument("--generation", default="0.7.12", help=f"a release, or several in turn: {releases}")
    parser.add_argument("--in-flight", type=int, default=0, help="how many log in at a time (0: all at once)")
    parser.add_argument("--sources", type=int, default=1, help="how many loopback addresses they come from")
    parser.add_argument("--timeout", type=float, default=120.0)
    parser.add_argument("--times", action="store_true", help="report how long each slave took")
    return parser


def parseOptions(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; see its C{--help}."""
    return makeParser("simslaves").parse_args(arguments)


def serve(farm: Farm, count: int) -> None:
    """Attach the slaves, print the report, serve until the end of input."""
    raiseFileLimit(count + 50)
    say(farm.attachAll())
    farm.hold()


def main(arguments: list[str]) -> None:
    """Run the slaves of the command line."""
    options = parseOptions(arguments)
    serve(Farm(options), options.count)


if __name__ == "__main__":
    main(sys.argv[1:])
