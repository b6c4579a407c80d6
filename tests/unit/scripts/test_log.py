"""The command C{log}: with a running master, one that stops, and without one."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.control import client
from buildbot.logs.files import LogWriter, logFilename
from buildbot.logs.format import encode
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.scripts import following, log
from buildbot.scripts.buildname import Wanted, readings
from buildbot.scripts.runner import main
from tests.commandline import Spoken, command, directory


class Stdout(io.TextIOWrapper):
    """Standard output as a file, or as a terminal."""

    def __init__(self, isTerminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self._isTerminal = isTerminal

    def isatty(self) -> bool:
        return self._isTerminal

    def written(self) -> bytes:
        """The output so far."""
        return self.buffer.getvalue()  # type: ignore[attr-defined, no-any-return]


class ReadingsTests(unittest.TestCase):
    """Parsing of a path."""

    def test_plain(self) -> None:
        """BUILDER/BUILD, with a step and a log."""
        self.assertEqual(readings("full/7"), [Wanted("full", 7, "")])
        self.assertEqual(readings("full/7/compile"), [Wanted("full", 7, "compile")])
        self.assertEqual(readings("full/7/compile/stdio"), [Wanted("full", 7, "compile/stdio")])

    def test_ambiguous(self) -> None:
        """Names may have slashes and numbers in them: all possible meanings are tried."""
        self.assertEqual(
            readings("release/2/7/step 1"),
            [Wanted("release", 2, "7/step 1"), Wanted("release/2", 7, "step 1")],
        )

    def test_none(self) -> None:
        """A path without a number, or without a builder, is refused."""
        for path in ("full", "7", "7/full", "full/x/y", "", "full/²", "full/-1"):
            self.assertEqual(readings(path), [])


class LogCase(unittest.TestCase):
    """A master's directory with logs, and a master that answers as the test says."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.steps: list[dict[str, Any]] = []
        self.finished: float | None = 1.0
        self.result = "success"
        self.running = True
        self.hangsUp = False
        self.sleeping: list[Callable[[], object]] = []
        self.patch(client, "request", self.request)
        self.patch(time, "sleep", self.sleep)
        self.writers: dict[str, LogWriter] = {}

    def request(self, here: str, verb: str, params: dict[str, Any], patience: float) -> Any:
        """Replaces the control socket."""
        if self.hangsUp:
            raise client.HungUp("the master ended the connection before it answered")
        if not self.running:
            raise client.NotRunning(here)
        if (params["builder"], params["number"]) != ("full", 7):
            raise client.ControlError(f"builder {params['builder']!r} has no build {params['number']}")
        return {
            "slave": "bot1",
            "result": None if self.finished is None else self.result,
            "started": 0.0,
            "finished": self.finished,
            "text": [],
            "steps": self.steps,
        }

    def sleep(self, seconds: float) -> None:
        """Replaces the wait: the next event of the test happens."""
        self.sleeping.pop(0)()

    def begin(self, step: str, *logs: str) -> None:
        """Start a step with these logs."""
        kept = []
        for name in logs:
            filename = logFilename("full", 7, step, name)
            self.writers[f"{step}/{name}"] = LogWriter(os.path.join(self.here, "logs", filename), Clock())
            kept.append({"name": name, "filename": filename, "length": None})
        self.steps.append(
            {"name": step, "result": None, "started": 0.0, "finished": None, "text": [], "logs": kept}
        )

    def write(self, name: str, *chunks: tuple[int, bytes]) -> None:
        """Add output to a log."""
        for channel, data in chunks:
            self.writers[name].append(channel, data)
        self.writers[name].flush()

    def end(self, name: str) -> None:
        """Finish a log."""
        step, _, logName = name.partition("/")
        for each in self.steps:
            for kept in each["logs"]:
                if (each["name"], kept["name"]) == (step, logName):
                    kept["length"] = self.writers[name].finish()

    def make(self, name: str, *chunks: tuple[int, bytes]) -> None:
        """Make a finished log."""
        step, _, logName = name.partition("/")
        self.begin(step, logName)
        self.write(name, *chunks)
        self.end(name)

    def printed(self, *words: str, terminal: bool = False) -> bytes:
        """The output of the command, which must succeed, as bytes."""
        stdout = Stdout(terminal)
        self.patch(sys, "stdout", stdout)
        self.assertEqual(main(["log", *words[:-1], self.here, words[-1]]), 0)
        return stdout.written()

    def failure(self, *words: str) -> str:
        said = command("log", *words[:-1], self.here, words[-1])
        self.assertEqual(said.status, 1)
        return said.err


RAW = ((2, b"running\n"), (0, b"\xff\x00caf\xe9\r\n"), (1, b"\x1b[2J\xf0\x9f\x90"), (0, b"end"), (1, b"\x8d"))


class PrintTests(LogCase):
    """Finished logs."""

    def test_bytes(self) -> None:
        """G5: a file or pipe gets the unchanged bytes, with or without the headers."""
        self.make("compile/stdio", *RAW)
        self.assertEqual(self.printed("full/7/compile"), b"\xff\x00caf\xe9\r\n\x1b[2J\xf0\x9f\x90end\x8d")
        self.assertTrue(self.printed("--headers", "full/7/compile/stdio").startswith(b"running\n\xff"))

    def test_terminal(self) -> None:
        """A terminal gets text that cannot move the cursor; split characters are whole."""
        self.make("compile/stdio", *RAW)
        said = self.printed("full/7/compile", terminal=True).decode()
        self.assertEqual(said, "\ufffd\\x00caf\ufffd\n\\x1b[2Jend\U0001f40d")

    def test_progress(self) -> None:
        """On a terminal, each state of a progress bar is a line."""
        self.make("compile/stdio", (0, b"10%\r20%\r"), (0, b"\n30%"))
        self.assertEqual(self.printed("full/7/compile", terminal=True), b"10%\n20%\n30%")

    def test_json(self) -> None:
        """Each line of JSON has a channel and a text, from which every byte can be restored."""
        self.make("compile/stdio", *RAW)
        lines = [json.loads(line) for line in self.printed("--json", "full/7/compile").splitlines()]
        self.assertEqual({line["channel"] for line in lines}, {"stdout", "stderr", "header"})
        for number, channel in enumerate(("stdout", "stderr", "header")):
            text = "".join(line["text"] for line in lines if line["channel"] == channel)
            came = b"".join(data for where, data in RAW if where == number)
            self.assertEqual(text.encode("utf-8", "surrogateescape"), came)

    def test_notWhole(self) -> None:
        """H9: a finished log that is shortened or altered is printed with status 1 and the reason."""
        self.make("compile/stdio", (0, b"x" * 1000))
        (kept,) = self.steps[0]["logs"]
        kept["crc"] = self.writers["compile/stdio"].crc
        path = os.path.join(self.here, "logs", kept["filename"])
        with open(path, "r+b") as stream:
            stream.seek(500)
            stream.write(b"y")
        self.assertIn("altered after it was written", self.failure("full/7/compile"))
        os.truncate(path, 500)
        self.assertIn(
            f"its last {kept['length'] - 500} of {kept['length']} bytes are missing",
            self.failure("full/7/compile"),
        )
        self.running = False
        self.assertIn("the file ends within a chunk", self.failure("full/7/compile"))
        with open(path, "r+b") as stream:
            stream.write(b"no log")
        self.assertIn("its file is damaged from byte 0 on", self.failure("full/7/compile"))

    def test_notWholeAsRecorded(self) -> None:
        """H9: also without a master, a log that lost whole chunks at its end is detected."""
        self.make("compile/stdio", (0, b"x" * 1000), (1, b"y" * 1000))
        (kept,) = self.steps[0]["logs"]
        path = os.path.join(self.here, "logs", kept["filename"])
        os.truncate(path, len(encode(0, b"x" * 1000)))
        self.running = False
        record = LogRecord("stdio", kept["filename"], kept["length"])
        build = BuildRecord("full", 7, "bot1", (), 1.0, steps=(StepRecord("compile", 1.0, logs=(record,)),))
        self.patch(log, "peekBuild", lambda here, builder, number: build)
        self.assertIn(f"of {kept['length']} bytes are missing", self.failure("full/7/compile"))

    def test_large(self) -> None:
        """A log of many pieces is printed completely."""
        piece = os.urandom(50_000)
        self.make("compile/stdio", *((0, piece) for _ in range(40)))
        self.assertEqual(self.printed("full/7/compile"), piece * 40)

    def test_choice(self) -> None:
        """Without a name the first log of the step is printed; names may have slashes."""
        self.begin("a/b", "stdio", "other/log")
        self.write("a/b/stdio", (0, b"one"))
        self.write("a/b/other/log", (0, b"two"))
        self.assertEqual(self.printed("full/7/a/b"), b"one")
        self.assertEqual(self.printed("full/7/a/b/other/log"), b"two")

    def test_build(self) -> None:
        """Without a step it lists the steps and logs."""
        self.make("compile/stdio", (0, b"x"))
        said = self.printed("full/7").decode()
        self.assertIn("build 7 of full on bot1: success", said)
        self.assertIn("full/7/compile/stdio", said)
        self.assertEqual(json.loads(self.printed("--json", "full/7"))["steps"], self.steps)

    def test_followedBuild(self) -> None:
        """With --follow and no step, the logs of a finished build are printed; the status is its result."""
        self.make("compile/stdio", (0, b"no newline"))
        self.make("test/stdio", (0, b"bad\n"), (2, b"header\n"))
        said = command("log", "-f", self.here, "full/7")
        wanted = ["==== compile", "no newline", "==== compile: running", "==== test", "bad"]
        self.assertEqual(said.out.splitlines()[:5], wanted)
        self.assertEqual((said.out.splitlines()[-1], said.status), ("build full/7: success (1 s)", 0))
        self.result = "failure"
        self.assertEqual(command("log", "-f", self.here, "full/7").status, 4)

    def test_followedBuildAsJSON(self) -> None:
        """As JSON, each piece has its step and its log, and the last line is the result."""
        self.make("compile/stdio", (0, b"one"))
        lines = list(map(json.loads, command("log", "-f", "--json", self.here, "full/7").out.splitlines()))
        self.assertEqual(
            lines,
            [
                {"step": "compile", "log": "stdio", "channel": "stdout", "text": "one"},
                {"build": "full/7", "result": "success", "text": []},
            ],
        )

    def test_wrong(self) -> None:
        """For a missing builder, build, step or log, the error lists the existing ones."""
        self.make("compile/stdio", (0, b"x"))
        for path in ("full", "full/last/compile"):
            why = self.failure(path)
            self.assertIn(f"name a log as BUILDER/BUILD/STEP, not {path!r}: BUILD is a number", why)
        self.assertIn("builder 'full' has no build 8", self.failure("full/8/compile"))
        self.assertIn("has no log 'test': it has compile/stdio", self.failure("full/7/test"))
        self.steps.clear()
        self.assertIn("it has none", self.failure("full/7/test"))

    def test_fileGone(self) -> None:
        """A deleted file is reported in one line."""
        self.make("compile/stdio", (0, b"x"))
        os.unlink(os.path.join(self.here, "logs", logFilename("full", 7, "compile", "stdio")))
        self.assertIn("is gone", self.failure("full/7/compile"))
        with open(os.path.join(self.here, "buildbot.tac"), "a", encoding="utf-8") as stream:
            stream.write("\ndb = 'postgresql://ci@db/ci'\n")
        self.assertIn("deleted, or is on the machine of another master", self.failure("full/7/compile"))


class FollowTests(LogCase):
    """Growing logs."""

    def setUp(self) -> None:
        super().setUp()
        self.finished = None

    def test_now(self) -> None:
        """Without --follow the present content is printed."""
        self.begin("compile", "stdio")
        self.write("compile/stdio", (0, b"so far"))
        self.assertEqual(self.printed("full/7/compile"), b"so far")

    def test_follow(self) -> None:
        """With --follow it prints until the log is finished, including the last output."""
        self.begin("compile", "stdio")
        self.write("compile/stdio", (0, b"one "))

        def last() -> None:
            self.write("compile/stdio", (0, b"three"))
            self.end("compile/stdio")

        self.sleeping = [lambda: self.write("compile/stdio", (0, b"two ")), last]
        self.assertEqual(self.printed("--follow", "full/7/compile"), b"one two three")
        self.assertEqual(self.sleeping, [])

    def test_notBegun(self) -> None:
        """It waits for a step that has not started, and prints that once."""

        def begins() -> None:
            self.begin("compile", "stdio")
            self.write("compile/stdio", (0, b"hello"))

        self.sleeping = [lambda: None, begins, lambda: self.end("compile/stdio")]
        said = command("log", "--follow", self.here, "full/7/compile")
        self.assertEqual((said.status, said.out), (0, "hello"))
        self.assertEqual(said.err, "waiting for step compile of build 7 to start …\n")

    def test_neverBegins(self) -> None:
        """If the build ends without that step, the command ends."""
        self.begin("other", "stdio")

        def over() -> None:
            self.finished = 2.0

        self.sleeping = [over]
        self.assertIn("has no log 'compile': it has other/stdio", self.failure("--follow", "full/7/compile"))

    def test_masterStops(self) -> None:
        """If the master stops meanwhile and stays away, the command reports it and ends."""
        self.begin("compile", "stdio")

        def stops() -> None:
            self.running = False

        self.patch(following, "AWAY", 2)
        self.sleeping = [stops, lambda: None, lambda: None]
        self.assertIn("the master has stopped: start it, and ask again", self.failure("-f", "full/7/compile"))


class FollowBuildTests(LogCase):
    """All logs of a build, as they grow."""

    def setUp(self) -> None:
        super().setUp()
        self.finished = None

    def over(self) -> None:
        """The build ends."""
        self.finished = 9.0

    def test_stepAfterStep(self) -> None:
        """The command waits for each step, each log and the end; a step without logs has its lines, too."""
        self.begin("compile", "stdio")
        self.write("compile/stdio", (0, b"one\n"))

        def next() -> None:
            self.write("compile/stdio", (0, b"two\n"))
            self.end("compile/stdio")
            self.begin("wait")

        def last() -> None:
            self.begin("test")

        def logs() -> None:
            self.steps.pop()
            self.begin("test", "stdio")
            self.write("test/stdio", (0, b"three\n"))

        self.sleeping = [next, last, logs, lambda: self.end("test/stdio"), self.over]
        said = command("log", "-f", self.here, "full/7")
        self.assertEqual(
            said.out.splitlines(),
            [
                *("==== compile", "one", "two", "==== compile: running"),
                *("==== wait", "==== wait: running", "==== test", "three", "==== test: running"),
                "build full/7: success (9 s)",
            ],
        )
        self.assertEqual((said.status, said.err, self.sleeping), (0, "", []))

    def test_twoOfOneName(self) -> None:
        """Two steps of the same name are both printed."""
        self.make("compile/stdio", (0, b"one\n"))
        self.steps.append({**self.steps[0]})
        self.over()
        self.assertEqual(command("log", "-f", self.here, "full/7").out.count("one\n"), 2)

    def test_allLogs(self) -> None:
        """All logs of a step are printed, each after the one before, also one that begins late."""
        self.begin("compile", "stdio", "warnings")
        self.write("compile/stdio", (0, b"one\n"))
        self.write("compile/warnings", (0, b"two\n"))
        self.end("compile/stdio")

        def late() -> None:
            self.begin("compile", "late")
            self.write("compile/late", (0, b"three\n"))
            self.end("compile/late")
            self.steps[0]["logs"] += self.steps.pop()["logs"]
            self.over()

        self.sleeping = [lambda: self.end("compile/warnings"), late]
        self.assertEqual(
            command("log", "-f", self.here, "full/7").out.splitlines(),
            [
                *("==== compile", "one", "==== compile/warnings", "two", "==== compile/late", "three"),
                *("==== compile: running", "build full/7: success (9 s)"),
            ],
        )
        self.assertEqual(self.sleeping, [])

    def test_restarted(self) -> None:
        """A master that is restarted meanwhile is waited for."""
        self.begin("compile", "stdio")
        self.write("compile/stdio", (0, b"one\n"))

        def stops() -> None:
            self.running = False

        def back() -> None:
            self.running = True
            self.end("compile/stdio")
            self.result = "retry"
            self.over()

        self.sleeping = [stops, lambda: None, back]
        said = command("log", "-f", self.here, "full/7")
        self.assertEqual(said.err, "the master is away: waiting for it …\n")
        self.assertIn("one\n", said.out)
        self.assertEqual((said.status, self.sleeping), (5, []))

    def test_killed(self) -> None:
        """A master that was killed in the middle of its answer is waited for, too."""
        self.begin("compile", "stdio")
        self.write("compile/stdio", (0, b"one\n"))

        def killed() -> None:
            self.hangsUp = True

        def back() -> None:
            self.hangsUp = False
            self.end("compile/stdio")
            self.over()

        self.sleeping = [killed, back]
        said = command("log", "-f", self.here, "full/7")
        self.assertEqual(said.err, "the master is away: waiting for it …\n")
        self.assertEqual((said.status, self.sleeping), (0, []))

    def test_stepLost(self) -> None:
        """A step that a killed master had not stored is not there after the restart; the build ends."""
        self.begin("compile", "stdio")
        self.write("compile/stdio", (0, b"one\n"))

        def killed() -> None:
            self.running = False

        def back() -> None:
            self.running = True
            self.steps = []
            self.result = "retry"
            self.over()

        self.sleeping = [killed, back]
        said = command("log", "-f", self.here, "full/7")
        self.assertEqual(said.err, "the master is away: waiting for it …\n")
        self.assertEqual(said.out.splitlines(), ["==== compile", "one", "build full/7: retry (9 s)"])
        self.assertEqual((said.status, self.sleeping), (5, []))

    def test_notYet(self) -> None:
        """A build without a step yet is followed, too."""
        self.sleeping = [lambda: self.make("compile/stdio", (0, b"one\n")), self.over]
        self.assertIn("one\n", command("log", "-f", self.here, "full/7").out)

    def test_interrupted(self) -> None:
        """Control-C ends the command alone, and it says so."""
        self.begin("compile", "stdio")

        def interrupt() -> None:
            raise KeyboardInterrupt

        self.sleeping = [interrupt]
        said = command("log", "-f", self.here, "full/7")
        self.assertEqual((said.status, said.err), (130, "interrupted; build full/7 goes on\n"))

    def test_damaged(self) -> None:
        """A log that has lost its end is told, and a good build has status 1 then."""
        self.make("compile/stdio", (0, b"one\n"))
        self.steps[0]["logs"][0]["length"] += 5
        self.over()
        said = command("log", "-f", self.here, "full/7")
        self.assertIn("the log of compile is incomplete: ", said.err)
        self.assertEqual(said.status, 1)

    def test_masterStops(self) -> None:
        """If the master stops meanwhile and stays away, the command reports it."""
        self.begin("compile", "stdio")

        def stops() -> None:
            self.running = False

        self.patch(following, "AWAY", 2)
        self.sleeping = [stops, lambda: None, lambda: None]
        self.assertIn("the master has stopped: start it, and ask again", self.failure("-f", "full/7"))


class WithoutMasterTests(LogCase):
    """Logs without a running master."""

    def setUp(self) -> None:
        super().setUp()
        self.running = False

    def said(self, path: str) -> Spoken:
        return command("log", self.here, path)

    def test_found(self) -> None:
        """The log is found by its name."""
        self.make("compile/stdio", (0, b"one"))
        self.make("compile/other", (0, b"two"))
        self.assertEqual(self.printed("full/7/compile"), b"one")
        self.assertEqual(self.printed("full/7/compile/other"), b"two")
        self.assertEqual(self.printed("--follow", "full/7/compile"), b"one")

    def test_build(self) -> None:
        """Without a step, it lists the build's log files; only a running master knows the steps."""
        self.make("compile/stdio", (0, b"one"))
        self.make("test/stdio", (0, b"two"))
        files = ["full/7-log-compile-stdio", "full/7-log-test-stdio"]
        with open(os.path.join(self.here, "logs", "full", "77-log-other-stdio"), "w"):
            pass
        self.assertEqual(
            self.said("full/7").out.splitlines(),
            [
                "no master is running, so the steps of build 7 of full are unknown; its log files:",
                *(f"  {self.here}/logs/{name}" for name in files),
            ],
        )
        said = json.loads(self.printed("--json", "full/7"))
        self.assertEqual(said, {"builder": "full", "number": 7, "files": files})

    def test_otherLog(self) -> None:
        """For a missing log, the error lists the existing ones."""
        self.make("compile/other", (0, b"one"))
        self.assertEqual(
            self.failure("full/7/compile"),
            f"no master is running in {self.here}, and it has no file of this log; "
            "there is full/7-log-compile-other\n",
        )

    def test_notFound(self) -> None:
        """A missing build is reported, and so is a slave's directory; no file outside of the logs is
        opened.
        """
        os.mkdir(os.path.join(self.here, "logs"))
        for path in ("full/7/compile", "full/7", "../../7/compile", "full/7/../../../etc"):
            self.assertIn("no master is running", self.failure(path))
        self.here = directory(self.mktemp(), "buildslave")
        self.assertIn("is a buildslave's directory", self.failure("full/7/compile"))
