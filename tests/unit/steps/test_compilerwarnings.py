"""Warnings of compilers, and their suppressions."""

from __future__ import annotations

import re
from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.process.logobserver import KeptLines
from buildbot.steps import compilerwarnings
from buildbot.steps.compilerwarnings import (
    LONGEST_FILE,
    Suppression,
    WarningCounter,
    isSimple,
    readSuppressions,
    suppressions,
)
from buildbot.steps.shell import Compile, WarningCountingShellCommand
from tests.stepping import Running, StepCase

#: The pattern of a warning of gcc, with its file, its line and its text.
GCC = r"^(.*?):(\d+): [Ww]arning: (.*)$"
OUTPUT = b"""\
make: Entering directory '/src/lib'
a.c:10: warning: unused variable x
make: Leaving directory '/src/lib'
b.c:20: warning: unused variable y
b.c:30: warning: comparison is always true
"""


class ReadTests(unittest.SynchronousTestCase):
    """A suppression file has one suppression a line."""

    def test_lines(self) -> None:
        """A line has the file, the text, and perhaps the lines; comments and empty lines are skipped."""
        found, wrong = readSuppressions(
            "# comment\n\n  a\\.c : unused\nb.c:always true: 30\n  # more\nc.c : x : 1-9\n"
        )
        read = [
            (each.file and each.file.pattern, each.text and each.text.pattern, *each[2:]) for each in found
        ]
        self.assertEqual(
            read, [("a\\.c", "unused", None, None), ("b.c", "always true", 30, 30), ("c.c", "x", 1, 9)]
        )
        self.assertEqual(wrong, [])

    def test_wrong(self) -> None:
        """A wrong line is ignored, and there is a sentence about it."""
        found, wrong = readSuppressions("nonsense\n( : x\n(a+)+$ : y\nok : ok\n")
        self.assertEqual(len(found), 1)
        self.assertEqual(
            [each.partition(":")[0] for each in wrong], [f"line {n} is ignored" for n in (1, 2, 3)]
        )
        self.assertIn("too complex", wrong[2])

    def test_fits(self) -> None:
        """File, text and lines must fit; what is None, or not known, fits."""
        (one,) = suppressions([("a", "odd", 3, 5)])
        self.assertEqual(
            [one.fits("a.c", line, "very odd") for line in (2, 3, 5, 6, None)],
            [False, True, True, False, False],
        )
        self.assertEqual((one.fits("b.c", 3, "odd"), one.fits("a.c", 3, "even")), (False, False))
        self.assertTrue(one.fits(None, 3, "odd"))
        self.assertTrue(Suppression(None, None).fits(None, None, "any"))

    def test_simple(self) -> None:
        """H7: the patterns of a slave must be simple; those of usual files are."""
        for pattern in (
            "a\\.c",
            ".*/lib/.*\\.h",
            "comparison .* signed",
            "[a-z]+\\(\\)",
            "(foo|bar)\\.c",
            "x?",
        ):
            self.assertTrue(isSimple(pattern), pattern)
        for pattern in ("(a+)+$", "(a|a)*", ".*.*.*x", "(a)\\1", "a?" * 30, "(a|b)" * 30, "(?i)x", "x" * 501):
            self.assertFalse(isSimple(pattern), pattern)

    def test_givesUp(self) -> None:
        """H7: when much time went into suppressions, the later warnings are all counted."""
        self.patch(compilerwarnings, "MOST_SECONDS", -1.0)
        given = suppressions([(None, "x", None, None)])
        found = KeptLines(1000)
        counter = WarningCounter(re.compile("."), found, lambda line, match: (None, None, line), given)
        counter.outLineReceived("x")
        self.assertEqual((counter.gaveUp, found.count), (True, 1))


class SuppressionTests(StepCase):
    """A step does not count suppressed warnings."""

    def compiled(self, output: bytes = OUTPUT, **kw: Any) -> Running:
        """A finished compilation."""
        running = self.begin(Compile(warningPattern=GCC, **kw))
        running.command.end(stdout=output)
        return running

    def test_list(self) -> None:
        """Suppressions of the configuration apply to the text, and to the file with its directory."""
        extract = WarningCountingShellCommand.warnExtractFromRegexpGroups
        for given, left in (
            ([(None, "unused", None, None)], 1),
            ([("b.c", "unused", None, None)], 2),
            ([("/src/lib/a.c", None, 1, 15)], 2),
            ([("/src/lib/a.c", None, 11, 15)], 3),
            ([(None, None, None, None)], 0),
        ):
            running = self.compiled(suppressionList=given, warningExtractor=extract)
            self.assertEqual(running.build.getProperty("warnings-count"), left, given)
            self.assertEqual(running.result, WARNINGS if left else SUCCESS)

    def test_wholeLine(self) -> None:
        """Without a warningExtractor, the text is the whole line, and every file fits."""
        running = self.compiled(suppressionList=[("no such file", "a.c:10:", None, None)])
        self.assertEqual(running.build.getProperty("warnings-count"), 2)

    def test_extractors(self) -> None:
        """A function of the site gets the step, the line and the match; one that raises ends the step."""
        got: list[tuple[str, str]] = []

        def extract(step: Any, line: str, match: re.Match[str]) -> tuple[str, str, str]:
            got.append((step.name, match[3]))
            return match[1], match[2], "odd"

        class Own(Compile):
            def warningExtractor(self, line: str, match: re.Match[str]) -> Any:
                return None, None, "odd"

        given = [(None, "odd", None, None)]
        self.assertEqual(self.compiled(suppressionList=given, warningExtractor=extract).result, SUCCESS)
        self.assertEqual(got[0], ("compile", "unused variable x"))
        running = self.begin(Own(suppressionList=given))
        running.command.end(stdout=OUTPUT)
        self.assertEqual(running.result, SUCCESS)
        running = self.compiled(suppressionList=given, warningExtractor=lambda *args: 1 / 0)
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_addSuppression(self) -> None:
        """A subclass may add suppressions."""

        class Own(Compile):
            def __init__(self, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.addSuppression([(None, "warning", None, None)])

        running = self.begin(Own())
        running.command.end(stdout=OUTPUT)
        self.assertEqual((running.result, running.build.getProperty("warnings-count")), (SUCCESS, 0))

    def test_most(self) -> None:
        """More warnings than maxWarnCount are a failure."""
        self.assertEqual(self.compiled(maxWarnCount=2).result, FAILURE)
        self.assertEqual(self.compiled(maxWarnCount=3).result, WARNINGS)

    def test_refused(self) -> None:
        """Suppressions, patterns and functions of another kind are refused."""
        wrong: list[dict[str, Any]] = [
            {"suppressionList": [("a", "b")]},
            {"suppressionList": [("(", None, None, None)]},
            {"suppressionList": [("a", "b", "1", None)]},
            {"suppressionFile": 3},
            {"warningExtractor": "x"},
            {"directoryEnterPattern": "("},
            {"maxWarnCount": -1},
        ]
        for each in wrong:
            self.assertRaises(BadArguments, Compile, **each)


class FileTests(StepCase):
    """The suppressions may be in a file of the slave."""

    def begun(self, content: bytes | None, **kw: Any) -> Running:
        """A compilation whose slave has sent the file; None: it has none."""
        running = self.begin(Compile(suppressionFile=WithProperties("%(branch)s.supp"), **kw))
        self.assertEqual(
            (running.command.name, running.command.args["slavesrc"]), ("uploadFile", "trunk.supp")
        )
        writer = running.command.args["writer"]
        if content is not None:
            writer.remote_write(content)
        writer.remote_close()
        running.command.end(rc=int(content is None), stderr=b"" if content else b"cannot open it")
        return running

    def test_file(self) -> None:
        """The file is read before the command starts."""
        extract = WarningCountingShellCommand.warnExtractFromRegexpGroups
        content = b"b.c : unused\n.* : always true\n"
        running = self.begun(content, workdir="w", warningPattern=GCC, warningExtractor=extract)
        self.assertEqual((running.command.name, running.command.args["workdir"]), ("shell", "w"))
        running.command.end(stdout=OUTPUT)
        self.assertEqual((running.result, running.build.getProperty("warnings-count")), (WARNINGS, 1))

    def test_again(self) -> None:
        """The suppressions of one build are not those of the next."""
        step = Compile(suppressionFile="supp")
        for content, left in ((b".* : warning\n", 0), (b"", 3)):
            running = self.begin(step)
            running.command.args["writer"].remote_write(content)
            running.command.args["writer"].remote_close()
            running.command.end()
            running.command.end(stdout=OUTPUT)
            self.assertEqual(running.build.getProperty("warnings-count"), left)

    def test_missing(self) -> None:
        """Without the file nothing is suppressed, and the log says why."""
        running = self.begun(None)
        running.command.end(stdout=OUTPUT)
        self.assertEqual(running.build.getProperty("warnings-count"), 3)
        self.assertIn("suppression file trunk.supp: cannot open it\n", running.log("stdio"))

    def test_wrongLine(self) -> None:
        """The log names the wrong lines of the file."""
        running = self.begun(b"nonsense\n")
        self.assertIn("suppression file trunk.supp: line 1 is ignored: it is not FILE", running.log("stdio"))

    def test_tooLong(self) -> None:
        """H7: a file of any length is not kept."""
        running = self.begin(Compile(suppressionFile="supp"))
        upload = running.command
        upload.args["writer"].remote_write(b"x" * LONGEST_FILE)
        upload.args["writer"].remote_write(b"x")
        self.assertIsNotNone(upload.interrupted)
        upload.end(1)
        self.assertIn(f"the slave sent more than {LONGEST_FILE} bytes", running.log("stdio"))

    def test_stopped(self) -> None:
        """A build that is stopped meanwhile does not start the command."""
        running = self.begin(Compile(suppressionFile="supp"))
        running.build.stopBuild("enough")
        running.command.args["writer"].remote_close()
        running.command.end(1)
        self.assertEqual((len(running.sent), running.result), (1, EXCEPTION))
