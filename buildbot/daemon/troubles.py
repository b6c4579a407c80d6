# -*- test-case-name: tests.unit.daemon.test_troubles -*-
"""What the master cannot do just now: one list that every part reports to and C{buildbot status} shows.

A trouble stays in the list until the part that reported it, or a check, says that all is well again. What
is done about a trouble is for each part to say; nothing here tries anything but the checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from twisted.logger import Logger
from zope.interface import Attribute, Interface

from buildbot.daemon.symptoms import Symptom as Symptom  # for those who report
from buildbot.text.plural import counted

_log = Logger()

#: No more troubles than this are listed one by one.
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
        """Me as a dict of what JSON knows."""
        words = self.symptom
        return {
            "subject": self.subject,
            "what": words.what,
            "why": words.why,
            "cure": words.cure,
            "since": self.since,
        }


#: Looks whether something is wrong now; None if all is well.
Check = Callable[[], "Symptom | None"]


class ITroubled(Interface):
    """A service that keeps a list of troubles, to which the process that runs it reports its own."""

    troubles = Attribute("a L{Troubles}")


class Troubles:
    """I am the list of the troubles of one master."""

    def __init__(self, now: Callable[[], float]) -> None:
        """@param now: tells the time, in seconds since the epoch."""
        self._now = now
        self._troubles: dict[str, Trouble] = {}
        self._checks: dict[str, Check] = {}
        self._endings: dict[str, Callable[[], bool]] = {}

    def report(self, subject: str, symptom: Symptom, isOver: Callable[[], bool] | None = None) -> None:
        """Something is wrong with C{subject}. Reported again, it is the same trouble with newer words.

        @param isOver: is asked when somebody reads the list; True ends the trouble. Without it only
            L{clear} does.
        """
        known = self._troubles.get(subject)
        if known is None:
            self._troubles[subject] = Trouble(subject, symptom, self._now())
            _log.error(
                "trouble with {subject}: {what}: {why}", subject=subject, what=symptom.what, why=symptom.why
            )
        elif known.symptom != symptom:
            self._troubles[subject] = replace(known, symptom=symptom)
        if isOver is None:
            self._endings.pop(subject, None)
        else:
            self._endings[subject] = isOver

    def clear(self, subject: str) -> None:
        """All is well with C{subject}. Harmless if nothing was wrong."""
        self._endings.pop(subject, None)
        if self._troubles.pop(subject, None) is not None:
            _log.info("no more trouble with {subject}", subject=subject)

    def watch(self, subject: str, check: Check) -> None:
        """Call C{check} whenever somebody reads the list: its symptom is a trouble of C{subject}."""
        self._checks[subject] = check

    def current(self) -> list[Trouble]:
        """All that is wrong now, the oldest first. Runs the checks; one that fails is a trouble itself."""
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
    """The current troubles as plain values; beyond L{MOST} they are only counted."""
    current = troubles.current()
    records = [each.toRecord() for each in current[:MOST]]
    if len(current) > MOST:
        more = Symptom(f"there is more: {counted(len(current) - MOST, 'trouble')}", "see twistd.log", "")
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
