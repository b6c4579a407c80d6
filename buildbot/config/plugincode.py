# -*- test-case-name: tests.unit.test_util -*-
"""The exceptions that calls to code of plug-ins may raise."""

from __future__ import annotations

#: The exceptions to catch around code of plug-ins. SystemExit is one: sys.exit() in a plug-in must not end
#: the master.
PLUGIN_ERRORS = (Exception, SystemExit)
