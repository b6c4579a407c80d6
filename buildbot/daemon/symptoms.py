# -*- test-case-name: tests.unit.daemon.test_troubles -*-
"""What can be wrong with a master, in words: values that checks return.

Who collects and shows them is L{buildbot.daemon.troubles}; this module is light enough for the command line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Symptom:
    """I am what is wrong, in the words of an admin.

    @ivar what: what the master cannot do ("the logs of builder full cannot be written").
    @ivar why: the reason ("No space left on device").
    @ivar cure: what an admin can do about it.
    """

    what: str
    why: str
    cure: str
