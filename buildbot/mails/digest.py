# -*- test-case-name: tests.unit.mails.test_digest -*-
"""Collect the mails of a busy time, so that people get one digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime

from buildbot.events.alarm import Alarm
from buildbot.status.build import BuildStatus

#: The seconds for which mails are counted, and for which builds are collected.
PERIOD = 600.0
#: The most builds of one digest.
MOST = 200


class Digest:
    """I count the mails of the last ten minutes. If there are too many, I collect builds for ten minutes."""

    def __init__(
        self,
        most: int,
        clock: IReactorTime,
        send: Callable[[Sequence[BuildStatus]], object],
    ) -> None:
        """@param most: so many builds within ten minutes have a mail each.
        @param send: called with the builds that were collected.
        """
        self._most, self._clock, self._send = most, clock, send
        self._sent: list[float] = []
        self._builds: list[BuildStatus] = []
        self._alarm = Alarm(self.flush)
        self._isOver = False

    def takes(self, build: BuildStatus) -> bool:
        """True if a build that needs a mail waits for the digest; False if it has a mail of its own."""
        if self._isOver:
            return False
        now = self._clock.seconds()
        self._sent = [each for each in self._sent if each > now - PERIOD]
        if not self._builds and len(self._sent) < self._most:
            self._sent.append(now)
            return False
        self._builds.append(build)
        if len(self._builds) >= MOST:
            self.flush()
        elif not self._alarm.isSet:
            self._alarm.set(self._clock, PERIOD)
        return True

    def end(self) -> None:
        """Send what is collected now; what comes later has mails of its own."""
        self._isOver = True
        self.flush()

    def flush(self) -> None:
        """Send what is collected now."""
        self._alarm.stop()
        builds, self._builds = self._builds, []
        if builds:
            self._send(builds)
