"""Slaves that build, many in one process: C{python -m tests.benchmarks.buildslaves}.

Each command gets the answers of a real slave: it is created, sends updates (one header, C{--updates} pieces
of standard output of C{--size} bytes, an exit status), and is complete. No command is run, and its arguments
are ignored. The bytes are the same for all commands except for one object number. So they are made once, and
these slaves cost much less than their master.

It obeys the lines of C{simslaves} on its standard input, and C{work}: the number of commands started and
completed since the last C{work}, and the CPU seconds used.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import sys
import time
from typing import Any

from tests.benchmarks import rawpb
from tests.benchmarks.generations import Generation
from tests.benchmarks.rawpb import Expression
from tests.benchmarks.simslaves import Farm, SimSlave, Stage, makeParser, serve

#: The request number of every update. One number for all, so that all answers are the same few bytes.
_UPDATE = 987654321
_COMPLETE = _UPDATE + 1
_NO_KEYWORDS: Expression = [b"dictionary"]
#: The most bytes written to a socket at once.
_BLOCK = 1 << 16


class Script:
    """I am the messages of one command, for one generation of slaves; only the number of the object is
    missing."""

    def __init__(self, generation: Generation, options: argparse.Namespace) -> None:
        word = generation.word
        self._first = self._update((word("header"), word("true\n in dir /some/where (timeout 1200 secs)\n")))
        line = "x" * (options.size - 1) + "\n" if options.size else ""
        self._output = self._update((word("stdout"), word(line)))
        self._rc = {rc: self._update((word("rc"), rc)) for rc in (0, 1, -1)}
        self._last = self._called(_COMPLETE, b"complete", rawpb.NONE)

    def _called(self, request: int, method: bytes, argument: Expression) -> tuple[bytes, bytes]:
        """A message in two halves; the number of its object belongs between them."""
        whole = rawpb.message(request, 0, method, argument)
        before = rawpb.prefix(7) + b"\x80" + rawpb.encode(b"message") + rawpb.encode(request)
        return before, whole[len(before) + len(rawpb.encode(0)) :]

    def _update(self, *pairs: tuple[Expression, Expression]) -> tuple[bytes, bytes]:
        return self._called(_UPDATE, b"update", [b"list", [b"list", rawpb.dictionary(*pairs), 0]])

    def first(self, reference: bytes) -> bytes:
        """The message that the command has begun."""
        return reference.join(self._first)

    def output(self, reference: bytes) -> bytes:
        """Some standard output."""
        return reference.join(self._output)

    def end(self, reference: bytes, number: int, rc: int = 0) -> bytes:
        """The messages with the exit status, the end of the command, and the release of its object."""
        forgotten = rawpb.encode([b"decref", number])
        return reference.join(self._rc[rc]) + reference.join(self._last) + forgotten


class BuildSlave(SimSlave):
    """I am a slave that can run one command for each of its builders; only one of them may stream."""

    __slots__ = ("left", "piece", "running", "script", "then")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.left = 0  # the number of pieces of output still to send, as fast as possible
        self.piece = b""
        self.then = b""  # what is sent after them
        self.running: dict[bytes, tuple[bytes, int]] = {}  # command ID -> the reference to its object


class BuildFarm(Farm):
    """I run slaves that build."""

    slaveClass = BuildSlave
    noise = rawpb.answer(_UPDATE, 0)

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._scripts = {each.release: Script(each, options) for each in self._generations}
        self._agenda: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self._count = itertools.count()
        self._chance = random.Random(options.first)
        self._started = self._ended = 0

    # commands

    def heard(self, slave: SimSlave, expression: Expression, out: list[bytes]) -> bool:
        """See L{Farm}. Starts and interrupts commands."""
        if isinstance(expression, list) and expression[0] == b"message":
            _, request, _target, method, wanted, arguments, _ = expression
            if method == b"startCommand":
                if wanted:
                    out.append(rawpb.answer(request, rawpb.NONE))  # type: ignore[arg-type]
                self._begin(slave, arguments, out)
                return False
            if method == b"interruptCommand":
                if wanted:
                    out.append(rawpb.answer(request, rawpb.NONE))  # type: ignore[arg-type]
                self._interrupt(slave, arguments, out)
                return False
        return super().heard(slave, expression, out)

    def _begin(self, slave: Any, arguments: Any, out: list[bytes]) -> None:
        self._started += 1
        number, commandID = rawpb.numberIn(arguments[1]), rawpb.encode(arguments[2])
        reference = rawpb.encode(number)
        script = self._scripts[slave.bot.generation.release]
        options = self._options
        slave.running[commandID] = (reference, number)
        out.append(script.first(reference))
        piece = script.output(reference)
        if options.rate:
            for turn in range(options.updates):
                self._later((turn + 1) / options.rate, self._say, slave, commandID, piece)
            self._later((options.updates + 1) / options.rate, self._finish, slave, commandID)
        elif options.duration:
            out.append(piece * options.updates)
            self._later(options.duration * self._chance.random(), self._finish, slave, commandID)
        elif len(piece) * options.updates <= _BLOCK:
            out.append(piece * options.updates)
            out.append(self._end(slave, commandID))
        else:
            slave.piece, slave.left = piece, options.updates
            slave.then = self._end(slave, commandID)

    def _interrupt(self, slave: Any, arguments: Any, out: list[bytes]) -> None:
        commandID = rawpb.encode(arguments[1])
        if commandID in slave.running:
            out.append(self._end(slave, commandID, -1))

    def _end(self, slave: Any, commandID: bytes, rc: int = 0) -> bytes:
        self._ended += 1
        reference, number = slave.running.pop(commandID)
        return self._scripts[slave.bot.generation.release].end(reference, number, rc)

    # delayed messages

    def _later(self, seconds: float, what: Any, *arguments: Any) -> None:
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._count), what, arguments))

    def _say(self, slave: Any, commandID: bytes, data: bytes) -> None:
        if commandID in slave.running and slave.stage is Stage.ATTACHED:
            self.send(slave, data)

    def _finish(self, slave: Any, commandID: bytes) -> None:
        if commandID in slave.running and slave.stage is Stage.ATTACHED:
            self.send(slave, self._end(slave, commandID))

    def turn(self, timeout: float) -> bool:
        """See L{Farm}. First sends the messages that are due."""
        while self._agenda:
            when, _, what, arguments = self._agenda[0]
            wait = when - time.monotonic()
            if wait > 0:
                return super().turn(wait if timeout < 0 else min(wait, timeout))
            heapq.heappop(self._agenda)
            what(*arguments)
        return super().turn(timeout)

    def hasMore(self, slave: Any) -> bool:
        """See L{Farm}."""
        return bool(slave.unsent or slave.left)

    def writable(self, slave: Any) -> None:
        """See L{Farm}. Writes one block at a time, so that all slaves advance together."""
        if slave.unsent or not slave.left:
            self.send(slave, b"")
            return
        count = min(slave.left, max(1, _BLOCK // len(slave.piece)))
        slave.left -= count
        data = slave.piece * count
        self.send(slave, data if slave.left else data + slave.then)

    # slaves that reconnect

    def end(self, slave: SimSlave, stage: Stage) -> None:
        """See L{Farm}."""
        super().end(slave, stage)
        if self._options.reconnect:
            self._later(self._options.reconnect, self._again, slave)

    def _again(self, slave: SimSlave) -> None:
        self._all.remove(slave)
        self.dial(slave.number)

    # commands on standard input

    def obey(self, command: bytes) -> dict[str, Any]:
        """See L{Farm}."""
        if command == b"work":
            report = {"started": self._started, "complete": self._ended, "cpu": time.process_time()}
            self._started = self._ended = 0
            return report
        return super().obey(command)


def main(arguments: list[str]) -> None:
    """Attach the slaves, print the report, serve until the end of input."""
    parser = makeParser("buildslaves")
    parser.add_argument("--updates", type=int, default=1, help="pieces of standard output a command")
    parser.add_argument("--size", type=int, default=80, help="bytes of each")
    parser.add_argument("--rate", type=float, default=0, help="pieces a second (0: as fast as can be)")
    parser.add_argument("--duration", type=float, default=0, help="seconds that a command takes at most")
    parser.add_argument("--reconnect", type=float, default=0, help="seconds until a lost slave is back")
    options = parser.parse_args(arguments)
    serve(BuildFarm(options), options.count)


if __name__ == "__main__":
    main(sys.argv[1:])
