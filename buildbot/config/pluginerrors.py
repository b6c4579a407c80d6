# -*- test-case-name: tests.unit.config.test_pluginerrors -*-
"""The exceptions that calls to code of plug-ins may raise, for modules that a child process needs.

L{buildbot.config.plugincode} has them as a constant. It imports C{asyncio}, which takes as long as the rest
of the child that loads a master.cfg.
"""

from __future__ import annotations

import sys


def pluginErrors() -> tuple[type[BaseException], ...]:
    """The exceptions to catch around code of plug-ins; to be called in an C{except}, when one is raised.

    C{asyncio.CancelledError} is among them if C{asyncio} was imported: without that, nobody can raise it.
    """
    asyncio = sys.modules.get("asyncio.exceptions")
    cancelled: type[BaseException] | None = getattr(asyncio, "CancelledError", None)
    usual = (Exception, SystemExit, KeyboardInterrupt)
    return usual if cancelled is None else (*usual, cancelled)
