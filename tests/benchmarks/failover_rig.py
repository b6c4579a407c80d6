"""What L{tests.benchmarks.failover} plays with: a database, two masters, a balancer, slaves.

Each master has a directory of its own, and reaches the database through a L{Cable} of its own. Slaves and
clients know one address, the one of the balancer. This module breaks nothing by itself.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from buildbot.control import server as control
from tests.benchmarks.failover_audit import State
from tests.benchmarks.machine import ROOT
from tests.integration import postgres
from tests.integration.generations import GENERATIONS, Generation, prepared
from tests.integration.processes import environment, untilNextLook
from tests.ports import freePort

TAC = """\
import os
import sys

from twisted.application import service

from buildbot.master import BuildMaster
{before}
basedir = os.path.dirname(os.path.abspath(__file__))
configfile = "master.cfg"
umask = None
db = {address!r}
{standby}
application = service.Application("buildmaster")
BuildMaster(basedir, configfile).setServiceParent(application)
"""

#: The same file for both masters: what differs comes from the environment.
CONFIG = """\
import os

from buildbot.locks import MasterLock
from buildbot.process import factory
from buildbot.scheduler import Scheduler
from buildbot.status.html import WebStatus
from buildbot.status.web.authz import Authz
from buildbot.steps.shell import ShellCommand

def building(words, **more):
    return factory.BuildFactory([factory.s(ShellCommand, command=["sh", "-c", words], **more)])

def builder(name, slaves, steps, **more):
    return dict(name=name, slavenames=slaves, builddir=name, factory=steps, **more)

names = {slaves!r}
here = "tcp:%s:interface=127.0.0.1"
place = MasterLock("place")
locked = building({locked!r}, locks=[place.access("exclusive")])
c = BuildmasterConfig = {{}}
c["bots"] = [(name, "sesame", dict(max_builds=2, keepalive=30)) for name in names]
c["slavePortnum"] = here % os.environ["FAILOVER_SLAVES"]
c["builders"] = [builder("quick-" + name, [name], building("sleep 0.1")) for name in names]
c["builders"] += [builder("any", names, building("sleep 0.4")), builder("slow", names, building("sleep 2"))]
c["builders"] += [builder("locked-" + str(number), names, locked) for number in range(2)]
c["sources"] = []
c["schedulers"] = [
    Scheduler("all", None, 0.3, ["any"]),
    Scheduler("some", None, 0.05, ["quick-" + names[0], "locked-0"]),
]
c["status"] = [WebStatus(http_port=here % os.environ["FAILOVER_PAGES"], authz=Authz(default_action=True))]
c["buildHorizon"] = c["changeHorizon"] = c["logHorizon"] = None
c["projectName"] = "failover"
"""

#: The command of builders with the lock. The kernel gives the lock of the file up when the command is killed.
#: A second one at the same time writes a line.
LOCKED = "flock -n -E 99 {file} sleep 0.4; [ $? != 99 ] || {{ echo overlap >> {file}.overlaps; sleep 0.4; }}"

SCHEDULERS = ("all", "some")

#: The configuration of HAProxy in the documentation.
BALANCER = os.path.join(ROOT, "docs", "files", "haproxy.cfg")

#: How a COMMIT of a store that writes ends in the bytes of a connection.
COMMIT = b";COMMIT\0"


class Cable:
    """I pass bytes between a port of the loopback interface and the socket of the database.

    @ivar port: the port.
    """

    _atCommit: Callable[[], object] | None = None

    def __init__(self, target: str) -> None:
        self._target = target
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._there, self._back = threading.Event(), threading.Event()
        self._isCut = False
        self.heal()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut all connections, and refuse new ones."""
        self._isCut = True
        self.reset()

    def hold(self, there: bool = True, back: bool = True) -> None:
        """Keep what is sent to the database, or what it answers. Nobody is told."""
        if there:
            self._there.clear()
        if back:
            self._back.clear()

    def atCommit(self, act: Callable[[], object], patience: float = 2.0) -> None:
        """Do something right before the next COMMIT is passed on, or after some seconds without one."""
        done = threading.Event()

        def once() -> None:
            try:
                act()
            finally:
                done.set()

        self._atCommit = once
        if not done.wait(patience) and self._trap() is not None:
            act()
        else:
            done.wait()

    def _trap(self) -> Callable[[], object] | None:
        with self._lock:
            trap, self._atCommit = self._atCommit, None
            return trap

    def heal(self) -> None:
        """Pass on what I have kept, and whatever comes."""
        self._isCut = False
        self._there.set()
        self._back.set()

    def reset(self) -> None:
        """Cut all connections; what I have kept is lost."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for each in (each for pair in pairs for each in pair):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no new connections, and end those that there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal()
        self.reset()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        pair = (client, server)
        with client, server, suppress(OSError):
            if self._isCut:
                return
            server.connect(self._target)
            with self._lock:
                self._pairs.add(pair)
            back = threading.Thread(target=_pump, args=(server, client, self._back), daemon=True)
            back.start()
            _pump(client, server, self._there, self._looked)
            back.join()
        with self._lock:
            self._pairs.discard(pair)

    def _looked(self, data: bytes) -> None:
        trap = self._trap() if self._atCommit is not None and data.endswith(COMMIT) else None
        if trap is not None:
            trap()


def _pump(
    source: socket.socket,
    target: socket.socket,
    mayPass: threading.Event,
    look: Callable[[bytes], object] = lambda data: None,
) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            look(data)
            mayPass.wait()
            target.sendall(data)
    mayPass.wait()
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class Process:
    """I am a program that is started again and again; its output goes to a file."""

    def __init__(self, command: Sequence[str], cwd: str, output: str, environ: dict[str, str]) -> None:
        self._command, self._cwd, self.output, self.environ = command, cwd, output, environ
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        """Start, without waiting."""
        self.starts += 1
        with open(self.output, "ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._cwd,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self._process is not None
        return self._process.pid

    def isAlive(self) -> bool:
        """True until the process has ended."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal; an ended process is ignored."""
        if self.isAlive():
            assert self._process is not None
            self._process.send_signal(number)

    def kill(self) -> int | None:
        """Kill the process in any state. Returns how it has ended; None if it never was there."""
        if self._process is None:
            return None
        self.signal(signal.SIGKILL)
        return self._process.wait(30)

    @property
    def status(self) -> int | None:
        """How the process has ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def text(self) -> str:
        """The whole output."""
        with suppress(FileNotFoundError), open(self.output, errors="replace") as stream:
            return stream.read()
        return ""


class Master(Process):
    """I am one master.

    @ivar cable: its way to the database; C{isKept}: True while nobody may start it again.
    """

    def __init__(self, home: str, name: str, target: str, standby: str, before: str) -> None:
        """@param standby: lines of buildbot.tac about the standby; C{before}: lines that run before it."""
        self.name = name
        self.basedir = os.path.join(home, name)
        self.cable = Cable(target)
        self.slaves, self.pages = freePort(), freePort()
        self.isKept = False
        os.makedirs(self.basedir, 0o700)
        address = (
            f"postgresql://buildbot@127.0.0.1:{self.cable.port}/postgres?sslmode=disable&gssencmode=disable"
        )
        self._write("buildbot.tac", TAC.format(address=address, standby=standby, before=before))
        super().__init__(
            [sys.executable, "-m", "buildbot", "start", "--nodaemon", self.basedir],
            ROOT,
            os.path.join(home, f"{name}.out"),
            {
                **os.environ,
                "PYTHONPATH": ROOT,
                "FAILOVER_SLAVES": str(self.slaves),
                "FAILOVER_PAGES": str(self.pages),
            },
        )

    def configure(self, config: str) -> None:
        """Write master.cfg."""
        self._write("master.cfg", config)

    def _write(self, name: str, text: str) -> None:
        with open(os.path.join(self.basedir, name), "w") as stream:
            stream.write(text)

    def ask(self, command: str, patience: float = 2.0, **parameters: object) -> Any:
        """An answer of the control socket. Raises OSError or ControlError."""
        return control.request(self.basedir, command, parameters, patience)

    def connected(self) -> set[str]:
        """The slaves that are attached here; none if nobody answers."""
        try:
            slaves = self.ask("status", 1.0)["slaves"]
        except (control.NotRunning, control.ControlError, OSError, KeyError, TypeError):
            return set()
        return {each["name"] for each in slaves if each["connected"]}


class Slave(Process):
    """I am one real slave, made and started by the commands of its package."""

    def __init__(self, home: str, generation: Generation, name: str, port: int) -> None:
        self.generation, self.name = generation, name
        installed = prepared(generation)
        basedir = os.path.join(home, name)
        environ = environment(home)
        command = installed.command(
            *(generation.script, generation.create, *generation.options, "--keepalive=20", "--maxdelay=5"),
            *(basedir, f"127.0.0.1:{port}", name, "sesame"),
        )
        subprocess.run(command, cwd=home, env=environ, check=True, stdout=subprocess.DEVNULL)
        super().__init__(
            installed.command("twistd", "--nodaemon", "--python=buildbot.tac", "--pidfile="),
            basedir,
            os.path.join(home, f"{name}.out"),
            environ,
        )
        self._log = os.path.join(basedir, "twistd.log")
        self._read = 0

    def attached(self) -> int:
        """The number of logins since the last call, from its log."""
        with suppress(FileNotFoundError), open(self._log, "rb") as stream:
            stream.seek(self._read)
            text = stream.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read += len(whole)
            return len(re.findall(self.generation.ready, whole.decode(errors="replace")))
        return 0


class Rig:
    """I am the whole installation, from L{running} on.

    @ivar slavePort: the port of the balancer for slaves; C{pagesPort}: for clients of the pages and the API.
    @ivar balancer: while I run.
    @ivar active: the master that has the active place, as the database says; None if nobody has.
    """

    balancer: Balancer

    def __init__(self, home: str, lease: float, weaken: Sequence[str], masters: int = 2) -> None:
        self.home, self.lease = home, lease
        self.database = postgres.Server()
        self.slavePort, self.pagesPort = freePort(), freePort()
        self.slaves: list[Slave] = []
        standby = f"standby = True\nlease = {lease!r}\n" if masters > 1 else ""
        before = "from tests.benchmarks import failover_weak\n\n"
        before += f"failover_weak.install({list(weaken)!r}, os.path.dirname(os.path.abspath(__file__)))\n"
        target = os.path.join(self.database.home, ".s.PGSQL.5432")
        self.masters = [Master(home, f"master-{n}", target, standby, before) for n in range(masters)]
        self._names = [each.name.replace(".", "-") for each in GENERATIONS]
        config = CONFIG.format(slaves=self._names, locked=LOCKED.format(file=self.lockFile))
        for each in self.masters:
            each.configure(config)

    @property
    def lockFile(self) -> str:
        """The file that stands for the place that a MasterLock protects."""
        return os.path.join(self.home, "place")

    def overlaps(self) -> int:
        """The builds that have begun while another one had the same MasterLock."""
        with suppress(FileNotFoundError), open(self.lockFile + ".overlaps") as stream:
            return len(stream.readlines())
        return 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start the database, the balancer and the masters; at the end, everything is stopped."""
        try:
            self.database.start()
            self.balancer = Balancer(self)
            for each in self.masters:
                each.start()
                time.sleep(1.0)
            yield
        finally:
            for process in [*self.slaves, *self.masters]:
                process.kill()
            for master in self.masters:
                master.cable.close()
            if hasattr(self, "balancer"):
                self.balancer.close()
            self.database.remove()

    def startSlaves(self) -> None:
        """Make and start one slave of each generation."""
        home = os.path.join(self.home, "slaves")
        os.makedirs(home)
        for generation, name in zip(GENERATIONS, self._names, strict=True):
            self.slaves.append(Slave(home, generation, name, self.slavePort))
            self.slaves[-1].start()

    def isReady(self) -> bool:
        """True if a client of the balancer is told that builds can run."""
        return self.call("GET", "/readyz", patience=1.0)[0] == 200

    def call(
        self, method: str, path: str, body: object = None, key: str = "", patience: float = 10.0
    ) -> tuple[int, Any]:
        """The status and the answer to a request through the balancer; 0 if there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.pagesPort, timeout=patience)
        headers = {"Content-Type": "application/json", "Host": "127.0.0.1"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    @property
    def active(self) -> Master | None:
        """See the class. Raises an error of psycopg if the database is away."""
        if len(self.masters) == 1:
            return self.masters[0]
        for name, home in self.database.ask("SELECT name, home FROM store_masters WHERE state = 'active'"):
            for each in self.masters:
                if each.basedir in (name, home) or name.endswith(each.basedir):
                    return each
        return None

    def attached(self) -> set[str]:
        """The slaves that some master says are attached to it."""
        return {name for each in self.masters for name in each.connected()}

    def state(self) -> State:
        """The content of the store at one moment."""
        import psycopg  # it may be missing, which is said elsewhere

        session = psycopg.connect(self.database.conninfo())
        with session:
            session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return State.read(session.execute)

    def until(self, holds: Callable[[], object], patience: float, what: str) -> None:
        """Wait until a condition holds. Raises TimeoutError."""
        begun = time.monotonic()
        while not holds():
            if time.monotonic() > begun + patience:
                raise TimeoutError(f"not within {patience:g} s: {what}")
            time.sleep(untilNextLook(begun))


class Balancer:
    """I am haproxy, with the configuration of a site; or the part of it that is needed, if there is none."""

    def __init__(self, rig: Rig) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._listeners: list[socket.socket] = []
        program = next(
            (each for each in ("/usr/sbin/haproxy", "/usr/local/sbin/haproxy") if os.path.exists(each)), None
        )
        self.name = "haproxy" if program else "a balancer of this benchmark"
        if program is None:
            for port, which in ((rig.slavePort, "slaves"), (rig.pagesPort, "pages")):
                self._listen(port, [(getattr(each, which), each.pages) for each in rig.masters])
            return
        path = os.path.join(rig.home, "haproxy.cfg")
        with open(BALANCER) as documented, open(path, "w") as stream:
            stream.write(balancerConfig(documented.read(), rig))
        with open(os.path.join(rig.home, "haproxy.out"), "ab") as output:
            self._process = subprocess.Popen([program, "-db", "-f", path], stdout=output, stderr=output)

    def close(self) -> None:
        """Stop."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for each in self._listeners:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _listen(self, port: int, targets: Sequence[tuple[int, int]]) -> None:
        listener = socket.create_server(("127.0.0.1", port))
        self._listeners.append(listener)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=_carry, args=(client, targets), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()


def balancerConfig(documented: str, rig: Rig) -> str:
    """The configuration in the documentation, with other addresses."""
    found = documented.replace("bind :9989", f"bind 127.0.0.1:{rig.slavePort}")
    found = found.replace("bind :8010", f"bind 127.0.0.1:{rig.pagesPort}")
    for name, each in zip(("one", "two"), rig.masters, strict=False):
        found = found.replace(f"{name}.example.org:9989", f"127.0.0.1:{each.slaves}")
        found = found.replace(f"{name}.example.org:8010", f"127.0.0.1:{each.pages}")
        found = re.sub(rf"(server {name} .*)check port 8010", rf"\1check port {each.pages}", found)
    return "\n".join(line for line in found.splitlines() if ".example.org" not in line or "#" in line) + "\n"


def _isLive(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _carry(client: socket.socket, targets: Sequence[tuple[int, int]]) -> None:
    """Connect a client with the first living target, until that one does not answer any more."""
    with client, suppress(OSError):
        port, check = next((each for each in targets if _isLive(each[1])), (0, 0))
        if not port:
            return
        with socket.create_connection(("127.0.0.1", port), 1.0) as server:
            server.settimeout(None)
            fails, looked = 0, time.monotonic()
            while fails < 3:
                ready = select.select([client, server], [], [], 0.3)[0]
                for each in ready:
                    data = each.recv(65536)
                    if not data:
                        return
                    (server if each is client else client).sendall(data)
                if time.monotonic() - looked > 0.3:
                    fails, looked = 0 if _isLive(check) else fails + 1, time.monotonic()
