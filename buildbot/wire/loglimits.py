# -*- test-case-name: tests.unit.wire.test_loglimits -*-
"""Limit repeated log lines.

Each kind of line has its own limit, so one kind cannot use up another's. Omitted lines are counted; the next
line or a summary gives their number. L{buildbot.wire.slaveport} writes the lines.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

#: Seconds between two lines of the same kind and subject.
EVERY = 60.0
#: The most lines of one kind in that time, about unknown subjects and about subjects of the configuration.
LINES = 30
LINES_KNOWN = 100
#: One origin causes at most one in so many of these lines.
SHARE = 3
#: The most lines in that time about the connections and disconnections of one subject.
CONNECTION_LINES = 10
#: The most remembered subjects of one kind. The oldest are forgotten first.
REMEMBERED = 2_000


@dataclass
class _Kind:
    """One kind of line.

    @ivar subjects: subject -> [time of its last line, lines omitted since].
    @ivar start: the start of the current minute.
    @ivar said: lines written in it.
    @ivar left: omitted lines about subjects that are forgotten.
    @ivar origins: origin -> lines that it caused in the current minute.
    """

    subjects: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    start: float = float("-inf")
    said: int = 0
    left: int = 0
    origins: dict[str, int] = field(default_factory=dict)


class LogLimiter:
    """I decide which repeated lines are written, and count the others."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def allow(self, kind: str, subject: str, now: float, known: bool = False, origin: str = "") -> int | None:
        """Decide whether to write a line now.

        @param kind: the kind of line; one of a few fixed names.
        @param subject: the name or address that the line is about.
        @param known: True if the configuration has the subject. Lines about known subjects have a separate
            limit.
        @param origin: the peer that caused the line, if a peer could invent any number of subjects.
        @return: None to omit the line; otherwise the number of lines about the subject omitted since the last
            one.
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
        """Return the omitted lines as (kind, lines, subjects) for each kind, and reset these numbers."""
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


class ConnectionLineLimiter:
    """I limit the log lines about connections and disconnections: a few per subject and minute."""

    def __init__(self) -> None:
        self._start = float("-inf")
        self._said: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def allow(self, subject: str, now: float) -> int | None:
        """Decide whether to write a line now.

        @return: None to omit the line; otherwise the number of lines about the subject omitted since the last
            one.
        """
        if now - self._start >= EVERY:
            self._start = now
            self._said = {}  # most subjects have few lines, so their counts are dropped
        said = self._said.get(subject, 0)
        if said >= CONNECTION_LINES:
            self._left[subject] = self._left.get(subject, 0) + 1
            return None
        self._said[subject] = said + 1
        return self._left.pop(subject, 0)
