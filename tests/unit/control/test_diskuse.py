"""What takes room on a master."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import Deferred, execute, fail

from buildbot.control.diskcommands import DiskCommands
from buildbot.control.diskuse import diskUse
from buildbot.logs.usage import LogFiles, Usage
from buildbot.store.interface import StoreFailed
from tests.unit.control.test_buildcommands import AnswersCase


class DiskUseTests(AnswersCase):
    """The measures, and the answer of a master."""

    def setUp(self) -> None:
        super().setUp()
        self.here = self.mktemp()
        os.mkdir(self.here)
        self.handlers |= DiskCommands(self.here, self.botmaster).handlers()
        self.botmaster.retention.logs.inThread = execute

    def write(self, name: str, size: int) -> None:
        Path(self.here, name).write_bytes(bytes(size))

    def test_sizes(self) -> None:
        """The store counts with the files beside it, and twistd.log with its older parts; others do not."""
        for name, size in (
            *(("state.sqlite", 100), ("state.sqlite-wal", 10), ("twistd.log", 7), ("twistd.log.1", 5)),
            *(("twistd.logs", 1000), ("master.cfg", 1000)),
        ):
            self.write(name, size)
        usage = {"small": {1: LogFiles(["small/1"], 10)}, "full": {n: LogFiles([], 20) for n in (1, 2)}}
        told = diskUse(self.here, usage, {"full": 3, "new": 1})
        self.assertEqual((told["store"], told["twistdLog"], told["logs"]), (110, 12, 50))
        self.assertEqual(
            [(each["builder"], each["builds"], each["withLogs"], each["logs"]) for each in told["builders"]],
            [("full", 3, 2, 40), ("small", 0, 1, 10), ("new", 1, 0, 0)],
        )
        self.assertGreater(told["free"], 0)
        self.assertEqual(told["server"], "")

    def test_server(self) -> None:
        """With the store in a database, its address is told."""
        Path(self.here, "buildbot.tac").write_text("db = 'postgresql://ci@db/ci'\n")
        self.assertEqual(diskUse(self.here, {}, {})["server"], "postgresql://ci@db/ci")

    def test_nothing(self) -> None:
        """A directory that cannot be read takes no room."""
        told = diskUse(os.path.join(self.here, "nowhere"), {}, {})
        self.assertEqual((told["store"], told["logs"], told["twistdLog"], told["free"]), (0, 0, 0, None))

    def test_answer(self) -> None:
        """A master tells its limits, and what the next removal will remove."""
        self.green()
        for _ in range(3):
            self.force()
        self.botmaster.retention.horizon = 2
        told = self.ask("disk")
        self.assertEqual((told["keeps"]["builds"], told["goes"]["builds"]), (2, 1))
        self.assertEqual(self.ask("disk", buildHorizon=1)["goes"]["builds"], 2)
        self.assertEqual(self.ask("disk", buildHorizon=9)["goes"]["builds"], 0)
        self.clock.advance(5 * 86400)
        self.assertEqual(self.ask("disk", buildHorizon=9, buildDays=4)["goes"]["builds"], 2)
        self.assertEqual(self.ask("disk")["goes"]["builds"], 1)
        (builder,) = told["builders"]
        self.assertEqual((builder["builder"], builder["builds"]), ("full", 3))

    def test_away(self) -> None:
        """While the database is away, the disk of the master is told all the same: nothing waits for it."""
        self.green()
        self.force()
        self.patch(self.botmaster.store, "server", lambda: "PostgreSQL")
        self.patch(self.botmaster.retention.logs, "usage", self.usage)

        def away() -> Deferred[dict[str, int]]:
            return fail(StoreFailed("no route to host"))

        self.patch(self.botmaster.store, "countBuilds", away)
        for _ in range(2):
            told = self.ask("disk")
            (builder,) = told["builders"]
            self.assertEqual((builder["builds"], builder["withLogs"], told["goes"]), (None, 1, None))
            self.assertEqual((told["storeTrouble"], told["logs"]), ("no route to host", 10))
            self.assertIsNotNone(told["keeps"]["builds"])
            self.botmaster.health.trouble = "no route to host"
            self.patch(self.botmaster.store, "countBuilds", Deferred)  # which never answers

    async def usage(self) -> Usage:
        """The logs of one build."""
        return {"full": {1: LogFiles(["full/1"], 10)}}

    def test_full(self) -> None:
        """While the disk is full and nothing can be written, the master still tells what takes room."""
        self.green()
        self.force()

        def full(*arguments: object) -> Deferred[None]:
            return fail(StoreFailed("database or disk is full"))

        self.patch(self.botmaster.store, "setState", full)
        told = self.ask("disk", buildDays=1)
        self.assertEqual((len(told["builders"]), told["goes"]["builds"]), (1, 0))
