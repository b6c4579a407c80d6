# -*- test-case-name: tests.unit.scripts.test_takenover,tests.integration.test_standby -*-
"""Ask the store of a directory instead of its master, once another master has taken over.

The commands that follow builds use this: what they wait for goes on there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from buildbot.scripts.output import complain


class Successor:
    """I answer questions that the master of a directory does not answer any more.

    @ivar patience: the seconds in which a master that waits takes the place of one that is dead; 0 if none
        waits.
    """

    def __init__(self, here: str) -> None:
        self._here = here
        self._told = False
        self.patience = 0.0

    def answer(self, verb: str, params: Mapping[str, Any], isQuiet: bool = False) -> dict[str, Any] | None:
        """The answer of the store; None if no other master is active, or if the store cannot be read.

        @param isQuiet: True to say nothing about the other master.
        @raise CommandFailed: the store refuses the question.
        """
        active = self._active()
        if active is None:
            return None
        from buildbot.scripts import stopped  # it is slow to import, and seldom needed

        found: Any = stopped.answer(self._here, verb, params)
        if not (self._told or isQuiet):
            complain(f"{active} has taken over: this is what it stores")
        self._told = True
        if verb == "build" and found["finished"] is None:  # it runs there
            return {**found, "note": "", "lasts": max(0.0, time.time() - found["started"])}
        return dict(found)

    def _active(self) -> str | None:
        """The name of the active master, if it is another one."""
        from buildbot.cluster.lease import Terms  # as above
        from buildbot.cluster.looking import mastersOf
        from buildbot.cluster.places import ACTIVE, STANDBY
        from buildbot.scripts.elsewhere import nameOf
        from buildbot.store.address import BadAddress
        from buildbot.store.interface import StoreFailed
        from buildbot.store.place import placeOf

        try:
            masters = mastersOf(placeOf(self._here))
        except (StoreFailed, BadAddress):
            return None
        active = next((each for each in masters if each.state == ACTIVE), None)
        waits = any(each.state == STANDBY for each in masters)
        self.patience = Terms(active.lease).patience if active is not None and waits else 0.0
        return None if active is None or active.name == nameOf(self._here) else active.name


@cache
def successorOf(here: str) -> Successor:
    """The one that this process asks about a directory."""
    return Successor(here)
