"""The scheduler that builds the try jobs in a directory, and the command that puts them there."""

from __future__ import annotations

import io
import json
import os
import pwd
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, globalLogPublisher
from twisted.trial import unittest

from buildbot.changes import maildir
from buildbot.changes.maildir import NoSuchMaildir
from buildbot.clients.tryclient import Try, TryFailed
from buildbot.model.records import BuildsetRecord
from buildbot.model.tryjob import TryJob, writeJob
from buildbot.schedulers import tryjobdir
from buildbot.schedulers.tryjobdir import BadJobdir, Jobdir
from buildbot.schedulers.trysched import Try_Jobdir
from buildbot.scripts import tryserver
from buildbot.scripts.output import CommandFailed
from tests.schedulers import FakeMaster, TestStore, buildOf, ended

#: The tree of the package, for the Python of child processes.
ROOT = str(Path(__file__).parent.parent.parent)

DIFF = "--- a\n+++ b\n"
JOB = TryJob("17-4", diff=DIFF)
#: The most seconds for anything: a busy machine needs some to start a command.
PATIENCE = 120.0


class JobdirCase(unittest.TestCase):
    """A master with a Try_Jobdir, on a real reactor and a store in memory."""

    def setUp(self) -> None:
        self.patch(tryjobdir, "LOOK_EVERY", 0.01)
        self.here = Path(self.mktemp()).resolve()
        self.here.mkdir()
        self.jobdir = self.here / "jobs"
        self.store = TestStore()
        self.store.open()
        self.lines: list[str] = []
        self.masters: list[Any] = []
        observer = cast(ILogObserver, self.heard)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.addCleanup(lambda: ensureDeferred(self.stopAll()))

    def heard(self, event: Any) -> None:
        if event.get("log_namespace") == tryjobdir.__name__:
            self.lines.append(event["log_format"].format(**event))

    async def start(self, **kw: Any) -> Try_Jobdir:
        """Start a master on the same store, with the scheduler."""
        clock: Any = reactor
        master: Any = FakeMaster(clock, self.store, ("full", "quick", "other"))
        master.basedir = str(self.here)
        master.startService()
        self.masters.append(master)
        scheduler = Try_Jobdir("try", ["full", "quick"], "jobs", **kw)
        await scheduler.setServiceParent(master)  # type: ignore[misc]
        return scheduler

    def kill(self, scheduler: Try_Jobdir) -> None:
        """Kill the master: nothing more is stored."""
        self.store.drop()
        scheduler.cease()

    async def stopAll(self) -> None:
        self.store.full = self.store.lazy = False
        self.store.flush()
        for master in self.masters:
            await master.stopService()

    async def until(self, isSo: Callable[[], object]) -> None:
        """Wait for a condition."""
        ends = time.monotonic() + PATIENCE
        while not isSo():
            if time.monotonic() > ends:
                self.fail("it did not happen")
            await deferLater(reactor, 0.01)

    def deliver(self, job: TryJob | bytes = JOB, end: str = "") -> str:
        """Put a job into the directory."""
        data = job if isinstance(job, bytes) else writeJob(job)
        return tryserver.deliver(str(self.jobdir), data, 17.0, end)

    def names(self, where: str) -> list[str]:
        """The names in a part of the directory."""
        return sorted(os.listdir(self.jobdir / where))

    async def sets(self) -> list[BuildsetRecord]:
        """The submitted sets."""
        found: list[BuildsetRecord] = []
        while True:
            record = await self.store.getBuildset(len(found) + 1)
            if record is None:
                return found
            found.append(record)


class TakeTests(JobdirCase):
    """Each job is built once."""

    async def test_taken(self) -> None:
        """A job is built, with all that it says, and moved to cur."""
        await self.start(properties={"isTry": True, "b": "mine"})
        job = TryJob(
            "17-4", "br", "r1", 1, DIFF + "\udce1", "git://x", "p", "ann", "why", ("full",), {"a": 1, "b": 2}
        )
        name = self.deliver(job)
        await self.until(lambda: self.names("cur") == [name])
        (record,) = await self.sets()
        self.assertEqual((record.externalID, record.scheduler, record.mergeable), ("17-4", "try", False))
        self.assertEqual(record.reason, "'try' job from user ann (why)")
        self.assertEqual(record.properties, {"a": 1, "b": "mine", "isTry": True})
        stamp = record.sourcestamp
        self.assertEqual(
            (stamp["branch"], stamp["revision"], stamp["patch"]), ("br", "r1", [1, DIFF + "\udce1"])
        )
        self.assertEqual((stamp["repository"], stamp["project"]), ("git://x", "p"))
        (request,) = await self.store.pendingRequests()
        self.assertEqual(request.builder, "full")
        self.assertEqual(self.names("new"), [])

    async def test_author(self) -> None:
        """The owner of a job's file is its author, unless that is the user of the master."""
        await self.start()
        for who in ("", "ann"):
            self.deliver(TryJob(f"17-{who}", who=who))
        await self.until(lambda: len(self.names("cur")) == 2)
        me = pwd.getpwuid(os.getuid()).pw_name
        self.patch(os, "getuid", lambda: 4242)
        self.deliver(TryJob("17-9", who="ann"))
        await self.until(lambda: len(self.names("cur")) == 3)
        reasons = [record.reason for record in await self.sets()]
        self.assertEqual(sorted(reasons[:2]), ["'try' job", "'try' job from user ann"])
        self.assertEqual(reasons[2], f"'try' job from user {me} for ann")

    async def test_killedBefore(self) -> None:
        """A job whose set was not stored before a crash is built after the restart."""
        await self.start()
        first = self.masters[0]
        (scheduler,) = first
        self.store.lazy = True
        name = self.deliver()
        await self.until(lambda: self.store._queue)
        self.kill(scheduler)
        self.store.lazy = False
        self.assertEqual((await self.sets(), self.names("new")), ([], [name]))
        await self.start()
        await self.until(lambda: self.names("cur") == [name])
        self.assertEqual(len(await self.sets()), 1)

    async def test_killedBetween(self) -> None:
        """A job whose set was stored before a crash, but that was not moved, is only moved."""
        moves: list[str] = []

        def fails(self: maildir.Maildir, name: str) -> None:
            moves.append(name)
            raise NoSuchMaildir("killed")

        patch = self.patch(maildir.Maildir, "see", fails)
        scheduler = await self.start()
        name = self.deliver()
        await self.until(lambda: len(moves) > 2)
        self.kill(scheduler)
        patch.restore()
        self.assertEqual((len(await self.sets()), self.names("new")), (1, [name]))
        again = await self.start()
        await self.until(lambda: self.names("cur") == [name])
        await self.until(lambda: not again.toRecord()["taken"])
        self.assertEqual(len(await self.sets()), 1)

    async def test_killedAfter(self) -> None:
        """The name of a job that was moved just before a crash is forgotten."""
        await self.store.setState("scheduler/try", {"taken": ["17-x"]})
        scheduler = await self.start()
        self.assertEqual(scheduler.toRecord(), {"taken": ["17-x"]})
        await self.until(lambda: not scheduler.toRecord()["taken"])
        await scheduler.disownServiceParent()
        self.assertEqual(await self.store.getState("scheduler/try"), {"taken": []})

    async def test_storeFails(self) -> None:
        """A job waits in new while the store fails."""
        await self.start()
        self.patch(tryjobdir, "LOOK_EVERY", 0.01)
        self.store.full = True
        name = self.deliver()
        (scheduler,) = self.masters[0]
        await self.until(lambda: scheduler.toRecord()["taken"] == [name])
        self.assertEqual(self.names("new"), [name])
        self.kill(scheduler)
        self.store.full = False
        await self.start()
        await self.until(lambda: self.names("cur") == [name])
        self.assertEqual(len(await self.sets()), 1)

    async def test_malformed(self) -> None:
        """A malformed job, and one for another builder, are moved aside with a line each."""
        await self.start()
        bad = self.deliver(b"hello")
        other = self.deliver(TryJob("17-5", builderNames=("other",)), end="-other")
        good = self.deliver()
        errors: list[str] = []

        def isDone() -> bool:
            errors[:] = [line for line in self.lines if "cannot take" in line]
            return self.names("cur") == [good] and len(errors) == 2

        await self.until(isDone)
        self.assertEqual(self.names("bad"), sorted([bad, other]))
        self.assertIn(f"job {bad}: it is malformed or refused, and is moved to {self.jobdir}/bad", errors[0])
        self.assertIn("byte 0 does not begin a netstring", errors[0])
        self.assertIn("it asks for other; the builders are full, quick", errors[1])

    async def test_notMovable(self) -> None:
        """A malformed job that cannot be moved is left alone, with one line."""

        def fails(self: Jobdir, name: str) -> None:
            raise PermissionError(1, "Operation not permitted", name)

        self.patch(Jobdir, "putAside", fails)
        await self.start()
        bad = self.deliver(b"hello")
        good = self.deliver()
        await self.until(lambda: self.names("cur") == [good])
        later = self.deliver(TryJob("17-5", diff=DIFF))
        await self.until(lambda: later in self.names("cur"))
        (line,) = [line for line in self.lines if "cannot take" in line]
        self.assertIn("and it cannot be moved: ", line)
        self.assertEqual(self.names("new"), [bad])

    async def test_large(self) -> None:
        """A job has a limit, and is not read beyond it."""
        self.patch(tryjobdir, "LONGEST_JOB", 100)
        await self.start()
        bad = self.deliver(writeJob(TryJob("1", diff="x" * 200)))
        await self.until(lambda: self.lines)
        self.assertIn("it is cut off", self.lines[0])
        self.assertEqual(self.names("bad"), [bad])

    async def test_noDirectory(self) -> None:
        """If the directory cannot be made, the master says so at the start."""
        self.jobdir.write_text("a file")
        with self.assertRaisesRegex(BadJobdir, "the jobdir cannot be made: .*jobs"):
            await self.start()

    async def test_gone(self) -> None:
        """If the directory goes away, the log says so once, and jobs come again with it."""
        self.patch(tryjobdir, "RETRY_AFTER", 0.01)
        await self.start()
        self.jobdir.rename(self.here / "away")
        await self.until(lambda: len(self.lines) == 1)
        self.assertIn("scheduler try gets no jobs: ", self.lines[0])
        (self.here / "away").rename(self.jobdir)
        name = self.deliver()
        await self.until(lambda: self.names("cur") == [name])
        self.assertEqual(len([line for line in self.lines if "gets no jobs" in line]), 1)


class ToldTests(JobdirCase):
    """Those who wait are told what happens."""

    def told(self, name: str) -> list[dict[str, Any]]:
        path = self.jobdir / "told" / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def test_refused(self) -> None:
        """That a job is refused is told, and tryserver ends."""
        await self.start()
        name = self.deliver(TryJob("1", builderNames=("other",)), tryserver.WAITS)
        await self.until(lambda: self.told(name))
        (line,) = tryserver.events(str(self.jobdir / "told" / name))
        self.assertEqual(json.loads(line)["event"], "refused")

    async def test_lost(self) -> None:
        """A restart of the master is told, and old files are deleted."""
        scheduler = await self.start()
        name = self.deliver(end=tryserver.WAITS)
        await self.until(lambda: self.told(name))
        self.assertEqual(self.told(name)[0], {"event": "submitted", "builders": ["full", "quick"]})
        old = self.jobdir / "told" / "old"
        old.write_text("{}\n")
        os.utime(old, (1000, 1000))
        self.kill(scheduler)
        for _ in range(2):
            self.kill(await self.start())
        self.assertEqual([each["event"] for each in self.told(name)], ["submitted", "lost"])
        self.assertFalse(old.exists())
        *_, line = tryserver.events(str(self.jobdir / "told" / name))
        self.assertEqual(json.loads(line)["why"], "the scheduler was restarted")

    def test_notTaken(self) -> None:
        """If no master takes the job, tryserver gives up."""
        self.patch(tryserver, "TAKEN_WITHIN", -1)
        why = self.assertRaises(CommandFailed, list, tryserver.events(str(self.here / "x")))
        self.assertIn("no master has taken the job", str(why))

    def test_noJobdir(self) -> None:
        """A job that cannot be delivered is said so."""
        why = self.assertRaises(CommandFailed, self.deliver)
        self.assertIn("the job cannot be delivered: ", str(why))


class OverSSHTests(JobdirCase):
    """C{buildbot try} with a program in place of ssh, which runs C{buildbot tryserver} here."""

    def setUp(self) -> None:
        super().setUp()
        ssh = self.here / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text('#!/bin/sh\n[ "$1" = -l ] && shift 2\nshift\nexec sh -c "$*"\n')
        ssh.chmod(0o755)
        self.addCleanup(os.environ.update, {"PATH": os.environ["PATH"]})
        os.environ["PATH"] = f"{ssh.parent}{os.pathsep}{os.environ['PATH']}"
        self.printed = io.StringIO()
        self.patch(sys, "stdout", self.printed)
        (self.here / "diff").write_text(DIFF)

    def attempt(self, **more: Any) -> Any:
        """Try a patch. Fires with the exit status."""
        options = {
            **{"connect": "ssh", "host": "h", "jobdir": str(self.jobdir), "diff": str(self.here / "diff")},
            **{"buildbotbin": f"PYTHONPATH={ROOT} {sys.executable} -m buildbot", **more},
        }
        return ensureDeferred(Try(options).go())

    async def test_built(self) -> None:
        """The result comes back."""
        await self.start()
        trying = self.attempt(wait=True, username="ann", builders=["full"])
        await self.until(lambda: self.names("cur"))
        (request,) = await self.store.pendingRequests()
        build = await self.store.startBuild(buildOf(request))
        over = await self.store.finishBuild(ended(build, 2))
        self.masters[0].botmaster.engine.buildsetsComplete(over)
        self.assertEqual(await trying, 1)
        self.assertEqual(self.printed.getvalue(), "the job has been delivered\nfull: not built\n")

    async def test_delivered(self) -> None:
        """Without --wait, the developer is done when the job is there."""
        await self.start()
        self.assertEqual(await self.attempt(), 0)
        await self.until(lambda: self.names("cur"))

    async def test_notBuilt(self) -> None:
        """A job that is refused, and one that cannot be delivered, are errors with the reason."""
        await self.start()
        with self.assertRaisesRegex(TryFailed, "^the job is refused: it asks for other; the builders are"):
            await self.attempt(wait=True, builders=["other"])
        self.patch(sys, "stderr", io.StringIO())
        with self.assertRaisesRegex(TryFailed, "`buildbot tryserver` ended with status 1"):
            await self.attempt(jobdir=str(self.here / "none"))
        with self.assertRaisesRegex(TryFailed, "needs --host"):
            await self.attempt(host="-oProxyCommand=x")
        with self.assertRaisesRegex(TryFailed, "needs --jobdir"):
            await self.attempt(jobdir="")
        with self.assertRaisesRegex(TryFailed, "ended before the builds did"):
            await self.attempt(wait=True, buildbotbin="true")
