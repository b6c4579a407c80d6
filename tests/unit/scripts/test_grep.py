"""The command C{grep}: which logs it searches, and what it prints."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock

from buildbot.logs import grepchild
from buildbot.logs.files import LogWriter, logFilename
from buildbot.logs.format import encode
from buildbot.logs.grepchild import Wanted
from buildbot.model.records import LogRecord, StepRecord
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.scripts import colours, grep, greplogs, progress, searcher
from tests.commandline import Spoken, command, directory
from tests.unit.scripts.test_stopped import StoppedCase


class InProcess(searcher.Searcher):
    """I search in this process."""

    slow: tuple[str, ...] = ()

    def search(self, path: str, most: int) -> Iterator[list[Any]]:
        said: list[list[Any]] = [["nothing"]]
        try:
            grepchild.search(path, most, self._wanted, lambda *words: said.append(list(words)))
        except OSError as why:
            kind = "gone" if isinstance(why, FileNotFoundError) else "unreadable"
            said += [[kind, why.strerror], ["end"]]
        yield from said
        if any(each in path for each in self.slow):
            raise searcher.TooSlow


class GrepCase(StoppedCase):
    """A stopped master with builds that have logs."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(grep, "Searcher", InProcess)

    def built(
        self, builder: str, *logs: tuple[str, str, bytes], results: int = SUCCESS, at: float = 30.0
    ) -> None:
        """Add a finished build: for each log its step, its name and its output."""
        _, (request,) = self.ask(builder)
        running = self.start(request, builder=builder, started=at)
        steps = []
        for step, name, text in logs:
            filename = logFilename(builder, running.number or 0, step, name)
            writer = LogWriter(os.path.join(self.here, "logs", filename), Clock())
            writer.append(2, b"the command of the error\n")
            writer.append(0, text)
            steps.append(StepRecord(step, at, at, 0, (), (LogRecord(name, filename, writer.finish()),)))
        self.get(
            self.store.finishBuild(replace(running, steps=tuple(steps), finished=at + 5, results=results))
        )

    def grep(self, *words: str) -> Spoken:
        """Run the command."""
        options = [word for word in words if word.startswith("-")]
        return command("grep", *options, self.here, *(word for word in words if word not in options))

    def lines(self, *words: str) -> list[str]:
        """What it prints; it must find something, and have nothing to complain about."""
        said = self.grep(*words)
        self.assertEqual((said.status, said.err), (0, ""))
        return said.out.splitlines()


class GrepTests(GrepCase):
    """C{grep}."""

    def three(self) -> None:
        """Three builds: a failed one, a good one, and one of another builder."""
        output = b"one\nan error\ntwo\n"
        self.built("full", ("compile", "stdio", output), results=FAILURE, at=10.0)
        self.built("full", ("compile", "stdio", b"fine\n"), ("test", "stdio", b"An ERROR\r\nlast"), at=20.0)
        self.built("a/1", ("compile", "warnings", output), at=30.0)

    def test_found(self) -> None:
        """Each line that matches is printed with its build, step, log and number, the newest build first.

        A second time the same is printed.
        """
        self.three()
        wanted = ["a/1/0/compile/warnings:3: an error", "full/0/compile/stdio:3: an error"]
        for _ in range(2):
            self.assertEqual(self.lines("er+or"), wanted)
        self.assertEqual(len(self.lines("error", "-i")), 3)
        self.assertEqual(self.lines("ERROR"), ["full/1/test/stdio:2: An ERROR"])

    def test_chosen(self) -> None:
        """A builder, a build and options choose the logs."""
        self.three()
        for words, wanted in (
            (["error", "full"], ["full/0/compile/stdio:3: an error"]),
            (["error", "a/1"], ["a/1/0/compile/warnings:3: an error"]),
            (["error", "full/0"], ["full/0/compile/stdio:3: an error"]),
            (["error", "full/0", "--failed"], ["full/0/compile/stdio:3: an error"]),
            (["-f", "error"], ["full/0/compile/stdio:3: an error"]),
            (["--step=t*", "."], ["full/1/test/stdio:2: An ERROR", "full/1/test/stdio:3: last"]),
            (["--log=warn*", "-l", "."], ["a/1/0/compile/warnings"]),
            (["--since=1970-01-02", "--headers", "error", "-l"], []),
        ):
            said = self.grep(*words)
            self.assertEqual(said.out.splitlines(), wanted, words)
            self.assertEqual(said.status, 0 if wanted else 1, words)
        for words in (["error", "full/1", "--failed"], ["error", "full/0", "--since=1970-01-02"]):
            self.assertEqual(self.grep(*words), Spoken(1, "", "no line matches in 0 logs\n"))

    def test_headers(self) -> None:
        """What was said about the command is searched only with --headers."""
        self.three()
        self.assertEqual(self.grep("of the error").status, 1)
        self.assertEqual(len(self.lines("of the error", "--headers")), 4)

    def test_fixed(self) -> None:
        """With -F the pattern is a text."""
        self.built("full", ("compile", "stdio", b"a.b\naxb\n"))
        self.assertEqual(self.lines("a.b", "-F"), ["full/0/compile/stdio:2: a.b"])

    def test_context(self) -> None:
        """With -C the lines around are printed, too; a line stands between groups."""
        self.built("full", ("compile", "stdio", b"".join(b"%d\n" % each for each in range(1, 30))))
        name = "full/0/compile/stdio"
        wanted = [f"{name}-11- 10", f"{name}:12: 11", f"{name}-13- 12", "--"]
        wanted += [f"{name}-22- 21", f"{name}:23: 22", f"{name}-24- 23"]
        self.assertEqual(self.lines("^(11|22)$", "-C1"), wanted)

    def test_colours(self) -> None:
        """On a terminal the name, the number and the match have colours."""
        self.built("full", ("compile", "stdio", "an é error: x\nan ERROR\n".encode()))
        self.addCleanup(colours.choose, colours.NEVER)
        name = "\x1b[35mfull/0/compile/stdio\x1b[0m:\x1b[32m2\x1b[0m: "
        for pattern in ("error:", "err[a-z]+:", "(?<=é )error:"):
            said = self.lines("--color=always", pattern)
            self.assertEqual(said, [f"{name}an é \x1b[31merror:\x1b[0m x"], pattern)
        self.assertIn("an \x1b[31mERROR\x1b[0m", self.lines("--color=always", "-i", "e.ror")[1])

    def test_json(self) -> None:
        """As JSON, each line is an object."""
        self.three()
        (line,) = map(json.loads, self.lines("error", "full", "--json"))
        about = {"builder": "full", "number": 0, "step": "compile", "log": "stdio"}
        self.assertEqual(line, {**about, "line": 3, "text": "an error", "at": 3})

    def test_most(self) -> None:
        """It ends after as many lines as are wanted, and says so."""
        self.three()
        said = self.grep("-c2", "-i", "error")
        self.assertEqual(len(said.out.splitlines()), 2)
        self.assertEqual(said.err, "perhaps there is more: this is the end after 2 lines (--count)\n")
        self.assertEqual(said.status, 0)

    def test_pages(self) -> None:
        """Many builds are read some at a time, and none is left out."""
        self.patch(greplogs, "PAGE", 2)
        for number in range(5):
            self.built("full", ("compile", "stdio", b"x\n"), at=10.0 + number)
        self.assertEqual([line[:6] for line in self.lines("x")], [f"full/{each}" for each in (4, 3, 2, 1, 0)])

    def test_progress(self) -> None:
        """A terminal is told how far the search is: by the number of builds, or by their age."""
        for number in range(4):
            self.built("full", ("compile", "stdio", b"x\n"), ("test", "stdio", b"x\n"), at=10.0 + number)
        told: list[str] = []
        self.patch(progress.Progress, "at", lambda self, done, total, words: told.append(f"{done}/{total}"))
        self.patch(progress.Progress, "show", lambda self, text: told.append(text))
        self.lines("x")
        far = [each for each in told if "full" not in each]
        self.assertEqual(far, [f"{number}/4" for number in (0, 0, 1, 1, 2, 2, 3, 3)])
        told.clear()
        self.lines("x", "full/0", "--step=compile")
        self.assertTrue(told[0].startswith("1 log, back to "), told)
        self.built("full", ("compile", "stdio", b"x\n"), at=time.time() - 300)
        told.clear()
        self.lines("x", "--since=10min")
        done, total = map(float, told[0].split("/"))
        self.assertTrue(299 < done < 360 and 599 < total < 660, told)

    def test_quiet(self) -> None:
        """With --quiet only the status tells whether there is a line."""
        self.three()
        self.assertEqual(self.grep("-q", "error"), Spoken(0, "", ""))
        self.assertEqual(self.grep("-q", "nothing"), Spoken(1, "", ""))

    def test_safe(self) -> None:
        """A line cannot control the terminal."""
        self.built("full", ("compile", "stdio", b"\x1b[2Jx \xff\n"))
        self.assertEqual(self.lines("x"), ["full/0/compile/stdio:2: \\x1b[2Jx \ufffd"])

    def test_damaged(self) -> None:
        """The lines before the damage of a log are found; a deleted log is left out, another is told."""
        self.built("full", ("compile", "stdio", b"x\n"), ("test", "stdio", b"x\n"))
        path = os.path.join(self.here, "logs", logFilename("full", 0, "compile", "stdio"))
        with open(path, "ab") as file:
            file.write(encode(0, b"x\n") + b"nonsense")
        said = self.grep("x", "full")
        self.assertEqual(len(said.out.splitlines()), 3)
        self.assertIn("full/0/compile/stdio is damaged from byte ", said.err)
        os.unlink(path)
        self.assertEqual(len(self.lines("x")), 1)
        os.mkdir(path)
        self.assertIn(f"cannot read {path}: it is a directory", self.grep("x").err)

    def test_elsewhere(self) -> None:
        """With a shared store, logs without a file may be on another machine: the command says so."""
        self.built("full", ("compile", "stdio", b"x\n"), ("test", "stdio", b"x\n"))
        os.unlink(os.path.join(self.here, "logs", logFilename("full", 0, "compile", "stdio")))
        self.patch(grep, "serverOf", lambda basedir: "postgresql:///ci")
        said = self.grep("x")
        self.assertEqual((said.status, len(said.out.splitlines())), (0, 1))
        self.assertIn(f"not searched: 1 log without a file in {self.here}: deleted, or on", said.err)
        os.unlink(os.path.join(self.here, "logs", logFilename("full", 0, "test", "stdio")))
        said = self.grep("x")
        self.assertEqual(said.status, 1)
        self.assertIn("not searched: 2 logs", said.err)
        self.assertEqual(self.grep("-q", "x").err, "")

    def test_storageAway(self) -> None:
        """Logs that cannot be read are told, each reason once with the number of the logs."""
        self.built("full", ("compile", "stdio", b"x\n"), ("test", "stdio", b"x\n"))

        def refuse(*words: object) -> None:
            raise ConnectionRefusedError(111, "object storage: refused")

        self.patch(grepchild, "search", refuse)
        said = self.grep("x")
        path = os.path.join(self.here, "logs", logFilename("full", 0, "compile", "stdio"))
        expected = [
            f"cannot read {path}: object storage: refused",
            "cannot read 2 logs in all: object storage: refused",
            "no line matches in 2 logs",
        ]
        self.assertEqual((said.status, said.err.splitlines()), (1, expected))

    def test_slow(self) -> None:
        """A log for which the expression takes too long is told; after some of them the command gives up."""
        self.patch(InProcess, "slow", ("test",))
        for number in range(4):
            self.built("full", ("compile", "stdio", b"x\n"), ("test", "stdio", b"x\n"), at=10.0 + number)
        said = self.grep("x", "full/3")
        self.assertEqual((said.status, len(said.out.splitlines())), (0, 2))
        self.assertIn("full/3/test/stdio: the expression takes too long; the rest of this log", said.err)
        said = self.grep("x")
        self.assertEqual(said.status, 1)
        self.assertTrue(
            said.err.endswith("the expression takes too long for several logs: make it simpler\n")
        )

    def test_wrong(self) -> None:
        """A wrong expression or option has status 2; an unknown builder or build suggests another."""
        self.three()
        said = self.grep("x(")
        self.assertIn("buildbot: the regular expression is wrong: missing )", said.err)
        self.assertEqual(said.status, 2)
        self.assertIn("no builder 'ful' has builds here; did you mean full?", self.grep("x", "ful").err)
        self.assertIn("builder 'full' has no build 9", self.grep("x", "full/9").err)
        self.assertIn("the PATTERN is empty", self.grep("").err)
        self.assertIn("give DIR, PATTERN", self.grep("x", "full", "0").err)
        self.assertIn("--context must be at most 100", self.grep("-C101", "x").err)
        self.assertIn("--count must be at least 1", self.grep("-c0", "x").err)

    def test_never(self) -> None:
        """A master that has never run has no logs."""
        self.here = directory(self.mktemp())
        self.assertIn("no master has run in", self.grep("x").err)


class LogTests(GrepCase):
    """C{log} of a whole build, on a stopped master."""

    def test_build(self) -> None:
        """A finished build is listed, or with --follow its logs are printed: the status is its result."""
        self.built("full", ("compile", "stdio", b"one\n"), ("test", "stdio", b"two"), results=FAILURE)
        note = f"no buildmaster is running in {self.here}: this is what it has stored\n"
        listed = command("log", self.here, "full/0")
        self.assertIn("    full/0/compile/stdio\n", listed.out)
        self.assertEqual((listed.status, listed.err), (0, note))
        for _ in range(2):
            said = command("log", "-f", self.here, "full/0")
            self.assertIn("==== compile\none\n==== compile: success (0 s)\n==== test\ntwo\n====", said.out)
            self.assertEqual((said.status, said.err), (4, note))

    def test_others(self) -> None:
        """Of a build that has not ended, and of one that is not stored, the files are listed."""
        _, (request,) = self.ask("full")
        self.start(request)
        for name in ("full/0", "full/9"):
            said = command("log", "-f", self.here, name)
            self.assertIn("no master is running", said.err)
            self.assertEqual(said.status, 1)


class HeaderTests(GrepCase):
    """Headers within output."""

    def found(self, pattern: str, *chunks: tuple[int, bytes], most: int = 99) -> list[int]:
        """The numbers of the lines that match in a log."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"".join(encode(channel, data) for channel, data in chunks))
        said: list[Any] = []
        grepchild.search(path, most, Wanted(pattern, True, False, 0), lambda *words: said.append(words))
        return [words[1] for words in said if words[0] == "line"]

    def test_lines(self) -> None:
        """A line is left out if it begins in a header; the end of an unfinished line of output is not."""
        chunks = [
            (2, b"x h\nx h\n"),
            (0, b"x 3\nx 4"),
            (2, b" x h\nx h\nx h"),
            (1, b" x\nx 7\n"),
            (2, b""),
            (0, b"x 8"),
        ]
        self.assertEqual(self.found("x", *chunks), [3, 4, 7, 8])
        self.assertEqual(self.found("x", *chunks, most=2), [3, 4])

    def test_longLine(self) -> None:
        """A line of megabytes is searched in pieces."""
        line = b"a" * 1_500_000
        self.assertEqual(
            self.found("needle", (0, line), (0, line + b"needle"), (0, line), (0, b"\nneedle")), [1, 2]
        )
