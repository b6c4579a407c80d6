# -*- test-case-name: tests.daemons.test_objects -*-
"""Let a command read logs that are in object storage, and tell which ones wait for it."""

from __future__ import annotations

import os
from typing import Any

from buildbot.control import client
from buildbot.logs.names import LOGS, NOTE
from buildbot.scripts.tables import size
from buildbot.store.place import serverOf
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine

#: The most seconds for the answer of a master that may hang.
_PATIENCE = 2.0


def hasFarLogs(here: str) -> bool:
    """True if logs of a master may be in object storage."""
    return os.path.exists(os.path.join(here, LOGS, NOTE))


def whatWaits(here: str, before: str = "") -> str:
    """A line about the logs that the master of a directory has not sent to its object storage yet.

    @param before: what this function has returned before: the answer if the master does not answer.
    @return: "" if none waits.
    """
    if not hasFarLogs(here):
        return ""
    try:
        said: Any = client.request(here, "status", {}, _PATIENCE)
    except (client.NotRunning, client.ControlError, OSError):
        return before  # it stops, or hangs
    storage = said["master"].get("logStorage")
    if not storage or not storage["waiting"]:
        return ""
    when = "is the active one" if serverOf(here) else "runs"  # one that waits sends nothing
    return (
        f"{size(storage['waitingBytes'])} of logs of {counted(storage['waiting'], 'build')} were not in"
        f" {plainLine(storage['place'])} yet: they are sent when the master in {here} {when} again"
    )


def reachFarLogs(here: str) -> None:
    """Read the logs of a master also in its object storage, from now on."""
    if hasFarLogs(here):
        from buildbot.logstorage.noted import mountNoted  # seldom needed

        mountNoted(os.path.join(here, LOGS), lambda: False)
