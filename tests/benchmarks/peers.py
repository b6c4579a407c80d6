"""Other masters to compare with ours: Buildbot releases in environments of the user.

An environment is named by its interpreter. 0.7.12 needs a Python 2.7 with C{Twisted==18.9.0 Automat==0.7.0},
4.3.0 any recent Python. This module installs nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.machine import end, settle
from tests.benchmarks.servers import PASSWORD, PATTERN, Server
from tests.ports import freePort

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

_FEEDER = """\
import json
import os
import time

from buildbot.plugins import steps as plugins
from buildbot.util.service import BuildbotService
from twisted.internet import defer, task

steps.addStep(plugins.ShellCommand(command=["true"]))
c["builders"] = [
    util.BuilderConfig(name="builder-" + name, workernames=[name], builddir="dir-" + name, factory=steps)
    for name in names
]
c["schedulers"] = [
    schedulers.ForceScheduler(name="force", builderNames=[builder.name for builder in c["builders"]])
]


class Feeder(BuildbotService):
    name = "feeder"

    @defer.inlineCallbacks
    def startService(self):
        yield super().startService()
        self.left = self.open = 0
        yield self.master.mq.startConsuming(self.finished, ("builds", None, "finished"))
        self.looking = task.LoopingCall(self.look)
        self.looking.start(0.1)

    def look(self):
        if self.open or not os.path.exists("go"):
            return
        with open("go") as source:
            self.left = self.open = int(source.read())
        os.unlink("go")
        self.results = {}
        self.ids = [self.master.botmaster.builders["builder-" + name]._builderid for name in names]
        self.at = time.monotonic(), time.thread_time(), time.process_time()
        for builder in self.ids[: self.left]:
            self.submit(builder)

    def submit(self, builder):
        if self.left:
            self.left -= 1
            source = {"codebase": "", "repository": "", "branch": None, "revision": None, "project": ""}
            self.master.data.updates.addBuildset(
                waited_for=False, scheduler="force", sourcestamps=[source], reason="benchmark",
                properties={}, builderids=[builder],
            )

    def finished(self, key, build):
        self.open -= 1
        self.results[str(build["results"])] = self.results.get(str(build["results"]), 0) + 1
        self.submit(build["builderid"])
        if not self.open:
            now = time.monotonic(), time.thread_time(), time.process_time()
            report = dict(zip(("seconds", "reactorCpu", "cpu"), (a - b for a, b in zip(now, self.at))))
            with open("done.new", "w") as out:
                json.dump({**report, "results": self.results}, out)
            os.rename("done.new", "done")


c["services"] = [Feeder()]
"""


def _environment() -> dict[str, str]:
    """The environment of a peer. With this checkout on its path, it would be this project's master."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


_ASK_VERSION = "import sys, buildbot; sys.stdout.write(buildbot.version)"


def versionOf(python: str) -> str:
    """The release of Buildbot installed for the interpreter C{python}."""
    return subprocess.check_output(
        [python, "-c", _ASK_VERSION], text=True, cwd="/", env=_environment()
    ).strip()


def generationFor(version: str) -> str:
    """The generation of simulated slaves for that release."""
    return "0.7.12" if version.startswith("0.") else "4.3.0"


@contextmanager
def peer(python: str, slaves: int, extra: str = "") -> Iterator[Server]:
    """
    The master of that environment with one builder that all slaves share, ready and idle; C{extra} is
    appended to its master.cfg.
    """
    version = versionOf(python)
    old = version.startswith("0.")
    basedir = tempfile.mkdtemp(prefix="peer-")
    port = freePort()
    command = os.path.join(os.path.dirname(python), "buildbot")
    try:
        if not old:
            subprocess.run(
                [python, command, "create-master", basedir],
                check=True,
                stdout=subprocess.DEVNULL,
                env=_environment(),
            )
        with open(os.path.join(basedir, "buildbot.tac"), "w") as tac:
            tac.write(_TAC.format(basedir=basedir))
        with open(os.path.join(basedir, "master.cfg"), "w") as config:
            words = (_COMMON + (_OLD if old else _NEW)).format(
                pattern=PATTERN, slaves=slaves, port=port, password=PASSWORD
            )
            config.write(words + extra)
        twistd = os.path.join(os.path.dirname(python), "twistd")
        process = subprocess.Popen(
            [python, twistd, "--nodaemon", "--logfile=twistd.log", "-y", "buildbot.tac"],
            cwd=basedir,
            text=True,
            env=_environment(),
        )
        try:
            _whenListening(process, port)
            settle(process.pid, limit=60)
            yield Server(process.pid, port, basedir)
        finally:
            end(process)
    finally:
        shutil.rmtree(basedir, ignore_errors=True)


@contextmanager
def building(python: str, slaves: int) -> Iterator[tuple[Server, Callable[[int], dict[str, Any]]]]:
    """
    The master of that environment (4.3.0 or later) with one builder for each slave, and a function that runs
    a number of builds and returns the same report as C{feeder}.
    """
    with peer(python, slaves, _FEEDER) as server:

        def go(builds: int) -> dict[str, Any]:
            done = os.path.join(server.basedir, "done")
            with open(os.path.join(server.basedir, "go.new"), "w") as out:
                out.write(str(builds))
            os.rename(out.name, os.path.join(server.basedir, "go"))
            deadline = time.monotonic() + 600
            while not os.path.exists(done):
                if time.monotonic() > deadline:
                    raise AssertionError(f"{builds} builds are not done:\n{server.log()[-2000:]}")
                time.sleep(0.1)
            with open(done) as source:
                report: dict[str, Any] = json.load(source)
            os.unlink(done)
            return report

        yield server, go


def _whenListening(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no master listens on {port}; exit status {process.poll()}")
