"""The process that C{stop} signals. tests.daemons.test_process stops real processes."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import FrameType
from typing import Any

from twisted.trial import unittest

from buildbot.config.model import ConfigError
from buildbot.control import client
from buildbot.daemon import directory as place
from buildbot.daemon import lock
from buildbot.reconfig import childload
from buildbot.reconfig.childload import LoadReport
from buildbot.scripts import checkconfig, elsewhere, stop
from buildbot.scripts.output import CommandFailed
from buildbot.store import direct
from buildbot.store.interface import StoreFailed
from buildbot.store.place import Place
from tests.commandline import Spoken, command, directory


class StopTests(unittest.TestCase):
    """Only the holder of the lock is signalled."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.signalled: list[int] = []
        self.addCleanup(signal.signal, signal.SIGUSR2, signal.signal(signal.SIGUSR2, self.hear))

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Record a signal to this process."""
        self.signalled.append(number)

    def target(self, pid: int) -> stop.Target:
        """A process that once held the lock."""
        target = stop.Target(self.here, lock.Holder(pid, 1.0))
        self.addCleanup(target.__exit__)
        return target

    def test_notRunning(self) -> None:
        """Without a running master it succeeds, whatever the pid file says (O4)."""
        with open(os.path.join(self.here, "twistd.pid"), "w") as stream:
            stream.write(str(os.getpid()))
        self.assertEqual(
            command("stop", self.here), Spoken(0, f"no buildmaster is running in {self.here}\n", "")
        )

    def test_onlyPages(self) -> None:
        """Where only the pages run, it names the command that stops them."""
        pages = os.path.join(self.here, place.PAGES)
        os.mkdir(pages)
        lock.hold(pages)
        self.addCleanup(lock.release, pages)
        said = command("stop", self.here)
        words = f"no buildmaster is running in {self.here}; `buildbot stop --pages-only {self.here}` stops"
        self.assertEqual(said, Spoken(0, f"{words} its pages\n", ""))

    def test_pages(self) -> None:
        """A stop of the pages does not touch the master."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        said = command("stop", "--pages-only", self.here)
        self.assertEqual(said, Spoken(0, f"no process with the pages is running in {self.here}\n", ""))

    def test_latePages(self) -> None:
        """A process with pages that does not stop has a name, and the advice is for it."""
        pages = os.path.join(self.here, place.PAGES)
        os.mkdir(pages)
        lock.hold(pages)
        self.addCleanup(lock.release, pages)
        options = {"basedir": self.here, "quiet": 1, "pages-only": 1, "timeout": 0.0}
        why = self.assertRaises(CommandFailed, stop.stop, options, "USR2")
        name = f"process with the pages (pid {os.getpid()}) has not stopped within 0 s"
        self.assertEqual(str(why), f"{name}: `buildbot stop --kill --pages-only {self.here}` kills it")

    def test_signal(self) -> None:
        """The holder is signalled; with 0.7.5's function, waiting is optional."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        self.assertEqual(stop.stop({"basedir": self.here, "quiet": 1}, "USR2", wait=False), 0)
        self.assertEqual(self.signalled, [signal.SIGUSR2])

    def test_noLongerHeld(self) -> None:
        """A process that has just released the lock is not signalled (O4)."""
        self.target(os.getpid()).send(signal.SIGUSR2)
        self.assertEqual(self.signalled, [])

    def test_notGone(self) -> None:
        """A process that has released the lock is waited for until it ends."""
        self.assertFalse(self.target(os.getpid()).whenGone(0))

    def test_late(self) -> None:
        """If a process does not stop in time, the error says how to end it."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        why = self.assertRaises(CommandFailed, stop.stop, {"basedir": self.here, "timeout": 0.0}, "USR2")
        self.assertIn(f"not stopped within 0 s: `buildbot stop --kill {self.here}` kills it", str(why))

    def test_logs(self) -> None:
        """It says which logs wait for their bucket; a restart, after which they are sent, does not."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        self.patch(stop.Target, "whenGone", lambda target, timeout: True)
        self.patch(stop, "whatWaits", lambda here, before="": "2.0 MB of logs wait")
        self.patch(stop.Target, "send", lambda target, number: None)
        self.patch(stop, "askMaster", lambda config, verb, params: {"running": 0})
        for options in ([], ["--clean"]):
            said = command("stop", *options, self.here).out.splitlines()
            self.assertEqual(said[-1], "2.0 MB of logs wait")
        said = []
        self.patch(stop, "say", lambda config, *lines: said.extend(lines))
        self.assertEqual(stop.stop({"basedir": self.here, "restarts": True}), 0)
        self.assertRegex("\n".join(said), "has stopped$")

    def test_clean(self) -> None:
        """A clean stop says what it waits for, if there is something."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        waits: list[str] = []

        def waiting(config: object, what: str) -> AbstractContextManager[None]:
            waits.append(what)
            return nullcontext()

        self.patch(stop, "waiting", waiting)
        self.patch(stop.Target, "whenGone", lambda target, timeout: True)
        for running in (0, 2):
            said: dict[str, object] = {"running": running}
            self.patch(stop, "askMaster", lambda config, verb, params, said=said: said)
            self.assertEqual(command("stop", "--clean", self.here).status, 0)
        self.assertEqual(waits, ["the master to stop", "the master to stop after 2 running builds"])

    def test_takenBack(self) -> None:
        """If somebody takes a clean stop back, the command that waits for it ends, and says so."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        self.patch(stop, "askMaster", lambda config, verb, params: {"running": 1})
        self.patch(stop.Target, "whenGone", lambda target, timeout: False)
        answers: list[Any] = [{"since": 1.0}, client.NotRunning(), None]

        def request(here: str, *rest: object) -> object:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return {"master": {"shutdown": answer}}

        self.patch(client, "request", request)
        said = command("stop", "--clean", self.here)
        self.assertEqual((said.status, answers), (1, []))
        self.assertEqual(said.err, "somebody has taken back the stop: the master goes on\n")


class RestartTests(unittest.TestCase):
    """A running master is stopped only if the new one can start."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.done: list[str] = []
        self.errors: tuple[ConfigError, ...] = ()
        for name in ("stop", "start"):
            self.patch(stop, name, partial(self.do, name))
        self.patch(childload, "checkInChild", self.check)

    def do(self, name: str, config: object) -> int:
        self.done.append(name)
        return 0

    def check(self, *arguments: object) -> LoadReport:
        """Replaces the child process."""
        self.done.append("check")
        return LoadReport(not self.errors, self.errors, (), "")

    def hold(self, kind: place.Kind) -> None:
        """Pretend that such a daemon runs."""
        lock.hold(self.here, kind)
        self.addCleanup(lock.release, self.here)

    def config(self) -> None:
        """Create a configuration."""
        with open(os.path.join(self.here, "master.cfg"), "w"):
            pass

    def test_broken(self) -> None:
        """If the configuration is refused, the running master is not stopped, and the errors are printed."""
        self.config()
        self.errors = (ConfigError("SyntaxError: oh", "master.cfg", 69), ConfigError("no slaves", None, None))
        self.hold(place.Kind.MASTER)
        said = command("restart", self.here)
        self.assertEqual((said.status, said.out, self.done), (1, "", ["check"]))
        self.assertRegex(
            said.err,
            r"^master.cfg:69: SyntaxError: oh\nno slaves\n"
            r"Nothing was stopped: the running buildmaster \(pid \d+ since [-0-9: ]+\) was left alone\.\n$",
        )

    def test_clean(self) -> None:
        """With --clean, the running builds of a running master end first."""
        self.config()
        asked: list[object] = []
        self.patch(stop, "stop", lambda config: asked.append(config.get("clean")))
        self.assertEqual(command("restart", "--clean", self.here).status, 0)
        self.hold(place.Kind.MASTER)
        self.assertEqual(command("restart", "-c", self.here).status, 0)
        self.assertEqual(asked, [None, 1])
        for flag, words in (("--kill", "--kill would not let"), ("--pages-only", "needs no --clean")):
            said = command("restart", "--clean", flag, self.here)
            self.assertEqual(said.status, 2)
            self.assertIn(words, said.err)

    def test_lost(self) -> None:
        """The same, if the configuration named in the .tac is missing."""
        with open(os.path.join(self.here, "buildbot.tac"), "a") as stream:
            stream.write("\nconfigfile = 'master.cfg'\n")
        self.hold(place.Kind.MASTER)
        said = command("restart", self.here)
        self.assertEqual((said.status, self.done), (1, []))
        self.assertIn(f"no master.cfg in {self.here}", said.err)
        self.assertIn("left alone", said.err)

    def test_databaseAway(self) -> None:
        """The same, if the database of the store cannot be used: the builds would be lost for nothing."""
        self.config()
        with open(os.path.join(self.here, "buildbot.tac"), "a") as stream:
            stream.write("\ndb = 'postgresql://ci@db/ci'\n")
        self.hold(place.Kind.MASTER)
        self.patch(checkconfig, "find_spec", lambda name: name)

        def away(store: Place) -> str:
            raise StoreFailed(f"cannot read {store.shown}: connection refused")

        patched = self.patch(direct, "held", away)
        said = command("restart", self.here)
        self.assertEqual((said.status, self.done), (1, ["check"]))
        reason = (
            "cannot start again: cannot read postgresql://ci@db/ci: connection refused\nNothing was stopped"
        )
        self.assertIn(reason, said.err)
        patched.restore()
        self.patch(direct, "held", lambda store: "has a store already")
        self.assertEqual(command("restart", self.here).status, 0)
        self.assertEqual(self.done, ["check", "check", "stop", "start"])

    def test_diskFull(self) -> None:
        """H10: if the disk is full, a running master or slave is not stopped: it could not start again."""

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.config()
        self.patch(os, "fsync", full)
        self.hold(place.Kind.MASTER)
        said = command("restart", self.here)
        self.assertEqual((said.status, self.done), (1, []))
        self.assertIn(f"cannot start again in {self.here}: No space left on device", said.err)
        self.assertIn("Nothing was stopped: the running buildmaster (pid", said.err)
        self.here = directory(self.mktemp(), "buildslave")
        self.hold(place.Kind.SLAVE)
        said = command("restart", self.here)
        self.assertEqual((said.status, self.done), (1, []))
        self.assertIn("Nothing was stopped: the running buildslave (pid", said.err)

    def test_oddFiles(self) -> None:
        """H10: the same, if a file of the store is a FIFO or the log is a directory."""
        self.config()
        self.hold(place.Kind.MASTER)
        for name, make, remove, words in (
            ("state.sqlite-journal", os.mkfifo, os.unlink, "it is a FIFO"),
            ("state.sqlite", os.mkdir, os.rmdir, "it is a directory"),
            ("twistd.log", os.mkdir, os.rmdir, "it is a directory"),
            ("twistd.log", os.mkfifo, os.unlink, "it is a FIFO"),
        ):
            path = os.path.join(self.here, name)
            make(path)
            said = command("restart", self.here)
            self.assertEqual((said.status, self.done), (1, []), name)
            self.assertIn(words, said.err)
            remove(path)

    def test_standby(self) -> None:
        """A master that waits, or for whose place another one waits, starts again as a standby."""
        self.config()
        self.hold(place.Kind.MASTER)
        said: object = None

        def request(here: str, *rest: object) -> object:
            return {"master": {"masters": said}}

        started: list[object] = []
        self.patch(client, "request", request)
        self.patch(stop, "start", lambda config: started.append(config.get("standby")))
        for masters, isStandby in (
            (None, 0),
            ({"state": "active", "others": []}, 0),
            ({"state": "active", "others": [{}]}, True),
            ({"state": "standby", "others": []}, True),
        ):
            said = masters
            out = command("restart", self.here).out
            self.assertEqual("starts as a standby" in out, bool(isStandby))
        self.assertEqual(started, [0, 0, True, True])

    def test_standbyStopped(self) -> None:
        """A stopped master starts as a standby while another one is active on its store."""
        started: list[object] = []
        self.patch(stop, "start", lambda config: started.append(config.get("standby")))
        for tac, active, isStandby in (
            ("", "two:/m", 0),
            ("db = 'postgresql://ci@db/ci'", "", 0),
            ("db = 'postgresql://ci@db/ci'", "two:/m", True),
        ):
            self.patch(elsewhere, "otherActive", {self.here: active}.get)
            with open(os.path.join(self.here, "buildbot.tac"), "w", encoding="utf-8") as stream:
                stream.write(f"{tac}\napplication = service.Application('buildmaster')\n")
            self.assertEqual("starts as a standby" in command("restart", self.here).out, bool(isStandby))
        self.assertEqual(started, [0, 0, True])

    def test_nothingLeft(self) -> None:
        """The check leaves no file."""
        self.config()
        self.hold(place.Kind.MASTER)
        before = sorted(os.listdir(self.here))
        command("restart", self.here)
        self.assertEqual((self.done, sorted(os.listdir(self.here))), (["check", "stop", "start"], before))

    def test_good(self) -> None:
        """With a valid configuration it is stopped and started."""
        self.config()
        self.hold(place.Kind.MASTER)
        self.assertEqual(command("restart", self.here), Spoken(0, "", ""))
        self.assertEqual(self.done, ["check", "stop", "start"])

    def test_none(self) -> None:
        """A .tac without a configuration file needs no check."""
        self.hold(place.Kind.MASTER)
        command("restart", self.here)
        self.assertEqual(self.done, ["stop", "start"])

    def test_notRunning(self) -> None:
        """If no master runs, the start reports the errors."""
        command("restart", self.here)
        self.assertEqual(self.done, ["stop", "start"])

    def test_slave(self) -> None:
        """A slave has no configuration to check."""
        self.here = directory(self.mktemp(), "buildslave")
        self.hold(place.Kind.SLAVE)
        command("restart", self.here)
        self.assertEqual(self.done, ["stop", "start"])
