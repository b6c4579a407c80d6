# -*- test-case-name: tests.unit.web.logs.test_sections -*-
"""The sections of a log, found by the markers that programs print for Buildkite, GitHub and GitLab.

A marker counts at the beginning of its line only; colours in front of it do not matter. The headers and the
changes of a diff are no markers, nor are the results of C{go test}. Lines are counted by the caller.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from buildbot.web.logs.ansi import plain
from buildbot.web.logs.sequences import BODY

#: The most sections of a log; later markers are ignored.
MOST_SECTIONS = 10_000
#: The most levels of sections inside each other.
DEEPEST = 20
#: The longest title, in characters.
LONGEST_TITLE = 200
#: The most characters of a line in which a marker is looked for.
_HEAD = 1000

_FIRST = ("-", "+", "~", "^", ":", "#", "s", "\x1b")
#: Every line with a marker has one of these.
_MARKS = ("group::", "group]", "section_", "--- ", "+++ ", "~~~ ", "^^^ ")
_GITHUB = re.compile(r"(?:::|##\[)(end)?group(?:::|\])(.*)", re.S)
_BUILDKITE = re.compile(r"(---|\+\+\+|~~~) +(\S.*)", re.S)
_GITLAB = re.compile(r"\r*section_(start|end):(\d{1,12}):([\w.-]{1,200})(\[[^\]\r]*\])?(?:\r|$)")
#: Lines like those of Buildkite: results of go test, ranges of a context diff, lines between two texts.
_ALIKE = re.compile(r"--- (?:(?:FAIL|PASS|SKIP|BENCH): .* \(\d+\.\d+s\)|.* ?---)\s*$")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


class Dialect(Enum):
    """The program whose markers these are."""

    BUILDKITE = "Buildkite"
    GITHUB = "GitHub"
    GITLAB = "GitLab"


@dataclass(frozen=True)
class Section:
    """I am a part of a log, from the line of my marker on."""

    title: str
    first: int
    #: The last line, or None while the section goes on.
    last: int | None
    isOpen: bool
    dialect: Dialect
    #: How many sections this one is inside.
    depth: int = 0
    #: True for a section of little interest, to be shown pale.
    isPale: bool = False
    #: How long it took, in seconds, if its markers tell.
    seconds: int | None = None
    #: The name of the section in the program's output, if it has one.
    name: str = ""

    @property
    def key(self) -> str:
        """The key of the end marker: the same marker ends all sections with this key."""
        return keyOf(self.dialect, self.name)


@dataclass
class _Begun:
    """A section that goes on: its place in the list, and for GitLab its name and time."""

    place: int
    dialect: Dialect
    name: str = ""
    when: int = 0


class Sections:
    """I find the sections of one log, line by line."""

    def __init__(self) -> None:
        self._found: list[Section] = []
        self._begun: list[_Begun] = []
        self._held: list[tuple[int, str]] = []  # lines that the next one shows to be markers, or a diff's
        self._old = self._new = 0  # how many lines of a diff's hunk are to come
        self._before = ""

    def feedAll(self, number: int, lines: Sequence[str]) -> None:
        """Take some lines, without their newlines: quicker than one by one, if they have no markers.

        @param number: of the first line.
        """
        isCalm = not self._held and not self._old and not self._new
        start = 0
        if isCalm and lines and not _mayMark(lines):
            start = len(lines) - 1  # the last line may be the beginning of a diff
        for place in range(start, len(lines)):
            self.feed(number + place, lines[place])

    def feed(self, number: int, line: str) -> None:
        """Take the next line, without its newline."""
        if not line.startswith(_FIRST) and not self._held and not self._old and not self._new:
            self._before = line[:4]
            return
        head = line[:_HEAD]
        if "\x1b" in head:
            head = BODY.sub("", head)
        self._line(number, head)
        self._before = head[:4]

    def sections(self, failing: Sequence[int] = (), end: int | None = None) -> list[Section]:
        """The sections in the order of their first lines; the last and the failing ones are open.

        @param failing: the numbers of failing lines, in order
        @param end: the last line, if the log is complete
        """
        found = self._after()
        last = found[-1].first if found else 0
        return [
            replace(
                each,
                isOpen=each.isOpen or _holds(each, [last]) or _holds(each, failing),
                last=end if each.last is None else each.last,
            )
            for each in found
        ]

    def _after(self) -> list[Section]:
        """The sections found, as if the log ended here: a held line is a marker then."""
        if not self._held:
            return self._found
        rest = Sections()
        rest._found, rest._begun = list(self._found), list(self._begun)
        for number, line in self._held:
            rest._marker(number, line)
        return rest._found

    def _line(self, number: int, line: str) -> None:
        if self._isInHunk(line):
            return
        if self._held and (hunk := _HUNK.match(line)):
            self._held = []
            self._old, self._new = (int(count or 1) for count in hunk.groups())
            return
        if self._held and not (len(self._held) == 1 and line.startswith("+++ ")):
            self._release()
        if line.startswith(("--- ", "+++ ")):
            if self._before != "*** " and not _ALIKE.match(line):
                self._held.append((number, line))
            return
        self._release()
        self._marker(number, line)

    def _isInHunk(self, line: str) -> bool:
        """True if a line belongs to the hunk of a diff."""
        if not self._old and not self._new:
            return False
        sign = line[:1] or " "
        if sign not in " +-\\":
            self._old = self._new = 0
            return False
        self._old -= min(self._old, sign in " -")
        self._new -= min(self._new, sign in " +")
        return True

    def _release(self) -> None:
        held, self._held = self._held, []
        for number, line in held:
            self._marker(number, line)

    def _marker(self, number: int, line: str) -> None:
        """Obey a line, if it is a marker."""
        if line.startswith("^^^ +++"):
            self._open()
        elif match := _BUILDKITE.match(line):
            self._end(Dialect.BUILDKITE, number - 1)
            mark = match[1]
            self._begin(number, match[2], Dialect.BUILDKITE, isOpen=mark == "+++", isPale=mark == "~~~")
        elif match := _GITHUB.match(line):
            self._end(Dialect.GITHUB, number if match[1] else number - 1)
            if not match[1]:
                self._begin(number, match[2], Dialect.GITHUB)
        else:
            self._ofGitLab(number, line)

    def _ofGitLab(self, number: int, line: str) -> None:
        """Obey all markers of GitLab at the beginning of a line."""
        at = 0
        while match := _GITLAB.match(line, at):
            at = match.end()
            what, when, name, options = match.groups()
            if what == "end":
                self._end(Dialect.GITLAB, number, name, int(when))
                continue
            isOpen = "collapsed=true" not in (options or "").replace(" ", "")
            title = "" if _GITLAB.match(line, at) else line[at:]
            self._begin(number, title or name, Dialect.GITLAB, isOpen, begun=(name, int(when)))

    def _begin(
        self,
        number: int,
        title: str,
        dialect: Dialect,
        isOpen: bool = False,
        isPale: bool = False,
        begun: tuple[str, int] = ("", 0),
    ) -> None:
        if len(self._found) >= MOST_SECTIONS or len(self._begun) >= DEEPEST:
            return
        title = plain(title).strip()[:LONGEST_TITLE]
        depth = len(self._begun)
        self._begun.append(_Begun(len(self._found), dialect, *begun))
        self._found.append(Section(title, number, None, isOpen, dialect, depth, isPale, None, begun[0]))

    def _end(self, dialect: Dialect, last: int, name: str = "", when: int = 0) -> None:
        """End the innermost section of a dialect (and name), and those inside it."""
        places = [
            place for place, each in enumerate(self._begun) if (each.dialect, each.name) == (dialect, name)
        ]
        if not places:
            return
        outer = self._begun[places[-1]]
        seconds = max(0, when - outer.when) if dialect is Dialect.GITLAB else None
        for each in self._begun[places[-1] :]:
            section = self._found[each.place]
            own = seconds if each is outer else None
            self._found[each.place] = replace(section, last=max(last, section.first), seconds=own)
        del self._begun[places[-1] :]

    def _open(self) -> None:
        """Open the innermost section that goes on."""
        if self._begun:
            place = self._begun[-1].place
            self._found[place] = replace(self._found[place], isOpen=True)


def keyOf(dialect: Dialect, name: str = "") -> str:
    """The key of sections: see L{Section.key}."""
    return f"{dialect.value} {name}".rstrip()


class Marks(Sections):
    """I find the markers in some new lines of a log, for a page that shows the lines before them.

    @ivar marks: JSON-able: a beginning has C{line}, C{title}, C{of} (a L{Section.key}), C{open} and C{pale};
        an end has C{last}, its last line, and C{of}; C{show} opens the innermost section.
    """

    def __init__(self) -> None:
        Sections.__init__(self)
        self.marks: list[dict[str, Any]] = []

    def finish(self) -> None:
        """Read the last lines as markers if they look like markers."""
        self._release()

    def _begin(
        self,
        number: int,
        title: str,
        dialect: Dialect,
        isOpen: bool = False,
        isPale: bool = False,
        begun: tuple[str, int] = ("", 0),
    ) -> None:
        shown = plain(title).strip()[:LONGEST_TITLE] or "Section"
        self.marks.append(
            {"line": number, "title": shown, "of": keyOf(dialect, begun[0]), "open": isOpen, "pale": isPale}
        )

    def _end(self, dialect: Dialect, last: int, name: str = "", when: int = 0) -> None:
        self.marks.append({"last": last, "of": keyOf(dialect, name)})

    def _open(self) -> None:
        self.marks.append({"show": True})


def _mayMark(lines: Sequence[str]) -> bool:
    """True if a marker may be in some lines."""
    text = "\n".join(lines)
    return any(mark in text for mark in _MARKS)


def _holds(section: Section, lines: Sequence[int]) -> bool:
    """True if one of some lines, in order, is in a section."""
    place = bisect_left(lines, section.first)
    return place < len(lines) and (section.last is None or lines[place] <= section.last)
