# -*- test-case-name: tests.unit.daemon.test_troubles -*-
"""The list of the master's current troubles: all parts report to it, and C{buildbot status} shows it.

A trouble stays in the list until the reporting part or a check ends it. This module runs checks; it repairs
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from twisted.logger import Logger
from zope.interface import Attribute, Interface

from buildbot.daemon.symptoms import Symptom as Symptom  # re-exported for reporters
from buildbot.text.plural import counted

_log = Logger()

#: The most troubles in one report.
MOST = 50


@dataclass(frozen=True)
class Trouble:
    """I am a L{Symptom} that lasts.

    @ivar subject: names the part of the master: C{store}, C{logs/full}, C{twistd.log}.
    @ivar since: when it was first noticed, in seconds since the epoch.
    """

    subject: str
    symptom: Symptom
    since: float

    def toRecord(self) -> dict[str, Any]:
        """The trouble as a dict of JSON values."""
        words = self.symptom
        return {
            "subject": self.subject,
            "what": words.what,
            "why": words.why,
            "cure": words.cure,
            "since": self.since,
        }


#: A check: returns the present symptom, or None if all is well.
Check = Callable[[], "Symptom | None"]


class ITroubled(Interface):
    """A service that keeps a list of troubles. The process that runs it adds its own."""

    troubles = Attribute("a L{Troubles}")


class Troubles:
    """I am the list of the troubles of one master.

    @ivar began: called with each new trouble.
    @ivar ended: called with the subject of each trouble that has ended.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """@param now: returns the time, in seconds since the epoch."""
        self._now = now
        self._troubles: dict[str, Trouble] = {}
        self.began: Callable[[Trouble], object] = lambda trouble: None
        self.ended: Callable[[str], object] = lambda subject: None
        self._checks: dict[str, Check] = {}
        self._endings: dict[str, Callable[[], bool]] = {}

    def report(self, subject: str, symptom: Symptom, isOver: Callable[[], bool] | None = None) -> None:
        """Add the trouble of C{subject}, or replace its text if it is in the list.

        @param isOver: called when the list is read; True ends the trouble. Without it, only L{clear} ends the
            trouble.
        """
        known = self._troubles.get(subject)
        if known is None:
            trouble = self._troubles[subject] = Trouble(subject, symptom, self._now())
            _log.error(
                "trouble with {subject}: {what}: {why}", subject=subject, what=symptom.what, why=symptom.why
            )
            self.began(trouble)
        elif known.symptom != symptom:
            self._troubles[subject] = replace(known, symptom=symptom)
        if isOver is None:
            self._endings.pop(subject, None)
        else:
            self._endings[subject] = isOver

    def clear(self, subject: str) -> None:
        """End the trouble of C{subject}, if there is one."""
        self._endings.pop(subject, None)
        if self._troubles.pop(subject, None) is not None:
            _log.info("no more trouble with {subject}", subject=subject)
            self.ended(subject)

    def watch(self, subject: str, check: Check) -> None:
        """Call C{check} whenever the list is read: its result is the trouble of C{subject}."""
        self._checks[subject] = check

    def current(self) -> list[Trouble]:
        """Run the checks and return the troubles, oldest first. A check that raises is a trouble."""
        for subject, isOver in list(self._endings.items()):
            if _holds(isOver):
                self.clear(subject)
        for subject, check in self._checks.items():
            found = _looked(check)
            if found is None:
                self.clear(subject)
            else:
                self.report(subject, found)
        return sorted(self._troubles.values(), key=lambda each: each.since)


def reportTroubles(troubles: Troubles) -> list[dict[str, Any]]:
    """The current troubles as plain values. Troubles beyond L{MOST} are only counted."""
    current = troubles.current()
    records = [each.toRecord() for each in current[:MOST]]
    if len(current) > MOST:
        more = Symptom(counted(len(current) - MOST, "more trouble"), "see twistd.log", "")
        records.append(Trouble("more", more, current[MOST].since).toRecord())
    return records


def _holds(isOver: Callable[[], bool]) -> bool:
    try:
        return isOver()
    except OSError:
        return False


def _looked(check: Check) -> Symptom | None:
    try:
        return check()
    except OSError as error:
        return Symptom("a file of the master cannot be looked at", str(error), "check its directory")
