"""The child process of C{grep}, and the command as people use it: in a pipe, and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs.files import LogWriter
from buildbot.logs.grepchild import Wanted
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.scripts.output import CommandFailed
from buildbot.scripts.searcher import Searcher, TooSlow
from buildbot.store.sqlite import SqliteStore
from tests.stores import Turnstile, build, buildset

#: For this expression and a line of many a, the time doubles with each a.
CATASTROPHE = "(a+)+$"
#: The most seconds for a log where nothing takes long: a busy machine needs some to start the child.
PLENTY = 120.0


class SearcherTests(unittest.TestCase):
    """L{Searcher}."""

    def setUp(self) -> None:
        self.directory = os.path.realpath(tempfile.mkdtemp(dir="."))

    def log(self, name: str, text: bytes) -> str:
        """Make a log."""
        path = os.path.join(self.directory, name)
        writer = LogWriter(path, Clock())
        writer.append(0, text)
        writer.finish()
        return path

    def said(self, searcher: Searcher, path: str) -> list[Any]:
        """What is said about a log, without words about the progress."""
        return [each for each in searcher.search(path, 5) if each[0] not in ("at", "nothing")]

    def test_logs(self) -> None:
        """One child searches one log after the other; a missing one is told, and one that cannot be read."""
        none = os.path.join(self.directory, "none")
        paths = [self.log("one", b"x\nyx\n"), none, self.directory, self.log("two", b"x")]
        with Searcher(Wanted("x", True, False, 0), PLENTY) as searcher:
            said = [self.said(searcher, path) for path in paths]
        self.assertEqual(
            said,
            [
                [["line", 1, "x", 0, 1], ["line", 2, "yx", 1, 1], ["end"]],
                [["gone", "No such file or directory"], ["end"]],
                [["unreadable", "it is a directory, not a plain file: move it away"], ["end"]],
                [["line", 1, "x", 0, 1], ["end"]],
            ],
        )

    def test_catastrophe(self) -> None:
        """An expression that takes forever ends after a while, and the next log is searched."""
        bad, good = self.log("bad", b"a" * 60 + b"b\n"), self.log("good", b"aa\n")
        with Searcher(Wanted(CATASTROPHE, True, False, 0), patience=0.3) as searcher:
            self.assertRaises(TooSlow, self.said, searcher, bad)
            searcher.patience = PLENTY
            self.assertEqual(self.said(searcher, good), [["line", 1, "aa", 0, 2], ["end"]])

    def test_ended(self) -> None:
        """A child that has ended between two logs is told, and does not look like a reader who has enough."""
        path = self.log("one", b"x\n")
        with Searcher(Wanted("x(", True, False, 0), PLENTY) as searcher:
            self.assertEqual([each[0] for each in self.said(searcher, path)], ["error"])
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # it ends after an error
            with self.assertRaises(CommandFailed) as caught:
                self.said(searcher, path)
        self.assertIn("has ended with status 0", str(caught.exception))

    def test_wrong(self) -> None:
        """A wrong expression is told; a child that has ended is a failure in one line."""
        path = self.log("one", b"x\n")
        with Searcher(Wanted("x(", True, False, 0), PLENTY) as searcher:
            ((kind, why),) = self.said(searcher, path)
            self.assertEqual(kind, "error")
            self.assertIn("missing )", why)
            self.assertRaises((CommandFailed, BrokenPipeError), self.said, searcher, path)


class CommandTests(unittest.TestCase):
    """The command in a process of its own."""

    def setUp(self) -> None:
        self.here = os.path.realpath(tempfile.mkdtemp(dir="."))
        with open(os.path.join(self.here, "buildbot.tac"), "w", encoding="utf-8") as file:
            file.write("application = service.Application('buildmaster')")

    def built(self, *texts: bytes) -> None:
        """Make a store with a build for each of these logs."""
        turnstile = Turnstile()
        store = SqliteStore(self.here, turnstile, pace=0)
        get = turnstile.result
        get(store.open())
        for number, text in enumerate(texts):
            _, (request,) = get(store.addBuildset(buildset(), ["full"], None, ()))
            running: BuildRecord = get(store.startBuild(build("full", [request], started=10.0 + number)))
            filename = f"full/{number}-log-compile-stdio"
            writer = LogWriter(os.path.join(self.here, "logs", filename), Clock())
            writer.append(0, text)
            logs = (LogRecord("stdio", filename, writer.finish()),)
            steps = (StepRecord("compile", 1.0, 2.0, 0, (), logs),)
            get(store.finishBuild(running.altered(steps=steps, finished=20.0, results=0)))
        get(store.close())

    def grep(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "buildbot", "grep", *words[:-1], self.here, words[-1]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_head(self) -> None:
        """A reader that closes the pipe ends the command without a word."""
        self.built(b"x\n" * 50_000)
        process = self.grep("-c99999", "x")
        assert process.stdout is not None and process.stderr is not None
        self.assertEqual(process.stdout.readline(), b"full/0/compile/stdio:1: x\n")
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        self.assertEqual(process.wait(), 1)

    def test_interrupted(self) -> None:
        """The first hits appear at once, while an expression takes forever; Control-C ends it."""
        self.built(b"a" * 60 + b"b\n", b"aa\n")
        process = self.grep(CATASTROPHE)
        assert process.stdout is not None and process.stderr is not None
        self.assertEqual(process.stdout.readline(), b"full/1/compile/stdio:1: aa\n")
        time.sleep(0.2)  # let it begin with the other log
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.stderr.read(), b"interrupted\n")
        self.assertEqual(process.wait(), 130)
