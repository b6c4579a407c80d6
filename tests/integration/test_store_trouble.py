# -*- test-case-name: tests.integration.test_store_trouble -*-
"""A real master whose disk is full for a while: no slave is disconnected, nothing is lost, and it recovers by
itself (P4).

C{tests.unit.store.test_sqlite} has the failure of each single operation of a store.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.benchmarks import builds, servers
from tests.benchmarks.crash import State
from tests.benchmarks.feeder import Client
from tests.benchmarks.servers import PATTERN, Server

SLAVES = 2
BUILDER = f"builder-{PATTERN % 0}"
OTHER = f"builder-{PATTERN % 1}"


class Trouble(SynchronousTestCase):
    """One master on a disk that can be filled, with slaves whose builds take up to a second."""

    def setUp(self) -> None:
        self._stack = ExitStack()
        self.addCleanup(self._stack.close)
        self.basedir = tempfile.mkdtemp(prefix="trouble-")
        self._stack.callback(shutil.rmtree, self.basedir, ignore_errors=True)

    def start(self) -> None:
        """Start the master, and its slaves."""
        port = servers.writeMaster(self.basedir, SLAVES, extra=builds.CONFIG)
        self.pid = servers.start(self.basedir)
        self._stack.callback(servers.stop, self.basedir, self.pid)
        self.slaves = self._stack.enter_context(
            builds.farm(Server(self.pid, port, self.basedir), SLAVES, "--duration", "1")
        )
        self.assertEqual(self.slaves.hear()["attached"], SLAVES)
        self.client = Client(self.basedir, 180.0)
        self._stack.callback(self.client.close)

    def until(self, holds: Callable[[], object], seconds: float, what: str) -> None:
        """Wait until C{holds()}."""
        ends = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), ends, f"not within {seconds} s: {what}")
            time.sleep(0.1)

    def request(self, builder: str, branch: str) -> int:
        """Force a build; return the number of the request, which is on disk."""
        number: int = self.client.ask("request", builder=builder, branch=branch)["id"]
        return number

    def states(self, *requests: int) -> list[str]:
        """The states of these requests in the file."""
        found = State.read(os.path.join(self.basedir, "state.sqlite")).requests
        return [found[request][1] for request in requests]

    def goThrough(self, fill: Callable[[], object], free: Callable[[], object]) -> None:
        """Fill the disk while builds run and wait, free it again, and check that everything recovers."""
        kept = [self.request(BUILDER, f"branch {number}") for number in range(4)]
        self.until(lambda: self.states(kept[0]) == ["building"], 180, "the first build begins")
        fill()
        # the user is told that the request was not stored, and why
        self.client.say("request", builder=OTHER, branch="when it was full")
        refused = self.client.hear()
        self.assertIn("state.sqlite", refused.get("error", ""), refused)
        # the running build ends; no build starts, and the reason is visible
        self.until(lambda: "no build can be recorded: " in self.waiting()["why"], 180, "builds are held")
        waiting = self.waiting()
        self.assertIn("state.sqlite", waiting["why"])
        time.sleep(2)
        self.assertEqual(self.waiting()["requests"], waiting["requests"])
        self.assertEqual(self.slaves.ask("count")["connected"], SLAVES)
        free()
        # it recovers by itself
        self.until(lambda: self.states(*kept) == ["done"] * 4, 180, "all is built")
        self.assertEqual(self.slaves.ask("count")["connected"], SLAVES)
        last = self.request(OTHER, "afterwards")
        self.until(lambda: self.states(last) == ["done"], 180, "another build")
        state = State.read(os.path.join(self.basedir, "state.sqlite"))
        self.assertEqual({row[2] for row in state.requests.values()}, {0})
        self.assertEqual(len(state.requests), 5, "what was refused is not there")
        self.assertEqual([key for key, build in state.builds.items() if build["open"]], [])

    def waiting(self) -> dict[str, Any]:
        """The waiting requests of the first builder, with the reason."""
        return self.client.ask("waiting", builder=BUILDER)

    def log(self) -> str:
        """The log of the master."""
        return Server(self.pid, 0, self.basedir).log()


class NoWritesTestCase(Trouble):
    """The system refuses all writes of the master."""

    def test_filledAndFreed(self) -> None:
        """If nothing can be written, builds stop with the reason, and continue by themselves afterwards."""
        self.start()
        soft, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        self.goThrough(
            lambda: resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0, hard)),
            lambda: resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, hard)),
        )
        self.assertNotIn("Traceback", self.log())


class FullDiskTestCase(Trouble):
    """The master's own disk is completely full."""

    def setUp(self) -> None:
        super().setUp()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", self.basedir], capture_output=True
        )
        if mounted.returncode:
            raise SkipTest("no file system can be mounted here")
        self._stack.callback(subprocess.run, ["umount", "--lazy", self.basedir])

    def test_filledAndFreed(self) -> None:
        """If the disk is full, builds stop with the reason, and continue by themselves when there is room."""
        self.start()
        ballast = os.path.join(self.basedir, "ballast")
        self.goThrough(lambda: self.fill(ballast), lambda: os.unlink(ballast))
        self.assertNotIn("Traceback", self.log())

    def fill(self, path: str) -> None:
        """Fill the disk."""
        with open(path, "wb", buffering=0) as out:
            for size in (1 << 20, 1 << 12, 1):
                while True:
                    try:
                        out.write(b"x" * size)
                    except OSError:
                        break
