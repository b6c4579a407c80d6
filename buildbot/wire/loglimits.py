# -*- test-case-name: tests.unit.wire.test_loglimits -*-
"""Which repetitions of a fact are worth a line in the log.

Each kind of trouble has lines of its own, so that one kind never uses up another's. What is left out is
counted, and told with the next line or in a summary. Who writes the lines is L{buildbot.wire.slaveport}.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

#: Seconds between two lines about the same subject and kind.
EVERY = 60.0
#: Lines of one kind in that time: about subjects that nobody knows, and about those of the configuration.
LINES = 30
LINES_KNOWN = 100
#: One origin causes no more than this part of them.
SHARE = 3
#: Lines in that time about the comings and goings of one subject.
COMINGS = 10
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

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def allow(self, kind: str, subject: str, now: float, known: bool = False, origin: str = "") -> int | None:
        """May a line be written now?

        @param kind: of the trouble; there are few, and all are ours.
        @param subject: whom it is about.
        @param known: whether the subject is of the configuration: those have lines of their own, however many
            others there are.
        @param origin: who has caused it, where one could make up any number of subjects.
        @return: None if not; else how many lines about it were left out since the last one.
        """
        entries = self._kinds.setdefault(f"{kind} known" if known else kind, _Kind())
        if now - entries.start >= EVERY:
            entries.start, entries.said, entries.origins = now, 0, {}
        entry = entries.subjects.get(subject)
        if entry is None:
            entry = entries.subjects[subject] = [float("-inf"), 0]
            if len(entries.subjects) > REMEMBERED:
                _, (_, forgotten) = entries.subjects.popitem(last=False)
                entries.left += int(forgotten)
        most = LINES_KNOWN if known else LINES
        spent = entries.said >= most or (origin and entries.origins.get(origin, 0) >= most // SHARE)
        if now - entry[0] < EVERY or spent:
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
        """What was left out and not told since: (kind, lines, subjects) for each kind.

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


class Comings:
    """I say whether one more coming or going of a subject is worth a line: a few a minute are."""

    def __init__(self) -> None:
        self._start = float("-inf")
        self._said: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def allow(self, subject: str, now: float) -> int | None:
        """May a line be written now?

        @return: None if not; else how many lines about it were left out since the last one.
        """
        if now - self._start >= EVERY:
            self._start = now
            self._said = {}  # most come once in a long time: nothing is kept of them
        said = self._said.get(subject, 0)
        if said >= COMINGS:
            self._left[subject] = self._left.get(subject, 0) + 1
            return None
        self._said[subject] = said + 1
        return self._left.pop(subject, 0)
