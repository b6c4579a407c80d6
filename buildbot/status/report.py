# -*- test-case-name: tests.stories -*-
"""
The state of the master as plain values, for C{buildbot status} and for programs.

It reads and never changes anything.
"""

from __future__ import annotations

import os
from typing import Any

from buildbot import version


def reportMaster(master: Any) -> dict[str, Any]:
    """The master in short: see docs/reference/status for the keys."""
    config = master.config
    slaves = master.botmaster.slaves.values()
    return {
        "pid": os.getpid(),
        "since": master.since,
        "version": version,
        "basedir": master.basedir,
        "projectName": config.projectName,
        "generation": master.generation,
        "ports": master.describePorts(),
        "slaves": len(slaves),
        "connected": sum(1 for slave in slaves if slave.slave_status.isConnected()),
        "builders": len(config.builders),
        "refused": [
            {"name": name, "when": stranger.when, "address": stranger.address, "logins": stranger.logins}
            for name, stranger in master.botmaster.strangers.items()
        ],
    }


def reportSlave(slave: Any) -> dict[str, Any]:
    """One slave, from its perspective: see docs/reference/status for the keys."""
    status = slave.slave_status
    connected = status.isConnected()
    return {
        "name": status.getName(),
        "connected": connected,
        "state": slave.state.value,
        "since": status.since,
        "address": status.address,
        "generation": status.generation,
        "version": status.version,
        "admin": status.getAdmin(),
        "host": status.getHost(),
        "builders": [name for name, _ in slave.botmaster.config.builderList(slave.slavename)],
        "attachedTo": sorted(slave.builders),
        "pending": slave.isPending(),
        "note": status.note,
        "bytes": slave.traffic(),
        "events": [{"when": when, "text": text} for when, text in status.getEvents()],
    }
