"""The tests of Perl modules, and the numbers of tests that a step shows."""

from __future__ import annotations

import operator
from typing import Any

from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.steps.shell import PerlModuleTest, Test
from tests.stepping import Running, StepCase

FILES = "Files=10, Tests=93, 5 wallclock secs\n"
REPORT = """\
foo
Test Summary Report
---
t/a.t (Wstat: 256 Tests: 5 Failed: 1)
  Failed test:  3
t/b.t (Wstat: 0 Tests: 5 Failed: 0)
"""
#: The output of the old harness.
OLD = "Failed 1/1 test scripts, 50.00% okay. 3/20 subtests failed, 85.00% okay.\n"


class PerlModuleTestTests(StepCase):
    """PerlModuleTest counts the tests in the output of all generations of Perl's harness."""

    def ran(self, output: str, rc: int = 0, **kw: Any) -> Running:
        running = self.begin(PerlModuleTest(**kw))
        running.command.end(rc, stdout=output.encode())
        return running

    def test_counts(self) -> None:
        """The numbers are in the words of the step; a failed test is a failure."""
        for output, rc, result, words in (
            (f"All tests successful.\n{FILES}Result: PASS\n", 0, SUCCESS, ["93 tests", "93 passed"]),
            (f"{REPORT}{FILES}", 1, FAILURE, ["93 tests", "92 passed", "1 failed", "failed"]),
            (f"{REPORT}{FILES}", 0, FAILURE, ["93 tests", "92 passed", "1 failed", "failed"]),
            (f"Test Summary Report\n{FILES}", 10, FAILURE, ["93 tests", "93 passed", "failed"]),
            (OLD, 2, FAILURE, ["20 tests", "17 passed", "3 failed", "failed"]),
            ("Failed 1/1 test programs, 3/20 subtests failed.\n", 1, FAILURE, ["20 tests", "17 passed"]),
            ("oops\n", 1, FAILURE, ["failed"]),
            ("", 0, SUCCESS, []),
        ):
            running = self.ran(output, rc)
            self.assertEqual(running.result, result, output)
            self.assertEqual(running.step.getText()[: 1 + len(words)], ["test", *words], output)

    def test_warnings(self) -> None:
        """Warnings are counted as by Test; the numbers are statistics of the step."""
        running = self.ran(f"a warning: b\n{FILES}")
        self.assertEqual(running.result, WARNINGS)
        self.assertEqual(running.step.getText(), ["test", "93 tests", "93 passed", "1 warnings", "warnings"])
        found = {"tests-total": 93, "tests-passed": 93, "tests-failed": 0, "tests-warnings": 1}
        self.assertEqual(running.step.getStatistics(), found)
        self.assertEqual(running.build.getProperty("warnings-count"), 1)

    def test_command(self) -> None:
        """The default command is prove, in the build's directory."""
        args = self.begin(PerlModuleTest()).command.args
        self.assertEqual((args["command"], args["workdir"]), (["prove", "--lib", "lib", "-r", "t"], "build"))
        self.assertEqual(self.begin(PerlModuleTest(command="x")).command.args["command"], "x")


class Counting(Test):
    """A site's step that counts the tests itself, as files of 0.8 have it."""

    def __init__(self, numbers: dict[str, int], **kwargs: Any) -> None:
        Test.__init__(self, **kwargs)
        self.numbers = numbers

    def evaluateCommand(self, cmd: Any) -> int:
        """Tell the numbers of the tests."""
        self.setTestResults(**self.numbers)
        return Test.evaluateCommand(self, cmd)


class TestResultsTests(StepCase):
    """Steps derived from Test tell how many tests there were."""

    def words(self, **numbers: int) -> list[str]:
        running = self.begin(Counting(numbers))
        running.command.end(0)
        words: list[str] = running.step.getText()
        return words

    def test_words(self) -> None:
        """0.8: the words have each number that is not 0; without a total it is computed."""
        self.assertEqual(
            self.words(total=9, failed=2, passed=7, warnings=3),
            ["test", "9 tests", "7 passed", "3 warnings", "2 failed"],
        )
        self.assertEqual(self.words(total=3), ["test", "3 tests"])
        self.assertEqual(self.words(failed=1), ["test", "1 tests", "1 failed"])
        self.assertEqual(self.words(), ["test"])

    def test_statistics(self) -> None:
        """0.8: the numbers of several calls add up; the status of the build sums up those of its steps."""
        running = self.begin(Counting({"failed": 2}))
        step: Any = running.build.currentStep
        step.setTestResults(failed=1, passed=4)
        running.command.end(0)
        step = running.step
        self.assertEqual((step.getStatistic("tests-failed"), step.getStatistic("tests-passed")), (3, 4))
        self.assertTrue(step.hasStatistic("tests-total"))
        self.assertEqual((step.hasStatistic("x"), step.getStatistic("x", 7)), (False, 7))
        summary = running.status.getSummaryStatistic
        self.assertEqual(summary("tests-failed", operator.add, 10), 13)
        self.assertEqual(summary("tests-failed", operator.add), 3)
        self.assertIsNone(summary("x", operator.add))
