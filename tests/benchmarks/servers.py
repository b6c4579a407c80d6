"""The measured servers: the bare one, and this project's master, started as a user would.

This module starts and ends them; it does not measure. With the variable C{BENCHMARK_WEB} in the environment,
each master of this project also has its web server, at which nobody looks.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from buildbot.daemon.taclines import withAddress
from tests.benchmarks.machine import ROOT, conversation, settle
from tests.ports import freePort

PATTERN = "bot%05d"
PASSWORD = "secret"

TAC = """\
from twisted.application import service
from buildbot.master import BuildMaster

application = service.Application("buildmaster")
BuildMaster({basedir!r}, "master.cfg").setServiceParent(application)
"""

_CONFIG = """\
from buildbot.process import factory

steps = factory.BuildFactory([])
names = [{pattern!r} % number for number in range({slaves})]
c = BuildmasterConfig = {{}}
c["bots"] = [(name, {password!r}) for name in names]
c["sources"] = []
c["schedulers"] = []
c["status"] = []
c["slavePortnum"] = "tcp:{port}:interface=127.0.0.1"
c["projectName"] = "benchmark"
"""

_WEB = """
from buildbot.status.html import WebStatus
c["status"] += [WebStatus(http_port="tcp:{port}:interface=127.0.0.1")]
"""

_ONE_BUILDER_EACH = """\
c["builders"] = [
    {"name": "builder-" + name, "slavename": name, "builddir": "dir-" + name, "factory": steps}
    for name in names
]
"""

_SHARED_BUILDERS = """\
c["builders"] = [
    {{"name": "builder-%03d" % n, "slavenames": names, "builddir": "dir-%03d" % n, "factory": steps}}
    for n in range({builders})
]
"""


@dataclass(frozen=True)
class Server:
    """A running server: its process, its port on 127.0.0.1, and a master's directory."""

    pid: int
    port: int
    basedir: str = ""

    @property
    def logSize(self) -> int:
        """The size of all log files of a master in bytes."""
        names = [name for name in os.listdir(self.basedir) if name.startswith("twistd.log")]
        return sum(os.path.getsize(os.path.join(self.basedir, name)) for name in names)

    def log(self) -> str:
        """The log of a master."""
        with open(os.path.join(self.basedir, "twistd.log"), errors="replace") as source:
            return source.read()


@contextmanager
def bare(calls: str, slaves: int, generation: str = "0.7.12", builders: int = 0) -> Iterator[Server]:
    """The bare server, ready and idle; C{calls} is "in-turn" or "in-volleys"."""
    arguments = ["--calls", calls, "--generation", generation, "--pattern", PATTERN, "--password", PASSWORD]
    arguments += ["--slaves", str(slaves), "--builders", str(builders)]
    with conversation("tests.benchmarks.bare", *arguments) as server:
        port = server.hear()["port"]
        settle(server.process.pid)
        yield Server(server.process.pid, port)


def writeMaster(basedir: str, slaves: int, builders: int = 0, extra: str = "", db: str = "") -> int:
    """
    Make C{basedir} the directory of a master for C{slaves} slaves. Each slave has all C{builders} builders;
    with 0, each has its own one. C{extra} is appended to master.cfg. C{db} is the address of its store; "": a
    file. Returns the port.
    """
    port = freePort()
    os.makedirs(basedir, mode=0o700, exist_ok=True)
    with open(os.path.join(basedir, "buildbot.tac"), "w") as tac:
        tac.write(withAddress(TAC.format(basedir=basedir), db))
    with open(os.path.join(basedir, "master.cfg"), "w") as config:
        config.write(_CONFIG.format(pattern=PATTERN, slaves=slaves, password=PASSWORD, port=port))
        config.write(_SHARED_BUILDERS.format(builders=builders) if builders else _ONE_BUILDER_EACH)
        config.write(extra)
        if os.environ.get("BENCHMARK_WEB"):
            config.write(_WEB.format(port=freePort()))
    return port


def buildbot(*arguments: str, modules: str = "", timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run the command C{buildbot} of this checkout; the result has its status and its whole output.
    C{modules} is a directory on its import path.
    """
    return subprocess.run(
        [sys.executable, "-m", "buildbot", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (ROOT, modules)))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


class StartFailed(Exception):
    """The master did not start; the text is its output."""


def start(basedir: str, modules: str = "") -> int:
    """C{buildbot start basedir}; returns the pid of the master. See L{buildbot}. Raises L{StartFailed}."""
    from buildbot.daemon.lock import holder

    result = buildbot("start", "--quiet", basedir, modules=modules)
    running = holder(basedir)
    if result.returncode or running is None:
        raise StartFailed(result.stdout)
    return running.pid


def stop(basedir: str, pid: int) -> None:
    """C{buildbot stop basedir}, and SIGKILL if that does not end it."""
    buildbot("stop", "--quiet", basedir)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def master(
    slaves: int, builders: int = 0, extra: str = "", modules: str = "", db: str = ""
) -> Iterator[Server]:
    """This project's master in a new directory, ready and idle; both are removed after the block."""
    basedir = tempfile.mkdtemp(prefix="master-")
    try:
        port = writeMaster(basedir, slaves, builders, extra, db)
        pid = start(basedir, modules)
        try:
            settle(pid)
            yield Server(pid, port, basedir)
        finally:
            stop(basedir, pid)
    finally:
        shutil.rmtree(basedir, ignore_errors=True)
