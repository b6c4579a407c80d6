# -*- test-case-name: tests.unit.process.test_builds,tests.unit.process.test_locks -*-
"""The locks of one build and of its steps.

L{buildbot.process.locktable} assigns the locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from buildbot.process.locktable import Party, circle, claimAll, waitingClaim, whyWaiting
from buildbot.process.waits import Waits
from buildbot.status.build import BuildStatus

log = Logger()


class BuildLocks:
    """I claim locks for one build and for its steps.

    @ivar isWaiting: True while the build or a step waits for locks.
    """

    __slots__ = ("_party", "_waits", "isWaiting")

    def __init__(self, waits: Waits) -> None:
        self._waits = waits
        self._party = Party()
        self.isWaiting = False

    def setTitle(self, title: str) -> None:
        """Set the name of the build for people."""
        self._party.title = title

    async def claim(self, locks: Sequence[Any], owner: object, status: BuildStatus) -> None:
        """Wait until all of these locks are available at once, and take them.

        @param status: the L{buildbot.status.build.BuildStatus}, which shows the wait.
        """
        if not locks:
            return
        turn: Deferred[None] = Deferred()
        if claimAll(locks, owner, partial(_fire, turn), self._party):
            return
        self.isWaiting = True
        status.waitsFor = partial(_why, locks, owner)
        self._warnOfCircle(locks, owner)
        try:
            await self._waits.result(turn)
        finally:
            self.isWaiting = False
            status.waitsFor = None

    def _warnOfCircle(self, locks: Sequence[Any], owner: object) -> None:
        claim = waitingClaim(locks, owner)
        if claim is not None and circle(claim):
            log.warn("build {name} waits for {why}", name=self._party.title, why=whyWaiting(claim))


def _why(locks: Sequence[Any], owner: object) -> str:
    claim = waitingClaim(locks, owner)
    return "" if claim is None else f"waiting for {whyWaiting(claim)}"


def _fire(turn: Deferred[None]) -> None:
    if not turn.called:
        turn.callback(None)
