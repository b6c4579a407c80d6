# -*- test-case-name: tests.unit.scripts.test_elsewhere -*-
"""What to do in the directory of a master that does not run, and whose store other masters may use."""

from __future__ import annotations

import os
import socket

from buildbot.cluster.home import ID
from buildbot.cluster.looking import activeOf
from buildbot.daemon import directory
from buildbot.daemon.commandline import command
from buildbot.store.address import BadAddress
from buildbot.store.interface import StoreFailed
from buildbot.store.place import placeOf


def nameOf(here: str) -> str:
    """The name of the master of a directory among the masters of its store."""
    return f"{socket.gethostname()}:{os.path.realpath(here)}"


def activeElsewhere(here: str) -> str:
    """That no master runs in a directory, and which one to ask, or how to start one there."""
    said = f"no buildmaster is running in {here}"
    # A directory for pages alone never had a master. One must not be started there by mistake.
    isForPages = not os.path.exists(os.path.join(here, ID)) and _hasPages(here)
    active = otherActive(here)
    if active:
        ask = f"{said}: {active} is the active master of its store, ask there"
        return ask if isForPages else f"{ask}, or `{command('start', '--standby', here)}` lets this one wait"
    if isForPages:
        return f"{said}, which is for pages alone: start the master in its own directory"
    return f"{said}: `{command('start', here)}` starts it"


def _hasPages(here: str) -> bool:
    return os.path.isdir(os.path.join(here, directory.PAGES))


def otherActive(here: str) -> str:
    """The name of the active master, if it is another one; "" if there is none, or nobody knows."""
    try:
        found = activeOf(placeOf(here))
    except (StoreFailed, BadAddress):
        return ""
    return "" if found is None or found.name == nameOf(here) else found.name
