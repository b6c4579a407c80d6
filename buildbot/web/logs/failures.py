# -*- test-case-name: tests.unit.web.logs.test_failures -*-
"""The lines of a log that tell of an error or a warning, of compilers, test runners and shells.

A line is judged by itself. Most lines have none of the words of L{_WORDS}, and are not looked at closely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache

from buildbot.config.linepatterns import LONGEST_LINE, trouble
from buildbot.web.logs.sequences import BODY

#: The characters of a line that are looked at.
_HEAD = 1000
#: Every line that matches one of the patterns below has one of these, in lower case.
_WORDS = (
    *("error", "warn", "fail", "exception", "panic", "traceback", "fatal", "not ok", "not found", "abort"),
    *("undefined ", "unresolved", "multiple definition", "cannot find", "can't locate", "no such file"),
    *("killed", "fault", "dumped", "out of memory", "oom-kill", "bad_alloc", "terminate called", "illegal"),
    *("***", "assertion", ".go:", ".rb:", " line ", "exit status", "exit code", "exited with", "bail out"),
    *("build stopped", "npm err", "unexpected success", "caused by", "\u2715", "\u2717", "\u2716", "\u25cf"),
)
#: The beginnings of lines of an error: (what reports so, patterns).
_ERRORS = (
    ("git, compilers", r"fatal: ", r"\d+ errors?(?: generated\.)?$"),
    (
        "make, ninja, cmake, ctest",
        r"[\w-]*make(?:\[\d+\])?: \*\*\* ",
        r"ninja: build stopped",
        r"FAILED: ",
        r"CMake Error\b",
        r"The following tests FAILED:",
    ),
    (
        "java, maven, gradle, junit",
        r"\[ERROR\]",
        r"FAILURE: ",
        r"> Task \S+ FAILED",
        r"Exception in thread ",
        r"Caused by: ",
        r"There (?:was|were) [1-9]\d* (?:failure|error)s?:",
    ),
    (
        "python, unittest, trial, pytest, and exceptions of all languages",
        r"\s*Traceback \(most recent call last\)",
        r"(?:E +|Uncaught )?(?:[\w$]+[.:]+)*[A-Z]\w*(?:Error|Exception|Failure)(?::|$)",
        r"\s*[A-Z]\w*Error \[\w+\]: ",
        r"(?:FAIL|ERROR|UNEXPECTED SUCCESS): ",
        r"\[FAIL\]",
        r"(?:FAILED|ERROR) \S+\.py\b",
        r"FAILED \(",
        r"=+ .*\b[1-9]\d* (?:failed|errors?)\b.*=+$",
    ),
    (
        "go, cargo",
        r"\s*--- FAIL: ",
        r"FAIL(?:\s|$)",
        r"panic: ",
        r"(?:vet: )?\S+\.go:\d+:\d+: ",
        r"test result: FAILED",
        r"thread '.*' (?:\(\d+\) )?panicked at\b",
    ),
    (
        "jest, mocha, npm",
        "\\s*[\u2715\u2717\u2716\u25cf] ",
        r"\s*[1-9]\d* failing\b",
        r"Tests?(?: Suites)?: +(?:.* )?[1-9]\d* failed\b",
        r"npm (?:ERR!|error)",
    ),
    (
        "TAP, perl",
        r"\s*not ok\b(?!.*# *(?i:TODO|SKIP))",
        r"Bail out!",
        r"Result: FAIL",
        r"\s*# +Failed test\b",
    ),
    ("ruby", r"\S+\.rb:\d+:in .*\([\w:]+\)$"),
    (
        "shells and the system",
        r"Aborted\b",
        r"(?:.*\d )?Killed(?: |$)",
        r"terminate called ",
        r"[^:]+: .*\bNo such file or directory$",
    ),
)
#: Pieces of lines of an error: a text that is in all of them, in lower case, and the pattern.
_ERRORS_INSIDE = (
    ("errors occurred", r"errors occurred!$"),
    ("***", r"\*\*\*(?:Failed|Timeout|Exception|Not Run)\b"),
    ("tests passed", r"\btests passed, [1-9]\d* tests? failed"),
    ("undefined reference", r"\bundefined reference to "),
    ("undefined symbol", r"(?i:undefined symbols?(?: for architecture|:))"),
    ("unresolved external", r"\bunresolved external symbol\b"),
    ("multiple definition", r"\bmultiple definition of "),
    ("cannot find -l", r"\bcannot find -l"),
    ("ld returned", r"\bld returned [1-9]\d* exit status"),
    ("build fail", r"\bBUILD (?:FAILURE|FAILED)\b"),
    ("tests run", r"\bTests run: .*(?:Failures|Errors): [1-9]"),
    ("<<<", r"<<< (?:FAILURE|ERROR)!"),
    ("...", r"\.\.\.\s+\[?(?:FAIL|FAILED|ERROR|unexpected success)\]?$"),
    ("::", r"::\S+ (?:FAILED|ERROR)\b"),
    ("not found", r": (?:command )?not found$"),
    ("segmentation fault", r"Segmentation fault\b"),
    ("bus error", r"Bus error\b"),
    ("illegal instruction", r"Illegal instruction\b"),
    ("core dumped", r"core dumped\b"),
    ("out of memory", r"(?i:out of memory\b)"),
    ("oom-kill", r"\boom-kill"),
    ("bad_alloc", r"bad_alloc\b"),
    ("assertion", r"\bAssertion .* failed\b"),
    ("assertion", r"\bassertions?, (?:[1-9]\d* failures|\d+ failures, [1-9]\d* errors)"),
    ("exit", r"\b(?:exited with (?:code|status)|exit (?:code|status):?) [1-9]"),
    ("can't locate", r"Can't locate \S+ in @INC"),
    (" line ", r"\S at \S+ line \d+\.$"),
    ("aborted", r"\bcompilation aborted\b|\baborted due to compilation errors"),
    ("tests", r"\bFailed [1-9]\d*/\d+ (?:sub)?tests"),
    ("example", r"\bexamples?, [1-9]\d* failures?"),
)
#: The beginnings of lines of a warning.
_WARNINGS = (
    r"\[WARN(?:ING)?\]",
    r"CMake (?:\w+ )?Warning\b",
    r"npm (?:WARN|warn)",
    r"Use of uninitialized value ",
)


def _joined(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns))


def _named(word: str) -> re.Pattern[str]:
    """The pattern of "error:" and its like, also with a code, as in "error C2065:"; for lower case."""
    nothing = r"(?!:|\s*(?:0|none|null|nil|false)\b)"
    return re.compile(rf"{word}(?<![\w-]{word})(?<!no {word})(?: ?[a-z]+\d+|\[\w+\])?\s*:{nothing}")


_ERROR = _joined(pattern for _, *patterns in _ERRORS for pattern in patterns)
_ERROR_INSIDE = [(text, re.compile(pattern)) for text, pattern in _ERRORS_INSIDE]
_NAMED_ERROR, _NAMED_WARNING = _named("error"), _named("warning")
_WARNING = _joined(_WARNINGS)
_WARNING_CLASS = re.compile(r"\b[A-Z]\w+Warning: ")


class Kind(Enum):
    """The kind of event that a line reports."""

    ERROR = "error"
    WARNING = "warning"


class Failures:
    """I find failing lines, by the known patterns and perhaps by those of a step."""

    def __init__(self, errors: Iterable[str | re.Pattern[str]] = (), onlyOwn: bool = False) -> None:
        """
        @param errors: regular expressions; a line in which one is found tells of an error
        @param onlyOwn: do not use the known patterns
        @raise re.error: an expression is wrong
        """
        self._own = [re.compile(each) for each in errors]
        self._onlyOwn = onlyOwn

    def kind(self, line: str) -> Kind | None:
        """The kind of event that a line reports; None for a usual line."""
        head = line[:_HEAD]
        if "\x1b" in head:
            head = BODY.sub("", head)
        head = head.rstrip()
        if self._own:
            first = head[:LONGEST_LINE]
            if any(each.search(first) for each in self._own):
                return Kind.ERROR
        return None if self._onlyOwn else _known(head)

    def find(self, text: str, first: int = 1) -> Iterator[tuple[int, Kind]]:
        """(number, kind) of the failing lines of a text of whole lines.

        @param first: the number of the first line
        """
        start = 0
        for begin, end in self._candidates(text):
            kind = self.kind(text[begin : min(end, begin + _HEAD)])
            if kind is not None:
                first += text.count("\n", start, begin)
                start = begin
                yield first, kind

    def _candidates(self, text: str) -> Iterator[tuple[int, int]]:
        """(begin, end) of the lines that may be failing ones, in order."""
        low = text.lower()
        if self._own or len(low) != len(text):
            yield from _allLines(text)
            return
        ends: set[int] = set()
        for word in _WORDS:
            at = low.find(word)
            while at >= 0:
                end = low.find("\n", at)
                ends.add(end if end >= 0 else len(low))
                at = low.find(word, end) if end >= 0 else -1
        for end in sorted(ends):
            yield low.rfind("\n", 0, end) + 1, end


#: The finder of failing lines with the built-in patterns only.
KNOWN = Failures()
#: Whether a line tells of an error or a warning, by the known patterns.
kindOf = KNOWN.kind


@lru_cache(maxsize=200)
def failuresOf(patterns: tuple[str, ...]) -> Failures:
    """The finder for a step with its own patterns. Invalid patterns are left out."""
    return Failures([each for each in patterns if not trouble(each)]) if patterns else KNOWN


def _known(head: str) -> Kind | None:
    """The kind of a line by the known patterns; of "error:" and "warning:", the first one counts."""
    low = head.lower()
    if not any(word in low for word in _WORDS):
        return None
    error = _NAMED_ERROR.search(low)
    if "warn" in low or low.startswith("use of "):
        warning = _NAMED_WARNING.search(low) or _WARNING_CLASS.search(head) or _WARNING.match(head)
        if warning and (error is None or warning.start() < error.start()):
            return Kind.WARNING
    if error or _ERROR.match(head):
        return Kind.ERROR
    isInside = any(text in low and pattern.search(head) for text, pattern in _ERROR_INSIDE)
    return Kind.ERROR if isInside else None


def _allLines(text: str) -> Iterator[tuple[int, int]]:
    """(begin, end) of every line."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin)
        end = end if end >= 0 else len(text)
        yield begin, end
        begin = end + 1
