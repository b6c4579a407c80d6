"""A test case that gets ready, and cleans up, in coroutines."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import TestCase


class AsyncCase(TestCase):
    """I am a test case for which getting ready and cleaning up may take time."""

    def setUp(self) -> Any:
        """Have trial wait for L{makeReady}."""
        return ensureDeferred(self.makeReady())

    def tearDown(self) -> Any:
        """Have trial wait for L{cleanUp}."""
        return ensureDeferred(self.cleanUp())

    async def makeReady(self) -> None:
        """Do what comes before the test."""

    async def cleanUp(self) -> None:
        """Do what comes after the test, whatever became of it."""
