# -*- test-case-name: tests.unit.logs.test_presence -*-
"""Check that the directory of logs is in its place.

L{buildbot.logs.live} reports logs that cannot be written. This module writes nothing.
"""

from __future__ import annotations

import os

from buildbot.daemon.symptoms import Symptom


class Presence:
    """I remember the directory of logs as I saw it first, and notice when another one is in its place.

    A directory that appears later (the first log makes it) is the first one.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._first: tuple[int, int] | None = None

    def look(self) -> Symptom | None:
        """The present trouble, or None."""
        if os.path.lexists(self._directory) and not os.path.isdir(self._directory):
            return Symptom(
                "the output of steps is lost: the logs cannot be written",
                f"{self._directory} is not a directory",
                "move it away: the master creates the directory again",
            )
        there = _identity(self._directory)
        if self._first is None:
            self._first = there
        if there == self._first:
            return None
        return Symptom(
            "the logs of earlier builds are missing, and those of the builds that ran at that moment",
            f"{self._directory} has been deleted or replaced while it is in use",
            "put the directory back; or restart the master, to go on without these logs",
        )


def _identity(directory: str) -> tuple[int, int] | None:
    """The device and inode of a directory; None if there is none."""
    try:
        found = os.stat(directory)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
