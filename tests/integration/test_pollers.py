# -*- test-case-name: tests.integration.test_pollers -*-
"""Pollers of a real master: killed at random moments, and with servers that never answer.

C{tests.processes} has the pollers themselves.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from buildbot.control.server import ask
from tests.benchmarks import servers
from tests.benchmarks.crash import State
from tests.benchmarks.pollers import hang

KILLS = 10

_SOURCES = """
from buildbot.changes.gitpoller import GitPoller
from buildbot.changes.hgpoller import HgPoller
from buildbot.changes.svnpoller import SVNPoller
c["sources"] = [
    GitPoller({here!r} + "/git", pollInterval=0.5, pollAtLaunch=True),
    HgPoller({here!r} + "/hg", pollInterval=0.5, pollAtLaunch=True),
    SVNPoller("file://" + {here!r} + "/svn", pollInterval=0.5),
]
"""


class KilledTestCase(SynchronousTestCase):
    """SIGKILL, restart, and again, while people commit to three real repositories."""

    def setUp(self) -> None:
        for program in ("git", "hg", "svn", "svnadmin"):
            if shutil.which(program) is None:
                raise SkipTest(f"there is no {program}")
        self.here = Path(tempfile.mkdtemp(prefix="pollers-")).resolve()
        self.addCleanup(shutil.rmtree, self.here, ignore_errors=True)
        self.basedir = str(self.here / "master")
        for command in (
            "git init --quiet -b master git",
            "hg init hg",
            "svnadmin create svn",
            f"svn checkout --quiet file://{self.here}/svn work",
        ):
            self.run_(*command.split(), where=self.here)

    def run_(self, *command: str, where: Path) -> None:
        """Run a program."""
        who = {f"GIT_{who}_{what}": "ann" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environ = {**os.environ, **who, "HGRCPATH": "", "HGUSER": "ann", "LC_ALL": "C.UTF-8"}
        subprocess.run(command, cwd=where, env=environ, check=True, capture_output=True)

    def commit(self, comments: str) -> list[str]:
        """Commit to each repository. Returns the comments."""
        for name in ("git", "hg", "work"):
            with (self.here / name / "a.c").open("a") as stream:
                stream.write("more\n")
        for where, command in (
            ("git", "git add --all"),
            ("git", f"git commit --quiet -m git-{comments}"),
            ("hg", f"hg commit --quiet --addremove -m hg-{comments}"),
            ("work", "svn add --quiet --force a.c"),
            ("work", f"svn commit --quiet -m svn-{comments}"),
        ):
            self.run_(*command.split(), where=self.here / where)
        return [f"{kind}-{comments}" for kind in ("git", "hg", "svn")]

    def start(self) -> None:
        """Start the master."""
        self.pid = servers.start(self.basedir)
        self.addCleanup(servers.stop, self.basedir, self.pid)

    def kill(self) -> None:
        """Kill the master."""
        os.kill(self.pid, signal.SIGKILL)
        self.until(lambda: not os.path.exists(f"/proc/{self.pid}"), "the master has ended")

    def pollers(self) -> list[dict[str, Any]]:
        """The state of the pollers."""
        said: Any = ask(self.basedir, "status")
        found: list[dict[str, Any]] = said["master"]["pollers"]
        return found

    def changes(self) -> list[str]:
        """The comments of all changes."""
        return list(State.read(os.path.join(self.basedir, "state.sqlite")).changes.values())

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until C{holds()}."""
        ends = time.monotonic() + 300
        while not holds():
            self.assertLess(time.monotonic(), ends, f"not in time: {what}")
            time.sleep(0.1)

    def haveLooked(self, since: float) -> bool:
        """True if the last look of each poller has ended since then."""
        return all((each["lastLook"] or 0) > since for each in self.pollers())

    def looked(self) -> None:
        """Wait until each poller has begun and ended a look without failure."""
        for _ in range(2):  # the first may have begun before
            self.until(partial(self.haveLooked, time.time()), "all have looked")
        self.assertEqual([each["failure"] for each in self.pollers()], ["", "", ""])

    def test_killed(self) -> None:
        """20 commits to each repository make 20 changes, while the master is killed 10 times."""
        self.commit("first")
        servers.writeMaster(self.basedir, 1, extra=_SOURCES.format(here=str(self.here)))
        self.start()
        self.looked()
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        wanted = []
        for number in range(KILLS):
            wanted += self.commit(f"{number}a") + self.commit(f"{number}b")
            time.sleep(chance.random())
            self.kill()
            self.start()
        self.until(lambda: set(self.changes()) >= set(wanted), f"all are there (seed {seed})")
        self.looked()
        for kind in ("git", "hg", "svn"):
            found = [each for each in self.changes() if each.startswith(kind)]
            self.assertEqual(found, [each for each in wanted if each.startswith(kind)], f"seed {seed}")
        log = "".join(path.read_text(errors="replace") for path in Path(self.basedir).glob("twistd.log*"))
        self.assertNotIn("Traceback", log)


class HangingTestCase(SynchronousTestCase):
    """Servers that accept connections and never answer, and a program that ignores the request to end."""

    def test_hanging(self) -> None:
        """Every look runs into its limit, says so, and leaves no program; all slaves stay connected.

        C{python -m tests.benchmarks.pollers} prints the round trips of the slaves meanwhile.
        """
        figures = hang(each=1, seconds=3.0)
        self.assertEqual(len(figures.reasons), 5)
        for reason in figures.reasons:
            self.assertRegex(reason, "did not (end|answer) within 4 seconds")
        self.assertEqual((figures.connected, figures.left), (10, 0))
        self.assertTrue(figures.hanging)
        self.assertNotIn("Traceback", figures.log)
