"""An upgrade of the store that is killed at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from twisted.trial import unittest

from buildbot.store.schema import CURRENT
from tests.commandline import directory
from tests.examples import THOROUGH
from tests.stores import build

ROOT = Path(__file__).parents[2]


class KilledTests(unittest.SynchronousTestCase):
    """P7: C{buildbot upgrade-master}, and SIGKILL."""

    BUILDS = 4000
    KILLS = 5 if THOROUGH else 2

    def command(self, seconds: float | None = None) -> int:
        """Run the command; kill it after some seconds. Returns its status."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "buildbot", "upgrade-master", "-q", self.here]
        with subprocess.Popen(words, env=environment) as child:
            if seconds is None:
                return child.wait()
            timer = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
            timer.start()
            status = child.wait()
            timer.cancel()
            return status

    def test_killed(self) -> None:
        """P7: after any kill the store is whole, old or upgraded; the next upgrade completes it."""
        self.here = directory(self.mktemp())
        path = os.path.join(self.here, "state.sqlite")
        record = json.dumps(build("full").toRecord())
        with closing(sqlite3.connect(path)) as file:
            CURRENT.upgrade(file, 0, 1)
            file.executemany(
                "INSERT INTO builds (builder, number, started, finished, record)"
                " VALUES ('full', ?, ?, 9.0, ?)",
                ((number, float(number), record) for number in range(self.BUILDS)),
            )
            file.execute("PRAGMA user_version = 1")
            file.commit()
        chance, statuses = random.Random(), []
        for seconds in (0.1, *(0.1 + chance.random() * 0.7 for _ in range(self.KILLS))):
            statuses.append(self.command(seconds))
            with closing(sqlite3.connect(path)) as file:
                (version,) = file.execute("PRAGMA user_version").fetchone()
                (count,) = file.execute("SELECT COUNT(*) FROM builds").fetchone()
                (sound,) = file.execute("PRAGMA integrity_check").fetchone()
            self.assertIn(version, (1, CURRENT.version))
            self.assertEqual((count, sound), (self.BUILDS, "ok"))
        self.assertEqual(self.command(), 0)
        self.assertIn(-signal.SIGKILL, statuses)
        with closing(sqlite3.connect(path)) as file:
            (version,) = file.execute("PRAGMA user_version").fetchone()
        self.assertEqual(version, CURRENT.version)
        with closing(sqlite3.connect(f"{path}.schema-1")) as file:
            (count,) = file.execute("SELECT COUNT(*) FROM builds").fetchone()
        self.assertEqual(count, self.BUILDS)
