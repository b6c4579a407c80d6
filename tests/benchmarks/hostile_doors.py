# -*- test-case-name: tests.integration.test_hostile_doors -*-
"""
Scenarios at the ports of a master: TLS, shared addresses, accounts that are not slaves, too few files.

They are rows of L{tests.benchmarks.hostile}. L{tests.integration.test_hostile_doors} asserts the figures.
"""

from __future__ import annotations

import itertools
import os
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import Any

from buildbot.control.server import ask
from tests import hostile
from tests.benchmarks import rawpb, servers
from tests.benchmarks.attach import farm
from tests.benchmarks.machine import openFiles, rssKiB, settle
from tests.benchmarks.servers import PASSWORD, PATTERN, Server
from tests.certificates import writeCertificate
from tests.hostile import Bomb, Crowd, Guess, Script, Slave, Talk
from tests.ports import freePort

#: The address of the honest slaves of a storm.
HOME = "127.0.0.1"
#: So many connections that do nothing may stay open, of one address or of one account.
FEW = 20
#: The password of the account C{change}.
CHANGE_PASSWORD = b"to commit"

_DOORS = """
from buildbot.changes.pb import PBChangeSource
c["sources"] = [PBChangeSource("change", {password!r})]
c["slavePortnum"] = [c["slavePortnum"], "ssl:{port}:privateKey={pem}:certKey={pem}:interface=127.0.0.1"]
"""


def openDoors(server: Server) -> int:
    """Give the master a port with TLS, and an account for changes; returns the port."""
    port = freePort()
    pem = os.path.join(server.basedir, "door.pem")
    writeCertificate(pem, "localhost", datetime.now(timezone.utc), 30)
    with open(os.path.join(server.basedir, "master.cfg"), "a") as config:
        config.write(_DOORS.format(password=CHANGE_PASSWORD.decode(), port=port, pem=pem))
    done = servers.buildbot("reconfig", server.basedir)
    if done.returncode:
        raise servers.StartFailed(done.stdout)
    return port


def status(server: Server) -> Any:
    """The master's answer to C{status}."""
    return ask(server.basedir, "status", timeout=30)


# ---- one connection


def connected(port: int, source: str = HOME, patience: float = 20.0) -> socket.socket:
    """A connection from C{source}."""
    sock = socket.socket()
    sock.settimeout(patience)
    sock.bind((source, 0))
    sock.connect(("127.0.0.1", port))
    return sock


def withTLS(sock: socket.socket) -> ssl.SSLSocket:
    """Start TLS on a connection, without checking the certificate."""
    return _context().wrap_socket(sock)


@cache
def _context() -> ssl.SSLContext:
    # The default one reads all certificates of the system, which takes longer than a handshake.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def talk(sock: socket.socket, script: Script, until: Callable[[], bool]) -> bool:
    """Run a script over a connection until a condition holds; False if the other end closes first."""
    try:
        while not until():
            data = sock.recv(65536)
            if not data:
                return False
            sock.sendall(script.heard(data) or b"")
    except OSError:
        return False
    return True


def attached(port: int, number: int, tls: bool, source: str = HOME) -> socket.socket | None:
    """Attach a slave over a new connection; None if the master closes it."""
    slave = Slave(PATTERN % number, PASSWORD)
    try:
        sock = connected(port, source)
        sock = withTLS(sock) if tls else sock
    except OSError:
        return None
    if talk(sock, slave, lambda: slave.attached):
        return sock
    sock.close()
    return None


def _leftOf(server: Server, before: int, ends: float) -> int:
    """The number of connections that the master keeps beyond C{before} open files, once there are fewer than
    L{FEW}, or at the time C{ends}.
    """
    while (left := openFiles(server.pid) - before) >= FEW and time.monotonic() < ends:
        time.sleep(0.2)
    return left


# ---- before a login


@dataclass(frozen=True)
class Handshakes:
    """The results of connections to a port with TLS, and of honest slaves at the same time."""

    tried: int
    open: int
    honest: tuple[float, ...]
    stranded: int


_HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40)
#: The bytes sent to a port with TLS instead of a handshake: none, junk, half of a hello, plain PB.
_SAID = (b"", b"GET / HTTP/1.0\r\n\r\n", _HALF_HELLO, rawpb.CHOICE + rawpb.VERSION)


def halfHandshakes(
    server: Server, port: int, count: int, honest: int = 10, patience: float = 36.0
) -> Handshakes:
    """
    Open C{count} connections from one address to the port with TLS, and finish no handshake; reset one in
    five at once. Meanwhile honest slaves attach over TLS from the same address.
    """
    before = openFiles(server.pid)
    held = []
    for number in range(count):
        try:
            sock = connected(port, patience=2)
            sock.sendall(_SAID[number % len(_SAID)])
        except OSError:
            continue
        if number % 5 == 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            sock.close()
        else:
            held.append(sock)
    began = time.monotonic()
    took, stranded = [], 0
    for number in range(honest):
        start = time.monotonic()
        slave = attached(port, number, tls=True)
        if slave is None:
            stranded += 1
        else:
            took.append(time.monotonic() - start)
            slave.close()
    left = _leftOf(server, before, began + patience)
    for sock in held:
        sock.close()
    return Handshakes(count, left, tuple(took), stranded)


def stormBeside(
    server: Server, bad: Callable[[int], Script], storm: int, first: int, inFlight: int = 20
) -> tuple[float, float, int]:
    """
    Measure how many of C{storm} honest slaves attach a second: first alone, then while other clients run
    C{bad} scripts as fast as they can from the same address. Also return the number of these scripts.
    """

    def perSecond() -> float:
        with farm(server, storm, "--first", str(first), "--in-flight", "10") as honest:
            report = honest.hear()
            return float(report["perSecond"]) if report["attached"] == storm else 0.0

    over = threading.Event()
    done = []
    begun = [0]

    def script(number: int) -> Script:
        begun[0] = number
        return bad(number)

    def disturb() -> None:
        numbers = itertools.takewhile(lambda number: not over.is_set(), itertools.count())
        done.append(
            Crowd(server.port, [HOME], inFlight=inFlight).run(map(script, numbers), seconds=300).connections
        )

    settle(server.pid)
    alone = perSecond()
    settle(server.pid)
    thread = threading.Thread(target=disturb)
    thread.start()
    time.sleep(3)  # until the allowed number of failures is used up
    while begun[0] < 100 and thread.is_alive():  # a busy machine takes longer
        time.sleep(0.1)
    try:
        disturbed = perSecond()
    finally:
        over.set()
        thread.join()
    return alone, disturbed, done[0]


def nonsense(number: int) -> Script:
    """A script that sends bytes of another protocol."""
    return Bomb((b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\xa5", os.urandom(40))[number % 3])


class Mute(Talk):
    """I ask for a challenge and never answer it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def told(self, expression: Any) -> bytes | None:
        return rawpb.opening(self._name) if expression[0] == b"pb" else b""


@dataclass(frozen=True)
class Names:
    """The results of logins under junk names: the new lines in the log, and the trace of guesses at a real
    slave's password."""

    lines: int
    bytes: int
    guessIsLogged: bool
    guesses: int
    strangers: int


def junkNames(server: Server, count: int) -> Names:
    """Log in under many different names, long and with control characters; then guess a slave's password."""
    size = server.logSize
    lines = server.log().count("\n")
    junk = (Guess(f"junk\x1b[31m\n{number:05}" + "x" * 3000, b"?") for number in range(count))
    Crowd(server.port, ["127.24.0.1"], inFlight=50).run(junk, seconds=30)
    target = PATTERN % 7
    Crowd(server.port, ["127.24.0.2"], inFlight=2).run(Guess(target, b"wrong") for _ in range(20))
    log = server.log()
    said = status(server)
    (bot,) = [slave for slave in said["slaves"] if slave["name"] == target]
    return Names(
        lines=log.count("\n") - lines,
        bytes=server.logSize - size,
        guessIsLogged=f"refused the login of {target!r}" in log,
        guesses=(bot["refused"] or {"logins": 0})["logins"],
        strangers=len(said["master"]["refused"]),
    )


# ---- behind a login


class Client(Talk):
    """I log in under C{name} without a mind, like clients that send changes; then I send C{then}."""

    def __init__(self, name: str, password: bytes, then: bytes = b"") -> None:
        super().__init__()
        self._name = name
        self._password = password
        self._then = then
        self.perspective: int | None = None

    def told(self, expression: Any) -> bytes | None:
        if expression[0] == b"pb":
            return rawpb.opening(self._name)
        if expression[0] != b"answer":
            return b""
        if expression[1] == 1:
            challenge, challenger = rawpb.challengeIn(expression[2])
            return rawpb.response(challenge, challenger, self._password, rawpb.NONE)
        self.perspective = rawpb.numberIn(expression[2])
        return self._then


#: The first 14 MiB of an incomplete message.
UNFINISHED = b"\x1a\x80" + rawpb.encode(b"list") + rawpb.encode(bytes(600_000)) * 24


@dataclass(frozen=True)
class Clients:
    """The result of many connections of one account: how many stayed open, and the rise of memory."""

    logins: int
    open: int
    grownKiB: int


def idleClients(server: Server, count: int, then: bytes, patience: float) -> Clients:
    """Log in C{count} times to the account C{change}. Each client sends C{then}, and is silent for
    C{patience} seconds."""
    before, memory = openFiles(server.pid), rssKiB(server.pid)
    held = []
    for _ in range(count):
        client = Client("change", CHANGE_PASSWORD, then)
        sock = connected(server.port, "127.25.0.1")
        talk(sock, client, lambda client=client: client.perspective is not None)  # type: ignore[misc]
        held.append(sock)
    left = _leftOf(server, before, time.monotonic() + patience)
    told = Clients(count, left, rssKiB(server.pid) - memory)
    for sock in held:
        sock.close()
    return told


class TwoLogins(Talk):
    """I ask for the challenges of two slaves over one connection, and answer both."""

    def __init__(self, names: tuple[str, str]) -> None:
        super().__init__()
        self._names = names
        self.admitted = 0

    def told(self, expression: Any) -> bytes | None:
        if expression[0] == b"pb":
            one, two = self._names
            return rawpb.opening(one) + rawpb.message(3, b"root", b"login", rawpb.text(two))
        if expression[0] == b"answer" and expression[1] in (1, 3):
            challenge, challenger = rawpb.challengeIn(expression[2])
            return rawpb.response(challenge, challenger, PASSWORD.encode(), rawpb.remote(1))
        if expression[0] == b"message":
            self.admitted += 1
        return b""


def malformedCalls(server: Server, count: int) -> Slave:
    """A slave that sends as many malformed calls to its perspective as it can."""

    def flood(avatar: int, last: int) -> bytes:
        return rawpb.message(1 << 20, avatar, b"keepalive", b"no", b"such", b"arguments") * count

    slave = Slave(PATTERN % 1, PASSWORD, then=flood)
    hostile.alone(server.port, slave, patience=20, source="127.26.0.1")
    return slave


# ---- files


@contextmanager
def onlyFiles(server: Server, limit: int) -> Iterator[None]:
    """Limit the master to C{limit} open files for the length of the block."""
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)


@dataclass(frozen=True)
class Scarce:
    """The results with too few files: the exit statuses of commands, and the number of attached slaves.

    @ivar failures: the output of each command that failed at first; it was run again.
    """

    exits: dict[str, int]
    attached: int
    turnedAway: int
    logBytes: int
    words: str
    failures: tuple[str, ...]


def fewFiles(server: Server, slaves: int, limit: int = 64) -> Scarce:
    """
    Attach C{slaves} slaves, every other one with TLS, to a master with C{limit} files. Each reconnects when
    disconnected.
    """
    tlsPort = openDoors(server)
    over = threading.Event()
    size = server.logSize

    def live(number: int) -> None:
        while not over.is_set():
            tls = bool(number % 2)
            sock = attached(tlsPort if tls else server.port, number, tls)
            if sock is None:
                over.wait(0.5)
                continue
            with sock:
                over.wait()

    threads = [threading.Thread(target=live, args=(number,), daemon=True) for number in range(slaves)]
    exits: dict[str, int] = {}
    failures: list[str] = []
    words = ""
    with ExitStack() as stack:
        stack.enter_context(onlyFiles(server, limit))
        stack.callback(over.set)
        for thread in threads:
            thread.start()
        time.sleep(5)
        for command in (["status"], ["force"], ["reconfig"]):
            target = [PATTERN % 0] if command == ["force"] else []
            builder = [f"builder-{target[0]}"] if target else []
            for _ in range(3):  # a busy machine may not answer in time
                done = servers.buildbot(*command, server.basedir, *builder)
                if done.returncode == 0:
                    break
                failures.append(f"{command[0]}: {done.stdout}")
            exits[command[0]] = done.returncode
            words = done.stdout if command == ["status"] else words
        master = status(server)["master"]
    for thread in threads:
        thread.join(30)
    files = master["files"]
    written = server.logSize - size
    return Scarce(exits, master["connected"], files["turnedAway"], written, words, tuple(failures))


# ---- the report


def _tls(server: Server, sizes: Any) -> str:
    told = halfHandshakes(server, openDoors(server), sizes.visits // 10)
    slowest = max(told.honest, default=float("inf"))
    return (
        f"{told.tried} half handshakes: {told.open} stay open; {len(told.honest)} honest slaves "
        f"attached beside them, the slowest in {slowest:.3f} s, {told.stranded} stranded"
    )


def _storm(bad: Callable[[int], Script]) -> Callable[[Server, Any], str]:
    def told(server: Server, sizes: Any) -> str:
        from tests.benchmarks.hostile import HOSTILE, STORM

        alone, disturbed, done = stormBeside(server, bad, STORM, 2 * HOSTILE)
        share = disturbed / alone if alone else 0.0
        beside = f"{disturbed:.0f} ({share:.0%}) beside {done} of these"
        return f"{alone:.0f} honest slaves a second left alone, {beside}"

    return told


def _names(server: Server, sizes: Any) -> str:
    told = junkNames(server, sizes.visits)
    return (
        f"{sizes.visits} junk names: {told.lines} lines of the log; a guess at a bot beside them is logged: "
        f"{told.guessIsLogged}, counted: {told.guesses} of 20; {told.strangers} names remembered"
    )


def _clients(server: Server, sizes: Any) -> str:
    openDoors(server)
    told = idleClients(server, 40, UNFINISHED, 45)
    idle = idleClients(server, 40, b"", 30)
    return (
        f"{told.logins} logins of one account with 14 MiB unfinished in each: {told.open} stay open, "
        f"{told.grownKiB:+d} KiB; {idle.logins} idle ones: {idle.open} stay open"
    )


def _twoLogins(server: Server, sizes: Any) -> str:
    two = TwoLogins((PATTERN % 0, PATTERN % 1))
    hostile.alone(server.port, two, patience=5)
    connected = status(server)["master"]["connected"]
    return f"two logins over one connection: hung up on: {two.hungUp}, {connected} slaves connected"


def _malformed(server: Server, sizes: Any) -> str:
    slave = malformedCalls(server, 10_000)
    return f"10000 malformed calls: hung up on: {slave.hungUp}"


def _files(server: Server, sizes: Any) -> str:
    told = fewFiles(server, 100)
    exits = ", ".join(f"{name}: {code}" for name, code in told.exits.items())
    return (
        f"100 slaves at a master with 64 files: {told.attached} attached, {told.turnedAway} turned away (the "
        f"honest one that is watched is one of these); exit status of {exits}"
    )


SCENARIOS: dict[str, Callable[[Server, Any], str]] = {
    "half-handshakes": _tls,
    "storm-beside-nonsense": _storm(nonsense),
    "storm-beside-guesses-at-home": _storm(lambda number: Guess(PATTERN % (number % 1000), b"wrong")),
    "storm-beside-mutes": _storm(lambda number: Mute(PATTERN % (number % 1000))),
    "junk-names": _names,
    "idle-clients": _clients,
    "two-logins": _twoLogins,
    "malformed-calls": _malformed,
    "few-files": _files,
}
