# -*- test-case-name: tests.unit.steps.test_compilerwarnings -*-
"""Count the warnings in a command's output, except those that a configuration or a file suppresses.

L{buildbot.steps.shell.WarningCountingShellCommand} runs the command. Patterns of the configuration are used
as they are. Those of a file come from the slave, so they must be simple: a bad one could keep the master busy
for years.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from buildbot.config.arguments import Kind
from buildbot.config.kinds import PATTERN, isWhole, sequenceOf
from buildbot.process.logobserver import KeptLines, LogLineObserver

#: The most bytes of a suppression file.
LONGEST_FILE = 64 * 1024
#: The most characters of a file's name or a warning that are compared with a pattern.
COMPARED = 500
#: The most seconds that one step compares warnings with suppressions.
MOST_SECONDS = 2.0
#: The most ways for a pattern of a slave to fit, as a power of 2; see L{isSimple}.
_MOST_WAYS = 27
_LINE = re.compile(r"\s*(\S.*?)\s*:\s*(\S.*?)\s*(?::\s*(\d{1,9})(?:-(\d{1,9}))?\s*)?")

#: What a function tells about a warning: its file, its line and its text. The first two may be None.
Extracted = tuple[Any, Any, str]
Extractor = Callable[[str, "re.Match[str]"], Extracted]


class Suppression(NamedTuple):
    """I suppress warnings whose file and text fit my patterns, in a range of lines. None fits everything."""

    file: re.Pattern[str] | None
    text: re.Pattern[str] | None
    first: int | None = None
    last: int | None = None

    def fits(self, file: str | None, line: int | None, text: str) -> bool:
        """True for a warning that I suppress."""
        if self.file is not None and file is not None and not self.file.match(file[:COMPARED]):
            return False
        if self.text is not None and not self.text.search(text[:COMPARED]):
            return False
        if self.first is None and self.last is None:
            return True
        first, last = self.first or 0, self.first if self.last is None else self.last
        return line is not None and last is not None and first <= line <= last


def suppressions(given: Iterable[Sequence[Any]]) -> list[Suppression]:
    """The suppressions of a configuration: (file, text, first line, last line), with patterns or None."""
    return [Suppression(_patternOf(file), _patternOf(text), first, last) for file, text, first, last in given]


def _patternOf(given: Any) -> re.Pattern[str] | None:
    return re.compile(given) if given else None


def readSuppressions(text: str) -> tuple[list[Suppression], list[str]]:
    """Read a suppression file of a slave, with lines such as C{parser\\.c : unused variable : 10-20}.

    @return: the suppressions, and a sentence for each wrong line.
    """
    found, wrong = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        said = _LINE.fullmatch(line[: 4 * COMPARED])
        try:
            if said is None:
                raise ValueError("it is not FILE : TEXT or FILE : TEXT : LINES")
            file, warning = _compiled(said[1]), _compiled(said[2])
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            wrong.append(f"line {number} is ignored: {error}")
            continue
        first = None if said[3] is None else int(said[3])
        found.append(Suppression(file, warning, first, first if said[4] is None else int(said[4])))
    return found, wrong


def _compiled(pattern: str) -> re.Pattern[str]:
    if not isSimple(pattern):
        raise ValueError(f"the pattern {pattern[:60]!r} is too complex")
    return re.compile(pattern)


def isSimple(pattern: str) -> bool:
    """True for a pattern that can be compared fast with any text.

    No group is repeated, nothing refers to a group, and there are few repetitions and alternatives.
    """
    rest = re.sub(r"\\[^0-9]|\[\^?\]?[^\]]*\]", "x", pattern)
    if len(pattern) > COMPARED or re.search(r"\\|\)[*+?{]|\(\?[^:]", rest):
        return False
    repeats = len(re.findall(r"[*+{]", rest))
    return 9 * (repeats + 1) + rest.count("?") + rest.count("|") <= _MOST_WAYS


class WarningCounter(LogLineObserver):
    """I count the lines of an output that are warnings, and keep the first ones.

    @ivar found: the warnings.
    @ivar gaveUp: True if too much time went into suppressions: the later warnings are all counted.
    """

    def __init__(
        self,
        warning: re.Pattern[str],
        found: KeptLines,
        extract: Extractor,
        suppressions: Sequence[Suppression] = (),
        enters: re.Pattern[str] | None = None,
        leaves: re.Pattern[str] | None = None,
    ) -> None:
        """@param extract: tells the file, the line and the text of a warning.
        @param enters: matches a line that tells the directory of the files in the following lines.
        @param leaves: matches a line that tells the end of that.
        """
        super().__init__()
        self._matches = warning.match
        self._extract = extract
        self._suppressions = suppressions
        self._enters, self._leaves = enters, leaves
        self._directories: list[str] = []
        self._spent = 0.0
        self.found = found
        self.gaveUp = False

    def outLineReceived(self, line: str) -> None:
        """See L{LogLineObserver}."""
        if self._suppressions:
            self._follow(line)
        match = self._matches(line)
        if match and not (self._suppressions and self._isSuppressed(line, match)):
            self.found.add(line)

    errLineReceived = outLineReceived

    def _follow(self, line: str) -> None:
        """Note the directory that make enters or leaves."""
        entered = self._enters.match(line) if self._enters is not None else None
        if entered:
            self._directories = [*self._directories[-100:], entered[1] if entered.re.groups else ""]
        elif self._leaves is not None and self._leaves.match(line):
            self._directories = self._directories[:-1]

    def _isSuppressed(self, line: str, match: re.Match[str]) -> bool:
        if self._spent > MOST_SECONDS:
            self.gaveUp = True
            return False
        file, number, text = self._extract(line, match)
        if file and self._directories and self._directories[-1]:
            file = f"{self._directories[-1]}/{file}"
        at = int(number) if str(number or "").isdigit() else None
        began = perf_counter()
        isFitting = any(each.fits(file, at, text) for each in self._suppressions)
        self._spent += perf_counter() - began
        return isFitting


def _isSuppression(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 4
        and all(part is None or PATTERN.fits(part) for part in value[:2])
        and all(part is None or isWhole(part) for part in value[2:])
    )


SUPPRESSIONS = Kind(
    "a list of (file, text, first line, last line), with patterns and numbers or None",
    lambda value: value is None or sequenceOf(_isSuppression)(value),
)
EXTRACTOR = Kind("a function of the step, a line and a match", callable)
