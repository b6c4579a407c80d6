# -*- test-case-name: tests.unit.daemon.test_troubles -*-
"""Troubles of a master, as values that checks return.

L{buildbot.daemon.troubles} collects them. The command line can import this module quickly.
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
