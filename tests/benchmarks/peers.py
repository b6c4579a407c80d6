"""Other masters to be measured beside ours: Buildbot releases, each in an environment of its user's making.

Such an environment is named by its interpreter; 0.7.12 wants a Python 2.7 with C{Twisted==18.9.0
Automat==0.7.0}, 4.3.0 any Python of today. Nothing is installed from here.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.machine import end, settle
from tests.benchmarks.servers import PASSWORD, PATTERN, Server
from tests.integration.masters import freePort

_TAC = """\
from twisted.application import service
from buildbot.master import BuildMaster

application = service.Application("buildmaster")
BuildMaster({basedir!r}, "master.cfg").setServiceParent(application)
"""

_COMMON = """\
names = [{pattern!r} % number for number in range({slaves})]
port = "tcp:{port}:interface=127.0.0.1:backlog=1024"
c = BuildmasterConfig = {{}}
c["schedulers"] = []
c["change_source"] = []
c["buildbotURL"] = "http://localhost/"
"""

_OLD = """\
from buildbot.buildslave import BuildSlave
from buildbot.process.factory import BuildFactory

steps = BuildFactory()
c["slaves"] = [BuildSlave(name, {password!r}) for name in names]
c["slavePortnum"] = port
c["status"] = []
c["projectName"] = "benchmark"
c["projectURL"] = "http://localhost/"
c["builders"] = [
    {{"name": "builder-000", "slavenames": names, "builddir": "dir-000", "factory": steps}}
]
"""

_NEW = """\
from buildbot.plugins import schedulers, util, worker

steps = util.BuildFactory()
c["workers"] = [worker.Worker(name, {password!r}) for name in names]
c["protocols"] = {{"pb": {{"port": port}}}}
c["title"] = "benchmark"
c["buildbotNetUsageData"] = None
c["schedulers"] = [schedulers.ForceScheduler(name="force", builderNames=["builder-000"])]
c["builders"] = [
    util.BuilderConfig(name="builder-000", workernames=names, builddir="dir-000", factory=steps)
]
"""

_ASK_VERSION = "import sys, buildbot; sys.stdout.write(buildbot.version)"


def versionOf(python: str) -> str:
    """The release of Buildbot in the environment of the interpreter C{python}."""
    return subprocess.check_output([python, "-c", _ASK_VERSION], text=True, cwd="/").strip()


def generationFor(version: str) -> str:
    """Which generation of simulated slaves belongs to that release."""
    return "0.7.12" if version.startswith("0.") else "4.3.0"


@contextmanager
def peer(python: str, slaves: int) -> Iterator[Server]:
    """The master of that environment with one builder that all slaves share, ready and idle."""
    version = versionOf(python)
    old = version.startswith("0.")
    basedir = tempfile.mkdtemp(prefix="peer-")
    port = freePort()
    command = os.path.join(os.path.dirname(python), "buildbot")
    try:
        if not old:
            subprocess.run([python, command, "create-master", basedir], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(basedir, "buildbot.tac"), "w") as tac:
            tac.write(_TAC.format(basedir=basedir))
        with open(os.path.join(basedir, "master.cfg"), "w") as config:
            words = (_COMMON + (_OLD if old else _NEW)).format(
                pattern=PATTERN, slaves=slaves, port=port, password=PASSWORD
            )
            config.write(words)
        twistd = os.path.join(os.path.dirname(python), "twistd")
        process = subprocess.Popen(
            [python, twistd, "--nodaemon", "--logfile=twistd.log", "-y", "buildbot.tac"],
            cwd=basedir,
            text=True,
        )
        try:
            _whenListening(process, port)
            settle(process.pid, limit=60)
            yield Server(process.pid, port)
        finally:
            end(process)
    finally:
        shutil.rmtree(basedir, ignore_errors=True)


def _whenListening(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no master listens on {port}; exit status {process.poll()}")
