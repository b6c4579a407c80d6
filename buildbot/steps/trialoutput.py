# -*- test-case-name: tests.unit.steps.test_python -*-
"""Parse the output of trial: numbers of tests, problems, and warnings of the code under test.

The parser works line by line and knows the formats since Twisted 2.1. It does not run trial.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from zope.interface import implementer

from buildbot.interfaces import ITestResult
from buildbot.model.results import FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.text.plural import counted

#: The most characters of warnings, and the most lines and characters of one problem.
WARNINGS_LIMIT = 1024 * 1024
PROBLEM_LINES = 1000
_LINE = 100  # characters added for the overhead of each warning
LONGEST_PROBLEM = 64 * 1024

_TEST = re.compile(r"(?:Doctest: )?[\w.]+(?: \([\w.]+\))? \.\.\. *\[[^\]]+\]$")
_COUNTS = ("failures", "errors", "skips", "expectedFailures", "unexpectedSuccesses")
_OTHERS = {"skips": "skip", "expectedFailures": "todo", "unexpectedSuccesses": "surprise"}
_BETWEEN, _BELOW = "=" * 60, "-" * 60
#: Up to Twisted 2.5 a problem began with "FAILURE: test_it (package.module.TestCase)" …
_OLD = re.compile(r"([A-Z ]+): (\w+) \(([\w.]+)\)")
#: … since then it begins with "[FAIL]" and ends with the names of all tests that have it.
_NEW = re.compile(r"\[([A-Z!?]+)\]")
_NAME = re.compile(r"\w+(?:\.\w+)+")
_MEANING = {
    "SKIPPED": SKIPPED,
    "EXPECTED FAILURE": SUCCESS,
    "TODO": SUCCESS,
    "FAILURE": FAILURE,
    "FAIL": FAILURE,
    "ERROR": FAILURE,
}


@implementer(ITestResult)
@dataclass(frozen=True)
class TestResult:
    """I am the result of a test that did not simply pass.

    @ivar name: the parts of its full name.
    @ivar results: FAILURE, SKIPPED, SUCCESS for an expected failure, or WARNINGS for anything else.
    @ivar text: trial's word for the result, in lower case; C{logs}: the texts of trial's report, by name.
    """

    name: tuple[str, ...]
    results: int
    text: Sequence[str]
    logs: Mapping[str, str]

    def getName(self) -> tuple[str, ...]:
        """See L{ITestResult}."""
        return self.name

    def getResults(self) -> int:
        """See L{ITestResult}."""
        return self.results

    def getText(self) -> list[str]:
        """See L{ITestResult}."""
        return list(self.text)

    def getLogs(self) -> dict[str, str]:
        """See L{ITestResult}."""
        return dict(self.logs)


def isTest(line: str) -> bool:
    """True for a line about the end of one test."""
    return _TEST.match(line.strip()) is not None


def isSeparator(line: str) -> bool:
    """True for the separator after the tests' output and between problems."""
    return line.startswith((_BETWEEN, _BELOW))


def countFailedTests(output: str) -> dict[str, int | None]:
    """The numbers in trial's summary.

    @param output: the end of its output.
    @return: C{total}, which is None without a summary, and C{failures}, C{errors}, C{skips},
        C{expectedFailures} and C{unexpectedSuccesses}.
    """
    counts: dict[str, int | None] = {"total": None, **dict.fromkeys(_COUNTS, 0)}
    for line in output.split("\n"):
        ran = re.match(r"Ran (\d{1,18}) tests?\b", line)
        if ran:
            counts["total"] = int(ran[1])
        if re.match(r"(OK|FAILED|PASSED)\b", line):
            said = re.findall(r"(\w+)=(\d{1,18})\b", line)
            counts.update({name: int(number) for name, number in said if name in _COUNTS})
    return counts


def verdict(rc: int | None, counts: dict[str, int | None]) -> tuple[int, list[str], str]:
    """Judge trial's run.

    @param rc: its exit status; C{counts}: see L{countFailedTests}.
    @return: the results, words for the step, and words for the build.
    """
    total, failures, errors = counts["total"], counts["failures"] or 0, counts["errors"] or 0
    if total is None:
        # Without a summary, it is unknown whether any test ran.
        return FAILURE, ["testlog", "unparseable"] if rc == 0 else ["tests", "failed"], "tests"
    others = [counted(counts[key] or 0, word) for key, word in _OTHERS.items() if counts[key]]
    if rc == 0:
        return SUCCESS, [counted(total, "test"), "passed", *others] if total else ["no tests", "run"], ""
    words = [counted(count, word) for count, word in ((failures, "failure"), (errors, "error")) if count]
    return FAILURE, ["tests", *(words or ["failed"]), *others], counted(failures + errors, "test")


def warningsIn(lines: Iterator[str | None]) -> Generator[None, None, tuple[list[str], str | None]]:
    """The warnings of the code under test. Yields None after each line, so that the caller can pause.

    @param lines: read up to the first separator; a None is skipped.
    @return: the warnings without duplicates, each with its line of source; and the separator, or None if
        the lines ended before it.
    """
    found: set[str] = set()
    length = 0
    for line in lines:
        yield
        if line is None:
            continue
        if isSeparator(line):
            return sorted(found), line
        if "Warning: " in line and length < WARNINGS_LIMIT:
            shown = line
            if re.search(r" (Deprecation|User)Warning: ", line):
                after = next((each for each in lines if each is not None), "")
                if isSeparator(after):
                    return sorted({*found, line}), after
                shown = f"{line}\n{after}"
            if shown not in found:
                found.add(shown)
                length += len(shown) + _LINE
    return sorted(found), None


def problemsIn(lines: Iterable[str | None]) -> Iterator[TestResult | None]:
    """Yield the problems in trial's report, and None after each line.

    @param lines: the lines after the first separator. All are read; a None is skipped.
    """
    block: list[str] = []
    over = False
    for line in lines:
        yield None
        if over or line is None:
            continue
        if line.startswith(_BELOW):
            over = not (len(block) == 1 and _OLD.match(block[0]))
        if over or line.startswith(_BETWEEN):
            yield from _read(block)
            block = []
        else:
            block.append(line)
            if len(block) > PROBLEM_LINES:
                del block[PROBLEM_LINES // 2]
    yield from _read(block)


def _read(block: list[str]) -> Iterator[TestResult]:
    """The problems of one block. Several tests may share one report."""
    text = "".join(f"{line}\n" for line in block)[:LONGEST_PROBLEM]
    old, new = (pattern.match(block[0]) if block else None for pattern in (_OLD, _NEW))
    if old:
        yield _problem(old[1], f"{old[3]}.{old[2]}", text)
    elif new:
        while block and _NAME.fullmatch(block[-1]):
            yield _problem(new[1], block.pop(), text)


def _problem(word: str, name: str, text: str) -> TestResult:
    words = word.lower().split()
    return TestResult(tuple(name.split(".")), _MEANING.get(word, WARNINGS), words, {"log": text})
