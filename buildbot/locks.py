"""The locks of a configuration, under the module name of 0.7.5."""

from __future__ import annotations

from buildbot.process.locks import MasterLock, RealMasterLock, RealSlaveLock, SlaveLock
from buildbot.process.locktable import BaseLock

#: The name of 0.9.
WorkerLock = SlaveLock

__all__ = ["BaseLock", "MasterLock", "RealMasterLock", "RealSlaveLock", "SlaveLock", "WorkerLock"]
