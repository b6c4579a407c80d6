"""What is caught around code of plug-ins."""

from __future__ import annotations

import asyncio
import sys

from twisted.trial import unittest

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.config.pluginerrors import pluginErrors


class PluginErrorsTests(unittest.SynchronousTestCase):
    """The exceptions."""

    def test_same(self) -> None:
        """Both ways have the same exceptions, also that of a cancelled coroutine."""
        self.assertEqual(pluginErrors(), PLUGIN_ERRORS)
        self.assertIn(asyncio.CancelledError, pluginErrors())

    def test_withoutAsyncio(self) -> None:
        """In a process that has not imported asyncio, or just begins to, the others are caught."""
        modules = dict(sys.modules)
        self.patch(sys, "modules", modules)
        for module in (sys, None):
            modules["asyncio.exceptions"] = module  # type: ignore[assignment]
            self.assertEqual(pluginErrors(), (Exception, SystemExit, KeyboardInterrupt))
        del modules["asyncio.exceptions"]
        self.assertEqual(pluginErrors(), (Exception, SystemExit, KeyboardInterrupt))
