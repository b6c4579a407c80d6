"""A process that uses the store and is killed at any moment."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial import unittest

from tests.examples import THOROUGH

ROOT = Path(__file__).parents[2]
_BUILDS = "SELECT builder, number, finished FROM builds"


class KilledTests(unittest.SynchronousTestCase):
    """P1, P2, row 10: the process is killed at any moment."""

    KILLS = 6 if THOROUGH else 2

    def test_killed(self) -> None:
        """All acknowledged work is there after SIGKILL, each request in one state, no number twice."""
        audit = Audit(self, self.mktemp())
        chance = random.Random()
        for number in range(self.KILLS):
            audit.live(number, chance.random() * 0.15)


class Audit:
    """I start and kill one process after the other on a directory, and compare their reports."""

    def __init__(self, case: unittest.SynchronousTestCase, directory: str) -> None:
        os.makedirs(directory, exist_ok=True)
        self._case = case
        self._directory = os.path.abspath(directory)
        self._changes: set[int] = set()
        self._builds: set[tuple[str, int]] = set()
        self._finished: set[tuple[str, int]] = set()
        self._unfinished: set[tuple[str, int]] = set()  # as on disk
        self._open: set[int] = set()  # acknowledged, and not known to be done
        self.acknowledged = 0

    def live(self, seed: int, seconds: float) -> None:
        """Run one process, killed some seconds after its first line; then check the content of the disk."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.processes.storechild", self._directory, str(seed), "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]
            timer = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
            timer.start()
            lines += child.stdout.read().splitlines(True)
            timer.join()
        said = [json.loads(line) for line in lines if line.endswith(b"\n")]
        self._case.assertEqual(said[0][0], "interrupted")
        for name, what in said:
            getattr(self, f"_{name}")(what)
            self.acknowledged += 1
        self._inspect()

    def _interrupted(self, builds: list[Any]) -> None:
        self._case.assertEqual({(builder, number) for builder, number, _ in builds}, self._unfinished)

    def _pending(self, requests: list[int]) -> None:
        self._case.assertEqual(len(requests), len(set(requests)))

    def _change(self, number: int) -> None:
        self._case.assertNotIn(number, self._changes)
        self._changes.add(number)

    def _set(self, ids: list[int]) -> None:
        self._open.update(ids[1:])

    def _start(self, build: list[Any]) -> None:
        builder, number, _ = build
        self._case.assertNotIn((builder, number), self._builds)
        self._builds.add((builder, number))

    def _finish(self, build: list[Any]) -> None:
        self._finished.add((build[0], build[1]))

    def _inspect(self) -> None:
        """The content of the disk, read by SQLite alone (from a copy, since reading repairs the log)."""
        copy = f"{self._directory}.copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._directory, copy)
        with closing(sqlite3.connect(os.path.join(copy, "state.sqlite"))) as file:
            rows = file.execute
            equal = self._case.assertEqual
            equal(rows("PRAGMA integrity_check").fetchone(), ("ok",))
            changes = {number for (number,) in rows("SELECT number FROM changes")}
            self._case.assertLessEqual(self._changes, changes)
            equal(changes, set(range(1, len(changes) + 1)))
            places = dict(rows("SELECT id, state FROM requests"))
            self._case.assertLessEqual(self._open, set(places))
            self._case.assertLessEqual(set(places.values()), {"pending", "building", "done"})
            builds = {(builder, number): over for builder, number, over in rows(_BUILDS)}
            self._case.assertLessEqual(self._builds, set(builds))
            for builder in ("full", "quick"):
                numbers = sorted(number for name, number in builds if name == builder)
                equal(numbers, list(range(len(numbers))))
            building = set(rows("SELECT builder, build FROM requests WHERE state = 'building'"))
            self._unfinished = {build for build, over in builds.items() if over is None}
            equal(building, self._unfinished)
            equal(self._finished & self._unfinished, set())
            self._builds = set(builds)
            self._changes = changes
