# -*- test-case-name: tests.unit.daemon.test_troubles -*-
"""Values for the troubles of a master, returned by checks.

Who collects and shows them is L{buildbot.daemon.troubles}; this module is light enough for the command line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Symptom:
    """I describe one trouble for an admin.

    @ivar what: the failing task ("the logs of builder full cannot be written").
    @ivar why: the reason ("No space left on device").
    @ivar cure: what an admin can do about it.
    """

    what: str
    why: str
    cure: str
