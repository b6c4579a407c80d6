# -*- test-case-name: tests.integration.test_hostile_deadlines -*-
"""
Slaves that stay connected but never end their commands: how long they delay other builds.

They are rows of L{tests.benchmarks.hostile}. L{tests.integration.test_hostile_deadlines} asserts the figures.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from buildbot.control.server import ask
from tests.benchmarks.servers import PASSWORD, PATTERN, Server
from tests.hostile import Crowd, Slave

#: Added to the benchmark's master.cfg: a step of all builders; a lock lets one run at a time.
ONE_AT_A_TIME = """
from buildbot.locks import MasterLock
from buildbot.steps.shell import ShellCommand
steps.addStep(ShellCommand, command=["x"], timeout=1, maxTime=1, locks=[MasterLock("db")])
"""
#: The most seconds to wait for a slave that holds the lock.
PATIENCE = 120.0


def endless(server: Server) -> tuple[float, dict[str, Any] | None]:
    """
    Request one build on each of two slaves that never end a command. The builds need the same lock.

    @return: the seconds until the first build ended and freed the lock, and that build; None as the build if
        it did not end in time.
    """
    with open(os.path.join(server.basedir, "master.cfg"), "a") as config:
        config.write(ONE_AT_A_TIME)
    ask(server.basedir, "reconfig", timeout=60)
    slaves = [Slave(PATTERN % number, PASSWORD) for number in range(2)]
    crowd = Crowd(server.port, ["127.24.0.1", "127.24.0.2"], patience=PATIENCE)
    thread = threading.Thread(target=crowd.run, args=(slaves,), daemon=True)
    thread.start()
    while not all(slave.attached for slave in slaves):
        time.sleep(0.05)
    names = [f"builder-{PATTERN % number}" for number in range(2)]
    for name in names:
        ask(server.basedir, "force", timeout=30, builder=name)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        builds: Any = ask(server.basedir, "builds", timeout=30, builder=names[0])
        if builds["finished"]:
            return time.monotonic() - began, builds["finished"][0]
        time.sleep(0.2)
    return time.monotonic() - began, None


def _endless(server: Server, sizes: Any) -> str:
    """Report the result of L{endless} in words."""
    seconds, build = endless(server)
    if build is None:
        return f"a slave that ends no command still holds a lock after {seconds:.0f} s"
    return f"a slave that ends no command held a lock for {seconds:.0f} s: {' '.join(build['text'])}"


SCENARIOS: dict[str, Callable[[Server, Any], str]] = {"endless": _endless}
