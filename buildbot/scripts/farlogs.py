# -*- test-case-name: tests.integration.test_objects -*-
"""Let a command read logs that are in object storage."""

from __future__ import annotations

import os

from buildbot.logs.directory import LOGS
from buildbot.logs.names import NOTE


def hasFarLogs(here: str) -> bool:
    """True if logs of a master may be in object storage."""
    return os.path.exists(os.path.join(here, LOGS, NOTE))


def reachFarLogs(here: str) -> None:
    """Read the logs of a master also in its object storage, from now on."""
    if hasFarLogs(here):
        from buildbot.logstorage.noted import mountNoted  # seldom needed

        mountNoted(os.path.join(here, LOGS), lambda: False)
