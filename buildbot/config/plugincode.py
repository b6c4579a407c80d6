# -*- test-case-name: tests.unit.test_util -*-
"""The exceptions that calls to code of plug-ins may raise."""

from __future__ import annotations

from asyncio import CancelledError

#: The exceptions to catch around code of plug-ins. The last three do not derive from Exception. sys.exit() in
#: a plug-in, for example, must not end the master. For Ctrl-C, the reactor raises no KeyboardInterrupt.
PLUGIN_ERRORS = (Exception, SystemExit, KeyboardInterrupt, CancelledError)
