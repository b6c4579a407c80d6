# -*- test-case-name: tests.integration.test_hostile_budgets -*-
"""Attacks by slaves that send too much of what is allowed: the cost for the master and for other slaves.

Each attack is sent by one slave, once it has a command to run. The result is the cost for the master, the
wait of an honest slave for an answer meanwhile, and the results of the build.

C{python -m tests.benchmarks.hostile_budgets PORT NAME} is that honest slave.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from buildbot.control.server import ask
from buildbot.model.results import RETRY
from tests import hostile
from tests.benchmarks import rawpb
from tests.benchmarks.machine import conversation, forgetPeak, peakKiB, rssKiB, settle
from tests.benchmarks.rawpb import NONE, Expression, dictionary, encode, remote
from tests.benchmarks.servers import PASSWORD, PATTERN, Server
from tests.hostile import Crowd, Slave

#: The builders of the hostile slaves; each attack names one of them.
CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.python import PyFlakes
from buildbot.steps.python_twisted import Trial
from buildbot.steps.shell import Compile, SetProperty, ShellCommand
from buildbot.steps.transfer import DirectoryUpload, FileUpload

STEPS = {
    "plain": (ShellCommand, dict(command=["x"])),
    "lines": (Compile, {}),
    "trial": (Trial, dict(testpath=".", tests=["x"])),
    "flakes": (PyFlakes, {}),
    "property": (SetProperty, dict(property="said", command=["x"])),
    "upload": (FileUpload, dict(slavesrc="x", masterdest="uploads/x", maxsize=1000)),
    "archive": (
        DirectoryUpload,
        dict(slavesrc="x", masterdest="archives", compress="gz", maxsize=10_000_000, flunkOnFailure=True),
    ),
}
for number, kind in enumerate(STEPS):
    step, arguments = STEPS[kind]
    recipe = BuildFactory()
    recipe.addStep(step, **arguments)
    c["builders"].append(
        {"name": kind, "slavename": names[number], "builddir": kind, "factory": recipe}
    )
"""
KINDS = ("plain", "lines", "trial", "flakes", "property", "upload", "archive")
#: A size just below the limit of one string on the wire, in bytes.
_LONG = 600_000
#: The number of the honest slave.
_HONEST = 49


# ---- messages of a slave


def update(command: int, *updates: Expression) -> bytes:
    """A message with updates of a command; it asks for no answer."""
    pairs: list[Expression] = [[b"list", each, 0] for each in updates]
    arguments: Expression = [b"tuple", [b"list", *pairs]]
    return encode([b"message", 1 << 20, command, b"update", 0, arguments, [b"dictionary"]])


def said(key: str, value: Expression) -> Expression:
    """An update with one key and value."""
    return dictionary((rawpb.text(key), value))


def over(command: int, rc: int = 0) -> bytes:
    """The messages at the end of a command that exits with C{rc}."""
    return update(command, said("rc", rc)) + complete(command, NONE)


def complete(command: int, failure: Expression) -> bytes:
    """The message at the end of a command, with its failure."""
    return rawpb.message(1 << 21, command, b"complete", failure)


def foldedValue(wide: int = 10, deep: int = 5) -> Expression:
    """A value of some hundred bytes that stands for 10^6 values, by references to its own parts."""
    empty: list[Expression] = [[b"list"] for _ in range(wide)]
    parts: list[Expression] = [[b"reference", 1, [b"list", *empty]]]
    for number in range(2, deep + 1):
        inner: list[Expression] = [[b"dereference", number - 1] for _ in range(wide)]
        parts.append([b"reference", number, [b"list", *inner]])
    return [b"list", *parts]


def _folded(command: int) -> bytes:
    return update(command, said("k", foldedValue())) * 20


def _news(command: int) -> bytes:
    return b"".join(update(command, said(f"k{n}", bytes(_LONG))) for n in range(80))


def _keys(command: int) -> bytes:
    return b"".join(update(command, dictionary((b"%d" % n + bytes(_LONG), 1))) for n in range(80))


def _smallNews(command: int) -> bytes:
    empty: list[Expression] = [[b"list"]]
    value: Expression = [b"list", *(empty * 30_000)]
    return update(command, said("k", value)) * 60 + over(command)


def _nothing(command: int) -> bytes:
    empty = [said("stdout" if n % 2 else "stderr", b"") for n in range(6_000)]
    return update(command, *empty) * 30 + over(command)


def _crumbs(command: int) -> bytes:
    crumbs = [said("stdout" if n % 2 else "stderr", b"x") for n in range(6_000)]
    return update(command, *crumbs) * 30 + over(command)


def _lines(command: int) -> bytes:
    output = b"\n" * _LONG
    return update(command, *[said("stdout", output)] * 25) + over(command)


def _warnings(command: int) -> bytes:
    output = b"x: warning: y\n" * (_LONG // 14)
    return update(command, *[said("stdout", output)] * 25) * 2 + over(command)


def _oneLine(command: int) -> bytes:
    return update(command, *[said("stdout", b"warning" * (_LONG // 7))] * 25) + over(command)


def _wideText(command: int) -> bytes:
    text: Expression = [b"unicode", b"x" * _LONG + "\U0001f600".encode()]
    return update(command, *[said("stdout", text)] * 25) + over(command)


def _property(command: int) -> bytes:
    return update(command, *[said("stdout", b"ab\n" * (_LONG // 3))] * 25) * 4 + over(command)


def _tests(command: int) -> bytes:
    rule, below = b"=" * 79, b"-" * 79
    block = rule + b"\n[FAIL]\n" + b"".join(b"a.b%d\n" % n for n in range(900))
    output = said("stdout", (block * 60)[:_LONG])
    return update(command, *[output] * 25) * 3 + update(command, said("stdout", below)) + over(command)


def _messages(command: int) -> bytes:
    output = b"".join(b"a:%d: x\n" % n for n in range(_LONG // 10))[:_LONG]
    return update(command, *[said("stdout", output)] * 25) * 4 + over(command)


def _digits(command: int) -> bytes:
    output = b"Ran " + b"9" * 9_000 + b" tests in 1 s\n\nFAILED (failures=" + b"9" * 900 + b")\n"
    return update(command, said("stdout", output)) + over(command)


def _objects(command: int) -> bytes:
    value: Expression = [b"list", *(remote(n) for n in range(1000, 3000))]
    return update(command, said("k", value)) * 50 + over(command)


def _failure(command: int) -> bytes:
    words: Expression = [b"list", *([bytes(_LONG)] * 20)]
    state = dictionary(
        (b"type", bytes(_LONG)), (b"value", bytes(_LONG)), (b"traceback", bytes(_LONG)), (b"parents", words)
    )
    return complete(command, rawpb.copyable(state))


def _numbers(command: int) -> bytes:
    value: Expression = [b"list", *([1 << 440, -(1 << 440), 1e300] * 20_000)]
    return update(command, said("rc", 1 << 440), said("k", value)) + over(command)


def _tiny(command: int) -> bytes:
    return update(command, said("k", 1)) * 100_000 + over(command)


def _late(command: int) -> bytes:
    return over(command) + update(command, said("k", bytes(_LONG))) * 80 + update(command) * 50_000


def _complaints(command: int) -> bytes:
    return update(command, *[said("stderr", b"\x01")] * 6_000) * 20 + over(command, 1)


# ---- archives


def _header(kind: bytes, size: int, name: str = "x") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _sparseHeader() -> bytes:
    header = bytearray(_header(tarfile.GNUTYPE_SPARSE, 0))
    header[386:410] = b"00000000000\0" * 2
    header[483:495] = b"\x80" + (100 << 30).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _packed(*pieces: tuple[bytes, int]) -> bytes:
    """The compressed archive; each of C{pieces} is repeated.

    Copies of about a megabyte are compressed once. They do not refer to what is before them.
    """
    checksum, size, parts = 0, 0, [b"\x1f\x8b\x08" + bytes(6) + b"\xff"]
    for data, times in pieces:
        together = max(1, _MEGABYTE // len(data))
        for copies, count in ((data * together, times // together), (data, times % together)):
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            parts.append((packer.compress(copies) + packer.flush(zlib.Z_FULL_FLUSH)) * count)
            for _ in range(count):
                checksum = zlib.crc32(copies, checksum)
            size += len(copies) * count
    parts.append(b"\x03\x00" + struct.pack("<LL", checksum, size & 0xFFFFFFFF))  # an empty last block
    return b"".join(parts)


_MEGABYTE = 1 << 20
_MANY = bytes(_MEGABYTE)
_SLOW = b"1" * 60_000 + b" x"
ARCHIVES: dict[str, Callable[[], bytes]] = {
    "an archive of 1 GiB of zeros": lambda: _packed((_header(b"0", 1 << 30), 1), (_MANY, 1024)),
    "an archive with a name of 1 GiB": lambda: _packed((_header(b"L", 1 << 30), 1), (_MANY, 1024)),
    "an archive with a sparse file of 100 GiB": lambda: _packed((_sparseHeader(), 1), (bytes(1024), 1)),
    "an archive of 300,000 directories": lambda: _packed((_header(b"5", 0), 300_000)),
    "an archive that takes long to read": lambda: _packed(
        (_header(b"x", len(_SLOW)), 1), (_SLOW + bytes(-len(_SLOW) % 512), 1), (bytes(1024), 1)
    ),
}


def _uploaded(command: int, arguments: Any, archive: bytes) -> bytes:
    """The messages of a slave that sends an archive."""
    (writer,) = [value[1] for key, value in arguments[1:] if b"writer" in (key, key[-1])]
    pieces = [archive[at : at + 200_000] for at in range(0, len(archive), 200_000)]
    sent = b"".join(rawpb.message(1 << 22, writer, b"write", piece) for piece in pieces)
    return sent + rawpb.message(1 << 22, writer, b"unpack") + over(command)


@dataclass(frozen=True)
class Attack:
    """
    The messages that a slave sends for a command of a builder.

    @ivar make: returns the messages, given the number of the command.
    @ivar archive: returns the archive to send instead; None if there is none.
    """

    builder: str
    make: Callable[[int], bytes]
    archive: Callable[[], bytes] | None = None


ATTACKS: dict[str, Attack] = {
    "a value that stands in itself": Attack("plain", _folded),
    "48 MB of news": Attack("plain", _news),
    "news with long names": Attack("plain", _keys),
    "news of empty lists": Attack("plain", _smallNews),
    "empty output": Attack("plain", _nothing),
    "output of single bytes": Attack("plain", _crumbs),
    "15 MB of line ends in a message": Attack("lines", _lines),
    "30 MB of warnings": Attack("lines", _warnings),
    "a line of 15 MB": Attack("lines", _oneLine),
    "text of wide letters": Attack("plain", _wideText),
    "a property of 60 MB": Attack("property", _property),
    "28 MB of failed tests": Attack("trial", _tests),
    "numbers of 9,000 digits": Attack("trial", _digits),
    "60 MB of messages of pyflakes": Attack("flakes", _messages),
    "100,000 references": Attack("plain", _objects),
    "an error of 14 MB": Attack("plain", _failure),
    "large numbers": Attack("plain", _numbers),
    "100,000 messages": Attack("plain", _tiny),
    "words after the end": Attack("plain", _late),
    "complaints of control characters": Attack("upload", _complaints),
    **{name: Attack("archive", over, make) for name, make in ARCHIVES.items()},
}


# ---- the hostile slave


class Worker(Slave):
    """I am a slave that answers each command with an attack, and ends the command when asked."""

    _command = 0

    def __init__(self, name: str, attack: Attack) -> None:
        super().__init__(name, PASSWORD)
        self._attack = attack
        self._archive = b"" if attack.archive is None else attack.archive()
        self.begun = threading.Event()

    def told(self, expression: Any) -> bytes | None:
        """See L{Slave}."""
        method = expression[3] if expression[0] == b"message" else b""
        if method == b"startCommand":
            self._command = expression[5][1][1]
            made = rawpb.answer(expression[1], NONE)
            if self._archive:
                return made + _uploaded(self._command, expression[5][4], self._archive)
            return made + self._attack.make(self._command)
        if method == b"interruptCommand":
            return complete(self._command, NONE)
        said = super().told(expression)
        if self.attached:
            self.begun.set()
        return said


@dataclass(frozen=True)
class Cost:
    """
    The cost of an attack.

    @ivar peakKiB: the highest rise of resident memory.
    @ivar keptKiB: the rise that remained at the end.
    @ivar worst: the longest wait of an honest slave for an answer, in seconds.
    @ivar results: the results of the build; None if it has not ended.
    """

    sent: int
    peakKiB: int
    keptKiB: int
    worst: float
    seconds: float
    results: int | None

    def __str__(self) -> str:
        return (
            f"{self.sent} bytes, RSS {self.peakKiB:+6d} KiB ({self.keptKiB:+d} kept), others wait"
            f" {self.worst:.3f} s, over after {self.seconds:.1f} s with {self.results}"
        )


def prepare(server: Server) -> None:
    """Add the builders of the attacks to a master."""
    with open(os.path.join(server.basedir, "master.cfg"), "a") as config:
        config.write(CONFIG)
    ask(server.basedir, "reconfig", timeout=60)


def attack(server: Server, name: str, patience: float = 60.0) -> Cost:
    """Run one of the L{ATTACKS} with a hostile slave."""
    wanted = ATTACKS[name]
    slave = Worker(PATTERN % KINDS.index(wanted.builder), wanted)
    settle(server.pid)
    forgetPeak(server.pid)
    before = rssKiB(server.pid)
    earlier = _finished(server, wanted.builder)
    with honest(server) as worst:
        crowd = threading.Thread(
            target=Crowd(server.port, ["127.30.0.1"], patience=patience + 5).run, args=([slave],), daemon=True
        )
        crowd.start()
        slave.begun.wait(120)
        began = time.monotonic()
        asked: Any = ask(server.basedir, "force", builder=wanted.builder, timeout=60)
        assert asked is not None
        results = _ended(server, wanted.builder, earlier, slave, began + patience)
        took = time.monotonic() - began
        settle(server.pid, share=0.3)  # it goes on to answer the honest slave
        peak = peakKiB(server.pid) - before
        kept = rssKiB(server.pid) - before
        ask(server.basedir, "disconnect", slave=PATTERN % KINDS.index(wanted.builder), timeout=60)
        crowd.join(20)
    return Cost(slave.sent, peak, kept, worst(), took, results)


def _finished(server: Server, builder: str) -> list[dict[str, Any]]:
    """The finished builds of a builder, newest first."""
    told: Any = ask(server.basedir, "builds", builder=builder, timeout=60)
    finished: list[dict[str, Any]] = told["finished"]
    return finished


def _ended(
    server: Server, builder: str, earlier: list[dict[str, Any]], slave: Slave, until: float
) -> int | None:
    """The results of the first build after the earlier ones; None if the slave was disconnected."""
    last = max((build["number"] for build in earlier), default=-1)
    while time.monotonic() < until and not slave.hungUp:
        finished = _finished(server, builder)
        later = [build for build in finished if build["number"] > last and build["results"] != RETRY]
        if later:
            results: int | None = later[-1]["results"]
            return results
        time.sleep(0.1)
    return None


# ---- the honest slave


@contextmanager
def honest(server: Server) -> Iterator[Callable[[], float]]:
    """Run an honest slave. Yields a function that returns its longest wait, after the block."""
    told: dict[str, float] = {}
    with conversation("tests.benchmarks.hostile_budgets", str(server.port), PATTERN % _HONEST) as talk:
        talk.hear()
        yield lambda: told["worst"]
        told.update(talk.ask("over"))


def wait(port: int, name: str) -> None:
    """Attach, and call C{keepalive} every 20 ms until standard input has a line; print the worst wait."""
    slave = Slave(name, PASSWORD, then=lambda avatar, last: avatars.append(avatar) or b"")  # type: ignore[func-returns-value]
    avatars: list[int] = []
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    while not avatars:
        sock.sendall(slave.heard(sock.recv(65536)) or b"")
    print(json.dumps({"attached": True}), flush=True)
    worst = 0.0
    while not select.select([0], [], [], 0.02)[0]:
        began, answers = time.monotonic(), slave.answersHeard
        sock.sendall(rawpb.message(1 << 20, avatars[0], b"keepalive"))
        while slave.answersHeard == answers:
            sock.sendall(slave.heard(sock.recv(65536)) or b"")
        worst = max(worst, time.monotonic() - began)
    print(json.dumps({"worst": worst}), flush=True)


def budgets(server: Server, sizes: object) -> str:
    """Run all attacks, one after the other, for L{tests.benchmarks.hostile}."""
    prepare(server)
    return "\n    " + "\n    ".join(f"{name}: {attack(server, name)}" for name in ATTACKS)


def calls(server: Server, sizes: object) -> str:
    """Slaves that call the master with values that contain themselves, 150 in one packet."""

    def flood(avatar: int, last: int) -> bytes:
        return rawpb.message(1 << 20, avatar, b"keepalive", foldedValue()) * 150

    slave = Slave(PATTERN % 1, PASSWORD, then=flood)
    with honest(server) as worst:
        hostile.alone(server.port, slave, patience=5, source="127.30.0.2")
    return f"hung up on: {slave.hungUp}, after {slave.sent} bytes; others wait {worst():.3f} s"


def longInfo(server: Server, sizes: object) -> str:
    """A slave whose info is as large as a message can be, all control characters."""
    info = dictionary(*((b"%d" % n, b"\x01" * _LONG) for n in range(26)))
    answers = {b"getWorkerInfo": lambda request: rawpb.answer(request, info)}
    slave = Slave(PATTERN % 2, PASSWORD, answers=answers, leave=True)
    with honest(server) as worst:
        hostile.alone(server.port, slave, patience=20, source="127.30.0.3")
    return f"attached: {slave.attached}, after {slave.sent} bytes; others wait {worst():.3f} s"


SCENARIOS: dict[str, Callable[[Server, Any], str]] = {
    "budgets": budgets,
    "folded-calls": calls,
    "long-info": longInfo,
}


if __name__ == "__main__":
    wait(int(sys.argv[1]), sys.argv[2])
