"""A test case whose set-up and clean-up are coroutines."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import TestCase


class AsyncCase(TestCase):
    """I am a test case whose set-up and clean-up may take time."""

    def setUp(self) -> Any:
        """Make trial wait for L{makeReady}."""
        return ensureDeferred(self.makeReady())

    def tearDown(self) -> Any:
        """Make trial wait for L{cleanUp}."""
        return ensureDeferred(self.cleanUp())

    async def makeReady(self) -> None:
        """Prepare the test."""

    async def cleanUp(self) -> None:
        """Clean up after the test, whatever its result."""
