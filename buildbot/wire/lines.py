# -*- test-case-name: tests.test_lines -*-
"""
Which repetitions of a fact are worth a line in the log.

Each kind of trouble has lines of its own, so that one kind never uses up another's.  What is left out is
counted, and told with the next line or in a summary.  Who writes the lines is L{buildbot.wire.slaveport}.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

#: Seconds between two lines about the same subject and kind.
EVERY = 60.0
#: Lines of one kind in that time, about all subjects that nobody knows.
LINES = 30
#: Those of one origin among them.
LINES_EACH = 10
#: Subjects of one kind that are remembered at the most; the oldest are forgotten first.
REMEMBERED = 2_000


@dataclass
class _Kind:
    """One kind of trouble: subject -> [when its last line was due, repetitions since]."""

    subjects: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    start: float = float("-inf")
    said: int = 0
    left: int = 0
    origins: dict[str, int] = field(default_factory=dict)


class LogLimiter:
    """I say which repetitions are worth a line, and count the others."""

    def __init__(self, every: float = EVERY, lines: int = LINES) -> None:
        """
        @param every: seconds between two lines about the same subject.
        @param lines: lines of one kind in that time, about subjects that nobody knows.
        """
        self._every = every
        self._lines = lines
        self._kinds: dict[str, _Kind] = {}

    def allow(self, kind: str, subject: str, now: float, known: bool = False, origin: str = "") -> int | None:
        """
        May a line be written now?

        @param kind: of the trouble; there are few, and all are ours.
        @param subject: whom it is about.
        @param known: whether the subject is of the configuration: there are few of those, and each has a line
            of its own, however many others there are.
        @param origin: who has caused it, where one could make up any number of subjects.
        @return: None if not; else how many lines about it were left out since the last one.
        """
        entries = self._kinds.setdefault(f"{kind} known" if known else kind, _Kind())
        if now - entries.start >= self._every:
            entries.start, entries.said, entries.origins = now, 0, {}
        entry = entries.subjects.get(subject)
        if entry is None:
            entry = entries.subjects[subject] = [float("-inf"), 0]
            if len(entries.subjects) > REMEMBERED:
                _, (_, forgotten) = entries.subjects.popitem(last=False)
                entries.left += int(forgotten)
        spent = entries.said >= self._lines or (origin and entries.origins.get(origin, 0) >= LINES_EACH)
        if now - entry[0] < self._every or (spent and not known):
            entry[1] += 1
            return None
        entries.said += 1
        if origin:
            entries.origins[origin] = entries.origins.get(origin, 0) + 1
        left = int(entry[1])
        entry[:] = [now, 0]
        entries.subjects.move_to_end(subject)
        return left

    def summary(self) -> list[tuple[str, int, int]]:
        """
        What was left out and not told since: (kind, lines, subjects) for each kind.

        It counts as told from here on.
        """
        told = []
        for kind, entries in self._kinds.items():
            quiet = [entry for entry in entries.subjects.values() if entry[1]]
            lines = entries.left + sum(int(entry[1]) for entry in quiet)
            if lines:
                told.append((kind.removesuffix(" known"), lines, len(quiet)))
            entries.left = 0
            for entry in quiet:
                entry[1] = 0
        return told
