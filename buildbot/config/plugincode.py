# -*- test-case-name: tests.unit.test_util -*-
"""Code of plug-ins, which is not ours: what it may raise where it is called."""

from __future__ import annotations

#: What code that is not ours may raise where it is called. A plug-in that calls sys.exit() ends its own
#: work, not the master's.
PLUGIN_ERRORS = (Exception, SystemExit)
