"""Compare our codec with Twisted's: C{python -m tests.benchmarks.codec [--short]}.

Each row is one message or value of an attachment or a build. Both codecs handle it, in turn, in one run; a
figure is the best of several. The exit status is 1 if a promise is broken. L{tests.benchmarks.attach}
measures a whole master.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.spread import banana, pb
from twisted.spread import jelly as twisteds

from buildbot.wire.banana import AFTER_LOGIN, Decoder
from buildbot.wire.encoding import encode, encodeCall, encodeValue
from buildbot.wire.jelly import unjelly

#: The promised ratio of Twisted's time to ours, for each kind of work.
PROMISED = {"decode": 5.0, "encode": 2.3, "value+unjelly": 3.0, "attach": 4.0, "segments": 10.0}
#: The seconds of work for one figure.
TIME, SHORT_TIME = 0.05, 0.01
ROUNDS, SHORT_ROUNDS = 7, 3

COMMANDS = (
    b"arch bk bzr cvs darcs downloadFile dummy dummy.fail dummy.wait git hg mode monotone p4 shell svn "
    b"uploadDirectory uploadFile repo"
).split()


class Broker(pb.Broker):
    """A connection for Twisted's codec; no bytes are sent over it."""

    serializingPerspective = None
    unserializingPerspective = None

    def __init__(self) -> None:
        super().__init__(isClient=False)
        self.received: list[Any] = []
        self.written: list[bytes] = []
        self.makeConnection(self)
        self.currentDialect = b"pb"

    def expressionReceived(self, obj: Any) -> None:
        self.received.append(obj)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def sendDecRef(self, objectID: object) -> None:
        """Do nothing: thousands of references are dropped here."""

    def decode(self, data: bytes) -> list[Any]:
        """Decode C{data} with Twisted."""
        self.received.clear()
        self.dataReceived(data)
        return self.received

    def encode(self, expression: Any) -> bytes:
        """Encode C{expression} with Twisted."""
        self.written.clear()
        self.sendEncoded(expression)
        return b"".join(self.written)

    def jelly(self, value: Any) -> Any:
        """Jelly C{value} with Twisted."""
        return twisteds.jelly(value, self.security, None, self)

    def unjelly(self, expression: Any) -> Any:
        """Unjelly C{expression} with Twisted."""
        return twisteds.unjelly(expression, self.security, None, self)


@dataclass(frozen=True)
class Row:
    """Two ways to do one C{kind} of work on C{what}; each function does it C{each} times."""

    kind: str
    what: str
    ours: Callable[[], object]
    twisteds: Callable[[], object]
    each: int = 1


def _decoded(decoder: Decoder, data: bytes) -> list[Any]:
    return list(decoder.decode(data))


def _bothWaysByUs(value: Any, expression: Any, broker: Broker) -> object:
    return encodeValue(value, broker), unjelly(expression, broker)


def _bothWaysByTwisted(value: Any, expression: Any, broker: Broker) -> object:
    return broker.encode(broker.jelly(value)), broker.unjelly(expression)


def message(number: int, method: bytes, args: Any, broker: Broker) -> list[Any]:
    """A message that calls a method."""
    return [b"message", number, 12, method, 1, broker.jelly(args), broker.jelly({})]


def rows() -> Iterable[Row]:
    """All rows. For each pair of functions, this checks that both give the same result."""
    broker = Broker()
    decoder = Decoder(AFTER_LOGIN, vocabulary=True)
    lines = {
        "one-line update (python 2)": [[{b"stdout": b"x" * 60 + b"\n"}, 0]],
        "one-line update (python 3)": [[{"stdout": "x" * 60 + "\n"}, 0]],
    }
    commands = {name: b"2.9" for name in COMMANDS}
    textCommands = {name.decode(): "3.3" for name in COMMANDS}
    names = [f"builder-{number}" for number in range(50)]
    references = [b"dictionary", *([name.encode(), [b"remote", 7 + n]] for n, name in enumerate(names))]
    messages: dict[str, Any] = {
        **{name: message(200, b"update", (update,), broker) for name, update in lines.items()},
        "getCommands answer": [b"answer", 3, broker.jelly(commands)],
        "50 builders": [b"answer", 4, references],
    }
    for name, expression in messages.items():
        data = broker.encode(expression)
        assert list(decoder.decode(data)) == broker.decode(data) == [expression]
        assert encode(expression) == data
        yield Row("decode", name, partial(_decoded, decoder, data), partial(broker.decode, data))
        yield Row("encode", name, partial(encode, expression), partial(broker.encode, expression))
    update = broker.encode(messages["one-line update (python 2)"])
    read = update * 425
    yield Row(
        "decode",
        f"a {len(read) // 1024} KiB read of 425 updates, each",
        lambda: list(decoder.decode(read)),
        lambda: broker.decode(read),
        425,
    )
    builders = [(name, name) for name in names]
    values: dict[str, Any] = {
        **lines,
        "getCommands answer (python 2)": commands,
        "getCommands answer (python 3)": textCommands,
        "list of 50 builders": builders,
    }
    for name, value in values.items():
        expression = next(iter(decoder.decode(encodeValue(value, broker))))
        assert unjelly(expression, broker) == broker.unjelly(expression) == value
        yield Row(
            "value+unjelly",
            name,
            partial(_bothWaysByUs, value, expression, broker),
            partial(_bothWaysByTwisted, value, expression, broker),
        )
    yield attachment(broker, decoder, commands, builders)
    yield segments()


def attachment(broker: Broker, decoder: Decoder, commands: Any, builders: Any) -> Row:
    """All work of the codec to attach one slave with ten builders, in two volleys."""
    said = [(3, 1, b"print", 0), (4, 1, b"getCommands", 1), (5, 1, b"getSlaveInfo", 1)]
    said += [(6, 1, b"setBuilderList", 1)]
    args = [(b"attached",), (), (), ([(name.encode(), place.encode()) for name, place in builders[:10]],)]
    references = [
        b"dictionary",
        *([name.encode(), [b"remote", 7 + n]] for n, (name, _) in enumerate(builders[:10])),
    ]
    info = {b"admin": b"Somebody <somebody@example.org>\n", b"host": b"A machine of 2006, 512 MB\n" * 3}
    heard = broker.encode([b"answer", 4, broker.jelly(commands)])
    heard += broker.encode([b"answer", 5, broker.jelly(info)]) + broker.encode([b"answer", 6, references])

    def ours() -> tuple[list[bytes], list[Any]]:
        sent = [encodeCall(b"message", *m, a, {}, broker) for m, a in zip(said, args, strict=True)]
        return sent, [unjelly(expression[2], broker) for expression in decoder.decode(heard)]

    def theirs() -> tuple[list[bytes], list[Any]]:
        sent = [
            broker.encode([b"message", *m, broker.jelly(a), broker.jelly({})])
            for m, a in zip(said, args, strict=True)
        ]
        return sent, [broker.unjelly(expression[2]) for expression in broker.decode(heard)]

    assert ours()[0] == theirs()[0]
    return Row("attach", "all messages of one attachment", ours, theirs)


def segments() -> Row:
    """The last bytes of a long string, one byte at a time."""
    data = banana.encode(b"x" * 600_000)
    most, rest = data[:-1001], [data[place : place + 1] for place in range(len(data) - 1001, len(data) - 1)]

    def ours() -> None:
        decoder = Decoder(AFTER_LOGIN)
        list(decoder.decode(most))
        for segment in rest:
            list(decoder.decode(segment))

    def theirs() -> None:
        decoder = Broker()
        decoder.dataReceived(most)
        for segment in rest:
            decoder.dataReceived(segment)

    return Row("segments", "1-byte segments of a 600 KB string, each", ours, theirs, 1000)


def timed(function: Callable[[], object], seconds: float) -> float:
    """The average seconds of one call, from calls for about C{seconds}."""
    started = time.perf_counter()
    function()
    count = max(1, int(seconds / (time.perf_counter() - started)))
    started = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - started) / count


def main(argv: list[str] | None = None) -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the time")
    short = parser.parse_args(argv).short
    seconds, rounds = (SHORT_TIME, SHORT_ROUNDS) if short else (TIME, ROUNDS)
    print(f"{'':14} {'':43} {'ours':>9} {'Twisted':>9}")
    broken = []
    for row in rows():
        both = [(timed(row.ours, seconds), timed(row.twisteds, seconds)) for _ in range(rounds)]
        ours, theirs = (min(figures) / row.each for figures in zip(*both, strict=True))
        print(
            f"{row.kind:14} {row.what:43} {ours * 1e6:6.2f} us {theirs * 1e6:6.2f} us  x{theirs / ours:.1f}"
        )
        if theirs / ours < PROMISED[row.kind]:
            broken.append(f"{row.kind}, {row.what}: x{theirs / ours:.1f}, promised x{PROMISED[row.kind]}")
    for line in broken:
        print("BROKEN:", line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
